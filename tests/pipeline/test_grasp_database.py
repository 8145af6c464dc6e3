"""Grasp databases: complete or absent per object, the same for any number of workers, cached by content."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from grasp_databases import SPEC, assert_same, columns_of, make, procedural
from solids import box

import graspgen
from graspgen.dataset.check import check
from graspgen.dataset.lock import only_run
from graspgen.dataset.schema import TrialKind
from graspgen.errors import DatasetError, GraspgenError
from graspgen.grasps.outcomes import Outcome, Sampler
from graspgen.objects.library import save_asset
from graspgen.objects.procedural import ProceduralCatalogue
from graspgen.pipeline import grasp_database
from graspgen.pipeline.row_store import cache_store
from graspgen.recipe import Objects


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A small database made without a cache; read-only for tests."""
    out = tmp_path_factory.mktemp("database") / "grasps.h5"
    make(out, cache=False)
    return out


def test_a_database_has_the_tables_of_a_dataset_and_no_violations(database):
    assert check(database) == []
    with graspgen.open(database) as d:
        assert (len(d.scenes), len(d.objects), len(d.views)) == (0, 0, 0)
        assert d.assets["id"].tolist() == [0, 1]
        assert (d.grasps["scene"] == -1).all()
        assert (d.grasps["id"] >> 32 == d.grasps["object"]).all()
        vertices, _ = d.mesh(1)
        np.testing.assert_allclose(np.ptp(vertices, axis=0), d.assets["extents"][1], atol=1e-6)
        assert len(d.grasps_of(1)["id"]) == (d.grasps["object"] == 1).sum() >= SPEC.per_object


def test_every_grasp_has_its_trials_and_hard_negatives_name_what_they_perturb(database):
    with graspgen.open(database) as d:
        g, t = d.grasps, d.trials
        assert (t["kind"] == TrialKind.FREE).all()
        nominal = t["draw"] == 0
        np.testing.assert_array_equal(t["grasp"][nominal], g["id"])
        np.testing.assert_array_equal(t["outcome"][nominal], g["outcome"])
        held = g["id"][g["outcome"] == Outcome.SUCCESS]
        np.testing.assert_array_equal(np.unique(t["grasp"][~nominal]), held)
        perturbed = g["sampler"] == Sampler.PERTURBED
        assert perturbed.any()
        np.testing.assert_array_equal(g["parent"] >= 0, perturbed)
        assert np.isin(g["parent"][perturbed], held).all()


def test_the_number_of_workers_changes_nothing(database, tmp_path):
    made = make(tmp_path / "two.h5", workers=2)
    assert (made.objects, made.cached) == (2, 0)
    assert_same(database, tmp_path / "two.h5")


def test_a_second_run_comes_from_the_cache_without_a_simulation(tmp_path, monkeypatch):
    make(tmp_path / "a.h5")
    monkeypatch.setattr(grasp_database, "label_asset", None)
    made = make(tmp_path / "b.h5")
    assert (made.objects, made.cached) == (2, 2)
    assert_same(tmp_path / "a.h5", tmp_path / "b.h5")
    with pytest.raises(TypeError):  # another seed is not in the cache
        make(tmp_path / "c.h5", seed=4)


def test_a_damaged_cache_is_made_again(tmp_path):
    make(tmp_path / "a.h5")
    first, second = sorted(cache_store().folder.iterdir())
    first.write_bytes(first.read_bytes()[:1000])
    second.write_bytes(b"")
    assert make(tmp_path / "b.h5").cached == 0
    assert_same(tmp_path / "a.h5", tmp_path / "b.h5")


def test_a_library_that_grows_keeps_the_grasps_of_its_objects(tmp_path):
    library = tmp_path / "library"
    save_asset(replace(box(0.04, 0.05, 0.06), name="middle"), library)
    make(tmp_path / "a.h5", Objects(library=str(library)))
    save_asset(replace(box(0.03, 0.05, 0.07), name="above"), library)
    made = make(tmp_path / "a.h5", Objects(library=str(library)), resume=True, cache=False)
    assert (made.objects, made.kept) == (2, 1)
    assert check(tmp_path / "a.h5") == []
    with graspgen.open(tmp_path / "a.h5") as d:
        assert d.assets["name"].tolist() == ["above", "middle"]
    make(tmp_path / "b.h5", Objects(library=str(library)), cache=False)
    assert_same(tmp_path / "a.h5", tmp_path / "b.h5")


def test_a_run_that_was_killed_goes_on_and_ends_as_if_it_had_not_been(tmp_path):
    out, parts = tmp_path / "killed.h5", tmp_path / "killed.h5.parts"
    command = [sys.executable, "-m", "graspgen.cli.main", "grasps", "--families", "box,cylinder", "--objects", "4"]
    command += ["-n", "10", "--draws", "2", "--no-min-friction", "--hard-negatives", "1", "--seed", "3", "-w", "1"]
    command += ["--no-cache", "-q", "-o"]
    environment = {**os.environ, "PYTHONPATH": str(Path(graspgen.__file__).parents[1])}
    process = subprocess.Popen([*command, str(out)], env=environment)
    while not list(parts.glob("*.npz")):
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not out.exists()
    with pytest.raises(DatasetError, match="--resume"):
        make(out, procedural(4))
    made = make(out, procedural(4), resume=True, cache=False)
    assert 1 <= made.kept < 4 and made.objects == 4
    assert not parts.exists()
    make(tmp_path / "whole.h5", procedural(4), cache=False)
    assert_same(out, tmp_path / "whole.h5")


def test_an_object_too_large_to_be_grasped_is_there_without_grasps(tmp_path):
    save_asset(replace(box(0.2, 0.2, 0.2), name="crate"), tmp_path / "library")
    made = make(tmp_path / "a.h5", Objects(library=str(tmp_path / "library")))
    assert made.empty == ["crate"]
    assert check(tmp_path / "a.h5") == []


def test_a_second_run_at_the_same_time_is_refused_and_deletes_nothing(tmp_path):
    parts = tmp_path / "grasps.h5.parts"
    parts.mkdir()
    (parts / "done").touch()
    for how in ("overwrite", "resume"):
        with only_run(parts), pytest.raises(DatasetError, match="another run"):
            grasp_database.make_database(Objects(pool=1), tmp_path / "grasps.h5", quiet=True, **{how: True})
    assert (parts / "done").exists()


def test_what_is_there_is_never_overwritten_unasked(database, tmp_path):
    mine = tmp_path / "mine.h5"
    mine.write_text("not a database")
    for flags in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(DatasetError, match="no grasp database"):
            make(mine, **flags)
    assert mine.read_text() == "not a database"
    copy = tmp_path / "copy.h5"
    shutil.copy(database, copy)
    with pytest.raises(DatasetError, match="use --resume to go on"):
        make(copy)
    with pytest.raises(DatasetError, match=r"grasps.per_object was 10, now 11"):
        make(copy, resume=True, grasps=SPEC.model_copy(update={"per_object": 11}))
    with pytest.raises(DatasetError, match="seed was 3, now 4"):
        make(copy, resume=True, seed=4)
    with pytest.raises(GraspgenError, match="did you mean 'panda_hand'"):
        make(copy, overwrite=True, gripper="panda")
    assert copy.read_bytes() == database.read_bytes()
    with pytest.raises(DatasetError, match="is a folder"):
        make(tmp_path)


def test_check_finds_what_is_wrong(database, tmp_path):
    def broken(change) -> list[str]:
        folder = tmp_path / change.__name__
        shutil.copytree(database.parent, folder)
        with h5py.File(folder / database.name, "r+") as file:
            change(file)
        return [str(v) for v in check(folder / database.name)]

    def other_asset(file):
        file["grasps/object"][0] = 1

    def no_asset(file):
        file["grasps/object"][-1] = 7

    def moved_contact(file):
        file["grasps/contacts"][0] += 0.01

    def flipped(file):
        file["grasps/outcome"][0] = 9

    assert any("asset·2^32" in v for v in broken(other_asset))
    assert any("7 is no key" in v for v in broken(no_asset))
    assert any("from the object's mesh" in v for v in broken(moved_contact))
    assert any("its first trial says" in v for v in broken(flipped))
    text = tmp_path / "text.h5"
    text.write_text("nothing")
    with pytest.raises(DatasetError, match="no grasp database"):
        check(text)


def test_labels_are_those_of_the_same_grasps_tried_one_by_one(database):
    d = columns_of(database)
    mine = np.flatnonzero(d["grasps.object"] == 1)
    asset = ProceduralCatalogue(procedural(), 3).asset(1)
    tried = graspgen.try_grasps(
        asset, "panda_hand", d["grasps.T_object_grasp"][mine], width=d["grasps.width"][mine], friction=asset.friction
    )
    np.testing.assert_array_equal(tried.outcome, d["grasps.outcome"][mine])
