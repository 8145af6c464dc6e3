"""Trials whose outcome is known beforehand: from statics, or from where things are."""

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from solids import FROM_ABOVE, GRAVITY, asset_of, ball, box

from graspgen.frames import axis_angle, inverse, pose
from graspgen.grasps.outcomes import Outcome, Phase
from graspgen.grasps.trial import TrialResults, try_asset
from graspgen.objects.asset import Mesh, Part


def attempt(
    asset, gripper, profile, T=FROM_ABOVE, width=0.05, mass=0.2, friction=0.6, torsional=0.005, **kw
) -> TrialResults:
    T = np.asarray(T).reshape(-1, 4, 4)
    return try_asset(
        asset,
        gripper,
        profile,
        T,
        np.broadcast_to(np.asarray(width, float), len(T)),
        mass=mass,
        inertia=asset.unit_inertia * mass / asset.volume,
        friction=[friction, torsional, 0.0001],
        **kw,
    )


def outcome(results: TrialResults, i: int = 0) -> Outcome:
    return Outcome(int(results.outcome[i]))


def test_a_centred_grasp_of_a_box_holds_with_the_usual_force_and_hardly_moves(gripper, profile):
    r = attempt(box(0.04, 0.04, 0.04), gripper, profile)
    assert outcome(r) is Outcome.SUCCESS
    assert r.phase[0] == Phase.HOLD and r.failed_direction[0] == -1 and np.isnan(r.time_to_failure[0])
    assert r.grip_force[0] == pytest.approx(gripper.file.force, rel=0.01)
    assert r.width[0] == pytest.approx(0.04, abs=5e-4)
    assert r.drift_closing[0] < 5e-4 and r.drift_holding[0] < 5e-4
    assert r.peak_acceleration[0] == r.held_acceleration[0] == pytest.approx(4 * GRAVITY)


def test_the_requested_force_is_applied_and_never_exceeds_the_limit(gripper, profile):
    asset = box(0.04, 0.04, 0.04)
    for asked, got in ((10.0, 10.0), (500.0, gripper.file.max_force)):
        assert attempt(asset, gripper, profile, force=asked).grip_force[0] == pytest.approx(got, rel=0.01)


def test_a_box_wider_than_the_opening_is_hit(gripper, profile):
    r = attempt(box(0.04, 0.09, 0.04), gripper, profile, width=0.08)
    assert outcome(r) is Outcome.HITS_TARGET
    assert r.phase[0] == Phase.APPROACH and r.steps[0] == 0 and r.target_at_grasp[0] == pytest.approx(-0.005, abs=1e-4)


def test_a_long_box_is_hit_by_the_palm(gripper, profile):
    assert outcome(attempt(box(0.04, 0.04, 0.2), gripper, profile)) is Outcome.HITS_TARGET


def test_fingers_that_close_beside_the_object_touch_nothing(gripper, profile):
    beside = FROM_ABOVE @ pose(translation=[0, 0, -0.06])
    r = attempt(box(0.04, 0.04, 0.04), gripper, profile, T=beside)
    assert outcome(r) is Outcome.NO_CONTACT
    assert r.phase[0] == Phase.CLOSE and r.width[0] < 1e-3


def test_an_immovable_object_off_centre_is_touched_by_one_finger_only(gripper, profile):
    # The fingers are coupled: the near one stops both.
    aside = FROM_ABOVE @ pose(translation=[0, 0.01, 0])
    r = attempt(box(0.04, 0.03, 0.04), gripper, profile, T=aside, width=0.06, mass=5000.0)
    assert outcome(r) is Outcome.ONE_FINGER


def test_a_light_object_off_centre_is_pushed_to_the_middle_and_held(gripper, profile):
    aside = FROM_ABOVE @ pose(translation=[0, 0.01, 0])
    r = attempt(box(0.04, 0.03, 0.04), gripper, profile, T=aside, width=0.06)
    assert outcome(r) is Outcome.SUCCESS
    assert r.drift_closing[0] == pytest.approx(0.01, abs=0.001)
    assert r.drift_holding[0] < 1e-3


def wedge(half_angle_deg):
    """A prism that narrows towards +z: its two sides lean by the half angle from the vertical, 30 mm apart at z = 0."""
    lean = -np.tan(np.radians(half_angle_deg))
    z = np.array([-0.02, 0.02])
    half = 0.015 + lean * z
    corners = [[x, s * h, zz] for x in (-0.02, 0.02) for h, zz in zip(half, z, strict=True) for s in (-1, 1)]
    mesh = trimesh.convex.convex_hull(np.array(corners))
    return asset_of(mesh, Part("hull", vertices=mesh.vertices))


def test_sides_steeper_than_the_friction_cone_squeeze_the_object_out(gripper, profile):
    # tan 15° = 0.27: flat pads on leaning sides hold for μ = 0.6 and push the wedge out for μ = 0.1.
    held = attempt(wedge(15), gripper, profile, friction=0.6)
    lost = attempt(wedge(15), gripper, profile, friction=0.1)
    assert outcome(held) is Outcome.SUCCESS
    assert outcome(lost) in (Outcome.NO_CONTACT, Outcome.DROPPED, Outcome.ONE_FINGER)
    assert lost.phase[0] == Phase.CLOSE


def test_a_pinch_on_the_tip_of_a_cone_squeezes_it_out(gripper, profile):
    # The sides lean by 30°, more than the friction cone of μ = 0.3 (17°).
    cone = trimesh.creation.cone(0.0231, 0.04, sections=64)
    cone.apply_translation([0, 0, -0.03])
    asset = asset_of(cone, Part("hull", vertices=cone.vertices))
    lost = attempt(asset, gripper, profile, width=0.05, friction=0.3)
    assert outcome(lost) in (Outcome.NO_CONTACT, Outcome.DROPPED) and lost.phase[0] == Phase.CLOSE
    assert outcome(attempt(asset, gripper, profile, width=0.05, friction=1.2)) is Outcome.SUCCESS


def test_a_closed_hand_touches_nothing_or_hits_what_is_between_its_pads(gripper, profile):
    beside = FROM_ABOVE @ pose(translation=[0, 0, -0.06])
    assert outcome(attempt(box(0.04, 0.04, 0.04), gripper, profile, T=beside, width=0.0)) is Outcome.NO_CONTACT
    assert outcome(attempt(box(0.04, 0.04, 0.04), gripper, profile, width=0.0)) is Outcome.HITS_TARGET


@pytest.mark.parametrize("thickness", [0.001, 0.003])
def test_a_thin_sheet_is_held(gripper, profile, thickness):
    held = attempt(box(0.04, thickness, 0.04), gripper, profile, width=0.012, mass=0.02)
    assert outcome(held) is Outcome.SUCCESS


@pytest.mark.parametrize("mass", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("friction", [0.3, 0.6, 1.0])
def test_a_box_slips_where_its_weight_passes_twice_friction_times_force(gripper, profile, mass, friction):
    """Coulomb: two pads hold m·a up to 2·μ·F. The force is set 3 % above and 3 % below m·g / (2·μ)."""
    asset = box(0.04, 0.04, 0.04)
    threshold = mass * GRAVITY / (2 * friction)
    held = attempt(asset, gripper, profile, mass=mass, friction=friction, force=1.03 * threshold)
    lost = attempt(asset, gripper, profile, mass=mass, friction=friction, force=0.97 * threshold)
    assert outcome(held) is Outcome.SUCCESS
    assert outcome(lost) in (Outcome.SLIPPED, Outcome.DROPPED)
    assert lost.held_acceleration[0] == GRAVITY / 2 and lost.failed_direction[0] >= 0 and lost.time_to_failure[0] > 0


def test_the_hand_holds_the_payload_that_statics_gives_it(gripper, profile):
    asset = box(0.04, 0.04, 0.04)
    force = gripper.file.max_force
    payload = 2 * 0.6 * force / GRAVITY  # 8.6 kg
    assert outcome(attempt(asset, gripper, profile, mass=0.97 * payload, force=force)) is Outcome.SUCCESS
    assert outcome(attempt(asset, gripper, profile, mass=1.03 * payload, force=force)) is not Outcome.SUCCESS


def test_a_bar_held_at_its_end_turns_about_the_closing_direction(gripper, profile):
    # 0.35 N m of weight beats what friction at the corners of a 17 × 18 mm pad can take: 2·μ·F·12 mm = 0.19 N m.
    end = FROM_ABOVE @ pose(translation=[0.04, 0, 0])
    r = attempt(box(0.12, 0.02, 0.02), gripper, profile, T=end, width=0.03, mass=0.9, friction=0.4, force=20.0)
    assert outcome(r) is Outcome.ROTATED
    firm = attempt(box(0.12, 0.02, 0.02), gripper, profile, T=end, width=0.03, mass=0.1, friction=0.8)
    assert outcome(firm) is Outcome.SUCCESS


def test_drift_is_that_of_the_centre_of_mass_whatever_the_meshes_origin(gripper, profile):
    asset = box(0.04, 0.03, 0.04)
    shift = np.array([0.3, -0.2, 0.5])
    moved = replace(
        asset,
        mesh=Mesh(asset.mesh.vertices + shift, asset.mesh.faces),
        parts=(Part("box", asset.parts[0].size, pose(translation=shift)),),
        com=asset.com + shift,
    )
    T = FROM_ABOVE @ pose(axis_angle([0, 0, 1], np.radians(8)), [0, 0.008, 0])
    a = attempt(asset, gripper, profile, T=T, width=0.06)
    b = attempt(moved, gripper, profile, T=pose(translation=shift) @ T, width=0.06)
    assert a.drift_closing[0] > 0.005 and a.rotation_closing[0] > np.radians(5)
    for name in ("drift_closing", "drift_holding", "rotation_closing"):
        assert getattr(a, name)[0] == pytest.approx(getattr(b, name)[0], abs=1e-3)


def test_results_are_bitwise_the_same_at_any_thread_count_and_in_any_company(gripper, profile):
    rng = np.random.default_rng(0)
    T = np.stack([FROM_ABOVE @ pose(translation=rng.normal(0, 0.006, 3)) for _ in range(12)])
    kw = {"width": 0.06, "mass": 0.1, "friction": 0.4}
    one, two = (attempt(ball(0.02), gripper, profile, T=T, threads=t, **kw) for t in (1, 2))
    alone = attempt(ball(0.02), gripper, profile, T=T[5], **kw)
    for name, value in vars(one).items():
        np.testing.assert_array_equal(value, getattr(two, name), err_msg=name)
        np.testing.assert_array_equal(value[5:6], getattr(alone, name), err_msg=name)


def test_labels_do_not_depend_on_where_the_grasp_points_in_the_world(gripper, profile):
    """A free trial has no up: the same grasp of the same object, both turned, gives the same label."""
    asset = box(0.04, 0.03, 0.06)
    T = FROM_ABOVE @ pose(translation=[0.005, 0, 0])
    flip = pose(np.diag([-1.0, -1.0, 1.0]))  # a symmetry of the box
    a = attempt(asset, gripper, profile, T=T)
    b = attempt(asset, gripper, profile, T=inverse(flip) @ T)
    assert outcome(a) is outcome(b)
    assert a.drift_holding[0] == pytest.approx(b.drift_holding[0], abs=1e-4)
