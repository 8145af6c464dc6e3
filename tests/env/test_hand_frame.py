"""A state seen from the hand does not depend on which way the hand points, and rewards add up to progress."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import graspgen.env
from graspgen.env.errors import EnvError
from graspgen.env.hand_frame import FEATURES, FINE, MEMORY, HandFrame, fine_features, hand_axes, hand_features
from graspgen.env.observe import AGENT, OBJECT
from graspgen.frames import axis_angle
from graspgen.grasps.scene_path import Stage
from graspgen.grasps.scene_state import quats

NAMES = list(FEATURES)


def state_of(yaw: float, spin: np.ndarray, way: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """A scene that has been turned about the vertical as a whole: hand, object, and how both move."""
    turn = axis_angle([0.0, 0.0, 1.0], yaw)
    state = np.zeros(36)
    agent, thing = dict.fromkeys(AGENT, 0.0), dict.fromkeys(OBJECT, 0.0)
    agent.update(zip(("x", "y", "z"), (0.1, -0.2, 0.3), strict=True), opening=0.05)
    agent.update(zip(("qw", "qx", "qy", "qz"), quats((turn @ np.diag([1.0, -1.0, -1.0]))[None])[0], strict=True))
    agent.update(zip(("vx", "vy", "vz"), turn @ moving, strict=True))
    R = turn @ axis_angle(spin / np.linalg.norm(spin), np.linalg.norm(spin))
    thing.update(there=1, target=1, half_x=0.01, half_y=0.02, half_z=0.03)
    thing.update(zip(("dx", "dy", "dz"), turn @ way, strict=True))
    thing.update(zip(OBJECT[5:11], R[:, :2].T.ravel(), strict=True))
    state[: len(AGENT)], state[len(AGENT) + 2 :] = list(agent.values()), list(thing.values())
    return state


small = st.lists(st.floats(-0.1, 0.1), min_size=3, max_size=3).map(np.array)


@given(st.floats(-3, 3), small.filter(lambda v: np.linalg.norm(v) > 1e-3), small, small)
def test_a_scene_turned_with_its_hand_looks_the_same(yaw, spin, way, moving):
    there, turned = (hand_features(state_of(y, spin, way, moving)) for y in (0.0, yaw))
    np.testing.assert_allclose(turned, there, atol=2e-5)


@given(st.floats(-3, 3), small.filter(lambda v: np.linalg.norm(v) > 1e-3), small)
def test_what_is_told_finely_does_not_depend_on_where_all_is_turned_either(yaw, spin, way):
    states = [state_of(y, spin, way, np.zeros(3)) for y in (0.0, yaw)]
    for state in states:
        state[-3:] = 0.02, 0.01, 0.03  # its shorter level side lies along the closing direction, nearly
    there, turned = (fine_features(state) for state in states)
    np.testing.assert_allclose(turned, there, atol=2e-5)


def test_gaps_beside_a_box_and_the_turn_to_it_are_those_that_are_known():
    state = state_of(0.0, np.array([0.0, 0.0, np.pi / 2 + 0.1]), np.array([0.01, 0.02, -0.1]), np.zeros(3))
    told = dict(zip(FINE, np.arctanh(fine_features(state).astype(float)) / list(FINE.values()), strict=True))
    # 20 mm along the closing direction, towards -y; the open hand reaches 25 mm, the box a little over 10 mm.
    reach = 0.01 * np.cos(0.1) + 0.02 * np.sin(0.1)
    assert told["gap_left"] == pytest.approx(0.025 - reach - 0.02, abs=1e-5)
    assert told["gap_right"] == pytest.approx(0.025 - reach + 0.02, abs=1e-4)
    assert told["near_top"] == pytest.approx(-0.07, abs=1e-4)
    # As the shorter side has been turned, so must the hand, to which z is up.
    assert told["turn"] == pytest.approx(0.1, abs=1e-6)
    assert told["near_turn"] == pytest.approx(0.1, abs=1e-5)


def test_features_are_those_of_a_box_whose_place_is_known():
    state = state_of(0.0, np.array([0.0, 0.0, np.pi / 2]), np.array([0.01, 0.02, -0.1]), np.zeros(3))
    told = dict(zip(NAMES, hand_features(state) / np.array(list(FEATURES.values())), strict=True))
    # The hand points down and closes along -y, so its x axis, z up, is the world's -x.
    assert told["dx"] == pytest.approx(-0.01, abs=1e-6)
    assert told["dy"] == pytest.approx(-0.02, abs=1e-6)
    assert told["top"] == pytest.approx(-0.07, abs=1e-6)
    assert [told[f"reach_{a}"] for a in "xyz"] == pytest.approx([0.02, 0.01, 0.03], abs=1e-6)
    np.testing.assert_allclose(hand_axes(state), np.diag([-1.0, -1.0, 1.0]), atol=1e-12)


@pytest.fixture(scope="module")
def env():
    made = graspgen.env.make("graspgen/Pick-v0", recipe="single", scenes=2, reward_mode="dense")
    yield HandFrame(made, repeat=3, discount=0.9)
    made.close()


def test_a_move_along_the_hands_axis_goes_along_it(env):
    seen, _ = env.reset(seed=0, options={"scene": 0})
    axes, task = env.axes, env.unwrapped.grasping
    before = task.moment.x[0].copy()
    seen, *_ = env.step(np.array([0.0, 0.5, 0.0, 0.0, 0.0], np.float32))
    went = axes @ (task.moment.x[0] - before)
    assert seen in env.observation_space
    assert went[1] == pytest.approx(0.5 * 3 * task.limits.step, rel=0.2)
    assert abs(went[0]) < 1e-3


def test_rewards_add_up_to_what_has_been_gained(env):
    env.reset(seed=1, options={"scene": 1})
    rng, first, total = np.random.default_rng(0), env._level, 0.0
    for n in range(12):
        _, reward, over, late, _ = env.step(rng.uniform(-1, 1, 5))
        total += 0.9**n * reward
        assert not (over or late)
    assert total == pytest.approx(0.9**12 * env._level - first)


def test_what_has_no_single_object_is_refused():
    with pytest.raises(EnvError, match="one object"):
        HandFrame(gymnasium.make("graspgen/Pick-v0", reward_mode="dense"))
    with pytest.raises(EnvError, match="dense"):
        HandFrame(gymnasium.make("graspgen/Pick-v0", recipe="single"))


def test_a_failed_attempt_is_told_until_the_hand_opens_and_so_is_the_time_left(env):
    memory = dict(zip(MEMORY, range(len(FEATURES), len(FEATURES) + len(MEMORY)), strict=True))
    seen, _ = env.reset(seed=2, options={"scene": 0})
    assert (seen[memory["closing"]], seen[memory["ended"]], seen[memory["left"]]) == (0, 0, 1)
    seen, *_ = env.step(np.array([0, 0, 0, 0, -1]))  # in the air
    assert (seen[memory["closing"]], seen[memory["ended"]]) == (1, 0)
    for _ in range(8):
        seen, *_, info = env.step(np.array([0, 0, 0, 0, -1]))
    assert (seen[memory["closing"]], seen[memory["ended"]]) == (0, 1)
    assert info["stage"] == Stage.ENDED
    assert seen[memory["left"]] == pytest.approx(1 - 9 * 3 / 100)
    seen, *_ = env.step(np.array([0, 0, 0, 0, 1]))
    assert seen[memory["ended"]] == 0


def test_the_lag_is_from_where_the_hand_is_to_where_it_was_told_to_be(env):
    env.reset(seed=2, options={"scene": 0})
    task, at = env.unwrapped.grasping, len(FEATURES) + list(MEMORY).index("lag_x")
    seen, *_ = env.step(np.array([1, 0, 0, 0, 0]))
    assert np.abs(seen[at : at + 3]).max() < 0.02
    down = np.array([0, 0, -1, 0, 0])
    for _ in range(9):  # onto the object, or the table
        seen, *_ = env.step(down)
    assert seen[at + 2] < -0.1
    lag = env.axes.T @ (seen[at : at + 3] / MEMORY["lag_x"])
    np.testing.assert_allclose(task.moment.x[0] + lag, task.told[0][0], atol=1e-6)
