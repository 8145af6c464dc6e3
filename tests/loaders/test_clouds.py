"""Point clouds and contact labels of views, on boxes whose faces are known."""

from __future__ import annotations

import numpy as np
import pytest
from dataset.dataset_builder import OFFSET, SCALES, SIDES

from graspgen.dataset.scene_grasps import SceneGrasps, ViewGrasps
from graspgen.frames import inverse, transform_points
from graspgen.lens import project
from graspgen.loaders import ContactGrasps, Flip, LoaderError, PointClouds, Rotate
from graspgen.loaders.clouds import draw_pixels, pixel_points
from graspgen.loaders.contacts import contact_labels


def test_labels_of_many_points_are_those_of_the_nearest_contacts_of_their_object():
    rng = np.random.default_rng(0)
    n, count = 300, 4000  # distances that are not all held at once
    middles = np.array([[0.3, -0.2, 0.7], [-0.1, 0.2, 0.9]])
    instance = rng.integers(1, 3, n).astype(np.uint16)
    contacts = middles[instance - 1][:, None] + rng.uniform(-0.03, 0.03, (n, 2, 3))
    contacts[:20] = np.nan
    T = np.tile(np.eye(4), (n, 1, 1))
    T[:, :3, 2] = rng.normal(size=(n, 3))
    good = rng.random(n) < 0.3
    grasps = ViewGrasps(SceneGrasps(np.arange(n), T, T, np.full(n, 0.08), instance, good), np.eye(4), T)
    ids = rng.integers(0, 4, count).astype(np.uint8)
    points = (middles[(ids + 1) % 2] + rng.uniform(-0.035, 0.035, (count, 3))).astype(np.float32)
    found = contact_labels(points, ids, grasps, contacts, 0.005)
    gap = np.linalg.norm(points[:, None, None] - contacts, axis=-1)
    gap[(ids[:, None] != instance) | np.isnan(contacts).any(axis=(1, 2))] = np.inf
    assert (found["tried"] == (gap.min(axis=(1, 2)) <= 0.005)).all()
    gap[:, ~good] = np.inf
    nearest = gap.reshape(count, -1).argmin(axis=1)
    success = gap.min(axis=(1, 2)) <= 0.005
    assert 100 < success.sum() < found["tried"].sum() and (found["success"] == success).all()
    np.testing.assert_allclose(found["approach"][success], T[nearest[success] >> 1, :3, 2], rtol=1e-6)
    line = contacts[nearest >> 1, 1 - (nearest & 1)] - contacts[nearest >> 1, nearest & 1]
    np.testing.assert_allclose(found["width"][success], np.linalg.norm(line, axis=1)[success], rtol=1e-6)
    assert not found["approach"][~success].any()


def test_points_lie_on_what_was_seen(boxes):
    sample = PointClouds(boxes, points=2000, colours=True, max_depth=0.6)[0]
    on_boxes = 0
    world = transform_points(boxes.views["T_world_camera"][0], sample["points"])
    for i, T in enumerate(boxes.objects["T_world_object"][:2]):
        local = transform_points(inverse(T), world[sample["point_instances"] == i + 1])
        beyond = np.abs(local - OFFSET * SCALES[i]) - SIDES[i] * SCALES[i] / 2
        assert np.abs(beyond.max(axis=1)).max() < 2e-4, "on a face, but for the rounding of depth"
        on_boxes += len(local)
    assert on_boxes > 100
    ground = world[(sample["point_instances"] == 0) & (sample["points"][:, 2] > 0.3)]
    assert np.median(np.abs(ground[:, 2])) < 2e-4
    assert sample["points"][:, 2].max() <= 0.6 and sample["colours"].shape == (2000, 3)


def test_points_project_to_the_middles_of_their_pixels():
    K, D = np.array([[70.0, 0, 30], [0, 80, 25], [0, 0, 1]]), np.array([-0.1, 0.02, 0.001, 0.002, 0.0])
    pixels = np.arange(64 * 48, dtype=np.int32)
    for distortion in (np.zeros(5), D):
        found = pixel_points(pixels, np.full(len(pixels), 0.7, np.float32), 64, K, distortion)
        expected = np.stack([pixels % 64 + 0.5, pixels // 64 + 0.5], -1)
        assert project(K, distortion, found) == pytest.approx(expected, abs=1e-4)


def test_pixels_are_drawn_once_each_evenly_and_only_where_there_is_depth():
    depth = np.zeros(10_000, np.uint16)
    depth[2000:8000] = 5
    hits = np.zeros(10_000)
    for seed in range(200):
        drawn = draw_pixels(depth, 600, np.random.default_rng(seed))
        assert len(np.unique(drawn)) == 600 and (np.diff(drawn) > 0).all()
        hits[drawn] += 1
    assert not hits[depth == 0].any()
    assert hits[2000:8000].reshape(6, -1).sum(axis=1) == pytest.approx(20_000, rel=0.01)
    assert set(draw_pixels(depth, 9000, np.random.default_rng(0))) == set(range(2000, 8000)), "more than there are"
    with pytest.raises(LoaderError, match="without any depth"):
        draw_pixels(depth * 0, 5, np.random.default_rng(0))


def test_points_near_a_contact_get_its_grasp():
    # A jaw closes along the camera's x on a block 4 cm wide; another one, bad, along y.
    along_x, along_y = np.eye(4), np.eye(4)
    along_x[:3, :3] = [[0, 1, 0], [-1, 0, 0], [0, 0, 1]]
    along_x[:3, 3] = along_y[:3, 3] = [0, 0, 0.5]
    contacts = np.array([[[0.02, 0, 0.5], [-0.02, 0, 0.5]], [[0, 0.02, 0.5], [0, -0.02, 0.5]]])
    poses = np.stack([along_x, along_y])
    scene = SceneGrasps(
        np.arange(2), poses, np.stack([np.eye(4)] * 2), np.array([0.05, 0.05]), np.array([3, 3], np.uint16),
        np.array([True, False]),
    )  # fmt: skip
    grasps = ViewGrasps(scene, np.eye(4), poses)
    points = np.array([[0.021, 0, 0.5], [-0.02, 0.003, 0.5], [0.02, 0.008, 0.5], [0, 0.02, 0.5], [0.02, 0, 0.5]])
    ids = np.array([3, 3, 3, 3, 7], np.uint8)
    found = contact_labels(points.astype(np.float32), ids, grasps, contacts, 0.005)
    assert found["success"].tolist() == [True, True, False, False, False], "the last point is of another object"
    assert found["tried"].tolist() == [True, True, False, True, False]
    assert found["closing"][:2] == pytest.approx(np.array([[-1, 0, 0], [1, 0, 0]]))
    assert found["approach"][:2] == pytest.approx(np.array([[0, 0, 1], [0, 0, 1]]))
    assert found["width"].tolist() == pytest.approx([0.04, 0.04, 0, 0, 0])
    tool = points[:2] + found["width"][:2, None] / 2 * found["closing"][:2]
    assert np.linalg.norm(tool - [0, 0, 0.5], axis=1).max() < 0.005


@pytest.mark.parametrize("augment", [[], [Rotate(180), Flip(1.0)]])
def test_contact_labels_of_a_view_are_those_of_its_boxes(boxes, augment):
    source = ContactGrasps(boxes, radius=0.02, points=3000, augment=augment, seed=3)
    labelled = 0
    for i, sample in enumerate(source):
        S = sample["T_camera_view"][:3, :3]
        down = S @ boxes.views["T_world_camera"][i][:3, :3].T @ [0, 0, -1]
        ok = sample["success"]
        assert np.abs(sample["approach"][ok] - down).max(initial=0) < 1e-6, "all hands come straight down"
        assert np.abs((sample["closing"][ok] * sample["approach"][ok]).sum(axis=1)).max(initial=0) < 1e-6
        for box in range(2):
            at = ok & (sample["point_instances"] == box + 1)
            sides = SIDES[box, :2] * SCALES[box]
            assert np.abs(sample["width"][at][:, None] - sides).min(axis=1).max(initial=0) < 1e-6
            labelled += int(at.sum())
        assert (sample["tried"] | ~ok).all() and not sample["width"][~ok].any()
    assert labelled > 50


def test_a_cloud_without_points_is_refused(boxes):
    with pytest.raises(LoaderError, match="a cloud has points"):
        PointClouds(boxes, points=0)
