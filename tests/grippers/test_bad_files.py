"""Files that no gripper can be read from: one line that says what, where and how to mend it, and an exit status."""

import os

import pytest
from grippers.test_own_hands import HAND
from typer.testing import CliRunner

from graspgen.cli.main import app
from graspgen.grippers.gripper import load_gripper

JAW = """name: mine
kind: parallel_jaw
model: good.xml
base: arm_end
approach: [0, 0, -1]
closing: [1, 0, 0]
fingers: [a, b]
joints: [slide_a, slide_b]
tcp: [0, 0, -0.065]
stroke: 0.06
max_force: 25
force: 20
closing_speed: 0.1
pad: [0.016, 0.03]
"""
CUP = """name: cup
kind: suction
model: good.xml
base: arm_end
tcp: [0, 0, 0.1]
cups: [[0, 0]]
radius: 0.01
depth: 0.003
vacuum: 60000
give: 0.0005
"""


def refused(path, says):
    """The command fails with one line that has these words, and no traceback."""
    done = CliRunner().invoke(app, ["grippers", "check", str(path), "--no-picture"])
    told = [line for line in done.output.splitlines() if line.strip()]
    assert done.exit_code != 0 and isinstance(done.exception, SystemExit), done.exception
    assert len(told) == 1 and says in told[0], told


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "good.xml").write_text(HAND)
    return tmp_path


def test_the_files_that_are_spoiled_below_are_sound(folder):
    for text in (JAW, CUP):
        path = folder / "hand.yaml"
        path.write_text(text)
        assert load_gripper(str(path)).file.base == "arm_end"


@pytest.mark.parametrize(
    ("text", "old", "new", "says"),
    [
        (JAW, "slide_b]", "slyde_b]", "no joint 'slyde_b'; did you mean 'slide_b'"),
        (JAW, "[a, b]", "[a, c]", "no body 'c'"),
        (JAW, "arm_end", "arm_emd", "no body 'arm_emd'; did you mean 'arm_end'"),
        (JAW, "stroke: 0.06", "stroke: 60", "stroke: Input should be less than or equal to 1"),
        (JAW, "force: 20", "force: -1", "force: Input should be greater than 0"),
        (JAW, "force: 20", "force: .nan", "force: Input should be"),
        (JAW, "-0.065", "-.inf", "tcp.2: Input should be a finite number"),
        (JAW, "[0.016, 0.03]", "[-0.016, 0.03]", "pad.0: Input should be greater than 0"),
        (JAW, "[a, b]", "[a]", "fingers.1: Field required"),
        (JAW, "name: mine", "name: ../../mine", "name: String should match"),
        (JAW, "stroke: 0.06", "stroke: 0.06\nstroke: 0.05", "hand.yaml:11: not valid YAML: the key 'stroke' is given"),
        (JAW, "stroke:", "strok:", "strok: Extra inputs are not permitted; did you mean 'stroke'"),
        (JAW, "parallel_jaw", "tentacle", "there is no kind 'tentacle'; known: "),
        (JAW, "good.xml", "gone.xml", "gone.xml cannot be read: No such file"),
        (JAW, "good.xml", ".", "it is a folder"),
        (JAW, JAW, "", "the file is empty"),
        (JAW, JAW, "- 1", "the file is a list"),
        (JAW, JAW, "[" * 20000, "more than 1000 brackets"),
        (JAW, JAW, "!!python/object/apply:os.getcwd []", "could not determine a constructor"),
        (CUP, "arm_end", "arm", "no body 'arm'"),
        (CUP, "60000", "600000", "vacuum: Input should be less than or equal to 101325"),
        (CUP, "radius: 0.01", "radius: 10", "radius: Input should be less than or equal to 0.1"),
        (CUP, "radius: 0.01", "radius: .nan", "radius: Input should be"),
        (CUP, "0.1]", ".nan]", "tcp.2: Input should be a finite number"),
        (CUP, "[[0, 0]]", "[]", "cups: Tuple should have at least 1 item"),
        (CUP, "[[0, 0]]", "[[0, 0], [0.01, 0]]", "overlap"),
    ],
)
def test_a_yaml_that_cannot_be_used_is_refused(folder, text, old, new, says):
    assert old in text
    (folder / "hand.yaml").write_text(text.replace(old, new, 1))
    refused(folder / "hand.yaml", says)


BOMB = '<!DOCTYPE m [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><mujoco model="&b;"/>'
ASSET = "<worldbody>", '<asset><mesh name="m" file="{}"/></asset><worldbody>'


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (HAND, BOMB, "has a document type"),
        (HAND, '<!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]><mujoco/>', "has a document type"),
        (HAND, "", "is not valid XML: no element found"),
        (HAND, "<mujoco><worldbody>" + "<body>" * 9999 + "</body>" * 9999 + "</worldbody></mujoco>", "too deep"),
        (HAND, "<robot/>", "its root is <robot>"),
        ("0 0.03", "0 nan", "<joint range=…> is not a number"),
        ("</mujoco>", "</mujoco>\0", "is not valid XML"),
        ("<worldbody>", '<include file="in/a.xml"/><worldbody>', "lies outside its folder"),
        ("<worldbody>", '<asset><model name="m" file="/etc/passwd"/></asset><worldbody>', "lies outside its folder"),
        ("<worldbody>", '<compiler meshdir="/etc"/>' + ASSET[1].format("passwd"), "lies outside its folder"),
        (ASSET[0], ASSET[1].format("link.stl"), "lies outside its folder"),
        (ASSET[0], ASSET[1].format("in"), "in, which is missing"),
        (ASSET[0], ASSET[1].format("text.stl"), "does not compile"),
    ],
)
def test_an_mjcf_that_cannot_be_used_is_refused(folder, old, new, says):
    (folder / "in").mkdir()
    (folder / "in" / "a.xml").write_text('<mujoco><include file="../../../etc/passwd"/></mujoco>')
    (folder / "text.stl").write_text("no mesh")
    os.symlink("/etc/hosts", folder / "link.stl")
    assert old in HAND
    (folder / "hand.xml").write_text(HAND.replace(old, new, 1))
    refused(folder / "hand.xml", says)


@pytest.mark.parametrize("ending", ["xml", "yaml"])
def test_what_is_no_file_of_text_is_refused(folder, ending):
    (folder / f"folder.{ending}").mkdir()
    refused(folder / f"folder.{ending}", "it is a folder")
    os.mkfifo(folder / f"pipe.{ending}")
    refused(folder / f"pipe.{ending}", "it is no plain file")
    os.symlink(f"loop.{ending}", folder / f"loop.{ending}")
    refused(folder / f"loop.{ending}", "symbolic links")
    (folder / f"latin.{ending}").write_bytes("name: m\xefne".encode("latin-1"))
    refused(folder / f"latin.{ending}", "is no UTF-8")
    with open(folder / f"huge.{ending}", "wb") as file:
        file.truncate(2**30)
    refused(folder / f"huge.{ending}", "is 1024 MiB large")
