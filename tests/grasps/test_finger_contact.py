"""Contact optimisation and closing against closed forms: pads on a ball and on a box, nothing below a floor."""

import numpy as np
import pytest
import trimesh

from graspgen.frames import axis_angle, pose
from graspgen.grasps.finger_contact import optimise_contacts
from graspgen.grasps.finger_points import HandPoints, grips, meet
from graspgen.grippers.gripper import load_gripper
from graspgen.objects.asset import Asset, Mesh, Part
from graspgen.objects.distance_grid import DistanceGrid

RADIUS, HALF = 0.03, np.array([0.03, 0.02, 0.05])


def solid(mesh, part, volume):
    return Asset(
        name="solid", class_name="solid", mesh=Mesh(mesh.vertices, mesh.faces), parts=(part,), volume=volume,
        com=np.zeros(3), unit_inertia=np.eye(3) * 1e-5, density=1000.0, friction=0.5, source="test",
    )  # fmt: skip


@pytest.fixture(scope="module")
def hand():
    return HandPoints(load_gripper("three_finger"))


@pytest.fixture(scope="module")
def ball():
    asset = solid(trimesh.creation.icosphere(4, RADIUS), Part("sphere", [RADIUS]), 4 / 3 * np.pi * RADIUS**3)
    return asset, DistanceGrid(asset.mesh.vertices, asset.mesh.faces)


@pytest.fixture(scope="module")
def box():
    asset = solid(trimesh.creation.box(2 * HALF), Part("box", HALF), float(8 * HALF.prod()))
    return asset, DistanceGrid(asset.mesh.vertices, asset.mesh.faces)


def starts(hand, count=6):
    """Hands above the origin, aside and turned a little, a quarter closed: no pad is inside."""
    rng = np.random.default_rng(3)
    down = np.diag([1.0, -1.0, -1.0])
    turns = axis_angle(np.array([[0.0, 0.0, 1.0]] * count), rng.uniform(0, 6, count))
    lean = axis_angle(np.array([[1.0, 0.0, 0.0]] * count), rng.uniform(-0.3, 0.3, count))
    T = pose(turns @ lean @ down, rng.uniform(-0.01, 0.01, (count, 3)) + np.array([0, 0, 0.01]))
    p = hand.postures
    return T, np.repeat((0.75 * p.stages[0] + 0.25 * p.stages[2])[None], count, axis=0)


def pads(hand, T, joints):
    """(n, f, 3) pads and (n, f, 3) their normals, object frame."""
    x, m, _, _ = hand.look(joints)
    R = T[:, :3, :3].swapaxes(1, 2)
    return x[:, : hand.tips] @ R + T[:, None, :3, 3], m @ R


def facing(x, m):
    """Cosines of pads' normals with the inward normals of a ball at (n, f, 3) points."""
    return -(m * x / np.linalg.norm(x, axis=2, keepdims=True)).sum(axis=2)


def test_pads_come_to_lie_flat_on_a_ball_and_balance(hand, ball):
    asset, surface = ball
    T, joints = starts(hand)
    found = optimise_contacts(surface, hand, asset, T, joints)
    before, (after, m1) = pads(hand, T, joints)[0], pads(hand, found.T_object_grasp, found.joints)
    gap = np.abs(np.linalg.norm(after, axis=2) - RADIUS)
    assert np.abs(np.linalg.norm(before, axis=2) - RADIUS).mean() > 0.04 and gap.max() < 0.003
    assert found.distance == pytest.approx(np.linalg.norm(after, axis=2) - RADIUS, abs=5e-4)
    assert (facing(after, m1) > 0.5).all()

    def unbalanced(x):  # normals of contacts in balance have a mean of nothing
        return np.linalg.norm((x / np.linalg.norm(x, axis=2, keepdims=True)).mean(axis=1), axis=1)

    assert (unbalanced(after) < 0.8 * unbalanced(before)).all()
    # A ball looks the same from everywhere: all starts find as good an end.
    assert found.energy == pytest.approx(np.full(6, found.energy.mean()), rel=0.1)


def test_pads_come_to_lie_on_a_box_from_opposite_sides(hand, box):
    asset, surface = box
    T, joints = starts(hand)
    found = optimise_contacts(surface, hand, asset, T, joints)

    def apart(T, joints):
        x = np.abs(pads(hand, T, joints)[0]) - HALF
        return np.abs(np.linalg.norm(np.maximum(x, 0), axis=2) + np.minimum(x.max(axis=2), 0))

    assert apart(T, joints).mean() > 0.01 and np.median(apart(found.T_object_grasp, found.joints)) < 0.001
    assert grips(surface, hand, found.T_object_grasp, found.joints).mean() >= 0.5


def test_a_start_s_result_depends_on_no_other(hand, ball):
    asset, surface = ball
    T, joints = starts(hand)
    both = optimise_contacts(surface, hand, asset, T, joints, steps=10)
    alone = optimise_contacts(surface, hand, asset, T[2:3], joints[2:3], steps=10)
    np.testing.assert_allclose(alone.T_object_grasp[0], both.T_object_grasp[2], atol=1e-9)
    np.testing.assert_allclose(alone.joints[0], both.joints[2], atol=1e-9)


def test_a_floor_keeps_the_hand_above_it(hand, ball):
    asset, surface = ball
    T, joints = starts(hand)
    floor = (np.array([0.0, 0.0, 1.0]), -0.02)

    def lowest(found):
        x = hand.look(found.joints)[0] @ found.T_object_grasp[:, :3, :3].swapaxes(1, 2)
        return (x + found.T_object_grasp[:, None, :3, 3])[:, :, 2].min(axis=1)

    free = optimise_contacts(surface, hand, asset, T, joints)
    held = optimise_contacts(surface, hand, asset, T, joints, floor=floor)
    assert lowest(free).max() < -0.025 and lowest(held).min() > -0.022


def test_fingers_that_met_a_ball_grip_it_and_open_ones_do_not(hand, ball):
    _, surface = ball
    p = hand.postures
    T = pose(np.diag([1.0, -1.0, -1.0]), np.array([0, 0, 0.02]))[None]  # fingertips at its equator
    met = meet(surface, hand, T, p.stages[:1], p.stages[2:3])
    assert grips(surface, hand, T, met).tolist() == [True]
    assert grips(surface, hand, T, p.stages[:1]).tolist() == [False]
    x = hand.look(met)[0][0] @ T[0, :3, :3].T + T[0, :3, 3]
    assert np.linalg.norm(x, axis=1).min() == pytest.approx(RADIUS, abs=1.5e-3)


def test_grid_distances_are_those_of_a_ball(ball):
    _, surface = ball
    rng = np.random.default_rng(0)
    way = rng.normal(size=(500, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    off = rng.uniform(-0.004, 0.004, 500)
    assert surface.distance(way * (RADIUS + off)[:, None]) == pytest.approx(off, abs=3e-4)
    # Far off the coarse corners count.
    far = rng.uniform(0.006, 0.03, 500)
    assert surface.distance(way * (RADIUS + far)[:, None]) == pytest.approx(far, abs=6e-3)
    assert surface.look(way * RADIUS)[1] == pytest.approx(way, abs=0.1)
