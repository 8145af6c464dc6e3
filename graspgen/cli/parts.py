"""`graspgen merge`, `graspgen split`, `graspgen verify`: whole datasets, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graspgen.cli.damage import reading

_Dataset = Annotated[Path, typer.Argument(metavar="PATH", help="A dataset's folder.")]


def merge(
    sources: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Folders of datasets of one recipe.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the merged dataset, new or empty.")],
) -> None:
    """Put parts of a run together (of `generate --part K/N`, of `split`), or runs of several seeds side by side."""
    from graspgen.dataset.merge import merge as run

    made = run(sources, out)
    state = "complete" if made.complete else "not complete; `graspgen generate` goes on with it"
    typer.echo(f"{out}: {len(made.hashes)} scenes in {len(made.shards)} shards, {state}")
    for part in made.lineage.get("runs", ()):
        typer.echo(f"seed {part['seed']}: {part['scenes']} scenes, their numbers from {part['first']} on")
    typer.echo(f"content hash: {made.content_hash}")


def split(
    path: _Dataset,
    into: Annotated[
        list[str], typer.Option("--into", "-i", metavar="NAME=SHARE", help="A part: --into train=0.8 --into test=0.2")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder that the parts' folders are made in.")],
    seed: Annotated[int, typer.Option(min=0, help="Of the choice of scenes.")] = 0,
) -> None:
    """Take a dataset apart, scene by scene, at random."""
    from graspgen.dataset.merge import split as run

    shares: dict[str | Path, float] = {}
    for text in into:
        name, _, share = text.partition("=")
        try:
            shares[out / name] = float(share)
        except ValueError:
            raise typer.BadParameter(f"--into {text} is not NAME=SHARE, such as train=0.8") from None
        if not name or "/" in name or name.startswith("."):
            raise typer.BadParameter(f"--into {text}: '{name}' is no name for a folder")
    with reading(path):
        made = run(path, shares, seed=seed)
    for folder, manifest in made.items():
        typer.echo(f"{folder}: {len(manifest.hashes)} scenes, content hash {manifest.content_hash}")


def verify(
    path: _Dataset,
    content: Annotated[
        bool, typer.Option("--content", help="Also compute every scene's content hash again, from its values.")
    ] = False,
) -> None:
    """Compare every byte of a dataset with its manifest; what labels mean is for `graspgen check`."""
    from graspgen.dataset.verify import verify as run

    found = run(path, content=content)
    for line in (*found.problems, *(f"notice: {notice}" for notice in found.notices)):
        typer.echo(line)
    size = f"{found.scenes} scenes in {found.shards} shards, {found.bytes / 1e6:.1f} MB"
    state = (
        f"{len(found.problems)} problem{'s' * (len(found.problems) > 1)}"
        if found.problems
        else "every byte is as it was written"
    )
    typer.echo(f"{path}: {size}: {state}", err=bool(found.problems))
    typer.echo(f"content hash: {found.content}")
    if found.problems:
        raise typer.Exit(1)
