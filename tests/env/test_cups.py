"""Suction in environments: the vacuum is what the fingers are, and episodes of labelled grasps end as their labels."""

import mujoco
import numpy as np
import pytest
from env.env_parts import QUICK, play, quick_task

from graspgen.env.actions import HOME, NAMES
from graspgen.env.task import GraspTask
from graspgen.frames import pose
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.scene_path import Stage
from graspgen.grasps.scene_trial import try_scene
from graspgen.pipeline.grasping import grasp_scene

#: One carton, whose top is a plane.
CARTON = (
    "objects.families={choice: [carton]}",
    "scene.objects.count=1",
    "grasps.per_object=8",
    "gripper=suction_array",
)


def above_a_carton(height: float, **settings) -> GraspTask:
    """A task whose lips are `height` m above the middle of a carton's top, pointing down."""
    task = quick_task(**{"overrides": CARTON, **settings})
    task.reset(np.random.default_rng(0), scene=0)
    m, place = task.moment, task.place
    top = m.centre[0, 0] + np.array([0, 0, (np.abs(m.R_object[0, 0][2]) * place.half[0]).sum()])
    T = pose(HOME, top + np.array([0, 0, height]))
    task.reset(np.random.default_rng(0), scene=0, T_world_tool=T)
    return task


def go(task, steps, **numbers):
    for _ in range(steps):
        result = task.step([numbers.get(name, 0.0) for name in NAMES[task.spec.action_mode]])
    return result


def test_the_vacuum_lifts_what_it_seals_on():
    task = above_a_carton(0.0005)
    go(task, 4, fingers=-1.0)
    assert task.judge.held[0] and task.agent_pos()[15:].tolist() == [1.0, 1.0]
    go(task, 26, z=0.4, fingers=-1.0)
    result = go(task, 5, fingers=-1.0)
    assert result.success and task.judge.outcome[0] == Outcome.SUCCESS


def test_a_cup_clears_what_it_lifts():
    task = above_a_carton(0.0005, goal="all")
    go(task, 4, fingers=-1.0)
    for _ in range(40):
        if (result := go(task, 1, z=0.4, fingers=-1.0)).terminated:
            break
    assert result.success and (task.cleared, task.objects) == (1, 1)


def test_without_the_vacuum_lips_touch_nothing():
    task = above_a_carton(0.0)
    go(task, 5)
    assert task.judge.stage[0] == Stage.APPROACH and task.judge.first_touch[0] < 0
    assert not task.agent_pos()[15:].any()


def test_a_lip_that_is_far_from_everything_holds_nothing_and_can_try_again():
    task = above_a_carton(0.03)
    go(task, 27, fingers=-1.0)
    assert task.judge.outcome[0] == Outcome.NO_CONTACT and task.judge.stage[0] == Stage.ENDED
    go(task, 1, fingers=1.0)
    go(task, 5, z=-0.4917)
    go(task, 5, fingers=-1.0)
    assert task.judge.held[0]


def test_a_vacuum_that_is_on_takes_what_it_comes_to():
    task = above_a_carton(0.01)
    go(task, 10, z=-0.1, fingers=-1.0)
    assert task.judge.held[0]


def test_what_is_let_go_falls():
    task = above_a_carton(0.0005)
    go(task, 4, fingers=-1.0)
    go(task, 10, z=0.4, fingers=-1.0)
    assert task.judge.rise[0] > 0.03
    go(task, 10, fingers=1.0)
    assert task.judge.outcome[0] == Outcome.DROPPED and not task.judge.sucking.any()
    assert not task.sim.data.ctrl[task.state.valves].any()
    model = task.sim.model
    assert not model.geom_contype[task.state._lip_geoms].any()
    assert task.target_com()[2] < task.moment.x[0, 2] - 0.05


def test_a_restored_episode_goes_on_to_the_last_bit():
    size = int(mujoco.mjtState.mjSTATE_INTEGRATION)
    task = above_a_carton(0.0005)
    go(task, 4, fingers=-1.0)
    saved = task.save()
    ends = []
    for _ in range(2):
        go(task, 6, z=0.7, x=0.2, fingers=-1.0)
        state = np.empty(mujoco.mj_stateSize(task.sim.model, size))
        mujoco.mj_getState(task.sim.model, task.sim.data, state, size)
        ends.append((state, task.judge.saved(0)))
        go(task, 3, fingers=1.0)
        task.restore(saved)
    np.testing.assert_array_equal(ends[0][0], ends[1][0])
    for name, value in ends[0][1].items():
        np.testing.assert_array_equal(value, ends[1][1][name], err_msg=name)


@pytest.mark.parametrize("name", ["suction_cup", pytest.param("suction_array", marks=pytest.mark.slow)])
def test_an_episode_that_follows_a_labelled_grasp_ends_as_its_label(name):
    task = quick_task(overrides=(*QUICK, f"gripper={name}"), rules="trial", goal="target")
    same = total = 0
    for scene in range(1):
        task.reset(np.random.default_rng(0), scene=scene)
        settled, spec = task.place.settled, task.scenes.recipe.grasps
        T, target = [], []
        for g in grasp_scene(settled, task.gripper, task.profile, spec):
            at = int(np.searchsorted(task.place.ids, g.thing.plan.instance_id))
            T += list(settled.T_world_object[at] @ g.labelled.candidates.T_object_grasp)
            target += [g.thing.plan.instance_id] * len(g.labelled.candidates)
        tried = try_scene(settled, task.gripper, task.profile, target, np.array(T), np.zeros(len(T)))
        found = [play(task, scene, T[i], 0.0, target[i]) for i in range(len(T))]
        same, total = same + int((np.array(found) == tried.outcome).sum()), total + len(T)
        assert (np.array(found) == Outcome.SUCCESS).any()
    assert same >= 0.97 * total


def test_environments_of_every_face_take_suction():
    gymnasium = pytest.importorskip("gymnasium")
    import graspgen.env  # noqa: F401 - registers

    settings = {"overrides": CARTON, "scenes": 2}
    one = gymnasium.make("graspgen/Pick-v0", **settings)
    from gymnasium.utils.env_checker import check_env

    check_env(one.unwrapped, skip_render_check=True)
    many = gymnasium.make_vec("graspgen/Pick-v0", num_envs=2, **settings)
    rng = np.random.default_rng(0)
    a, _ = one.reset(seed=5)
    b, _ = many.reset(seed=5)
    np.testing.assert_array_equal(a, b[0])
    for _ in range(20):
        action = rng.uniform(-1, 1, one.action_space.shape).astype(np.float32)
        action[2] = -0.6
        a, b = one.step(action)[0], many.step(np.stack([action, action]))[0]
        np.testing.assert_array_equal(a, b[0])
    many.close()
    pose_env = gymnasium.make("graspgen/GraspPose-v0", **settings)
    pose_env.reset(seed=0)
    grasping = pose_env.unwrapped.grasping
    top = grasping.moment.centre[0, 0] + np.array([0, 0, grasping.place.half[0, 2]])
    _, reward, over, _, _ = pose_env.step(pose_env.unwrapped.action_of(pose(HOME, top), 0.0))
    assert over and reward in (0.0, 1.0)
