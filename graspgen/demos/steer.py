"""The action that takes a hand towards a pose, in every Cartesian action mode; and which poses a mode can reach."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graspgen.demos.alike import HALF_TURNS, about_z
from graspgen.env.actions import HOME, rotation_vector
from graspgen.env.task import GraspTask
from graspgen.frames import Array

_DOWN = np.array([0.0, 0.0, -1.0])
#: Of poses that are the same grasp, those that must be tilted by this much more than the least are not taken, rad.
EVEN = 1e-6


def reachable(mode: str, R: Array, R_now: Array, turns: Array | None = HALF_TURNS) -> Array:
    """Return the rotation nearest to R that an action mode can bring a hand to that has pointed straight down.

    Of poses that are the same grasp it is the one that must be tilted least, then the one nearest to `R_now`. `delta4`
    keeps closing along the world's y, `delta5` keeps pointing down, `delta6` keeps closing along the horizontal.

    Args:
        mode: of actions (`graspgen.env.actions.NAMES`).
        R: (3, 3) grasp frame, world axes: z approach, y closing.
        R_now: (3, 3) the hand's.
        turns: (m, 3, 3) about the approach that change no grasp (`graspgen.demos.alike.alike`); None for any.
    """
    if turns is None:
        level = np.cross(R[:, 2], _DOWN)
        if mode == "delta6" and np.linalg.norm(level) > 1e-6:
            level = level / np.linalg.norm(level)
            R, turns = np.column_stack([np.cross(level, R[:, 2]), level, R[:, 2]]), HALF_TURNS
        else:
            M = R_now.T @ R
            R, turns = R @ about_z(np.arctan2(M[0, 1] - M[1, 0], M[0, 0] + M[1, 1])), np.eye(3)[None]
    found = np.array([_reached(mode, R @ turn) if mode != "delta4" else HOME @ turn for turn in turns])
    tilt = np.arccos(np.clip(found[:, :, 2] @ R[:, 2], -1.0, 1.0))
    near = np.trace(R_now.T @ found, axis1=1, axis2=2)
    return found[int(np.argmax(np.where(tilt < tilt.min() + EVEN, near, -np.inf)))]


def _reached(mode: str, R: Array) -> Array:
    if mode not in ("delta5", "delta6"):
        return R
    closing = R[:, 1] * [1.0, 1.0, 0.0]
    length = np.linalg.norm(closing)
    closing = closing / length if length > 1e-6 else HOME[:, 1]
    approach = _DOWN if mode == "delta5" else R[:, 2] - closing * (closing @ R[:, 2])
    approach = approach / np.linalg.norm(approach)
    return np.column_stack([np.cross(closing, approach), closing, approach])


def steer(
    task: GraspTask, x: Array, R: Array, fingers: float, carried: Array | None = None, slow: float = 1.0
) -> NDArray[np.float32]:
    """Return the action that moves the hand towards a pose, as fast as it may.

    Args:
        task: in the middle of an episode.
        x: (3,) m, where the tool point is to be, world frame.
        R: (3, 3) how the hand is to be turned.
        fingers: their speed, −1…1.
        carried: (3,) m/s, velocity of what the pose is on, a belt's; None for 0.
        slow: share of the speed at which it moves.
    """
    mode, limits = task.spec.action_mode, task.limits
    told, R_told = task.told[0][0], task.told[1][0]
    if mode == "velocity":  # counts from where the hand is
        told, R_told = task.moment.x[0] + task.offset, task.moment.R[0]
    x = x if carried is None else x + carried * task.period
    way = np.clip(x - told, -limits.step * slow, limits.step * slow)
    action = np.zeros(task.action_size, np.float32)
    action[-1] = fingers
    if mode == "absolute":
        middle, half = (limits.low + limits.high) / 2, (limits.high - limits.low) / 2
        action[:3] = (told + way - middle) / half
        action[3:6] = rotation_vector((HOME.T @ R)[None])[0] / np.pi
        return np.clip(action, -1.0, 1.0)
    action[:3] = way / limits.step
    turn = rotation_vector((R @ R_told.T)[None])[0]  # world axes
    if mode in ("delta5", "delta6"):
        # Yaw turns about the world's z, then pitch about the closing direction, which stays horizontal.
        old, new = R_told[:, 1], R[:, 1]
        turn = np.array([np.arctan2(old[0] * new[1] - old[1] * new[0], old @ new), 0.0, 0.0])
        if mode == "delta6":
            yawed = about_z(turn[0]) @ R_told
            turn[1] = rotation_vector((yawed.T @ R)[None])[0, 1]
        turn = turn[: 1 if mode == "delta5" else 2]
    if mode != "delta4":
        turn = turn * min(1.0, limits.turn_step / max(float(np.abs(turn).max()), 1e-12))
        action[3:-1] = turn / limits.turn_step
    return np.clip(action, -1.0, 1.0)
