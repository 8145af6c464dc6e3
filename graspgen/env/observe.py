"""What an agent is told in numbers: what they are called, and how large they can be."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

#: Names of the numbers of `agent_pos`: metres, world frame; quaternion; m/s; rad/s; opening, m, and its rate, m/s;
#: whether each finger touches the target.
AGENT = (
    "x", "y", "z", "qw", "qx", "qy", "qz", "vx", "vy", "vz", "wx", "wy", "wz", "opening", "opening_rate", "touch_left",
    "touch_right",
)  # fmt: skip
#: Names of the first numbers of `environment_state`: whether the target is held, and its rise since the close, m.
EPISODE = ("held", "rise")
#: Names of the numbers of each object: 1 if there is one; 1 if it is the target; the centre of its box from the tool
#: point, m, world axes; the first two columns of its rotation; its velocity, m/s; half-sizes of its box, m.
OBJECT = (
    "there", "target", "dx", "dy", "dz", "r11", "r21", "r31", "r12", "r22", "r32", "vx", "vy", "vz", "half_x", "half_y",
    "half_z",
)  # fmt: skip

_AGENT_MOST = np.array([2, 2, 2, 1, 1, 1, 1, 5, 5, 5, 50, 50, 50, 1, 2, 1, 1], np.float32)
#: Largest angle and rate of a joint that is told, rad and rad/s.
_JOINT_MOST = (7.0, 50.0)
_EPISODE_MOST = np.array([1, 2], np.float32)
_OBJECT_MOST = np.array([1, 1, 4, 4, 4, 1, 1, 1, 1, 1, 1, 25, 25, 25, 2, 2, 2], np.float32)


def agent_bounds(joints: int = 0) -> NDArray[np.float32]:
    """(numbers,) largest value of each number of `agent_pos` with so many joints; the smallest is its negative."""
    return np.concatenate([_AGENT_MOST, np.repeat(np.array(_JOINT_MOST, np.float32), joints)])


@functools.cache
def environment_bounds(rows: int) -> NDArray[np.float32]:
    """(numbers,) likewise of `environment_state` with so many rows of objects."""
    return np.concatenate([_EPISODE_MOST, np.tile(_OBJECT_MOST, rows)])
