"""`graspgen import-grasps`: other people's grasps, labelled by our physics."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from graspgen.pipeline.import_grasps import ImportedGrasps


class Axis(StrEnum):
    """An axis of a gripper's frame."""

    x = "x"
    y = "y"


def import_grasps(
    name: Annotated[str, typer.Argument(metavar="FORMAT", help="acronym, graspgen_json, isaac_grasp or graspnet.")],
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The file of grasps of one object.")],
    mesh: Annotated[Path, typer.Option(metavar="MESH", help="The object's mesh, before the file's scale.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The grasp database to write, HDF5.")],
    gripper: Annotated[
        str, typer.Option(help="A shipped gripper, a YAML, an MJCF (.xml), or menagerie:NAME.")
    ] = "panda_hand",
    scale: Annotated[float | None, typer.Option(help="Factor on the mesh; the file's, or 1, if not given.")] = None,
    mass: Annotated[float | None, typer.Option(help="kg; the file's, or by our density, if not given.")] = None,
    friction: Annotated[float | None, typer.Option(help="Sliding; the file's, or ours, if not given.")] = None,
    profile: Annotated[str, typer.Option(help="Physics profile of the trials.")] = "standard",
    draws: Annotated[int, typer.Option(min=0, max=1000, help="Repeated trials of each grasp that holds.")] = 0,
    min_friction: Annotated[bool, typer.Option(help="Search the smallest friction at which each grasp holds.")] = False,
    closing: Annotated[Axis | None, typer.Option(help="isaac_grasp: the axis along which the gripper closes.")] = None,
    annotation: Annotated[
        Path | None, typer.Option(metavar="XML", help="graspnet: the object's pose, for rows in a camera's frame.")
    ] = None,
    object_id: Annotated[int | None, typer.Option(help="graspnet: the number of the object.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most grasps, evenly spread over the file.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of the repeated trials.")] = 0,
    threads: Annotated[int, typer.Option(min=0, max=1024, help="Native threads; 0 takes all cores.")] = 0,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write both labels of every grasp here.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the database that is there.")] = False,
) -> None:
    """Label other people's grasps by our physics, and tell how far both labels agree."""
    from graspgen.cli.show import available_cores
    from graspgen.dataset.layout import write_text
    from graspgen.pipeline.import_grasps import import_grasps as run

    made = run(
        name, path, mesh, out, gripper=gripper, scale=scale, mass=mass, friction=friction, profile=profile, draws=draws,
        min_friction=min_friction, closing=closing.value if closing else None, annotation=annotation,
        object_id=object_id, limit=limit, seed=seed, threads=threads or available_cores(), overwrite=overwrite,
    )  # fmt: skip
    print_imported(made, out)
    if json is not None:
        write_text(json, made.to_json())


def print_imported(made: ImportedGrasps, out: Path) -> None:
    """Print what the file says against what our trials say."""
    for note in made.notes:
        typer.echo(f"note: {note}")
    words = {True: "the file says it holds", False: "the file says it fails", None: "the file says nothing"}
    for said, outcomes in sorted(made.counts().items(), key=lambda entry: str(entry[0]), reverse=True):
        listed = ", ".join(f"{o.name.lower().replace('_', ' ')} {n}" for o, n in outcomes.most_common())
        typer.echo(f"{words[said]}: {sum(outcomes.values())}; here: {listed}")
    if made.said is not None:
        typer.echo(f"agree whether they hold: {100 * made.agree:.1f} % of {len(made.outcome)} grasps")
    typer.echo(f"{out}: {len(made.outcome)} labelled grasps; `graspgen check {out}`")
