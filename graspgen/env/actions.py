"""What actions mean: from numbers in −1…1 to where n hands are told to go in the next control step. Pure functions.

Poses are those of the tool point: z approach, y closing. The last number of every action is the speed of the fingers:
+1 opens, −1 closes, at the gripper's own speed.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import mujoco
import numpy as np

from graspgen.frames import Array
from graspgen.grasps.scene_state import quats

#: Numbers of an action, and their names.
NAMES: dict[str, tuple[str, ...]] = {
    "delta4": ("x", "y", "z", "fingers"),
    "delta5": ("x", "y", "z", "yaw", "fingers"),
    "delta6": ("x", "y", "z", "yaw", "pitch", "fingers"),
    "delta7": ("x", "y", "z", "turn_x", "turn_y", "turn_z", "fingers"),
    "absolute": ("x", "y", "z", "turn_x", "turn_y", "turn_z", "fingers"),
    "velocity": ("x", "y", "z", "turn_x", "turn_y", "turn_z", "fingers"),
}
#: The hand points straight down and closes along the world's y.
HOME: Array = np.diag([1.0, -1.0, -1.0])
_Y, _Z = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
_UNIT = np.array([1.0, 0.0, 0.0, 0.0])
#: The hand is told to be at most this far from where it is, m: what blocks it is pressed no harder in the end.
LEASH = 0.03
#: Largest angular speed, rad/s.
TURN_SPEED = 1.5


@dataclass(frozen=True, eq=False)
class Limits:
    """What bounds the hand's motion.

    Attributes:
        speed: m/s along each axis.
        turn_speed: rad/s about each axis.
        period: of a control step, s.
        low, high: (3,) or (n, 3) corners of the box that the tool point is kept in, m, world frame.
    """

    speed: float
    turn_speed: float
    period: float
    low: Array
    high: Array

    @property
    def step(self) -> float:
        """Longest way along an axis in a control step, m."""
        return self.speed * self.period

    @property
    def turn_step(self) -> float:
        """Largest turn about an axis in a control step, rad."""
        return self.turn_speed * self.period


def commanded(
    mode: str, action: Array, told: tuple[Array, Array], hand: tuple[Array, Array], limits: Limits
) -> tuple[Array, Array, bool]:
    """Return where hands are to be at the end of the next control step.

    Args:
        mode: one of `NAMES`.
        action: (n, numbers) in −1…1.
        told: (n, 3) m and (n, 3, 3), where each hand was told to be until now, world frame.
        hand: likewise, where it is.
        limits: of its motion.

    Returns:
        (n, 3) m, (n, 3, 3), and whether hands turn at all.
    """
    x, R = told
    if mode == "absolute":
        middle, half = (limits.low + limits.high) / 2, (limits.high - limits.low) / 2
        x = x + np.clip(middle + action[:, :3] * half - x, -limits.step, limits.step)
        way = rotation_vector(R.swapaxes(1, 2) @ HOME @ turn(np.pi * action[:, 3:6]))
        angle = np.linalg.norm(way, axis=1, keepdims=True)
        R = R @ turn(way * np.minimum(1.0, limits.turn_step / np.maximum(angle, 1e-12)))
    elif mode == "velocity":
        x = hand[0] + action[:, :3] * limits.step
        R = turn(action[:, 3:6] * limits.turn_step) @ hand[1]
    else:
        x = x + action[:, :3] * limits.step
        if mode == "delta7":
            R = turn(action[:, 3:6] * limits.turn_step) @ R
        elif mode != "delta4":
            R = turn(action[:, 3:4] * _Z * limits.turn_step) @ R
            if mode == "delta6":
                R = R @ turn(action[:, 4:5] * _Y * limits.turn_step)
    x = np.minimum(np.maximum(x, limits.low), limits.high)
    x = hand[0] + np.minimum(np.maximum(x - hand[0], -LEASH), LEASH)
    return x, R, mode != "delta4"


def turn(vector: Array) -> Array:
    """Return the (n, 3, 3) rotations by (n, 3) rotation vectors, rad."""
    R, q = np.empty((len(vector), 9)), np.empty(4)
    for out, each in zip(R, np.asarray(vector, float), strict=True):
        q[:] = _UNIT
        mujoco.mju_quatIntegrate(q, each, 1.0)
        mujoco.mju_quat2Mat(out, q)
    return R.reshape(-1, 3, 3)


def rotation_vector(R: Array) -> Array:
    """Return the (n, 3) rotation vectors, rad, of (n, 3, 3) rotations; their length is at most π."""
    vectors = np.empty((len(R), 3))
    for out, q in zip(vectors, quats(R), strict=True):
        mujoco.mju_quat2Vel(out, q, 1.0)
    return vectors


def servo_targets(
    out: Array,
    way: tuple[Array, Array],
    turn_left: Array | None,
    stand: tuple[Array, Array],
    lead: Array,
    period: float,
) -> None:
    """Write the (n, steps, 6) targets of the servos that move hands evenly through a control step of so many steps.

    Args:
        out: the targets.
        way: (n, 3) m, where each hand was told to be, and where it is to be at the end.
        turn_left: (n, 3) rotation vectors from its stand, rad, of how it was told to be turned; at the end, none. None
            where no hand turns.
        stand: (n, 3) m and (n, 3, 3), of the stands, turned as the hands are to be at the end.
        lead: (n, 6) s, by how much of its speed each target must lead.
        period: of the control step, s.
    """
    (x0, x1), (origin, R) = way, stand
    ends = np.zeros((len(origin), 2, 6))
    ends[:, 0, :3], ends[:, 1, :3] = x0 - origin, x1 - origin
    ends[..., :3] = ends[..., :3] @ R
    if turn_left is not None:
        ends[:, 0, 3:] = turn_left
    start = ends[:, 0]
    far = ends[:, 1] - start
    np.add((start + lead * (far / period))[:, None], _shares(out.shape[1]) * far[:, None], out=out)


@functools.cache
def _shares(steps: int) -> Array:
    return np.arange(1, steps + 1)[:, None] / steps
