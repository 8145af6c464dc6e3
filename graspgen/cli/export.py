"""`graspgen export`: a dataset in an outside format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def _formats(wanted: bool) -> None:
    if not wanted:
        return
    from graspgen.exports.registry import MODULES, find_format

    for name in sorted(MODULES):
        chosen = find_format(name)
        typer.echo(f"{name}: {chosen.summary}")
        for key, field in chosen.options.model_fields.items():
            typer.echo(f"    {key}={field.default}  {field.description or ''}".rstrip())
    raise typer.Exit


def export(
    name: Annotated[str, typer.Argument(metavar="FORMAT", help="The format; --formats lists them.")],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A dataset's folder.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="An option of the format.")
    ] = None,
    formats: Annotated[
        bool, typer.Option("--formats", callback=_formats, is_eager=True, help="List the formats and their options.")
    ] = False,
) -> None:
    """Write a dataset in an outside format into a new folder."""
    from graspgen.cli.damage import reading
    from graspgen.dataset.reader import open as open_dataset
    from graspgen.exports.registry import export as run

    with reading(path), open_dataset(path) as dataset:
        run(dataset, name, out, settings or [])
    typer.echo(f"{out}: {name}")
