"""Augmentations: what labels say and what the augmented image shows are the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graspgen.frames import axis_angle, is_rotation, pose, transform_points
from graspgen.labels.rectangles import grasp_rectangles
from graspgen.lens import project
from graspgen.loaders import Crop, Flip, LoaderError, Resize, Rotate
from graspgen.loaders import warp as warps
from graspgen.loaders.augment import augmented
from graspgen.loaders.clouds import pixel_points
from graspgen.loaders.warp import half_turn

W, H = 320, 240
K = np.array([[300.0, 0, 151.0], [0, 330.0, 127.0], [0, 0, 1]])
LENS = np.array([-0.05, 0.01, 0.002, -0.003, 0.0])


def spots(points, distortion):
    """An image with a round bright spot where each point of the camera's frame is seen."""
    y, x = np.mgrid[:H, :W] + 0.5
    image = np.zeros((H, W))
    for u, v in project(K, distortion, points):
        image = np.maximum(image, np.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * 2.5**2)))
    return np.repeat(np.rint(255 * image).astype(np.uint8)[..., None], 3, axis=2)


def seen_at(image, near, radius=9):
    """The middle of the light within a radius of a pixel."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
    light = image[..., 0] * ((x - near[0]) ** 2 + (y - near[1]) ** 2 < radius**2)
    return np.array([(x * light).sum(), (y * light).sum()]) / light.sum()


def sample_of(points, distortion=LENS, **more):
    return {
        "rgb": spots(points, distortion), "K": K.copy(), "distortion": np.array(distortion, float),
        "T_camera_view": np.eye(4), "points": points, **more,
    }  # fmt: skip


POINTS = np.array([[0.0, 0.0, 0.6], [0.12, -0.05, 0.7], [-0.1, 0.08, 0.5], [0.05, 0.1, 0.9]])


@pytest.mark.parametrize(
    "steps",
    [
        [Flip(1.0)],
        [Rotate(180)],
        [Crop(200, 160, (0.6, 0.9))],
        [Resize(240, 240)],
        [Flip(1.0), Rotate(180), Crop(160, 160, (0.7, 1.0)), Resize(200, 150)],
        [Rotate(90), Flip(1.0), Crop(210, 180)],
    ],
    ids=lambda steps: "-".join(type(s).__name__ for s in steps),
)
@pytest.mark.parametrize("lens", [np.zeros(5), LENS], ids=["pinhole", "lens"])
def test_points_project_to_where_the_augmented_image_shows_them(steps, lens):
    checked = 0
    for seed in range(5):
        found = augmented(sample_of(POINTS, lens), steps, np.random.default_rng(seed))
        height, width = found["rgb"].shape[:2]
        for pixel in project(found["K"], found["distortion"], found["points"]):
            if ((pixel > 12) & (pixel < [width - 12, height - 12])).all():
                assert np.linalg.norm(seen_at(found["rgb"], pixel) - pixel) < 0.5
                checked += 1
    assert checked > 5


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_rectangles_moved_in_the_image_are_those_of_the_grasps_moved_in_space(seed):
    rng = np.random.default_rng(seed)
    square = np.array([[300.0, 0, 151.0], [0, 300.0, 127.0], [0, 0, 1]])
    T = np.stack(
        [pose(axis_angle([0, 0, 1], rng.uniform(0, 6)), [*rng.uniform(-0.05, 0.05, 2), 0.6]) for _ in range(3)]
    )
    width = rng.uniform(0.02, 0.08, 3)
    sample = {
        "depth": np.ones((H, W), np.float32), "K": square, "distortion": np.zeros(5), "T_camera_view": np.eye(4),
        "T_camera_grasp": T, "grasp_width": width, "rectangles": grasp_rectangles(T, width, square), "good": width > 0,
    }  # fmt: skip
    found = augmented(sample, [Rotate(180), Flip(), Crop(200, 200, (0.8, 1.0))], rng)
    again = grasp_rectangles(found["T_camera_grasp"], found["grasp_width"], found["K"])
    assert found["rectangles"][:, [0, 1, 3, 4]] == pytest.approx(again[:, [0, 1, 3, 4]], abs=1e-6)
    assert half_turn(found["rectangles"][:, 2] - again[:, 2]) == pytest.approx(0, abs=1e-6)
    assert is_rotation(found["T_camera_grasp"][:, :3, :3]).all(), "a flip leaves no mirrored hand behind"


def test_a_flip_mirrors_where_a_jaw_goes_and_keeps_its_frame_right_handed():
    T = pose(axis_angle([1, 2, 3], 0.7), [0.1, 0.02, 0.5])[None]
    sample = sample_of(POINTS, np.zeros(5), T_camera_grasp=T)
    found = augmented(sample, [Flip(1.0)], np.random.default_rng(0))
    mirror = np.diag([-1.0, 1, 1])
    for local in ([0, 0.04, 0], [0, -0.04, 0], [0, 0, -0.1]):  # pads and wrist
        expected = mirror @ transform_points(T[0], [local])[0]
        assert transform_points(found["T_camera_grasp"][0], [local])[0] == pytest.approx(expected)
    assert np.linalg.det(found["T_camera_view"]) == pytest.approx(-1)
    assert found["K"][0, 2] == W - K[0, 2]


def test_poses_of_objects_refuse_to_be_mirrored():
    sample = sample_of(POINTS, T_camera_object=np.eye(4))
    with pytest.raises(LoaderError, match="mirrored object"):
        augmented(sample, [Flip(1.0)], np.random.default_rng(0))
    assert augmented(sample, [Flip(0.0)], np.random.default_rng(0))["K"] == pytest.approx(K)


def test_a_turn_moves_the_pose_of_an_object_by_the_same_rotation():
    T = pose(axis_angle([1, 2, 3], 0.7), [0.1, 0.02, 0.5])
    found = augmented(sample_of(POINTS, T_camera_object=T), [Rotate(180)], np.random.default_rng(1))
    assert found["T_camera_object"] == pytest.approx(found["T_camera_view"] @ T)
    assert found["T_camera_view"][:3, 2] == pytest.approx([0, 0, 1]), "about the optical axis"
    assert is_rotation(found["T_camera_view"][:3, :3])


def test_depth_of_a_turned_view_gives_the_turned_points():
    y, x = np.mgrid[:H, :W] + 0.5
    # The plane z = 0.8 + 0.3 X + 0.1 Y, through a pinhole camera.
    a, b = (x - K[0, 2]) / K[0, 0], (y - K[1, 2]) / K[1, 1]
    depth = (0.8 / (1 - 0.3 * a - 0.1 * b)).astype(np.float32)
    sample = {"depth": depth, "K": K.copy(), "distortion": np.zeros(5), "T_camera_view": np.eye(4)}
    found = augmented(sample, [Rotate(180), Crop(160, 120, (0.5, 0.8))], np.random.default_rng(3))
    pixels = np.flatnonzero(found["depth"] > 0).astype(np.int32)
    points = pixel_points(pixels, found["depth"].reshape(-1)[pixels], 160, found["K"], np.zeros(5))
    before = points @ found["T_camera_view"][:3, :3]  # the inverse turn
    off = before[:, 2] - (0.8 + 0.3 * before[:, 0] + 0.1 * before[:, 1])
    assert np.abs(off).max() < 0.3 * 0.8 * 0.75 / 300 * 2, "at most a pixel's step of depth"


def test_steps_in_a_row_are_one_resampling_of_the_same_place():
    steps = [Flip(1.0), Rotate(120), Crop(200, 150, (0.6, 0.9))]
    at_once = augmented(sample_of(POINTS), steps, np.random.default_rng(5))
    rng, one_by_one = np.random.default_rng(5), sample_of(POINTS)
    for step in steps:
        one_by_one = augmented(one_by_one, [step], rng)
    for name in ("K", "distortion", "points", "T_camera_view"):
        assert at_once[name] == pytest.approx(one_by_one[name], abs=1e-9)
    middle = np.s_[20:-20, 20:-20]
    off = np.abs(at_once["rgb"][middle].astype(int) - one_by_one["rgb"][middle])
    assert np.percentile(off, 99) < 30


def test_rectangles_that_leave_the_image_are_dropped_with_all_that_goes_with_them():
    rectangles = np.array([[20.0, 120, 0, 30, 10], [160, 120, 0.3, 30, 10]], np.float32)
    sample = {
        "depth": np.ones((H, W), np.float32), "K": K.copy(), "distortion": np.zeros(5), "rectangles": rectangles,
        "good": np.array([False, True]), "grasp": np.array([4, 9]), "grasp_width": np.ones(2, np.float32),
    }  # fmt: skip
    found = augmented(sample, [Crop(160, 120, (0.5, 0.5), centred=True)], np.random.default_rng(0))
    assert found["grasp"].tolist() == [9] and found["good"].all() and len(found["rectangles"]) == 1
    assert found["rectangles"][0] == pytest.approx([80, 60, 0.3, 30, 10], abs=1e-5)


def test_maps_are_not_augmented_once_they_are_drawn():
    with pytest.raises(LoaderError, match="'quality' cannot be augmented once it is made"):
        augmented(sample_of(POINTS, quality=np.zeros((H, W), np.float32)), [Rotate()], np.random.default_rng(0))


def test_a_cloud_can_be_turned_but_not_cropped():
    cloud = {"points": POINTS, "approach": POINTS, "T_camera_view": np.eye(4), "view": np.array(0)}
    found = augmented(cloud, [Rotate(180), Flip(1.0)], np.random.default_rng(0))
    S = found["T_camera_view"][:3, :3]
    assert found["points"] == pytest.approx(POINTS @ S.T) and np.linalg.det(S) == pytest.approx(-1)
    with pytest.raises(LoaderError, match="without an image"):
        augmented(cloud, [Crop(10, 10)], np.random.default_rng(0))


@given(st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_shrinking_keeps_the_mean_of_an_image(width, height):
    image = np.random.default_rng(0).integers(0, 255, (80, 80, 3), np.uint8)
    pixels = np.diag([width / 80, height / 80, 1.0])
    small = warps.resample(image, pixels, (width, height), smooth=True)
    assert small.shape == (height, width, 3)
    assert small.mean() == pytest.approx(image.mean(), abs=6)


@pytest.mark.parametrize("wrong", [{"width": 0}, {"scale": (0.0, 1.0)}, {"scale": (0.5, 1.5)}])
def test_a_crop_that_cannot_be_is_refused(wrong):
    with pytest.raises(LoaderError, match="a crop has"):
        Crop(**{"width": 10, "height": 10, **wrong})
