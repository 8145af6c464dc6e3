"""Folders are begun, refused, overwritten and resumed without harming anything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from dataset_builder import RECIPE, add, begin, make_dataset, save_meshes

import graspgen
from graspgen.dataset.check import check
from graspgen.dataset.create import complete_shards, create_dataset, first_difference
from graspgen.dataset.index import finalize
from graspgen.dataset.layout import shard_file, shard_scenes
from graspgen.dataset.manifest import load_manifest, save_manifest
from graspgen.errors import DatasetError


def again(folder: Path, **changes):
    options = {
        "recipe": RECIPE, "seed": 7, "scenes": 4, "scenes_per_shard": 2, "mujoco_version": "4.0.0", "resume": True,
    }  # fmt: skip
    return create_dataset(folder, **{**options, **changes})


def test_scenes_are_split_into_shards_without_gap_or_overlap() -> None:
    assert [list(shard_scenes(n, 5, 2)) for n in range(3)] == [[0, 1], [2, 3], [4]]


def test_a_new_folder_is_begun_and_an_empty_one_is_taken(tmp_path: Path) -> None:
    manifest = begin(tmp_path / "deep/er/new")
    assert manifest.missing() == [0, 1] and not manifest.complete
    (tmp_path / "empty").mkdir()
    begin(tmp_path / "empty")
    assert load_manifest(tmp_path / "empty").recipe == RECIPE


def test_a_folder_in_use_is_refused(sound: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"it holds a dataset of 4 scenes; --resume makes it grow"):
        begin(sound)
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(DatasetError, match="not empty; choose another output folder"):
        begin(tmp_path)
    with pytest.raises(DatasetError, match="is a file"):
        begin(tmp_path / "thesis.tex")


@pytest.mark.parametrize("manifest", [None, "", "{}", '{"format": "other"}', "[1]"])
def test_overwrite_never_deletes_a_folder_of_others(tmp_path: Path, manifest: str | None) -> None:
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards/photo.jpg").write_text("x")
    if manifest is not None:
        (tmp_path / "dataset.json").write_text(manifest)
    with pytest.raises(DatasetError, match="--overwrite will not delete it"):
        begin(tmp_path, overwrite=True)
    assert (tmp_path / "shards/photo.jpg").exists()


def test_overwrite_deletes_a_dataset_and_keeps_files_of_others(copy: Path) -> None:
    (copy / "notes.txt").write_text("mine")
    begin(copy, overwrite=True)
    assert not list((copy / "shards").iterdir()) and not (copy / "dataset.h5").exists()
    assert not list((copy / "objects").iterdir()) and (copy / "notes.txt").read_text() == "mine"
    assert load_manifest(copy).shards == ()


def test_overwrite_follows_no_link(copy: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    (copy / "objects").rename(precious)
    (copy / "objects").symlink_to(precious)
    begin(copy, overwrite=True)
    assert len(list(precious.iterdir())) == 2


def test_a_damaged_dataset_can_be_overwritten(copy: Path) -> None:
    (copy / "dataset.json").write_text('{"format": "graspgen dataset", "schema_version": 99}')
    begin(copy, overwrite=True)
    assert load_manifest(copy).schema_version == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"seed": 8}, "seed was 7, now 8"),
        ({"recipe": {**RECIPE, "task": "x"}}, 'recipe.task was "boxes", now "x"'),
        ({"recipe": {**RECIPE, "more": 1}}, "recipe.more was null, now 1"),
        ({"scenes_per_shard": 3}, "scenes_per_shard was 2, now 3"),
        ({"mujoco_version": "4.1.0"}, 'mujoco_version was "4.0.0", now "4.1.0"'),
        ({"scenes": 3}, "can only grow"),
    ],
)
def test_another_run_is_not_resumed(sound: Path, change: dict, told: str) -> None:
    before = (sound / "dataset.json").read_bytes()
    with pytest.raises(DatasetError) as error:
        again(sound, **change)
    assert told in str(error.value) and "cannot resume" in str(error.value)
    assert (sound / "dataset.json").read_bytes() == before


def test_a_folder_that_is_no_dataset_is_not_resumed(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(DatasetError, match="no graspgen dataset"):
        again(tmp_path)


def test_the_first_difference_is_found_in_depth() -> None:
    old, new = {"a": {"b": [1, 2], "c": 3}}, {"a": {"b": [1, 2], "c": 4}}
    assert first_difference(old, new, "recipe") == "recipe.a.c was 3, now 4"
    assert first_difference(old, old, "recipe") == ""


def test_a_complete_dataset_stays_as_it_is_when_resumed(copy: Path) -> None:
    before = {p: p.read_bytes() for p in copy.rglob("*") if p.is_file()}
    assert again(copy).complete
    assert {p: p.read_bytes() for p in copy.rglob("*") if p.is_file()} == before


def test_a_damaged_or_missing_shard_is_made_again_on_resume(copy: Path) -> None:
    whole = {n: (copy / shard_file(n)).read_bytes() for n in range(2)}
    (copy / shard_file(0)).write_bytes(whole[0][:-9])
    (copy / shard_file(1)).unlink()
    (copy / f"{shard_file(1)}.partial").write_bytes(b"half")
    manifest = again(copy)
    assert manifest.missing() == [0, 1] and not list(copy.rglob("*.partial"))
    for number in manifest.missing():
        add(copy, manifest, number)
    assert finalize(copy).complete
    assert {n: (copy / shard_file(n)).read_bytes() for n in range(2)} == whole and check(copy) == []


def test_a_shard_that_the_manifest_never_heard_of_is_kept(copy: Path) -> None:
    """The run was killed between the shard's renaming and the manifest's."""
    from dataclasses import replace

    whole = load_manifest(copy)
    save_manifest(copy, replace(whole, shards=whole.shards[:1], complete=False))
    assert complete_shards(copy, whole) == whole.shards
    assert again(copy).shards == whole.shards
    assert finalize(copy).complete and check(copy) == []


def test_a_run_can_grow_and_its_shards_stay_untouched(tmp_path: Path) -> None:
    folder = make_dataset(tmp_path / "run", scenes=3)
    before = {p: (p.stat().st_ino, p.stat().st_mtime_ns, p.read_bytes()) for p in (folder / "shards").iterdir()}
    manifest = again(folder, scenes=6)
    assert manifest.missing() == [2, 3] and not manifest.complete and manifest.expected(1) == [2]
    for number in manifest.missing():
        add(folder, manifest, number)
    finalize(folder)
    assert check(folder) == []
    assert graspgen.open(folder).scenes["index"].tolist() == list(range(6))
    assert {p: (p.stat().st_ino, p.stat().st_mtime_ns, p.read_bytes()) for p in before} == before


def test_a_killed_run_resumes_to_the_same_content(sound: Path, tmp_path: Path) -> None:
    """Kill −9 at many moments of writing: shards are complete or absent, and the end is byte-identical."""
    script = (
        "import sys; from dataset_builder import *\nfolder = Path(sys.argv[1])\n"
        "m = begin(folder, resume=True)\nsave_meshes(folder)\nprint('go', flush=True)\n"
        "for n in m.missing(): add(folder, m, n)\nfinalize(folder)\nprint('end', flush=True)"
    )
    paths = [str(Path(__file__).parent), str(Path(graspgen.__file__).parents[1])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    folder = tmp_path / "run"
    for delay in (0.01, 0.06, 0.12, 0.18):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(folder)], env=env, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None and process.stdout.readline() == "go\n"
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert check(folder) == []
    manifest = again(folder)
    for number in manifest.missing():
        add(folder, manifest, number)
    assert finalize(folder).complete and check(folder) == []
    assert load_manifest(folder).shards == load_manifest(sound).shards
    for number in range(2):
        assert (folder / shard_file(number)).read_bytes() == (sound / shard_file(number)).read_bytes()


def test_a_read_only_folder_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(DatasetError, match="the folder is read-only; choose another output folder"):
        begin(tmp_path / "new")


def test_the_index_shows_all_shards_from_any_place(sound: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with graspgen.open(sound) as ds, h5py.File(sound / "dataset.h5", locking=False) as index:
        for name, table in ds.tables.items():
            for column in table.columns:
                found, expected = index[name][column], table[column]
                assert len(found) == len(expected)
                if found.dtype.kind == "O":
                    assert list(found.asstr()[:]) == list(expected), f"{name}.{column}"
                    assert found.asstr()[len(found) - 1] == expected[len(expected) - 1]
                else:
                    np.testing.assert_array_equal(found[...], expected[:])
                assert found.attrs["unit"] == table.units[column]
        assert index["views/depth"].is_virtual and not index["assets/id"].is_virtual
        assert json.loads(index["trials/phase"].attrs["enum"])["HOLD"] == 3
        assert index["views/depth"].attrs["depth_scale"] == 1e-4


def test_a_moved_dataset_still_opens(copy: Path, tmp_path: Path) -> None:
    moved = copy.rename(tmp_path / "elsewhere")
    with h5py.File(moved / "dataset.h5") as index:
        assert index["objects/mass"][-1] > 0
    assert check(moved) == []


def test_an_incomplete_dataset_opens_with_what_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    manifest = begin(folder)
    save_meshes(folder)
    with graspgen.open(folder) as ds:
        assert len(ds.views) == 0 and len(ds.assets) == 0 and ds.objects["T_world_object"].shape == (0, 4, 4)
        assert len(ds.views["rgb"]) == 0 and ds.grasps.enum("outcome")["SUCCESS"] == 0
        with pytest.raises(DatasetError, match="no complete shard yet"):
            _ = ds.conventions
    add(folder, manifest, 1)
    assert not finalize(folder).complete
    with graspgen.open(folder) as ds:
        assert ds.scenes["index"].tolist() == [2, 3]


def test_a_damaged_shard_stops_the_index_and_is_named(copy: Path) -> None:
    (copy / shard_file(1)).write_bytes(b"nothing")
    index = (copy / "dataset.h5").read_bytes()
    with pytest.raises(DatasetError, match=r"shard-00001.h5 is truncated or not an HDF5 file"):
        finalize(copy)
    assert (copy / "dataset.h5").read_bytes() == index
