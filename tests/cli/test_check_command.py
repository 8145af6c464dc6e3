"""`graspgen check --json`, `--deep` and what an unfinished run is called."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
from typer.testing import CliRunner

from graspgen.cli.main import app
from graspgen.dataset.hashes import file_sha256
from graspgen.dataset.manifest import load_manifest
from graspgen.pipeline.check_deep import check_deep


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_json_holds_what_was_found_and_looked_at(tiny_dataset: Path, tmp_path: Path) -> None:
    result = run("check", tiny_dataset, "--json", tmp_path / "out.json", "--hands", 4, "--deep", "--sample", 1)
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out.json").read_text())
    assert content["sound"] and content["complete"] and content["format"] == 1 and not content["violations"]
    deep = content["sampled"]["deep"]
    assert deep["counts"] and all(same == count for same, count in deep["counts"].values())
    assert content["versions"]["made_with"]["mujoco"]


def test_json_on_stdout_is_all_of_it_and_violations_are_in_it(tiny_dataset: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_dataset, tmp_path / "copy"))
    next((copy / "shards").glob("*.h5")).unlink()
    result = run("check", copy, "--json", "-")
    assert result.exit_code == 1
    content = json.loads(result.stdout)
    assert content["counts"]["files"] == len(content["violations"]) and not content["sound"]
    assert {"severity", "where", "scene", "message"} <= set(content["violations"][0])


def test_an_unfinished_run_is_called_incomplete(tiny_dataset: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_dataset, tmp_path / "copy"))
    content = json.loads((copy / "dataset.json").read_text()) | {"shards": [], "complete": False}
    (copy / "dataset.json").write_text(json.dumps(content))
    shutil.rmtree(copy / "shards")
    (copy / "dataset.h5").unlink()
    result = run("check", copy)
    assert result.exit_code == 0
    assert "incomplete: 0 of " in result.output and "no violations in 0 of" in result.output


def test_deep_names_a_number_that_no_rule_can_tell_from_a_right_one(tiny_dataset: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_dataset, tmp_path / "copy"))
    shard = load_manifest(copy).shards[0]
    with h5py.File(copy / shard.file, "r+") as file:
        force = file["trials/grip_force"]
        force[...] = force[...] * 1.1
    text = (copy / "dataset.json").read_text().replace(shard.sha256, file_sha256(copy / shard.file))
    (copy / "dataset.json").write_text(text)
    scenes = len(load_manifest(copy).hashes)
    found = check_deep(copy, sample=scenes, grasps=64).violations
    assert found and {(v.table, v.column) for v in found} == {("trials", "grip_force")}
