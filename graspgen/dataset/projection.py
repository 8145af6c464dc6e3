"""Grasps in any camera: poses in its frame, and the pixels of contact points and of the gripper's outline.

`Dataset` has `camera`, `T_world_grasp`, `T_camera_grasp` and `project_grasps`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen import lens
from graspgen.dataset.hand_lines import hand_lines
from graspgen.dataset.scene_grasps import objects_of
from graspgen.frames import Array, inverse, transform_points
from graspgen.labels.outline import clip_segment, gripper_segments
from graspgen.lens import NONE

if TYPE_CHECKING:
    from graspgen.dataset.reader import Dataset

#: Nothing nearer to the camera than this has pixels, m; and points along a segment, which a lens bends.
NEAR, STEPS = 0.02, 9


@dataclass(frozen=True, eq=False)
class Camera:
    """A camera: one of the dataset's views, or any other.

    Attributes:
        K: (3, 3) camera matrix, px; the centre of pixel (0, 0) is (0.5, 0.5).
        T_world_camera: (4, 4) pose of the OpenCV camera.
        width, height: px.
        distortion: OpenCV's k1, k2, p1, p2, k3.
    """

    K: ArrayLike
    T_world_camera: ArrayLike
    width: int
    height: int
    distortion: ArrayLike = NONE

    def project(self, points: ArrayLike) -> Array:
        """Project (..., n, 3) points, m, world frame, to (..., n, 2) pixels; NaN behind it or beyond its lens."""
        return lens.project(self.K, self.distortion, transform_points(inverse(self.T_world_camera), points))

    def shows(self, pixels: ArrayLike) -> NDArray[np.bool_]:
        """Return which (..., 2) pixels lie in the image."""
        with np.errstate(invalid="ignore"):
            return ((np.asarray(pixels) >= 0) & (np.asarray(pixels) < [self.width, self.height])).all(axis=-1)


@dataclass(frozen=True, eq=False)
class GraspPixels:
    """n grasps in the image of a camera; NaN where nothing can be seen.

    Attributes:
        rows: (n,) of `grasps`.
        T_camera_grasp: (n, 4, 4) grasp frame in the OpenCV camera's frame.
        tool: (n, 2) pixels of the tool points.
        contacts: (n, 2, 2) pixels of the two points where the pads should touch.
        outline: (n, k, 9, 2) pixels of the gripper's outline, points on each line: of a jaw two fingers, palm, stem, a
            bar across; of a multi-finger hand a stem, then from the base over the joints to the tip of every finger.
        closing: (n, f, 2, 2) pixels of each finger's pad before closing and at the grasp; of a jaw f is 2.
        in_image: (n,) the tool point lies in the image.
    """

    rows: NDArray[np.int64]
    T_camera_grasp: Array
    tool: Array
    contacts: Array
    outline: Array
    closing: Array
    in_image: NDArray[np.bool_]


def camera(dataset: Dataset, view: int, *, nominal: bool = False) -> Camera:
    """Return the camera of a view.

    Args:
        dataset: open.
        view: row of the view.
        nominal: with the pose that a calibration would report, instead of the true one.
    """
    views, view = dataset.views, dataset.views.at_row(view)
    height, width = views["depth"].shape_of(view)
    pose = "T_world_camera_nominal" if nominal else "T_world_camera"
    return Camera(views.take("K", view), views.take(pose, view), width, height, views.take("distortion", view))


def T_world_grasp(dataset: Dataset, rows: ArrayLike) -> Array:
    """Return (n, 4, 4) poses of the grasp frames of rows of `grasps` in the world, the objects at rest.

    Raises:
        KeyError: a grasp belongs to no scene (in a database of grasps, use `grasps["T_object_grasp"]`).
        DatasetError: a grasp is of an object that its scene does not have.
    """
    rows = np.atleast_1d(np.asarray(rows))
    grasps, objects = dataset.grasps, dataset.objects
    found = np.zeros((len(rows), 4, 4))
    scenes = grasps.take("scene", rows) if len(rows) else np.zeros(0, np.int64)
    if len(scenes) and scenes.min() < 0:
        raise KeyError(f"{dataset.place} has grasps that belong to no scene; use grasps['T_object_grasp']")
    for scene in np.unique(scenes).tolist():
        chosen = scenes == scene
        of = objects_of(dataset, scene, grasps.take("object", rows[chosen]))
        found[chosen] = objects.take("T_world_object", of) @ grasps.take("T_object_grasp", rows[chosen])
    return found


def T_camera_grasp(dataset: Dataset, rows: ArrayLike, camera: int | Camera) -> Array:
    """Return (n, 4, 4) poses of the grasp frames of rows of `grasps` in a camera's frame (OpenCV).

    The grasp frame has z along the approach and y along the closing direction.

    Args:
        dataset: open.
        rows: of `grasps`.
        camera: row of a view, or any camera.

    Raises:
        KeyError: a grasp belongs to no scene.
    """
    seen_from = camera if isinstance(camera, Camera) else dataset.camera(camera)
    return inverse(seen_from.T_world_camera) @ T_world_grasp(dataset, rows)


def project_grasps(dataset: Dataset, rows: ArrayLike, camera: int | Camera, *, finger: float = 0.045) -> GraspPixels:
    """Project rows of `grasps` into a camera's image, through its lens.

    Args:
        dataset: open.
        rows: of `grasps`; of the view's scene if `camera` is a view.
        camera: row of a view, or any camera.
        finger: length of the outline's fingers, m; of jaws.

    Raises:
        KeyError: a grasp belongs to no scene.
        DatasetError: the gripper is a multi-finger hand, and MuJoCo is missing.
    """
    rows = np.atleast_1d(np.asarray(rows))
    seen_from = camera if isinstance(camera, Camera) else dataset.camera(camera)
    T_world = T_world_grasp(dataset, rows)
    T = inverse(seen_from.T_world_camera) @ T_world
    grasps = dataset.grasps
    n = len(rows)
    local = inverse(grasps.take("T_object_grasp", rows)) if n else np.zeros((0, 4, 4))
    contacts = transform_points(local, grasps.take("contacts", rows)) if n else np.zeros((0, 2, 3))
    lines, ways = _lines(dataset, rows, finger)
    outline = np.full((*lines.shape[:2], STEPS, 3), np.nan)
    for i, k in np.argwhere(~np.isnan(lines[..., 0, 0])).tolist():
        ends = clip_segment(*transform_points(T[i], lines[i, k]), NEAR)
        if ends is not None:
            outline[i, k] = np.linspace(*ends, STEPS)
    ways = transform_points(T, ways.reshape(n, 2 * ways.shape[1], 3)).reshape(ways.shape)
    look = (seen_from.K, seen_from.distortion)
    tool = lens.project(*look, T[:, None, :3, 3])[:, 0]
    return GraspPixels(
        rows=rows,
        T_camera_grasp=T,
        tool=tool,
        contacts=lens.project(*look, transform_points(T, contacts)),
        outline=lens.project(*look, outline.reshape(-1, 3)).reshape(*outline.shape[:3], 2),
        closing=lens.project(*look, ways.reshape(-1, 3)).reshape(*ways.shape[:3], 2),
        in_image=seen_from.shows(tool),
    )


def _lines(dataset: Dataset, rows: NDArray[np.int64], finger: float) -> tuple[Array, Array]:
    """Return (n, k, 2, 3) lines of the grippers at grasps, and (n, f, 2, 3) ways of their pads; NaN beyond each one's.

    m, grasp frame.
    """
    grasps, n = dataset.grasps, len(rows)
    found: list[tuple[NDArray[np.int64], Array, Array]] = []
    keys = grasps.take("gripper", rows) if n else np.zeros(0, np.int64)
    for key in np.unique(keys).tolist():
        mine = np.flatnonzero(keys == key)
        fingers = grasps.take("fingers", rows[mine])
        # Only hands have joints stored, so jaws need no look into the table of grippers.
        hand = None if np.isnan(fingers).all() else hand_lines(dataset, dataset.grippers.index_of(key), fingers)
        if hand is None:
            width, grip = (grasps.take(name, rows[mine]) for name in ("width", "grip_width"))
            ways = np.zeros((len(mine), 2, 2, 3))
            ways[..., 1] = np.stack([width, grip], axis=1)[:, None] * np.array([0.5, -0.5])[:, None]
            hand = np.array([gripper_segments(w, finger) for w in width]), ways
        found.append((mine, *hand))
    lines = np.full((n, max((f[1].shape[1] for f in found), default=5), 2, 3), np.nan)
    ways = np.full((n, max((f[2].shape[1] for f in found), default=2), 2, 3), np.nan)
    for mine, own, way in found:
        lines[mine, : own.shape[1]], ways[mine, : way.shape[1]] = own, way
    return lines, ways
