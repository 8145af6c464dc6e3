"""`graspgen check --deep`: a sample of the scenes is settled, rendered and grasped again, and compared with the rows.

Views and trials start from the rows alone: from the poses at which objects came to rest, the cameras and the grasps.
Settling starts from the plan. With the same version of MuJoCo all of it is identical on the same kind of machine;
where versions differ, colour and trials may, and how far they agree is told instead.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from graspgen.dataset.coded import colour_images
from graspgen.dataset.layout import LOOKS
from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.dataset.schema import TrialKind
from graspgen.dataset.violations import Report, Violation
from graspgen.demos.replay import replay_episode
from graspgen.errors import GraspgenError
from graspgen.grasps.candidates import unpacked
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.scene_trial import try_scene
from graspgen.grasps.trial import try_asset
from graspgen.looks.images import ImageStore
from graspgen.pipeline.stored import (
    StoredObjects,
    stored_fixtures,
    stored_gripper,
    stored_profile,
    stored_recipe,
    version_notes,
)
from graspgen.pipeline.stored_scene import stored_plan, stored_scene
from graspgen.pipeline.view_tables import stored_depth
from graspgen.render.views import render_scene
from graspgen.scene.make import assets_of, settle_plan
from graspgen.scene.world import SettledScene

#: Grasps of a scene that are tried again, of each kind of trial.
GRASPS = 8
#: Share of the pixels that may show another id or a depth off by more than a count: other drivers round differently.
PIXELS, COUNTS = 0.001, 1
#: Levels of colour, in the mean, that a view of the same engine may differ by.
COLOUR = 1.0
#: Objects settle to within this of where they lay, m and of a rotation's entries, with the same engine.
SETTLED = 1e-6
#: Numbers of a trial that is made again agree to this share, and to this (m, rad, N, m/s²), with the same engine.
SHARE, SLACK = 1e-3, 1e-5

_NUMBERS = ("drift_closing", "drift_holding", "rotation_closing", "rotation_holding", "grip_force", "width",
            "peak_acceleration", "time_to_failure")  # fmt: skip


@dataclass
class DeepResult:
    """What was made again, and how far it agrees.

    Attributes:
        scenes: keys of the scenes in the sample.
        seed: of their choice.
        counts: name of what was compared → how many of how many agree.
        violations: what does not.
        notes: versions that differ, and what was left out.
    """

    scenes: list[int]
    seed: int
    counts: dict[str, list[int]] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def count(self, name: str, same: Any) -> None:
        """Add to the agreement of `name` what a mask says."""
        mask = np.atleast_1d(np.asarray(same, bool))
        known = self.counts.setdefault(name, [0, 0])
        known[0] += int(mask.sum())
        known[1] += len(mask)

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON, without the violations."""
        return {name: value for name, value in asdict(self).items() if name != "violations"}

    def lines(self) -> list[str]:
        """Return it for people."""
        told = ", ".join(map(str, self.scenes)) or "none"
        lines = [f"made again: scenes {told} (seed {self.seed})"]
        lines += [f"  {name}: {same} of {count} agree" for name, (same, count) in self.counts.items()]
        return lines + [f"note: {note}" for note in self.notes]


def check_deep(path: str | Path, *, sample: int = 2, seed: int = 0, grasps: int = GRASPS) -> DeepResult:
    """Make a sample of scenes again and compare.

    Args:
        path: the dataset's folder; `graspgen check` has found it sound.
        sample: how many scenes.
        seed: of their choice and that of the grasps.
        grasps: how many grasps of each scene are tried again, free and in the scene.

    Raises:
        GraspgenError: this graspgen cannot use its recipe, gripper or profile.
    """
    with open_dataset(path) as dataset:
        keys, rng = dataset.scenes["index"], np.random.default_rng(seed)
        chosen = np.sort(rng.choice(keys, min(sample, len(keys)), replace=False)).tolist()
        result = DeepResult([int(scene) for scene in chosen], seed, notes=version_notes(dataset))
        report = Report(where=dataset.path.name)
        for scene in result.scenes:
            try:
                settled = stored_scene(dataset, scene)
                _settle(result, report, dataset, settled, scene)
                _views(result, report, dataset, settled, scene)
                _free(result, report, dataset, settled, scene, rng, grasps)
                _in_scene(result, report, dataset, settled, scene, rng, grasps)
                _episodes(result, report, dataset, settled, scene, rng)
            except GraspgenError as error:
                report.add(f"cannot be made again: {error}", "scenes", "plan", None, scene)
        result.violations = report.violations
    return result


def _same_engine(dataset: Dataset) -> bool:
    return str(dataset.attrs["mujoco_version"]) == mujoco.__version__


def _settle(result: DeepResult, report: Report, dataset: Dataset, settled: SettledScene, scene: int) -> None:
    """Let the scene fall again."""
    row = int(np.flatnonzero(dataset.scenes["index"] == scene)[0])
    plan = stored_plan(dataset.scenes["plan"][row], scene)
    assets = assets_of(StoredObjects(dataset), plan, stored_fixtures(dataset, plan))
    again = settle_plan(stored_recipe(dataset), assets, plan)
    if len(again.T_world_object) != len(settled.T_world_object):
        result.count("settled objects", np.zeros(len(settled.T_world_object)))
        text = f"settles with {len(again.T_world_object)} objects, {len(settled.T_world_object)} are stored"
        _fault(result, report, dataset, text, "scenes", "removed", row, scene)
        return
    off = np.abs(again.T_world_object - settled.T_world_object).reshape(len(settled.T_world_object), -1)
    same = off.max(axis=1, initial=0) <= SETTLED
    result.count("settled objects", same)
    rows = np.flatnonzero(dataset.objects["scene"] == scene)
    for i in np.flatnonzero(~same).tolist():
        text = f"settles {off[i].max():.3g} m (or in a rotation) from where it is stored"
        _fault(result, report, dataset, text, "objects", "T_world_object", rows[i], dataset.objects["id"][rows[i]])
    for name in ("settle_time", "max_speed", "max_angular_speed", "max_penetration"):
        stored, made = float(dataset.scenes[name][row]), float(getattr(again, name))
        same_value = abs(stored - made) <= SLACK + SHARE * abs(stored)
        result.count("evidence of rest", same_value)
        if not same_value and same.all():
            _fault(result, report, dataset, f"{stored:g}, settled again {made:g}", "scenes", name, row, scene)


def _fault(
    result: DeepResult, report: Report, dataset: Dataset, text: str, table: str, column: str, row: Any, key: Any
) -> None:
    """Blame the dataset only where the same engine made it; else tell of it in the notes."""
    if _same_engine(dataset):
        report.add(text, table, column, int(row), int(key))
    elif len(result.notes) < 20:
        result.notes.append(f"{table}.{column} (key {key}): {text}")


def _views(result: DeepResult, report: Report, dataset: Dataset, settled: SettledScene, scene: int) -> None:
    """Render the views of the scene again, at the poses of the rows."""
    recipe, views = stored_recipe(dataset), dataset.scene_views(scene)
    render, storage = recipe.render, recipe.storage
    if not len(views):
        return
    images = render_scene(
        settled.world, shadow_size=render.shadow_size, images=ImageStore(dataset.path / LOOKS), fallback=render.fallback
    )
    for row, image in zip(views.tolist(), images, strict=True):
        key = dataset.views["id"][row]
        ids, depth = dataset.instances(row), dataset.views["depth"][row].astype(int)
        off = float(np.mean(ids != image.instances))
        result.count("ids of views", off <= PIXELS)
        if off > PIXELS:
            report.add(f"{off:.2%} of the pixels differ when rendered again", "views", "instances", row, int(key))
        if dataset.views["sensor"][row] == "ideal":
            off = float(np.mean(np.abs(depth - stored_depth(image.depth).astype(int)) > COUNTS))
            result.count("depth of views", off <= PIXELS)
            if off > PIXELS:
                report.add(f"{off:.2%} of the pixels differ when rendered again", "views", "depth", row, int(key))
            if dataset.views["engine"][row] == image.engine:
                colour = colour_images([image.rgb], ids.shape, storage.quality)
                far = float(np.abs(dataset.rgb(row).astype(int) - colour[0].astype(int)).mean())
                result.count("colour of views", far <= COLOUR)
                if far > COLOUR:
                    text = f"differs by {far:.2f} levels in the mean when rendered again"
                    _fault(result, report, dataset, text, "views", "rgb", row, key)
        else:
            note = f"depth and colour of sensor '{dataset.views['sensor'][row]}' are not made again, only ids"
            if note not in result.notes:
                result.notes.append(note)


def _chosen(dataset: Dataset, scene: int, kind: TrialKind, rng: np.random.Generator, count: int) -> np.ndarray:
    """Rows of `trials` to make again: nominal ones of the scene's grasps."""
    t = dataset.trials
    rows = np.flatnonzero((t["grasp"] >> 32 == scene) & (t["kind"] == kind) & (t["draw"] == 0))
    rows = rows[t["outcome"][rows] != Outcome.UNSTABLE]
    return np.sort(rng.choice(rows, min(count, len(rows)), replace=False))


def _free(
    result: DeepResult,
    report: Report,
    dataset: Dataset,
    settled: SettledScene,
    scene: int,
    rng: np.random.Generator,
    count: int,
) -> None:
    """Try grasps in free space again."""
    spec, t, g = stored_recipe(dataset).grasps, dataset.trials, dataset.grasps
    rows = _chosen(dataset, scene, TrialKind.FREE, rng, count)
    if spec.database is not None and len(rows):
        result.notes.append("free trials come from a grasp database, and are not made again here")
        return
    of = np.searchsorted(g["id"], t["grasp"][rows])
    things = {o.plan.instance_id: o for o in settled.world.objects}
    for target in np.unique(g["object"][of]).tolist():
        mine = g["object"][of] == target
        thing, grasp = things[target & 0xFFFF], of[mine]
        made = try_asset(
            thing.asset,
            stored_gripper(dataset),
            stored_profile(dataset),
            g["T_object_grasp"][grasp],
            g["width"][grasp],
            grip_width=g["grip_width"][grasp],
            fingers=unpacked(g["fingers"][grasp]) if stored_gripper(dataset).fingered else None,
            mass=np.full(len(grasp), thing.mass),
            inertia=thing.inertia,
            friction=np.asarray(thing.plan.friction, float),
            force=spec.force,
            approach=spec.approach,
            graded=True,
        )
        _compare(result, report, dataset, rows[mine], made, "free trials")


def _in_scene(
    result: DeepResult,
    report: Report,
    dataset: Dataset,
    settled: SettledScene,
    scene: int,
    rng: np.random.Generator,
    count: int,
) -> None:
    """Try grasps in the scene again."""
    spec, t, g = stored_recipe(dataset).grasps, dataset.trials, dataset.grasps
    rows = _chosen(dataset, scene, TrialKind.IN_SCENE, rng, count)
    if not len(rows):
        return
    of = np.searchsorted(g["id"], t["grasp"][rows])
    ids = [o.plan.instance_id for o in settled.world.objects]
    targets = (g["object"][of] & 0xFFFF).tolist()
    T = settled.T_world_object[[ids.index(target) for target in targets]] @ g["T_object_grasp"][of]
    made = try_scene(
        settled,
        stored_gripper(dataset),
        stored_profile(dataset),
        targets,
        T,
        g["width"][of],
        grip_width=g["grip_width"][of],
        fingers=unpacked(g["fingers"][of]) if stored_gripper(dataset).fingered else None,
        force=spec.force,
        approach=spec.approach,
        shake=spec.in_scene.shake,
    )
    _compare(result, report, dataset, rows, made, "trials in the scene")


def _episodes(
    result: DeepResult,
    report: Report,
    dataset: Dataset,
    settled: SettledScene,
    scene: int,
    rng: np.random.Generator,
) -> None:
    """Do the actions of an episode of the scene again."""
    rows = np.flatnonzero(dataset.episodes["scene"] == scene)
    if not len(rows):
        return
    row = int(rng.choice(rows))
    key = int(dataset.episodes["id"][row])
    differs = replay_episode(dataset, key, settled)
    result.count("episodes, to the last bit", not differs)
    if differs:
        text = f"{', '.join(differs)} differ when its actions are done again"
        _fault(result, report, dataset, text, "episodes", "id", row, key)


def _compare(result: DeepResult, report: Report, dataset: Dataset, rows: np.ndarray, made: Any, name: str) -> None:
    """Compare outcomes, and where they are the same the numbers."""
    t = dataset.trials
    same = t["outcome"][rows] == made.outcome
    result.count(f"{name}, outcome", same)
    for i in np.flatnonzero(~same).tolist():
        was, is_ = (Outcome(int(code)).name for code in (t["outcome"][rows[i]], made.outcome[i]))
        text = f"{was}, tried again {is_}"
        _fault(result, report, dataset, text, "trials", "outcome", rows[i], t["grasp"][rows[i]])
    for column in _NUMBERS:
        stored, again = t[column][rows].astype(float), np.asarray(getattr(made, column), float)
        close = np.abs(stored - again) <= SLACK + SHARE * np.abs(stored)
        close |= np.isnan(stored) & np.isnan(again)
        result.count(f"{name}, numbers", close[same])
        for i in np.flatnonzero(same & ~close).tolist():
            text = f"{stored[i]:g}, tried again {again[i]:g}"
            _fault(result, report, dataset, text, "trials", column, rows[i], t["grasp"][rows[i]])
