"""Graded labels against closed forms, and the draws that they are made of."""

import numpy as np
import pytest
import trimesh
from solids import FROM_ABOVE, GRAVITY, ball, box

from graspgen.frames import inverse, pose, rotation_angle
from graspgen.grasps.candidates import Candidates, closing_contacts
from graspgen.grasps.label import BISECTIONS, FRICTION_RANGE, PERTURBATION, label_object, offset_pose
from graspgen.grasps.outcomes import Outcome, Sampler
from graspgen.raycast import RayCaster


def given(asset, T, width=0.05) -> Candidates:
    T = np.asarray(T).reshape(-1, 4, 4)
    widths = np.full(len(T), width)
    contacts, normals, angle = closing_contacts(RayCaster(asset.mesh.vertices, asset.mesh.faces), T, widths)
    return Candidates(T, widths, contacts, normals, angle, np.full(len(T), Sampler.GIVEN, np.uint8))


def label(asset, gripper, profile, T=FROM_ABOVE, mass=0.3, friction=0.6, seed=0, **kw):
    return label_object(
        asset,
        gripper,
        profile,
        given(asset, T),
        mass=mass,
        inertia=asset.unit_inertia * mass / asset.volume,
        friction=[friction, 0.005, 0.0001],
        rng=np.random.default_rng(seed),
        **kw,
    )


@pytest.mark.parametrize(("mass", "force"), [(0.3, 10.0), (1.0, 20.0), (1.0, 60.0)])
def test_the_smallest_friction_of_a_box_is_its_weight_over_twice_the_force(gripper, profile, mass, force):
    found = label(box(0.04, 0.04, 0.04), gripper, profile, mass=mass, force=force, friction=0.9, draws=0)
    exact = mass * GRAVITY / (2 * force)
    step = (0.9 / FRICTION_RANGE[0]) ** (0.5**BISECTIONS)
    assert exact / 1.03 <= found.min_friction[0] <= exact * step * 1.03


def test_a_grasp_that_fails_at_its_friction_may_hold_at_a_larger_one(gripper, profile):
    found = label(box(0.04, 0.04, 0.04), gripper, profile, mass=1.0, force=10.0, friction=0.3, draws=0)
    assert found.results.outcome[0] == Outcome.SLIPPED and found.success_rate[0] == 0
    assert found.min_friction[0] == pytest.approx(GRAVITY / 20, rel=0.1)


def test_a_grasp_that_reaches_nothing_has_no_smallest_friction(gripper, profile):
    beside, through = FROM_ABOVE @ pose(translation=[0, 0, -0.06]), FROM_ABOVE @ pose(translation=[0, 0.03, 0])
    found = label(box(0.04, 0.04, 0.04), gripper, profile, T=np.stack([beside, through]), draws=4)
    assert found.results.outcome.tolist() == [Outcome.NO_CONTACT, Outcome.HITS_TARGET]
    assert np.isnan(found.min_friction).all() and len(found.draws.grasp) == 0


def test_repeated_trials_are_drawn_from_the_profile_and_counted_in_the_rate(gripper, profile):
    T = np.stack(
        [FROM_ABOVE, FROM_ABOVE @ pose(translation=[0, 0, -0.06]), FROM_ABOVE @ pose(translation=[0.004, 0, 0])]
    )
    found = label(box(0.04, 0.04, 0.04), gripper, profile, T=T, draws=40, min_friction=False)
    d = found.draws
    assert d.grasp.tolist() == [0] * 40 + [2] * 40  # the second failed, and is not repeated
    assert d.number.tolist() == list(range(1, 41)) * 2
    assert found.success_rate[0] == d.results.success[:40].mean() and found.success_rate[1] == 0
    assert 0 < found.success_rate[0] < 1  # a gap of 5 mm does not always survive a pose noise of 2.5 mm and 2.5°
    assert d.friction.mean() == pytest.approx(0.6, rel=0.05) and 0.05 < d.friction.std() / 0.6 < 0.25
    assert d.mass.mean() == pytest.approx(0.3, rel=0.05) and d.mass.min() > 0
    assert np.abs(d.com_offset).max() <= 0.1 * 0.04 and d.com_offset.std() == pytest.approx(0.03 * 0.04, rel=0.2)
    assert np.abs(d.pose_noise[:, :3]).max() <= 0.0075 and d.pose_noise[:, :3].std() == pytest.approx(0.0025, rel=0.2)
    assert np.degrees(d.pose_noise[:, 3:]).std() == pytest.approx(2.5, rel=0.2)
    assert np.isnan(found.min_friction).all()


def test_the_drawn_mass_and_friction_are_those_that_are_simulated(gripper, profile):
    """Just above and just below the slip load, what is drawn decides, and by nothing but the closed form."""
    mass, friction = 0.5, 0.6
    force = 1.001 * mass * GRAVITY / (2 * friction)
    still = profile.draws.model_copy(
        update={"position_noise": zero(), "rotation_noise_deg": zero(), "com_offset": zero()}
    )
    quiet = profile.model_copy(update={"draws": still})
    d = label(box(0.04, 0.04, 0.04), gripper, quiet, mass=mass, friction=friction, force=force, draws=60).draws
    load = d.mass * GRAVITY / (2 * d.friction * force)
    clear = np.abs(load - 1) > 0.03
    assert clear.sum() > 30
    assert ((load < 1) == d.results.success)[clear].all()


def zero():
    from graspgen.distributions import parse

    return parse(0.0)


def test_hard_negatives_are_moved_within_their_limits_and_know_their_parents(gripper, profile):
    T = np.stack([FROM_ABOVE, FROM_ABOVE @ pose(translation=[0, 0, -0.06])])
    found = label(box(0.04, 0.04, 0.04), gripper, profile, T=T, draws=0, hard_negatives=20, min_friction=False)
    moved = found.parent >= 0
    assert moved.sum() == 20 and (found.parent[moved] == 0).all()  # only successes are perturbed
    assert (found.candidates.sampler[moved] == Sampler.PERTURBED).all()
    offset = inverse(T[0]) @ found.candidates.T_object_grasp[moved]
    assert np.abs(offset[:, :3, 3]).max() <= PERTURBATION[0]
    assert 0 < rotation_angle(offset[:, :3, :3]).max() <= np.sqrt(3) * PERTURBATION[1]
    assert set(found.results.outcome[moved]) > {Outcome.SUCCESS}


def test_labels_are_the_same_at_any_thread_count_and_change_with_the_stream(gripper, profile):
    kw = {
        "draws": 6,
        "hard_negatives": 2,
        "T": np.stack([FROM_ABOVE, FROM_ABOVE @ pose(translation=[0.003, 0.002, 0.004])]),
    }
    asset = ball(0.02)
    one, two = (label(asset, gripper, profile, threads=t, **kw) for t in (1, 2))
    other = label(asset, gripper, profile, seed=1, **kw)
    np.testing.assert_array_equal(one.draws.results.drift_holding, two.draws.results.drift_holding)
    np.testing.assert_array_equal(one.min_friction, two.min_friction)
    np.testing.assert_array_equal(one.candidates.T_object_grasp, two.candidates.T_object_grasp)
    assert (one.draws.friction != other.draws.friction).any()


def test_hard_negatives_and_further_draws_move_no_draw(gripper, profile):
    T = np.stack([FROM_ABOVE, FROM_ABOVE @ pose(translation=[0.003, 0, 0])])
    few, more = (
        label(box(0.04, 0.04, 0.04), gripper, profile, T=T, draws=4, hard_negatives=h, min_friction=False).draws
        for h in (0, 2)
    )
    np.testing.assert_array_equal(few.friction, more.friction[: len(few.friction)])
    np.testing.assert_array_equal(few.pose_noise, more.pose_noise[: len(few.friction)])


def test_an_offset_of_six_numbers_is_a_translation_and_a_rotation_vector():
    T = offset_pose(np.array([[0.001, 0.002, 0.003, 0, 0, 0.1], [0, 0, 0, 0, 0, 0.0]]))
    np.testing.assert_allclose(T[0, :3, 3], [0.001, 0.002, 0.003])
    np.testing.assert_allclose(T[0, :2, :2], [[np.cos(0.1), -np.sin(0.1)], [np.sin(0.1), np.cos(0.1)]])
    np.testing.assert_array_equal(T[1], np.eye(4))


def test_closing_contacts_lie_where_the_pads_meet_the_object_from_both_sides():
    cube = box(0.04, 0.03, 0.04)
    caster = RayCaster(cube.mesh.vertices, cube.mesh.faces)
    beside, inside = FROM_ABOVE @ pose(translation=[0.05, 0, 0]), FROM_ABOVE @ pose(translation=[0, 0.03, 0])
    T = np.stack([FROM_ABOVE, beside, inside])
    contacts, normals, angle = closing_contacts(caster, T, np.array([0.05, 0.05, 0.05]))
    # Approaching from above, the hand's y is the object's −y.
    np.testing.assert_allclose(contacts[0], [[0, -0.015, 0], [0, 0.015, 0]], atol=1e-9)
    np.testing.assert_allclose(normals[0], [[0, -1, 0], [0, 1, 0]], atol=1e-9)
    assert angle[0] == pytest.approx(0)
    assert np.isnan(contacts[1:]).all() and np.isnan(angle[1:]).all()


def test_a_leaning_face_has_the_angle_of_its_lean():

    lean = np.radians(12)
    corners = [[x, s * (0.02 + np.tan(lean) * z), z] for x in (-0.02, 0.02) for z in (-0.02, 0.02) for s in (-1, 1)]
    mesh = trimesh.convex.convex_hull(np.array(corners))
    angle = closing_contacts(RayCaster(mesh.vertices, mesh.faces), FROM_ABOVE[None], np.array([0.06]))[2]
    assert angle[0] == pytest.approx(lean)
