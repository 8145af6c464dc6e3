"""Every single fault is named by `check`, and a sound dataset has none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from dataset_builder import add, begin, make_dataset, save_meshes

from graspgen.dataset import probe
from graspgen.dataset.check import check
from graspgen.dataset.hashes import file_sha256
from graspgen.dataset.index import finalize
from graspgen.dataset.manifest import load_manifest, save_manifest
from graspgen.errors import DatasetError
from graspgen.frames import OPENGL_OPENCV, axis_angle, inverse
from graspgen.grasps.outcomes import Phase

SHARD = "shards/shard-00000.h5"


def damage(folder: Path, change: Callable[[h5py.File], None]) -> None:
    """Change the first shard and make the manifest agree, so that only its content is wrong."""
    path = folder / SHARD
    with h5py.File(path, "r+") as file:
        change(file)
    text = (folder / "dataset.json").read_text()
    old = load_manifest(folder).shards[0]
    text = text.replace(old.sha256, file_sha256(path)).replace(
        f'"bytes": {old.bytes}', f'"bytes": {path.stat().st_size}'
    )
    (folder / "dataset.json").write_text(text)


def put(name: str, row, value) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file[name][row] = value

    return change


def scale(name: str, factor: float) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file[name][...] = (file[name][...] * factor).astype(file[name].dtype)

    return change


def apply(name: str, function) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file[name][0] = function(file[name][0], file)

    return change


def swap_axes(T, _):
    return T[:, [1, 0, 2, 3]]


def opengl(T, _):
    T = T.copy()
    T[:3, :3] = T[:3, :3] @ OPENGL_OPENCV
    return T


def ray_distance(depth, file):
    K = file["views/K"][0]
    v, u = np.mgrid[: depth.shape[0], : depth.shape[1]] + 0.5
    rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones_like(u)], -1)
    return np.round(depth * np.linalg.norm(rays, axis=-1)).astype("u2")


def flip_pixel(mask, _):
    mask = mask.copy()
    y, x = np.argwhere(mask == 1)[0]
    mask[y, x] = 0
    return mask


def swap_ids(mask, _):
    return np.array([0, 2, 1], "u1")[mask]


def swap_ids_and_recount(file: h5py.File) -> None:
    """Exchange two objects' labels everywhere: only the geometry can tell."""
    for view in range(len(file["views/id"])):
        mask = file["views/instances"][view]
        file["views/instances"][view] = np.array([0, 2, 1], "u1")[mask]
    for name in ("bbox_visible", "bbox_amodal", "pixels_visible", "pixels_in_frame", "pixels_all", "visibility",
                 "in_frame", "ignore"):  # fmt: skip
        values = file[f"annotations/{name}"][...]
        file[f"annotations/{name}"][...] = values.reshape(-1, 2, *values.shape[1:])[:, ::-1].reshape(values.shape)


def move_object_and_follow(file: h5py.File) -> None:
    """Move an object by 2 cm and derive its poses again: masks and depth no longer fit."""
    T = file["objects/T_world_object"][0]
    T[0, 3] += 0.02
    file["objects/T_world_object"][0] = T
    key = file["objects/id"][0]
    for row in np.flatnonzero(file["annotations/object"][...] == key):
        view = int(np.searchsorted(file["views/id"][...], file["annotations/view"][row]))
        file["annotations/T_camera_object"][row] = inverse(file["views/T_world_camera"][view]) @ T


def left_handed(T, _):
    return T @ np.diag([-1.0, 1, 1, 1])


def tilt_grasp(T, _):
    T = T.copy()
    T[:3, :3] = T[:3, :3] @ axis_angle([1, 0, 0], 0.3)
    return T


def drop_attribute(name: str, key: str) -> Callable[[h5py.File], None]:
    return lambda file: file[name].attrs.__delitem__(key)


def retype(name: str, dtype: str) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        values, attrs = file[name][...].astype(dtype), dict(file[name].attrs)
        del file[name]
        dataset = file.create_dataset(name, data=values)
        for key, value in attrs.items():
            dataset.attrs[key] = value

    return change


FAULTS = {
    "a mask pixel flipped": (apply("views/instances", flip_pixel), "annotations.pixels_visible"),
    "ids exchanged in a mask": (apply("views/instances", swap_ids), "annotations.bbox_visible"),
    "ids exchanged everywhere": (swap_ids_and_recount, "views.instances"),
    "an id nobody has": (put("views/instances", (0, 0, 0), 9), "views.instances"),
    "two axes of a pose exchanged": (apply("objects/T_world_object", swap_axes), "objects.T_world_object"),
    "a left-handed pose": (apply("objects/T_world_object", left_handed), "objects.T_world_object"),
    "a scaled rotation": (put("objects/T_world_object", (0, 0, 0), 1.1), "objects.T_world_object"),
    "a pose with a wrong last row": (put("objects/T_world_object", (0, 3, 0), 0.1), "objects.T_world_object"),
    "a camera in OpenGL's convention": (apply("views/T_world_camera", opengl), "annotations.T_camera_object"),
    "a camera pose inverted": (
        apply("views/T_world_camera", lambda T, _: inverse(T)), "annotations.T_camera_object",
    ),
    "an object moved after the views": (put("objects/T_world_object", (0, 0, 3), 0.3), "annotations.T_camera_object"),
    "an object moved, poses derived again": (move_object_and_follow, "views.instances"),
    "depth in millimetres": (scale("views/depth", 0.1), "views.depth"),
    "depth along the ray": (apply("views/depth", ray_distance), "views.depth"),
    "depth off by a millimetre": (apply("views/depth", lambda d, _: d + np.uint16(10)), "views.depth"),
    "depth missing on an object": (
        apply("views/depth", lambda d, f: np.where(f["views/instances"][0] > 0, 0, d)), "views.depth",
    ),
    "an image upside down": (apply("views/instances", lambda m, _: m[::-1]), "annotations.bbox_visible"),
    "focal length doubled": (put("views/K", (0, 0, 0), 120.0), "annotations.cuboid"),
    "principal point at the pixel's corner": (put("views/K", (0, 0, 2), 31.5), "annotations.cuboid"),
    "K transposed": (apply("views/K", lambda K, _: K.T), "views.K"),
    "principal point outside": (put("views/K", (0, 0, 2), 300.0), "views.K"),
    "a cuboid shifted by a pixel": (apply("annotations/cuboid", lambda c, _: c + 1), "annotations.cuboid"),
    "cuboid corners in another order": (apply("annotations/cuboid", lambda c, _: c[::-1]), "annotations.cuboid"),
    "cuboid NaN in front of the camera": (put("annotations/cuboid", (0, 3), np.nan), "annotations.cuboid"),
    "an object's pose in a view moved by 1e-6 m": (
        apply("annotations/T_camera_object", lambda T, _: T + _shift(1e-6)),
        "annotations.T_camera_object",
    ),
    "a box one pixel too wide": (
        apply("annotations/bbox_visible", lambda b, _: np.add(b, [0, 0, 1, 0])), "annotations.bbox_visible",
    ),
    "a box as corners": (
        apply("annotations/bbox_visible", lambda b, _: [b[0], b[1], b[0] + b[2], b[1] + b[3]]),
        "annotations.bbox_visible",
    ),
    "an amodal box inside the visible": (
        apply("annotations/bbox_amodal", lambda b, _: np.add(b, [3, 3, -6, -6])), "annotations.bbox_amodal",
    ),
    "a wrong visibility": (put("annotations/visibility", 0, 0.5), "annotations.visibility"),
    "a wrong share in the frame": (put("annotations/in_frame", 0, 0.9), "annotations.in_frame"),
    "a wrong share of what is in the frame": (
        put("annotations/visible_in_frame", 0, 0.4), "annotations.visible_in_frame",
    ),
    "a silhouette of a tenth more pixels": (
        apply("annotations/pixels_all", lambda n, _: n + n // 10), "annotations.pixels_all",
    ),
    "half a silhouette called out of the frame": (
        apply("annotations/pixels_in_frame", lambda n, _: n // 2), "annotations.pixels_in_frame",
    ),
    "an amodal box too wide": (
        apply("annotations/bbox_amodal", lambda b, _: np.add(b, [-2, 0, 4, 0])), "annotations.bbox_amodal",
    ),
    "the distance of a centre for its depth": (
        apply("annotations/centre_depth", lambda z, _: z * 1.01), "annotations.centre_depth",
    ),
    "a keypoint shifted by a pixel": (apply("keypoints/pixel", lambda p, _: p + 1), "keypoints.pixel"),
    "a keypoint's distance for its depth": (put("keypoints/depth", 3, 0.9), "keypoints.depth"),
    "a hidden keypoint called visible": (
        lambda f: f["keypoints/state"].__setitem__(np.flatnonzero(f["keypoints/state"][...] == 1)[:1], 0),
        "keypoints.state",
    ),
    "a keypoint left out": (put("keypoints/number", 9, 11), "keypoints.number"),
    "a keypoint of an unknown object": (put("keypoints/object", 0, 0), "keypoints.object"),
    "another handle": (put("assets/keypoints", 0, '{"lid": [0, 0, 0]}'), "keypoints.pixel"),
    "a layer that nobody asked for": (
        lambda f: f.create_dataset("views/normals", data=np.zeros((4, 48, 64, 3), "i1")), "views.normals",
    ),
    "ignore set": (put("annotations/ignore", 0, True), "annotations.ignore"),
    "more pixels visible than there are": (put("annotations/pixels_all", 0, 3), "annotations.pixels_all"),
    "a NaN mass": (put("objects/mass", 0, np.nan), "objects.mass"),
    "an infinite pose": (put("objects/T_world_object", (0, 0, 3), np.inf), "objects.T_world_object"),
    "mass in grams": (scale("objects/mass", 1000), "objects.mass"),
    "inertia in g mm²": (scale("objects/inertia", 1e9), "objects.inertia"),
    "inertia with a negative moment": (put("objects/inertia", (0, 0, 0), -1e-5), "objects.inertia"),
    "inertia of no body": (put("objects/inertia", (0, 2, 2), 2e-3), "objects.inertia"),
    "inertia not symmetric": (put("objects/inertia", (0, 0, 1), 1e-5), "objects.inertia"),
    "a centre of mass in millimetres": (scale("objects/com", 1000), "objects.com"),
    "negative friction": (put("objects/friction", (0, 0), -0.1), "objects.friction"),
    "another scale than the plan's": (put("objects/scale", 0, [1.1] * 3), "objects.scale"),
    "an unknown role": (put("objects/role", 0, 9), "objects.role"),
    "extents in millimetres": (scale("assets/extents", 1000), "assets.extents"),
    "extents of another mesh": (put("assets/extents", 0, [0.06, 0.08, 0.11]), "assets.extents"),
    "a volume above the box's": (scale("assets/volume", 2), "assets.volume"),
    "a mesh outside the dataset": (put("assets/mesh", 0, "../../etc/passwd"), "assets.mesh"),
    "a mesh that is not there": (put("assets/mesh", 0, "objects/none/visual.glb"), "assets.mesh"),
    "a plan that is not JSON": (put("scenes/plan", 0, "{"), "scenes.plan"),
    "a plan without a table": (put("scenes/plan", 0, "{}"), "scenes.plan"),
    "profile options that are not JSON": (put("profiles/options", 0, "x"), "profiles.options"),
    "a fast scene called settled": (put("scenes/max_speed", 0, 0.5), "scenes.max_speed"),
    "deep penetration in a settled scene": (put("scenes/max_penetration", 0, 0.01), "scenes.max_penetration"),
    "a scene that settled for too long": (put("scenes/settle_time", 0, 8.5), "scenes.settle_time"),
    "a scene that did not settle": (put("scenes/settled", 0, False), "scenes.settled"),
    "gravity upwards": (put("scenes/gravity", 0, [0, 0, 9.81]), "scenes.gravity"),
    "another seed": (put("scenes/seed", 0, 8), "scenes.seed"),
    "an object of an unknown scene": (put("objects/scene", 0, 77), "objects.scene"),
    "an object of an unknown asset": (put("objects/asset", 0, 77), "objects.asset"),
    "an instance id of another object": (put("objects/instance_id", 0, 2), "objects.id"),
    "a repeated object": (put("objects/id", 1, 1), "objects.id"),
    "views in another order": (apply("views/id", lambda k, _: k + 5), "views.id"),
    "an annotation of an unknown view": (put("annotations/view", 0, -1), "annotations.view"),
    "an annotation repeated": (put("annotations/object", 1, 1), "annotations.view"),
    "a grasp of another scene's object": (put("grasps/object", 0, (1 << 16) + 1), "grasps.object"),
    "a grasp by an unknown gripper": (put("grasps/gripper", 0, 5), "grasps.gripper"),
    "a grasp with an unknown parent": (put("grasps/parent", 0, 999), "grasps.parent"),
    "a trial of an unknown grasp": (put("trials/grasp", 0, 1 << 40), "trials.grasp"),
    "a trial under an unknown profile": (put("trials/profile", 0, 4), "trials.profile"),
    "a success called a failure": (put("grasps/outcome", 0, 7), "grasps.outcome"),
    "a failure called a success": (put("trials/outcome", 2, 0), "grasps.outcome"),
    "an unknown outcome": (put("grasps/outcome", 0, 99), "grasps.outcome"),
    "a trial in the scene that nobody made": (put("grasps/outcome_in_scene", 0, 0), "grasps.outcome_in_scene"),
    "a trial in the scene called free": (put("trials/kind", 3, 0), "trials.grasp"),
    "a trial in the scene without its row": (put("scene_trials/grasp", 0, 0), "displacements.grasp"),
    "a phase of free trials in the scene": (put("trials/phase", 3, 2), "trials.phase"),
    "a touch of another thing than it says": (put("scene_trials/first_touch", 1, 0), "scene_trials.first_touch"),
    "a touch in a success": (put("scene_trials/first_touch", 0, 1), "scene_trials.first_touch"),
    "a touch of an object that is not there": (put("scene_trials/first_touch", 1, 9), "scene_trials.first_touch"),
    "a success that was not lifted": (put("scene_trials/lift_height", 0, 0.05), "scene_trials.lift_height"),
    "a held object without weight": (put("scene_trials/wrench", 0, [0.0] * 6), "scene_trials.wrench"),
    "a wrench in another frame": (
        apply("scene_trials/wrench", lambda w, _: [w[1], w[2], w[0], 0, 0, 0]), "scene_trials.wrench",
    ),
    "a displacement of the target": (put("displacements/object", 0, 1), "displacements.object"),
    "a displacement of an untried grasp": (put("displacements/grasp", 0, 0), "displacements.grasp"),
    "a shake that the profile lacks": (put("trials/failed_direction", 5, 1), "trials.failed_direction"),
    "a wrong success rate": (put("grasps/success_rate", 0, 0.5), "grasps.success_rate"),
    "a success that drifted": (put("trials/drift_holding", 0, 0.05), "trials.drift_holding"),
    "a success that turned": (put("trials/rotation_holding", 0, 0.5), "trials.rotation_holding"),
    "a success of unknown drift": (put("trials/drift_holding", 0, np.nan), "trials.drift_holding"),
    "a success with a time to failure": (put("trials/time_to_failure", 0, 0.1), "trials.time_to_failure"),
    "a success broken by a direction": (put("trials/failed_direction", 0, 1), "trials.failed_direction"),
    "a direction that the profile lacks": (put("trials/failed_direction", 2, 6), "trials.failed_direction"),
    "a width above the stroke": (put("grasps/width", 0, 0.2), "grasps.width"),
    "a held width above the stroke": (put("trials/width", 0, 0.2), "trials.width"),
    "contacts in the air": (apply("grasps/contacts", lambda c, _: np.add(c, [0, 0, 0.2])), "grasps.contacts"),
    "contacts 2 mm off the surface": (apply("grasps/contacts", lambda c, _: c * 1.05), "grasps.contacts"),
    "normals inwards": (apply("grasps/normals", lambda n, _: -n), "grasps.antipodal_angle"),
    "normals of no length": (apply("grasps/normals", lambda n, _: n * 2), "grasps.normals"),
    "an angle in degrees": (put("grasps/antipodal_angle", 0, 3.0), "grasps.antipodal_angle"),
    "a friction that is not the tangent": (put("grasps/min_friction_analytic", 0, 0.3), "grasps.min_friction_analytic"),
    "a grasp frame turned off the contacts": (apply("grasps/T_object_grasp", tilt_grasp), "grasps.T_object_grasp"),
    "x as the closing direction": (apply("grasps/T_object_grasp", swap_axes), "grasps.T_object_grasp"),
    "an unknown collision bit": (put("grasps/collision", 0, 128), "grasps.collision"),
    "a column missing": (lambda f: f.__delitem__("grasps/width"), "grasps.width"),
    "a table missing": (lambda f: f.__delitem__("trials"), "trials."),
    "a column too many": (lambda f: f.create_dataset("grasps/extra", data=[1]), "grasps.extra"),
    "a column of another type": (retype("objects/mass", "f4"), "objects.mass"),
    "a column of bytes for text": (
        lambda f: (f.__delitem__("views/camera"), f.create_dataset("views/camera", data=np.zeros(4, "S3"))),
        "views.camera",
    ),
    "no depth scale": (drop_attribute("views/depth", "depth_scale"), "views.depth"),
    "another depth scale": (
        lambda f: f["views/depth"].attrs.__setitem__("depth_scale", 1e-3), "views.depth",
    ),
    "codes of another meaning": (
        lambda f: f["grasps/outcome"].attrs.__setitem__("enum", '{"SUCCESS": 1}'), "grasps.outcome",
    ),
    "no unit": (drop_attribute("objects/mass", "unit"), "objects.mass"),
    "another recipe": (lambda f: f.attrs.__setitem__("recipe", '{"task": "other"}'), "."),
    "another engine": (lambda f: f.attrs.__setitem__("mujoco_version", "3.0"), "."),
}  # fmt: skip


def _shift(metres: float):
    T = np.zeros((4, 4))
    T[0, 3] = metres
    return T


def test_a_sound_dataset_has_no_violations(sound: Path) -> None:
    assert [str(v) for v in check(sound)] == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_single_fault_is_named(copy: Path, name: str) -> None:
    change, expected = FAULTS[name]
    damage(copy, change)
    found = check(copy)
    assert expected in {f"{v.table}.{v.column}" for v in found}, [str(v) for v in found]
    assert all(v.where == SHARD for v in found), "a fault in one shard is not told of another file"
    assert all("\n" not in str(v) and len(str(v)) < 400 for v in found)
    assert not any("checked to the end" in v.message for v in found), [str(v) for v in found]


def names(folder: Path) -> list[str]:
    return [str(v) for v in check(folder)]


def test_a_pile_may_settle_for_as_long_as_its_objects_are_waited_for_and_its_two_rests(copy: Path) -> None:
    for time, told in ((18.4, False), (18.6, True)):  # 2 x (8 + 0.25) s, and 1 s for each of two objects

        def change(file: h5py.File, time: float = time) -> None:
            file["scenes/arrangement"][0] = "pile"
            file["scenes/settle_time"][0] = time

        damage(copy, change)
        assert any("scenes.settle_time" in name for name in names(copy)) is told


def test_a_changed_byte_is_named(copy: Path) -> None:
    data = bytearray((copy / SHARD).read_bytes())
    data[-200] ^= 1
    (copy / SHARD).write_bytes(data)
    assert any(SHARD in n and "SHA-256" in n for n in names(copy))


def test_a_missing_shard_is_named(copy: Path) -> None:
    (copy / SHARD).unlink()
    found = names(copy)
    assert any(n.startswith(f"{SHARD}: is missing") for n in found)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_a_truncated_shard_is_named_and_the_other_still_checked(copy: Path, share: float) -> None:
    data = (copy / SHARD).read_bytes()
    (copy / SHARD).write_bytes(data[: int(share * len(data))])
    with h5py.File(copy / "shards/shard-00001.h5", "r+") as file:
        file["objects/mass"][0] = -1
    found = names(copy)
    assert any(n.startswith(f"{SHARD}: is truncated") and "--resume" in n for n in found)
    assert any("shard-00001.h5 objects.mass row 0" in n for n in found)


def test_random_damage_gives_violations_and_never_an_exception(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "SECONDS", 0.7)
    monkeypatch.setattr(probe, "AGAIN", 2.0)
    data = (copy / SHARD).read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(12):
        broken = bytearray(data)
        start = int(rng.integers(len(data)))
        broken[start : start + 64] = rng.bytes(min(64, len(data) - start))
        (copy / SHARD).write_bytes(broken)
        assert names(copy)


def test_a_shard_nobody_made_is_named(copy: Path) -> None:
    (copy / "shards/shard-00009.h5").write_bytes((copy / SHARD).read_bytes())
    assert any("shard-00009.h5: is not in the manifest" in n for n in names(copy))


def test_a_manifest_that_names_fewer_shards_is_named(copy: Path) -> None:
    from dataclasses import replace

    manifest = load_manifest(copy)
    save_manifest(copy, replace(manifest, shards=manifest.shards[:1]))
    found = names(copy)
    assert any("dataset.json: says complete, but 1 of 2 shards" in n for n in found)
    assert any("shard-00001.h5: is not in the manifest" in n for n in found)
    assert any(n.startswith("dataset.h5") for n in found)


def test_an_edited_scene_hash_is_named(copy: Path) -> None:
    path = copy / "dataset.json"
    content = json.loads(path.read_text())
    content["shards"][0]["scenes"]["1"] = "0" * 64
    path.write_text(json.dumps(content))
    assert any("other scenes than the manifest says: [1]" in n for n in names(copy))


def test_edited_rows_and_an_edited_recipe_are_named(copy: Path) -> None:
    path = copy / "dataset.json"
    content = json.loads(path.read_text())
    content["shards"][0]["rows"]["grasps"] += 1
    content["recipe"]["task"] = "else"
    path.write_text(json.dumps(content))
    found = names(copy)
    assert any("grasps: has 16 rows, the manifest says 17" in n for n in found)
    assert any("file attribute recipe differs" in n for n in found)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "graspgen dataset"}', '{"format": 3}'])
def test_a_damaged_manifest_is_an_error_of_one_line(copy: Path, text: str) -> None:
    (copy / "dataset.json").write_text(text)
    with pytest.raises(DatasetError) as error:
        check(copy)
    assert "dataset.json" in str(error.value) and "\n" not in str(error.value)


def test_a_missing_or_damaged_index_is_named(copy: Path) -> None:
    data = (copy / "dataset.h5").read_bytes()
    (copy / "dataset.h5").write_bytes(data[:1000])
    assert any(n.startswith("dataset.h5: is damaged") for n in names(copy))
    (copy / "dataset.h5").unlink()
    assert any(n.startswith("dataset.h5: is missing") for n in names(copy))


def test_a_stale_index_is_named(copy: Path, tmp_path: Path) -> None:
    smaller = make_dataset(tmp_path / "smaller", scenes=2)
    (copy / "dataset.h5").write_bytes((smaller / "dataset.h5").read_bytes())
    assert any("dataset.h5 grasps: has 16 rows, the shards have 32" in n for n in names(copy))


def test_a_mesh_of_another_size_is_named(copy: Path) -> None:
    (copy / "objects/box_0/visual.glb").write_bytes((copy / "objects/box_1/visual.glb").read_bytes())
    assert {("assets", "extents"), ("annotations", "cuboid")} <= {(v.table, v.column) for v in check(copy)}


def test_an_asset_whose_description_is_missing_is_named(copy: Path) -> None:
    (copy / "objects/box_0/asset.yaml").unlink()
    found = check(copy)
    assert found and {(v.table, v.column) for v in found} == {("assets", "content_hash")}
    assert all("no asset.yaml" in str(v) for v in found)


def test_an_interrupted_run_is_sound(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    manifest = begin(folder)
    assert names(folder) == []
    save_meshes(folder)
    add(folder, manifest, 1)
    (folder / "shards/shard-00000.h5.partial").write_bytes(b"half")
    assert names(folder) == []
    finalize(folder)
    assert names(folder) == []


def test_many_rows_of_one_fault_are_counted(copy: Path) -> None:
    damage(copy, put("grasps/width", slice(None), 0.9))
    found = [str(v) for v in check(copy) if v.column == "width"]
    assert len(found) == 6 and "11 more rows" in found[-1]


JAMS = [(Phase.CLOSE, 0.03, False), (Phase.HOLD, 0.03, True), (Phase.HOLD, 0.14, False)]


@pytest.mark.parametrize(("phase", "width", "named"), JAMS)
def test_more_force_than_the_motor_has_is_wrong_in_a_grip_and_not_in_a_jam(copy, phase, width, named):
    def jam(file: h5py.File) -> None:
        for name, value in (("phase", phase), ("width", width), ("grip_force", 391.0)):
            file[f"trials/{name}"][0] = value

    damage(copy, jam)
    told = [v for v in check(copy) if (v.table, v.column) == ("trials", "grip_force")]
    assert any("than the gripper can" in str(v) for v in told) == named


def test_a_sound_shard_that_is_slow_at_first_is_read_again(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_all, told = probe.read_all, copy / "told"

    def slow(path: Path, images: bool) -> str:
        if not told.exists():
            told.touch()
            while True:  # as if the machine were taken away
                pass
        return read_all(path, images)

    monkeypatch.setattr(probe, "SECONDS", 0.3)
    monkeypatch.setattr(probe, "read_all", slow)
    assert probe.probe([copy / SHARD]) == {}
    assert told.exists()


def test_a_shard_that_never_ends_is_named_and_the_next_are_read(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(path: Path, images: bool) -> str:
        while path.name == "shard-00000.h5":
            pass
        return ""

    monkeypatch.setattr(probe, "SECONDS", 0.1)
    monkeypatch.setattr(probe, "AGAIN", 2.0)
    monkeypatch.setattr(probe, "read_all", endless)
    paths = sorted((copy / "shards").glob("*.h5"))
    (one,) = probe.probe(paths).items()
    assert one == (paths[0], "takes HDF5 too long to read: it is damaged")
