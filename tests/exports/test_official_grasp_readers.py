"""What the official readers make of our exports. Those that are not installed are skipped; docs/exports.md has a run.

graspnetAPI and graspclutter6dAPI ask for NumPy 1.20 and a compiled module that reading does not need: install them
with `--no-deps`, with open3d, opencv-python-headless, transforms3d, autolab_core, cvxopt, dill and scikit-learn.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from grasp_datasets import FRICTION, TCP, exported, make

from graspgen.dataset.reader import open as open_dataset
from graspgen.exports.grasp_frames import to_hand
from graspgen.frames import inverse, pose, transform_points


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("official") / "data")


def tool_points(source: Path, scene: int, view: int) -> np.ndarray:
    """Tool points of the grasps that have a friction up to 1.2, camera's frame, m."""
    with open_dataset(source) as dataset:
        rows = np.flatnonzero((dataset.grasps["scene"] == scene) & (dataset.grasps["min_friction"] <= 1.2))
        objects = np.searchsorted(dataset.objects["id"], dataset.grasps["object"][rows])
        T = dataset.objects["T_world_object"][objects] @ dataset.grasps["T_object_grasp"][rows]
        return (inverse(dataset.views["T_world_camera"][2 * scene + view]) @ T)[:, :3, 3]


@pytest.fixture(params=["graspnetAPI", "graspclutter6dAPI"])
def api(request: pytest.FixtureRequest) -> ModuleType:
    return pytest.importorskip(request.param, exc_type=ImportError)


def test_grasps_of_17_numbers(api: ModuleType, source: Path, tmp_path: Path) -> None:
    out = exported(source, "graspnet", tmp_path / "out", "collisions=true", "labels=false")
    group = api.GraspGroup(str(out / "dump/scene_0001/realsense/0001.npy"))
    tips = group.translations + group.depths[:, None] * group.rotation_matrices[:, :, 0]
    np.testing.assert_allclose(tips, tool_points(source, 1, 1), atol=1e-6)
    np.testing.assert_allclose(group.scores, np.tile(1.1 - np.array(FRICTION)[:2], 2), atol=1e-6)
    for drawn, grasp in zip(group.to_open3d_geometry_list(), group, strict=True):
        local = (np.asarray(drawn.vertices) - grasp.translation) @ grasp.rotation_matrix
        assert local[:, 0].max() == pytest.approx(grasp.depth, abs=1e-6)  # fingers end at the tool point


def test_scenes_and_labels_of_graspnet(source: Path, tmp_path: Path) -> None:
    api = pytest.importorskip("graspnetAPI", exc_type=ImportError)
    out = exported(source, "graspnet", tmp_path / "out", "collisions=true")
    read = api.GraspNet(str(out), camera="realsense", split="custom", sceneIds=[0, 1])
    assert sorted(read.getObjIds([1])) == [2, 3]
    labels, collisions = read.loadGraspLabels([2, 3]), read.loadCollisionLabels([1])
    group = read.loadGrasp(
        1, annId=1, camera="realsense", grasp_labels=labels, collision_labels=collisions, fric_coef_thresh=1.2
    )
    tips = group.translations + group.depths[:, None] * group.rotation_matrices[:, :, 0]
    np.testing.assert_allclose(tips, tool_points(source, 1, 1), atol=2e-6)  # its poses are of single precision
    cloud, _ = read.loadScenePointCloud(1, "realsense", 1, format="numpy")
    models = [np.asarray(m.points) for m in read.loadSceneModel(1, "realsense", 1)]
    with open_dataset(source) as dataset:
        xyz = dataset.points(3, frame="camera")
        seen = xyz[dataset.depth(3) > 0]
        T = inverse(dataset.views["T_world_camera"][3]) @ dataset.objects["T_world_object"][2:]
        boxes = [transform_points(T[i], dataset.mesh(i)[0] * (1.0, 1.6)[i]) for i in range(2)]
    np.testing.assert_allclose(cloud, seen, atol=6e-4)  # depth is in millimetres
    for model, mine in zip(models, boxes, strict=True):
        np.testing.assert_allclose([model.min(0), model.max(0)], [mine.min(0), mine.max(0)], atol=2e-6)
    assert len(read.loadGrasp(1, annId=1, camera="realsense", format="rect")) >= 0


def test_acronym_tools(source: Path, tmp_path: Path) -> None:
    api = pytest.importorskip("acronym_tools", exc_type=ImportError)
    out = exported(source, "acronym", tmp_path / "out")
    file = str(out / "grasps" / "box_box-1_1.6.h5")
    T, held = api.load_grasps(file)
    mesh = api.load_mesh(file, mesh_root_dir=str(out))
    with open_dataset(source) as dataset:
        mine = dataset.grasps_of(2)
        np.testing.assert_allclose(T, to_hand(mine["T_object_grasp"], pose(translation=TCP)), atol=1e-12)
        assert held.tolist() == [1, 1, 0, 0]
        vertices, _ = dataset.mesh(1)
    np.testing.assert_allclose(mesh.bounds, [1.6 * vertices.min(0), 1.6 * vertices.max(0)], atol=1e-6)
    marker = api.create_gripper_marker()
    across = transform_points(T[0], marker.vertices)
    assert np.linalg.norm(across - T[0, :3, 3], axis=1).max() < 0.13
