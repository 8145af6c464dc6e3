"""What commands print."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from graspgen.pipeline.doctor import Finding
    from graspgen.pipeline.summary import Summary
    from graspgen.recipe_file import Row

# A table is cut to the terminal; piped into a file or another program it is not cut at all.
_UNCUT = 240


def available_cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0))


def console() -> Console:
    """Return the console of stdout."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=_UNCUT)


def print_rows(rows: Iterable[Row]) -> None:
    """Print the values of a recipe."""
    table = Table("key", "value", "unit", "meaning", box=box.SIMPLE_HEAD, padding=(0, 1))
    for row in rows:
        table.add_row(row.key, row.value, row.unit, row.meaning)
    console().print(table)


def print_edge_cases() -> None:
    """Print the edge cases that come with graspgen, and what they are measured by."""
    from graspgen.edge_case_file import shipped_cases

    table = Table("edge case", "of", "measured by", "meaning", box=box.SIMPLE_HEAD, padding=(0, 1))
    for name, case in shipped_cases().items():
        table.add_row(name, case.of, ", ".join(case.told()), case.description)
    console().print(table)


def print_findings(findings: Iterable[Finding]) -> None:
    """Print what the doctor found, and the mend under what is missing."""
    colours = {"ok": "green", "missing": "red", "optional": "yellow"}
    told = {"ok": "ok", "missing": "MISSING", "optional": "not there, not needed"}
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for finding in findings:
        state = f"[{colours[finding.state]}]{told[finding.state]}[/]"
        mend = f"\n→ {finding.mend}" if finding.mend else ""
        table.add_row(finding.name, state, f"{finding.detail}{mend}")
    console().print(table)


def print_summary(made: Summary, out: Path) -> None:
    """Print what a run made."""
    from graspgen.pipeline.progress import quota_table, summary_table

    kept = f", {made.kept} scenes were there before" if made.kept else ""
    console().print(summary_table(made, f"{out}{kept}"))
    if made.quotas:
        console().print(quota_table(made.quotas))
    if (out / "preview.png").is_file():
        console().print(f"picture: {out / 'preview.png'}", soft_wrap=True, highlight=False)


def print_info(path: Path) -> None:
    """Print what a dataset holds."""
    import numpy as np

    from graspgen.dataset.manifest import load_manifest
    from graspgen.dataset.reader import open as open_dataset
    from graspgen.grasps.outcomes import Outcome

    with open_dataset(path) as dataset:
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True)
        recipe, scenes = dataset.recipe, len(dataset.scenes)
        if path.is_dir():
            manifest = load_manifest(path)
            size = sum(shard.bytes for shard in manifest.shards) / 1e6
            asked = f" of {manifest.scenes}" if scenes != manifest.scenes else ""
            state = "complete" if manifest.complete else "not complete; go on with --resume"
            table.add_row("dataset", f"{path} ({state})")
            table.add_row("size", f"{size:.1f} MB in {len(manifest.shards)} shards")
            table.add_row("scenes", f"{scenes}{asked}")
        else:
            what = f"{scenes}, in the shard {path}" if scenes else f"none: {path} is a grasp database"
            table.add_row("scenes", what)
        table.add_row("task", f"{recipe['task']}: {recipe['description']}")
        table.add_row("seed", str(dataset.attrs["seed"]))
        versions = f"graspgen {dataset.attrs['graspgen_version']}"
        versions += f", MuJoCo {dataset.attrs['mujoco_version']}"
        table.add_row("made with", f"{versions}, schema {dataset.attrs['schema_version']}")
        if view := recipe.get("views"):
            table.add_row("views", f"{len(dataset.views)}, {view['width']} x {view['height']} px")
            looks = [_counted(np.char.add(dataset.views[name].astype(str), "")) for name in ("engine", "preset")]
            table.add_row("colour by", looks[0] + (f"; presets {looks[1]}" if any(dataset.views["preset"]) else ""))
        classes = _counted(dataset.assets["class_name"])
        table.add_row("objects", f"{len(dataset.objects)}, of {len(dataset.assets)} assets")
        table.add_row("assets", classes)
        if scenes:
            table.add_row("arenas", _counted(dataset.scenes["arena"]))
            table.add_row("refused attempts", _refusals(path, int(dataset.scenes["attempt"].sum())))
            removed, through, without = (int(dataset.scenes[c].sum()) for c in ("removed", "tunnelled", "left_out"))
            told = f"{removed} left the arena, {through} of them through something solid; {without} found no room"
            table.add_row("not in the scenes", told)
        outcomes = dataset.grasps["outcome"]
        holding = int((outcomes == Outcome.SUCCESS).sum())
        share = f", {holding / len(outcomes):.0%} hold" if len(outcomes) else ""
        table.add_row("grasps", f"{len(outcomes)} for {recipe['gripper']}{share}")
        names = np.array([Outcome(code).name.lower().replace("_", " ") for code in outcomes], str)
        table.add_row("outcomes", _counted(names))
        inside = dataset.grasps["outcome_in_scene"]
        inside = inside[inside != Outcome.NOT_TRIED]
        if len(inside):
            holding = int((inside == Outcome.SUCCESS).sum())
            table.add_row("in the scene", f"{len(inside)} grasps tried, {holding / len(inside):.0%} hold")
            names = np.array([Outcome(code).name.lower().replace("_", " ") for code in inside], str)
            table.add_row("outcomes there", _counted(names))
        if len(dataset.frames):
            recorded, images = len(dataset.sequences()), len(dataset.frame_views)
            told = f"{recorded} trials recorded, {len(dataset.frames)} frames, {images} images of them"
            table.add_row("sequences", told)
        if len(dataset.episodes):
            done, played = int(dataset.episodes["success"].sum()), len(dataset.episodes)
            told = f"{played} of {dataset.episodes['task'][0]}, {done} succeed, {len(dataset.steps) - played} actions"
            table.add_row("episodes", f"{told}, {len(dataset.step_views)} images of them")
    console().print(table)


def print_library(path: Path) -> None:
    """Print the objects of a library, what the check says of them, and their part of the split."""
    from graspgen.errors import ObjectError
    from graspgen.objects.library_index import read_index

    index = read_index(path)
    if not index.entries:
        raise ObjectError(f"{path} holds no objects; fill it with `graspgen objects import PATH… --to {path}`")
    columns = ["name", "class", "size, mm", "mass, g", "parts", "licence", "check"]
    table = Table(*columns, *(["split"] if index.split else []), box=box.SIMPLE_HEAD)
    for entry in index.entries.values():
        size = " x ".join(f"{1000 * side:.0f}" for side in entry.extents)
        verdict = "damaged" if entry.damage else "not checked"
        if entry.check is not None:
            tests = ", ".join(reason.partition(":")[0] for reason in entry.check.reasons)
            verdict = "accepted" if entry.check.accepted else f"refused: {tests}"
        row = [entry.name, entry.class_name, size, f"{1000 * entry.mass:.3g}", str(entry.parts), entry.licence, verdict]
        table.add_row(*row, *([index.part_of(entry)] if index.split else []))
    console().print(table)
    refused = [entry for entry in index.entries.values() if entry.check and entry.refused]
    for entry in refused:
        for reason in entry.check.reasons if entry.check else ():
            console().print(f"{entry.name}: {reason}", soft_wrap=True, highlight=False, markup=False)
    checked = sum(entry.check is not None for entry in index.entries.values())
    told = f"{len(index.entries)} objects, {checked - len(refused)} accepted, {len(refused)} refused"
    if checked < len(index.entries):
        told += f", {len(index.entries) - checked} not checked (graspgen objects check {path})"
    console().print(told, soft_wrap=True, highlight=False, markup=False)


def _refusals(path: Path, count: int) -> str:
    """Say how many attempts were refused and, where the dataset's journal knows, why."""
    from graspgen.pipeline.journal import Journal

    kinds = Counter(kind for line in Journal(path).events("scene") for kind, _ in line.get("refused") or ())
    return f"{count}" + (f" ({', '.join(f'{kind} {n}' for kind, n in kinds.most_common())})" if kinds else "")


def _counted(names: Iterable[str]) -> str:
    counts = Counter(str(name) for name in names)
    return ", ".join(f"{name} {n}" for name, n in counts.most_common()) or "none"
