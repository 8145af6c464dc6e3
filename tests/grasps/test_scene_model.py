"""The trial model: what it changes in a settled scene, and how hard its arm pushes."""

import mujoco
import numpy as np
import pytest
from scene.scene_parts import mixed_shelf
from settled import DOWN, at, settled_scene
from solids import GRAVITY, box

from graspgen.frames import qpos_to_pose, random_rotation
from graspgen.grasps.profile import Profile
from graspgen.grasps.scene_model import scene_trial_model
from graspgen.grasps.scene_stand import SERVOS, SLIDES, STAND
from graspgen.scene.build import GROUP_VISUAL

CUBE = box(0.04, 0.04, 0.06)


def awake(profile: Profile) -> Profile:
    return profile.model_copy(update={"scene": profile.scene.model_copy(update={"sleep": False})})


@pytest.fixture(scope="module")
def heap():
    rng, shelf = np.random.default_rng(5), mixed_shelf()
    things = [
        (shelf.asset(i), at(*rng.uniform(-0.02, 0.02, 2), 0.07 + 0.1 * n, random_rotation(rng)))
        for n, i in enumerate((0, 1, 2, 3, 9, 10))
    ]
    scene = settled_scene(things)
    touching = scene.world.geom_instance[scene.world.data.contact.geom]
    assert not scene.removed and (touching > 0).all(axis=1).any(), "some touch each other"
    return scene


def test_settled_objects_do_not_start_to_move_under_the_options_of_trials(heap, gripper, profile):
    scene = scene_trial_model(heap, gripper, awake(profile))
    data = mujoco.MjData(scene.model)
    data.mocap_pos[0] = [0, 0, 1]
    data.qpos[:] = scene.qpos
    mujoco.mj_step(scene.model, data, nstep=750)
    assert data.time == pytest.approx(1.5)
    n = 7 * len(heap.world.objects)
    moved = qpos_to_pose(data.qpos[:n].reshape(-1, 7)) - qpos_to_pose(scene.qpos[:n].reshape(-1, 7))
    assert np.linalg.norm(moved[:, :3, 3], axis=1).max() < 2e-4, "m in 1.5 s, longer than a trial"


def test_only_the_options_of_the_profile_differ_from_those_of_the_settled_scene(heap, gripper, profile):
    model, settled = scene_trial_model(heap, gripper, profile).model, heap.world.model
    np.testing.assert_array_equal(model.opt.gravity, settled.opt.gravity)
    assert model.opt.disableflags == settled.opt.disableflags
    for name in ("friction", "solref", "solimp", "condim", "priority"):
        for geom in np.flatnonzero(settled.geom_group != GROUP_VISUAL):  # what is only drawn is not there
            mine = getattr(model.geom(settled.geom(geom).name), name)
            np.testing.assert_array_equal(mine, getattr(settled.geom(geom), name), err_msg=name)
    np.testing.assert_array_equal(model.pair_friction, settled.pair_friction)


def test_objects_sleep_until_the_hand_comes(heap, gripper, profile):
    scene = scene_trial_model(heap, gripper, profile)
    data = mujoco.MjData(scene.model)
    trees = scene.model.body_treeid[scene.object_bodies]
    data.mocap_pos[0] = [0, 0, 1]
    data.qpos[:] = scene.qpos
    mujoco.mj_step(scene.model, data, nstep=20)
    assert (data.tree_asleep[trees] >= 0).all()
    # The pads are in the topmost object.
    top = data.xipos[scene.object_bodies[np.argmax(data.xipos[scene.object_bodies, 2])]]
    data.mocap_pos[0], data.mocap_quat[0] = top, [0, 1, 0, 0]
    mujoco.mj_step(scene.model, data, nstep=5)
    assert (data.tree_asleep[trees] < 0).any()


def test_the_arm_pushes_no_harder_than_its_limit(gripper, profile):
    limits = profile.scene
    scene = scene_trial_model(settled_scene([(CUBE, at(0.2, 0.2, 0.03))]), gripper, profile)
    model, data = scene.model, mujoco.MjData(scene.model)
    data.mocap_pos[0], data.mocap_quat[0] = [0, 0, 0.02], [0, 1, 0, 0]
    data.qpos[:] = scene.qpos
    data.ctrl[model.actuator("push_z").id] = 0.10  # 80 mm below the table's top
    hardest = 0.0
    for _ in range(500):
        mujoco.mj_step(model, data)
        force = np.abs(data.actuator_force[[model.actuator(s).id for s in SERVOS]])
        assert (force[:3] <= limits.force * (1 + 1e-9)).all() and (force[3:] <= limits.torque * (1 + 1e-9)).all()
        hardest = max(hardest, force[2])
    assert hardest == pytest.approx(limits.force)
    pressed = [np.zeros(6) for _ in range(data.ncon)]
    for i, force in enumerate(pressed):
        mujoco.mj_contactForce(model, data, i, force)
    on_table = sum(f[0] for i, f in enumerate(pressed) if -1 in scene.instance[model.geom_bodyid[data.contact[i].geom]])
    assert on_table == pytest.approx(limits.force, rel=0.02)


def test_the_hand_weighs_nothing_for_the_arm(gripper, profile):
    scene = scene_trial_model(settled_scene([(CUBE, at(0.2, 0.2, 0.03))]), gripper, profile)
    data = mujoco.MjData(scene.model)
    data.mocap_pos[0], data.mocap_quat[0] = [0, 0, 0.5], [0.5, 0.5, 0.5, 0.5]
    data.qpos[:] = scene.qpos
    mujoco.mj_step(scene.model, data, nstep=200)
    assert np.abs(data.qpos[[scene.model.joint(s).qposadr[0] for s in SLIDES]]).max() < 1e-9
    assert scene.model.opt.gravity[2] == -GRAVITY and scene.model.body(STAND).mocapid[0] == 0


def test_a_gripper_may_squeeze_no_harder_than_it_can(gripper, profile):
    settled = settled_scene([(CUBE, at(0, 0, 0.03))])
    for asked, got in ((None, gripper.file.force), (10.0, 10.0), (500.0, gripper.file.max_force)):
        model = scene_trial_model(settled, gripper, profile, asked).model
        assert model.actuator("hand/" + gripper.file.actuator).forcerange.tolist() == [-got, got]


def test_the_tool_frame_of_the_grasp_is_where_the_grasp_is(gripper, profile):
    scene = scene_trial_model(settled_scene([(CUBE, at(0.2, 0.2, 0.03))]), gripper, profile)
    data = mujoco.MjData(scene.model)
    T = at(0.1, -0.05, 0.3, DOWN)
    data.mocap_pos[0], data.mocap_quat[0] = T[:3, 3], [0, 1, 0, 0]
    data.qpos[:] = scene.qpos
    mujoco.mj_kinematics(scene.model, data)
    base = data.body("hand/" + gripper.base)
    tool = base.xpos + base.xmat.reshape(3, 3) @ gripper.T_base_tcp[:3, 3]
    np.testing.assert_allclose(tool, T[:3, 3], atol=1e-12)
    np.testing.assert_allclose(base.xmat.reshape(3, 3), T[:3, :3], atol=1e-12)
