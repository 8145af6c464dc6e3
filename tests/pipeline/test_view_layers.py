"""A dataset with every kind of camera and every layer: sound, replayed, read back; a fault in a layer is named."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

import graspgen
from graspgen.dataset.check import check
from graspgen.frames import inverse
from graspgen.labels.keypoints import KeypointState
from graspgen.lens import project
from graspgen.pipeline.replay import replay
from graspgen.pipeline.run import generate
from graspgen.recipe import Recipe

SHARD = "shards/shard-00000.h5"
RECIPE = Recipe(
    task="rig",
    objects={"families": {"choice": ["mug", "box", "hammer"]}, "pool": 20},
    scene={"objects": {"count": 4}, "distractors": {"flying": {"count": 2}}},
    views={
        "width": 96,
        "height": 72,
        "modalities": ["normals", "object_coordinates", "amodal_masks", "flow"],
        "cameras": [
            {"kind": "shell", "name": "shell", "baseline": 0.05},
            {"kind": "shell", "name": "fish", "fovy_deg": 60, "distortion": {"k1": -0.25, "k2": 0.05, "p1": 0.001}},
            {"kind": "eye_in_hand", "name": "hand"},
            {"kind": "fixed", "name": "rig", "poses": [{"eye": [0.0, 0.3, 0.45]}]},
        ],
    },
    grasps={"per_object": 2},
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layers") / "data"
    generate(RECIPE, folder, 1, 3, 1, quiet=True)
    return folder


@pytest.fixture(scope="module")
def ds(made: Path):
    with graspgen.open(made) as dataset:
        yield dataset


def test_it_is_sound_and_made_again_bit_by_bit(made):
    assert [str(v) for v in check(made)] == []
    assert replay(made, 0).identical


def test_views_have_the_names_of_their_cameras(ds):
    assert list(ds.views["camera"]) == ["shell", "shell_right", "fish", "hand", "rig"]
    assert (ds.views["distortion"] != 0).any(axis=1).tolist() == [False, False, True, False, False]


def test_the_flow_of_a_pair_is_its_disparity(ds):
    flow, z = ds.flow(0), ds.depth(0)
    seen = np.isfinite(flow[..., 0])
    assert seen.mean() > 0.5
    assert np.abs(-flow[..., 0] - ds.views["K"][0][0, 0] * 0.05 / z)[seen].max() <= 1 / 32 + 1e-3
    assert np.abs(flow[..., 1][seen]).max() <= 1 / 32
    assert np.nanmax(np.abs(ds.scene_flow(0, 1) - [-0.05, 0, 0])) < 1e-6
    with pytest.raises(IndexError, match="last of its scene"):
        ds.flow(4)


def test_stored_flow_is_what_is_computed_on_reading(ds):
    for view in range(4):
        stored, made = ds.flow(view), ds.flow(view, view + 1)
        assert np.array_equal(np.isnan(stored), np.isnan(made)) and np.nanmax(np.abs(stored - made)) <= 1 / 32


def test_points_of_objects_lie_where_their_coordinates_say(ds):
    for view in range(5):
        ids, points, nocs = ds.instances(view), ds.points(view, frame="world"), ds.object_coordinates(view)
        assert (np.isfinite(nocs[..., 0]) == (ids > 0)).all()
        objects = ds.view_objects(view)
        for i, instance in enumerate(objects["instance_id"]):
            mask = ids == instance
            if not mask.any():
                continue
            vertices = ds.mesh(objects["asset"][i])[0] * objects["scale"][i]
            low, high = vertices.min(axis=0), vertices.max(axis=0)
            local = low + nocs[mask] * (high - low)
            T = objects["T_world_object"][i]
            assert np.abs(local @ T[:3, :3].T + T[:3, 3] - points[mask]).max() < 2e-3
        assert ds.distance(view) == pytest.approx(np.linalg.norm(ds.points(view), axis=-1), nan_ok=True)
        assert set(np.unique(ds.classes(view))) <= {0, *ds.assets["class_id"]}


def test_normals_face_the_camera_and_the_table_looks_up(ds):
    for view in range(5):
        normals, points = ds.normals(view), ds.points(view)
        seen = np.isfinite(points[..., 0])
        assert (np.isfinite(normals[..., 0]) == seen).all()
        assert ((normals * points).sum(-1)[seen] < 0.02).all()
        up = normals @ ds.views["T_world_camera"][view][:3, :3].T
        table = seen & (np.abs(ds.points(view, frame="world")[..., 2]) < 2e-4) & (ds.instances(view) == 0)
        assert table.any() and np.median(up[table][:, 2]) > 0.999


def test_amodal_masks_hold_the_visible_ones_and_have_the_pixels_that_are_said(ds):
    a = ds.annotations
    for row in range(len(a)):
        view = int(np.searchsorted(ds.views["id"], a["view"][row]))
        mask = ds.amodal_mask(row)
        visible = ds.instances(view) == a["object"][row] & 0xFFFF
        assert (mask | ~visible).all() and mask.sum() == a["pixels_in_frame"][row]
        assert ds.amodal_mask(row, whole=True).sum() == a["pixels_all"][row]


def test_occlusion_and_truncation_multiply_to_visibility(ds):
    a = ds.annotations
    assert a["visibility"] == pytest.approx(a["in_frame"] * a["visible_in_frame"], abs=1e-6)


def test_named_keypoints_are_where_the_meshes_have_them(ds):
    k = ds.keypoints
    row = np.searchsorted(ds.objects["id"], k["object"])
    asset = np.searchsorted(ds.assets["id"], ds.objects["asset"][row])
    view = np.searchsorted(ds.views["id"], k["view"])
    named = 0
    for i in np.flatnonzero(k["number"] >= 9):
        points = json.loads(ds.assets["keypoints"][asset[i]])
        local = np.array(points[sorted(points)[k["number"][i] - 9]]) * ds.objects["scale"][row[i]]
        world = ds.objects["T_world_object"][row[i]] @ [*local, 1]
        v = view[i]
        camera = (inverse(ds.views["T_world_camera"][v]) @ world)[:3]
        pixel = project(ds.views["K"][v], ds.views["distortion"][v], camera[None])[0]
        assert np.allclose(k["pixel"][i], pixel, atol=0.01, equal_nan=True)
        named += 1
    assert named and {KeypointState(s).name for s in k["state"]} >= {"VISIBLE", "SELF_OCCLUDED"}


def turned(values):
    return values[..., [1, 0, 2]]


def upside_down(values):
    return values[::-1]


FAULTS = {
    "normals in the world's frame": ("views/normals", lambda n: -n),
    "normals with two axes exchanged": ("views/normals", turned),
    "object coordinates of another axis order": ("views/object_coordinates", turned),
    "object coordinates upside down": ("views/object_coordinates", upside_down),
    "flow backwards": ("views/flow", lambda f: np.where(f == -32768, f, -f)),
    "flow in eighths of a pixel": ("views/flow", lambda f: np.where(f == -32768, f, f // 2)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_a_layer_is_named(made, tmp_path, name):
    column, change = FAULTS[name]
    copy = Path(shutil.copytree(made, tmp_path / "copy"))
    with h5py.File(copy / SHARD, "r+") as file:
        for view in range(4):
            file[column][view] = change(file[column][view])
    assert f"{column.replace('/', '.')}" in {f"{v.table}.{v.column}" for v in check(resealed(copy))}


@pytest.mark.parametrize("text", ["", "121", "~"])
def test_a_fault_in_an_amodal_mask_is_named(made, tmp_path, text):
    copy = Path(shutil.copytree(made, tmp_path / "copy"))
    with h5py.File(copy / SHARD, "r+") as file:
        file["annotations/amodal_mask"][0] = text
    assert "annotations.amodal_mask" in {f"{v.table}.{v.column}" for v in check(resealed(copy))}


def test_a_camera_that_is_not_the_plans_is_named(made, tmp_path):
    copy = Path(shutil.copytree(made, tmp_path / "copy"))
    with h5py.File(copy / SHARD, "r+") as file:
        T = file["views/T_world_camera_nominal"][0]
        T[0, 3] += 1e-3
        file["views/T_world_camera_nominal"][0] = T
    assert "views.T_world_camera_nominal" in {f"{v.table}.{v.column}" for v in check(resealed(copy))}


def resealed(folder: Path) -> Path:
    """Write the changed shard's hash into the manifest, so that only its content is at fault."""
    manifest = folder / "dataset.json"
    content = json.loads(manifest.read_text())
    data = (folder / SHARD).read_bytes()
    content["shards"][0] |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    manifest.write_text(json.dumps(content))
    return folder


def test_a_dataset_without_layers_says_how_to_get_them(tmp_path):
    plain = RECIPE.model_copy(update={"views": RECIPE.views.model_copy(update={"modalities": (), "cameras": ()})})
    generate(plain, tmp_path / "data", 1, 3, 1, quiet=True)
    with graspgen.open(tmp_path / "data") as ds:
        assert "normals" not in ds.views and "normals" not in ds.views.columns
        with pytest.raises(KeyError, match=r"generate with views.modalities=\[normals\]"):
            ds.normals(0)
        with pytest.raises(KeyError, match="amodal_masks"):
            ds.amodal_mask(0)
        assert np.isfinite(ds.object_coordinates(0)).any() and np.isfinite(ds.flow(0, 1)).any()
    assert check(tmp_path / "data") == []
