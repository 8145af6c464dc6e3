"""A multi-finger hand: what its YAML says, its postures, and what is refused."""

import importlib.util
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh
import yaml

from graspgen.errors import GripperError
from graspgen.grippers.gripper import Gripper, guess_gripper, load_gripper, opening_to_joints
from graspgen.paths import data_dir


@pytest.fixture(scope="module")
def hand():
    return load_gripper("three_finger")


def test_the_shipped_hand_has_the_kinematics_that_its_model_says(hand):
    p = hand.postures
    assert p.joints == ("spread_1", "close_1", "bend_1", "spread_2", "close_2", "bend_2", "close_3", "bend_3")
    assert np.degrees(p.limits[0]) == pytest.approx([0, 180])
    assert np.degrees(p.limits[1]) == pytest.approx([0, 140])
    assert np.degrees(p.limits[-1]) == pytest.approx([0, 48])
    model = hand.spec().compile()
    assert model.body("proximal_1").pos == pytest.approx([0, 0.050, 0])
    assert model.body("distal_1").pos == pytest.approx([0, 0.070, 0])


def test_both_spreading_fingers_turn_by_the_same_angle(hand):
    driven = np.zeros((1, 7))
    driven[0, 0] = 0.7
    full = hand.postures.full(driven)[0]
    assert full[hand.joints.index("spread_1")] == full[hand.joints.index("spread_2")] == 0.7


def test_the_opening_falls_from_open_to_grasp_and_names_a_posture(hand):
    p = hand.postures
    assert (np.diff(p.width) > 0).all() and p.width[-1] == pytest.approx(hand.file.stroke, rel=0.02)
    half = opening_to_joints(hand, [0.5 * hand.file.stroke])
    assert hand.opening(half) == pytest.approx([0.5 * hand.file.stroke], rel=1e-3)


def test_a_shape_replaces_its_joints_in_every_stage(hand):
    p = hand.postures
    tripod = 1 + sorted(hand.file.shapes).index("tripod")
    for stage in range(4):
        plain, shaped = p.stage(stage, np.array([0, tripod]))
        assert shaped[0] == pytest.approx(1.047) and plain[0] == 0
        assert (plain[1:] == shaped[1:]).all()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"postures": {"squeez": {}}}, "squeeze"),
        ({"joints": ["spread_1", "close_9"]}, "close_9"),
        ({"tips": ["distal_1"]}, "3 fingers need as many tips"),
        ({"postures": {"open": {"close_1": 9.0}}}, "out of the joint's range"),
        ({"postures": {"open": {"close_1": "many"}}}, "no share"),
        ({"postures": {"squeeze": {}}}, "nothing presses"),
        ({"force": 99.0}, "more than max_force"),
        ({"fingers": ["finger_1", "finger_2", "finger_4"]}, "finger_4"),
    ],
)
def test_a_file_that_cannot_be_is_refused_in_a_line(tmp_path, change, told):
    folder = data_dir("models") / "grippers"
    written = yaml.safe_load((folder / "three_finger.yaml").read_text())
    for key, value in change.items():
        written[key] = {**written[key], **value} if isinstance(value, dict) else value
    if "squeeze" in change.get("postures", {}):
        written["postures"]["squeeze"] = {}
    (tmp_path / "three_finger.xml").write_text((folder / "three_finger.xml").read_text())
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(written))
    with pytest.raises(GripperError, match=told) as error:
        load_gripper(str(tmp_path / "mine.yaml"))
    assert "\n" not in str(error.value)


def test_a_share_of_the_range_is_a_joint_value(tmp_path):
    folder = data_dir("models") / "grippers"
    written = yaml.safe_load((folder / "three_finger.yaml").read_text())
    written["postures"]["open"]["close_1"] = "25%"
    (tmp_path / "three_finger.xml").write_text((folder / "three_finger.xml").read_text())
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(written))
    mine = load_gripper(str(tmp_path / "mine.yaml"))
    assert np.degrees(mine.postures.stages[0][1]) == pytest.approx(35.0)


def test_a_hand_of_others_is_read_from_its_mjcf(tmp_path):
    """dm_control's Jaco hand: three fingers, no actuators, approach along −z of its base."""
    found = importlib.util.find_spec("dm_control")
    if found is None or found.origin is None:
        pytest.skip("dm_control is not installed")
    folder = Path(found.origin).parent / "third_party" / "kinova"
    shutil.copytree(folder, tmp_path / "kinova")
    hand, guess = guess_gripper(str(tmp_path / "kinova" / "jaco_hand.xml"))
    assert hand.fingered and guess.file.base == "hand"
    assert guess.file.joints == ("finger_1", "finger_2", "finger_3")
    assert guess.file.tips == ("b_finger_tip_1", "b_finger_tip_2", "b_finger_tip_3")
    assert guess.file.approach == (0.0, 0.0, -1.0)
    # the model's own pinch site is 193 mm before its base, its grip site 159 mm
    assert -0.193 < guess.file.tcp[2] < -0.159
    assert 0.08 < guess.file.stroke < 0.15
    p = hand.postures
    assert (p.stages[2] > p.stages[0]).all()


@pytest.mark.parametrize(
    ("given", "told"),
    [('range="0 0.7"', "are its limits radians"), ("", "none has a range")],
)
def test_a_hand_whose_limits_cannot_be_is_refused_with_the_cause(tmp_path, given, told):
    text = (data_dir("models") / "grippers" / "three_finger.xml").read_text()
    (tmp_path / "mine.xml").write_text(re.sub(r'range="[^"]*"', given, text))
    with pytest.raises(GripperError, match=told):
        guess_gripper(str(tmp_path / "mine.xml"))


def test_a_finger_whose_body_has_no_name_is_told_so(tmp_path):
    text = (data_dir("models") / "grippers" / "three_finger.xml").read_text()
    named = re.search(r'<body name="(proximal_3|\w*3)"', text)
    (tmp_path / "mine.xml").write_text(text.replace(named[0], "<body", 1))
    with pytest.raises(GripperError, match="that a finger begins with has no name; name the bodies"):
        guess_gripper(str(tmp_path / "mine.xml"))


def test_directions_in_few_digits_make_a_rotation(hand):
    slanted = hand.file.model_copy(update={"approach": (0.0, 0.7071, 0.7072), "closing": (0.0, 0.7072, -0.7071)})
    assert slanted.axes.T @ slanted.axes == pytest.approx(np.eye(3), abs=1e-14)
    assert np.linalg.det(slanted.axes) == pytest.approx(1.0)
    assert (hand.file.axes == np.eye(3)).all()


def test_postures_that_do_not_close_are_refused_with_the_name_of_the_hand(hand):
    still = dict(hand.file.postures) | {"grasp": dict(hand.file.postures["open"])}
    wrong = Gripper(hand.file.model_copy(update={"postures": still}), hand.mjcf)
    with pytest.raises(GripperError, match="gripper three_finger: postures: its fingertips come no nearer"):
        _ = wrong.postures


def test_a_wrist_is_left_to_the_arm_and_what_collides_may_be_unseen(tmp_path):
    text = (data_dir("models") / "grippers" / "three_finger.xml").read_text()
    text = text.replace('<geom rgba="0.80 0.81 0.83 1"/>', '<geom rgba="0.80 0.81 0.83 0"/>', 1)
    text = text.replace('<geom rgba="0.10 0.10 0.11 1"/>', '<geom rgba="0.10 0.10 0.11 0"/>', 1)
    joint = '<joint name="wrist" axis="1 0 0" range="-30 30"/>'
    wrist = f'<body name="forearm"><geom size="0.02"/><body name="palm" pos="0 0 0.05">{joint}'
    text = text.replace('<body name="palm">', wrist, 1).replace("</worldbody>", "</body></worldbody>", 1)
    (tmp_path / "mine.xml").write_text(text)
    hand, guess = guess_gripper(str(tmp_path / "mine.xml"))
    assert hand.file.base == "palm" and "wrist" not in hand.file.joints and len(hand.file.fingers) == 3
    assert "wrist, which moves all of them, is the arm's" in guess.notes["joints"]


def test_settings_of_one_include_hold_in_all(tmp_path):
    text = (data_dir("models") / "grippers" / "three_finger.xml").read_text()
    for folder in ("shapes", "parts"):
        (tmp_path / folder).mkdir()
    trimesh.creation.box((0.02, 0.02, 0.02)).export(tmp_path / "shapes" / "block.stl")
    (tmp_path / "parts" / "settings.xml").write_text('<mujoco><compiler meshdir="shapes"/></mujoco>')
    asset = '<asset><mesh name="block" file="block.stl"/></asset>'
    (tmp_path / "parts" / "assets.xml").write_text(f"<mujoco>{asset}</mujoco>")
    includes = '<include file="parts/assets.xml"/><include file="parts/settings.xml"/><worldbody>'
    block = '<body name="palm"><geom type="mesh" mesh="block" pos="0 0 -0.02"/>'
    text = text.replace("<worldbody>", includes, 1).replace('<body name="palm">', block, 1)
    (tmp_path / "mine.xml").write_text(text)
    hand, _ = guess_gripper(str(tmp_path / "mine.xml"))
    assert "block" in [m.name for m in hand.spec().meshes]
