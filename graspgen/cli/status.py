"""`graspgen status`: what a run is doing, from another terminal."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer


def status(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A dataset's folder.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Say it again until the run ends.")] = False,
    every: Annotated[float, typer.Option(min=0.1, help="With --follow: seconds between two times.")] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one line each time.")] = False,
) -> None:
    """Tell how far a run is, how fast it goes, and what its workers are at; also of one that was killed."""
    from graspgen.pipeline.status import status as look

    while True:
        found = look(path)
        if as_json:
            typer.echo(json.dumps(found.as_dict(), ensure_ascii=False))
        else:
            for line in found.lines():
                typer.echo(line)
        if not follow or not found.running:
            return
        time.sleep(every)
        if not as_json:
            typer.echo("")
