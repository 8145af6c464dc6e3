"""What is around a grasp: a square of the image turned to it, and the points of a box about it, in its own frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.dataset.clouds import PointCloud, cloud
from graspgen.dataset.projection import T_camera_grasp
from graspgen.frames import Array, inverse, transform_points
from graspgen.lens import project

if TYPE_CHECKING:
    from graspgen.dataset.reader import Dataset

#: Default box about a grasp, m, in its frame: low and high corner. Before the tool point and beside the fingers.
BOX = ((-0.04, -0.08, -0.10), (0.04, 0.08, 0.06))


@dataclass(frozen=True, eq=False)
class GraspCrop:
    """A square of a view about a grasp; what lies outside the image is 0.

    Attributes:
        rgb: (s, s, 3) uint8, interpolated.
        depth: (s, s) float32, planar z, m, of the nearest pixel; 0 for none.
        instances: (s, s) uint8, of the nearest pixel.
        to_image: (2, 3) takes (column, row, 1) of the crop, px, to those of the view's image.
        T_camera_grasp: (4, 4).
    """

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    instances: NDArray[np.uint8]
    to_image: Array
    T_camera_grasp: Array

    def __repr__(self) -> str:
        return f"<crop of {len(self.depth)} × {len(self.depth)} px about a grasp>"


def grasp_crop(
    dataset: Dataset, view: int, row: int, *, pixels: int = 96, size: float | None = 0.16, turn: bool = True
) -> GraspCrop:
    """Cut a square about the tool point of a grasp out of a view.

    Args:
        dataset: open.
        view: row of the view.
        row: of `grasps`.
        pixels: of the crop's sides.
        size: what the crop's sides measure at the depth of the tool point, m; None keeps the scale of the image.
        turn: so that the closing direction, as the image shows it, points to the right.

    Raises:
        ValueError: the tool point has no pixel: it is behind the camera, or beyond its lens's field.
        KeyError: the grasp belongs to no scene.
    """
    camera = dataset.camera(view)
    T = T_camera_grasp(dataset, row, camera)[0]
    # Half a centimetre either way along the closing direction: how the image shows it there.
    ends = transform_points(T, [[0, 0, 0], [0, 0.005, 0], [0, -0.005, 0]])
    centre, right, left = project(camera.K, camera.distortion, ends)
    if np.isnan([centre, right, left]).any():
        raise ValueError(f"the tool point of grasp row {row} has no pixel in view {view}")
    closing = right - left if turn and np.hypot(*(right - left)) > 1e-6 else np.array([1.0, 0.0])
    along = closing / np.hypot(*closing)
    scale = 1.0 if size is None else np.asarray(camera.K)[0, 0] * size / T[2, 3] / pixels
    turned = scale * np.stack([along, [-along[1], along[0]]], axis=-1)
    to_image = np.column_stack([turned, centre - turned @ [pixels / 2, pixels / 2]])
    at = np.arange(pixels) + 0.5
    x, y = np.meshgrid(at, at)
    where = np.stack([x, y], axis=-1) @ to_image[:, :2].T + to_image[:, 2]
    return GraspCrop(
        rgb=bilinear(dataset.rgb(view), where),
        depth=nearest_pixels(dataset.depth(view), where),
        instances=nearest_pixels(dataset.instances(view), where),
        to_image=to_image,
        T_camera_grasp=T,
    )


def grasp_cloud(
    dataset: Dataset, view: int, row: int, *, box: ArrayLike = BOX, normals: bool = False, stride: int = 1
) -> PointCloud:
    """Return the points of a view inside a box about a grasp, in the grasp frame (z approach, y closing direction).

    Args:
        dataset: open.
        view: row of the view.
        row: of `grasps`.
        box: (2, 3) low and high corner, m, grasp frame.
        normals: with normals, as `cloud`.
        stride: as `cloud`.

    Raises:
        KeyError: the grasp belongs to no scene.
    """
    T = T_camera_grasp(dataset, row, view)[0]
    found = cloud(dataset, view, normals=normals, stride=stride).moved(inverse(T), "grasp")
    low, high = np.asarray(box, float)
    return found.chosen(((found.points >= low) & (found.points <= high)).all(axis=-1))


def nearest_pixels(image: NDArray, where: Array) -> NDArray:
    """Return an image's values at (..., 2) positions, px, of the pixel that holds each; 0 outside."""
    height, width = image.shape[:2]
    column, row = (np.floor(where[..., i]).astype(np.int64) for i in (0, 1))
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    found = image[np.where(inside, row, 0), np.where(inside, column, 0)]
    found[~inside] = 0
    return found


def bilinear(image: NDArray[np.uint8], where: Array) -> NDArray[np.uint8]:
    """Return an (H, W, C) image's values at (..., 2) positions, px, between the four pixels about each; 0 outside."""
    height, width = image.shape[:2]
    x, y = where[..., 0] - 0.5, where[..., 1] - 0.5
    x0, y0 = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    u, v = (x - x0)[..., None], (y - y0)[..., None]
    found = np.zeros((*where.shape[:-1], image.shape[2]))
    for dx, dy, weight in ((0, 0, (1 - u) * (1 - v)), (1, 0, u * (1 - v)), (0, 1, (1 - u) * v), (1, 1, u * v)):
        column, row = np.clip(x0 + dx, 0, width - 1), np.clip(y0 + dy, 0, height - 1)
        found += weight * image[row, column]
    inside = ((where >= 0) & (where <= [width, height])).all(axis=-1)
    return (np.where(inside[..., None], found, 0) + 0.5).astype(np.uint8)
