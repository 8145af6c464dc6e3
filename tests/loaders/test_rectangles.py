"""Rectangles of grasps, against projections by hand and areas in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graspgen
from graspgen.dataset.scene_grasps import good_grasps
from graspgen.frames import axis_angle, pose
from graspgen.labels.rectangles import corners, grasp_rectangles, matches, rectangle_iou, sees
from graspgen.loaders import GraspRectangles, LoaderError

K = np.array([[500.0, 0, 320], [0, 500.0, 240], [0, 0, 1]])


@given(st.floats(-0.1, 0.1), st.floats(-0.1, 0.1), st.floats(0.3, 1.0), st.floats(-1.5, 1.5), st.floats(0.01, 0.1))
@settings(max_examples=40, deadline=None)
def test_a_grasp_along_the_axis_has_the_rectangle_of_similar_triangles(x, y, z, angle, width):
    # The closing line is y of the grasp frame: turned by a quarter from x.
    T = pose(axis_angle([0, 0, 1], angle - np.pi / 2), [x, y, z])
    found = grasp_rectangles(T[None], [width], K)[0]
    assert found == pytest.approx([500 * x / z + 320, 500 * y / z + 240, angle, 500 * width / z, 500 * 0.02 / z])


def test_both_ways_round_are_the_same_rectangle():
    T = pose(axis_angle([0, 0, 1], 0.4), [0.02, 0.03, 0.5])
    turned = T @ pose(axis_angle([0, 0, 1], np.pi))
    a, b = grasp_rectangles(np.stack([T, turned]), [0.05, 0.05], K)
    assert a == pytest.approx(b)


def test_rectangles_are_where_the_pipeline_saw_the_tool_point(tiny_dataset):
    with graspgen.open(tiny_dataset) as data:
        source = GraspRectangles(data, max_tilt_deg=90)
        grasps, views, pixels = (data.grasp_views[c] for c in ("grasp", "view", "tool_pixel"))
        compared = 0
        for i in range(len(source)):
            sample = source[i]
            for key, rectangle in zip(sample["grasp"], sample["rectangles"], strict=True):
                row = np.flatnonzero((grasps == key) & (views == data.views["id"][i]))
                assert rectangle[:2] == pytest.approx(pixels[row[0]], abs=1e-3)
                compared += 1
        assert compared


def test_only_planar_grasps_of_what_is_seen_have_a_rectangle(boxes):
    wide = GraspRectangles(boxes, max_tilt_deg=90)[0]
    # Hands come straight down and the camera looks down at an angle of its own.
    down = np.arccos(-boxes.views["T_world_camera"][0][2, 2])
    tilt = np.arccos(wide["T_camera_grasp"][:, 2, 2])
    assert len(tilt) and tilt == pytest.approx(down)
    assert len(GraspRectangles(boxes, max_tilt_deg=np.degrees(down) + 0.1)[0]["grasp"]) == len(wide["grasp"])
    assert not len(GraspRectangles(boxes, max_tilt_deg=np.degrees(down) - 0.1)[0]["grasp"])


def test_good_means_what_the_trial_in_the_scene_says_or_else_the_free_one(boxes):
    # Of each box's four grasps two hold in free space and were not tried in the scene, the third held in the scene.
    assert good_grasps(boxes).reshape(-1, 4).tolist() == [[True, True, True, False]] * 8
    touching = boxes.grasps["collision"].copy()
    touching[:2] = 1
    boxes.grasps._cache["collision"] = touching
    assert good_grasps(boxes)[:4].tolist() == [False, False, True, False], "the hand would touch the support"
    del boxes.grasps._cache["collision"]
    sample = GraspRectangles(boxes, max_tilt_deg=90)[1]
    assert sample["good"].tolist() == sorted(sample["good"].tolist()), "good ones last: they are drawn over the others"
    only = GraspRectangles(boxes, max_tilt_deg=90, only_good=True)[1]
    assert set(only["grasp"]) == set(sample["grasp"][sample["good"]]) and only["good"].all()


def test_an_object_behind_another_one_has_no_rectangle():
    ids = np.zeros((40, 60), np.uint8)
    ids[:, :30], ids[:, 30:] = 1, 2
    pixels = [[10.5, 10.5], [10.5, 10.5], [31.5, 5.5], [33.5, 5.5], [-1, 5], [np.nan, 5]]
    assert sees(ids, pixels, [1, 2, 1, 1, 1, 1]).tolist() == [True, False, True, False, False, False]


def test_views_without_enough_good_grasps_are_left_out(boxes):
    every = GraspRectangles(boxes, max_tilt_deg=90)
    counts = [int(s["good"].sum()) for s in every]
    some = GraspRectangles(boxes, max_tilt_deg=90, min_grasps=max(counts))
    assert len(some) == sum(c >= max(counts) for c in counts)


def test_a_tilt_beyond_a_right_angle_is_refused(boxes):
    with pytest.raises(LoaderError, match="max_tilt_deg"):
        GraspRectangles(boxes, max_tilt_deg=100)


def test_corners_are_the_rectangle():
    found = corners([10, 20, np.pi / 2, 8, 4])[0]
    assert found == pytest.approx(np.array([[12, 24], [8, 24], [8, 16], [12, 16]]))


SQUARE = [0, 0, 0, 2, 2]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (SQUARE, 1),
        ([1, 0, 0, 2, 2], 1 / 3),
        ([0, 0, np.pi / 4, 2, 2], 1 / np.sqrt(2)),  # a regular octagon in common
        ([0, 0, 0, 1, 1], 1 / 4),
        ([5, 0, 0, 2, 2], 0),
        ([2, 0, 0, 2, 2], 0),
    ],
)
def test_overlap_in_closed_form(other, expected):
    assert rectangle_iou(SQUARE, other) == pytest.approx(expected, abs=1e-9)
    assert rectangle_iou(other, SQUARE) == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 100_000))
@settings(max_examples=30, deadline=None)
def test_overlap_is_what_counting_pixels_gives(seed):
    rng = np.random.default_rng(seed)
    a, b = (np.array([*rng.uniform(15, 25, 2), rng.uniform(-1.5, 1.5), *rng.uniform(4, 16, 2)]) for _ in range(2))
    y, x = np.mgrid[0:400, 0:400] / 10 + 0.05

    def inside(r):
        dx, dy, c, s = x - r[0], y - r[1], np.cos(r[2]), np.sin(r[2])
        return (np.abs(c * dx + s * dy) <= r[3] / 2) & (np.abs(c * dy - s * dx) <= r[4] / 2)

    both, either = (inside(a) & inside(b)).sum(), (inside(a) | inside(b)).sum()
    assert rectangle_iou(a, b) == pytest.approx(both / either, abs=0.02)


def test_a_guess_is_right_within_thirty_degrees_and_a_quarter_of_overlap():
    label = [[50, 50, np.radians(80), 40, 20]]
    assert matches([50, 50, np.radians(80), 40, 20], label)
    assert matches([50, 50, np.radians(-80), 40, 20], label), "20° apart across the half turn"
    assert not matches([50, 50, np.radians(45), 40, 20], label)
    assert not matches([80, 50, np.radians(80), 40, 20], label)
    assert not matches([50, 50, 0, 40, 20], np.zeros((0, 5)))
