"""BOP: what its files say of poses, masks, models and cameras agrees with the images and with each other."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy.spatial import KDTree
from scipy.spatial.distance import pdist

import graspgen
from graspgen.errors import DatasetError
from graspgen.exports import bop_models
from graspgen.exports.registry import export
from graspgen.frames import axis_angle
from graspgen.objects.asset import Mesh


@pytest.fixture(scope="module")
def exported(small, tmp_path_factory):
    out = tmp_path_factory.mktemp("bop") / "out"
    export(small, "bop", out, ["split=test", "type=none"])
    return out


def load(path: Path):
    return json.loads(path.read_text())


def image(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def instances(root: Path):
    """Yield (scene folder, image, index, ground truth, info, camera) of every pose."""
    for scene in sorted(p for p in root.iterdir() if p.is_dir()):
        gt, info, camera = (load(scene / f"scene_{n}.json") for n in ("gt", "gt_info", "camera"))
        for im, poses in gt.items():
            for k, pose in enumerate(poses):
                yield scene, int(im), k, pose, info[im][k], camera[im]


def projected(out: Path, pose: dict, camera: dict) -> np.ndarray:
    """Project a model's vertices as a reader of BOP would, to pixels."""
    model = trimesh.load(out / "models" / f"obj_{pose['obj_id']:06d}.ply", process=False)
    points = model.vertices @ np.reshape(pose["cam_R_m2c"], (3, 3)).T + pose["cam_t_m2c"]
    pixels = points @ np.reshape(camera["cam_K"], (3, 3)).T
    return pixels[:, :2] / pixels[:, 2:]


def test_models_projected_by_pose_and_camera_fill_the_boxes(exported: Path) -> None:
    seen = 0
    for _, _, _, pose, info, camera in instances(exported / "test"):
        pixels = projected(exported, pose, camera)
        x, y, w, h = info["bbox_obj"]
        assert np.abs(pixels.min(axis=0) - [x, y]).max() < 1.5
        assert np.abs(pixels.max(axis=0) - [x + w + 1, y + h + 1]).max() < 1.5
        seen += 1
    assert seen >= 6


def test_counts_boxes_and_masks_are_those_of_the_dataset(exported: Path, small) -> None:
    for scene, im, k, _, info, _ in instances(exported / "test"):
        view = int(small.scene_views(int(scene.name))[im])
        row = {name: column[k] for name, column in small.view_objects(view).items()}
        assert (info["px_count_all"], info["px_count_visib"]) == (row["pixels_all"], row["pixels_visible"])
        assert info["visib_fract"] == pytest.approx(row["visibility"], abs=1e-6)
        assert info["bbox_obj"] == (row["bbox_amodal"] - [0, 0, 1, 1]).astype(int).tolist()
        visible, whole = (image(scene / what / f"{im:06d}_{k:06d}.png") for what in ("mask_visib", "mask"))
        np.testing.assert_array_equal(visible, 255 * (small.instances(view) == row["instance_id"]))
        assert set(np.unique(whole)) <= {0, 255} and (whole >= visible).all()
        assert np.count_nonzero(whole) == row["pixels_in_frame"]
        assert info["px_count_valid"] == np.count_nonzero((whole > 0) & (small.depth(view) > 0))


def test_depth_in_millimetres_and_colour_are_exact(exported: Path, small) -> None:
    for view in range(len(small.views)):
        scene, number = int(small.views["scene"][view]), int(small.views["id"][view]) & 0xFFFF
        folder = exported / "test" / f"{scene:06d}"
        stored = image(folder / "depth" / f"{number:06d}.png")
        assert stored.dtype == np.uint16
        scale = load(folder / "scene_camera.json")[str(number)]["depth_scale"]
        np.testing.assert_allclose(stored * scale, small.depth(view) * 1000, atol=1e-3)
        np.testing.assert_array_equal(image(folder / "rgb" / f"{number:06d}.png"), small.rgb(view))


def test_world_poses_follow_from_both_transforms(exported: Path, small) -> None:
    scene, im, k, pose, _, camera = next(instances(exported / "test"))
    T_cm, T_cw = np.eye(4), np.eye(4)
    T_cm[:3, :3], T_cm[:3, 3] = np.reshape(pose["cam_R_m2c"], (3, 3)), np.array(pose["cam_t_m2c"]) / 1000
    T_cw[:3, :3], T_cw[:3, 3] = np.reshape(camera["cam_R_w2c"], (3, 3)), np.array(camera["cam_t_w2c"]) / 1000
    row = small.view_objects(int(small.scene_views(int(scene.name))[im]))
    np.testing.assert_allclose(np.linalg.inv(T_cw) @ T_cm, row["T_world_object"][k], atol=1e-9)


def test_targets_are_what_is_seen_by_a_tenth(exported: Path) -> None:
    wanted: dict[tuple[int, int, int], int] = {}
    for scene, im, _, pose, info, _ in instances(exported / "test"):
        if info["visib_fract"] >= 0.1:
            key = (int(scene.name), im, pose["obj_id"])
            wanted[key] = wanted.get(key, 0) + 1
    targets = load(exported / "test_targets_bop19.json")
    assert {(t["scene_id"], t["im_id"], t["obj_id"]): t["inst_count"] for t in targets} == wanted
    assert len(load(exported / "test_targets_bop24.json")) == 6


def test_a_training_split_has_no_targets_and_jpeg_where_the_toolkit_wants_it(small, tmp_path: Path) -> None:
    export(small, "bop", tmp_path / "out", ["pixels=center"])
    assert (tmp_path / "out" / "train_pbr" / "000000" / "rgb" / "000000.jpg").exists()
    assert not list((tmp_path / "out").glob("test_targets*"))
    K = load(tmp_path / "out" / "train_pbr" / "000000" / "scene_camera.json")["0"]["cam_K"]
    np.testing.assert_allclose([K[2] + 0.5, K[5] + 0.5], small.views["K"][0][:2, 2])


def test_symmetries_keep_the_model(exported: Path, small) -> None:
    infos = load(exported / "models" / "models_info.json")
    names = load(exported / "models" / "names.json")
    turned = 0
    for number, info in infos.items():
        model = trimesh.load(exported / "models" / f"obj_{int(number):06d}.ply", process=False)
        assert info["diameter"] == pytest.approx(pdist(np.unique(model.vertices, axis=0)).max(), rel=1e-5)
        dense, _ = trimesh.sample.sample_surface(model, 20_000, seed=0)
        turns = [np.reshape(T, (4, 4))[:3, :3] for T in info.get("symmetries_discrete", [])]
        turns += [axis_angle(s["axis"], 1.0) for s in info.get("symmetries_continuous", [])]
        for R in turns:
            distance, _ = KDTree(dense).query(model.vertices @ R.T)
            assert distance.max() < 0.05 * info["diameter"], names[number]
            turned += 1
    assert turned


def test_a_cube_has_24_rotations_and_stretching_takes_most_of_them() -> None:
    cube = {"discrete": [[1, 0, 0, 4], [0, 1, 0, 4], [0, 0, 1, 4]]}
    mesh = Mesh(*_box([0.1, 0.1, 0.1]))
    assert len(bop_models.model_info(mesh, cube, np.ones(3))["symmetries_discrete"]) == 23
    assert len(bop_models.model_info(mesh, cube, np.array([1, 1, 2.0]))["symmetries_discrete"]) == 3
    round_ = {"continuous": [[0, 0, 1]]}
    assert "symmetries_continuous" in bop_models.model_info(mesh, round_, np.array([1, 1, 2.0]))
    assert "symmetries_continuous" not in bop_models.model_info(mesh, round_, np.array([1, 2.0, 1]))


def test_a_box_has_its_diagonal_as_diameter_and_its_evaluation_model_is_the_same_box() -> None:
    mesh = Mesh(*_box([0.03, 0.04, 0.12]))
    info = bop_models.model_info(mesh, {}, np.ones(3))
    assert info["diameter"] == pytest.approx(130, rel=1e-6)
    assert [info[f"size_{a}"] for a in "xyz"] == pytest.approx([30, 40, 120], rel=1e-6)
    fine = bop_models.evaluation_mesh(mesh, 0.13)
    solid = trimesh.Trimesh(fine.vertices, fine.faces)
    assert solid.edges_unique_length.max() <= 0.0131 and len(fine.vertices) > 100
    np.testing.assert_allclose(fine.bounds, mesh.bounds)
    assert solid.area == pytest.approx(trimesh.Trimesh(mesh.vertices, mesh.faces).area)


@settings(max_examples=25, deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(2, 40), st.just(3)), elements=st.integers(-4, 4)))
def test_the_diameter_is_that_of_all_pairs(points: np.ndarray) -> None:
    assert bop_models.diameter(points) == pytest.approx(pdist(points).max())


def test_textures_stay_with_the_model() -> None:
    vertices, faces = _box([0.1, 0.2, 0.3])
    uv = np.random.default_rng(0).random((len(vertices), 2))
    mesh = Mesh(vertices, faces, uv, np.zeros((4, 4, 3), np.uint8))
    content = bop_models.ply(mesh, "obj_000007.png")
    assert b"comment TextureFile obj_000007.png\n" in content
    table = trimesh.exchange.ply.load_ply(BytesIO(content))["metadata"]["_ply_raw"]["vertex"]["data"]
    places = {tuple(np.float32(1000 * v)): tuple(np.float32(c)) for v, c in zip(mesh.vertices, mesh.uv, strict=True)}
    assert len(table) == 24  # every corner of a cube belongs to three sharp sides
    for row in table:
        assert (row["texture_u"], row["texture_v"]) == places[row["x"], row["y"], row["z"]]


def test_a_lens_is_refused_or_straightened(lens_dataset: Path, tmp_path: Path) -> None:
    with graspgen.open(lens_dataset) as ds:
        with pytest.raises(DatasetError, match=r"2 of 2 views have one .* lens=straighten"):
            export(ds, "bop", tmp_path / "out", [])
        assert not (tmp_path / "out").exists()
        export(ds, "bop", tmp_path / "out", ["lens=straighten", "type=none"])
    for scene, im, k, pose, info, camera in instances(tmp_path / "out" / "train"):
        pixels = projected(tmp_path / "out", pose, camera)
        visible, whole = (image(scene / w / f"{im:06d}_{k:06d}.png") > 0 for w in ("mask_visib", "mask"))
        x, y, w, h = info["bbox_obj"]
        assert np.abs(pixels.min(axis=0) - [x, y]).max() < 2
        assert np.abs(pixels.max(axis=0) - [x + w + 1, y + h + 1]).max() < 2
        if info["visib_fract"] > 0.9:
            assert visible.sum() > 0.9 * whole.sum()


def test_distractors_are_annotated_only_when_asked(lens_dataset: Path, tmp_path: Path) -> None:
    with graspgen.open(lens_dataset) as ds:
        export(ds, "bop", tmp_path / "without", ["lens=straighten"])
        export(ds, "bop", tmp_path / "with", ["lens=straighten", "distractors=true"])
    poses = [len(list(instances(tmp_path / out / "train_pbr"))) for out in ("without", "with")]
    assert poses == [4, 6]
    assert "1 of 3 objects are seen without" in (tmp_path / "without" / "README.md").read_text()


def _box(sides: list[float]) -> tuple[np.ndarray, np.ndarray]:
    box = trimesh.creation.box(sides)
    return np.asarray(box.vertices), np.asarray(box.faces)
