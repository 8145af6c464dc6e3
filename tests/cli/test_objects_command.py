"""`graspgen objects …`, as a user types it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import solids
from PIL import Image
from typer.testing import CliRunner

from graspgen.cli.main import app
from graspgen.objects.families import FAMILIES
from graspgen.objects.library import save_asset
from graspgen.recipe_file import load_recipe


def run(*words):
    return CliRunner().invoke(app, ["objects", *(str(word) for word in words)])


@pytest.fixture
def library(tmp_path):
    for k in range(3):
        save_asset(
            replace(solids.box(0.05, 0.03, 0.02 + 0.01 * k), name=f"box-{k}", class_name=f"kind-{k}"), tmp_path / "lib"
        )
    return tmp_path / "lib"


def spoil(library):
    save_asset(replace(solids.box(0.2, 0.3, 0.4), name="huge"), library)


def test_check_accepts_and_list_tells(library):
    result = run("check", library, "-w", "1")
    assert result.exit_code == 0, result.output
    assert f"{library}: 3 accepted, 0 refused" in result.output
    told = run("list", library).output
    assert told.count("accepted") == 4 and "50 x 30 x 20" in told and "kind-2" in told


def test_check_refuses_with_status_1_reasons_and_evidence(library, tmp_path):
    spoil(library)
    result = run("check", library, "-w", "1", "--quiet", "--json", tmp_path / "out.json")
    assert result.exit_code == 1
    assert result.stdout == "huge: size: it is nowhere narrower than panda_hand opens, 80 mm\n"
    assert "3 accepted, 1 refused; runs leave the refused ones out" in result.stderr
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["accepted"] == ["box-0", "box-1", "box-2"] and list(found["refused"]) == ["huge"]
    assert found["assets"]["box-1"]["evidence"]["settle"]["rested"] == 6
    told = run("list", library).output
    assert "refused: size" in told and "huge: size: it is nowhere narrower" in told
    assert "4 objects, 3 accepted, 1 refused" in told
    again = run("check", library, "--only-new", "--quiet")
    assert again.exit_code == 0, "what was judged before is not judged again"


def test_split_is_told_and_listed(library):
    result = run("split", library, "--by", "category", "--shares", "train=0.5,test=0.5", "--salt", "s")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("train: ") and "share 50%" in result.output
    assert "split" in run("list", library).output.splitlines()[1]
    assert "already split" in run("split", library, "--by", "object").stderr


def test_show_add_merge_and_remove(library, tmp_path):
    picture = tmp_path / "box.png"
    assert f"picture: {picture}" in run("show", library, "box-1", "-o", picture).output
    assert Image.open(picture).size[0] > 500
    other = tmp_path / "other"
    assert run("add", library / "box-0", library / "box-1", "--to", other).exit_code == 0
    save_asset(replace(solids.box(0.01, 0.03, 0.02), name="box-2"), other)
    clash = run("merge", library, other, "--to", tmp_path / "all")
    assert clash.exit_code == 2 and "give --rename" in clash.stderr
    merged = run("merge", library, other, "--to", tmp_path / "all", "--rename")
    assert merged.exit_code == 0 and f"{other}/box-2 is called box-2-2" in merged.output
    assert f"{tmp_path / 'all'} holds 4 objects of 2 libraries" in merged.output
    assert "removed box-2-2" in run("remove", tmp_path / "all", "box-2-2").output
    assert "box-2-2" not in run("list", tmp_path / "all").output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("check", "nowhere"), "there is no folder nowhere"),
        (("check", "LIB", "--gripper", "pandahand"), "did you mean 'panda_hand'"),
        (("list", "nowhere"), "there is no folder"),
        (("show", "LIB", "box-9", "-o", "x.png"), "did you mean 'box-"),
        (("add", "nowhere", "--to", "LIB"), "cannot read"),
        (("remove", "LIB", "box"), "did you mean 'box-"),
        (("merge", "nowhere", "--to", "LIB"), "there is no folder"),
        (("split", "LIB", "--by", "size"), "by object or by category"),
        (("split", "LIB", "--by", "object", "--shares", "train"), "expected NAME=SHARE"),
        (("split", "nowhere", "--by", "object"), "there is no folder"),
        (("check", "LIB", "--no-render", "--quiet", "--json", "LIB/box-0/asset.yaml/x.json"), "cannot write"),
        (("show", "LIB", "box-1", "-o", "LIB/box-0/asset.yaml/x.png"), "cannot write"),
    ],
)
def test_mistakes_are_told_in_a_line(library, words, told):
    result = run(*(word.replace("LIB", str(library)) for word in words))
    assert result.exit_code == 2, result.output
    assert told in result.stderr and result.stderr.count("\n") == 1
    assert "Traceback" not in result.output


def test_families_are_listed_and_the_line_that_sets_a_parameter_is_taken(monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    told = run("families").output
    assert all(name in told for name in FAMILIES)
    one = run("families", "mug").output
    assert "distance of the handle's roots over the height" in one and "0.2 to 0.9" in one
    for name in ("mug", "convex_union", "prism"):
        line = run("families", name).output.strip().splitlines()[-1]
        load_recipe("tabletop", [f"objects.families={name}", line.removeprefix("--set ")])


def test_an_unknown_family_is_told_with_the_nearest():
    result = run("families", "mog")
    assert result.exit_code != 0 and "did you mean 'mug'" in result.output
