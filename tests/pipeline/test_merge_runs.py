"""Runs of one recipe with different seeds become one dataset, whose labels are those of each and can be made again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import graspgen
from graspgen.dataset.check import check
from graspgen.dataset.merge import merge, split
from graspgen.dataset.rekey import SHIFTED, Rekeying, rekeyed
from graspgen.dataset.schema import TABLES
from graspgen.dataset.shard_scenes import read_scenes
from graspgen.dataset.verify import verify
from graspgen.errors import DatasetError
from graspgen.pipeline.replay import replay
from graspgen.pipeline.run import generate
from graspgen.recipe_file import load_recipe


@pytest.fixture(scope="module")
def other(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "other"
    generate(load_recipe("tabletop", tiny), folder, scenes=2, seed=8, quiet=True, preview=False)
    return folder


def test_every_key_of_a_scene_or_of_what_is_in_one_is_shifted() -> None:
    shared = {("objects", "asset"), ("grasps", "gripper"), ("trials", "profile")}
    for table, spec in TABLES.items():
        for name, column in spec.columns.items():
            is_key = column.dtype == "i8" and not spec.shared and column.shape == () and (table, name) not in shared
            assert is_key == (name in SHIFTED.get(table, {})), f"{table}.{name}"


def test_two_seeds_make_a_sound_dataset_whose_scenes_can_be_made_again(tiny_dataset, other, tmp_path) -> None:
    whole = merge([tiny_dataset, other], tmp_path / "whole")
    assert whole.complete and sorted(whole.hashes) == [0, 1, 2, 3, 4]
    assert [(r["seed"], r["first"], r["scenes"]) for r in whole.lineage["runs"]] == [(7, 0, 3), (8, 3, 2)]
    assert check(tmp_path / "whole") == [] and not verify(tmp_path / "whole", content=True).problems
    assert replay(tmp_path / "whole", 4).identical and replay(tmp_path / "whole", 0).identical
    with graspgen.open(tmp_path / "whole") as ds, graspgen.open(tiny_dataset) as a, graspgen.open(other) as b:
        assert len(ds.grasps) == len(a.grasps) + len(b.grasps)
        np.testing.assert_array_equal(ds.views["rgb"][len(a.views)], b.views["rgb"][0])
        assert set(ds.assets["content_hash"]) == {*a.assets["content_hash"], *b.assets["content_hash"]}
        assert [json.loads(plan)["seed"] for plan in ds.scenes["plan"]] == [7, 7, 7, 8, 8]
        np.testing.assert_array_equal(ds.grasps["T_object_grasp"][len(a.grasps) :], b.grasps["T_object_grasp"][:])


def test_a_merged_dataset_is_split_and_merged_again_and_takes_a_third_run(tiny_dataset, other, tiny, tmp_path) -> None:
    whole = merge([tiny_dataset, other], tmp_path / "whole")
    split(tmp_path / "whole", {tmp_path / "a": 0.6, tmp_path / "b": 0.4})
    again = merge([tmp_path / "b", tmp_path / "a"], tmp_path / "again")
    assert again.content_hash == whole.content_hash and again.lineage["runs"] == whole.lineage["runs"]
    with pytest.raises(DatasetError, match=r"cannot resume .* merged from other datasets"):
        generate(load_recipe("tabletop", tiny), tmp_path / "again", scenes=9, seed=7, resume=True, quiet=True)
    with pytest.raises(DatasetError, match="scenes of seed 8 are in two of these datasets"):
        merge([other, tmp_path / "whole"], tmp_path / "twice")
    third = tmp_path / "third"
    generate(load_recipe("tabletop", tiny), third, scenes=1, seed=9, quiet=True, preview=False)
    more = merge([third, tmp_path / "whole"], tmp_path / "more")
    assert [(r["seed"], r["first"]) for r in more.lineage["runs"]] == [(9, 0), (7, 1), (8, 4)]
    assert check(tmp_path / "more") == []


def test_a_scene_that_gets_no_other_number_is_the_same_and_one_that_goes_and_comes_back_too(other) -> None:
    scene = next(read_scenes(next((other / "shards").iterdir())))
    assert rekeyed(scene, Rekeying()) is scene
    there = rekeyed(scene, Rekeying(5, {int(i): int(i) + 9 for i in scene.columns["assets"]["id"]}))
    assert there.index == scene.index + 5 and there.digest != scene.digest
    back = {int(i): int(i) - 9 for i in there.columns["assets"]["id"]}
    assert rekeyed(there, Rekeying(-5, back)).digest == scene.digest


def test_a_dataset_of_another_gripper_of_the_same_name_is_refused(tiny_dataset, other, tmp_path, monkeypatch) -> None:
    from graspgen.dataset import merge_runs

    read = merge_runs._shared

    def changed(path: Path, table: str) -> dict:
        rows = read(path, table)
        if table == "grippers" and other in path.parents:
            rows["stroke"] = rows["stroke"] + 0.01
        return rows

    monkeypatch.setattr(merge_runs, "_shared", changed)
    with pytest.raises(DatasetError, match="cannot be one dataset: the gripper 0 is another one in each"):
        merge([tiny_dataset, other], tmp_path / "out")
