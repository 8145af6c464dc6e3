"""Layers of known scenes: planes, boxes, translations."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays

from graspgen.dataset import encodings
from graspgen.frames import axis_angle, pose
from graspgen.labels import layers, rle
from graspgen.labels.layers import Seen
from graspgen.labels.normals import NormalCaster, Surface
from graspgen.lens import NONE
from graspgen.primitive_mesh import primitive_mesh

W, H = 160, 120
K = np.array([[100.0, 0, 80.0], [0, 100.0, 60.0], [0, 0, 1]])
FISH = (-0.2, 0.05, 0.001, 0.0, 0.0)


def wall(z: float = 2.0, T=None, ids: int = 0, objects=None, distortion=NONE) -> Seen:
    """A plane across the optical axis, that fills the picture."""
    depth = np.full((H, W), z, np.float32)
    return Seen(depth, np.full((H, W), ids, np.uint8), K, np.array(distortion),
                np.eye(4) if T is None else T, objects or {})  # fmt: skip


@pytest.mark.parametrize("distortion", [NONE, FISH])
def test_points_of_a_wall_lie_in_its_plane_and_project_to_the_centres_of_their_pixels(distortion):
    from graspgen.lens import project

    points = layers.points(wall(2.0).depth, K, distortion)
    assert (points[..., 2] == 2).all()
    pixels = project(K, distortion, points)
    assert pixels[7, 11] == pytest.approx([11.5, 7.5], abs=1e-9)


def test_a_pixel_without_depth_has_no_point():
    depth = wall().depth.copy()
    depth[3, 4] = 0
    points = layers.points(depth, K, NONE)
    assert np.isnan(points[3, 4]).all() and np.isfinite(points).sum() == 3 * (H * W - 1)


def test_object_coordinates_of_a_boxs_face_run_from_nought_to_one():
    # A box of 0.4 × 0.3 × 0.2 m, its near face at z = 0.9: 44.4 x 33.3 px.
    T = pose(translation=[0, 0, 1.0])
    depth, ids = np.full((H, W), 3.0, np.float32), np.zeros((H, W), np.uint8)
    depth[45:75, 60:100], ids[45:75, 60:100] = 0.9, 5
    seen = Seen(depth, ids, K, np.zeros(5), np.eye(4), {5: T})
    bounds = np.array([[-0.2, -0.15, -0.1], [0.2, 0.15, 0.1]])
    nocs = layers.object_coordinates(seen, {5: bounds})
    x, y = 60.5, 45.5
    expected = [((x - 80) / 100 * 0.9 + 0.2) / 0.4, ((y - 60) / 100 * 0.9 + 0.15) / 0.3, 0]
    assert nocs[45, 60] == pytest.approx(expected, abs=1e-6)
    assert nocs[60, 80] == pytest.approx([0.5 + 0.0045 / 0.4, 0.5 + 0.0045 / 0.3, 0], abs=1e-6)
    assert np.isnan(nocs[0, 0]).all()


def test_a_turned_object_has_the_same_coordinates():
    R = axis_angle([0, 0, 1], np.pi / 2)
    depth, ids = np.full((H, W), 0.9, np.float32), np.full((H, W), 1, np.uint8)
    seen = Seen(depth, ids, K, np.zeros(5), np.eye(4), {1: pose(R, [0, 0, 1.0])})
    nocs = layers.object_coordinates(seen, {1: np.array([[-1, -1, -0.1], [1, 1, 0.1]])})
    # A quarter turn: what lies to the right in the picture (camera x) is the object's −y.
    assert nocs[60, 120, 1] < nocs[60, 40, 1] and nocs[100, 80, 0] > nocs[20, 80, 0]


def test_flow_of_a_camera_that_moves_sideways_is_focal_length_times_shift_over_depth():
    a, b = wall(2.0), wall(2.0, pose(translation=[0.1, -0.04, 0]))
    flow = layers.flow(a, b)
    seen = np.isfinite(flow[..., 0])
    assert flow[seen][:, 0] == pytest.approx(-100 * 0.1 / 2) and flow[seen][:, 1] == pytest.approx(100 * 0.04 / 2)
    assert not seen[:, :5].any() and seen[:118, 5:].all()  # what leaves the picture has none
    motion = layers.scene_flow(a, b)
    assert motion[..., 0] == pytest.approx(-0.1) and motion[..., 2] == pytest.approx(0, abs=1e-7)


def test_flow_of_a_camera_that_moves_forwards_grows_from_the_middle():
    flow = layers.flow(wall(2.0), wall(1.5, pose(translation=[0, 0, 0.5])))
    # x' = x · 2 / 1.5: a third of the offset from the principal point.
    assert flow[60, 90] == pytest.approx([10.5 / 3, 0.5 / 3], abs=1e-5)


def test_what_is_hidden_in_the_other_view_has_no_flow_unless_asked_for():
    a = wall(2.0)
    near = wall(2.0)
    near.depth[50:60, 50:60] = 1.0
    hidden = layers.flow(a, near)
    assert np.isnan(hidden[50:60, 50:60]).all() and np.isfinite(hidden).all(axis=-1).sum() == H * W - 100
    assert np.isfinite(layers.flow(a, near, visible=False)).all()


def test_an_object_that_moves_takes_its_pixels_along():
    still, moved = pose(translation=[0, 0, 2.0]), pose(translation=[0.06, 0, 2.0])
    flow = layers.flow(wall(2.0, ids=1, objects={1: still}), wall(2.0, ids=1, objects={1: moved}))
    assert np.nanmax(np.abs(flow - [3, 0])) < 1e-4


@pytest.mark.parametrize("distortion", [NONE, FISH])
def test_the_normals_of_a_plane_and_of_a_ball_are_the_closed_forms(distortion):
    vertices, faces = primitive_mesh("box", np.array([5, 5, 0.5]))
    tilt = pose(axis_angle([1, 0, 0], 0.4), [0, 0, 3.0])
    box = Surface(vertices @ tilt[:3, :3].T + tilt[:3, 3], faces, 0)
    ball, triangles = primitive_mesh("sphere", np.array([0.3]))
    centre = np.array([0.1, 0.0, 1.0])
    ids = np.zeros((H, W), np.uint8)
    points = layers.points(np.full((H, W), 1.0, np.float32), K, distortion)
    along = points / np.linalg.norm(points, axis=-1, keepdims=True)
    b = along @ centre
    inside = b**2 - centre @ centre + 0.3**2
    ids[inside > 0] = 7
    normals = NormalCaster([box, Surface(ball + centre, triangles, 7)]).normals(
        np.eye(4), K, distortion, ids, np.ones((H, W))
    )
    expected = -tilt[:3, 2]
    assert np.abs(normals[ids == 0] - expected).max() < 1e-6
    hit = along[inside > 0] * (b - np.sqrt(np.maximum(inside, 0)))[inside > 0][:, None]
    cosine = ((hit - centre) / 0.3 * normals[inside > 0]).sum(axis=1)
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean() < 2.0  # facets of 3.75°
    assert np.linalg.norm(normals, axis=-1) == pytest.approx(1, abs=1e-6)


def test_normals_follow_the_ids_where_rays_disagree_and_end_where_nothing_is_seen():
    vertices, faces = primitive_mesh("box", np.array([0.2, 0.2, 0.2]))
    floor, quads = primitive_mesh("plane", np.array([5.0, 5.0]))
    flip = np.diag([1.0, -1, -1])
    shown = [
        Surface(vertices + np.array([0, 0, 1.2]), faces, 3),
        Surface(floor @ flip.T + np.array([0, 0, 2.0]), quads, 0),
    ]
    ids, depth = np.zeros((H, W), np.uint8), np.ones((H, W))
    ids[39:81, 59:101] = 3  # the near face covers 40..80 x 60..100: one pixel more all around
    depth[0] = 0
    found = NormalCaster(shown).normals(np.eye(4), K, NONE, ids, depth)
    assert np.abs(found[ids == 3] - [0, 0, -1]).max() < 1e-6 and (found[0] == 0).all()


@settings(max_examples=80, deadline=None)
@given(mask=arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_run_length_codes_survive(mask):
    assert np.array_equal(rle.decode(rle.encode(mask), *mask.shape), mask)


def test_a_run_length_code_is_cocos():
    # From pycocotools' own test: counts 1, 2, 1 of a 2 x 2 mask, column by column.
    assert rle.encode(np.array([[False, True], [True, False]])) == "121"
    mask = np.zeros((10, 100), bool)
    mask[:, 30:70] = True
    assert rle.encode(mask) == "\\9`<\\9"  # 300, 400, 300: five bits a character, lowest first, from '0'
    assert rle.decode("", 0, 0).shape == (0, 0)
    with pytest.raises(ValueError, match="do not fill a mask"):
        rle.decode("12", 4, 4)


def test_stored_layers_lose_no_more_than_they_say():
    rng = np.random.default_rng(0)
    normals = rng.standard_normal((50, 50, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    cosine = (normals * encodings.decode_normals(encodings.encode_normals(normals))).sum(-1)
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 0.4
    flow = rng.uniform(-300, 300, (50, 50, 2)).astype(np.float32)
    flow[0] = np.nan
    flow[1, 0] = 3000
    back = encodings.decode_flow(encodings.encode_flow(flow))
    assert np.abs(back - flow)[2:].max() <= 1 / 32 and np.isnan(back[0]).all() and np.isnan(back[1, 0]).all()
    nocs = rng.uniform(0, 1, (50, 50, 3)).astype(np.float32)
    ids = np.ones((50, 50), np.uint8)
    assert np.abs(encodings.decode_coordinates(encodings.encode_coordinates(nocs), ids) - nocs).max() < 1e-5


@pytest.mark.parametrize("kind", ["box", "sphere", "ellipsoid", "cylinder", "capsule"])
def test_a_small_primitive_has_no_holes(kind):
    vertices, faces = primitive_mesh(kind, np.array([0.01, 0.02, 0.015]))
    mesh = trimesh.Trimesh(vertices, faces)
    mesh.merge_vertices()
    assert mesh.is_watertight
