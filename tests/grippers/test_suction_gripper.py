"""Suction grippers as files: what they say of themselves, and bad input in one line."""

import shutil

import numpy as np
import pytest

from graspgen.errors import GripperError
from graspgen.grippers.gripper import load_gripper, opening_to_joints
from graspgen.grippers.suction import SEGMENTS, segment_points
from graspgen.paths import data_dir

GRIPPERS = data_dir("models") / "grippers"


@pytest.fixture
def copied(tmp_path):
    """A user's own copy of a shipped cup, to break."""
    for name in ("suction_array.yaml", "suction_array.xml"):
        shutil.copy(GRIPPERS / name, tmp_path)
    return tmp_path / "suction_array.yaml"


@pytest.mark.parametrize("name", ["suction_cup", "suction_array"])
def test_its_force_is_pressure_times_area_and_its_lips_lie_in_the_tool_plane(name):
    hand = load_gripper(name)
    file, model = hand.file, hand.spec().compile()
    assert hand.suction and file.max_force == pytest.approx(file.vacuum * np.pi * file.radius**2 * len(file.cups))
    assert model.actuator_gainprm[:, 0].sum() == pytest.approx(file.max_force, rel=1e-5)
    assert model.nv == model.nu == SEGMENTS * len(file.cups) == len(hand.joints)
    centres = np.array([model.body(joint).pos for joint in hand.joints]) - file.tcp
    np.testing.assert_allclose(centres[:, :2], segment_points(file), atol=1e-6)
    np.testing.assert_allclose(centres[:, 2] + 0.001, 0, atol=1e-9)  # balls of 1 mm
    assert not opening_to_joints(hand, np.zeros(3)).any() and not hand.tool_moves
    np.testing.assert_allclose(hand.T_base_tool(0.0)[:3, 3], file.tcp)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("radius: 0.008", "radius: 0.016", "overlap"),
        ("radius: 0.008", "radus: 0.008", "did you mean 'radius'"),
        ("vacuum: 60000", "vacuum: 200000", "vacuum"),
        ("base: mount", "base: mout", "no body 'mout'; did you mean 'mount'"),
        ("kind: suction", "kind: sucktion", "kind"),
        ("model: suction_array.xml", "model: nothing.xml", "nothing.xml"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(copied, old, new, says):
    text = copied.read_text()
    assert old in text
    copied.write_text(text.replace(old, new))
    with pytest.raises(GripperError) as error:
        load_gripper(str(copied))
    assert says in str(error.value) and "\n" not in str(error.value)
