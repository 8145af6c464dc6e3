from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import graspgen
from graspgen.dataset.record import SceneRecord
from graspgen.errors import DatasetError, ObjectError
from graspgen.grasps.profile import load_profile
from graspgen.pipeline.replay import compare, replay
from graspgen.pipeline.stored import stored_profile


def test_a_scene_comes_out_identical(tiny_dataset):
    report = replay(tiny_dataset, 0)
    assert report.identical, report.lines()
    assert report.notes == ()


def test_replay_needs_nothing_but_the_dataset(tiny_dataset, tmp_path, monkeypatch):
    copy = tmp_path / "elsewhere"
    shutil.copytree(tiny_dataset, copy)
    monkeypatch.chdir(tmp_path)
    assert replay(copy, 1).identical


def test_a_profile_that_has_changed_since_does_not_change_a_replay(tiny_dataset, monkeypatch):
    def gone(name):
        raise AssertionError(f"profile {name} was read from its file")

    monkeypatch.setattr("graspgen.pipeline.scene.load_profile", gone)
    with graspgen.open(tiny_dataset) as dataset:
        assert stored_profile(dataset) == load_profile("standard")
    assert replay(tiny_dataset, 0).identical


def changed(record, table, column, row, value):
    tables = {name: dict(columns) for name, columns in record.tables.items()}
    values = tables[table][column].copy()
    values[row] = value
    tables[table][column] = values
    return SceneRecord(record.index, tables)


@pytest.fixture(scope="module")
def record(tiny_dataset):
    with graspgen.open(tiny_dataset) as dataset:
        yield dataset.record(0)


def test_a_record_equals_itself_where_it_holds_nan(record):
    assert np.isnan(record.tables["grasps"]["min_friction"]).any()
    assert compare(record, record) == []


def test_the_smallest_difference_is_named_with_its_row(record):
    mass = record.tables["objects"]["mass"][0]
    other = changed(record, "objects", "mass", 0, np.nextafter(mass, 1e9))
    (difference,) = compare(record, other)
    assert difference.column == "objects.mass"
    assert "1 of" in difference.message
    assert "first row 0" in difference.message


def test_a_number_that_became_nan_differs(record):
    (difference,) = compare(record, changed(record, "objects", "mass", 0, np.nan))
    assert difference.column == "objects.mass"


def test_texts_and_images_are_compared(record):
    text = changed(record, "scenes", "task", 0, "another")
    image = changed(record, "views", "instances", 1, 9)
    assert [d.column for d in compare(record, text)] == ["scenes.task"]
    (difference,) = compare(record, image)
    assert "first row 1" in difference.message


def test_a_changed_plan_gives_another_scene(tiny_dataset, tmp_path, monkeypatch):
    from graspgen.pipeline import replay as module

    real = module.stored_plan

    def heavier(*stored):
        plan = real(*stored)
        first = plan.objects[0].model_copy(update={"density": 2 * plan.objects[0].density})
        return plan.model_copy(update={"objects": (first, *plan.objects[1:])})

    monkeypatch.setattr(module, "stored_plan", heavier)
    report = replay(tiny_dataset, 0)
    assert not report.identical
    assert "objects.mass" in {d.column for d in report.differences}
    assert "differ" in report.lines()[0]


def test_another_version_of_mujoco_is_said(tiny_dataset, tmp_path):
    copy = tmp_path / "old"
    shutil.copytree(tiny_dataset, copy)
    manifest = json.loads((copy / "dataset.json").read_text())
    manifest["mujoco_version"] = "3.9.0"
    (copy / "dataset.json").write_text(json.dumps(manifest))
    assert any("made with MuJoCo 3.9.0" in note for note in replay(copy, 0).notes)


def test_another_library_is_said(tiny_dataset, tmp_path):
    copy = tmp_path / "elsewhere"
    shutil.copytree(tiny_dataset, copy)
    manifest = json.loads((copy / "dataset.json").read_text())
    assert manifest["made_with"]["NumPy"] == np.__version__
    manifest["made_with"] |= {"NumPy": "1.0.0"}
    (copy / "dataset.json").write_text(json.dumps(manifest))
    (note,) = replay(copy, 0).notes
    assert f"made with NumPy 1.0.0, this is NumPy {np.__version__}" in note


def test_a_missing_object_is_one_clear_error(tiny_dataset, tmp_path):
    copy = tmp_path / "bare"
    shutil.copytree(tiny_dataset, copy)
    shutil.rmtree(copy / "objects")
    with pytest.raises(ObjectError):
        replay(copy, 0)


def test_a_recipe_of_another_version_is_one_clear_error(tiny_dataset, tmp_path):
    copy = tmp_path / "future"
    shutil.copytree(tiny_dataset, copy)
    manifest = json.loads((copy / "dataset.json").read_text())
    manifest["recipe"]["weather"] = "rain"
    (copy / "dataset.json").write_text(json.dumps(manifest))
    with pytest.raises(DatasetError, match=r"weather.*use that version"):
        replay(copy, 0)
