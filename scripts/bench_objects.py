"""Benchmark of objects: how fast are they made, imported and checked, and how many real ones are accepted?

    python scripts/bench_objects.py [--set PATH/random_urdfs] [--limit 200] [--scans FOLDER] [--json bench_objects.json]

Every row is measured in this run, on one core unless it says otherwise, with an empty cache of its own. The real meshes
are those that pybullet ships (`pip install pybullet`): its single objects for the times, its `random_urdfs` for the
accepted share. `--scans` names a folder of scans (YCB's, say) whose convex parts are compared with the meshes; with
`--scans-only` nothing else is measured. What was refused is listed with its reason.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from graspgen.objects import decompose, mesh_import
from graspgen.objects.families import FAMILIES
from graspgen.objects.mesh_import import Refused, import_meshes
from graspgen.objects.procedural import ProceduralCatalogue
from graspgen.pipeline.library_check import check_library
from graspgen.recipe import Objects
from graspgen.recipe_file import load_recipe
from graspgen.scene.build import build_world
from graspgen.scene.draw import draw_plan

#: Files of pybullet that are single objects, of all kinds: scans, CAD, toys, robots' links.
REAL = ("*.obj", "objects/*.obj", "lego/*.obj", "jenga/*.obj", "domino/*.obj", "franka_panda/**/visual/*.obj", "*.stl")

#: Longest run of CoACD on one mesh, s; what is left is wrapped or refused, and the row tells.
TIME_LIMIT = 60.0


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    measured: str
    aim: str
    met: bool


@dataclass
class Findings:
    """Rows of the table, the numbers behind them, and what was refused."""

    rows: list[Row] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def add(self, what: str, measured: str, aim: str, met: bool) -> None:
        self.rows.append(Row(what, measured, aim, met))


def procedural_rate(found: Findings, count: int) -> None:
    """Objects of all families a second: drawn, built, weighed, and compiled into a world of their own."""
    recipe = load_recipe("tabletop", ["scene.objects.count=1", "views.per_scene=1"])
    per_family = max(2, count // len(FAMILIES))
    made, spent, slowest = 0, 0.0, {}
    for family in sorted(FAMILIES):
        catalogue = ProceduralCatalogue(Objects(families=family, pool=per_family), 1)
        one = draw_plan(recipe, catalogue, 1, 0)
        took = 0.0
        for number in range(per_family):
            start = time.perf_counter()
            asset = catalogue.asset(number)
            thing = one.objects[0].model_copy(update={"asset": number})
            build_world(one.model_copy(update={"objects": (thing,)}), {number: asset}, views=False)
            took += time.perf_counter() - start
        made, spent = made + per_family, spent + took
        slowest[family] = per_family / took
    rate = made / spent
    found.figures["procedural"] = {"per_second": rate, "objects": made, "by_family": slowest}
    what = f"procedural objects a second with the compile ({made} of {len(FAMILIES)} families)"
    found.add(what, f"{rate:.0f}", "≥ 50", rate >= 50)
    last = min(slowest, key=slowest.__getitem__)
    found.add("the same of the slowest family", f"{slowest[last]:.0f} ({last})", "", True)


def import_times(found: Findings, data: Path, folder: Path) -> None:
    """Import real meshes one by one, with an empty cache; then take the parts from the cache."""
    files = sorted({f for pattern in REAL for f in data.glob(pattern) if "vhacd" not in f.name.lower()})
    seconds, accepted, cuts = [], 0, []
    for number, file in enumerate(files):
        name = f"m{number:03d}-{file.stem}"[:60]
        with (
            mock.patch.object(mesh_import, "cut", wraps=mesh_import.cut) as cut,
            mock.patch.object(decompose, "store_hulls", wraps=decompose.store_hulls) as store,
        ):
            start = time.perf_counter()
            report = import_meshes([file], folder / "real", name=name, workers=1, time_limit=TIME_LIMIT)
            seconds.append(time.perf_counter() - start)
        if report.accepted and store.call_count:
            cuts += cut.call_args_list
        accepted += len(report.accepted)
        found.refused |= {str(bad.path.relative_to(data)): bad.reason.replace(f"{data}/", "") for bad in report.refused}
    median, p95 = np.median(seconds), np.percentile(seconds, 95)
    names = [str(f.relative_to(data)) for f in files]
    found.figures["import_s"] = dict(zip(names, seconds, strict=True))
    what = f"import of a real mesh, {len(files)} meshes, {accepted} accepted: median, 95 %"
    found.add(what, f"{median:.2f} s, {p95:.2f} s", "", True)
    last = sorted(zip(seconds, names, strict=True), reverse=True)[:3]
    found.add("the slowest imports", ", ".join(f"{name} {taken:.1f} s" for taken, name in last), "", True)
    milliseconds = []
    for call in cuts:
        start = time.perf_counter()
        mesh_import.cut(*call.args, **call.kwargs)
        milliseconds.append(1000 * (time.perf_counter() - start))
    found.figures["cache_hit_ms"] = milliseconds
    hit, longest = float(np.median(milliseconds)), float(np.max(milliseconds))
    what = f"convex parts from the cache, {len(milliseconds)} meshes: median, longest"
    found.add(what, f"{hit:.1f} ms, {longest:.1f} ms", "≤ 50 ms", longest <= 50)


def accepted_share(found: Findings, objects: Path, limit: int, library: Path) -> None:
    """Import a folder of real objects and check them: which share is accepted by both?"""
    cores = len(os.sched_getaffinity(0))
    start = time.perf_counter()
    report = import_meshes([objects], library, limit=limit, workers=cores)
    importing = time.perf_counter() - start
    start = time.perf_counter()
    checked = check_library(library, workers=cores, quiet=True)
    checking = time.perf_counter() - start
    for bad in report.refused:
        assert isinstance(bad, Refused)
        found.refused[str(bad.path.relative_to(objects.parent))] = bad.reason.replace(f"{objects.parent}/", "")
    for one in checked.refused:
        found.refused[f"{objects.name}/{one.name}"] = "; ".join(one.verdict.reasons)
    total = len(report.accepted) + len(report.refused)
    share = (len(checked.checked) - len(checked.refused)) / total
    each = sum(checked.seconds.values()) / len(checked.checked)
    tests = {test: taken / len(checked.checked) for test, taken in checked.seconds.items()}
    found.figures["share"] = {"objects": total, "accepted": share, "import_s": importing, "check_s": checking}
    found.figures["check"] = {"seconds_each": each, "by_test": tests}
    found.add(f"accepted share of {total} of {objects.name}, import and check", f"{share:.1%}", "≥ 95 %", share >= 0.95)
    found.add(f"import of {objects.name}, {cores} cores", f"{total / importing:.1f} a second", "", True)
    told = ", ".join(f"{test} {1000 * taken:.0f}" for test, taken in sorted(tests.items(), key=lambda t: -t[1]))
    found.add("check of an object, one core", f"{1000 * each:.0f} ms ({told})", "", True)


def scans(found: Findings, folder: Path, library: Path) -> None:
    """Import scans, and tell how well their convex parts stand for them, whatever parts came with them."""
    start = time.perf_counter()
    report = import_meshes([folder], library, given_parts=False)
    took = time.perf_counter() - start
    for bad in report.refused:
        found.refused[str(bad.path.relative_to(folder))] = bad.reason.replace(f"{folder}/", "")
    errors = {one.name: one.quality.volume_error for one in report.accepted}
    found.figures["scans"] = {
        one.name: {"volume_error": one.quality.volume_error, "hausdorff": one.quality.hausdorff, "parts": one.parts}
        for one in report.accepted
    }
    total = len(report.accepted) + len(report.refused)
    each = sorted(errors.items(), key=lambda pair: -abs(pair[1]))
    what = f"volume of the convex parts over the mesh's less 1, {len(errors)} of {total} scans: median, worst"
    worst = abs(each[0][1])
    found.add(what, f"{np.median(np.abs([*errors.values()])):.1%}, {worst:.1%}", "≤ 25 %", worst <= 0.25)
    found.add("the scans in turn", ", ".join(f"{name} {error:+.1%}" for name, error in each), "", True)
    found.add("import of a scan, one core", f"{took / total:.1f} s", "", True)


def data_folder() -> Path:
    import pybullet_data

    return Path(pybullet_data.getDataPath())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", type=Path, help="folder of real objects; pybullet's random_urdfs if not given")
    parser.add_argument("--limit", type=int, default=200, help="of them")
    parser.add_argument("--procedural", type=int, default=400, help="objects of all families together")
    parser.add_argument("--scans", type=Path, help="folder of scans, whose convex parts are compared with the meshes")
    parser.add_argument("--scans-only", action="store_true", help="measure nothing else")
    parser.add_argument("--json", type=Path, default=Path("bench_objects.json"))
    args = parser.parse_args()
    if args.scans_only and args.scans is None:
        parser.error("--scans-only needs --scans FOLDER")
    found = Findings()
    with tempfile.TemporaryDirectory(prefix="graspgen-bench-") as temporary:
        os.environ["XDG_CACHE_HOME"] = str(Path(temporary) / "cache")
        if not args.scans_only:
            data = data_folder()
            procedural_rate(found, args.procedural)
            import_times(found, data, Path(temporary))
            accepted_share(found, args.set or data / "random_urdfs", args.limit, Path(temporary) / "library")
        if args.scans is not None:
            scans(found, args.scans, Path(temporary) / "scans")
    print("| what | measured | aim | |\n|---|---|---|---|")
    for row in found.rows:
        verdict = ("met" if row.met else "missed") if row.aim else ""
        print(f"| {row.what} | {row.measured} | {row.aim} | {verdict} |")
    if found.refused:
        print(f"\nrefused, {len(found.refused)}:")
        for name, reason in found.refused.items():
            print(f"- {name}: {reason}")
    content = {"figures": found.figures, "rows": [vars(r) for r in found.rows], "refused": found.refused}
    args.json.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
