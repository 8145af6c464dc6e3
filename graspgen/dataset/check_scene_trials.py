"""Checks of trials in the scene: rows that belong together, codes that fit what is stored, and statics."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.checked import Checked, read_json
from graspgen.dataset.schema import TrialKind
from graspgen.dataset.violations import Report
from graspgen.grasps.outcomes import Outcome, Phase

#: Of an object that is held at rest and touches nothing else, the arm bears the weight within this share, and force, N.
WEIGHT_SHARE, WEIGHT_TOLERANCE = 0.05, 0.05
#: Where no other object has moved by more than this, the target is taken to touch none, m.
STILL = 1e-4

_HITS = (Outcome.HITS_TARGET, Outcome.HITS_OBJECT, Outcome.HITS_SUPPORT)
_LATE = (Outcome.SLIPPED, Outcome.ROTATED, Outcome.LIFTED_NEIGHBOUR, Outcome.BLOCKED, Outcome.PEELED)


def check_scene_trials(report: Report, checked: Checked) -> None:
    """Check the trials in the scene of a shard."""
    t = checked.tables
    scene, trials = t["scene_trials"], t["trials"]
    mine = np.flatnonzero(trials["kind"] == TrialKind.IN_SCENE)
    _check_phases(report, trials)
    lonely = ~np.isin(trials["grasp"], scene["grasp"]) & (trials["kind"] == TrialKind.IN_SCENE)
    report.rows("trials", "grasp", lonely, "the trial in the scene has no row in scene_trials", trials["grasp"])
    lonely = ~np.isin(scene["grasp"], trials["grasp"][mine])
    report.rows("scene_trials", "grasp", lonely, "the grasp has no trial in the scene in trials", scene["grasp"])
    if lonely.any() or len(mine) != len(scene["grasp"]):
        return
    # Both are in the order of the grasps, and each grasp is in both once.
    rows = {name: values[mine] for name, values in trials.items()}
    grasps = {name: values[checked.rows_of("grasps", scene["grasp"])] for name, values in t["grasps"].items()}
    _check_touch(report, checked, rows["outcome"], grasps)
    moved = _check_displacements(report, checked, rows["outcome"], grasps)
    _check_lift(report, checked, rows, grasps, moved)


def _check_phases(report: Report, trials: dict[str, NDArray[Any]]) -> None:
    outcome, phase, inside = trials["outcome"], trials["phase"], trials["kind"] == TrialKind.IN_SCENE
    hit = np.isin(outcome, _HITS)
    bad = inside & (hit != (phase == Phase.APPROACH)) & (outcome != Outcome.UNSTABLE)
    bad |= inside & np.isin(outcome, (Outcome.NO_CONTACT, Outcome.ONE_FINGER, Outcome.NO_SEAL)) & (phase != Phase.CLOSE)
    bad |= inside & np.isin(outcome, _LATE) & ~np.isin(phase, (Phase.LIFT, Phase.HOLD, Phase.SHAKE))
    bad |= inside & (outcome == Outcome.SUCCESS) & ~np.isin(phase, (Phase.HOLD, Phase.SHAKE))
    bad |= inside & (phase == Phase.DISTURB)
    bad |= ~inside & np.isin(phase, (Phase.LIFT, Phase.SHAKE))
    report.rows("trials", "phase", bad, "does not fit the kind and the outcome of the trial", trials["grasp"])


def _check_touch(report: Report, checked: Checked, outcome: NDArray[Any], grasps: dict[str, NDArray[Any]]) -> None:
    touch, keys = checked.tables["scene_trials"]["first_touch"].astype(np.int64), grasps["id"]
    target = grasps["object"] & 0xFFFF
    present = np.isin((grasps["scene"] << 16) + touch, checked.tables["objects"]["id"])
    fits = np.select(
        [outcome == Outcome.HITS_TARGET, outcome == Outcome.HITS_SUPPORT, outcome == Outcome.HITS_OBJECT],
        [touch == target, touch == 0, (touch > 0) & (touch != target) & present],
        touch == -1,
    )
    report.rows(
        "scene_trials",
        "first_touch",
        ~fits,
        lambda row: f"is {touch[row]}, the outcome is {Outcome(int(outcome[row])).name}, the target {target[row]}",
        keys,
    )


def _check_displacements(
    report: Report, checked: Checked, outcome: NDArray[Any], grasps: dict[str, NDArray[Any]]
) -> NDArray[np.float64]:
    """Check the rows of displacements; return the (m,) largest of each trial, m."""
    d, keys = checked.tables["displacements"], grasps["id"]
    trial = np.searchsorted(keys, d["grasp"])
    own = d["object"] == grasps["object"][trial]
    report.rows("displacements", "object", own, "is the object that the grasp takes, not another", d["grasp"])
    elsewhere = d["object"] >> 16 != grasps["scene"][trial]
    report.rows("displacements", "object", elsewhere, "is in another scene than the grasp", d["grasp"])
    objects = checked.tables["objects"]
    count = np.searchsorted(np.sort(objects["scene"]), grasps["scene"], side="right")
    count = count - np.searchsorted(np.sort(objects["scene"]), grasps["scene"]) - 1
    has = np.bincount(trial, minlength=len(keys))
    report.rows(
        "scene_trials",
        "grasp",
        has != count,
        lambda row: f"has {has[row]} rows in displacements, its scene holds {count[row]} other objects",
        keys,
    )
    moved = np.zeros(len(keys))
    np.maximum.at(moved, trial, np.nan_to_num(d["displacement"].astype(float), nan=np.inf))
    rise = _limits(checked, "neighbour_rise", 0.0)
    bad = (outcome == Outcome.LIFTED_NEIGHBOUR) & (moved < rise * (1 - 1e-5))
    report.rows(
        "scene_trials",
        "grasp",
        bad,
        lambda row: f"lifted a neighbour, but no other object moved by more than {moved[row]:g} m",
        keys,
    )
    return moved


def _check_lift(
    report: Report,
    checked: Checked,
    rows: dict[str, NDArray[Any]],
    grasps: dict[str, NDArray[Any]],
    moved: NDArray[np.float64],
) -> None:
    """What was held came up with the hand, and where nothing else moved, the arm bore its weight."""
    scene, objects, keys = checked.tables["scene_trials"], checked.tables["objects"], grasps["id"]
    success = rows["outcome"] == Outcome.SUCCESS
    height, least = scene["lift_height"], _limits(checked, "lift", 0.0) - _limits(checked, "max_lag", 0.0)
    least = least - _limits(checked, "max_drift", 0.0, "protocol")
    bad = success & ~(height >= least * (1 - 1e-5))
    report.rows("scene_trials", "lift_height", bad, lambda r: f"{height[r]:g} m in a success", keys)
    thing = checked.rows_of("objects", grasps["object"])
    R = objects["T_world_object"][thing][:, :3, :3] @ grasps["T_object_grasp"][:, :3, :3]
    force = np.einsum("nij,nj->ni", R, scene["wrench"][:, :3].astype(float))
    gravity = checked.tables["scenes"]["gravity"][checked.rows_of("scenes", grasps["scene"])]
    wanted = -gravity * rows["mass"][:, None]
    off, weight = np.linalg.norm(force - wanted, axis=1), np.linalg.norm(wanted, axis=1)
    bad = success & (moved < STILL) & ~(off <= WEIGHT_SHARE * weight + WEIGHT_TOLERANCE)
    report.rows(
        "scene_trials",
        "wrench",
        bad,
        lambda r: f"is {off[r]:.3g} N off the weight of what is held, {weight[r]:.3g} N",
        keys,
    )


def _limits(checked: Checked, name: str, default: float, section: str = "scene") -> NDArray[np.float64]:
    """(m,) number of that name in the profile of every trial in the scene."""
    profiles, trials = checked.tables["profiles"], checked.tables["trials"]
    values = []
    for text in profiles["options"]:
        part = read_json(text).get(section)
        value = part.get(name, default) if isinstance(part, dict) else default
        values.append(float(value) if isinstance(value, int | float) else default)
    mine = trials["profile"][trials["kind"] == TrialKind.IN_SCENE]
    return np.array(values, float)[checked.rows_of("profiles", mine)] if len(mine) else np.zeros(0)
