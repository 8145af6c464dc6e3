import json
import shutil

import pytest
from PIL import Image
from typer.testing import CliRunner

from graspgen.cli.main import app
from graspgen.grippers.gripper import list_grippers
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
