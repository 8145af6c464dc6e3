"""Trials in scenes whose outcome is known beforehand: from statics, or from where things are."""

import numpy as np
import pytest
from settled import DOWN, SIDEWAYS, at, settled_scene
from solids import GRAVITY, ball, box

from graspgen.errors import SceneError
from graspgen.frames import pose
from graspgen.grasps.outcomes import Outcome, Phase
from graspgen.grasps.scene_trial import SceneTrialResults, try_scene
from graspgen.scene.world import SettledScene

CUBE = box(0.04, 0.04, 0.06)
ON_TABLE = at(0, 0, 0.03)
FROM_ABOVE = at(0, 0, 0.045, DOWN)


def attempt(scene: SettledScene, gripper, profile, *T: np.ndarray, target=1, width=0.06, **kw) -> SceneTrialResults:
    T = np.array(T or [FROM_ABOVE])
    return try_scene(scene, gripper, profile, np.full(len(T), target), T, np.full(len(T), width), **kw)


def outcome(results: SceneTrialResults, i: int = 0) -> Outcome:
    return Outcome(int(results.outcome[i]))


@pytest.fixture(scope="module")
def alone() -> SettledScene:
    return settled_scene([(CUBE, ON_TABLE)])


def test_a_free_standing_box_is_lifted_and_the_arm_bears_its_weight(alone, gripper, profile):
    r = attempt(alone, gripper, profile)
    assert outcome(r) is Outcome.SUCCESS and r.phase[0] == Phase.HOLD
    assert r.first_touch[0] == -1 and np.isnan(r.time_to_failure[0]) and r.failed_direction[0] == -1
    weight = alone.world.objects[0].mass * GRAVITY
    # The grasp's z points down, and the tool point is above the centre of mass.
    np.testing.assert_allclose(r.wrench[0], [0, 0, -weight, 0, 0, 0], atol=2e-3 * weight)
    assert r.lift_height[0] == pytest.approx(profile.scene.lift, abs=5e-4)
    assert r.grip_force[0] == pytest.approx(gripper.file.force, rel=0.01)
    assert r.width[0] == pytest.approx(0.04, abs=5e-4)
    assert max(r.drift_closing[0], r.drift_holding[0], r.tracking_error[0]) < 5e-4
    assert r.steps[0] <= 1000


def test_an_eccentric_grasp_is_held_with_the_moment_of_the_weight(gripper, profile):
    long = settled_scene([(box(0.12, 0.04, 0.06), ON_TABLE)], masses=[0.2])
    r = attempt(long, gripper, profile, at(0.01, 0, 0.045, DOWN))
    # The centre of mass is 10 mm from the tool point along −x: the moment about y (down) is m g times that.
    assert outcome(r) is Outcome.SUCCESS
    assert abs(r.wrench[0, 4]) == pytest.approx(0.2 * GRAVITY * 0.01, rel=0.05)
    np.testing.assert_allclose(r.wrench[0, [3, 5]], 0, atol=1e-3)


@pytest.mark.parametrize("shake", [False, True])
def test_a_trial_takes_at_most_1500_steps(alone, gripper, profile, shake):
    r = attempt(alone, gripper, profile, shake=shake)
    assert outcome(r) is Outcome.SUCCESS and r.phase[0] == (Phase.SHAKE if shake else Phase.HOLD)
    assert r.steps[0] <= 1500


def test_a_neighbour_in_the_way_is_named(gripper, profile):
    wall = box(0.04, 0.02, 0.12)
    scene = settled_scene([(CUBE, ON_TABLE), (wall, at(0.2, 0, 0.06)), (wall, at(0, 0.035, 0.06))])
    r = attempt(scene, gripper, profile)
    assert outcome(r) is Outcome.HITS_OBJECT and r.phase[0] == Phase.APPROACH and r.first_touch[0] == 3
    assert np.nanmax(r.displacement[0]) == 0.0, "the trial ends with the touch"


def test_the_first_thing_that_is_touched_is_named_not_the_last(gripper, profile):
    # Both stand in the way of a finger; the hand comes down on the taller first.
    scene = settled_scene(
        [(CUBE, ON_TABLE), (box(0.04, 0.02, 0.08), at(0, 0.04, 0.04)), (box(0.04, 0.02, 0.09), at(0, -0.04, 0.045))]
    )
    assert attempt(scene, gripper, profile).first_touch[0] == 3


def test_a_hand_below_the_table_top_hits_the_support(alone, gripper, profile):
    r = attempt(alone, gripper, profile, at(0, 0, 0.0, DOWN), at(0, 0, 0.02, pose()[:3, :3]), width=0.08)
    assert [outcome(r, i) for i in range(2)] == [Outcome.HITS_TARGET, Outcome.HITS_SUPPORT]
    flat = settled_scene([(box(0.04, 0.04, 0.01), at(0, 0, 0.005))])
    r = attempt(flat, gripper, profile, at(0, 0, 0.0, DOWN))
    assert outcome(r) is Outcome.HITS_SUPPORT and r.first_touch[0] == 0


def test_a_target_wider_than_the_opening_is_hit(alone, gripper, profile):
    r = attempt(alone, gripper, profile, width=0.03)
    assert outcome(r) is Outcome.HITS_TARGET and r.first_touch[0] == 1


def test_what_lies_on_the_target_comes_along(gripper, profile):
    post, plate = box(0.04, 0.04, 0.10), box(0.06, 0.06, 0.005)
    scene = settled_scene([(post, at(0, 0, 0.05)), (plate, at(0, 0, 0.1025)), (CUBE, at(0.3, 0, 0.03))])
    r = attempt(scene, gripper, profile, at(0, 0, 0.06, SIDEWAYS))
    assert outcome(r) is Outcome.LIFTED_NEIGHBOUR and r.phase[0] == Phase.LIFT
    assert np.isnan(r.displacement[0, 0]) and r.displacement[0, 1] > profile.scene.neighbour_rise
    assert r.displacement[0, 2] == 0.0, "what nothing touches stays"
    assert 0 < r.time_to_failure[0] < 1


def test_a_load_beyond_friction_slips_and_one_within_it_holds(gripper, profile):
    # The lift's minimum-jerk path accelerates by 10/√3 · s/T².
    friction, force, acceleration = 0.6, 20.0, 1.2
    held = 0.95 * 2 * friction * force / (GRAVITY + acceleration)
    lost = 1.05 * 2 * friction * force / GRAVITY
    results = []
    for mass in (held, lost):
        scene = settled_scene([(CUBE, ON_TABLE)], masses=[mass], friction=friction)
        results.append(attempt(scene, gripper, profile, force=force))
    assert results[0].peak_acceleration[0] == pytest.approx(acceleration, abs=0.02)
    assert outcome(results[0]) is Outcome.SUCCESS
    assert outcome(results[1]) in (Outcome.SLIPPED, Outcome.DROPPED)


def test_a_load_that_bears_the_lift_may_not_bear_the_shake(gripper, profile):
    scene = settled_scene([(CUBE, ON_TABLE)], masses=[2.0])
    assert outcome(attempt(scene, gripper, profile)) is Outcome.SUCCESS
    r = attempt(scene, gripper, profile, shake=True)
    assert outcome(r) in (Outcome.SLIPPED, Outcome.DROPPED) and r.phase[0] == Phase.SHAKE
    assert r.failed_direction[0] == 0, "the first shake is up and down"
    assert r.peak_acceleration[0] == profile.protocol.acceleration


def test_what_the_arm_cannot_lift_blocks_it(gripper, profile):
    mass = 1.1 * profile.scene.force / GRAVITY
    scene = settled_scene([(CUBE, ON_TABLE)], masses=[mass], friction=1.0)
    r = attempt(scene, gripper, profile, force=70)
    assert outcome(r) is Outcome.BLOCKED and r.phase[0] == Phase.LIFT
    assert r.lift_height[0] < 1e-3 and r.tracking_error[0] > profile.scene.max_lag


def test_a_hand_beside_the_object_touches_nothing(alone, gripper, profile):
    r = attempt(alone, gripper, profile, at(0.1, 0, 0.045, DOWN))
    assert outcome(r) is Outcome.NO_CONTACT and r.phase[0] == Phase.CLOSE


def test_a_finger_that_finds_something_immovable_leaves_the_other_free(gripper, profile):
    scene = settled_scene([(CUBE, ON_TABLE)], masses=[8.0])
    r = attempt(scene, gripper, profile, at(0, 0.015, 0.045, DOWN), width=0.08)
    assert outcome(r) is Outcome.ONE_FINGER and r.phase[0] == Phase.CLOSE


def test_a_light_object_is_pushed_to_the_middle(alone, gripper, profile):
    r = attempt(alone, gripper, profile, at(0, 0.01, 0.045, DOWN), width=0.08)
    assert outcome(r) is Outcome.SUCCESS and r.drift_closing[0] == pytest.approx(0.01, abs=1e-3)


def test_results_depend_neither_on_threads_nor_on_other_trials(gripper, profile):
    things = [(CUBE, ON_TABLE), (ball(0.03), at(0.12, 0, 0.03)), (box(0.05, 0.03, 0.04), at(0, 0.07, 0.02))]
    scene = settled_scene(things)
    target = np.array([1, 2, 3, 1, 2, 1])
    T = np.array(
        [FROM_ABOVE, at(0.12, 0, 0.03, DOWN), at(0, 0.07, 0.03, DOWN), at(0, 0.01, 0.05, DOWN), at(0.1, 0, 0.03, DOWN),
         at(0, 0, 0.0, DOWN)]
    )  # fmt: skip
    width = np.array([0.06, 0.075, 0.05, 0.08, 0.08, 0.06])
    one = try_scene(scene, gripper, profile, target, T, width, threads=1)
    two = try_scene(scene, gripper, profile, target, T, width, threads=2)
    single = [try_scene(scene, gripper, profile, target[i : i + 1], T[i : i + 1], width[i : i + 1]) for i in range(6)]
    for name, values in vars(one).items():
        np.testing.assert_array_equal(values, getattr(two, name), err_msg=name)
        alone = np.concatenate([getattr(s, name) for s in single])
        np.testing.assert_array_equal(values, alone, err_msg=name)
    assert len(set(one.outcome.tolist())) > 2


def test_an_unknown_target_is_named(alone, gripper, profile):
    with pytest.raises(SceneError, match=r"holds no object 7 to grasp; its instance ids: \[1\]"):
        attempt(alone, gripper, profile, target=7)


def test_no_grasps_give_no_results(alone, gripper, profile):
    r = try_scene(alone, gripper, profile, [], np.zeros((0, 4, 4)), [])
    assert len(r.outcome) == 0 and r.wrench.shape == (0, 6) and r.displacement.shape == (0, 1)
