"""Exports of whole scenes: VGN's cubes, rectangles in images, and which files every format of grasps writes."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from grasp_datasets import exported, make

from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.dataset.tsdf import tsdf
from graspgen.errors import DatasetError
from graspgen.exports.grasp_frames import from_xyzw
from graspgen.exports.grasped import find_hand
from graspgen.exports.rectangles import RectangleOptions, view_rectangles
from graspgen.exports.registry import export
from graspgen.frames import pose, project, transform_points
from graspgen.labels.rectangles import corners
from graspgen.loaders import GraspRectangles

GOLDEN = Path(__file__).with_name("grasp_layouts.txt")
FORMATS = ("acronym", "contact_graspnet", "cornell", "graspgen_json", "graspnet", "isaac_grasp", "jacquard", "vgn")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("scenes") / "data", random=False)


@pytest.fixture(scope="module")
def dataset(source: Path) -> Dataset:
    return open_dataset(source)


def settings(name: str) -> list[str]:
    return ["max_tilt_deg=60"] if name in ("cornell", "jacquard") else []


def test_every_format_writes_these_files(source: Path, tmp_path: Path) -> None:
    lines = []
    for name in FORMATS:
        out = exported(source, name, tmp_path / name, *settings(name))
        lines += sorted(f"{name}/{p.relative_to(out)}" for p in out.rglob("*") if p.is_file())
    assert "\n".join(lines) + "\n" == GOLDEN.read_text()


def test_vgn_has_grasps_and_grids_in_one_frame(source: Path, dataset: Dataset, tmp_path: Path) -> None:
    out = exported(source, "vgn", tmp_path / "out")
    with (out / "raw" / "grasps.csv").open() as file:
        raw = [row for row in csv.DictReader(file) if row["scene_id"] == "scene00001"]
    with (out / "dataset" / "grasps.csv").open() as file:
        made = [row for row in csv.DictReader(file) if row["scene_id"] == "scene00001"]
    rows = np.flatnonzero(dataset.grasps["scene"] == 1)
    assert len(raw) == len(made) == len(rows) == 8
    # Free success, and, where there was a trial in the scene, that: of four grasps the first three.
    assert [int(row["label"]) for row in raw] == [1, 1, 1, 0] * 2
    quat = np.array([[float(row[k]) for k in ("qx", "qy", "qz", "qw")] for row in raw])
    xyz = np.array([[float(row[k]) for k in "xyz"] for row in raw])
    T_task_grasp = pose(from_xyzw(quat), xyz)
    sensor = np.load(out / "raw" / "scenes" / "scene00001.npz")
    T_camera_task = pose(from_xyzw(sensor["extrinsics"][:, :4]), sensor["extrinsics"][:, 4:])
    for number, view in enumerate((2, 3)):
        np.testing.assert_allclose(T_camera_task[number] @ T_task_grasp, dataset.grasps_in_camera(view), atol=1e-9)
        np.testing.assert_array_equal(sensor["depth_imgs"][number], dataset.depth(view))
    np.testing.assert_allclose([[float(row[k]) for k in "ijk"] for row in made], xyz / 0.0075, rtol=1e-12)
    T_world_task = dataset.views["T_world_camera"][2] @ T_camera_task[0]
    grid = np.load(out / "dataset" / "scenes" / "scene00001.npz")["grid"]
    assert grid.shape == (1, 40, 40, 40) and grid.dtype == np.float32
    np.testing.assert_allclose(grid, tsdf(dataset, [2, 3], T_world_volume=T_world_task).vgn_grid, atol=1e-5)
    assert (grid > 0).sum() > 500


def test_vgn_has_one_camera(tmp_path: Path) -> None:
    with open_dataset(make(tmp_path / "data")) as dataset:
        K = dataset.views["K"].copy()
        K[1] *= 1.01
        dataset.views._cache["K"] = K  # as if the second view had another lens
        with pytest.raises(DatasetError, match="camera matrix"):
            export(dataset, "vgn", tmp_path / "out", [])
        assert not (tmp_path / "out").exists()


def test_rectangles_are_those_of_the_projected_pads(source: Path, dataset: Dataset, tmp_path: Path) -> None:
    out = exported(source, "cornell", tmp_path / "out", "max_tilt_deg=60", "label=free")
    T = dataset.grasps_in_camera(0)[[0, 1, 4, 5]]  # those that hold in free space
    width = dataset.grasps["width"][[0, 1, 4, 5]]
    local = np.zeros((4, 3, 3))
    local[:, 0, 1], local[:, 1, 1] = -width / 2, width / 2
    pads = project(dataset.views["K"][0], transform_points(T, local)) - 0.5
    corners = np.loadtxt(out / "01" / "pcd0100cpos.txt").reshape(-1, 4, 2)
    ends = np.stack([corners[:, [0, 3]].mean(axis=1), corners[:, [1, 2]].mean(axis=1)], axis=1)
    assert len(ends) == 4
    for found, (left, right, tool) in zip(ends, pads, strict=True):
        along, wanted = found[1] - found[0], right - left
        assert min(np.abs(along - wanted).max(), np.abs(along + wanted).max()) < 1e-3
        assert found.mean(axis=0) == pytest.approx(tool, abs=1e-3)
    edges = np.diff(np.concatenate([corners, corners[:, :1]], axis=1), axis=1)
    assert np.abs(np.einsum("nij,nij->ni", edges[:, :-1], edges[:, 1:])).max() < 0.1  # right angles


def test_exported_rectangles_are_those_that_loaders_give(source: Path, dataset: Dataset, tmp_path: Path) -> None:
    out = exported(source, "cornell", tmp_path / "out", "max_tilt_deg=60")
    jaw = find_hand(dataset, None).pad[0]
    sample = GraspRectangles(dataset, max_tilt_deg=60, jaw=jaw, only_good=True)[0]
    written = np.loadtxt(out / "01" / "pcd0100cpos.txt").reshape(-1, 4, 2)
    wanted = corners(sample["rectangles"]) - 0.5
    assert len(written) == len(wanted) > 0
    for shape in wanted:
        assert min(np.abs(np.sort(found, axis=0) - np.sort(shape, axis=0)).max() for found in written) < 1e-3


def test_grasps_of_what_is_hidden_have_no_rectangle_unless_asked_for(tmp_path: Path) -> None:
    with open_dataset(make(tmp_path / "data", random=False)) as dataset:
        hand, options = find_hand(dataset, None), RectangleOptions(max_tilt_deg=60)
        shown = view_rectangles(dataset, 0, hand, options)
        dataset.instances = lambda view: np.zeros(dataset.depth(view).shape, np.uint8)  # as if a cloth lay over all
        assert not len(view_rectangles(dataset, 0, hand, options).good)
        every = view_rectangles(dataset, 0, hand, options.model_copy(update={"hidden": True}))
    assert len(every.good) >= len(shown.good) > 0


def test_both_formats_of_rectangles_hold_the_same(source: Path, dataset: Dataset, tmp_path: Path) -> None:
    flat = exported(source, "cornell", tmp_path / "c", "max_tilt_deg=60")
    square = exported(source, "jacquard", tmp_path / "j", "max_tilt_deg=60")
    corners = np.loadtxt(flat / "01" / "pcd0100cpos.txt").reshape(-1, 4, 2)
    x, y, angle, opening, jaw = np.loadtxt(square / "scene00000" / "0_scene00000_grasps.txt", delimiter=";", ndmin=2).T
    factor = 48 / 1024
    centre = (np.stack([x, y], -1) + 0.5) * factor - 0.5 + [8, 0]
    along = corners[:, 1] - corners[:, 0]
    for i in range(len(x)):
        j = np.argmin(np.linalg.norm(corners.mean(axis=1) - centre[i], axis=1))
        np.testing.assert_allclose(corners[j].mean(axis=0), centre[i], atol=1e-3)
        np.testing.assert_allclose(np.linalg.norm(along[j]), opening[i] * factor, atol=1e-3)
        np.testing.assert_allclose(np.linalg.norm(corners[j, 2] - corners[j, 1]), jaw[i] * factor, atol=1e-3)
        turn = np.degrees(np.arctan2(along[j, 1], along[j, 0])) - angle[i]
        assert abs((turn + 90) % 180 - 90) < 0.1
    image = pytest.importorskip("PIL.Image")
    assert image.open(square / "scene00000" / "0_scene00000_RGB.png").size == (1024, 1024)


def test_no_view_from_above_is_an_error_that_says_so(source: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="use cameras that look down"):
        exported(source, "cornell", tmp_path / "out", "max_tilt_deg=1")
    assert not (tmp_path / "out").exists()
