"""`graspgen grasps`: the object-level grasp database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graspgen.errors import RecipeError

if TYPE_CHECKING:
    from rich.table import Table

    from graspgen.pipeline.grasp_database import DatabaseSummary
    from graspgen.recipe import Objects

INTERRUPTED = 130


def grasps(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The HDF5 file to write.")],
    library: Annotated[
        Path | None,
        typer.Argument(metavar="[LIBRARY]", help="A library's folder, a dataset, or a dataset's objects/ folder."),
    ] = None,
    families: Annotated[
        str | None,
        typer.Option(metavar="NAME,…", help="Procedural objects of these families, instead of a library."),
    ] = None,
    objects: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many procedural objects.")] = 10,
    gripper: Annotated[
        str, typer.Option(help="A shipped gripper, a YAML, an MJCF (.xml), or menagerie:NAME.")
    ] = "panda_hand",
    count: Annotated[int, typer.Option("--grasps", "-n", min=1, max=100_000, help="Candidates an object.")] = 2000,
    profile: Annotated[str, typer.Option(help="Physics profile of the trials.")] = "standard",
    draws: Annotated[int, typer.Option(min=0, max=1000, help="Repeated trials of each grasp that holds.")] = 8,
    hard_negatives: Annotated[
        int, typer.Option(min=0, max=100, help="Perturbed copies of each grasp that holds, tried too.")
    ] = 0,
    min_friction: Annotated[bool, typer.Option(help="Search the smallest friction at which each grasp holds.")] = True,
    force: Annotated[float | None, typer.Option(min=1e-3, help="Grip force, N; the gripper's limit if none.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="The same seed gives the same grasps.")] = 0,
    workers: Annotated[
        int | None, typer.Option("--workers", "-w", min=1, max=1024, help="Processes; all cores if not given.")
    ] = None,
    gallery: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Draw a dozen grasps of each outcome into this picture.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the database that is there.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Keep the objects that are done.")] = False,
    cache: Annotated[bool, typer.Option(help="Take objects from the cache, and put them there.")] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress, only errors.")] = False,
) -> None:
    """Label many grasps of every object of a library, in one file."""
    if overwrite and resume:
        raise typer.BadParameter("--overwrite and --resume exclude each other")
    if (library is None) == (families is None):
        raise typer.BadParameter("give either a LIBRARY or --families")
    from graspgen.cli.show import available_cores, console
    from graspgen.pipeline.grasp_database import make_database
    from graspgen.recipe import Grasps

    spec = Grasps(
        per_object=count, profile=profile, draws=draws, hard_negatives=hard_negatives, min_friction=min_friction,
        force=force,
    )  # fmt: skip
    if gallery is not None:
        from graspgen.render.gl import make_current

        make_current()  # what is wrong with OpenGL is said before the work, not after it
    made = make_database(
        _objects(library, families, objects), out, gripper=gripper, grasps=spec, seed=seed,
        workers=workers or available_cores(), overwrite=overwrite, resume=resume, cache=cache, quiet=quiet,
    )  # fmt: skip
    if made.interrupted:
        typer.echo(f"stopped: what is complete is kept in {out}.parts; go on with --resume", err=True)
        raise typer.Exit(INTERRUPTED)
    if not quiet:
        console().print(_table(made, str(out)))
        for line in _notes(made):
            typer.echo(line)
    if gallery is not None:
        from graspgen.pipeline.gallery import write_gallery

        write_gallery(out, gallery)
        if not quiet:
            typer.echo(f"picture: {gallery}")


def _objects(library: Path | None, families: str | None, count: int) -> Objects:
    from graspgen.dataset.layout import MANIFEST, OBJECTS
    from graspgen.distributions import parse
    from graspgen.recipe import Objects

    if library is not None:
        inside = library / OBJECTS
        return Objects(library=str(inside if (library / MANIFEST).is_file() and inside.is_dir() else library))
    names = [name.strip() for name in (families or "").split(",") if name.strip()]
    if not names:
        raise RecipeError("--families names no family; give some, such as box,mug")
    return Objects(families=parse({"choice": names}), pool=count)


def _table(made: DatabaseSummary, title: str) -> Table:
    from rich.table import Table

    from graspgen.pipeline.progress import add_outcomes, add_times

    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(justify="right")
    table.add_row("objects", str(made.objects), "")
    table.add_row("grasps", str(made.grasps), f"{made.grasps / max(made.objects, 1):.0f} an object")
    add_outcomes(table, made.outcomes)
    table.add_row("trials", str(made.trials), "")
    add_times(table, made.seconds, made.wall)
    return table


def _notes(made: DatabaseSummary) -> list[str]:
    notes = []
    new = made.objects - made.kept - made.cached
    if made.kept:
        notes.append(f"{made.kept} of {made.objects} objects were there before")
    if made.cached:
        notes.append(f"{made.cached} of {made.objects} objects came from the cache, {new} were simulated")
    if made.empty:
        shown = ", ".join(made.empty[:5]) + (", …" if len(made.empty) > 5 else "")
        notes.append(f"{len(made.empty)} objects offer no grasp within the gripper's stroke: {shown}")
    return notes
