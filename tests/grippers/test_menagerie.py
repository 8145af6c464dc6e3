"""Hands of MuJoCo Menagerie: through the package, against a stand-in of what it would download."""

import os
import sys

import pytest

from graspgen.errors import GripperError
from graspgen.grippers.gripper import load_gripper
from graspgen.grippers.menagerie import menagerie_mjcf

STAND_IN = """
<mujoco>
  <compiler autolimits="true"/>
  <worldbody>
    <body name="base">
      <geom type="box" size="0.03 0.05 0.02"/>
      <body name="left" pos="0 0.045 0.02">
        <joint name="left" type="slide" axis="0 -1 0" range="0 0.04"/>
        <geom type="box" size="0.01 0.005 0.02" pos="0 0 0.03"/>
      </body>
      <body name="right" pos="0 -0.045 0.02">
        <joint name="right" type="slide" axis="0 1 0" range="0 0.04"/>
        <geom type="box" size="0.01 0.005 0.02" pos="0 0 0.03"/>
      </body>
    </body>
  </worldbody>
</mujoco>
"""


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mujoco_menagerie", None)
    with pytest.raises(GripperError, match=r"pip install 'graspgen\[menagerie\]'"):
        load_gripper("menagerie:robotiq_2f85")


@pytest.fixture
def package(monkeypatch, tmp_path):
    for name in [n for n in os.environ if n.startswith("MENAGERIE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MENAGERIE_CACHE_DIR", str(tmp_path / "cache"))
    return pytest.importorskip("mujoco_menagerie")


def test_a_model_in_the_packages_cache_is_taken(package):
    robot = package.get("robotiq_2f85")
    folder = package.Cache().model_path(robot)
    folder.mkdir(parents=True)
    (folder / robot.entry(robot.default_model).file).write_text(STAND_IN)
    (folder / ".complete").write_text("{}")
    gripper = load_gripper("menagerie:robotiq_2f85")
    assert gripper.name == "menagerie_robotiq_2f85" and gripper.file.source == "menagerie:robotiq_2f85"
    assert gripper.file.stroke == pytest.approx(0.08, abs=1e-4)
    assert gripper.file.fingers == ("left", "right")


def test_without_a_network_the_error_says_so(package, monkeypatch, tmp_path):
    monkeypatch.setenv("MENAGERIE_BASE_URL", (tmp_path / "no_such_place").as_uri())
    with pytest.raises(GripperError, match=r"cannot be downloaded: .*; it needs a network once") as error:
        load_gripper("menagerie:robotiq_2f85")
    assert "\n" not in str(error.value)


def test_a_copy_of_menagerie_needs_no_network(package, monkeypatch, tmp_path):
    (tmp_path / "robotiq_2f85").mkdir()
    robot = package.get("robotiq_2f85")
    (tmp_path / "robotiq_2f85" / robot.entry(robot.default_model).file).write_text(STAND_IN)
    monkeypatch.setenv("MENAGERIE_ROOT", str(tmp_path))
    assert menagerie_mjcf("robotiq_2f85").parent == tmp_path / "robotiq_2f85"


def test_unknown_names_get_the_nearest_one(package):
    with pytest.raises(GripperError, match="did you mean 'robotiq_2f85'"):
        load_gripper("menagerie:robotik_2f85")
    with pytest.raises(GripperError, match="has no MJCF '2f95'; did you mean '2f85'"):
        load_gripper("menagerie:robotiq_2f85/2f95")
