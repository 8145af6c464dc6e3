import json
import shutil

import pytest
from PIL import Image
from typer.testing import CliRunner

from graspgen.cli.main import app
from graspgen.grippers.gripper import list_grippers, load_gripper
from graspgen.paths import data_dir

GRIPPERS = data_dir("models") / "grippers"


def run(*words):
    return CliRunner().invoke(app, ["grippers", *map(str, words)])


def test_list_names_the_shipped_grippers():
    result = run("list")
    assert result.exit_code == 0
    for name in list_grippers():
        assert name in result.output
    assert "130.6 open, 144.1 closed" in result.output


def test_show_prints_the_file_and_draws_the_hand(tmp_path):
    picture = tmp_path / "hand.png"
    result = run("show", "wsg50", "--picture", picture)
    assert result.exit_code == 0 and "Weiss" in result.output and str(picture) in result.output
    with Image.open(picture) as image:
        assert image.size == (960, 400)
        thirds = [image.crop((320 * i, 0, 320 * i + 320, 400)).tobytes() for i in range(3)]
    assert len(set(thirds)) == 3  # open, half open, closed


def test_check_of_a_sound_gripper_ends_with_0_and_tells_its_numbers():
    result = run("check", "robotiq_2f85", "--no-picture")
    assert result.exit_code == 0 and "robotiq_2f85: sound" in result.output
    assert "85.00 mm" in result.output and "235.0 N" in result.output
    told = json.loads(run("check", "robotiq_2f85", "--json").output)
    assert told["ok"] and told["stroke"] == pytest.approx(0.085, abs=1e-6) and len(told["tool"]) == 5


def test_check_of_a_wrong_file_ends_with_1_and_says_why(tmp_path):
    for name in ("wsg50.xml", "wsg50.yaml"):
        shutil.copy(GRIPPERS / name, tmp_path)
    path = tmp_path / "wsg50.yaml"
    path.write_text(path.read_text().replace("stroke: 0.11 ", "stroke: 0.10 "))
    result = run("check", path, "--no-picture")
    assert result.exit_code == 1
    assert "failed: stroke: the file says 100.0 mm, the open pads are 110.0 mm apart" in result.output


def test_add_writes_a_yaml_that_check_accepts(tmp_path):
    path = tmp_path / "mine.xml"
    shutil.copy(GRIPPERS / "wsg50.xml", path)
    result = run("add", path)
    assert result.exit_code == 0 and "a guess: the actuators have no limit" in result.output
    assert run("check", tmp_path / "mine.yaml", "--no-picture").exit_code == 0
    again = run("add", path)
    assert again.exit_code == 2 and "mine.yaml exists" in again.output
    assert run("add", path, "--overwrite").exit_code == 0


def test_a_mistake_is_told_in_one_line(tmp_path):
    result = run("check", "robotiq_2f58")
    assert result.exit_code == 2
    assert result.output.strip() == "error: no gripper 'robotiq_2f58'; did you mean 'robotiq_2f85'?"
    path = tmp_path / "still.xml"
    path.write_text("<mujoco><worldbody><body name='b'><geom size='.1'/></body></worldbody></mujoco>")
    result = run("add", path)
    assert result.exit_code == 2 and "no hinge and no slide" in result.output and len(result.output.splitlines()) == 1


def test_names_may_hold_anything_and_the_yaml_is_read_again(tmp_path):
    path = tmp_path / "ünï code.xml"
    text = (GRIPPERS / "panda_hand.xml").read_text()
    path.write_text(text.replace("left_finger", "left: [a], #1").replace("right_finger", "1"))
    result = run("add", path)
    assert result.exit_code == 0, result.output
    assert f"check '{tmp_path / 'ünï code.yaml'}'" in result.output
    hand = load_gripper(str(tmp_path / "ünï code.yaml"))
    assert hand.name == "_n__code" and set(hand.file.fingers) == {"left: [a], #1", "1"}


def test_what_cannot_be_written_is_told_in_one_line(tmp_path):
    path = tmp_path / "mine.xml"
    shutil.copy(GRIPPERS / "panda_hand.xml", path)
    for given in (
        ("add", path, "-o", tmp_path / "no" / "mine.yaml"),
        ("add", path, "--overwrite", "-o", tmp_path),
        ("check", "panda_hand", "-p", tmp_path / "no" / "hand.png"),
        ("check", "panda_hand", "-p", tmp_path / "hand.gripper"),
    ):
        result = run(*given)
        assert result.exit_code == 2 and result.output.splitlines()[-1].startswith("error: cannot write"), result.output


STIFF = """<mujoco><worldbody><body name="base"><geom type="box" size=".04 .06 .02" mass="1"/>
<body name="l" pos="0 .04 .05"><joint name="jl" type="slide" axis="0 -1 0" range="0 .04" stiffness="1e9"
springref=".02"/><geom type="box" size=".01 .005 .02" mass="1e-9"/></body>
<body name="r" pos="0 -.04 .05"><joint name="jr" type="slide" axis="0 1 0" range="0 .04" stiffness="1e9"/>
<geom type="box" size=".01 .005 .02" mass="1e-9"/></body></body></worldbody>
<actuator><position joint="jl" kp="100" ctrlrange="0 .04"/><position joint="jr" kp="100" ctrlrange="0 .04"/></actuator>
</mujoco>"""


def test_a_model_that_is_unstable_says_so_in_one_line_and_leaves_no_log(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stiff.xml").write_text(STIFF)
    result = run("check", tmp_path / "stiff.xml")
    assert result.exit_code == 2 and len(result.output.splitlines()) == 1 and "it is unstable" in result.output
    assert capfd.readouterr().out == "" and [p.name for p in tmp_path.iterdir()] == ["stiff.xml"]
