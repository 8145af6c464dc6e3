"""Crops about objects, with poses, models and symmetries."""

from __future__ import annotations

import json

import numpy as np
import pytest
from dataset.dataset_builder import OFFSET, SCALES, SIDES
from scipy.ndimage import binary_dilation

from graspgen.frames import axis_angle, is_rotation, transform_points
from graspgen.lens import project
from graspgen.loaders import Flip, LoaderError, ObjectPoses, Rotate
from graspgen.loaders.poses import surface_points
from graspgen.loaders.symmetry import closed_group, read_symmetry


@pytest.mark.parametrize("augment", [[], [Rotate(180)]])
def test_the_model_where_the_pose_says_is_what_the_crop_shows(boxes, augment):
    source = ObjectPoses(boxes, size=96, margin=1.3, min_visibility=0.9, augment=augment, points=500)
    assert len(source) > 4
    for sample in source:
        assert sample["rgb"].shape == (96, 96, 3) and sample["mask"].any()
        pixels = project(
            sample["K"], sample["distortion"], transform_points(sample["T_camera_object"], sample["model_points"])
        )
        assert ((pixels > 0) & (pixels < 96)).all(), "the object fits into its crop"
        x, y = np.floor(pixels).astype(int).T
        # The mask was seen with few pixels: it may be off by one and a half of those.
        coarse = int(1.5 * sample["K"][0, 0] / boxes.views["K"][0, 0, 0])
        assert binary_dilation(sample["mask"], iterations=coarse)[y, x].mean() > 0.98
        assert sample["mask"][y, x].mean() > 0.75
        assert (sample["instances"][sample["mask"]] == sample["instance_id"]).all()


def test_models_lie_on_the_scaled_boxes(boxes):
    for sample in ObjectPoses(boxes, views=[0], points=200):
        i = int(sample["instance_id"]) - 1
        assert sample["extents"] == pytest.approx(SIDES[i] * SCALES[i])
        beyond = np.abs(sample["model_points"] - OFFSET * SCALES[i]) - SIDES[i] * SCALES[i] / 2
        assert np.abs(beyond.max(axis=1)).max() < 1e-6


def test_without_a_crop_the_camera_is_that_of_the_view(boxes):
    sample = ObjectPoses(boxes, size=None)[0]
    assert sample["rgb"].shape == boxes.rgb(0).shape and (sample["K"] == boxes.views["K"][0]).all()
    assert (sample["T_camera_object"] == boxes.annotations["T_camera_object"][0]).all()


def test_one_sample_for_each_object_that_is_seen_enough_of(boxes):
    seen = boxes.annotations["visibility"]
    assert len(ObjectPoses(boxes, min_visibility=0.5)) == (seen >= 0.5).sum()
    assert {int(s["view"]) for s in ObjectPoses(boxes, views=[1, 4])} <= {1, 4}


def test_flips_are_refused_before_anything_is_read(boxes):
    with pytest.raises(LoaderError, match="another object"):
        ObjectPoses(boxes, augment=[Flip()])


@pytest.mark.parametrize(
    ("symmetry", "size", "axes"),
    [
        ({}, 1, 0),
        ({"discrete": [[0, 0, 1, 6]]}, 6, 0),
        ({"discrete": [[0, 0, 1, 6], [1, 0, 0, 2]]}, 12, 0),  # a prism
        ({"discrete": [[1, 0, 0, 2], [0, 1, 0, 2], [0, 0, 1, 2]]}, 4, 0),  # a brick
        ({"discrete": [[1, 0, 0, 4], [0, 1, 0, 4], [0, 0, 1, 4]]}, 24, 0),  # a cube
        ({"continuous": [[0, 0, 1]], "discrete": [[1, 0, 0, 2]]}, 2, 1),  # a washer
        ({"continuous": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}, 1, 3),  # a ball
    ],
)
def test_symmetries_are_the_whole_group(symmetry, size, axes):
    found, continuous = read_symmetry(json.dumps(symmetry))
    assert len(found) == size and is_rotation(found).all() and (found[0] == np.eye(3)).all()
    assert int(continuous.any(axis=1).sum()) == axes
    products = (found[:, None] @ found[None]).reshape(-1, 1, 9)
    assert np.abs(products - found.reshape(1, -1, 9)).max(axis=2).min(axis=1).max() < 1e-6, "closed"


def test_turns_that_never_come_back_are_refused():
    with pytest.raises(LoaderError, match="no finite group"):
        closed_group([axis_angle([0, 0, 1], 1.0)])


def test_points_are_spread_by_area():
    # Two triangles, one nine times as large.
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 5], [3, 0, 5], [0, 3, 5]])
    found = surface_points(vertices, np.array([[0, 1, 2], [3, 4, 5]]), 20_000, np.random.default_rng(0))
    assert (found[:, 2] > 1).mean() == pytest.approx(0.9, abs=0.01)
    small = found[found[:, 2] < 1]
    assert small.mean(axis=0) == pytest.approx([1 / 3, 1 / 3, 0], abs=0.02), "the middle of a triangle"
    with pytest.raises(LoaderError, match="without area"):
        surface_points(vertices * 0, np.array([[0, 1, 2]]), 5, np.random.default_rng(0))
