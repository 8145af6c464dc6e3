"""Grasp poses between this project's convention and those of others. Nothing else in the package knows another one.

Ours, `T_x_grasp`: the origin is the tool point between the pads, z the approach, y the closing direction, x = y × z.
Others differ in the axes and in the origin:

| convention | who | origin | approach | closing |
|---|---|---|---|---|
| hand | ACRONYM, GraspGen, Contact-GraspNet, 6-DOF GraspNet | base of the gripper | z | x |
| base | isaac_grasp as written here, URDFs of the Franka hand | base of the gripper | z | y |
| tool | VGN, GIGA | tool point | z | y |
| graspnet | GraspNet-1Billion, GraspClutter6D | a point `depth` before the fingertips | x | y |

Where the base lies is the gripper's business: every function that needs it takes `T_base_tcp`, the column of a
dataset's `grippers`. Parallel jaws are their own image when turned by half a turn about the approach; poses are
converted as they are, without that turn.

All functions take and return (..., 4, 4) poses in metres in any frame x, which they leave alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from graspgen.frames import Array, inverse, matrix_to_quat, pose, quat_to_matrix

#: Axes of the hand convention in the grasp frame: its x is our y, its y our −x.
GRASP_HAND: Array = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])

#: Axes of GraspNet's convention in the grasp frame: its x is our z, its y our y, its z our −x.
GRASP_GRASPNET: Array = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])


def to_hand(T_x_grasp: ArrayLike, T_base_tcp: ArrayLike) -> Array:
    """Return grasps in the hand convention: the origin at the gripper's base, z approach, x closing."""
    T = np.asarray(T_x_grasp, float)
    return pose(T[..., :3, :3] @ GRASP_HAND, _moved(T, inverse(T_base_tcp)[..., :3, 3]))


def from_hand(T_x_hand: ArrayLike, T_base_tcp: ArrayLike) -> Array:
    """Undo `to_hand`."""
    T = np.asarray(T_x_hand, float)
    turned = pose(T[..., :3, :3] @ GRASP_HAND.T, T[..., :3, 3])
    return pose(turned[..., :3, :3], _moved(turned, -inverse(T_base_tcp)[..., :3, 3]))


def to_base(T_x_grasp: ArrayLike, T_base_tcp: ArrayLike) -> Array:
    """Return the poses of the gripper's base body at the grasps."""
    return np.asarray(T_x_grasp, float) @ inverse(T_base_tcp)


def from_base(T_x_base: ArrayLike, T_base_tcp: ArrayLike) -> Array:
    """Undo `to_base`."""
    return np.asarray(T_x_base, float) @ np.asarray(T_base_tcp, float)


def to_graspnet(T_x_grasp: ArrayLike, depth: ArrayLike) -> Array:
    """Return grasps in GraspNet's convention: x approach, y closing, the origin `depth` before the tool point.

    In the returned frame the tool point, where GraspNet draws the fingertips, is (depth, 0, 0) and the pads are at
    (depth, ±width / 2, 0).

    Args:
        T_x_grasp: the grasps.
        depth: m, of all grasps or (...) of each.
    """
    T, back = np.asarray(T_x_grasp, float), np.asarray(depth, float)[..., None]
    return pose(T[..., :3, :3] @ GRASP_GRASPNET, T[..., :3, 3] - back * T[..., :3, 2])


def from_graspnet(T_x_graspnet: ArrayLike, depth: ArrayLike) -> Array:
    """Undo `to_graspnet`."""
    T, forward = np.asarray(T_x_graspnet, float), np.asarray(depth, float)[..., None]
    return pose(T[..., :3, :3] @ GRASP_GRASPNET.T, T[..., :3, 3] + forward * T[..., :3, 0])


def to_xyzw(rotation: ArrayLike) -> Array:
    """Turn (..., 3, 3) rotations into unit quaternions (x, y, z, w), the order of SciPy and VGN."""
    return np.roll(matrix_to_quat(rotation), -1, axis=-1)


def from_xyzw(quat: ArrayLike) -> Array:
    """Turn (..., 4) quaternions (x, y, z, w) into (..., 3, 3) rotations."""
    return quat_to_matrix(np.roll(np.asarray(quat, float), 1, axis=-1))


def graspnet_rows(
    T_x_graspnet: ArrayLike,
    *,
    score: ArrayLike,
    width: ArrayLike,
    height: ArrayLike,
    depth: ArrayLike,
    object_id: ArrayLike,
) -> Array:
    """Pack n grasps into GraspNet's (n, 17) rows: score, width, height, depth, R (row-major), t, object id."""
    T = np.asarray(T_x_graspnet, float).reshape(-1, 4, 4)
    rows = np.empty((len(T), 17))
    for column, values in enumerate((score, width, height, depth)):
        rows[:, column] = values
    rows[:, 4:13] = T[:, :3, :3].reshape(-1, 9)
    rows[:, 13:16] = T[:, :3, 3]
    rows[:, 16] = object_id
    return rows


def graspnet_poses(rows: ArrayLike) -> Array:
    """Return the (n, 4, 4) poses of GraspNet's (n, 17) rows."""
    r = np.asarray(rows, float)
    return pose(r[:, 4:13].reshape(-1, 3, 3), r[:, 13:16])


def _moved(T: Array, offset: Array) -> Array:
    """(..., 3) the points at `offset`, one or one each, in the frames of (..., 4, 4) poses."""
    return T[..., :3, 3] + (T[..., :3, :3] @ np.asarray(offset)[..., None])[..., 0]
