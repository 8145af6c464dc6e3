"""A hand whose tool point moves: the pads meet the object at the grasp, however far it opened before."""

import json

import mujoco
import numpy as np
import pytest
from settled import DOWN, at, settled_scene
from solids import box

from graspgen.exports.grasped import Hand
from graspgen.frames import inverse, pose
from graspgen.grasps.api import try_grasps
from graspgen.grasps.clearance import Obstacle, hand_clearance
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.scene_record import record_trial
from graspgen.grasps.scene_trial import try_scene
from graspgen.grippers.gripper import load_gripper, opening_to_joints
from graspgen.objects.asset import Part
from graspgen.pipeline.shared_tables import gripper_table

BLOCK = box(0.03, 0.03, 0.08)
T = at(0, 0, 0.06, DOWN)


@pytest.fixture(scope="module")
def jaw():
    return load_gripper("robotiq_2f85")


@pytest.fixture(scope="module")
def scene():
    return settled_scene([(BLOCK, at(0, 0, 0.04))])


def pads(model, data, prefix):
    return np.mean([data.geom(f"{prefix}{side}_pad").xpos for side in ("left", "right")], axis=0)


@pytest.mark.parametrize("width", [0.04, 0.085])
def test_in_a_scene_the_pads_meet_the_object_at_the_grasp(scene, jaw, profile, width):
    trial = record_trial(scene, jaw, profile, 1, T, width, grip_width=0.03)
    assert trial.results.outcome[0] == Outcome.SUCCESS
    # Before the lift the pads' middle is where the tool point of an opening of 30 mm was put: at the grasp.
    lift = int(np.argmax(trial.T_world_tool[:, 2, 3] - 0.06 > 0.005)) or len(trial) - 1
    model, data = trial.model, mujoco.MjData(trial.model)
    closed = max(i for i in range(lift) if abs(trial.T_world_tool[i, 2, 3] - 0.06) < 1e-3)
    mujoco.mj_setState(model, data, trial.states[closed], int(mujoco.mjtState.mjSTATE_INTEGRATION))
    mujoco.mj_kinematics(model, data)
    np.testing.assert_allclose(pads(model, data, "hand/"), [0, 0, 0.06], atol=1e-3)
    assert trial.opening[0] == pytest.approx(width, abs=1e-5)
    assert trial.opening[-1] == pytest.approx(0.03, abs=5e-4)
    np.testing.assert_allclose(trial.T_world_tool[-1, :3, 3], [0, 0, 0.06 + profile.scene.lift], atol=2e-3)


def test_a_trial_among_others_is_the_trial_alone(scene, jaw, profile):
    poses, widths, grips = np.array([T, T, at(0.1, 0, 0.06, DOWN)]), [0.04, 0.085, 0.05], [0.03, 0.03, 0.02]
    among = try_scene(scene, jaw, profile, [1] * 3, poses, widths, grip_width=grips)
    for i in range(3):
        alone = record_trial(scene, jaw, profile, 1, poses[i], widths[i], grip_width=grips[i]).results
        for name, values in vars(alone).items():
            np.testing.assert_array_equal(values, getattr(among, name)[i : i + 1], err_msg=name)


def test_the_open_hand_is_where_its_base_is_at_the_grasp(jaw):
    # A floor below the fingertips, which at the grasp are 18.75 mm and the tool point's way before the grasp.
    floor = Obstacle((Part("box", [0.3, 0.3, 0.05]),), pose(translation=[0, 0, -0.05]))
    found = hand_clearance(
        jaw, [floor], np.array([T, T]), np.array([0.085] * 2), grip_width=np.array([0.085, 0.0]), approach=0.0,
        step=0.002, reach=0.2,
    ).at_grasp[:, 0]  # fmt: skip
    moved = jaw.tool_point(0.0)[2] - jaw.tool_point(0.085)[2]
    assert found[0] == pytest.approx(0.06 - 0.01875, abs=1e-4)
    assert found[1] - found[0] == pytest.approx(moved, abs=1e-4)
    assert moved == pytest.approx(0.0135, abs=1e-4)


def test_free_trials_measure_where_the_pads_will_meet_the_object(jaw):
    wide = try_grasps(BLOCK, jaw, at(0, 0, 0.02, DOWN)[None], width=0.085, mass=0.2, graded=False)
    narrow = try_grasps(BLOCK, jaw, at(0, 0, 0.02, DOWN)[None], mass=0.2, graded=False)
    told = try_grasps(BLOCK, jaw, at(0, 0, 0.02, DOWN)[None], width=0.085, grip_width=0.03, mass=0.2, graded=False)
    assert wide.success.all() and narrow.success.all()
    assert wide.width == pytest.approx(narrow.width, abs=1e-5)
    np.testing.assert_allclose(told.drift_closing, wide.drift_closing, atol=1e-9)


@pytest.mark.parametrize("name", ["robotiq_2f85", "robotiq_2f140", "panda_hand"])
def test_what_a_dataset_stores_tells_exporters_the_base_at_every_opening(name):
    gripper = load_gripper(name)
    row = gripper_table(gripper)
    told = json.loads(row["definition"][0])
    course = np.array(told["course"]) if "course" in told else None
    hand = Hand(0, name, name, row["T_base_tcp"][0], gripper.file.stroke, gripper.file.pad, gripper.file.base,
                gripper.file.joints, course)  # fmt: skip
    widths = np.linspace(0, gripper.file.stroke, 23)
    np.testing.assert_allclose(hand.T_base_tool(widths), gripper.T_body_tool(widths), atol=1e-8)
    np.testing.assert_allclose(inverse(hand.T_base_tool(widths)), gripper.T_tool_base(widths), atol=1e-8)
    at_width = dict(zip(gripper.joints, opening_to_joints(gripper, [0.03])[0], strict=True))
    for joint, value in hand.positions(0.03).items():
        assert value == pytest.approx(at_width[joint], abs=1e-8)
    assert (course is None) == (name == "panda_hand")
