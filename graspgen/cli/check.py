"""`graspgen check`: test every label of a dataset that can be derived again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from graspgen.errors import DatasetError


def check(
    path: Annotated[
        Path, typer.Argument(help="A dataset's folder, a grasp database, or HDF5 files that others wrote.")
    ],
    hands: Annotated[
        int | None,
        typer.Option("--hands", min=0, help="Grasps whose collisions are measured again; 0 for none."),
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Render views and simulate trials and settling again, for a sample.")
    ] = False,
    sample: Annotated[
        int, typer.Option("--sample", min=1, help="With --deep: scenes to make again; 8 grasps of each.")
    ] = 2,
    seed: Annotated[int, typer.Option("--seed", min=0, help="With --deep: of the choice of the sample.")] = 0,
    foreign: Annotated[
        bool | None,
        typer.Option("--foreign/--own", help="Whether others wrote it; else told by the lack of dataset.json."),
    ] = None,
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write the outcome as JSON; - for stdout.")
    ] = None,
) -> None:
    """Test every label of a dataset that can be derived again."""
    from graspgen.dataset.check import inspect

    result = inspect(path, foreign=foreign)
    usable = not result.violations and path.is_dir() and not result.foreign and result.scenes > 0
    if usable and hands != 0:
        # Only on what is sound: a scene is built again from the rows.
        from graspgen.pipeline.check_hands import SAMPLE, check_hands

        result.violations += check_hands(path, SAMPLE if hands is None else hands)
        result.sampled["hands"] = {"grasps": SAMPLE if hands is None else hands}
    lines: list[str] = []
    if deep and usable and not result.violations:
        from graspgen.pipeline.check_deep import check_deep

        made = check_deep(path, sample=sample, seed=seed)
        result.violations += made.violations
        result.sampled["deep"] = made.as_dict()
        lines = made.lines()
    elif deep:
        lines = ["not made again: only a sound dataset of scenes, in a folder of its own, can be"]
    if json_file is not None:
        _write_json(json_file, result.as_dict())
    if json_file != "-":
        for told in (*result.violations, *(f"notice: {notice}" for notice in result.notices), *lines):
            typer.echo(str(told))
        typer.echo(result.summary(), err=bool(result.violations))
    if result.violations:
        raise typer.Exit(1)


def _write_json(name: str, content: dict) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if name == "-":
        typer.echo(text, nl=False)
        return
    try:
        Path(name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise DatasetError(f"cannot write {name}: {error.strerror}; choose another file") from error
