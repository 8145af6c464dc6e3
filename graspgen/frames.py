"""Poses and the conventions of every array in graspgen.

`T_a_b` is the pose of frame b in frame a: a (4, 4) row-major matrix that takes coordinates in b to coordinates in a.
Lengths are metres, angles radians, quaternions (w, x, y, z). The camera frame is OpenCV's (x right, y down, z forward);
MuJoCo's is OpenGL's (x right, y up, z backward). The grasp frame has its origin at the tool centre point, z along the
approach and y along the closing direction.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

#: Rotation that takes OpenCV camera axes to OpenGL (MuJoCo) camera axes, and back: it is its own inverse.
OPENGL_OPENCV: Array = np.diag([1.0, -1.0, -1.0])


def pose(rotation: ArrayLike | None = None, translation: ArrayLike | None = None) -> Array:
    """Build (..., 4, 4) poses from (..., 3, 3) rotations and (..., 3) translations, identity where None."""
    R = np.eye(3) if rotation is None else np.asarray(rotation, float)
    t = np.zeros(3) if translation is None else np.asarray(translation, float)
    shape = np.broadcast_shapes(R.shape[:-2], t.shape[:-1])
    T = np.zeros((*shape, 4, 4))
    T[..., :3, :3] = R
    T[..., :3, 3] = t
    T[..., 3, 3] = 1.0
    return T


def inverse(T: ArrayLike) -> Array:
    """Invert (..., 4, 4) rigid poses: `inverse(T_a_b)` is `T_b_a`."""
    T = np.asarray(T, float)
    R_t = np.swapaxes(T[..., :3, :3], -1, -2)
    return pose(R_t, -(R_t @ T[..., :3, 3:])[..., 0])


def transform_points(T: ArrayLike, points: ArrayLike) -> Array:
    """Take (..., n, 3) points in frame b to frame a by (..., 4, 4) poses `T_a_b`."""
    T = np.asarray(T, float)
    return np.asarray(points, float) @ np.swapaxes(T[..., :3, :3], -1, -2) + T[..., None, :3, 3]


def quat_to_matrix(quat: ArrayLike) -> Array:
    """Turn (..., 4) quaternions (w, x, y, z), normalised here, into (..., 3, 3) rotations."""
    q = np.asarray(quat, float)
    q = q / np.sqrt((q * q).sum(axis=-1, keepdims=True))
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    xx, yy, zz, xy, xz, yz, wx, wy, wz = x * x, y * y, z * z, x * y, x * z, y * z, w * x, w * y, w * z
    R = np.empty((*q.shape[:-1], 3, 3))  # several times as fast as stacking, for few quaternions
    R[..., 0, 0], R[..., 0, 1], R[..., 0, 2] = 1 - 2 * (yy + zz), 2 * (xy - wz), 2 * (xz + wy)
    R[..., 1, 0], R[..., 1, 1], R[..., 1, 2] = 2 * (xy + wz), 1 - 2 * (xx + zz), 2 * (yz - wx)
    R[..., 2, 0], R[..., 2, 1], R[..., 2, 2] = 2 * (xz - wy), 2 * (yz + wx), 1 - 2 * (xx + yy)
    return R


def matrix_to_quat(rotation: ArrayLike) -> Array:
    """Turn (..., 3, 3) rotations into unit quaternions (w, x, y, z) with w >= 0.

    Takes the row of the symmetric 4x4 form q qᵀ with the largest diagonal, which is stable for every angle
    (Shepperd, 1978).
    """
    R = np.asarray(rotation, float)
    m00, m01, m02 = R[..., 0, 0], R[..., 0, 1], R[..., 0, 2]
    m10, m11, m12 = R[..., 1, 0], R[..., 1, 1], R[..., 1, 2]
    m20, m21, m22 = R[..., 2, 0], R[..., 2, 1], R[..., 2, 2]
    outer = np.stack(
        [
            1 + m00 + m11 + m22, m21 - m12, m02 - m20, m10 - m01,
            m21 - m12, 1 + m00 - m11 - m22, m01 + m10, m02 + m20,
            m02 - m20, m01 + m10, 1 - m00 + m11 - m22, m12 + m21,
            m10 - m01, m02 + m20, m12 + m21, 1 - m00 - m11 + m22,
        ],
        axis=-1,
    ).reshape(*R.shape[:-2], 4, 4)  # fmt: skip
    best = np.argmax(np.diagonal(outer, axis1=-2, axis2=-1), axis=-1)
    q = np.take_along_axis(outer, best[..., None, None], axis=-2)[..., 0, :]
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    return np.where(q[..., :1] < 0, -q, q)


def pose_to_qpos(T: ArrayLike) -> Array:
    """Turn (..., 4, 4) poses into (..., 7) MuJoCo free-joint coordinates: position, then (w, x, y, z)."""
    T = np.asarray(T, float)
    return np.concatenate([T[..., :3, 3], matrix_to_quat(T[..., :3, :3])], axis=-1)


def qpos_to_pose(qpos: ArrayLike) -> Array:
    """Turn (..., 7) MuJoCo free-joint coordinates into (..., 4, 4) poses."""
    qpos = np.asarray(qpos, float)
    return pose(quat_to_matrix(qpos[..., 3:7]), qpos[..., :3])


def cross(a: ArrayLike, b: ArrayLike) -> Array:
    """Return the (..., 3) cross products; several times as fast as NumPy's for short arrays."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    out = np.empty(a.shape if a.shape == b.shape else np.broadcast_shapes(a.shape, b.shape))
    out[..., 0], out[..., 1], out[..., 2] = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    return out


def axis_angle(axis: ArrayLike, angle: ArrayLike) -> Array:
    """Build (..., 3, 3) rotations by `angle` (radians) about the (..., 3) unit `axis` (Rodrigues)."""
    axis, angle = np.asarray(axis, float), np.asarray(angle, float)[..., None, None]
    x, y, z = np.moveaxis(axis, -1, 0)
    zero = np.zeros_like(x)
    K = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*axis.shape[:-1], 3, 3)
    return np.eye(3) + np.sin(angle) * K + (1 - np.cos(angle)) * (K @ K)


def rotation_angle(rotation: ArrayLike) -> Array:
    """Return the angle in [0, pi] of (..., 3, 3) rotations, accurate near 0 and pi."""
    R = np.asarray(rotation, float)
    a, b, c = R[..., 2, 1] - R[..., 1, 2], R[..., 0, 2] - R[..., 2, 0], R[..., 1, 0] - R[..., 0, 1]
    return np.arctan2(np.sqrt(a * a + b * b + c * c), R[..., 0, 0] + R[..., 1, 1] + R[..., 2, 2] - 1)


def is_rotation(rotation: ArrayLike, tolerance: float = 1e-6) -> NDArray[np.bool_]:
    """Tell which (..., 3, 3) matrices are proper rotations: orthonormal within `tolerance`, determinant +1."""
    R = np.asarray(rotation, float)
    orthonormal = np.abs(R @ np.swapaxes(R, -1, -2) - np.eye(3)).max(axis=(-2, -1)) <= tolerance
    return orthonormal & (np.linalg.det(R) > 0)


def random_rotation(rng: np.random.Generator) -> Array:
    """Draw a (3, 3) rotation uniformly (a normalised 4D Gaussian is a uniform quaternion)."""
    return quat_to_matrix(rng.standard_normal(4))


def look_at(eye: ArrayLike, target: ArrayLike, roll: float = 0.0) -> Array:
    """Return the (4, 4) `T_world_camera` (OpenCV) of a camera at `eye` that looks at `target`, world z up.

    Args:
        eye: (3,) camera position, m, world frame.
        target: (3,) point that projects to the optical axis, m, world frame.
        roll: rotation about the optical axis, rad.

    Raises:
        ValueError: eye and target coincide.
    """
    forward = np.asarray(target, float) - np.asarray(eye, float)
    distance = np.linalg.norm(forward)
    if distance < 1e-9:
        raise ValueError(f"eye and target coincide at {np.asarray(eye).tolist()}")
    z = forward / distance
    right = np.cross(z, [0.0, 0.0, 1.0])
    # Straight up or down there is no horizon: take the world's x as the right of the image.
    x = right / np.linalg.norm(right) if np.linalg.norm(right) > 1e-6 else np.array([1.0, 0.0, 0.0])
    R = np.stack([x, np.cross(z, x), z], axis=-1)
    return pose(R @ axis_angle([0.0, 0.0, 1.0], roll), eye)


def project(K: ArrayLike, points: ArrayLike) -> Array:
    """Project (..., n, 3) points in the camera frame to (..., n, 2) pixels; the centre of pixel (0, 0) is (0.5, 0.5).

    Points at or behind the camera give NaN.
    """
    K, p = np.asarray(K, float), np.asarray(points, float)
    z = np.where(p[..., 2:] > 1e-9, p[..., 2:], np.nan)
    uvw = p @ np.swapaxes(K, -1, -2)
    return uvw[..., :2] / z
