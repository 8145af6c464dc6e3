import json
import shutil

import mujoco
import numpy as np
import pytest

from graspgen.errors import GripperError
from graspgen.grippers.gripper import list_grippers, load_gripper, opening_to_joints
from graspgen.paths import data_dir

GRIPPERS = data_dir("models") / "grippers"


@pytest.fixture
def copied(tmp_path):
    """A user's own copy of a shipped gripper, to break."""
    for name in ("panda_hand.yaml", "panda_hand.xml"):
        shutil.copy(GRIPPERS / name, tmp_path)
    return tmp_path / "panda_hand.yaml"


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("name", list_grippers())
@pytest.mark.parametrize("width", [0.0, 0.03, 0.08])
def test_an_opening_is_the_gap_between_the_pads_around_the_tool_point(name, width):
    gripper = load_gripper(name)
    model = gripper.spec().compile()
    data = mujoco.MjData(model)
    for joint, value in zip(gripper.file.joints, opening_to_joints(gripper, np.array([width]))[0], strict=True):
        data.joint(joint).qpos = value
    mujoco.mj_forward(model, data)
    left, right = (data.geom(f"{side}_pad") for side in ("left", "right"))
    half = model.geom("left_pad").size
    assert left.xpos[1] - half[1] == pytest.approx(width / 2, abs=1e-9)
    assert right.xpos[1] + half[1] == pytest.approx(-width / 2, abs=1e-9)
    assert abs(left.xpos[2] - gripper.file.tcp[2]) < half[2]  # the tool point lies between the pads
    assert gripper.file.pad == pytest.approx((2 * half[0], 2 * half[2]), abs=1e-9)
    assert data.tendon("opening").length[0] == pytest.approx(width)


@pytest.mark.parametrize("name", list_grippers())
def test_it_closes_at_its_speed_with_both_fingers_together(name):
    gripper = load_gripper(name)
    spec = gripper.spec()
    spec.option.timestep, spec.option.integrator = 0.002, mujoco.mjtIntegrator.mjINT_DISCRETE
    spec.option.gravity = [0, 0, 0]
    model = spec.compile()
    data = mujoco.MjData(model)
    stroke, speed = gripper.file.stroke, gripper.file.closing_speed
    data.qpos[:] = stroke / 2
    data.act[:] = stroke
    data.ctrl[:] = -speed
    mujoco.mj_step(model, data, nstep=round(0.5 * stroke / speed / 0.002))
    assert data.qpos.sum() == pytest.approx(stroke / 2, abs=0.003)
    assert data.qpos[0] == pytest.approx(data.qpos[1], abs=1e-6)
    assert -data.qvel.sum() == pytest.approx(speed, rel=0.01)


def test_the_definition_holds_the_whole_gripper_and_changes_with_it(copied):
    shipped, own = load_gripper("panda_hand"), load_gripper(str(copied))
    assert json.loads(shipped.definition) == json.loads(own.definition)
    assert mujoco.MjSpec.from_string(json.loads(own.definition)["mjcf"]).compile().nu == 1
    edit(copied, "stroke: 0.08", "stroke: 0.07")
    assert json.loads(load_gripper(str(copied)).definition)["sha256"] != json.loads(shipped.definition)["sha256"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("stroke: 0.08", "stroke: -1", "stroke"),
        ("stroke: 0.08", "strok: 0.08", "did you mean 'stroke'"),
        ("base: hand", "base: hamd", "no body 'hamd'; did you mean 'hand'"),
        ("joints: [left_joint, right_joint]", "joints: [left_joint, right_jint]", "did you mean 'right_joint'"),
        ("actuator: grip", "actuator: grep", "did you mean 'grip'"),
        ("model: panda_hand.xml", "model: absent.xml", "cannot be read"),
        ("name: panda_hand", "name: [", "not valid YAML"),
    ],
)
def test_a_wrong_yaml_is_refused_with_one_line_that_names_the_cause(copied, old, new, says):
    edit(copied, old, new)
    with pytest.raises(GripperError, match=says.replace("[", r"\[")) as error:
        load_gripper(str(copied))
    assert "\n" not in str(error.value) and str(copied) in str(error.value)


def test_a_model_that_does_not_compile_is_refused(copied):
    edit(copied.with_suffix(".xml"), 'type="slide"', 'type="sliding"')
    with pytest.raises(GripperError, match="does not compile") as error:
        load_gripper(str(copied))
    assert "\n" not in str(error.value)


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(GripperError, match="did you mean 'panda_hand'"):
        load_gripper("panda_hnd")
