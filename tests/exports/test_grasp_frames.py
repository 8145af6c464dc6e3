"""Poses in other conventions: by geometry (where the fingers are) and by the published matrices between them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graspgen.exports import grasp_frames as gf
from graspgen.frames import axis_angle, inverse, pose, random_rotation, transform_points

#: R_G = R_A · this, R_V = R_A · that: from ACRONYM-like to GraspNet, and to VGN; and from VGN to GraspNet.
A_TO_G = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]])
A_TO_V = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]])
V_TO_G = np.array([[0, 0, -1], [0, 1, 0], [1, 0, 0]])

TCP = pose(translation=[0.01, -0.02, 0.1034])


def poses(seed: int, n: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return pose(np.array([random_rotation(rng) for _ in range(n)]), rng.uniform(-1, 1, (n, 3)))


def turned_hand() -> np.ndarray:
    return pose(axis_angle([0, 0, 1], 0.3), [0.01, -0.02, 0.12])


@given(st.integers(0, 2**31))
def test_there_and_back_is_the_same(seed: int) -> None:
    T = poses(seed)
    for hand in (TCP, turned_hand()):
        np.testing.assert_allclose(gf.from_hand(gf.to_hand(T, hand), hand), T, atol=1e-12)
        np.testing.assert_allclose(gf.from_base(gf.to_base(T, hand), hand), T, atol=1e-12)
    np.testing.assert_allclose(gf.from_graspnet(gf.to_graspnet(T, 0.03), 0.03), T, atol=1e-12)
    rows = gf.graspnet_rows(T, score=1, width=0.05, height=0.02, depth=0.03, object_id=4)
    np.testing.assert_array_equal(gf.graspnet_poses(rows), T)
    np.testing.assert_allclose(gf.from_xyzw(gf.to_xyzw(T[:, :3, :3])), T[:, :3, :3], atol=1e-12)


def test_the_published_matrices_hold() -> None:
    T = poses(1)
    A, G, V = gf.to_hand(T, TCP), gf.to_graspnet(T, 0.02), T
    np.testing.assert_allclose(A[:, :3, :3] @ A_TO_G, G[:, :3, :3], atol=1e-12)
    np.testing.assert_allclose(A[:, :3, :3] @ A_TO_V, V[:, :3, :3], atol=1e-12)
    np.testing.assert_allclose(V[:, :3, :3] @ V_TO_G, G[:, :3, :3], atol=1e-12)


def test_graspnet_lies_where_the_length_of_the_hand_says() -> None:
    T, length, depth = poses(2), 0.1034, 0.02
    A, G = gf.to_hand(T, pose(translation=[0, 0, length])), gf.to_graspnet(T, depth)
    np.testing.assert_allclose(G[:, :3, 3], A[:, :3, 3] + (length - depth) * A[:, :3, 2], atol=1e-12)


@pytest.mark.parametrize("depth", [0.01, 0.04])
def test_the_pads_are_where_each_convention_draws_them(depth: float) -> None:
    T, width = poses(3), 0.06
    pads = transform_points(T, np.array([[0, width / 2, 0], [0, -width / 2, 0]]))
    in_graspnet = transform_points(inverse(gf.to_graspnet(T, depth)), pads)
    np.testing.assert_allclose(
        in_graspnet, np.tile([[depth, width / 2, 0], [depth, -width / 2, 0]], (5, 1, 1)), atol=1e-12
    )
    hand = pose(translation=[0, 0, 0.1034])
    in_hand = transform_points(inverse(gf.to_hand(T, hand)), pads)
    np.testing.assert_allclose(
        in_hand, np.tile([[width / 2, 0, 0.1034], [-width / 2, 0, 0.1034]], (5, 1, 1)), atol=1e-12
    )
    in_base = transform_points(inverse(gf.to_base(T, hand)), pads)
    np.testing.assert_allclose(
        in_base, np.tile([[0, width / 2, 0.1034], [0, -width / 2, 0.1034]], (5, 1, 1)), atol=1e-12
    )


def test_a_turned_base_keeps_the_origin_of_the_hand_at_the_base() -> None:
    T, hand = poses(4), turned_hand()
    np.testing.assert_allclose(gf.to_hand(T, hand)[:, :3, 3], gf.to_base(T, hand)[:, :3, 3], atol=1e-12)


def test_quaternions_are_in_the_order_of_scipy() -> None:
    rotation = pytest.importorskip("scipy.spatial.transform").Rotation
    R = poses(6)[:, :3, :3]
    ours, theirs = gf.to_xyzw(R), rotation.from_matrix(R).as_quat()
    np.testing.assert_allclose(np.abs((ours * theirs).sum(axis=1)), 1, atol=1e-12)
