"""A manifest that was edited, damaged or deleted is written again from the command and the shards."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from graspgen.dataset.create import create_dataset
from graspgen.dataset.manifest import load_manifest
from graspgen.dataset.verify import verify
from graspgen.errors import DatasetError
from graspgen.pipeline.run import generate
from graspgen.pipeline.status import status
from graspgen.recipe_file import load_recipe


@pytest.fixture
def copy(tiny_dataset: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_dataset, tmp_path / "copy")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:700])


def edit(path: Path) -> None:
    text = path.read_text()
    path.write_text(text.replace('"seed": 7', '"seed": 8').replace('"scenes": 3', '"scenes": 2'))


def incomplete(path: Path) -> None:
    path.write_text(path.read_text().replace('"created"', '"made"'))


HARMS = {"cut": cut, "edit": edit, "incomplete": incomplete, "delete": Path.unlink}


@pytest.mark.parametrize("harm", HARMS)
def test_the_command_mends_the_manifest_and_makes_no_scene_again(harm, copy, tiny_dataset, tiny) -> None:
    HARMS[harm](copy / "dataset.json")
    made = generate(load_recipe("tabletop", tiny), copy, scenes=3, seed=7, quiet=True, preview=False)
    assert (made.scenes, made.kept) == (0, 3)
    assert load_manifest(copy).content_hash == load_manifest(tiny_dataset).content_hash
    assert not verify(copy, content=True).problems and status(copy).complete


@pytest.mark.parametrize("harm", HARMS)
def test_shards_of_another_run_are_never_taken_over_nor_deleted(harm, copy, tiny) -> None:
    before = {p: p.read_bytes() for p in (copy / "shards").iterdir()}
    HARMS[harm](copy / "dataset.json")
    with pytest.raises(DatasetError, match=r"cannot resume .* was made with another seed than this command's"):
        generate(load_recipe("tabletop", tiny), copy, scenes=3, seed=8, quiet=True, preview=False)
    assert {p: p.read_bytes() for p in (copy / "shards").iterdir()} == before


def test_packs_that_may_be_of_another_run_are_deleted(copy, tiny) -> None:
    (copy / "shards/shard-00002.h5").unlink()
    (copy / "unfinished").mkdir()
    (copy / "unfinished/scene-00000002.pack").write_bytes(b"of whom?")
    edit(copy / "dataset.json")
    made = generate(load_recipe("tabletop", tiny), copy, scenes=3, seed=7, quiet=True, preview=False)
    assert (made.scenes, made.kept) == (1, 2) and not verify(copy).problems


def test_a_damaged_dataset_can_be_overwritten_and_a_folder_of_others_cannot(copy, tmp_path) -> None:
    cut(copy / "dataset.json")
    run = {"recipe": {"task": "t"}, "seed": 1, "scenes": 1, "scenes_per_shard": 1, "mujoco_version": "4.0.0"}
    assert create_dataset(copy, **run, overwrite=True).missing() == [0]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "dataset.json").write_text('{"rows": [')
    for how in ({"overwrite": True}, {}):
        with pytest.raises(DatasetError, match=r"is no graspgen dataset|is damaged"):
            create_dataset(tmp_path / "mine", **run, **how)
    assert (tmp_path / "mine" / "dataset.json").read_text() == '{"rows": ['


@pytest.mark.slow
def test_four_workers_give_the_same_content_as_one(tiny_dataset, tiny, tmp_path) -> None:
    generate(load_recipe("tabletop", tiny), tmp_path / "one", scenes=5, seed=7, workers=1, quiet=True, preview=False)
    generate(load_recipe("tabletop", tiny), tmp_path / "four", scenes=5, seed=7, workers=4, quiet=True, preview=False)
    one, four = load_manifest(tmp_path / "one"), load_manifest(tmp_path / "four")
    assert one.hashes == four.hashes and [s.sha256 for s in one.shards] == [s.sha256 for s in four.shards]


def test_the_status_of_a_run_that_ended_tells_all_of_it_and_what_is_missing_since(copy) -> None:
    assert any(line.startswith("last run: 3 scenes, ") for line in status(copy).lines())
    (copy / "shards/shard-00001.h5").unlink()
    found = status(copy)
    assert found.damaged == 1 and found.lines()[0].endswith("complete, but damaged since")
    assert any("1 shard missing" in line for line in found.lines())
