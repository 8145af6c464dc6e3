from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import graspgen
from graspgen.dataset.check import check
from graspgen.dataset.lock import only_run
from graspgen.dataset.manifest import load_manifest
from graspgen.errors import DatasetError, GraspgenError
from graspgen.pipeline.run import generate
from graspgen.pipeline.work import WorkerError
from graspgen.recipe_file import load_recipe


def test_a_run_leaves_a_sound_and_complete_dataset(tiny_dataset):
    assert check(tiny_dataset) == []
    assert load_manifest(tiny_dataset).complete
    assert {"dataset.json", "dataset.h5", "shards", "objects", "run.jsonl", "preview.png"} == {
        p.name for p in tiny_dataset.iterdir()
    }


def test_two_workers_give_the_same_content_as_one(tiny_dataset, tiny, tmp_path):
    made = generate(load_recipe("tabletop", tiny), tmp_path / "two", scenes=3, seed=7, workers=2, quiet=True)
    assert made.scenes == 3
    assert load_manifest(tmp_path / "two").hashes == load_manifest(tiny_dataset).hashes
    meshes = [sorted(p.relative_to(d) for p in (d / "objects").rglob("*")) for d in (tiny_dataset, tmp_path / "two")]
    assert meshes[0] == meshes[1]


def test_another_seed_gives_another_dataset(tiny_dataset, tiny, tmp_path):
    generate(load_recipe("tabletop", tiny), tmp_path / "other", scenes=1, seed=8, quiet=True)
    assert load_manifest(tmp_path / "other").hashes[0] != load_manifest(tiny_dataset).hashes[0]


def test_a_resumed_run_ends_like_one_that_never_stopped(tiny_dataset, tiny, tmp_path):
    out = tmp_path / "resumed"
    shutil.copytree(tiny_dataset, out)
    (out / "shards" / "shard-00001.h5").unlink()
    made = generate(load_recipe("tabletop", tiny), out, scenes=3, seed=7, resume=True, quiet=True)
    assert (made.scenes, made.kept) == (1, 2)
    assert load_manifest(out).hashes == load_manifest(tiny_dataset).hashes
    assert check(out) == []


def test_a_resumed_run_may_grow_and_keeps_its_first_scenes(tiny_dataset, tiny, tmp_path):
    out = tmp_path / "grown"
    shutil.copytree(tiny_dataset, out)
    generate(load_recipe("tabletop", tiny), out, scenes=4, seed=7, resume=True, quiet=True)
    before, after = load_manifest(tiny_dataset).hashes, load_manifest(out).hashes
    assert {n: after[n] for n in before} == before
    assert sorted(after) == [0, 1, 2, 3]


def test_the_first_scenes_do_not_depend_on_how_many_follow(tiny_dataset, tiny, tmp_path):
    generate(load_recipe("tabletop", tiny), tmp_path / "one", scenes=1, seed=7, quiet=True)
    assert load_manifest(tmp_path / "one").hashes[0] == load_manifest(tiny_dataset).hashes[0]


def test_the_summary_counts_what_the_dataset_holds(tiny, tmp_path):
    made = generate(load_recipe("tabletop", tiny), tmp_path / "out", scenes=2, seed=3, quiet=True)
    with graspgen.open(tmp_path / "out") as dataset:
        assert made.scenes == len(dataset.scenes) == 2
        assert made.views == len(dataset.views) == 4
        assert made.grasps == len(dataset.grasps) == sum(made.outcomes.values())
        assert made.outcomes["SUCCESS"] == int((dataset.grasps["outcome"] == 0).sum())
        assert made.refused.total() == int(dataset.scenes["attempt"].sum())
    assert set(made.seconds) >= {"settle", "render", "annotate", "grasp", "write"}
    assert sum(made.seconds.values()) <= made.wall + 0.01


def test_the_journal_holds_one_json_event_a_line(tiny_dataset):
    events = [json.loads(line) for line in (tiny_dataset / "run.jsonl").read_text().splitlines()]
    assert events[1]["event"] == "tick"
    assert [e["event"] for e in events if e["event"] != "tick"] == ["start", *["scene", "shard"] * 3, "end"]
    assert all("time" in e for e in events)


def test_a_scene_that_cannot_be_made_stops_the_run_and_keeps_the_rest(tiny, tmp_path):
    # Nothing comes to rest within a simulated tenth of a second.
    impossible = [*tiny, "scene.settle.time_limit=0.1", "scene.settle.rest_time=0.09", "scene.settle.attempts=1"]
    with pytest.raises(GraspgenError, match="did not settle"):
        generate(load_recipe("tabletop", impossible), tmp_path / "out", scenes=2, seed=1, quiet=True)
    assert check(tmp_path / "out") == []
    last = json.loads((tmp_path / "out" / "run.jsonl").read_text().splitlines()[-1])
    assert last["event"] == "error"


def test_an_error_in_a_worker_process_is_the_same_error(tiny, tmp_path):
    impossible = [*tiny, "scene.settle.time_limit=0.1", "scene.settle.rest_time=0.09", "scene.settle.attempts=1"]
    with pytest.raises(GraspgenError, match="did not settle"):
        generate(load_recipe("tabletop", impossible), tmp_path / "out", scenes=2, seed=1, workers=2, quiet=True)


def test_ctrl_c_between_scenes_keeps_the_complete_shards(tiny, tmp_path, monkeypatch):
    from graspgen.pipeline import units

    made = []

    def interrupted(context, index):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(index)
        return real(context, index)

    real = units.make_scene
    monkeypatch.setattr(units, "make_scene", interrupted)
    out = tmp_path / "out"
    summary = generate(load_recipe("tabletop", tiny), out, scenes=3, seed=7, quiet=True)
    assert summary.interrupted
    assert summary.scenes == 2
    assert check(out) == []
    assert sorted(load_manifest(out).hashes) == [0, 1]
    assert not list(out.rglob("*.partial"))


def test_an_object_library_can_be_used_and_its_meshes_come_along(tiny, tmp_path):
    import trimesh

    from graspgen.objects.mesh_import import import_meshes

    trimesh.creation.box((0.05, 0.04, 0.06)).export(tmp_path / "brick.stl")
    import_meshes([tmp_path / "brick.stl"], tmp_path / "library")
    recipe = load_recipe("tabletop", [*tiny, f"objects.library={tmp_path / 'library'}"])
    generate(recipe, tmp_path / "out", scenes=1, seed=1, quiet=True)
    shutil.rmtree(tmp_path / "library")
    assert check(tmp_path / "out") == []
    with graspgen.open(tmp_path / "out") as dataset:
        assert set(dataset.assets["class_name"]) == {"brick"}
        vertices, _ = dataset.mesh(int(dataset.assets["id"][0]))
        assert np.allclose(np.ptp(vertices, axis=0), [0.05, 0.04, 0.06], atol=1e-6)


def test_a_folder_that_cannot_be_written_is_one_clear_error(tiny, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError):
        generate(load_recipe("tabletop", tiny), tmp_path / "file" / "out", scenes=1, quiet=True)


def test_a_run_that_is_being_written_is_left_alone_by_another(tiny_dataset, tiny, tmp_path):
    out = tmp_path / "busy"
    shutil.copytree(tiny_dataset, out)
    (out / "shards" / "shard-00001.h5").unlink()
    unfinished = out / "shards" / "shard-00001.h5.partial"
    unfinished.write_text("of the first run")
    with only_run(out):
        for flags in ({"resume": True}, {"overwrite": True}):
            with pytest.raises(DatasetError, match="another run is writing"):
                generate(load_recipe("tabletop", tiny), out, scenes=3, seed=7, quiet=True, **flags)
    assert unfinished.is_file()
    generate(load_recipe("tabletop", tiny), out, scenes=3, seed=7, resume=True, quiet=True)
    assert load_manifest(out).hashes == load_manifest(tiny_dataset).hashes


def test_a_run_of_which_every_scene_is_refused_says_so(tiny, tmp_path, monkeypatch):
    def refusing(job, units, report, make, *, refuse, **more):
        for unit in units:
            for scene in unit.scenes:
                unit = refuse(unit, scene, "its worker ended with status 3, 3 times")
            yield make(job, unit, report)

    monkeypatch.setattr("graspgen.pipeline.run.executor_of", lambda *_: refusing)
    for _ in range(2):  # the same command again says the same
        with pytest.raises(WorkerError, match=r"holds no scene: all 2 were refused .*status 3, 3 times"):
            generate(load_recipe("tabletop", tiny), tmp_path / "out", scenes=2, seed=7, quiet=True)
