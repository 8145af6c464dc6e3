"""`graspgen grasps`, as a user types it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from graspgen.cli.main import app

QUICK = ("-n", "6", "--draws", "1", "--no-min-friction", "-w", "1")


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_families_to_a_file_that_check_and_info_read_and_a_picture(tmp_path):
    out, picture = tmp_path / "grasps.h5", tmp_path / "gallery.png"
    result = run("grasps", "--families", "box,cylinder", "--objects", "2", "-o", out, "--gallery", picture, *QUICK)
    assert result.exit_code == 0, result.output
    assert "hits target" in result.output and f"picture: {picture}" in result.output
    assert picture.stat().st_size > 10_000
    assert "no violations" in run("check", out).output
    told = run("info", out).output
    assert "grasp database" in told and "panda_hand" in told
    again = run("grasps", "--families", "box,cylinder", "--objects", "2", "-o", out, "--overwrite", *QUICK)
    assert "2 of 2 objects came from the cache, 0 were simulated" in again.output


def test_a_datasets_own_objects_can_be_the_library(tiny_dataset, tmp_path):
    for library in (tiny_dataset, tiny_dataset / "objects"):
        result = run("grasps", library, "-o", tmp_path / "grasps.h5", "--overwrite", *QUICK)
        assert result.exit_code == 0, result.output
    assert "from the cache" in result.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nowhere",), "there is no folder"),
        (("--families", "bxo"), "did you mean 'box'?"),
        (("--families", ","), "names no family"),
        (("--families", "box", "--profile", "standart"), "did you mean 'standard'?"),
        (("--families", "box", "--gripper", "hand"), "no gripper 'hand'"),
        (("lib", "--families", "box"), "either a LIBRARY or --families"),
        ((), "either a LIBRARY or --families"),
        (("--families", "box", "--resume", "--overwrite"), "exclude each other"),
    ],
)
def test_mistakes_are_told_in_a_line(tmp_path, words, told):
    result = run("grasps", *words, "-o", tmp_path / "grasps.h5")
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())
    assert not list(tmp_path.glob("grasps*"))


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    result = run("grasps", "--families", "box", "--objects", "1", "-o", blocked / "grasps.h5", *QUICK)
    assert result.exit_code == 2
    assert "cannot write" in result.stderr
