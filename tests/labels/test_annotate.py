from collections.abc import Sequence

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from render_scenes import at, table_of_ten, view_of, world_of

from graspgen.dataset.schema import TABLES
from graspgen.frames import OPENGL_OPENCV, inverse, look_at, pose, project, transform_points
from graspgen.labels.annotate import annotate
from graspgen.labels.keypoints import CORNERS
from graspgen.render.opengl import render_views
from graspgen.scene.plan import ViewPlan
from graspgen.scene.world import SceneObject

#: A camera 1 m above the world's origin: 100 px a metre at z = 0, image x = world x, image y = −world y.
ABOVE = pose(OPENGL_OPENCV, [0, 0, 1.0])
K = np.array([[100.0, 0, 80.0], [0, 100.0, 60.0], [0, 0, 1]])
VIEW = view_of(160, 120, K=K, T_world_camera=ABOVE)


def slab(x: float, y: float) -> trimesh.Trimesh:
    """A thin box whose top is at z = 0."""
    return trimesh.creation.box([x, y, 0.01], transform=at(0, 0, -0.005))


def scene(
    shapes: Sequence[trimesh.Trimesh], poses: Sequence[np.ndarray], view: ViewPlan = VIEW
) -> tuple[Sequence[SceneObject], np.ndarray]:
    return world_of(shapes, poses, [view]).objects, np.array(poses)


def blank() -> np.ndarray:
    return np.zeros((120, 160), np.uint8)


def test_the_columns_are_those_of_the_schema_but_for_the_keys() -> None:
    objects, T = scene([slab(0.2, 0.1)] * 3, [at(0, 0, 0)] * 3)
    for n in (3, 0):
        columns = annotate(objects[:n], T[:n], VIEW, blank())
        spec = TABLES["annotations"].required
        assert set(columns) == set(spec) - {"view", "object"}
        for name, column in columns.items():
            assert column.shape == (n, *spec[name].shape), name
            assert column.dtype == np.dtype(spec[name].dtype), name


def test_a_slab_that_is_wholly_seen_has_its_known_pixels_and_boxes() -> None:
    objects, T = scene([slab(0.2, 0.1)], [at(0.3, 0.2, 0)])
    ids = blank()
    ids[35:45, 100:120] = 1  # x 0.2 … 0.4, y 0.15 … 0.25
    row = {name: column[0] for name, column in annotate(objects, T, VIEW, ids).items()}
    assert row["pixels_visible"] == row["pixels_in_frame"] == row["pixels_all"] == 200
    assert row["visibility"] == row["in_frame"] == 1 and not row["ignore"]
    assert row["bbox_visible"].tolist() == row["bbox_amodal"].tolist() == [100, 35, 20, 10]


def test_one_pixel_has_a_box_of_width_one() -> None:
    objects, T = scene([slab(0.2, 0.1)], [at(0, 0, 0)])
    ids = blank()
    ids[58, 77] = 1
    assert annotate(objects, T, VIEW, ids)["bbox_visible"][0].tolist() == [77, 58, 1, 1]


def test_an_object_that_is_half_hidden_has_visibility_one_half() -> None:
    near = trimesh.creation.box([0.1, 0.2, 0.01])
    shapes, poses = [slab(0.2, 0.2), near], [at(0, 0, 0), at(0.05, 0, 0.1)]
    world = world_of(shapes, poses, [VIEW], table_size=(0.9, 0.7, 0.005))
    ids = render_views(world)[0].instances
    columns = annotate(world.objects, poses, VIEW, ids)
    # The nearer slab's left edge projects to x = 0, through the middle of the other one.
    assert columns["visibility"][0] == pytest.approx(0.5, abs=0.01)
    assert columns["visibility"][1] == 1
    assert columns["bbox_amodal"][0].tolist() == [70, 50, 20, 20]
    assert columns["bbox_visible"][0].tolist() == [70, 50, 10, 20]


def test_an_object_that_is_cut_by_the_image_has_a_known_share_in_it() -> None:
    shape = trimesh.creation.box([0.4, 0.2, 0.01], transform=at(0, 0, -0.005))
    world = world_of([shape], [at(0.7, 0, 0)], [VIEW], table_size=(3.0, 3.0, 0.005))
    ids = render_views(world)[0].instances
    row = {k: v[0] for k, v in annotate(world.objects, [at(0.7, 0, 0)], VIEW, ids).items()}
    assert row["in_frame"] == 0.75 and row["visibility"] == 0.75  # x 0.5 … 0.9, the image ends at 0.8
    assert row["bbox_amodal"].tolist() == [130, 50, 40, 20]
    assert row["bbox_visible"].tolist() == [130, 50, 30, 20]
    assert (row["pixels_visible"], row["pixels_in_frame"], row["pixels_all"]) == (600, 600, 800)


def test_an_object_behind_the_camera_has_nothing() -> None:
    objects, T = scene([slab(0.2, 0.1)], [at(0, 0, 1.5)])
    row = {name: column[0] for name, column in annotate(objects, T, VIEW, blank()).items()}
    assert row["pixels_visible"] == row["pixels_in_frame"] == row["pixels_all"] == 0
    assert row["visibility"] == row["in_frame"] == 0 and row["ignore"]
    assert (row["bbox_visible"] == -1).all() and (row["bbox_amodal"] == -1).all()
    assert np.isnan(row["cuboid"]).all()


def test_below_a_tenth_visible_is_ignored() -> None:
    objects, T = scene([slab(0.2, 0.1)], [at(0, 0, 0)])  # 20 x 10 px
    ids = blank()
    ids[55, 70:89] = 1
    assert annotate(objects, T, VIEW, ids)["ignore"][0]
    ids[55, 89] = 1
    assert not annotate(objects, T, VIEW, ids)["ignore"][0]


def test_the_pose_is_that_in_the_cameras_frame() -> None:
    view = view_of(T_world_camera=look_at([0.4, 0.3, 0.5], [0, 0, 0], 0.3))
    objects, T = scene([slab(0.2, 0.1)], [at(0.1, 0.2, 0.3)], view)
    found = annotate(objects, T, view, blank())["T_camera_object"][0]
    assert np.allclose(found, np.linalg.inv(view.T_world_camera) @ T[0])


def test_the_cuboid_is_the_box_of_the_mesh_in_the_order_of_the_schema() -> None:
    view = view_of(T_world_camera=look_at([0.4, 0.3, 0.5], [0, 0, 0]))
    shape = trimesh.creation.box([0.1, 0.06, 0.04], transform=at(0.02, 0.01, 0.03))
    objects, T = scene([shape], [at(0.05, 0, 0)], view)
    found = annotate(objects, T, view, blank())["cuboid"][0]
    low, high = shape.bounds
    words = "000 001 010 011 100 101 110 111".split()
    assert ["".join(str(int(c)) for c in corner) for corner in CORNERS] == words
    points = [[(low, high)[int(c)][axis] for axis, c in enumerate(word)] for word in words]
    points.append(list((low + high) / 2))
    expected = project(view.K, transform_points(inverse(view.T_world_camera) @ T[0], points))
    assert np.allclose(found, expected, atol=1e-4)
    assert "000 001 010 011 100 101 110 111" in TABLES["annotations"].columns["cuboid"].doc


@settings(max_examples=25, deadline=None)
@given(ids=arrays(np.uint8, (120, 160), elements=st.integers(0, 3)), x=st.floats(-1, 1))
def test_what_is_visible_is_always_a_part_of_the_whole(ids: np.ndarray, x: float) -> None:
    poses = np.array([at(x, 0, 0), at(0, x, 0.3), at(0, 0, 1.5)])
    columns = annotate(OBJECTS, poses, VIEW, ids)
    for i in range(3):
        rows, cols = np.nonzero(ids == i + 1)
        assert columns["pixels_visible"][i] == len(rows)
        if len(rows):
            box = [cols.min(), rows.min(), np.ptp(cols) + 1, np.ptp(rows) + 1]
            assert columns["bbox_visible"][i].tolist() == box
    assert (columns["pixels_visible"] <= columns["pixels_in_frame"]).all()
    assert (columns["pixels_in_frame"] <= columns["pixels_all"]).all()
    assert (columns["visibility"] <= 1).all() and (columns["in_frame"] <= 1).all()


OBJECTS = scene([slab(0.2, 0.1)] * 3, [at(0, 0, 0)] * 3)[0]


def test_a_rendered_scene_has_consistent_annotations() -> None:
    shapes, poses = table_of_ten()
    view = view_of(320, 240)
    world = world_of(shapes, poses, [view])
    ids = render_views(world)[0].instances
    columns = annotate(world.objects, poses, view, ids)
    assert columns["pixels_visible"].sum() == np.count_nonzero(ids)
    assert (columns["visibility"] > 0.5).all() and columns["visibility"].max() == 1
    amodal, visible = columns["bbox_amodal"], columns["bbox_visible"]
    assert (amodal[:, :2] <= visible[:, :2]).all()
    assert (amodal[:, :2] + amodal[:, 2:] >= visible[:, :2] + visible[:, 2:]).all()
    inside = columns["cuboid"]
    assert (inside.min(axis=1) <= amodal[:, :2] + 1).all()
    assert (inside.max(axis=1) >= amodal[:, :2] + amodal[:, 2:] - 1).all()
