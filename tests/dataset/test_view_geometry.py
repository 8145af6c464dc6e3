"""Clouds, TSDF volumes, crops and projections against geometry that is known beforehand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from dataset_builder import OFFSET, SCALES, SIDES, WIDTH
from hypothesis import given, settings
from hypothesis import strategies as st

import graspgen
from graspgen import lens
from graspgen.dataset.clouds import estimated_normals
from graspgen.dataset.crops import bilinear, nearest_pixels
from graspgen.dataset.projection import Camera
from graspgen.dataset.reader import Dataset
from graspgen.dataset.schema import object_key
from graspgen.dataset.tsdf import empty_volume, fuse, volume_about, voxel_centres
from graspgen.errors import DatasetError
from graspgen.frames import inverse, look_at, pose, transform_points

K = np.array([[300.0, 0, 160], [0, 300, 120], [0, 0, 1]])
SHAPE = (240, 320)


@pytest.fixture(scope="module")
def ds(sound: Path) -> Dataset:
    return graspgen.open(sound)


def rays(D=lens.NONE) -> np.ndarray:
    x, y = np.meshgrid(np.arange(SHAPE[1]) + 0.5, np.arange(SHAPE[0]) + 0.5)
    return lens.rays(K, D, np.stack([x, y], -1))


def sphere_depth(T_world_camera: np.ndarray, centre: np.ndarray, radius: float, D=lens.NONE) -> np.ndarray:
    """Planar depth of a sphere by the quadratic formula: rays have z = 1, so the parameter is the depth."""
    d = rays(D)
    c = transform_points(inverse(T_world_camera), centre[None])[0]
    a, b = (d * d).sum(-1), d @ c
    root = b * b - a * (c @ c - radius**2)
    return np.where(root > 0, (b - np.sqrt(np.maximum(root, 0))) / a, 0)


# --- clouds -----------------------------------------------------------------------------------------------------------


def test_the_points_of_an_object_lie_on_its_box(ds: Dataset) -> None:
    for view in range(len(ds.views)):
        scene = int(ds.views["scene"][view])
        for i in range(2):
            found = ds.cloud(view, frame="object", of=object_key(scene, i + 1))
            half = SIDES[i] * SCALES[i] / 2
            local = np.abs(found.points - OFFSET * SCALES[i])
            assert len(found) > 20 and set(found.ids) == {i + 1} and found.frame == "object"
            assert (local <= half + 2e-4).all()
            assert np.abs((local - half).max(axis=-1)).max() < 2e-4, "on a face, up to the depth's steps"


def test_points_colours_ids_and_pixels_belong_together(ds: Dataset) -> None:
    whole, camera = ds.cloud(2), ds.camera(2)
    column, row = whole.pixels.T
    np.testing.assert_array_equal(whole.colours, ds.rgb(2)[row, column])
    np.testing.assert_array_equal(whole.ids, ds.instances(2)[row, column])
    np.testing.assert_allclose(lens.project(camera.K, lens.NONE, whole.points), whole.pixels + 0.5, atol=1e-3)
    assert len(whole) == (ds.depth(2) > 0).sum()
    world = ds.cloud(2, frame="world")
    np.testing.assert_allclose(transform_points(camera.T_world_camera, whole.points), world.points, atol=1e-5)
    some = ds.cloud(2, stride=3)
    assert (some.pixels % 3 == 0).all() and 0.08 < len(some) / len(whole) < 0.14
    assert len(ds.scene_cloud(1)) == len(whole) + len(ds.cloud(3))
    with pytest.raises(ValueError, match="frame must be"):
        ds.cloud(0, frame="object")
    with pytest.raises(KeyError, match="has no object"):
        ds.cloud(0, of=object_key(3, 1))
    with pytest.raises(KeyError, match="no view of a scene 9"):
        ds.scene_cloud(9)


def test_estimated_normals_are_those_of_a_sphere_and_a_plane() -> None:
    centre = np.array([0.02, -0.01, 0.5])
    depth = sphere_depth(np.eye(4), centre, 0.12)
    points = rays() * np.where(depth > 0, depth, np.nan)[..., None]
    found = estimated_normals(points)
    exact = (points - centre) / 0.12
    known = ~np.isnan(found[..., 0])
    assert known.sum() > 0.9 * (depth > 0).sum()
    angle = np.degrees(np.arccos(np.clip((found * exact).sum(-1)[known], -1, 1)))
    assert np.median(angle) < 1 and np.percentile(angle, 95) < 6
    normal = np.array([0.3, -0.2, -0.933])
    normal /= np.linalg.norm(normal)
    flat = rays() * (normal @ [0, 0, 0.6] / (rays() @ normal))[..., None]
    found = estimated_normals(flat)[1:-1, 1:-1]
    np.testing.assert_allclose(found, np.broadcast_to(normal, found.shape), atol=1e-3)


def test_normals_of_boxes_are_those_of_their_faces(ds: Dataset) -> None:
    found = ds.cloud(0, frame="object", of=object_key(0, 2), normals=True)
    sure = ~np.isnan(found.normals[:, 0])
    assert np.median(np.abs(found.normals[sure]).max(axis=-1)) > 0.99


def test_a_ply_file_is_read_by_trimesh(ds: Dataset, tmp_path: Path) -> None:
    found = ds.cloud(0, normals=True)
    found.write_ply(tmp_path / "cloud.ply")
    again = trimesh.load(tmp_path / "cloud.ply")
    np.testing.assert_array_equal(np.asarray(again.vertices, np.float32), found.points)
    np.testing.assert_array_equal(np.asarray(again.colors)[:, :3], found.colours)
    with pytest.raises(DatasetError, match="cannot write"):
        found.write_ply(tmp_path / "nowhere/cloud.ply")


# --- TSDF -------------------------------------------------------------------------------------------------------------


def test_the_distance_before_a_plane_is_exact() -> None:
    """Of a plane across the optical axis, distances along the rays are (d − z) / cos: what the volume holds."""
    depth = np.full(SHAPE, 0.6)
    T = pose(translation=[-0.15, -0.15, 0.45])
    volume = fuse(empty_volume(T, 0.3, 40, 4.0), depth, K, np.eye(4))
    centres = transform_points(T, voxel_centres(40, 0.3 / 40).reshape(-1, 3))
    exact = (0.6 - centres[:, 2]) * np.linalg.norm(centres, axis=-1) / centres[:, 2]
    found, seen = volume.metres.reshape(-1), ~np.isnan(volume.metres.reshape(-1))
    pixel = lens.project(K, lens.NONE, centres)
    inside = ((pixel >= 0) & (pixel < [320, 240])).all(-1)
    np.testing.assert_array_equal(seen, inside & (exact > -volume.truncation))
    np.testing.assert_allclose(found[seen], np.minimum(exact, volume.truncation)[seen], atol=1e-6)


@pytest.mark.parametrize("D", [lens.NONE, (-0.2, 0.05, 0.001, -0.001, 0.0)])
def test_the_distance_of_a_sphere_from_all_sides_is_that_of_the_sphere(D) -> None:
    centre, radius = np.array([0.01, 0.02, 0.12]), 0.07
    volume = empty_volume(volume_about([0, 0, 0.1]), 0.3, 40, 4.0)
    for azimuth in np.linspace(0, 2 * np.pi, 8, endpoint=False):
        for height in (0.02, 0.5):
            T = look_at([0.5 * np.cos(azimuth), 0.5 * np.sin(azimuth), height], centre)
            volume = fuse(volume, sphere_depth(T, centre, radius, D), K, T, D)
    at = transform_points(volume.T_world_volume, voxel_centres(40, volume.voxel).reshape(-1, 3))
    exact = np.linalg.norm(at - centre, axis=-1) - radius
    found = volume.metres.reshape(-1)
    near = (np.abs(exact) < volume.voxel) & (at[:, 2] > centre[2] - 0.02)
    assert near.sum() > 1000 and not np.isnan(found[near]).any()
    # Distances along a ray are longer than the shortest, as in every such volume; the surface itself is where it is.
    assert np.abs(found - exact)[near].mean() < 0.75 * volume.voxel
    sure = near & (np.abs(exact) > 0.5 * volume.voxel)
    assert (np.sign(found[sure]) == np.sign(exact[sure])).mean() > 0.99
    assert np.isnan(found[exact < -0.06]).all(), "nothing is known deep inside"


def test_the_volume_of_a_scene_agrees_with_its_meshes(ds: Dataset) -> None:
    views = ds.scene_views(0)
    low = volume_about([0, 0, 0.08], 0.24)
    volume = ds.tsdf(views, T_world_volume=low, size=0.24, resolution=48)
    at = transform_points(low, voxel_centres(48, volume.voxel).reshape(-1, 3))
    found = volume.distance.reshape(-1)
    exact = at[:, 2]  # the table's top is z = 0
    for i in range(2):
        local = transform_points(inverse(ds.objects["T_world_object"][i]), at) - OFFSET * SCALES[i]
        beyond = np.abs(local) - SIDES[i] * SCALES[i] / 2
        exact = np.minimum(exact, np.linalg.norm(np.maximum(beyond, 0), axis=-1) + np.minimum(beyond.max(axis=-1), 0))
    sure = ~np.isnan(found) & (np.abs(exact) > 2 * volume.voxel) & (np.abs(found) < 0.98)
    free = sure & (exact > 0)
    assert free.sum() > 100 and (found[free] > 0).mean() > 0.9
    assert np.isnan(found[exact < -volume.truncation]).mean() > 0.95


def test_the_grid_of_vgn_is_its_own_rule(ds: Dataset) -> None:
    volume = ds.tsdf(0)
    assert volume.vgn_grid.shape == (1, 40, 40, 40) and volume.vgn_grid.dtype == np.float32
    assert volume.voxel == pytest.approx(0.0075) and volume.truncation == pytest.approx(0.03)
    for d, g in zip(volume.distance.reshape(-1)[::97], volume.vgn_grid.reshape(-1)[::97], strict=True):
        assert g == (np.float32((d + 1) / 2) if -0.98 <= d < 0.98 else 0)
    with pytest.raises(ValueError, match="a volume is of one"):
        ds.tsdf([0, 2])


# --- projections and crops --------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.floats(0.3, 1.5), st.floats(-0.15, 0.15))
def test_a_camera_projects_like_its_formula(x: float, y: float, z: float, k1: float) -> None:
    T = look_at([0.4, 0.3, 0.8], [0, 0, 0.1])
    camera = Camera(K, T, 320, 240, (k1, 0.0, 0.001, -0.002, 0.0))
    pixel = camera.project(transform_points(T, [[x, y, z]]))[0]
    a, b = x / z, y / z
    r2 = a * a + b * b
    if k1 < 0 and r2 >= -1 / (3 * k1):
        assert np.isnan(pixel).all()
        return
    u = a * (1 + k1 * r2) + 2 * 0.001 * a * b - 0.002 * (r2 + 2 * a * a)
    v = b * (1 + k1 * r2) + 0.001 * (r2 + 2 * b * b) - 2 * 0.002 * a * b
    np.testing.assert_allclose(pixel, [300 * u + 160, 300 * v + 120], atol=1e-6)


def test_grasps_project_onto_what_they_hold(ds: Dataset) -> None:
    for view in (0, 5):
        rows = ds.grasp_rows(view)
        found = ds.project_grasps(rows, view)
        np.testing.assert_allclose(found.T_camera_grasp, ds.grasps_in_camera(view), atol=1e-12)
        np.testing.assert_allclose(found.T_camera_grasp, ds.T_camera_grasp(rows, ds.camera(view)), atol=0)
        sights = ds.view(view).grasp_views
        np.testing.assert_allclose(found.tool, sights["tool_pixel"], atol=1e-3)
        assert found.outline.shape == (len(rows), 5, 9, 2) and found.in_image.all()
        # The fingers' tips are as far apart as the opening, about the tool point; contacts lie between them.
        tips = found.outline[:, :2, 0].mean(axis=1)
        np.testing.assert_allclose(tips, found.tool, atol=0.5)  # the nearer half looks longer
        span = np.linalg.norm(found.outline[:, 0, 0] - found.outline[:, 1, 0], axis=-1)
        np.testing.assert_allclose(found.closing[:, :, 0], found.outline[:, :2, 0], atol=1e-6)
        across = np.linalg.norm(found.contacts[:, 0] - found.contacts[:, 1], axis=-1)
        assert (across < span).all() and (across > 0.6 * span).all()
    empty = ds.project_grasps(np.zeros(0, int), 0)
    assert len(empty.tool) == 0 and empty.outline.shape == (0, 5, 9, 2)
    behind = Camera(K, look_at([0, 0, 0.5], [0, 0, 2.0]), 320, 240)
    away = ds.project_grasps([0], behind)
    assert np.isnan(away.tool).all() and np.isnan(away.outline).all() and not away.in_image.any()


def test_a_crop_is_the_image_turned_to_the_grasp(ds: Dataset) -> None:
    for row in ds.grasp_rows(1)[:4]:
        crop = ds.grasp_crop(1, int(row), pixels=32, size=0.16)
        seen = ds.project_grasps(int(row), 1)
        assert crop.rgb.shape == (32, 32, 3) and crop.depth.shape == crop.instances.shape == (32, 32)
        np.testing.assert_allclose(crop.to_image @ [16, 16, 1], seen.tool[0], atol=1e-9)
        closing = np.linalg.solve(crop.to_image[:, :2], (seen.outline[0, 0, 0] - seen.outline[0, 1, 0]))
        assert abs(closing[1]) < 0.1 * closing[0], "it points to the right"
        assert crop.instances[16, 16] in (0, *np.unique(ds.instances(1)))
        scale = np.sqrt(np.linalg.det(crop.to_image[:, :2])) * 32
        assert scale == pytest.approx(60 * 0.16 / crop.T_camera_grasp[2, 3])
    still = ds.grasp_crop(1, 8, pixels=20, size=None, turn=False)
    np.testing.assert_allclose(still.to_image[:, :2], np.eye(2))


def test_sampling_gives_back_the_image_and_zero_outside(ds: Dataset) -> None:
    image = ds.rgb(0)
    x, y = np.meshgrid(np.arange(-2, WIDTH + 2) + 0.5, np.arange(-2, 50) + 0.5)
    for sample in (bilinear, nearest_pixels):
        found = sample(image, np.stack([x, y], -1))
        np.testing.assert_array_equal(found[2:-2, 2:-2], image)
        assert not found[:2].any() and not found[-2:].any() and not found[:, :2].any()
    ramp = np.repeat(np.arange(0, 200, 10, dtype=np.uint8)[None, :, None], 5, axis=0)
    assert bilinear(ramp, np.array([[3.0, 2.5]]))[0, 0] == 25


def test_the_points_about_a_grasp_are_in_its_frame(ds: Dataset) -> None:
    row = int(ds.grasp_rows(0)[0])
    found = ds.grasp_cloud(0, row, box=[[-0.06] * 3, [0.06] * 3])
    assert found.frame == "grasp" and len(found) > 0 and (np.abs(found.points) <= 0.06).all()
    back = transform_points(ds.grasp(int(ds.grasps["id"][row])).T_world_grasp, found.points)
    whole = ds.cloud(0, frame="world").points
    near = np.linalg.norm(whole[:, None] - back[None], axis=-1).min(axis=0)
    assert near.max() < 1e-5


# --- slices -----------------------------------------------------------------------------------------------------------


def test_a_scene_a_view_an_object_and_a_grasp_lead_to_each_other(ds: Dataset) -> None:
    scene = ds.scene(2)
    assert scene.key == 2 and scene["task"] == ds.scenes["task"][2]
    assert scene.views.rows.tolist() == [4, 5] and len(scene.objects) == 2 and len(scene.grasps) == 8
    view = ds.view(-1)
    assert view.row == 7 and view.scene.key == 3 and len(view.annotations) == 2 and len(view.grasp_views) == 8
    assert view.objects.rows.tolist() == [6, 7] and len(view.cloud()) == len(ds.cloud(7))
    item = ds.object(object_key(2, 2))
    assert item.asset("name") == "box_1" and len(item.grasps) == 4 and len(item.annotations) == 2
    grasp = ds.grasp(int(item.grasps["id"][3]))
    assert grasp.object.key == item.key and set(grasp.trials["grasp"]) == {grasp.key}
    np.testing.assert_allclose(grasp.T_world_grasp, item["T_world_object"] @ grasp["T_object_grasp"])
    for wrong in (lambda: ds.scene(9), lambda: ds.object(5), lambda: ds.grasp(-1)):
        with pytest.raises(KeyError, match="has no key"):
            wrong()
    with pytest.raises(IndexError):
        ds.view(8)


def test_one_scene_opens_one_shard(sound: Path) -> None:
    with graspgen.open(sound) as ds:
        scene = ds.scene(3)
        row = int(scene.views.rows[0])
        ds.view_objects(row), ds.grasps_in_camera(row), ds.points(row, frame="world"), scene.grasps["width"]
        ds.project_grasps(scene.grasps.rows, row), ds.object(int(scene.objects["id"][0])).asset("class_name")
        assert list(ds._files._files) == [1]
