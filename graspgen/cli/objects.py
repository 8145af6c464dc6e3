"""`graspgen objects`: libraries of imported meshes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graspgen.cli import library

if TYPE_CHECKING:
    from graspgen.objects.mesh_import import Imported, Refused

app = typer.Typer(no_args_is_help=True, help="Import meshes; check, list, split and change libraries of them.")


@app.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Meshes (OBJ, STL, PLY, GLB, …) or folders.")],
    to: Annotated[Path, typer.Option("--to", help="Folder of the library; made where it is missing.")],
    scale: Annotated[float, typer.Option(help="Factor to metres: 0.001 for millimetres.")] = 1.0,
    target_size: Annotated[
        float | None, typer.Option(help="Largest extent that the object shall have, m; instead of --scale.")
    ] = None,
    mass: Annotated[float | None, typer.Option(help="kg.")] = None,
    density: Annotated[float | None, typer.Option(help="kg/m³, instead of --mass; 600 if not given.")] = None,
    friction: Annotated[float | None, typer.Option(help="Sliding friction; 0.6 if not given.")] = None,
    class_name: Annotated[
        str | None, typer.Option(help="What they all are; each object's own name if not given.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name in the library, for a single file.")] = None,
    licence: Annotated[str, typer.Option(help="Licence of the meshes, stored with them.")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace objects of the same name.")] = False,
) -> None:
    """Check, repair, decompose and weigh meshes, and put them into a library."""
    from graspgen.objects.mesh_import import import_meshes

    report = import_meshes(
        paths,
        to,
        scale=scale,
        target_size=target_size,
        mass=mass,
        density=density,
        friction=friction,
        class_name=class_name,
        name=name,
        licence=licence,
        overwrite=overwrite,
        progress=_tell,
    )
    if report.refused:
        typer.echo(f"{len(report.accepted)} imported, {len(report.refused)} refused", err=True)
        raise typer.Exit(2)
    typer.echo(f"{len(report.accepted)} imported into {to}; use them with --set objects.library={to}")


def _tell(result: Imported | Refused) -> None:
    from graspgen.objects.mesh_import import Refused

    if isinstance(result, Refused):
        typer.echo(f"error: {result.reason}", err=True)
        return
    size = " x ".join(f"{1000 * side:.0f}" for side in result.extents)
    parts = f"{result.parts} convex part{'s' if result.parts > 1 else ''}"
    typer.echo(f"{result.name}: {size} mm, {1000 * result.mass:.0f} g, {parts}")
    for note in result.notes:
        typer.echo(f"  {note}")


library.register(app)
