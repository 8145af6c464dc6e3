"""Datasets that others wrote with nothing but `docs/schema.md`: what is right passes, what is wrong is named."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from graspgen.dataset.check import inspect


def write(path: Path, change=lambda tables: None) -> Path:
    """One scene, a box of 6 x 8 x 10 cm, a view that looks straight down at it from 1 m, one grasp: plain h5py."""
    T = np.eye(4)
    T[2, 3] = 0.05
    camera = np.diag([1.0, -1, -1, 1])
    camera[2, 3] = 1.0
    K = np.array([[100.0, 0, 32], [0, 100, 24], [0, 0, 1]])
    mask = np.zeros((1, 48, 64), "u1")
    mask[0, 20:28, 29:35] = 1
    tables = {
        "scenes": {
            "index": np.array([0]), "seed": np.array([0], "u8"), "gravity": np.array([[0, 0, -9.81]]),
            "settled": np.array([True]),
        },
        "objects": {
            "id": np.array([1]), "scene": np.array([0]), "asset": np.array([5]), "instance_id": np.array([1], "u2"),
            "T_world_object": T[None], "scale": np.ones((1, 3)), "mass": np.array([0.2]), "com": np.zeros((1, 3)),
            "labelled": np.array([True]),
        },
        "views": {
            "id": np.array([0]), "scene": np.array([0]), "K": K[None], "distortion": np.zeros((1, 5)),
            "T_world_camera": camera[None], "depth": np.where(mask, 9000, 10000).astype("u2"), "instances": mask,
        },
        "annotations": {
            "view": np.array([0]), "object": np.array([1]), "pixels_visible": np.array([48], "i4"),
            "bbox_visible": np.array([[29, 20, 6, 8]], "f4"),
            "T_camera_object": (np.linalg.inv(camera) @ T)[None],
        },
        "assets": {"id": np.array([5]), "name": np.array(["a box"], object)},
    }  # fmt: skip
    change(tables)
    with h5py.File(path, "w") as file:
        for table, columns in tables.items():
            for name, values in columns.items():
                file.create_dataset(f"{table}/{name}", data=values)
    return path


def test_a_dataset_of_others_passes_and_what_it_lacks_is_told(tmp_path: Path) -> None:
    write(tmp_path / "theirs.h5")
    result = inspect(tmp_path)
    assert result.foreign and result.scenes == 1
    assert [str(v) for v in result.violations] == []
    told = [str(notice) for notice in result.notices]
    assert any("grasps: the table is missing" in text for text in told)
    assert any("written by others" in text for text in told)
    assert any("not verified" in text for text in told)
    json.dumps(result.as_dict(), allow_nan=False)


def put(table: str, name: str, value):
    def change(tables) -> None:
        tables[table][name] = np.asarray(value, tables[table][name].dtype).reshape(tables[table][name].shape)

    return change


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (put("annotations", "pixels_visible", 47), "annotations.pixels_visible"),
        (put("annotations", "bbox_visible", [29, 20, 35, 28]), "annotations.bbox_visible"),
        (put("annotations", "T_camera_object", np.eye(4)), "annotations.T_camera_object"),
        (put("objects", "T_world_object", np.eye(4) * 2), "objects.T_world_object"),
        (put("objects", "id", 7), "objects.id"),
        (put("objects", "asset", 6), "objects.asset"),
        (put("views", "K", np.ones((3, 3))), "views.K"),
        (put("scenes", "gravity", np.full(3, np.nan)), "scenes.gravity"),
        (lambda t: t["objects"].update(mass=np.array([1], "i8")), "objects.mass"),
        (lambda t: t["objects"].update(colour=np.array([1])), "objects.colour"),
    ],
)
def test_what_others_got_wrong_is_named(tmp_path: Path, change, expected: str) -> None:
    result = inspect(write(tmp_path / "theirs.hdf5", change), foreign=True)
    assert expected in {f"{v.table}.{v.column}" for v in result.violations}, [str(v) for v in result.violations]
    assert not any("checked to the end" in str(v) for v in result.violations)


def test_one_shard_of_ours_is_checked_without_its_dataset(sound: Path) -> None:
    result = inspect(sound / "shards/shard-00000.h5")
    assert result.foreign and result.scenes == 2
    assert not result.violations, [str(v) for v in result.violations]
    assert str(result.notices[-1]).startswith("written by others"), "no empty place before it"
