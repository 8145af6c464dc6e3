"""Datasets are taken apart and put together without a changed byte of a scene, and verified byte for byte."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from dataset_builder import add, begin, make_dataset, make_record, save_meshes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import graspgen
from graspgen.dataset.check import check
from graspgen.dataset.create import create_dataset
from graspgen.dataset.hashes import content_hash
from graspgen.dataset.index import finalize
from graspgen.dataset.layout import shard_count, shard_scenes
from graspgen.dataset.manifest import load_manifest, save_manifest
from graspgen.dataset.merge import merge, split
from graspgen.dataset.pack import from_bytes, load_packed, pack_scene, save_packed, to_bytes, unpack_images
from graspgen.dataset.schema import TABLES
from graspgen.dataset.shard_scenes import OWNER, packed_hash, read_scenes
from graspgen.dataset.verify import verify
from graspgen.errors import DatasetError


def test_a_packed_scene_comes_back_exactly_and_any_damage_is_seen(tmp_path: Path) -> None:
    record = make_record(3)
    data = to_bytes(pack_scene(record))
    back = from_bytes(data)
    assert back.index == 3 and back.digest == content_hash(record) == packed_hash(back)
    np.testing.assert_array_equal(unpack_images(back.images["views"]["depth"]), record.tables["views"]["depth"])
    save_packed(tmp_path / "unfinished" / "a", back)
    assert [p.name for p in (tmp_path / "unfinished").iterdir()] == ["a"]
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(data), 40):
        broken = bytearray(data)
        broken[place] ^= 1 << int(rng.integers(8))
        (tmp_path / "broken").write_bytes(broken)
        assert load_packed(tmp_path / "broken") is None
        (tmp_path / "broken").write_bytes(data[:place])
        assert load_packed(tmp_path / "broken") is None


def test_scenes_come_out_of_a_shard_as_they_went_in(sound: Path) -> None:
    scenes = list(read_scenes(sound / "shards/shard-00001.h5"))
    assert [s.index for s in scenes] == [2, 3]
    for scene in scenes:
        assert packed_hash(scene) == scene.digest == content_hash(make_record(scene.index))


def test_a_split_dataset_is_sound_and_merges_to_the_same_bytes(sound: Path, tmp_path: Path) -> None:
    parts = split(sound, {tmp_path / "train": 0.75, tmp_path / "test": 0.25}, seed=3)
    assert [len(m.hashes) for m in parts.values()] == [3, 1]
    whole = load_manifest(sound)
    assert {k: v for m in parts.values() for k, v in m.hashes.items()} == whole.hashes
    for folder in parts:
        assert check(folder) == [] and not verify(folder, content=True).problems
        with graspgen.open(folder) as ds, h5py.File(folder / "dataset.h5") as index:
            assert len(ds.views) == len(index["views/rgb"]) > 0
    again = split(sound, {tmp_path / "a": 0.75}, seed=3)
    assert again[tmp_path / "a"].hashes == parts[tmp_path / "train"].hashes
    merged = merge([tmp_path / "test", tmp_path / "train"], tmp_path / "merged")
    assert merged.complete and merged.selected is None
    assert merged.content_hash == whole.content_hash
    assert [s.sha256 for s in merged.shards] == [s.sha256 for s in whole.shards]
    assert check(tmp_path / "merged") == []
    with pytest.raises(DatasetError, match=r"cannot resume .* split off or merged"):
        create_dataset(
            tmp_path / "train", recipe=dict(whole.recipe), seed=7, scenes=9, scenes_per_shard=2,
            mujoco_version="4.0.0", resume=True,
        )  # fmt: skip


def test_the_parts_of_a_run_merge_to_the_run_and_some_of_them_to_an_unfinished_one(sound: Path, tmp_path: Path) -> None:
    for k in (1, 2):
        folder = tmp_path / f"part{k}"
        manifest = begin(folder, part=(k, 2))
        save_meshes(folder)
        assert manifest.missing() == [k - 1]
        for number in manifest.missing():
            add(folder, manifest, number)
        assert finalize(folder).complete and check(folder) == [] and not verify(folder).problems
    merged = merge([tmp_path / "part2", tmp_path / "part1"], tmp_path / "all")
    assert merged.complete and merged.part is None and merged.content_hash == load_manifest(sound).content_hash
    assert check(tmp_path / "all") == []
    some = merge([tmp_path / "part2"], tmp_path / "some")
    assert not some.complete and some.missing() == [0]
    add(tmp_path / "some", some, 0)
    assert finalize(tmp_path / "some").content_hash == merged.content_hash


def test_datasets_of_other_recipes_and_folders_in_use_are_refused(sound: Path, tmp_path: Path) -> None:
    other = make_dataset(tmp_path / "other")
    recipe = load_manifest(other).recipe
    save_manifest(other, replace(load_manifest(other), recipe={**recipe, "task": "other"}))
    with pytest.raises(DatasetError, match=r"cannot be one dataset \(recipe.task was .* now \"other\"\)"):
        merge([sound, other], tmp_path / "out")
    with pytest.raises(DatasetError, match="not empty"):
        merge([sound, sound], other)
    for shares in ({tmp_path / "a": 0.0}, {tmp_path / "a": 0.7, tmp_path / "b": 0.7}, {tmp_path / "a": 0.01}):
        with pytest.raises(DatasetError, match="share"):
            split(sound, shares)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda p: (p / "shards/shard-00001.h5").unlink(), "shards/shard-00001.h5 is missing"),
        (lambda p: (p / "shards/shard-00000.h5").write_bytes(b"x"), "has 1 bytes, the manifest says"),
        (lambda p: flip(p / "shards/shard-00000.h5"), "was changed: its SHA-256"),
        (lambda p: edit(p), "dataset.json was edited by hand"),
        (lambda p: (p / "dataset.h5").unlink(), "dataset.h5 is missing"),
        (lambda p: (p / "shards/shard-00007.h5").write_bytes(b"x"), "shard-00007.h5 is not in the manifest"),
    ],
)
def test_verify_names_what_is_not_as_it_was_written(copy: Path, harm, told: str) -> None:
    assert verify(copy).problems == ()
    harm(copy)
    problems = verify(copy).problems
    assert len(problems) == 1 and told in problems[0]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def edit(folder: Path) -> None:
    path = folder / "dataset.json"
    content = json.loads(path.read_text())
    content["created"] = "1999-01-01T00:00:00+00:00"
    path.write_text(json.dumps(content))


def test_the_values_of_a_scene_are_verified_against_its_hash(copy: Path) -> None:
    """A shard that was changed and whose new SHA-256 was put into the manifest."""
    from graspgen.dataset.hashes import file_sha256

    path = copy / "shards/shard-00000.h5"
    with h5py.File(path, "r+") as file:
        file["objects/mass"][0] *= 2
    manifest = load_manifest(copy)
    first = replace(manifest.shards[0], bytes=path.stat().st_size, sha256=file_sha256(path))
    save_manifest(copy, replace(manifest, shards=(first, *manifest.shards[1:])))
    assert verify(copy).problems == ()
    assert verify(copy, content=True).problems == (
        "shards/shard-00000.h5: the values of scene 0 do not give its content hash",
    )


@given(st.integers(1, 9), st.lists(st.integers(1, 40), min_size=1, max_size=4, unique=True))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_run_that_grows_keeps_its_shards_and_has_every_scene_once(size: int, stops: list[int]) -> None:
    *grown, scenes = sorted(stops)
    shards = [list(shard_scenes(n, scenes, size, grown)) for n in range(shard_count(scenes, size, grown))]
    assert [scene for shard in shards for scene in shard] == list(range(scenes))
    assert all(1 <= len(shard) <= size for shard in shards)
    for n, before in enumerate(grown):
        count = shard_count(before, size, grown[:n])
        assert [list(shard_scenes(k, before, size, grown[:n])) for k in range(count)] == shards[:count]
    assert not shard_scenes(len(shards), scenes, size, grown)


def test_the_rows_of_every_table_say_which_scene_they_belong_to() -> None:
    for table, spec in TABLES.items():
        name, _ = OWNER.get(table, ("scene", 0))
        assert spec.shared or name in spec.columns, table
