"""Checks of episodes: keys, starts, ends, rewards, and what is observed against the poses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.checked import Checked
from graspgen.dataset.violations import Report
from graspgen.frames import quat_to_matrix
from graspgen.grasps.outcomes import Outcome

#: Poses are those of the settled scene at the start, and observations those of the poses, to within this.
POSE_TOLERANCE, OBSERVED = 1e-9, 2e-6
#: Numbers of an action by mode.
NUMBERS = {"delta4": 4, "delta5": 5, "delta6": 6, "delta7": 7, "absolute": 7, "velocity": 7}
#: Where `steps.agent_pos` holds the opening, and `step_objects.state` the first two columns of the rotation.
_OPENING, _TURN = 13, slice(5, 11)


def check_episodes(report: Report, checked: Checked) -> None:
    """Check the tables of episodes of a shard, but for the images."""
    t = checked.tables
    episodes, steps, things = t["episodes"], t["steps"], t["step_objects"]
    if not len(episodes["id"]):
        return
    keys, ids = steps["id"], episodes["id"]
    of = checked.rows_of("episodes", steps["episode"])
    first = np.concatenate([[True], of[1:] != of[:-1]])
    last = np.concatenate([first[1:], [True]])
    count = np.bincount(of, minlength=len(ids))
    report.rows("episodes", "length", count != episodes["length"] + 1, "has not one step more than actions", ids)
    report.rows("steps", "episode", steps["episode"] >> 32 != keys >> 32, "is in another scene", keys)
    report.rows("steps", "time", first & (steps["time"] != 0), "the first step of an episode is not at 0", keys)
    period = steps["time"][np.minimum(np.flatnonzero(first)[of] + 1, len(keys) - 1)]
    late = ~first & ~(np.abs(np.diff(steps["time"], prepend=0) - period) <= 1e-9)
    report.rows("steps", "time", late, "is not one period after the step before", keys)
    loose = ~steps["held"] & (steps["rise"] != 0)
    report.rows("steps", "rise", loose, "is not 0, and the target is not held", keys)
    _check_actions(report, checked, of, last)
    _check_ends(report, checked, of, last)
    _check_poses(report, checked, of, first)
    other = things["object"] >> 16 != things["step"] >> 32
    report.rows("step_objects", "object", other, "is in another scene than the step")
    objects = dict(zip(*np.unique(t["objects"]["scene"], return_counts=True), strict=True))
    found = dict(zip(*np.unique(things["step"], return_counts=True), strict=True))
    wrong = np.array([found.get(key, 0) != objects.get(key >> 32, 0) for key in keys.tolist()], bool)
    report.rows("steps", "id", wrong, "has not one row in step_objects for each object of its scene", keys)
    shots = t["step_views"]
    report.rows("step_views", "view", shots["view"] >> 16 != shots["step"] >> 32, "is in another scene", shots["step"])
    views = dict(zip(*np.unique(t["views"]["scene"], return_counts=True), strict=True))
    seen = dict(zip(*np.unique(shots["step"], return_counts=True), strict=True))
    wanted = bool(checked.recipe.get("demos", {}).get("images"))
    wrong = np.array([seen.get(key, 0) != wanted * views.get(key >> 32, 0) for key in keys.tolist()], bool)
    report.rows("steps", "id", wrong, "has not one image of each view, as the recipe's demos.images says", keys)
    of_view = checked.rows_of("views", shots["view"])
    for name in ("K", "camera"):
        differ = shots[name] != t["views"][name][of_view]
        differ = differ.any(axis=tuple(range(1, differ.ndim)))  # also of no rows at all: episodes without images
        report.rows("step_views", name, differ, "is not that of its view", shots["step"])
    moved = (shots["T_world_camera"] != t["views"]["T_world_camera_nominal"][of_view]).any(axis=(1, 2))
    told = "is not the nominal one of its view, and the camera is not on the hand"
    report.rows("step_views", "T_world_camera", moved & (shots["camera"] != "wrist"), told, shots["step"])


def _check_actions(report: Report, checked: Checked, of: NDArray[np.int64], last: NDArray[np.bool_]) -> None:
    steps, episodes = checked.tables["steps"], checked.tables["episodes"]
    wanted = checked.recipe.get("demos", {})
    for name, told in (("action_mode", wanted.get("action_mode")), ("task", f"graspgen/{wanted.get('task')}")):
        report.rows("episodes", name, episodes[name] != told, f"is not the recipe's, {told}", episodes["id"])
    any_object = episodes["task"] != "graspgen/PickTarget-v0"
    bad = (episodes["target"] < 0) != any_object
    report.rows("episodes", "target", bad, "is one where any object will do, or none where not", episodes["id"])
    size = np.array([NUMBERS.get(mode, 0) for mode in episodes["action_mode"]])[of]
    there = np.isfinite(steps["action"])
    expected = (np.arange(there.shape[1]) < size[:, None]) & ~last[:, None]
    bad = (there != expected).any(axis=1)
    report.rows("steps", "action", bad, "has not as many numbers as its action mode, or is one at an end", steps["id"])
    bad = np.isfinite(steps["reward"]) == last
    report.rows("steps", "reward", bad, "is missing, or is one at an episode's end", steps["id"])


def _check_ends(report: Report, checked: Checked, of: NDArray[np.int64], last: NDArray[np.bool_]) -> None:
    steps, episodes = checked.tables["steps"], checked.tables["episodes"]
    ids, ends = episodes["id"], np.flatnonzero(last)
    over = steps["terminated"] | steps["truncated"]
    before_end = np.concatenate([last[1:], [False]])
    going = ~last & ~before_end
    report.rows("steps", "terminated", going & over, "the episode goes on after its end", steps["id"])
    report.rows("steps", "terminated", before_end & ~over, "the episode ends without an end", steps["id"])
    report.rows("steps", "truncated", steps["terminated"] & steps["truncated"], "ended and was cut short", steps["id"])
    for name in ("terminated", "truncated", "success"):
        changed = np.zeros(len(last), bool)
        changed[ends] = steps[name][ends] != steps[name][np.maximum(ends - 1, 0)]
        report.rows("steps", name, changed, "the end differs from the last action", steps["id"])
    bad = episodes["success"] != steps["success"][ends]
    report.rows("episodes", "success", bad, "is not that of its last step", ids)
    bad = episodes["success"] & (episodes["outcome"] != Outcome.SUCCESS)
    report.rows("episodes", "outcome", bad, "is no success, the episode is", ids)
    total = np.bincount(of, np.nan_to_num(steps["reward"]), minlength=len(ids))
    report.rows("episodes", "total_reward", np.abs(total - episodes["total_reward"]) > 1e-6, "is not the sum", ids)
    long = episodes["length"] > checked.recipe.get("demos", {}).get("max_steps", 0)
    report.rows("episodes", "length", long, "is longer than the recipe's demos.max_steps", ids)


def _check_poses(report: Report, checked: Checked, of: NDArray[np.int64], first: NDArray[np.bool_]) -> None:
    t = checked.tables
    episodes, steps, things = t["episodes"], t["steps"], t["step_objects"]
    T, agent = steps["T_world_tool"], steps["agent_pos"]
    off = np.abs(T[:, :3, 3] - agent[:, :3]).max(axis=1)
    turned = np.abs(quat_to_matrix(agent[:, 3:7].astype(float)) - T[:, :3, :3]).max(axis=(1, 2))
    bad = (off > OBSERVED) | (turned > OBSERVED)
    report.rows("steps", "agent_pos", bad, "differs from T_world_tool", steps["id"])
    off = np.abs(T - episodes["T_world_tool"][of]).max(axis=(1, 2))
    report.rows("steps", "T_world_tool", first & (off > POSE_TOLERANCE), "is not where the episode starts", steps["id"])
    off = np.abs(agent[:, _OPENING] - episodes["opening"][of])
    report.rows("episodes", "opening", (off > OBSERVED)[first], "is not that of its first step", episodes["id"])
    settled = t["objects"]["T_world_object"][checked.rows_of("objects", things["object"])]
    belt = t["scenes"]["belt_velocity"][checked.rows_of("scenes", things["step"] >> 32)]
    at = first[checked.rows_of("steps", things["step"])] & ~belt.any(axis=1)
    off = np.abs(things["T_world_object"] - settled).max(axis=(1, 2))
    bad = at & (off > POSE_TOLERANCE)
    report.rows("step_objects", "T_world_object", bad, "differs from objects.T_world_object at the start")
    R = things["T_world_object"][:, :3, :2].swapaxes(1, 2).reshape(-1, 6)
    bad = np.abs(things["state"][:, _TURN] - R).max(axis=1) > OBSERVED
    bad |= things["state"][:, 0] != 1
    report.rows("step_objects", "state", bad, "differs from T_world_object")
