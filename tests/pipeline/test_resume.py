"""The same command again finishes what was stopped, with the content of a run that was not; bad folders are refused."""

from __future__ import annotations

import json
import shutil

import pytest

from graspgen.dataset.check import check
from graspgen.dataset.layout import scene_file
from graspgen.dataset.manifest import load_manifest
from graspgen.errors import DatasetError, SceneError
from graspgen.pipeline import units
from graspgen.pipeline.run import generate
from graspgen.pipeline.status import status
from graspgen.recipe_file import load_recipe


@pytest.fixture
def copy(tiny_dataset, tmp_path):
    """A dataset of three scenes to be spoilt."""
    return shutil.copytree(tiny_dataset, tmp_path / "copy")


def again(folder, tiny, scenes=3, **more):
    return generate(load_recipe("tabletop", tiny), folder, scenes=scenes, seed=7, quiet=True, preview=False, **more)


def stop_at(monkeypatch, scene, error):
    """Let scenes be made until one of them, which ends the run."""
    real = units.make_scene

    def make(context, index):
        if index == scene:
            raise error
        return real(context, index)

    monkeypatch.setattr(units, "make_scene", make)


def test_scenes_made_before_a_run_was_stopped_are_not_made_again(tiny_dataset, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("graspgen.pipeline.run.scenes_per_shard", lambda scenes, size: 3)
    with monkeypatch.context() as patch:
        stop_at(patch, 2, SceneError("no rest"))
        with pytest.raises(SceneError, match="no rest"):
            again(tmp_path / "out", tiny)
    assert load_manifest(tmp_path / "out").shards == () and check(tmp_path / "out") == []
    assert all((tmp_path / "out" / scene_file(n)).is_file() for n in (0, 1))
    assert "stopped by an error (no rest)" in status(tmp_path / "out").lines()[0]
    made = again(tmp_path / "out", tiny)
    assert (made.scenes, made.taken_up, made.kept) == (1, 2, 0)
    found = load_manifest(tmp_path / "out")
    assert found.complete and found.content_hash == load_manifest(tiny_dataset).content_hash
    assert not (tmp_path / "out" / "unfinished").exists()
    assert "complete" in status(tmp_path / "out").lines()[0]


def test_a_damaged_scene_that_was_put_by_is_made_again(tiny_dataset, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("graspgen.pipeline.run.scenes_per_shard", lambda scenes, size: 3)
    with monkeypatch.context() as patch:
        stop_at(patch, 2, KeyboardInterrupt())
        assert again(tmp_path / "out", tiny).interrupted
    first, second = (tmp_path / "out" / scene_file(n) for n in (0, 1))
    first.write_bytes(first.read_bytes()[:-1])
    second.write_bytes(b"")
    assert again(tmp_path / "out", tiny).scenes == 3
    assert load_manifest(tmp_path / "out").content_hash == load_manifest(tiny_dataset).content_hash


def test_the_same_command_on_a_complete_dataset_changes_nothing(copy, tiny):
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in copy.rglob("*") if p.is_file()}
    made = again(copy, tiny)
    assert (made.scenes, made.kept) == (0, 3)
    after = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in copy.rglob("*") if p.is_file()}
    assert {p.name for p in after if after[p] != before.get(p)} == {"run.jsonl"}


def test_a_deleted_shard_is_made_again_by_the_same_command(copy, tiny, tiny_dataset):
    (copy / "shards" / "shard-00001.h5").unlink()
    assert again(copy, tiny).scenes == 1
    assert load_manifest(copy).shards == load_manifest(tiny_dataset).shards


def test_growing_leaves_the_first_files_untouched(copy, tiny, monkeypatch):
    before = {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in (copy / "shards").iterdir()}
    with pytest.raises(DatasetError, match="not empty: it holds a dataset of 3 scenes; --resume"):
        again(copy, tiny, scenes=4)
    assert again(copy, tiny, scenes=4, resume=True).scenes == 1
    assert {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in before} == before


def test_a_manifest_edited_by_hand_is_not_believed(copy, tiny, tiny_dataset):
    path = copy / "dataset.json"
    content = json.loads(path.read_text())
    content["shards"][0]["scenes"]["0"] = "0" * 64
    content["shards"][1]["rows"]["views"] = 99
    content["refused"] = {"2": "I do not like it"}
    path.write_text(json.dumps(content))
    again(copy, tiny)
    found, wanted = load_manifest(copy), load_manifest(tiny_dataset)
    assert (found.shards, found.refused, found.complete) == (wanted.shards, {}, True)
    assert check(copy) == []


def test_a_shard_of_another_run_is_not_taken_for_ones_own(copy, tiny, tmp_path, tiny_dataset):
    generate(load_recipe("tabletop", [*tiny, "grasps.per_object=3"]), tmp_path / "x", scenes=3, seed=7, quiet=True)
    shutil.copy(tmp_path / "x" / "shards" / "shard-00001.h5", copy / "shards" / "shard-00001.h5")
    assert again(copy, tiny).scenes == 1
    assert load_manifest(copy).content_hash == load_manifest(tiny_dataset).content_hash


def test_a_changed_recipe_is_refused_with_every_difference(copy, tiny):
    before = (copy / "dataset.json").read_bytes()
    with pytest.raises(DatasetError) as error:
        again(copy, [*tiny, "grasps.per_object=3", "views.width=80"])
    assert "recipe.grasps.per_object was 4, now 3; recipe.views.width was 96, now 80" in str(error.value)
    assert (copy / "dataset.json").read_bytes() == before


def test_a_clock_that_jumps_back_harms_nothing(copy, tiny, tiny_dataset):
    lines = [json.loads(line) for line in (copy / "run.jsonl").read_text().splitlines()]
    text = "".join(json.dumps({**line, "time": "2099-01-01T00:00:00.000+00:00"}) + "\n" for line in lines)
    (copy / "run.jsonl").write_text(text + '{"time": "20')
    (copy / "shards" / "shard-00002.h5").unlink()
    assert status(copy).age == 0
    again(copy, tiny)
    assert load_manifest(copy).content_hash == load_manifest(tiny_dataset).content_hash
    assert status(copy).start["kept"] == 2


def test_a_run_killed_in_its_first_moment_is_begun_again(tiny, tmp_path, tiny_dataset):
    for name in ("shards", "objects"):
        (tmp_path / "out" / name).mkdir(parents=True)
    (tmp_path / "out" / "dataset.json.partial").write_text('{"form')
    again(tmp_path / "out", tiny, scenes=1)
    assert load_manifest(tmp_path / "out").hashes[0] == load_manifest(tiny_dataset).hashes[0]
    assert not list((tmp_path / "out").rglob("*.partial"))
