"""What is exported is what is imported, for every format that has both; and what others would read of the rest."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from grasp_datasets import FRICTION, TCP, exported, make

from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.exports.grasped import unique_names
from graspgen.exports.graspnet_labels import DEPTHS, SLOTS, from_slots, template_views, to_slots
from graspgen.frames import inverse, pose, rotation_angle, transform_points
from graspgen.imports.foreign import Reading
from graspgen.imports.graspnet import read_pose
from graspgen.imports.registry import read_grasps

HOW = Reading(T_base_tcp=pose(translation=TCP), stroke=0.14, joints=("left_joint", "right_joint"))
KEYS = (1, 2, 65537, 65538)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("grasps") / "data")


@pytest.fixture(scope="module")
def dataset(source: Path) -> Dataset:
    return open_dataset(source)


def of_scale(folder: Path, ending: str) -> list[Path]:
    """The files of objects 1, 2 of scene 0, then of scene 1."""
    files = sorted(folder.glob(f"*{ending}"), key=lambda p: ("-65" in p.name, p.name))
    assert len(files) == 4
    return files


@pytest.mark.parametrize(("name", "ending"), [("acronym", ".h5"), ("graspgen_json", ".json"), ("isaac_grasp", ".yaml")])
def test_object_grasps_come_back(source: Path, dataset: Dataset, tmp_path: Path, name: str, ending: str) -> None:
    out = exported(source, name, tmp_path / "out")
    for key, file in zip(KEYS, of_scale(out / "grasps", ending), strict=True):
        mine = dataset.grasps_of(key)
        found = read_grasps(name, file, HOW)
        np.testing.assert_allclose(found.T_object_grasp, mine["T_object_grasp"], atol=1e-6)
        assert found.held is not None and found.held.tolist() == (mine["outcome"] == 0).tolist()
        assert found.scale == dataset.objects["scale"][dataset.objects.index_of(key)][0]
        if name != "graspgen_json":
            np.testing.assert_allclose(found.width, mine["width"], atol=1e-8)


def test_acronym_has_the_layout_of_its_sample(source: Path, dataset: Dataset, tmp_path: Path) -> None:
    out = exported(source, "acronym", tmp_path / "out")
    with h5py.File(out / "grasps" / "box_box-0_1.0.h5") as file:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        theirs = {name for name in names if "mujoco" not in name}
        assert file["grasps/transforms"].shape == (4, 4, 4) and file["grasps/transforms"].dtype == "f8"
        assert file["grasps/qualities/flex/object_in_gripper"][:].tolist() == [1, 1, 0, 0]
        assert file["object/file"][()] == b"meshes/box/box-0.obj" and file["gripper/type"][()] == b"panda"
        assert file["object/mass"][()] == pytest.approx(dataset.objects["mass"][0])
        np.testing.assert_allclose(file["object/com"][:], dataset.objects["com"][0])
        base = file["grasps/transforms"][0] @ [0, 0, 0, 1]
        tool = dataset.grasps["T_object_grasp"][0] @ [0, 0, 0, 1]
        assert np.linalg.norm(base - tool) == pytest.approx(np.linalg.norm(TCP))
    assert theirs == {
        "grasps/transforms", "gripper/T_base_tcp", "gripper/configuration", "gripper/type",
        *(f"object/{n}" for n in ("com", "density", "file", "friction", "inertia", "mass", "scale", "volume")),
        *(f"grasps/qualities/flex/{n}" for n in (
            "object_in_gripper", "object_motion_during_closing_angular", "object_motion_during_closing_linear",
            "object_motion_during_shaking_angular", "object_motion_during_shaking_linear")),
    }  # fmt: skip


def test_graspnet_rows_come_back_through_the_annotation(source: Path, dataset: Dataset, tmp_path: Path) -> None:
    out = exported(source, "graspnet", tmp_path / "out", "collisions=true")
    listed = {row["object"]: row["id"] for row in json.loads((out / "objects.json").read_text())}
    for key in KEYS:
        mine = dataset.grasps_of(key)
        scored = np.flatnonzero(np.array(FRICTION) <= 1.2)
        scene, view = key >> 16, 1
        folder = out / "scenes" / f"scene_{scene:04d}" / "realsense"
        how = HOW.model_copy(
            update={"annotation": folder / "annotations" / f"{view:04d}.xml", "object_id": listed[key]}
        )
        found = read_grasps("graspnet", out / "dump" / f"scene_{scene:04d}" / "realsense" / f"{view:04d}.npy", how)
        np.testing.assert_allclose(found.T_object_grasp, mine["T_object_grasp"][scored], atol=1e-6)
        np.testing.assert_allclose(found.min_friction, np.array(FRICTION)[scored], atol=1e-6)
        np.testing.assert_allclose(found.width, mine["width"][scored], atol=1e-8)


def test_graspnet_labels_come_back_turned_to_the_nearest_view(source: Path, dataset: Dataset, tmp_path: Path) -> None:
    out = exported(source, "graspnet", tmp_path / "out")
    found = read_grasps("graspnet", out / "grasp_label" / "000_labels.npz", HOW)
    mine = dataset.grasps_of(1)["T_object_grasp"][:2]
    np.testing.assert_allclose(found.T_object_grasp[:, :3, 3], mine[:, :3, 3], atol=1e-6)  # the tool point stays
    flipped = found.T_object_grasp[:, :3, :3] @ np.diag([-1.0, -1.0, 1.0])
    turned = np.minimum(*(rotation_angle(np.swapaxes(mine[:, :3, :3], 1, 2) @ R)
                          for R in (found.T_object_grasp[:, :3, :3], flipped)))  # fmt: skip
    assert np.degrees(turned).max() < 9
    np.testing.assert_allclose(found.min_friction, FRICTION[:2], atol=1e-6)
    labels, collisions = (
        np.load(out / "grasp_label" / "000_labels.npz"),
        np.load(out / "collision_label" / "scene_0000" / "collision_labels.npz"),
    )
    assert labels["points"].shape == (2, 3) and labels["offsets"].shape == (2, *SLOTS, 3)
    assert collisions["arr_0"].shape == (2, *SLOTS) and (~collisions["arr_0"]).sum() == 2
    assert len(collisions.files) == 2


def test_a_grasp_on_a_view_is_a_slot_without_loss() -> None:
    views = template_views()
    assert len(np.unique(views.round(6), axis=0)) == 300
    np.testing.assert_allclose(np.linalg.norm(views, axis=1), 1)
    rng = np.random.default_rng(0)
    number, angle = rng.integers(0, 300, 50), rng.uniform(-0.1, 3.0, 50)
    depth = rng.choice(DEPTHS, 50)
    T, _ = from_slots(rng.uniform(-0.1, 0.1, (50, 3)), number, angle, depth)
    for d in DEPTHS:
        mine = np.flatnonzero(depth == d)
        slots = to_slots(T[mine], np.full(len(mine), 0.05), np.full(len(mine), 0.4), d)
        np.testing.assert_array_equal(slots.view, number[mine])
        assert slots.tilt.max() < 1e-6
        back, _ = from_slots(slots.points, slots.view, slots.angle, np.full(len(mine), d))
        np.testing.assert_allclose(back, T[mine], atol=1e-9)
        assert (np.abs(slots.angle - slots.turn * np.pi / 12) <= np.pi / 24 + 1e-9).all()


def test_graspnet_scenes_hold_images_masks_and_poses(source: Path, dataset: Dataset, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    loadmat = pytest.importorskip("scipy.io").loadmat
    out = exported(source, "graspnet", tmp_path / "out")
    here = out / "scenes" / "scene_0001" / "realsense"
    view = 2
    depth = np.asarray(image.open(here / "depth" / "0000.png"))
    np.testing.assert_allclose(depth / 1000, dataset.depth(view), atol=0.0005001)
    label = np.asarray(image.open(here / "label" / "0000.png"))
    np.testing.assert_array_equal(label, np.array([0, 3, 4])[dataset.instances(view)])
    meta = loadmat(here / "meta" / "0000.mat")
    np.testing.assert_allclose(meta["intrinsic_matrix"], [[60, 0, 31.5], [0, 60, 23.5], [0, 0, 1]])
    assert meta["cls_indexes"].ravel().tolist() == [3, 4]
    T = inverse(dataset.views["T_world_camera"][view]) @ dataset.objects["T_world_object"][2:]
    np.testing.assert_allclose(np.moveaxis(meta["poses"], -1, 0), T[:, :3], atol=1e-12)
    np.testing.assert_allclose(read_pose(here / "annotations" / "0000.xml", 3), T[1], atol=1e-12)
    table, cameras = np.load(here / "cam0_wrt_table.npy"), np.load(here / "camera_poses.npy")
    np.testing.assert_allclose(table @ cameras, dataset.views["T_world_camera"][2:], atol=1e-12)
    again = exported(source, "graspnet", tmp_path / "again")
    for file in (p for p in out.rglob("*") if p.is_file()):
        assert file.read_bytes() == (again / file.relative_to(out)).read_bytes(), file


def test_contacts_give_the_hand_as_contact_graspnet_assumes(tmp_path: Path) -> None:
    source = make(tmp_path / "data", random=False)
    out = exported(source, "contact_graspnet", tmp_path / "out")
    with open_dataset(source) as dataset:
        scene = np.load(out / "scene_contacts" / "000000.npz")
        # Two of four hold in free space; of the others one holds in the scene, which is no reason to keep it.
        assert scene["grasp_transforms"].shape == (4, 4, 4) and scene["obj_grasp_idcs"].tolist() == [2, 4]
        contacts, T = scene["scene_contact_points"], scene["grasp_transforms"]
        closing = contacts[:, 1] - contacts[:, 0]
        width = np.linalg.norm(closing, axis=1, keepdims=True)
        base = contacts[:, 0] + closing / 2 - TCP[2] * T[:, :3, 2] - TCP[0] * -T[:, :3, 1] - TCP[1] * T[:, :3, 0]
        np.testing.assert_allclose(base, T[:, :3, 3], atol=1e-6)
        np.testing.assert_allclose(np.abs((closing / width * T[:, :3, 0]).sum(axis=1)), 1, atol=1e-6)
        mesh = np.array([[float(x) for x in line.split()[1:]] for line in
                         (out / str(scene["obj_paths"][1])).read_text().splitlines() if line[0] == "v"])  # fmt: skip
        np.testing.assert_allclose(mesh.mean(axis=0), 0, atol=1e-9)
        corners = transform_points(scene["obj_transforms"][1], mesh * scene["obj_scales"][1])
        vertices, _ = dataset.mesh(1)
        mine = transform_points(dataset.objects["T_world_object"][1], vertices * dataset.objects["scale"][1])
        np.testing.assert_allclose([corners.min(0), corners.max(0)], [mine.min(0), mine.max(0)], atol=1e-6)
    mesh_file = np.load(out / "mesh_contacts" / "box_box-1_1.6.npz")
    assert mesh_file["successful"].tolist() == [1, 1, 0, 0]
    np.testing.assert_allclose(mesh_file["contact_offsets"], 0.14 / 2 - 0.04, atol=1e-6)


def test_isaac_states_its_frames_and_joints(source: Path, dataset: Dataset, tmp_path: Path) -> None:
    out = exported(source, "isaac_grasp", tmp_path / "out", "failures=false")
    content = yaml.safe_load((out / "grasps" / "box_box-0_1.0.yaml").read_text())
    assert content["format"] == "isaac_grasp" and content["format_version"] == 1.0
    assert content["gripper_frame_link"] == "hand" and content["closing_axis"] == "y"
    assert list(content["grasps"]) == ["grasp_0", "grasp_1"]
    grasp = content["grasps"]["grasp_0"]
    assert grasp["confidence"] == 1.0 and set(grasp["orientation"]) == {"w", "xyz"}
    assert sum(grasp["cspace_position"].values()) == pytest.approx(0.06)
    assert sum(grasp["pregrasp_cspace_position"].values()) == pytest.approx(0.07)


def test_without_frictions_graspnet_takes_analytic_ones_and_says_so(source: Path, tmp_path: Path) -> None:
    out = exported(source, "graspnet", tmp_path / "out", "friction=analytic", "labels=false", "collisions=true")
    rows = np.load(out / "dump" / "scene_0000" / "realsense" / "0000.npy")
    assert rows.shape == (4, 17)  # those that held in free space
    np.testing.assert_allclose(rows[:, 0], 1.1 - 0.3, atol=1e-6)
    assert "analytic" in (out / "README.md").read_text()


@pytest.mark.parametrize("name", ["acronym", "contact_graspnet", "graspgen_json", "graspnet", "isaac_grasp"])
def test_hostile_names_stay_in_the_folder(tmp_path: Path, name: str) -> None:
    source = make(tmp_path / "data", names=("../../x", "/abs"))
    before = {p for p in tmp_path.rglob("*") if "out" not in p.parts}
    out = exported(source, name, tmp_path / "out")
    assert {p for p in tmp_path.rglob("*") if "out" not in p.parts} == before
    for file in out.rglob("*"):
        assert file.resolve().is_relative_to(out.resolve())
        if file.suffix == ".npz":
            assert all("/" not in member and ".." not in member for member in zipfile.ZipFile(file).namelist())


def test_names_that_collide_after_cleaning_stay_apart() -> None:
    names = unique_names(["a/b", "a b", "A_b", "../..", "", "a-b-2", "é", "è"])
    assert len({name.lower() for name in names}) == len(names)
    assert all("/" not in name and "_" not in name and not name.startswith((".", "-")) for name in names)
