"""Recorded trials: the same trial, frame by frame."""

import numpy as np
import pytest
from settled import DOWN, at, settled_scene
from solids import GRAVITY, box

from graspgen.grasps.outcomes import Outcome, Phase
from graspgen.grasps.scene_record import Trajectory, record_trial
from graspgen.grasps.scene_trial import try_scene

CUBE = box(0.04, 0.04, 0.06)
GRASPS = np.array([at(0, 0, 0.045, DOWN), at(0, 0, 0.0, DOWN), at(0.1, 0, 0.045, DOWN)])


@pytest.fixture(scope="module")
def scene():
    return settled_scene([(CUBE, at(0, 0, 0.03)), (box(0.03, 0.03, 0.03), at(0.2, 0.1, 0.015))])


@pytest.fixture(scope="module")
def held(scene, gripper, profile) -> Trajectory:
    return record_trial(scene, gripper, profile, 1, GRASPS[0], 0.06)


def test_a_recorded_trial_is_the_trial(scene, gripper, profile):
    among = try_scene(scene, gripper, profile, [1, 1, 1], GRASPS, [0.06] * 3)
    assert len(set(among.outcome.tolist())) == 3
    for i, T in enumerate(GRASPS):
        alone = record_trial(scene, gripper, profile, 1, T, 0.06, period=0.05, views=True).results
        for name, values in vars(alone).items():
            np.testing.assert_array_equal(values, getattr(among, name)[i : i + 1], err_msg=name)


def test_frames_are_evenly_spaced_and_go_through_all_phases(held, profile):
    np.testing.assert_allclose(np.diff(held.time)[:-1], 0.02, atol=1e-12)
    assert held.time[0] == 0 and held.time[-1] == pytest.approx(held.results.steps[0] * profile.option.timestep)
    starts = [int(p) for p, before in zip(held.phase[1:], held.phase[:-1], strict=True) if p != before]
    assert held.phase[0] == Phase.APPROACH and starts == [Phase.CLOSE, Phase.LIFT, Phase.HOLD]


def test_the_hand_starts_an_approach_away_and_the_object_rises_with_it(held, profile):
    np.testing.assert_allclose(held.T_world_tool[0, :3, 3], [0, 0, 0.095], atol=1e-9)
    rise = held.T_world_tool[-1, 2, 3] - 0.045
    assert rise == pytest.approx(profile.scene.lift, abs=1e-3)
    assert held.T_world_object[-1, 0, 2, 3] - 0.03 == pytest.approx(rise, abs=1e-3)
    np.testing.assert_allclose(held.T_world_object[-1, 1], held.T_world_object[0, 1], atol=1e-12)
    assert held.opening[0] == pytest.approx(0.06) and held.opening[-1] == pytest.approx(0.04, abs=5e-4)


def test_contacts_say_who_touches_whom_and_how_hard(held, gripper):
    first, last = (np.flatnonzero(held.contact_frame == frame) for frame in (0, len(held) - 1))
    assert {tuple(sorted(pair)) for pair in held.contact_between[first].tolist()} <= {(0, 1), (0, 2)}
    by_hand = last[(np.sort(held.contact_between[last], axis=1) == [-1, 1]).all(axis=1)]
    assert held.contact_force[by_hand].sum() == pytest.approx(2 * gripper.file.force, rel=0.01)
    closing = np.abs(held.contact_normal[by_hand] @ [0, 1, 0])
    np.testing.assert_allclose(closing, 1, atol=1e-6)
    assert not ((held.contact_between[last] == 0).any(axis=1) & (held.contact_between[last] == 1).any(axis=1)).any()


def test_every_frame_can_be_made_again(held):
    middle = len(held) // 2
    data = held.data(middle)
    np.testing.assert_array_equal(data.qpos, held.qpos[middle])
    np.testing.assert_allclose(data.body("object_1").xpos, held.T_world_object[middle, 0, :3, 3], atol=1e-12)


def test_a_collision_ends_the_frames_with_the_touch(scene, gripper, profile):
    hit = record_trial(scene, gripper, profile, 1, at(0, 0, 0.02, DOWN), 0.03, linger=0.5)
    assert Outcome(int(hit.results.outcome[0])) is Outcome.HITS_TARGET
    assert hit.time[-1] < hit.results.steps[0] * profile.option.timestep
    assert (np.sort(hit.contact_between[hit.contact_frame == len(hit) - 1], axis=1) == [-1, 1]).all(axis=1).any()


def test_frames_can_go_on_after_the_end(scene, gripper, profile):
    heavy = settled_scene([(CUBE, at(0, 0, 0.03))], masses=[3.0])
    plain, longer = (record_trial(heavy, gripper, profile, 1, GRASPS[0], 0.06, linger=t) for t in (0.0, 0.2))
    assert longer.time[-1] == pytest.approx(plain.time[-1] + 0.2)
    for name, values in vars(plain.results).items():
        np.testing.assert_array_equal(values, getattr(longer.results, name), err_msg=name)
    fall = longer.T_world_object[-1, 0, 2, 3] - plain.T_world_object[-1, 0, 2, 3]
    assert -GRAVITY * 0.2**2 < fall < 0.05
