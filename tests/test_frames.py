from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from graspgen import frames

seeds = st.integers(0, 2**32 - 1)
angles = st.floats(0, np.pi)


def random_pose(seed):
    rng = np.random.default_rng(seed)
    return frames.pose(frames.random_rotation(rng), rng.uniform(-2, 2, 3))


@given(seeds)
def test_a_pose_times_its_inverse_is_the_identity(seed):
    T = random_pose(seed)
    assert np.allclose(T @ frames.inverse(T), np.eye(4), atol=1e-12)
    assert np.allclose(frames.inverse(frames.inverse(T)), T, atol=1e-12)


@given(seeds)
def test_the_inverse_of_a_product_is_the_product_of_inverses_reversed(seed):
    A, B = random_pose(seed), random_pose(seed + 1)
    assert np.allclose(frames.inverse(A @ B), frames.inverse(B) @ frames.inverse(A), atol=1e-12)


@given(seeds)
def test_points_go_through_a_product_as_through_its_factors(seed):
    A, B = random_pose(seed), random_pose(seed + 1)
    points = np.random.default_rng(seed).uniform(-1, 1, (5, 3))
    once = frames.transform_points(A @ B, points)
    assert np.allclose(once, frames.transform_points(A, frames.transform_points(B, points)), atol=1e-12)


def test_transforming_points_broadcasts_over_poses():
    T = np.stack([frames.pose(translation=[1, 0, 0]), frames.pose(translation=[0, 2, 0])])
    points = np.zeros((3, 3))
    assert np.allclose(frames.transform_points(T, points)[:, 0], [[1, 0, 0], [0, 2, 0]])


@given(seeds)
def test_quaternions_agree_with_scipy_and_come_back(seed):
    rotation = Rotation.random(random_state=seed)
    x, y, z, w = rotation.as_quat()
    R = frames.quat_to_matrix([w, x, y, z])
    assert np.allclose(R, rotation.as_matrix(), atol=1e-12)
    assert np.allclose(frames.quat_to_matrix(frames.matrix_to_quat(R)), R, atol=1e-12)
    assert frames.matrix_to_quat(R)[0] >= 0


@pytest.mark.parametrize("axis", [*np.eye(3).tolist(), [0.6, 0.8, 0.0], [0.0, -0.6, 0.8]])
def test_half_turns_survive_the_quaternion(axis):
    # The trace is −1 there: the naive formula divides by zero.
    R = frames.axis_angle(axis, np.pi)
    assert np.allclose(frames.quat_to_matrix(frames.matrix_to_quat(R)), R, atol=1e-9)


@given(seeds, angles)
def test_the_angle_of_a_rotation_about_an_axis_is_that_angle(seed, angle):
    axis = np.random.default_rng(seed).standard_normal(3)
    axis /= np.linalg.norm(axis)
    R = frames.axis_angle(axis, angle)
    assert np.allclose(R, Rotation.from_rotvec(axis * angle).as_matrix(), atol=1e-12)
    assert frames.rotation_angle(R) == pytest.approx(angle, abs=1e-9)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-5, np.pi - 1e-7, np.pi])
def test_small_angles_and_half_turns_are_measured_accurately(angle):
    R = frames.axis_angle([0, 0, 1], angle)
    assert frames.rotation_angle(R) == pytest.approx(angle, abs=1e-15, rel=1e-9)


@given(seeds)
def test_random_rotations_are_rotations(seed):
    R = frames.random_rotation(np.random.default_rng(seed))
    assert frames.is_rotation(R, 1e-12)
    assert not frames.is_rotation(R @ np.diag([1, 1, -1]))
    assert not frames.is_rotation(1.01 * R)


def test_random_rotations_are_uniform():
    # Of a uniform rotation the angle has density (1 − cos a) / π, whose mean is π/2 + 2/π.
    rng = np.random.default_rng(0)
    drawn = np.stack([frames.random_rotation(rng) for _ in range(4000)])
    assert frames.rotation_angle(drawn).mean() == pytest.approx(np.pi / 2 + 2 / np.pi, abs=0.04)
    assert np.abs(drawn.mean(axis=0)).max() < 0.05


@given(seeds)
def test_free_joint_coordinates_come_back_as_the_same_pose(seed):
    T = random_pose(seed)
    qpos = frames.pose_to_qpos(T)
    assert qpos.shape == (7,)
    assert np.allclose(frames.qpos_to_pose(qpos), T, atol=1e-12)


@given(seeds)
def test_what_a_camera_looks_at_is_in_the_middle_of_its_image(seed):
    rng = np.random.default_rng(seed)
    eye, target = rng.uniform([-1, -1, 1], [1, 1, 3]), rng.uniform(-0.5, 0.5, 3)
    T = frames.look_at(eye, target, roll=rng.uniform(-3, 3))
    assert frames.is_rotation(T[:3, :3], 1e-9)
    K = [[500, 0, 320], [0, 500, 240], [0, 0, 1]]
    seen = frames.transform_points(frames.inverse(T), target[None])
    assert seen[0, 2] == pytest.approx(np.linalg.norm(target - eye))
    assert np.allclose(frames.project(K, seen), [[320, 240]], atol=1e-6)


def test_up_in_the_world_is_up_in_the_image():
    T = frames.look_at([1, 0, 0], [0, 0, 0])
    K = [[100, 0, 50], [0, 100, 50], [0, 0, 1]]
    above = frames.project(K, frames.transform_points(frames.inverse(T), [[0, 0, 0.1]]))
    # From +x looking back, the world's y is to the right; up is a smaller row.
    beside = frames.project(K, frames.transform_points(frames.inverse(T), [[0, 0.1, 0]]))
    assert np.allclose(above, [[50, 40]])
    assert np.allclose(beside, [[60, 50]])


def test_looking_straight_down_has_a_horizon_all_the_same():
    T = frames.look_at([0, 0, 1], [0, 0, 0])
    assert frames.is_rotation(T[:3, :3])
    assert np.allclose(T[:3, 0], [1, 0, 0])


def test_looking_at_oneself_is_an_error():
    with pytest.raises(ValueError, match="coincide"):
        frames.look_at([1, 2, 3], [1, 2, 3])


def test_points_behind_the_camera_project_to_nan():
    K = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert np.isnan(frames.project(K, [[0, 0, -1], [0, 0, 0]])).all()


def test_opengl_and_opencv_axes_convert_into_each_other():
    assert np.allclose(frames.OPENGL_OPENCV @ frames.OPENGL_OPENCV, np.eye(3))
    assert np.linalg.det(frames.OPENGL_OPENCV) == 1
