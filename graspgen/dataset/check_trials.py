"""Checks of the numbers of grasps and trials: what is stored for which phase, nominal values, ladders, and hands."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.check_grasps import WIDTH_TOLERANCE, protocol
from graspgen.dataset.checked import Checked
from graspgen.dataset.schema import GripperKind, TrialKind
from graspgen.dataset.violations import Report
from graspgen.grasps.outcomes import Collision, Outcome, Phase, Sampler

#: Clearances and collisions are measured by contacts that look ahead: near zero they may differ by this, m.
TOUCH_TOLERANCE = 1e-3
#: Clearances are capped here, m.
CLEARANCE_CAP = 0.02
#: A pad that bounces presses harder for a moment, but not by more than this factor of what the gripper can.
FORCE_SHARE = 2.0
#: The limit of a multi-finger hand is a fingertip's; what presses nearer to a joint has a shorter lever.
LEVER_SHARE = 6.0
#: A finger this near to the end of its stroke may rest on its stop, m.
STOP = 1e-3
#: No trial lasts as long, s, and nothing that is tracked in it moves as far, m.
LONGEST, FURTHEST = 60.0, 20.0

_NEIGHBOURS = (
    Collision.SUPPORT_AT_GRASP | Collision.NEIGHBOUR_AT_GRASP | Collision.SUPPORT_ON_APPROACH
    | Collision.NEIGHBOUR_ON_APPROACH
)  # fmt: skip
_TARGET = Collision.TARGET_AT_GRASP | Collision.TARGET_ON_APPROACH


def check_trials(report: Report, checked: Checked) -> None:
    """Check the numbers in `grasps`, `trials`, `scene_trials` and `displacements` of a shard."""
    for each in (_check_hands, _check_proposals):
        report.attempt(each.__name__.removeprefix("_check_"), partial(each, report, checked))
    trials = checked.tables["trials"]
    if len(trials.get("grasp", ())):
        report.attempt("phases", partial(_check_phases, report, trials))
        for each in (_check_nominal, _check_protocol):
            report.attempt(each.__name__.removeprefix("_check_"), partial(each, report, checked))
    report.attempt("numbers of trials in the scene", partial(_check_scene_trials, report, checked))


def _check_hands(report: Report, checked: Checked) -> None:
    """Clearance and collision bits speak of the same hand, and so does the free trial."""
    g = checked.tables["grasps"]
    keys, clearance, inside = g["id"], g["clearance"], g["scene"] >= 0
    touched = (g["collision"] & int(_NEIGHBOURS)) > 0
    report.rows("grasps", "clearance", np.isnan(clearance) == inside, "is NaN in a scene, or given without one", keys)
    report.rows("grasps", "clearance", clearance > CLEARANCE_CAP + 1e-6, f"is above its cap, {CLEARANCE_CAP} m", keys)
    bad = inside & np.where(touched, clearance > TOUCH_TOLERANCE, clearance < -TOUCH_TOLERANCE)
    report.rows(
        "grasps",
        "collision",
        bad,
        lambda r: f"touches {'something' if touched[r] else 'nothing'}, with a clearance of {clearance[r]:g} m",
        keys,
    )
    report.rows("grasps", "collision", ~inside & touched, "touches a support or neighbour, without a scene", keys)
    own = (g["collision"] & int(_TARGET)) > 0
    tried = g["outcome"] != Outcome.NOT_TRIED
    bad = tried & (own != (g["outcome"] == Outcome.HITS_TARGET)) & (g["outcome"] != Outcome.UNSTABLE)
    report.rows("grasps", "collision", bad, "its bits of the target do not fit the outcome of the free trial", keys)


def _check_proposals(report: Report, checked: Checked) -> None:
    """Perturbed grasps have a parent on the same object, and hands open wider than what they grasp."""
    g = checked.tables["grasps"]
    keys, parent = g["id"], g["parent"]
    bad = (parent >= 0) != (g["sampler"] == Sampler.PERTURBED)
    report.rows("grasps", "parent", bad, "perturbed grasps have a parent, and no others", keys)
    row = np.minimum(np.searchsorted(keys, parent), max(len(keys) - 1, 0))
    bad = (parent >= 0) & (g["object"][row] != g["object"]) if len(keys) else np.zeros(0, bool)
    report.rows("grasps", "parent", bad | (parent == keys), "is the grasp itself, or of another object", keys)
    across = np.linalg.norm(g["contacts"][:, 0].astype(float) - g["contacts"][:, 1], axis=1)
    antipodal = np.isin(g["sampler"], (Sampler.ANTIPODAL, Sampler.ANTIPODAL_CLEAR, Sampler.ANTIPODAL_BLOCKED))
    bad = antipodal & (g["width"] < across - WIDTH_TOLERANCE)
    report.rows("grasps", "width", bad, lambda r: f"{g['width'][r]:g} m, the contacts are {across[r]:g} m apart", keys)
    report.rows(
        "grasps", "grip_width", g["grip_width"] > g["width"] + WIDTH_TOLERANCE, "is wider than the hand opened", keys
    )
    apart = g["contacts"][:, 0].astype(float) - g["contacts"][:, 1]
    met = np.minimum(np.einsum("nj,nj->n", apart, g["T_object_grasp"][:, :3, 1]), g["width"])
    bad = antipodal & (np.abs(g["grip_width"] - met) > WIDTH_TOLERANCE)
    report.rows(
        "grasps", "grip_width", bad, lambda r: f"{g['grip_width'][r]:g} m, the contacts are {met[r]:g} m apart", keys
    )
    least = g["min_friction"]
    if not checked.recipe.get("grasps", {}).get("min_friction", False):
        report.rows("grasps", "min_friction", ~np.isnan(least), "the recipe has none searched", keys)
    bad = (least <= 0) | (least > 10) | (~np.isnan(least) & ((g["collision"] & int(_TARGET)) > 0))
    report.rows("grasps", "min_friction", bad, "is no friction that can have held", keys)
    for name in ("flatness", "patch"):
        lone = ~np.isnan(g[name]) & np.isnan(g["epsilon"])
        report.rows("grasps", name, lone, "is given where epsilon is not", keys)
    report.rows("grasps", "flatness", g["flatness"] > 0.05, "is larger than a pad", keys)


def _check_phases(report: Report, t: dict[str, NDArray[Any]]) -> None:
    """A number is there if and only if the trial came so far."""
    phase, outcome, keys = t["phase"], t["outcome"], t["grasp"]
    fair = outcome != Outcome.UNSTABLE
    closed = phase != Phase.APPROACH
    held = closed & (phase != Phase.CLOSE)
    free = t["kind"] == TrialKind.FREE
    failed = held & (outcome != Outcome.SUCCESS)
    when = {
        "drift_closing": closed, "rotation_closing": closed, "grip_force": closed, "width": closed,
        "drift_holding": held, "rotation_holding": held, "peak_acceleration": held, "held_acceleration": held & free,
    }  # fmt: skip
    for name, there in when.items():
        bad = fair & (np.isnan(t[name]) == there)
        report.rows("trials", name, bad, lambda r, p=phase: f"does not fit the phase reached, {Phase(int(p[r])).name}",
                    keys)  # fmt: skip
    bad = fair & free & (np.isnan(t["time_to_failure"]) == failed)
    report.rows("trials", "time_to_failure", bad, "is given without a failure under disturbances, or missing", keys)
    bad = fair & ~free & ~np.isnan(t["time_to_failure"]) & ~failed
    report.rows("trials", "time_to_failure", bad, "is given without a failure after the lift began", keys)
    report.rows("trials", "failed_direction", ~failed & (t["failed_direction"] >= 0), "nothing pushed it yet", keys)
    for name in ("rotation_closing", "rotation_holding"):
        report.rows("trials", name, t[name] > np.pi + 1e-5, "is more than half a turn", keys)
    for name in ("drift_closing", "drift_holding"):
        report.rows("trials", name, t[name] > FURTHEST, "is further than anything moves in a trial", keys)
    bad = (outcome == Outcome.SUCCESS) & ~(t["grip_force"] > 0)
    report.rows("trials", "grip_force", bad, "a success without any", keys)


def _check_nominal(report: Report, checked: Checked) -> None:
    """The nominal trial has the object's own friction and mass; others are numbered, and differ by what is stored."""
    t, objects = checked.tables["trials"], checked.tables["objects"]
    keys, nominal = t["grasp"], t["draw"] == 0
    same = (keys[1:] == keys[:-1]) & (t["kind"][1:] == t["kind"][:-1])
    expected = np.concatenate([[0], np.where(same, t["draw"][:-1] + 1, 0)])
    report.rows("trials", "draw", t["draw"] != expected, "draws of a grasp are not numbered 0, 1, 2, …", keys)
    report.rows("trials", "com_offset", nominal & t["com_offset"].any(axis=1), "the nominal trial has none", keys)
    report.rows("trials", "pose_noise", nominal & t["pose_noise"].any(axis=1), "the nominal trial has none", keys)
    report.rows("trials", "kind", (t["kind"] == TrialKind.IN_SCENE) & ~nominal, "in the scene none are drawn", keys)
    grasps = checked.tables["grasps"]
    of = checked.rows_of("grasps", keys)
    rows = np.flatnonzero(grasps["scene"][of] >= 0)
    thing = checked.rows_of("objects", grasps["object"][of[rows]])
    for column, own in (("friction", objects["friction"][thing, 0]), ("mass", objects["mass"][thing])):
        ratio = t[column][rows] / own
        off = np.where(nominal[rows], np.abs(ratio - 1) > 1e-5, (ratio < 0.02) | (ratio > 50))
        bad = np.zeros(len(keys), bool)
        bad[rows] = off
        report.rows("trials", column, bad, f"is not that of the object (objects.{column})", keys)
    size = np.linalg.norm(t["com_offset"], axis=1)
    report.rows("trials", "com_offset", size > 1, "is larger than an object", keys)


def _check_protocol(report: Report, checked: Checked) -> None:
    """Accelerations are steps of the profile's ladder, and forces such as the gripper has."""
    t, g = checked.tables["trials"], checked.tables["grasps"]
    keys, profile = t["grasp"], checked.rows_of("profiles", t["profile"])
    for row, text in enumerate(checked.tables["profiles"]["options"]):
        p = protocol(text)
        if "ladder" not in p or "acceleration" not in p:
            continue
        steps = np.array([0.0, *p["ladder"]]) * float(p["acceleration"])
        held = t["held_acceleration"]
        known = (np.abs(held[:, None] - steps) <= 1e-5 * (1 + steps)).any(axis=1) | np.isnan(held)
        bad = (profile == row) & ~known
        report.rows("trials", "held_acceleration", bad, "is no step of the profile's ladder", keys)
    free = t["kind"] == TrialKind.FREE
    bad = free & (t["peak_acceleration"] < t["held_acceleration"] * (1 - 1e-5))
    report.rows("trials", "peak_acceleration", bad, "is less than the acceleration that held", keys)
    of = checked.rows_of("grasps", keys)
    hand = checked.rows_of("grippers", g["gripper"][of])
    # The motor bears what presses two pads apart. An object that jams between one finger and the palm, or pushes a
    # finger to its stop, is borne by the hand's structure: five times what the motor can was seen there.
    grippers = checked.tables["grippers"]
    share = np.where(grippers["kind"] == GripperKind.MULTI_FINGER, LEVER_SHARE, FORCE_SHARE)
    most, stroke = (share * grippers["max_force"])[hand], grippers["stroke"][hand]
    borne = (t["phase"] <= Phase.CLOSE) | ((stroke > 0) & (t["width"] > stroke - STOP))
    bad = ~borne & (t["grip_force"] > most)
    report.rows("trials", "grip_force", bad, "is more than the gripper can", keys)
    report.rows("trials", "width", t["width"] > g["width"][of] + WIDTH_TOLERANCE, "is wider than it began", keys)


def _check_scene_trials(report: Report, checked: Checked) -> None:
    """Numbers of trials in the scene are there for those that came so far, and within what such a trial can do."""
    t, s, d = (checked.tables[name] for name in ("trials", "scene_trials", "displacements"))
    mine = np.flatnonzero(t["kind"] == TrialKind.IN_SCENE)
    keys = s["grasp"]
    if not np.array_equal(t["grasp"][mine], keys):
        return  # named by the check of what belongs together
    phase, outcome = t["phase"][mine], t["outcome"][mine]
    lifted = np.isin(phase, (Phase.LIFT, Phase.HOLD, Phase.SHAKE)) & (outcome != Outcome.UNSTABLE)
    success = outcome == Outcome.SUCCESS
    report.rows("scene_trials", "lift_height", lifted & np.isnan(s["lift_height"]), "is missing after a lift", keys)
    report.rows("scene_trials", "tracking_error", lifted & np.isnan(s["tracking_error"]), "is missing", keys)
    report.rows("scene_trials", "tracking_error", s["tracking_error"] > 0.2, "no hand falls so far behind", keys)
    early = (phase == Phase.APPROACH) & (outcome != Outcome.UNSTABLE)
    for name in ("lift_height", "wrench"):
        there = ~np.isnan(s[name].reshape(len(keys), s[name].shape[1] if s[name].ndim > 1 else 1)).all(axis=1)
        report.rows("scene_trials", name, early & there, "is given of a hand that touched on its approach", keys)
    bad = success & np.isnan(s["wrench"]).any(axis=1)
    report.rows("scene_trials", "wrench", bad, "is missing in a success", keys)
    torque = np.linalg.norm(s["wrench"][:, 3:], axis=1)
    force = np.linalg.norm(s["wrench"][:, :3], axis=1)
    bad = (torque > 1.0 + 0.5 * force) | (force > 1000)
    report.rows("scene_trials", "wrench", bad, "is no load that an arm bears", keys)
    options = checked.tables["profiles"]["options"]
    steps = [protocol(text, "option").get("timestep", np.nan) for text in options]
    step = np.array(steps, float)[checked.rows_of("profiles", t["profile"][mine])]
    scenes = [protocol(text, "scene") for text in options]
    times = [p.get("lift", 0.0) / p.get("lift_speed", np.inf) + p.get("hold", 0.0) for p in scenes]
    least = np.array(times, float)[checked.rows_of("profiles", t["profile"][mine])]
    bad = (success & (s["steps"] * step < least - 1e-9)) | (s["steps"] * step > LONGEST)
    bad |= success & (s["steps"] <= 0)
    report.rows("scene_trials", "steps", bad, "is no length of such a trial", keys)
    far = (d["displacement"] > FURTHEST) | (np.isnan(d["displacement"]) != np.isnan(d["rotation"]))
    report.rows("displacements", "displacement", far, "is further than anything moves in a trial", d["grasp"])
