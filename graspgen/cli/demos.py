"""`graspgen demos`: a scripted expert plays episodes of the environment, and they are stored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demos(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the dataset.")],
    recipe: Annotated[
        str, typer.Option("--recipe", "-r", metavar="RECIPE", help="Of the scenes: a shipped one, or a YAML file.")
    ] = "single",
    episodes: Annotated[
        int, typer.Option("--episodes", "-n", min=1, max=2**31 - 1, help="How many; each has a scene of its own.")
    ] = 10,
    task: Annotated[str, typer.Option("--task", "-t", help="graspgen/Pick-v0 or graspgen/PickTarget-v0.")] = (
        "graspgen/Pick-v0"
    ),
    action_mode: Annotated[
        str, typer.Option("--action-mode", "-a", help="delta4, delta5, delta6, delta7, absolute or velocity.")
    ] = "delta7",
    gripper: Annotated[str | None, typer.Option("--gripper", "-g", help="The recipe's if not given.")] = None,
    cameras: Annotated[
        list[str] | None,
        typer.Option(
            "--camera",
            "-c",
            metavar="NAME",
            help="Sees every step: front, side, top, wide, wrist; or recipe. None: no images.",
        ),
    ] = None,
    size: Annotated[int, typer.Option("--size", min=16, max=4096, help="Height and width of images, px.")] = 84,
    max_steps: Annotated[
        int | None,
        typer.Option("--max-steps", min=1, max=10_000, help="Longest episode; 100, of multi-finger hands 160."),
    ] = None,
    successes: Annotated[
        bool, typer.Option("--successes", help="Store only episodes that succeed; else all, labelled by success.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="The same seed gives the same episodes.")] = 0,
    workers: Annotated[
        int | None, typer.Option("--workers", "-w", min=1, max=1024, help="Processes; all cores if not given.")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the recipe.")
    ] = None,
    video: Annotated[
        Path | None, typer.Option("--video", metavar="FILE", help="Film some episodes side by side: .mp4, .gif, .jpg.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Delete the dataset that is there first.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the dataset that is there.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress, only errors.")] = False,
) -> None:
    """Let a scripted expert grasp, and record it: a dataset of scenes, labels and episodes."""
    if overwrite and resume:
        raise typer.BadParameter("--overwrite and --resume exclude each other")
    from graspgen.demos.recipe import demo_recipe
    from graspgen.pipeline.film import check_target

    if video is not None:
        if not cameras:
            raise typer.BadParameter("--video needs a --camera")
        check_target(video)
    chosen = demo_recipe(
        recipe, overrides or (), task=task, action_mode=action_mode, gripper=gripper, cameras=tuple(cameras or ()),
        size=size, max_steps=max_steps, successes=successes,
    )  # fmt: skip
    from graspgen.cli.show import available_cores, print_summary
    from graspgen.pipeline.run import generate

    cores = workers or available_cores()
    made = generate(chosen, out, episodes, seed, cores, overwrite=overwrite, resume=resume, quiet=quiet, preview=False)
    if not quiet:
        print_summary(made, out)
    if made.interrupted:
        typer.echo(f"stopped: {out} holds what is complete; go on with --resume", err=True)
        raise typer.Exit(130)
    from graspgen.dataset.reader import open as open_dataset

    with open_dataset(out) as dataset:
        done, played = int(dataset.episodes["success"].sum()), len(dataset.episodes)
    typer.echo(f"{out}: {played} episodes, {done} of them succeed")
    if video is not None:
        from graspgen.demos.film import film_demos

        typer.echo(f"{video}: {film_demos(out, video)} episodes")
