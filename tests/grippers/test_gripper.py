import json
import shutil

import mujoco
import numpy as np
import pytest

from graspgen.errors import GripperError
from graspgen.grippers.gripper import list_grippers, load_gripper, opening_to_joints
from graspgen.paths import data_dir

GRIPPERS = data_dir("models") / "grippers"
JAWS = [name for name in list_grippers() if load_gripper(name).jaw]


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


def put(gripper, width):
    model = gripper.spec().compile()
    data = mujoco.MjData(model)
    for joint, value in zip(gripper.joints, opening_to_joints(gripper, [width])[0], strict=True):
        data.joint(joint).qpos = value
    mujoco.mj_forward(model, data)
    return model, data


@pytest.mark.parametrize("name", JAWS)
@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_an_opening_is_the_gap_between_the_pads_around_the_tool_point(name, share):
    gripper = load_gripper(name)
    width = share * gripper.file.stroke
    model, data = put(gripper, width)
    left, right = (data.geom(f"{side}_pad") for side in ("left", "right"))
    half = model.geom("left_pad").size
    # Angles of linkages are written with six digits and looked up between samples.
    slack = 2e-6 if gripper.tool_moves else 1e-9
    assert left.xpos[1] - half[1] == pytest.approx(width / 2, abs=slack)
    assert right.xpos[1] + half[1] == pytest.approx(-width / 2, abs=slack)
    middle = (left.xpos + right.xpos) / 2
    tool = gripper.tool_point(width)
    assert abs(middle[2] - tool[2]) < half[2] / 2  # the tool point lies between the pads, near their middle
    assert gripper.file.pad == pytest.approx((2 * half[0], 2 * half[2]), abs=1e-9)
    assert data.actuator(gripper.actuator).length[0] == pytest.approx(width + gripper.zero_length, abs=2 * slack)
    assert np.abs(data.efc_pos[: data.ne]).max(initial=0.0) < 1e-5  # its couplings are met
    positions = opening_to_joints(gripper, [width])
    assert gripper.opening(positions)[0] == pytest.approx(width, abs=1e-6)


@pytest.mark.parametrize("name", JAWS)
def test_it_closes_at_its_speed_with_both_fingers_together(name):
    gripper = load_gripper(name)
    spec = gripper.spec()
    spec.option.timestep, spec.option.integrator = 0.002, mujoco.mjtIntegrator.mjINT_DISCRETE
    spec.option.gravity = [0, 0, 0]
    model = spec.compile()
    data = mujoco.MjData(model)
    stroke, speed = gripper.file.stroke, gripper.file.closing_speed
    data.qpos[:] = opening_to_joints(gripper, [stroke])[0]
    data.act[:] = stroke + gripper.zero_length
    data.ctrl[:] = -speed
    mujoco.mj_step(model, data, nstep=round(0.5 * stroke / speed / 0.002))
    assert gripper.opening(data.qpos[None])[0] == pytest.approx(stroke / 2, abs=0.003)
    assert data.joint("left_joint").qpos == pytest.approx(data.joint("right_joint").qpos, abs=1e-6)
    assert -gripper.opening_rate(data.qpos[None], data.qvel[None])[0] == pytest.approx(speed, rel=0.01)


def test_the_tool_point_of_a_2f85_moves_as_its_manual_says():
    gripper = load_gripper("robotiq_2f85")
    # 149.3 mm high when open, 162.8 mm when closed, pads 37.5 mm long.
    assert gripper.tool_point(0.085)[2] + 0.01875 == pytest.approx(0.1493, abs=2e-4)
    assert gripper.tool_point(0.0)[2] + 0.01875 == pytest.approx(0.1628, abs=2e-4)
    openings = np.linspace(0, 0.085, 40)
    tool = gripper.tool_point(openings)
    # The cranks pass the upright by 5 degrees: the last 11 mm of the opening bring it back by 0.25 mm.
    assert (np.diff(tool[openings > 0.011, 2]) < 0).all() and np.ptp(tool[:, 2]) < 0.0139
    assert np.abs(tool[:, :2]).max() < 1e-9
    # On a circle of the crank's length.
    across, along = openings / 2, tool[:, 2]
    a, b, c = (np.array([across[i], along[i]]) for i in (0, 20, 39))
    radius = circle(a, b, c)
    assert radius == pytest.approx(0.05715, rel=0.01)
    np.testing.assert_allclose(gripper.T_base_tool(openings)[:, :3, 3], tool)


def circle(a, b, c):
    """Radius of the circle through three points."""
    ab, bc, ca = (np.linalg.norm(p - q) for p, q in ((a, b), (b, c), (c, a)))
    area = abs((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])) / 2
    return ab * bc * ca / (4 * area)


@pytest.mark.parametrize("name", ["panda_hand", "wsg50", "parametric_jaw"])
def test_slides_leave_the_tool_point_where_it_is(name):
    gripper = load_gripper(name)
    assert not gripper.tool_moves
    np.testing.assert_array_equal(gripper.tool_point([[0.0, 0.03]]), [[gripper.file.tcp] * 2])


def test_a_parametric_jaw_is_made_from_its_figures(tmp_path):
    text = (GRIPPERS / "parametric_jaw.yaml").read_text()
    text = text.replace("stroke: 0.1 ", "stroke: 0.06 ").replace("{finger_length: 0.06}", "{finger_length: 0.09}")
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    shipped, mine = load_gripper("parametric_jaw"), load_gripper(str(path))
    assert mine.file.tcp[2] - shipped.file.tcp[2] == pytest.approx(0.03)
    model, _ = put(mine, 0.06)
    assert model.joint("left_joint").range[1] == pytest.approx(0.03)
    assert 2 * model.geom("left_blade").size[2] == pytest.approx(0.09)
    path.write_text(text.replace("finger_length", "finger_lenth"))
    with pytest.raises(GripperError, match="did you mean 'finger_length'"):
        load_gripper(str(path))
    path.write_text(text + "model: panda_hand.xml\n")
    with pytest.raises(GripperError, match="either 'model', an MJCF, or 'jaw'"):
        load_gripper(str(path))


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
