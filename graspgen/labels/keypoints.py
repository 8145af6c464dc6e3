"""Keypoints in a view: where they are in the image, and what hides them.

The keypoints of an object are the eight corners of its box and its centre (numbers 0 … 8, the order of the column
`cuboid`), then the named ones of its asset, in the order of their names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.frames import Array, transform_points
from graspgen.lens import project

#: What is seen this far before a keypoint hides it, m: about as much as a slanted surface changes within a pixel.
HIDDEN = 0.004

#: Corners of a box as low/high (0/1) of x, y, z, in the order of the column `cuboid`.
CORNERS: Array = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)


class KeypointState(IntEnum):
    """Whether a keypoint is seen, and why not."""

    VISIBLE = 0
    """Nothing is seen before it."""
    SELF_OCCLUDED = 1
    """Its own object is seen before it."""
    OCCLUDED = 2
    """Something else is seen before it."""
    OUT_OF_FRAME = 3
    BEHIND = 4
    """Behind the camera, or beyond the lens's field."""


def box_points(bounds: ArrayLike) -> Array:
    """Return the (..., 9, 3) corners of boxes along the axes, in the order of `CORNERS`, then their centres.

    Args:
        bounds: (..., 2, 3) smallest and largest coordinates.
    """
    low, high = (np.asarray(bounds, float)[..., None, k, :] for k in (0, 1))
    return np.concatenate([low + CORNERS * (high - low), (low + high) / 2], axis=-2)


def object_keypoints(bounds: ArrayLike, named: Mapping[str, Sequence[float]]) -> Array:
    """Return the (9 + k, 3) keypoints of an object in its frame, m.

    Args:
        bounds: (2, 3) smallest and largest coordinates of its mesh, m.
        named: its k named keypoints, m.
    """
    own = [named[name] for name in sorted(named)]
    return np.concatenate([box_points(bounds), np.reshape(own, (-1, 3))])


def locate(
    points: Array,
    instance: NDArray[np.integer],
    K: ArrayLike,
    distortion: ArrayLike,
    depth: NDArray[np.number],
    instances: NDArray[np.uint8],
    depth_scale: float = 1.0,
) -> dict[str, NDArray[Any]]:
    """Find keypoints in a view.

    Args:
        points: (n, 3) in the camera's frame, m.
        instance: (n,) id of the object of each.
        K: (3, 3) camera matrix, px.
        distortion: k1, k2, p1, p2, k3.
        depth: (H, W) planar z as it is stored, 0 where nothing was seen.
        instances: (H, W) ids.
        depth_scale: what `depth` counts, m.

    Returns:
        `pixel` (n, 2) float32, px, NaN behind the camera; `depth` (n,) float32, z, m; `state` (n,) uint8.
    """
    pixel = project(K, distortion, points)
    height, width = depth.shape
    state = np.full(len(points), int(KeypointState.BEHIND), np.uint8)
    ahead = np.isfinite(pixel).all(axis=1)
    # float32, as it is stored: so the pixel that it lies in can be found again.
    pixel = pixel.astype(np.float32)
    inside = ahead & (pixel >= 0).all(axis=1) & (pixel < [width, height]).all(axis=1)
    state[ahead] = KeypointState.OUT_OF_FRAME
    x, y = pixel[inside].astype(np.int64).T
    seen, before = depth[y, x] * np.float32(depth_scale), instances[y, x]
    hidden = (seen > 0) & (seen < points[inside, 2] - HIDDEN)
    own = before == instance[inside]
    state[inside] = np.where(
        hidden, np.where(own, KeypointState.SELF_OCCLUDED, KeypointState.OCCLUDED), KeypointState.VISIBLE
    )
    return {"pixel": pixel, "depth": points[:, 2].astype(np.float32), "state": state}


def view_keypoints(
    each: Sequence[Array],
    T_camera_object: Array,
    instance: Sequence[int],
    K: ArrayLike,
    distortion: ArrayLike,
    depth: NDArray[np.number],
    instances: NDArray[np.uint8],
    depth_scale: float = 1.0,
) -> dict[str, NDArray[Any]]:
    """Find all keypoints of the objects of a view: `row` (of the object), `number`, and what `locate` returns.

    Args:
        each: (k, 3) keypoints of each object in its frame, m, as `object_keypoints` gives them.
        T_camera_object: (n, 4, 4) poses.
        instance: id of each.
        K: (3, 3) camera matrix, px.
        distortion: k1, k2, p1, p2, k3.
        depth: (H, W) as for `locate`.
        instances: (H, W) ids.
        depth_scale: what `depth` counts, m.
    """
    counts = [len(points) for points in each]
    row = np.repeat(np.arange(len(each)), counts)
    placed = [transform_points(T, points) for T, points in zip(T_camera_object, each, strict=True)]
    points = np.concatenate([np.zeros((0, 3)), *placed])
    number = np.concatenate([np.zeros(0, np.int64), *(np.arange(n) for n in counts)])
    ids = np.asarray(instance, np.int64)[row]
    return {"row": row, "number": number, **locate(points, ids, K, distortion, depth, instances, depth_scale)}
