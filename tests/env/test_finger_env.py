"""Multi-finger hands in environments: one number closes them, and episodes of labelled grasps end as their labels."""

import mujoco
import numpy as np
import pytest
from env.env_parts import quick_task

from graspgen.env.errors import EnvError
from graspgen.env.follow import trial_actions, trial_start
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.scene_path import Stage
from graspgen.grasps.scene_record import record_trial
from graspgen.grasps.scene_stand import HAND
from graspgen.grasps.scene_trial import try_scene
from graspgen.pipeline.grasping import grasp_scene

#: One can, which is as wide from all sides.
CAN = (
    "gripper=three_finger", "objects.families=can", "objects.parameters={can: {diameter: 0.06, height: 0.08}}",
    "scene.objects.count=1", "grasps.per_object=10", "grasps.scene_share=0.8", "grasps.contact_share=0",
)  # fmt: skip


class Labelled:
    """Grasps of scene 0 as the recipe draws them, and their labels in the scene."""

    def __init__(self):
        self.task = quick_task(overrides=CAN, rules="trial", goal="target")
        self.task.reset(np.random.default_rng(0), scene=0)
        task, settled = self.task, self.task.place.settled
        (g,) = grasp_scene(settled, task.gripper, task.profile, task.scenes.recipe.grasps)
        self.c, self.target = g.labelled.candidates, g.thing.plan.instance_id
        self.T = settled.T_world_object[0] @ self.c.T_object_grasp
        self.results = try_scene(
            settled, task.gripper, task.profile, [self.target] * len(self.T), self.T, self.c.width,
            grip_width=self.c.grip_width, fingers=self.c.fingers,
        )  # fmt: skip
        self.good = int(np.flatnonzero(self.results.success)[0])

    def begin(self, task, i):
        start = trial_start(task, self.T[i], grip_width=self.c.grip_width[i])
        task.reset(
            np.random.default_rng(0), scene=0, target=self.target, T_world_tool=start, opening=self.c.width[i],
            fingers=self.c.fingers[i],
        )  # fmt: skip
        return trial_actions(task, self.T[i])


@pytest.fixture(scope="module")
def cans():
    return Labelled()


def test_an_episode_that_follows_a_labelled_grasp_ends_as_its_label(cans):
    # Until something is touched both go alike; a finger that topples a can tells hands apart that are 0.1 µm apart.
    task, same, labels = cans.task, [], cans.results.outcome
    for i in range(len(cans.T)):
        for action, _ in zip(cans.begin(task, i), range(120), strict=False):
            if task.step(action).terminated:
                break
        same.append((task.judge.outcome[0] == Outcome.SUCCESS) == (labels[i] == Outcome.SUCCESS))
    assert (labels == Outcome.SUCCESS).sum() >= 2 and np.mean(same) >= 0.8


def test_it_closes_as_the_trial_does_until_it_touches_something(cans):
    task, i = cans.task, cans.good
    actions, path = cans.begin(task, i), {}
    settled, joints = task.place.settled, task.gripper.joints
    while not task.judge.touching.any():
        task.step(next(actions))
        path[round(float(task.sim.data.time), 6)] = task.sim.data.qpos.copy()
    trial = record_trial(
        settled, task.gripper, task.profile, cans.target, cans.T[i], float(cans.c.width[i]),
        grip_width=float(cans.c.grip_width[i]), fingers=cans.c.fingers[i], period=task.period,
    )  # fmt: skip
    at = [int(trial.model.joint(HAND + j).qposadr[0]) for j in joints]
    own = [int(task.sim.model.joint(HAND + j).qposadr[0]) for j in joints]
    both = [(q[at], path[round(float(t), 6)][own]) for t, q in zip(trial.time, trial.qpos, strict=True)
            if 0.43 < t < max(path)]  # fmt: skip
    assert len(both) >= 4
    np.testing.assert_allclose(*map(np.array, zip(*both, strict=True)), atol=1e-4)
    assert np.ptp(np.array([b for _, b in both]), axis=0).max() > 0.2


def held(cans, **settings):
    """A task in which the can has just been gripped."""
    task = quick_task(overrides=CAN, **settings)
    for action in cans.begin(task, cans.good):
        task.step(action)
        if task.judge.held[0]:
            return task
        assert task.judge.stage[0] != Stage.ENDED


def go(task, steps, up, fingers):
    for _ in range(steps):
        action = np.zeros(task.action_size)
        action[2], action[-1] = up, fingers
        task.step(action)


def test_what_is_let_go_falls_and_the_hand_goes_back_to_where_it_began(cans):
    task = held(cans)
    go(task, 8, 0.5, -1.0)
    assert task.judge.rise[0] > 0.02 and task.agent_pos()[15:].tolist() == [1.0, 1.0]
    go(task, 60, 0.0, 1.0)
    assert task.judge.stage[0] == Stage.APPROACH and not task.judge.held[0]
    assert task.judge.outcome[0] in (Outcome.DROPPED, Outcome.SLIPPED, Outcome.ROTATED)
    assert task.target_com()[2] < task.moment.x[0, 2] - 0.05
    np.testing.assert_allclose(task.judge.grip.target[0], cans.c.fingers[cans.good, 0], atol=1e-12)
    q, _ = task.many.driven(np.array([0]))
    np.testing.assert_allclose(q[0], cans.c.fingers[cans.good, 0], atol=0.01)


def test_a_hand_that_is_told_nothing_keeps_what_it_holds(cans):
    task = held(cans)
    before = task.judge.grip.target.copy()
    go(task, 10, 0.0, 0.0)
    assert task.judge.held[0]
    np.testing.assert_array_equal(task.judge.grip.target, before)


def test_a_restored_episode_goes_on_to_the_last_bit(cans):
    size = int(mujoco.mjtState.mjSTATE_INTEGRATION)
    task = quick_task(overrides=CAN)
    actions = cans.begin(task, cans.good)
    for _ in range(20):
        task.step(next(actions))
    saved, ends = task.save(), []
    assert task.judge.stage[0] == Stage.CLOSE
    for _ in range(2):
        go(task, 12, 0.0, -1.0)
        state = np.empty(mujoco.mj_stateSize(task.sim.model, size))
        mujoco.mj_getState(task.sim.model, task.sim.data, state, size)
        ends.append((state, task.judge.saved(0)))
        go(task, 3, 0.0, 1.0)
        task.restore(saved)
    np.testing.assert_array_equal(ends[0][0], ends[1][0])
    for name, value in ends[0][1].items():
        np.testing.assert_array_equal(value, ends[1][1][name], err_msg=name)


def test_environments_of_every_face_take_hands(cans):
    gymnasium = pytest.importorskip("gymnasium")
    import graspgen.env  # noqa: F401 - registers

    settings = {"overrides": CAN, "scenes": 2}
    one = gymnasium.make("graspgen/Pick-v0", **settings)
    many = gymnasium.make_vec("graspgen/Pick-v0", num_envs=2, **settings)
    rng = np.random.default_rng(0)
    a, _ = one.reset(seed=5)
    b, _ = many.reset(seed=5)
    np.testing.assert_array_equal(a, b[0])
    for k in range(30):
        action = rng.uniform(-1, 1, one.action_space.shape).astype(np.float32)
        action[2], action[-1] = -0.6, -1.0 if k > 10 else action[-1]
        a, b = one.step(action)[0], many.step(np.stack([action, action]))[0]
        np.testing.assert_array_equal(a, b[0])
    many.close()
    _, info = one.reset(options={"scene": 0, "fingers": cans.c.fingers[0], "target": 1})
    assert info["outcome"] == 255
    with pytest.raises(EnvError, match=r"fingers must have shape \(1, 2, 7\) for three_finger"):
        one.reset(options={"fingers": cans.c.fingers[0, 0]})
    with pytest.raises(EnvError, match="out of its range"):
        one.reset(options={"fingers": cans.c.fingers[0] + 9})


def test_a_whole_grasp_is_judged_as_the_trial_of_its_opening(cans):
    gymnasium = pytest.importorskip("gymnasium")
    env = gymnasium.make("graspgen/GraspPose-v0", overrides=CAN)
    task, outcomes = env.unwrapped.grasping, []
    for i in range(len(cans.T)):
        env.reset(seed=0, options={"scene": 0})
        try:
            action = env.unwrapped.action_of(cans.T[i], cans.c.width[i])
        except EnvError:
            continue
        T, width = env.unwrapped.grasp_of(action)
        info = env.step(action)[4]
        label = try_scene(task.place.settled, task.gripper, task.profile, [cans.target], T[None], [width])
        assert info["outcome"] == label.outcome[0]
        outcomes.append(info["outcome"])
        if len(outcomes) == 3:
            break
    assert len(outcomes) == 3


def test_arms_carry_jaws_only():
    pytest.importorskip("mink")
    with pytest.raises(EnvError, match="multi-finger hand; an arm carries jaws"):
        quick_task(arm="ur5e", overrides=CAN)
