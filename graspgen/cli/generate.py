"""`graspgen generate`: turn a recipe into a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graspgen.cli.damage import reading

INTERRUPTED = 130


def generate(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A shipped recipe (`graspgen recipes`), or a YAML file.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the dataset.")],
    scenes: Annotated[int, typer.Option("--scenes", "-n", min=1, max=2**31 - 1, help="How many scenes.")] = 10,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="The same seed gives the same dataset.")] = 0,
    workers: Annotated[
        int | None,
        typer.Option("--workers", "-w", min=1, max=1024, help="Processes; all cores if not given."),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Override a value; VALUE is YAML: --set 'scene.objects.count={uniform: [1, 4]}'.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Delete the dataset that is there first.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on also with a complete dataset, to make more scenes.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress, only errors.")] = False,
    executor: Annotated[
        str,
        typer.Option(
            help="Who works: local (processes, replaced when they crash), inline (this one) or ray (a cluster)."
        ),
    ] = "local",
    retries: Annotated[
        int, typer.Option(min=0, max=1000, help="How often a scene that a worker died of is tried again.")
    ] = 2,
    time_limit: Annotated[
        float, typer.Option(min=1, help="A worker that is at one scene for longer is killed and replaced, s.")
    ] = 900.0,
    recycle: Annotated[int, typer.Option(min=1, help="Scenes after which a worker is replaced by a fresh one.")] = 1000,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="The Ray cluster of --executor ray; the one of this machine if not given."
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Where the shards go, s3://bucket/data say; the folder of --out if not given."
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(metavar="K/N", help="Make the K-th of N parts of the run; `graspgen merge` puts them together."),
    ] = None,
    focus: Annotated[
        Path | None,
        typer.Option(
            help="Draw more from where this CSV of scores (scene, view or grasp; score) is high, or, of a dataset, "
            "where its labels are uncertain."
        ),
    ] = None,
    source: Annotated[Path | None, typer.Option(help="The dataset that the CSV of --focus is about.")] = None,
    keep: Annotated[
        float, typer.Option(min=0.05, max=1, help="With --focus: share of the scenes that is drawn as without it.")
    ] = 0.3,
) -> None:
    """Turn a recipe into a dataset. The same command again finishes what was stopped, whatever stopped it."""
    if overwrite and resume:
        raise typer.BadParameter("--overwrite and --resume exclude each other")
    which = _part(part)
    from graspgen.recipe_file import load_recipe

    loaded = load_recipe(recipe, overrides or ())
    if source is not None and focus is None:
        raise typer.BadParameter("--source is the dataset that --focus is about; give both")
    if focus is not None:
        from graspgen.pipeline.focus import focused_on

        if source is None and focus.is_file():
            raise typer.BadParameter(f"--focus {focus} needs the dataset that it is about: give --source DATASET")
        with reading(source or focus):
            loaded = focused_on(loaded, focus, source, keep=keep)
    from graspgen.cli.show import available_cores, print_summary
    from graspgen.pipeline.run import generate as run
    from graspgen.pipeline.work import Policy

    made = run(
        loaded,
        out,
        scenes,
        seed,
        workers or (0 if executor == "ray" else available_cores()),
        overwrite=overwrite,
        resume=resume,
        quiet=quiet,
        executor=executor,
        policy=Policy(retries, time_limit, recycle),
        part=which,
        address=address,
        store=store,
    )
    if not quiet:
        print_summary(made, out)
    if made.interrupted:
        typer.echo(f"stopped: {out} holds what is complete; the same command, or --resume, goes on", err=True)
        raise typer.Exit(INTERRUPTED)


def _part(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        number, count = (int(word) for word in text.split("/"))
    except ValueError:
        number, count = 0, 0
    if not 1 <= number <= count:
        raise typer.BadParameter(f"--part {text} is not K/N with 1 <= K <= N, such as 2/8")
    return number, count
