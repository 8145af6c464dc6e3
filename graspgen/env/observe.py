"""What an agent is told in numbers: the hand, and the objects. Functions of arrays of n simulations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graspgen.env.judge import Judge
from graspgen.frames import Array, matrix_to_quat, quat_to_matrix
from graspgen.grasps.scene_state import Ids, SceneState

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
_EPISODE_MOST = np.array([1, 2], np.float32)
_OBJECT_MOST = np.array([1, 1, 4, 4, 4, 1, 1, 1, 1, 1, 1, 25, 25, 25, 2, 2, 2], np.float32)


def agent_bounds() -> NDArray[np.float32]:
    """(numbers,) largest value of each number of `agent_pos`; the smallest is its negative."""
    return _AGENT_MOST.copy()


def environment_bounds(rows: int) -> NDArray[np.float32]:
    """(numbers,) likewise of `environment_state` with so many rows of objects."""
    return np.concatenate([_EPISODE_MOST, np.tile(_OBJECT_MOST, rows)])


def agent_state(state: SceneState, judge: Judge, ids: Ids, offset: Array, belt: Array) -> NDArray[np.float32]:
    """(m, 17) float32 `AGENT`.

    Args:
        state, judge: measure the simulations.
        ids: (m,) which.
        offset: (3,) m, of the world's frame from the simulation's.
        belt: (3,) m/s, velocity of the simulation's frame.
    """
    (x, R), (v, w) = state.hand(ids), state.hand_velocity(ids)
    opening, rate = state.opening(ids)
    told = np.concatenate(
        [x + offset, matrix_to_quat(R), v + belt, w, opening[:, None], rate[:, None], judge.touching[ids]], axis=1
    )
    return _bounded(told, _AGENT_MOST)


def environment_state(
    state: SceneState, judge: Judge, ids: Ids, centre: Array, half: Array, target: Ids, belt: Array, rows: int
) -> NDArray[np.float32]:
    """(m, 2 + 17 rows) float32: `EPISODE`, then `OBJECT` for each object in the order of instance ids; the rest is 0.

    Args:
        state, judge: measure the simulations.
        ids: (m,) which.
        centre, half: (k, 3) centres, object frame, and half-sizes of the objects' boxes, m.
        target: (m,) number of the target among the objects, −1 for none.
        belt: (3,) m/s, velocity of the simulation's frame.
        rows: of objects.
    """
    m, k = len(ids), min(len(centre), rows)
    told = np.zeros((m, 2 + len(OBJECT) * rows))
    told[:, 0], told[:, 1] = judge.held[ids], judge.rise[ids]
    x_tool, _ = state.hand(ids)
    qpos, qvel = state.objects()
    q, v = qpos[ids][:, :k], qvel[ids][:, :k]
    R = quat_to_matrix(q[..., 3:])
    table = told[:, 2:].reshape(m, rows, len(OBJECT))
    own = table[:, :k]
    own[..., 0] = 1
    own[..., 1] = np.arange(k) == target[:, None]
    own[..., 2:5] = q[..., :3] + (R @ centre[:k, :, None])[..., 0] - x_tool[:, None]
    own[..., 5:8], own[..., 8:11] = R[..., 0], R[..., 1]
    own[..., 11:14] = v[..., :3] + belt
    own[..., 14:17] = half[:k]
    return _bounded(told, environment_bounds(rows))


def box_distances(x: Array, qpos: Array, centre: Array, half: Array) -> tuple[Array, Array]:
    """(n, k) signed distances, m, of (n, 3) points from the boxes of objects, and from the boxes' centres.

    Args:
        x: points, the frame of `qpos`.
        qpos: (n, k, 7) coordinates of the objects.
        centre, half: (k, 3) of their boxes, object frame.
    """
    R = quat_to_matrix(qpos[..., 3:])
    own = (np.swapaxes(R, -1, -2) @ (x[:, None] - qpos[..., :3])[..., None])[..., 0] - centre
    beyond = np.abs(own) - half
    outside = np.sqrt((np.maximum(beyond, 0) ** 2).sum(axis=-1))
    return outside + np.minimum(beyond.max(axis=-1), 0), np.sqrt((own**2).sum(axis=-1))


def _bounded(told: Array, most: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the numbers within their bounds; one that is not finite, after a simulation has diverged, is 0."""
    told = told.astype(np.float32)
    if not np.isfinite(told).all():
        told = np.nan_to_num(told, nan=0.0, posinf=0.0, neginf=0.0)
    return np.minimum(np.maximum(told, -most), most)
