"""`graspgen objects …`: check, list, show and change libraries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graspgen.errors import ObjectError, nearest

if TYPE_CHECKING:
    from graspgen.objects.library_index import Index

Library = Annotated[Path, typer.Argument(metavar="LIBRARY", help="A library's folder.")]
To = Annotated[Path, typer.Option("--to", metavar="LIBRARY", help="Folder of the library; made where it is missing.")]
REFUSED = 1


def check(
    library: Library,
    gripper: Annotated[
        str, typer.Option(help="A shipped gripper, a YAML, an MJCF (.xml), or menagerie:NAME.")
    ] = "panda_hand",
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write verdicts and evidence into this file, too.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", "-w", min=1, max=1024, help="Processes; all cores if not given.")
    ] = None,
    render: Annotated[bool, typer.Option(help="Test that each object can be seen.")] = True,
    only_new: Annotated[bool, typer.Option("--only-new", help="Leave alone what has a verdict already.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Tell nothing but what was refused.")] = False,
) -> None:
    """Test every object of a library; accept it, or refuse it with reasons."""
    from graspgen.cli.show import available_cores
    from graspgen.dataset.layout import write_text
    from graspgen.pipeline.library_check import check_library

    report = check_library(
        library, gripper=gripper, workers=workers or available_cores(), render=render, only_new=only_new, quiet=quiet
    )
    for one in report.refused:
        for reason in one.verdict.reasons:
            typer.echo(f"{one.name}: {reason}")
    if json_file is not None:
        write_text(json_file, json.dumps(report.plain(), indent=1, ensure_ascii=False) + "\n")
    told = f"{library}: {len(report.checked) - len(report.refused)} accepted, {len(report.refused)} refused"
    if report.refused:
        typer.echo(f"{told}; runs leave the refused ones out (objects.refused)", err=True)
        raise typer.Exit(REFUSED)
    if not quiet:
        typer.echo(told)


def list_(library: Library) -> None:
    """List the objects of a library."""
    from graspgen.cli.show import print_library

    print_library(library)


def show(
    library: Library,
    name: Annotated[str, typer.Argument(metavar="NAME", help="An object of it.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="PNG", help="The picture to write.")],
) -> None:
    """Draw an object from eight sides, and its collision parts."""
    from graspgen.objects.library import load_named_asset
    from graspgen.pipeline.turntable import write_turntable

    entry = _index(library).entries.get(name)
    if entry is None:
        raise ObjectError(f"{library} has no object '{name}'{nearest(name, _index(library).entries)}")
    write_turntable(load_named_asset(library.expanduser() / name), out)
    typer.echo(f"picture: {out}")


def add(
    sources: Annotated[list[Path], typer.Argument(metavar="ASSET…", help="Folders of assets.")],
    to: To,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace objects of the same name.")] = False,
) -> None:
    """Copy objects into a library."""
    from graspgen.objects.library_edit import add_assets

    names = add_assets(sources, to, overwrite=overwrite)
    typer.echo(f"{to} holds {', '.join(names)}")


def remove(
    library: Library,
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Objects of it.")],
) -> None:
    """Delete objects from a library."""
    from graspgen.objects.library_edit import remove_assets

    remove_assets(library, names)
    typer.echo(f"removed {', '.join(dict.fromkeys(names))} from {library}")


def merge(
    libraries: Annotated[list[Path], typer.Argument(metavar="LIBRARY…", help="Libraries to copy from.")],
    to: To,
    rename: Annotated[
        bool, typer.Option("--rename", help="Give objects with the name of another one a free name.")
    ] = False,
) -> None:
    """Copy all objects of libraries into another one."""
    from graspgen.objects.library_edit import merge_libraries

    names, renamed = merge_libraries(libraries, to, rename=rename)
    for old, new in renamed.items():
        typer.echo(f"{old} is called {new}")
    typer.echo(f"{to} holds {len(set(names))} objects of {len(libraries)} libraries")


def split(
    library: Library,
    by: Annotated[str, typer.Option(metavar="object|category", help="What stays on one side: an object, or a class.")],
    shares: Annotated[str, typer.Option(metavar="NAME=SHARE,…", help="The parts, and their shares of 1.")] = (
        "train=0.8,val=0.1,test=0.1"
    ),
    salt: Annotated[str, typer.Option(help="Another salt divides anew.")] = "graspgen",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the library's split.")] = False,
) -> None:
    """Divide a library into parts that stay when it grows; use one with objects.split."""
    from graspgen.objects.library_edit import split_library
    from graspgen.objects.splits import Split, parse_shares

    index = split_library(library, Split(by, parse_shares(shares), salt), overwrite=overwrite)  # type: ignore[arg-type]
    for line in _split_lines(index):
        typer.echo(line)


def register(app: typer.Typer) -> None:
    """Add the commands to `graspgen objects`."""
    for function in (check, show, add, remove, merge, split):
        app.command()(function)
    app.command("list")(list_)


def _index(library: Path) -> Index:
    from graspgen.objects.library_index import read_index

    return read_index(library)


def _split_lines(index: Index) -> list[str]:
    assert index.split is not None
    lines = []
    entries = list(index.entries.values())
    for part, share in index.split.shares:
        mine = [e for e in entries if index.part_of(e) == part]
        classes = len({e.class_name for e in mine})
        got = len(mine) / max(len(entries), 1)
        lines.append(f"{part}: {len(mine)} objects of {classes} classes ({got:.0%}, share {share:.0%})")
        if not mine:
            lines[-1] += "; nothing fell into it: add objects, or choose another salt"
    return lines
