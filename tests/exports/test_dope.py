"""DOPE: boxes, poses and matrices of a file agree with each other, by the documents of its readers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import graspgen
from graspgen.errors import DatasetError
from graspgen.exports.registry import export
from graspgen.frames import quat_to_matrix


def files(out: Path) -> list[dict]:
    return [json.loads(p.read_text()) for p in sorted(out.glob("[0-9]*.json"))]


@pytest.fixture(scope="module")
def exported(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dope")
    for units in ("m", "cm"):
        export(small, "dope", folder / units, [f"units={units}", "classes=asset"])
    return folder


def rotation(xyzw: list[float]) -> np.ndarray:
    return quat_to_matrix([xyzw[3], *xyzw[:3]])


#: Signs of x, y, z as `common/cuboid.py` lists them: right/left, up/down (y points down), front/rear.
ORDER = {
    "front top right": (1, -1, 1), "front top left": (-1, -1, 1),
    "front bottom left": (-1, 1, 1), "front bottom right": (1, 1, 1),
    "rear top right": (1, -1, -1), "rear top left": (-1, -1, -1),
    "rear bottom left": (-1, 1, -1), "rear bottom right": (1, 1, -1),
}  # fmt: skip


@pytest.mark.parametrize(("units", "scale"), [("m", 0.01), ("cm", 1.0)])
def test_the_box_about_the_pose_projects_to_the_corners(exported: Path, units: str, scale: float) -> None:
    out = exported / units
    known = json.loads((out / "_object_settings.json").read_text())["exported_objects"]
    sides = {t["asset"]: np.array(t["cuboid_dimensions"]) * scale for t in known}
    corners = np.array([*ORDER.values(), (0, 0, 0)]) / 2
    seen = 0
    for content in files(out):
        k = content["camera_data"]["intrinsics"]
        assert content["camera_data"]["graspgen"]["length_unit"] == units
        for thing in content["objects"]:
            box = corners * sides[thing["class"]]
            points = box @ rotation(thing["quaternion_xyzw"]).T + thing["location"]
            pixels = points[:, :2] / points[:, 2:] * [k["fx"], k["fy"]] + [k["cx"], k["cy"]]
            np.testing.assert_allclose(pixels, thing["projected_cuboid"], atol=1e-6)
            np.testing.assert_allclose(box, thing["local_cuboid"], atol=1e-9)
            seen += 1
    assert seen >= 6


def test_corners_are_those_of_the_dataset(exported: Path, small) -> None:
    for view, content in enumerate(files(exported / "m")):
        cuboids = small.view_objects(view)["cuboid"]
        for thing, cuboid in zip(content["objects"], cuboids, strict=True):
            wanted = np.array([cuboid[4 * (x > 0) + 2 * (y > 0) + (z > 0)] for x, y, z in ORDER.values()])
            np.testing.assert_allclose(thing["projected_cuboid"][:8], wanted, atol=1e-3)
            np.testing.assert_allclose(thing["projected_cuboid_centroid"], cuboid[8], atol=1e-3)


def test_world_and_camera_poses_agree(exported: Path) -> None:
    for content in files(exported / "cm"):
        camera = content["camera_data"]
        to_camera = np.array(camera["camera_view_matrix"]).T
        look = camera["camera_look_at"]
        np.testing.assert_allclose(to_camera @ [*look["eye"], 1], [0, 0, 0, 1], atol=1e-9)
        np.testing.assert_allclose(to_camera @ [*look["at"], 1], [0, 0, 100, 1], atol=1e-9)
        np.testing.assert_allclose(to_camera[:3, :3] @ look["up"], [0, -1, 0], atol=1e-9)
        for thing in content["objects"]:
            world = np.array(thing["local_to_world_matrix"])
            np.testing.assert_allclose(world[3, :3], thing["location_worldframe"])
            np.testing.assert_allclose((to_camera @ world.T)[:3, 3], thing["location"], atol=1e-9)
            np.testing.assert_allclose(world.T[:3, :3], rotation(thing["quaternion_xyzw_worldframe"]), atol=1e-12)


def test_the_fixed_transform_takes_the_mesh_to_the_box_about_its_middle(exported: Path, small) -> None:
    for thing in json.loads((exported / "m" / "_object_settings.json").read_text())["exported_objects"]:
        asset = int(small.assets["id"][small.assets["name"] == thing["asset"]][0])
        vertices = small.mesh(asset)[0] * thing["scale"] * 100
        moved = np.column_stack([vertices, np.ones(len(vertices))]) @ np.array(thing["fixed_model_transform"])
        half = np.array(thing["cuboid_dimensions"]) / 2
        np.testing.assert_allclose(moved[:, :3].max(axis=0), half, atol=1e-4)
        np.testing.assert_allclose(moved[:, :3].min(axis=0), -half, atol=1e-4)


def test_centimetres_are_a_hundred_metres_and_pixels_stay(exported: Path) -> None:
    for metres, centimetres in zip(files(exported / "m"), files(exported / "cm"), strict=True):
        for a, b in zip(metres["objects"], centimetres["objects"], strict=True):
            np.testing.assert_allclose(np.array(a["location"]) * 100, b["location"])
            assert a["projected_cuboid"] == b["projected_cuboid"] and a["visibility"] == b["visibility"]
            assert 0 <= a["visibility"] <= 1


def test_a_lens_is_refused_or_straightened(lens_dataset: Path, tmp_path: Path) -> None:
    with graspgen.open(lens_dataset) as ds:
        with pytest.raises(DatasetError, match="DOPE cannot say how a lens distorts"):
            export(ds, "dope", tmp_path / "out", [])
        export(ds, "dope", tmp_path / "out", ["lens=straighten"])
    for content in files(tmp_path / "out"):
        for thing in content["objects"]:
            low, high = np.min(thing["projected_cuboid"], axis=0), np.max(thing["projected_cuboid"], axis=0)
            x0, x1, y0, y1 = thing["bounding_box_minx_maxx_miny_maxy"]
            if thing["visibility"] > 0:  # what is seen lies in the box
                assert x0 > low[0] - 1.5 and y0 > low[1] - 1.5 and x1 < high[0] + 1.5 and y1 < high[1] + 1.5
