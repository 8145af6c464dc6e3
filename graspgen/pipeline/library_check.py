"""Check every asset of a library: is it a solid, does it fit the gripper, does it come to rest, can it be seen?

Each asset is accepted or refused with reasons. Verdicts and evidence go into the library's index, not into the assets:
a verdict changes no content hash, and holds for the content it was made of.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from graspgen.errors import ObjectError, RenderError, SceneError
from graspgen.grasps.fit import PAIRS, measure_fit
from graspgen.grippers.gripper import Gripper, load_gripper
from graspgen.objects.asset import Asset
from graspgen.objects.check import Tested, shape_tests
from graspgen.objects.library import load_named_asset
from graspgen.objects.library_index import Index, Verdict, read_index, update_index
from graspgen.pipeline.executors import run_here, run_processes, stop_on_sigterm
from graspgen.pipeline.progress import Display
from graspgen.pipeline.work import Report, Working
from graspgen.recipe import Settle
from graspgen.render.asset_check import render_check
from graspgen.render.gl import make_current
from graspgen.scene.drop_check import drop

#: Assets whose verdicts are written together; a run that is ended loses no more than these.
_TOGETHER = 500


@dataclass(frozen=True)
class CheckJob:
    """What all assets of a check share; small and picklable.

    Attributes:
        library: its folder.
        assets: name and digest of each asset.
        gripper: name or path.
        render: whether pictures are taken.
    """

    library: str
    assets: tuple[tuple[str, str], ...]
    gripper: str
    render: bool


@dataclass(frozen=True)
class Checked:
    """An asset was checked: its name, the digest of what was judged, the verdict, and how long it took, s."""

    name: str
    digest: str
    verdict: Verdict
    seconds: Mapping[str, float]


@dataclass
class CheckReport:
    """What a check found.

    Attributes:
        library: its folder.
        gripper: sizes were compared with.
        checked: one entry for each asset, by name.
        seconds: wall-clock time by test, summed over workers.
    """

    library: Path
    gripper: str
    checked: list[Checked] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def refused(self) -> list[Checked]:
        """The refused assets."""
        return [c for c in self.checked if not c.verdict.accepted]

    @property
    def done(self) -> int:
        """Assets."""
        return len(self.checked)

    @property
    def new(self) -> int:
        """Assets."""
        return len(self.checked)

    @property
    def counts(self) -> str:
        """How many were refused."""
        return f"{len(self.refused)} refused"

    def add(self, one: Checked) -> None:
        """Count an asset."""
        self.checked.append(one)
        for test, taken in one.seconds.items():
            self.seconds[test] = self.seconds.get(test, 0.0) + taken

    def plain(self) -> dict[str, Any]:
        """Return everything as plain data; the same library gives the same."""
        return {
            "library": str(self.library),
            "gripper": self.gripper,
            "accepted": [c.name for c in self.checked if c.verdict.accepted],
            "refused": {c.name: list(c.verdict.reasons) for c in self.refused},
            "assets": {c.name: {"content_hash": c.digest, **c.verdict.plain()} for c in self.checked},
        }


def check_library(
    library: str | Path,
    *,
    gripper: str = "panda_hand",
    workers: int = 1,
    render: bool = True,
    only_new: bool = False,
    quiet: bool = False,
) -> CheckReport:
    """Check the assets of a library and write the verdicts into its index.

    Verdicts depend on the assets and the gripper only, not on workers or earlier checks.

    Args:
        library: its folder.
        gripper: name of a shipped gripper, or path of a gripper's YAML file.
        workers: processes.
        render: take pictures; without them an asset is judged by the other tests.
        only_new: leave alone what has a verdict for this gripper.
        quiet: show no progress.

    Raises:
        ObjectError: there is no such library, it is empty, or its index cannot be written.
        GripperError: the gripper is unknown or not valid.
        RenderError: no OpenGL backend works here.
    """
    path, hand = Path(library).expanduser(), load_gripper(gripper)
    index = read_index(path)
    if not index.entries:
        raise ObjectError(f"{path} holds no assets; fill it with `graspgen objects import PATH… --to {path}`")
    if render:
        _ready_to_render()
    # What cannot be written is said before the work.
    update_index(path)
    wanted = [
        (entry.name, entry.digest) for entry in index.entries.values()
        if not (only_new and entry.check is not None and entry.check.gripper == hand.name)
    ]  # fmt: skip
    report = CheckReport(path, hand.name)
    with stop_on_sigterm(), Display(len(wanted), quiet=quiet, what="assets") as display:
        for start in range(0, len(wanted), _TOGETHER):
            job = CheckJob(str(path.resolve()), tuple(wanted[start : start + _TOGETHER]), gripper, render)
            before = report.done
            try:
                with contextlib.closing(_finished(job, workers)) as finished:
                    for one in finished:
                        report.add(one)
                        display.update(report)
            finally:
                _save(path, report.checked[before:])
    report.checked.sort(key=lambda one: one.name)
    return report


def check_asset(asset: Asset, gripper: Gripper, *, render: bool = True) -> tuple[Verdict, dict[str, float]]:
    """Put an asset through every test; return the verdict, and the wall-clock time of the tests, s.

    Raises:
        RenderError: no OpenGL backend works here.
    """
    seconds: dict[str, float] = {}
    start = time.perf_counter()
    tests = shape_tests(asset)
    sound = not any(test.reason for test in tests)
    seconds["shape"] = time.perf_counter() - start
    for name, test in (("size", _size), ("settle", _settle), ("render", _render)):
        # Physics and pictures of what is no solid say nothing more.
        if (name == "settle" and not sound) or (name == "render" and not render):
            continue
        start = time.perf_counter()
        tests.append(test(asset, gripper))
        seconds[name] = time.perf_counter() - start
    reasons = tuple(f"{test.name}: {test.reason}" for test in tests if test.reason)
    return Verdict(not reasons, reasons, gripper.name, {test.name: test.evidence for test in tests}), seconds


def make_checked(job: CheckJob, number: int, report: Report) -> Checked:
    """Check one asset of a job, whatever state its files are in."""
    name, digest = job.assets[number]
    report(Working(number, number, "object"))
    hand = _gripper(job.gripper)
    if job.render:
        _ready_to_render()
    start = time.perf_counter()
    try:
        asset = load_named_asset(Path(job.library) / name)
    except ObjectError as error:
        return Checked(name, digest, Verdict(False, (f"read: {error}",), hand.name), {})
    taken = time.perf_counter() - start
    verdict, seconds = check_asset(asset, hand, render=job.render)
    return Checked(name, digest, verdict, {"read": taken, **seconds})


def _finished(job: CheckJob, workers: int) -> Iterator[Checked]:
    units: Sequence[int] = range(len(job.assets))
    if min(workers, len(units)) > 1:
        return run_processes(job, units, min(workers, len(units)), lambda _: None, make_checked)
    return run_here(job, units, lambda _: None, make_checked)


def _save(path: Path, checked: Sequence[Checked]) -> None:
    verdicts = {one.name: (one.digest, one.verdict) for one in checked}

    def judge(index: Index) -> Index:
        return index.judged(verdicts)

    if verdicts:
        update_index(path, judge)


def _ready_to_render() -> None:
    try:
        make_current()
    except RenderError as error:
        raise RenderError(f"{error}; or check without pictures: --no-render") from error


@lru_cache(maxsize=2)
def _gripper(name: str) -> Gripper:
    return load_gripper(name)


def _size(asset: Asset, gripper: Gripper) -> Tested:
    fit = measure_fit(asset, gripper)
    narrowest = None if math.isnan(fit.narrowest) else _short(fit.narrowest)
    evidence = {"pairs": fit.pairs, "narrowest": narrowest, "stroke": fit.stroke}
    if gripper.suction:
        reason = "" if fit.pairs else f"no cup of {gripper.name} seals on any of {PAIRS} points"
        return Tested("size", evidence, reason)
    reason = "" if fit.pairs else f"it is nowhere narrower than {gripper.name} opens, {fit.stroke * 1000:g} mm"
    return Tested("size", evidence, reason)


def _settle(asset: Asset, gripper: Gripper) -> Tested:
    rules = Settle()
    try:
        result = drop(asset, rules)
    except (SceneError, ObjectError) as error:
        return Tested("settle", {}, str(error))
    evidence = {
        "rested": result.rested, "time": _short(result.time), "speed": _short(result.speed),
        "angular_speed": _short(result.angular_speed), "penetration": _short(result.penetration),
        "energy_gain": _short(result.energy_gain), "lift": _short(result.lift), "orientations": result.orientations,
    }  # fmt: skip
    return Tested("settle", evidence, result.reason(float(asset.extents.max()), rules))


def _render(asset: Asset, gripper: Gripper) -> Tested:
    try:
        result = render_check(asset)
    except (SceneError, ObjectError, RenderError) as error:
        return Tested("render", {}, str(error))
    evidence = {
        "pixels": result.pixels, "silhouette": _short(result.silhouette), "depth": _short(result.depth),
        "colour": _short(result.colour),
    }  # fmt: skip
    return Tested("render", evidence, result.reason())


def _short(x: float) -> float | None:
    """Round to four digits; what is no number becomes None, which JSON can hold."""
    return float(f"{x:.4g}") if math.isfinite(x) else None
