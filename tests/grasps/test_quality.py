from dataclasses import replace

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from solids import ball, box, tube

from graspgen.frames import axis_angle, pose, transform_points
from graspgen.grasps.candidates import Candidates, sample_antipodal
from graspgen.grasps.outcomes import Sampler
from graspgen.grasps.quality import grasp_quality
from graspgen.grippers.gripper import Gripper
from graspgen.raycast import RayCaster

FRICTION = (0.6, 0.005, 0.0005)


def caster_of(mesh):
    return RayCaster(mesh.vertices, mesh.faces)


def across(positions, half, angle=0.0):
    """Grasps closing along y at the (n, 3) positions; their surfaces lean towards each other by `angle` each."""
    positions = np.atleast_2d(np.asarray(positions, float))
    n = len(positions)
    y, z = np.eye(3)[1], np.eye(3)[2]
    normals = [np.cos(angle) * s * y + np.sin(angle) * z for s in (1, -1)]
    return Candidates(
        T_object_grasp=pose(translation=positions),
        width=np.full(n, 2 * half + 0.01),
        contacts=positions[:, None] + half * np.array([y, -y]),
        normals=np.repeat([normals], n, axis=0),
        antipodal_angle=np.full(n, angle),
        sampler=np.full(n, Sampler.GIVEN, np.uint8),
    )


def test_a_box_between_parallel_pads_needs_no_friction_and_fills_them(gripper):
    q = grasp_quality(caster_of(box(0.05, 0.03, 0.05).mesh), across([0, 0, 0], 0.015), gripper, [0, 0, 0], FRICTION)
    assert q.min_friction == 0 and q.patch == 1
    assert q.flatness == pytest.approx(0, abs=1e-8)
    assert 0 < q.epsilon < FRICTION[1] / np.hypot(np.hypot(0.025, 0.025), 0.015)


def test_a_wedge_needs_the_tangent_of_its_angle_and_below_it_epsilon_is_zero(gripper):
    angle = np.radians(12)
    low, high = 0.02 + 0.03 * np.tan(angle), 0.02 - 0.03 * np.tan(angle)
    corners = [[x, s * y, z] for x in (-0.05, 0.05) for s in (-1, 1) for y, z in ((low, -0.03), (high, 0.03))]
    caster = caster_of(trimesh.convex.convex_hull(np.array(corners)))
    grasp = across([0, 0, 0], 0.02, angle)
    for friction, closed in ((1.1 * np.tan(angle), True), (0.99 * np.tan(angle), False)):
        q = grasp_quality(caster, grasp, gripper, [0, 0, 0], (friction, 0.005))
        assert q.min_friction == pytest.approx(np.tan(angle))
        assert (q.epsilon > 0) == closed
    rms = np.tan(angle) * gripper.file.pad[1] * np.sqrt(np.mean(np.array([-0.4, -0.2, 0, 0.2, 0.4]) ** 2))
    assert q.flatness == pytest.approx(rms, rel=1e-3)


def test_a_ball_through_its_centre_is_as_good_from_everywhere(gripper):
    caster = caster_of(ball(0.03).mesh)
    grasps = across(np.zeros((30, 3)), 0.03)
    rng = np.random.default_rng(0)
    turn = axis_angle(
        *(lambda v: (v / np.linalg.norm(v, axis=1, keepdims=True), rng.uniform(0, 6, 30)))(rng.normal(size=(30, 3)))
    )
    grasps = moved(grasps, pose(turn))
    q = grasp_quality(caster, grasps, gripper, [0, 0, 0], FRICTION)
    assert (q.min_friction == 0).all()
    np.testing.assert_allclose(q.epsilon, q.epsilon[0], rtol=1e-9)
    assert np.ptp(q.flatness) < 1e-4 and q.flatness.min() > 5e-4


def test_the_further_from_the_centre_of_mass_the_smaller_epsilon(gripper):
    caster = caster_of(box(0.2, 0.03, 0.03).mesh)
    x = np.linspace(0, 0.09, 7)
    grasps = across(np.stack([x, 0 * x, 0 * x], axis=1), 0.015)
    q = grasp_quality(caster, grasps, gripper, [0, 0, 0], FRICTION)
    assert (np.diff(q.epsilon) < 0).all()
    moved_com = grasp_quality(caster, grasps, gripper, [0.09, 0, 0], FRICTION)
    assert np.argmax(moved_com.epsilon) == 6


def moved(c, T):
    """The grasps after the motion T, one pose or one a grasp."""
    R = T[..., None, :3, :3]
    t = T[..., None, :3, 3]
    return replace(
        c,
        T_object_grasp=T @ c.T_object_grasp,
        contacts=(R @ c.contacts[..., None])[..., 0] + t,
        normals=(R @ c.normals[..., None])[..., 0],
    )


@pytest.fixture(scope="module")
def tube_grasps(gripper):
    mesh = tube().mesh
    return mesh, sample_antipodal(
        caster_of(mesh), gripper, 100, np.random.default_rng(2), cone=np.radians(25), clearance=0.005
    )


@settings(max_examples=10, deadline=None)
@given(st.tuples(*[st.floats(-3, 3)] * 3), st.tuples(*[st.floats(-0.5, 0.5)] * 3))
def test_a_rigid_motion_of_everything_changes_nothing(gripper, tube_grasps, spin, shift):
    mesh, grasps = tube_grasps
    com = np.array([0.004, -0.002, 0.01])
    before = grasp_quality(caster_of(mesh), grasps, gripper, com, FRICTION)
    angle = np.linalg.norm(spin)
    T = pose(axis_angle(np.array(spin) / angle if angle else [0, 0, 1], angle), shift)
    caster = RayCaster(transform_points(T, mesh.vertices), mesh.faces)
    after = grasp_quality(caster, moved(grasps, T), gripper, transform_points(T, com[None])[0], FRICTION)
    assert (after.min_friction == before.min_friction).all()
    np.testing.assert_allclose(after.epsilon, before.epsilon, rtol=1e-9, atol=1e-12)
    # A ray in single precision may pass the rim on its other side.
    same = np.abs(after.patch - before.patch) < 1e-9
    assert same.mean() > 0.9
    assert (np.abs(after.flatness - before.flatness)[same] < 1e-6).mean() > 0.9


@settings(max_examples=10, deadline=None)
@given(st.floats(0.2, 5))
def test_epsilon_does_not_depend_on_the_unit_of_length(gripper, tube_grasps, factor):
    mesh, grasps = tube_grasps
    com = np.array([0.004, -0.002, 0.01])
    before = grasp_quality(caster_of(mesh), grasps, gripper, com, FRICTION)
    T = grasps.T_object_grasp.copy()
    T[:, :3, 3] *= factor
    larger = replace(grasps, T_object_grasp=T, contacts=grasps.contacts * factor, width=grasps.width * factor)
    caster = RayCaster(mesh.vertices * factor, mesh.faces)
    scaled = Gripper(gripper.file.model_copy(update={"pad": tuple(factor * p for p in gripper.file.pad)}), gripper.mjcf)
    after = grasp_quality(caster, larger, scaled, com * factor, (0.6, 0.005 * factor))
    np.testing.assert_allclose(after.epsilon, before.epsilon, rtol=1e-8, atol=1e-12)
    assert (before.epsilon > 0).any()


def test_grasps_without_known_contacts_have_no_scores(gripper):
    grasps = across(np.zeros((3, 3)), 0.015)
    grasps.contacts[1] = np.nan
    q = grasp_quality(caster_of(box(0.05, 0.03, 0.05).mesh), grasps, gripper, [0, 0, 0], FRICTION)
    for score in (q.min_friction, q.epsilon, q.flatness, q.patch):
        assert (np.isnan(score) == [False, True, False]).all()
    none = grasp_quality(caster_of(box(0.05, 0.03, 0.05).mesh), grasps.take(slice(0, 0)), gripper, [0, 0, 0], FRICTION)
    assert len(none.epsilon) == 0
