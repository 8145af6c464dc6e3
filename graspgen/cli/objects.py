"""`graspgen objects`: libraries of imported meshes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graspgen.cli import families, library

if TYPE_CHECKING:
    from graspgen.objects.mesh_import import Imported, Refused

app = typer.Typer(no_args_is_help=True, help="Import meshes; check, list, split and change libraries of them.")


@app.command("import")
def import_(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH…", help="Meshes (OBJ, STL, PLY, GLB, …), URDFs, MJCFs or folders.")
    ],
    to: Annotated[Path, typer.Option("--to", help="Folder of the library; made where it is missing.")],
    scale: Annotated[float, typer.Option(help="Factor to metres: 0.001 for millimetres.")] = 1.0,
    units: Annotated[str | None, typer.Option(help="The files' unit: m, cm, mm or in; instead of --scale.")] = None,
    unit_guess: Annotated[
        bool, typer.Option("--unit-guess/--no-unit-guess", help="Guess the unit of a mesh too large for metres.")
    ] = True,
    target_size: Annotated[
        float | None, typer.Option(help="Largest extent that the object shall have, m; instead of --scale.")
    ] = None,
    up: Annotated[str, typer.Option(help="The files' axis that points up; y is turned onto z.")] = "z",
    mass: Annotated[float | None, typer.Option(help="kg; the file's own if not given.")] = None,
    density: Annotated[float | None, typer.Option(help="kg/m³, instead of --mass; 600 if nothing is given.")] = None,
    friction: Annotated[float | None, typer.Option(help="Sliding friction; the file's own, or 0.6.")] = None,
    class_name: Annotated[
        str | None, typer.Option(help="What they all are; each object's own name if not given.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name in the library, for a single file.")] = None,
    licence: Annotated[str, typer.Option(help="Licence of the meshes, stored with them.")] = "",
    faces: Annotated[int, typer.Option(help="Most faces of the drawn mesh.")] = 20_000,
    threshold: Annotated[float, typer.Option(help="CoACD's concavity threshold; smaller cuts finer.")] = 0.05,
    method: Annotated[
        str, typer.Option(metavar="auto|coacd|walls", help="How to cut; walls keeps thin, bent walls thin.")
    ] = "auto",
    max_parts: Annotated[int, typer.Option(help="Most convex parts of an object.")] = 128,
    time_limit: Annotated[float, typer.Option(help="Longest run of CoACD on one mesh, s; longer is refused.")] = 300.0,
    given_parts: Annotated[
        bool, typer.Option("--given-parts/--no-given-parts", help="Use a URDF's or MJCF's collision parts if good.")
    ] = True,
    limit: Annotated[int | None, typer.Option(help="Import the first N objects only.")] = None,
    workers: Annotated[int, typer.Option(help="Processes; 0 takes one for each core.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace objects of the same name.")] = False,
) -> None:
    """Check, repair, decompose and weigh meshes, and put them into a library.

    What is refused in a folder is listed, and does not fail the rest; a file that is named must be accepted.
    """
    from graspgen.objects.decompose import Decomposition
    from graspgen.objects.library_index import update_index
    from graspgen.objects.mesh_import import import_meshes
    from graspgen.pipeline.executors import stop_on_sigterm

    with stop_on_sigterm():
        report = import_meshes(
            paths,
            to,
            scale=scale,
            units=units,
            unit_guess=unit_guess,
            target_size=target_size,
            up=up,
            mass=mass,
            density=density,
            friction=friction,
            class_name=class_name,
            name=name,
            licence=licence,
            faces=faces,
            decomposition=Decomposition(threshold=threshold, max_parts=max_parts, method=method),
            time_limit=time_limit,
            given_parts=given_parts,
            limit=limit,
            workers=workers or len(os.sched_getaffinity(0)),
            overwrite=overwrite,
            progress=_tell,
        )
    accepted, refused = len(report.accepted), len(report.refused)
    if accepted:
        update_index(to)
    if refused:
        typer.echo(f"{accepted} imported, {refused} refused ({accepted / (accepted + refused):.1%} accepted)", err=True)
    named = {path for path in paths if not path.is_dir()}
    if not accepted or any(bad.path in named for bad in report.refused):
        raise typer.Exit(2)
    typer.echo(f"{accepted} imported into {to}; use them with --set objects.library={to}")


def _tell(result: Imported | Refused) -> None:
    from graspgen.objects.mesh_import import Refused

    if isinstance(result, Refused):
        typer.echo(f"error: {result.reason}", err=True)
        return
    size = " x ".join(f"{1000 * side:.0f}" for side in result.extents)
    parts = f"{result.parts} convex part{'s' if result.parts > 1 else ''}"
    quality = f"volume {100 * result.excess:+.1f} %, off by {1000 * result.quality.hausdorff:.1f} mm at most"
    typer.echo(f"{result.name}: {size} mm, {1000 * result.mass:.0f} g, {parts} ({quality})")
    for note in result.notes:
        typer.echo(f"  {note}", err=note.startswith("warning"))


library.register(app)
app.command()(families.families)
