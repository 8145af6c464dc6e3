"""What an agent is told in numbers: the hand, and the objects. Functions of arrays of n simulations."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from graspgen.env.moment import Moment
from graspgen.frames import Array

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
_AGENT_LEAST = -_AGENT_MOST
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


def agent_state(moment: Moment, touching: NDArray[np.bool_], offset: Array, belt: Array) -> NDArray[np.float32]:
    """(n, 17) float32 `AGENT`.

    Args:
        moment: measures of the simulations.
        touching: (n, 2) whether each finger touches the target.
        offset: (n, 3) m, of the world's frame from the simulation's.
        belt: (n, 3) m/s, velocity of the simulation's frame.
    """
    told = np.empty((len(moment.x), len(AGENT)), np.float32)
    told[:, :3] = moment.x + offset
    told[:, 3:7] = moment.quat
    told[:, 7:10] = moment.v + belt
    told[:, 10:13] = moment.w
    told[:, 13], told[:, 14] = moment.opening, moment.rate
    told[:, 15:] = touching
    return _bounded(told, _AGENT_LEAST, _AGENT_MOST)


def with_posture(agent: NDArray[np.float32], posture: Array) -> NDArray[np.float32]:
    """(n, 17 + 2 joints) float32: the numbers of the hand, then angles of an arm's joints, rad, and rates, rad/s."""
    most = agent_bounds(posture.shape[1] // 2)
    return _bounded(np.concatenate([agent, posture.astype(np.float32)], axis=1), -most, most)


def environment_state(
    moment: Moment, held: NDArray[np.bool_], rise: Array, half: Array, target: NDArray[np.int64], belt: Array, rows: int
) -> NDArray[np.float32]:
    """(n, 2 + 17 rows) float32: `EPISODE`, then `OBJECT` for each object in the order of instance ids; the rest is 0.

    Args:
        moment: measures of the simulations.
        held, rise: (n,) whether the target is held, and its rise since the close, m.
        half: (n, k, 3) half-sizes of the objects' boxes, m; −∞ where there is no object.
        target: (n,) number of the target among the objects, −1 for none.
        belt: (n, 3) m/s, velocity of the simulation's frame.
        rows: of objects.
    """
    n, k = len(half), min(half.shape[1], rows)
    told = np.zeros((n, 2 + len(OBJECT) * rows), np.float32)
    told[:, 0], told[:, 1] = held, rise
    own = told[:, 2:].reshape(n, rows, len(OBJECT))[:, :k]
    own[..., 0] = 1
    own[..., 1] = _numbers(k) == target[:, None]
    own[..., 2:5] = moment.centre[:, :k] - moment.x[:, None]
    own[..., 5:8], own[..., 8:11] = moment.R_object[:, :k, :, 0], moment.R_object[:, :k, :, 1]
    own[..., 11:14] = moment.v_object[:, :k] + belt[:, None]
    own[..., 14:17] = half[:, :k]
    there = half[:, :k, 0] >= 0
    if not there.all():
        own[~there] = 0
    return _bounded(told, *_environment_ends(rows))


@functools.cache
def _environment_ends(rows: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    most = environment_bounds(rows)
    return -most, most


@functools.cache
def _numbers(k: int) -> NDArray[np.int64]:
    return np.arange(k)


def _bounded(told: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bound numbers in place; one that is not finite, after a simulation has diverged, is 0."""
    if not np.isfinite(told).all():
        np.nan_to_num(told, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return np.minimum(np.maximum(told, low, out=told), high, out=told)
