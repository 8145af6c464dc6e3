"""Trials of cups whose outcome is known beforehand from statics."""

import numpy as np
import pytest
from settled import DOWN, at, settled_scene
from solids import FROM_ABOVE, GRAVITY, ball, box

from graspgen.errors import GripperError
from graspgen.frames import pose
from graspgen.grasps.api import try_grasps
from graspgen.grasps.outcomes import Outcome, Phase
from graspgen.grasps.scene_trial import try_scene
from graspgen.grasps.trial import try_asset
from graspgen.grippers.gripper import load_gripper


@pytest.fixture(scope="module")
def cup():
    return load_gripper("suction_cup")


@pytest.fixture(scope="module")
def array():
    return load_gripper("suction_array")


def attempt(asset, hand, profile, masses, T=FROM_ABOVE, mu=0.6, graded=False, **kw):
    masses = np.atleast_1d(np.asarray(masses, float))
    return try_asset(
        asset, hand, profile, np.broadcast_to(T, (len(masses), 4, 4)), np.zeros(len(masses)), mass=masses,
        inertia=asset.unit_inertia * masses[0] / asset.volume, friction=[mu, 0.005, 0.002], graded=graded, **kw,
    )  # fmt: skip


def top(asset, x=0.0, y=0.0):
    return pose(translation=[x, y, asset.mesh.vertices[:, 2].max()]) @ FROM_ABOVE


PLATE = box(0.06, 0.06, 0.002)


def test_a_plate_slides_where_its_weight_passes_friction(cup, profile):
    # Its centre of mass is 1 mm off the lip: nothing tips. The pushes along the surface decide.
    limit = 0.6 * cup.file.max_force / GRAVITY
    r = attempt(PLATE, cup, profile, limit * np.array([0.9, 0.97, 1.05]), top(PLATE))
    assert [Outcome(int(o)) for o in r.outcome] == [Outcome.SUCCESS, Outcome.SUCCESS, Outcome.SLIPPED]
    assert r.failed_direction.tolist() == [-1, -1, 2]
    np.testing.assert_allclose(r.grip_force, cup.file.max_force, rtol=1e-6)
    assert (r.width == 0).all() and (r.drift_closing < 3e-4).all()


def test_a_plate_drops_where_its_weight_passes_the_vacuum(cup, profile):
    # So much friction that only the pull can fail it; a push begins at once, and the lip bears up to 1/8 more then.
    limit = cup.file.max_force / GRAVITY
    r = attempt(PLATE, cup, profile, limit * np.array([0.85, 1.05]), top(PLATE), mu=3.0)
    assert [Outcome(int(o)) for o in r.outcome] == [Outcome.SUCCESS, Outcome.DROPPED]
    assert r.failed_direction[1] == 1  # the hand accelerates away from the plate


def test_a_high_box_peels_off_where_its_moment_passes_half_the_force_times_the_radius(cup, profile):
    tall = box(0.05, 0.05, 0.08)
    limit = cup.file.max_force * cup.file.radius / 2 / 0.04 / GRAVITY
    r = attempt(tall, cup, profile, limit * np.array([0.5, 1.15]), top(tall))
    assert [Outcome(int(o)) for o in r.outcome] == [Outcome.SUCCESS, Outcome.PEELED]


def test_twice_the_force_that_is_asked_for_holds_twice_the_mass(cup, profile):
    half = attempt(PLATE, cup, profile, [0.5, 0.7], top(PLATE), force=cup.file.max_force / 2)
    limit = 0.3 * cup.file.max_force / GRAVITY
    assert half.success.tolist() == [limit > 0.5, limit > 0.7]
    assert half.grip_force[0] == pytest.approx(cup.file.max_force / 2)


def test_no_seal_no_contact_and_a_blocked_cup_are_told_apart(cup, profile):
    edge = attempt(PLATE, cup, profile, 0.1, top(PLATE, x=0.03))
    beside = attempt(PLATE, cup, profile, 0.1, top(PLATE, x=0.2))
    small = attempt(ball(0.015), cup, profile, 0.05, top(ball(0.015)))
    through = attempt(PLATE, cup, profile, 0.1, pose(translation=[0, 0, 0.001]) @ np.diag([1.0, 1, 1, 1]))
    outcomes = [Outcome(int(r.outcome[0])) for r in (edge, beside, small, through)]
    assert outcomes == [Outcome.NO_SEAL, Outcome.NO_CONTACT, Outcome.NO_SEAL, Outcome.SUCCESS]
    assert edge.phase[0] == Phase.CLOSE and edge.steps[0] == 0
    ring = attempt(box(0.06, 0.06, 0.002), cup, profile, 0.1, pose(translation=[0.032, 0, 0.004]) @ FROM_ABOVE)
    assert Outcome(int(ring.outcome[0])) is Outcome.NO_SEAL


def test_a_large_ball_is_held_and_a_pushed_on_cup_is_the_same_from_any_distance(cup, profile):
    sphere = ball(0.03)
    near, far = (
        attempt(sphere, cup, profile, 0.05, top(sphere) @ pose(translation=[0, 0, d]), graded=True) for d in (0, -0.006)
    )
    assert near.success.all() and far.success.all()
    assert near.held_acceleration[0] == far.held_acceleration[0] > 0


def test_an_array_holds_what_one_cup_cannot_and_loses_no_more_than_the_cups_that_leak(array, cup, profile):
    slab = box(0.08, 0.08, 0.02)
    mass = 0.9
    assert attempt(slab, array, profile, mass, top(slab)).success.all()
    assert not attempt(slab, cup, profile, mass, top(slab)).success.any()
    half = attempt(slab, array, profile, 0.05, top(slab, x=0.035))
    assert half.success.all() and half.grip_force[0] == pytest.approx(array.file.max_force / 2)


def test_trials_do_not_depend_on_threads_or_company(cup, profile):
    tall = box(0.05, 0.05, 0.06)
    masses = [0.05, 0.15, 0.3, 0.6]
    together = attempt(tall, cup, profile, masses, top(tall), graded=True, threads=2)
    for i, mass in enumerate(masses):
        alone = attempt(tall, cup, profile, mass, top(tall), graded=True)
        for name in ("outcome", "held_acceleration", "peak_acceleration", "failed_direction"):
            assert getattr(alone, name)[0] == getattr(together, name)[i]


def test_the_public_function_takes_cups_and_refuses_an_opening(cup):
    T = top(PLATE)[None]
    assert try_grasps(PLATE, "suction_cup", T, mass=0.1).success.all()
    with pytest.raises(GripperError, match="has no opening"):
        try_grasps(PLATE, "suction_cup", T, mass=0.1, width=0.04)


def test_a_box_on_a_table_is_lifted_and_the_arm_bears_its_weight(cup, profile):
    cube = box(0.04, 0.04, 0.06)
    scene = settled_scene([(cube, at(0, 0, 0.03))])
    grasps = np.array([at(0, 0, 0.06, DOWN), at(0.018, 0, 0.06, DOWN)])
    r = try_scene(scene, cup, profile, [1, 1], grasps, np.zeros(2))
    weight = scene.world.objects[0].mass * GRAVITY
    assert Outcome(int(r.outcome[0])) is Outcome.SUCCESS and r.first_touch[0] == -1
    np.testing.assert_allclose(r.wrench[0], [0, 0, -weight, 0, 0, 0], atol=5e-3 * weight)
    assert r.lift_height[0] == pytest.approx(profile.scene.lift, abs=1e-3)
    assert r.grip_force[0] == pytest.approx(cup.file.max_force) and r.width[0] == 0
    assert Outcome(int(r.outcome[1])) is Outcome.NO_SEAL and r.phase[1] == Phase.CLOSE


def test_a_heavy_box_is_not_lifted(cup, profile):
    cube = box(0.06, 0.06, 0.06)
    mass = 1.2 * cup.file.max_force / GRAVITY
    scene = settled_scene([(cube, at(0, 0, 0.03))], masses=[mass])
    r = try_scene(scene, cup, profile, [1], at(0, 0, 0.06, DOWN)[None], np.zeros(1))
    assert Outcome(int(r.outcome[0])) is Outcome.DROPPED and r.phase[0] == Phase.LIFT
