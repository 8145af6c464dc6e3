"""Checks of recorded trials: keys, times, starts and ends, velocities against poses, contacts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.checked import Checked, read_json
from graspgen.dataset.schema import TrialKind
from graspgen.dataset.violations import Report
from graspgen.frames import Array, matrix_to_quat, transform_points
from graspgen.grasps.outcomes import Outcome, Phase

#: The first frame has the poses of the settled scene, and a frame's camera that of its view, to within this.
POSE_TOLERANCE = 1e-9
#: Between two frames an object, or the hand, moves at the mean of their velocities, to within half of the difference
#: of these (a bump), a quarter of what this acceleration (m/s²; about a metre's arm rad/s²) adds, and the rest (m/s).
ACCELERATION, ANGULAR_ACCELERATION, REST = 40.0, 400.0, 0.05
#: What moves faster than this (m/s, rad/s), with a change below this share of it from frame to frame, moves at the mean
#: velocity to within these shares of it (of the linear and the angular one), in most pairs of frames no further apart
#: than this, s, and before any shake, where there are so many.
MOVING, SPINNING, SMOOTH, SHARE, ANGULAR_SHARE, CLOSE, ENOUGH = 0.05, 0.5, 0.5, 0.05, 0.2, 0.061, 8
#: A contact lies within the box around each object that it is of, to within this, m.
CONTACT_MARGIN = 0.005

_ORDER = [Phase.APPROACH, Phase.CLOSE, Phase.LIFT, Phase.HOLD, Phase.SHAKE]
_HITS = (Outcome.HITS_TARGET, Outcome.HITS_OBJECT, Outcome.HITS_SUPPORT)


def check_frames(report: Report, checked: Checked) -> None:
    """Check the tables of frames of a shard, but for the images."""
    frames = checked.tables["frames"]
    if not len(frames["id"]):
        return
    _check_times(report, checked)
    _check_start(report, checked)
    _check_velocities(report, checked)
    _check_contacts(report, checked)


def starts(frames: dict[str, NDArray[Any]]) -> NDArray[np.bool_]:
    """(f,) which frames are the first of their trial."""
    return np.concatenate([[True], frames["grasp"][1:] != frames["grasp"][:-1]])


def _check_times(report: Report, checked: Checked) -> None:
    frames, trials = checked.tables["frames"], checked.tables["trials"]
    first, keys = starts(frames), frames["id"]
    report.rows("frames", "time", first & (frames["time"] != 0), "the first frame of a trial is not at 0", keys)
    late = ~first & (np.diff(frames["time"], prepend=0) <= 0)
    report.rows("frames", "time", late, "is not after the frame before", keys)
    order = np.array([_ORDER.index(p) if p in _ORDER else -1 for p in frames["phase"].tolist()])
    back = (order < 0) | (~first & (np.diff(order, prepend=0) < 0))
    report.rows("frames", "phase", back, "is no phase of a trial in the scene, or one before the last", keys)
    late = first & (frames["phase"] != Phase.APPROACH)
    report.rows("frames", "phase", late, "the first frame of a trial is not of its approach", keys)
    grasps = frames["grasp"][first]
    again = np.zeros(len(keys), bool)
    again[first] = np.isin(np.arange(len(grasps)), np.unique(grasps, return_index=True)[1], invert=True)
    report.rows("frames", "grasp", again, "the frames of a trial do not follow each other", keys)
    mine = np.flatnonzero(trials["kind"] == TrialKind.IN_SCENE)
    last = np.concatenate([first[1:], [True]])
    of = np.searchsorted(trials["grasp"][mine], frames["grasp"])
    known = np.isin(frames["grasp"], trials["grasp"][mine])
    report.rows("frames", "grasp", ~known, "was not tried in the scene", keys)
    row = mine[np.minimum(of, len(mine) - 1)] if len(mine) else np.zeros(len(keys), int)
    bad = last & known & (frames["phase"] != trials["phase"][row])
    report.rows("frames", "phase", bad, "the last frame is in another phase than the trial reached", keys)
    profile = checked.rows_of("profiles", trials["profile"][row])
    steps = np.array([_timestep(text) for text in checked.tables["profiles"]["options"]], float)[profile]
    scene = checked.tables["scene_trials"]
    ran = scene["steps"][np.searchsorted(scene["grasp"], np.where(known, frames["grasp"], scene["grasp"][0]))] * steps
    hit = np.isin(trials["outcome"][row], (*_HITS, Outcome.UNSTABLE))
    # What was hit ended the trial before the last steps, which were taken at a time.
    off = np.where(hit, frames["time"] > ran + 1e-9, np.abs(frames["time"] - ran) > 1e-9)
    report.rows("frames", "time", last & known & off, "the last frame is not the end of the trial", keys)


def _timestep(options: str) -> float:
    option = read_json(options).get("option")
    value = option.get("timestep") if isinstance(option, dict) else None
    return float(value) if isinstance(value, int | float) else np.nan


def _check_start(report: Report, checked: Checked) -> None:
    """The first frame of a trial is the settled scene, with the hand in front of the grasp."""
    t = checked.tables
    frames, things, objects, grasps = t["frames"], t["frame_objects"], t["objects"], t["grasps"]
    first = starts(frames)
    at_start = first[checked.rows_of("frames", things["frame"])]
    settled = objects["T_world_object"][checked.rows_of("objects", things["object"])]
    off = np.abs(things["T_world_object"] - settled).max(axis=(1, 2))
    report.rows(
        "frame_objects",
        "T_world_object",
        at_start & (off > POSE_TOLERANCE),
        lambda row: f"at the start of a trial it differs by {off[row]:.3g} from objects.T_world_object",
        things["object"],
    )
    row = checked.rows_of("grasps", frames["grasp"])
    target = objects["T_world_object"][checked.rows_of("objects", grasps["object"][row])]
    wanted = target @ grasps["T_object_grasp"][row]
    approach = checked.recipe.get("grasps", {}).get("approach", 0.0)
    wanted[:, :3, 3] -= approach * wanted[:, :3, 2]
    off = np.abs(frames["T_world_tool"] - wanted).max(axis=(1, 2))
    report.rows(
        "frames",
        "T_world_tool",
        first & (off > POSE_TOLERANCE),
        lambda r: f"at the start of a trial it is {off[r]:.3g} off the start of the approach to its grasp",
        frames["id"],
    )
    stroke = t["grippers"]["stroke"][checked.rows_of("grippers", grasps["gripper"][row])]
    # Fingers that slam into their stops, or are pushed into them, overshoot a little.
    bad = (frames["opening"] < -2e-3) | (frames["opening"] > stroke + 2e-3)
    report.rows("frames", "opening", bad, "is no opening that the gripper has", frames["id"])


def _check_velocities(report: Report, checked: Checked) -> None:
    """Compare what moved from frame to frame with the velocities in both frames."""
    frames, things, objects = (checked.tables[name] for name in ("frames", "frame_objects", "objects"))
    pairs = ~starts(frames)[1:]
    before = np.flatnonzero(pairs)
    dt = (frames["time"][before + 1] - frames["time"][before])[:, None]
    fair = (dt[:, 0] <= CLOSE) & (frames["phase"][before + 1] != Phase.SHAKE) & (dt[:, 0] > 0)
    tool = frames["T_world_tool"]
    _compare(report, "frames", tool[:, :3, 3], tool[:, :3, :3], frames, (before, before + 1), dt, fair, frames["id"])
    if not len(things["frame"]):
        return
    of = checked.rows_of("frames", things["frame"])
    key = of * (1 << 16) + (things["object"] & 0xFFFF)  # rows ascend by it
    following = np.searchsorted(key, key + (1 << 16))
    safe = np.minimum(following, len(key) - 1)
    row = np.flatnonzero((key[safe] == key + (1 << 16)) & ~starts(frames)[of[safe]])
    com = objects["com"][checked.rows_of("objects", things["object"])]
    T = things["T_world_object"]
    centre = transform_points(T, com[:, None])[:, 0]
    dt = (frames["time"][of[safe[row]]] - frames["time"][of[row]])[:, None]
    fair = (dt[:, 0] <= CLOSE) & (frames["phase"][of[safe[row]]] != Phase.SHAKE) & (dt[:, 0] > 0)
    _compare(report, "frame_objects", centre, T[:, :3, :3], things, (row, safe[row]), dt, fair, things["frame"])


def _compare(
    report: Report,
    table: str,
    place: Array,
    R: Array,
    rows: dict[str, NDArray[Any]],
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
    dt: Array,
    fair: NDArray[np.bool_],
    keys: NDArray[np.int64],
) -> None:
    """Check both velocities of a table for pairs of its rows; `keys` are those that a violation names."""
    a, b = pairs
    moved = (place[b] - place[a]) / dt
    turned = _rotation_vector(R[b] @ np.swapaxes(R[a], 1, 2)) / dt
    for name, found, acceleration, fast, most in (
        ("velocity", moved, ACCELERATION, MOVING, SHARE),
        ("angular_velocity", turned, ANGULAR_ACCELERATION, SPINNING, ANGULAR_SHARE),
    ):
        told = rows[name]
        mean, change = (told[a] + told[b]) / 2, np.linalg.norm(told[b] - told[a], axis=1)
        error = np.linalg.norm(found - mean, axis=1)
        limit = change / 2 + acceleration * dt[:, 0] / 4 + REST
        # More than half a turn between two frames looks like another one.
        whole = np.linalg.norm(mean, axis=1) * dt[:, 0] < 2 if name == "angular_velocity" else np.ones(len(a), bool)
        bad = np.zeros(len(place), bool)
        bad[b] = whole & (error > limit)
        report.rows(table, name, bad, "does not fit how far it moved since the frame before", keys)
        speed = np.maximum(np.linalg.norm(found, axis=1), np.linalg.norm(mean, axis=1))
        moving = fair & whole & (speed > fast) & (change < SMOOTH * speed)
        share = np.median(error[moving] / speed[moving]) if moving.sum() >= ENOUGH else 0.0
        if share > most:
            report.add(
                f"is off by {share:.0%} of the speed, in half of {int(moving.sum())} pairs of frames in which it moves",
                table,
                name,
            )


def _rotation_vector(R: Array) -> Array:
    """(n, 3) axis times angle, rad, of (n, 3, 3) rotations."""
    q = matrix_to_quat(R)
    length = np.linalg.norm(q[:, 1:], axis=1)
    angle = 2 * np.arctan2(length, q[:, 0])
    return q[:, 1:] * np.where(length > 1e-12, angle / np.maximum(length, 1e-12), 2.0)[:, None]


def _check_contacts(report: Report, checked: Checked) -> None:
    """Contacts are of what is there, their normals are unit vectors, and they lie at the objects that touch."""
    contacts, things = checked.tables["frame_contacts"], checked.tables["frame_objects"]
    frame, points = contacts["frame"], contacts["position"]
    off = np.abs(np.linalg.norm(contacts["normal"], axis=1) - 1)
    report.rows("frame_contacts", "normal", ~(off <= 1e-6), "is no unit vector", frame)
    same = contacts["first"] == contacts["second"]
    report.rows("frame_contacts", "second", same, "is the first again", frame)
    bounds, known = checked.object_bounds()
    place = checked.rows_of("frames", things["frame"]) * (1 << 16) + (things["object"] & 0xFFFF)
    of = checked.rows_of("frames", frame) * (1 << 16)
    for name in ("first", "second"):
        rows = np.flatnonzero(contacts[name] > 0)
        at = np.searchsorted(place, of[rows] + (contacts[name][rows] & 0xFFFF))
        T = things["T_world_object"][at]
        local = np.einsum("nji,nj->ni", T[:, :3, :3], points[rows] - T[:, :3, 3])
        own = checked.rows_of("objects", contacts[name][rows])
        low, high = bounds[own, 0] - CONTACT_MARGIN, bounds[own, 1] + CONTACT_MARGIN
        bad = np.zeros(len(frame), bool)
        bad[rows] = known[own] & ((local < low) | (local > high)).any(axis=1)
        report.rows("frame_contacts", "position", bad, f"is not at the object that is {name}", frame)
