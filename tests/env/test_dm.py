"""The dm_env face: DeepMind's own conformance tests, and the same numbers as the Gymnasium face."""

import numpy as np
import pytest

pytest.importorskip("dm_control")

import gymnasium
from absl.testing import absltest
from dm_env import test_utils

from graspgen.env import EnvError
from graspgen.env.dm import load

QUICK = ("objects.families={choice: [box, cylinder, sphere]}", "scene.objects.count=1")


class TestConformance(test_utils.EnvironmentTestMixin, absltest.TestCase):
    def make_object_under_test(self):
        return load(random=0, overrides=QUICK, scenes=1, time_limit=0.4)


class TestConformanceWithImages(test_utils.EnvironmentTestMixin, absltest.TestCase):
    def make_object_under_test(self):
        return load(
            "graspgen/PickTarget-v0", obs_mode="rgbd", random=0, overrides=QUICK, scenes=1, time_limit=0.2,
            image_size=(24, 32),
        )  # fmt: skip

    def make_action_sequence(self):
        return (self.make_action() for _ in range(8))


def test_both_faces_give_the_same_episode():
    gym = gymnasium.make("graspgen/Pick-v0", obs_mode="state_dict", overrides=QUICK)
    dm = load(overrides=QUICK, random=np.random.default_rng(1))
    dm.task.options = {"scene": 4, "T_world_tool": None}
    seen, info = gym.reset(seed=0, options={"scene": 4})
    T = np.diag([1.0, -1.0, -1.0, 1.0])
    T[:3, 3] = [0.01, 0.02, 0.2]
    dm.task.options["T_world_tool"] = T
    seen, info = gym.reset(seed=0, options={"scene": 4, "T_world_tool": T})
    first = dm.reset()
    rng = np.random.default_rng(0)
    for _ in range(12):
        for name, value in first.observation.items():
            np.testing.assert_array_equal(value, seen[name])
        action = rng.uniform(-1, 1, 5).astype(np.float32)
        seen, reward, *_, info = gym.step(action)
        first = dm.step(action)
        assert first.reward == reward
    assert dm.task.info() == info


def test_time_up_keeps_the_discount_and_an_end_takes_it():
    env = load(overrides=QUICK, random=0, scenes=1, time_limit=0.08)
    env.reset()
    env.step(np.zeros(5))
    last = env.step(np.zeros(5))
    assert last.last() and last.discount == 1.0
    strict = load(overrides=QUICK, random=0, scenes=1, rules="trial", action_mode="delta4", time_limit=40)
    strict.reset()
    while not (step := strict.step([0, 0, -1, 0])).last():
        pass
    assert step.discount == 0.0 and strict.task.info()["collision"]


def test_an_id_without_steps_is_refused():
    with pytest.raises(EnvError, match="no task 'graspgen/GraspPose-v0'"):
        load("graspgen/GraspPose-v0")
