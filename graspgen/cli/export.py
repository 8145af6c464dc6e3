"""`graspgen export`: a dataset in an outside format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

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


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show progress on stderr, where that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        yield told


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

    with reading(path), open_dataset(path) as dataset, _bar() as progress:
        run(dataset, name, out, settings or [], progress)
    typer.echo(f"{out}: {name}")
