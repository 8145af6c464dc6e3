"""Layers of a view that its depth, ids and poses give: points, distance, object coordinates, flow.

A pixel without depth has none of them (NaN). Points are those of the pixels' centres.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.frames import Array, inverse, transform_points
from graspgen.lens import grid_rays, project

#: A point of a view is seen in another one where that one's depth is not smaller by more than this, m.
SAME = 0.005

Layer = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Seen:
    """What a view saw, and from where.

    Attributes:
        depth: (H, W) planar z, m, 0 where nothing was seen.
        instances: (H, W) ids.
        K: (3, 3) camera matrix, px.
        distortion: k1, k2, p1, p2, k3.
        T_world_camera: (4, 4).
        T_world_object: (4, 4) pose of every object, by id.
    """

    depth: NDArray[np.floating]
    instances: NDArray[np.uint8]
    K: Array
    distortion: Array
    T_world_camera: Array
    T_world_object: Mapping[int, Array]


def points(depth: NDArray[np.floating], K: ArrayLike, distortion: ArrayLike) -> Array:
    """Return the (H, W, 3) points that a view saw, camera's frame, m; NaN without depth."""
    height, width = depth.shape
    z = np.where(depth > 0, depth, np.nan).astype(float)
    flat = grid_rays(K, distortion, 0, 0, width, height)
    return np.stack([flat[..., 0] * z, flat[..., 1] * z, z], axis=-1)


def object_coordinates(seen: Seen, bounds: Mapping[int, Array]) -> Layer:
    """Return the (H, W, 3) normalised object coordinates (NOCS): where in its object's box a pixel's point is.

    0 is the low, 1 the high end of the box along each axis of the object; NaN for the background. (Wang et al., 2019,
    arXiv 1901.02970, divide by the box's diagonal instead: q = 0.5 + (p − 0.5) · extents / diagonal.)

    Args:
        seen: the view.
        bounds: (2, 3) low and high coordinates of every object's mesh in its frame, m, by id.
    """
    found = np.full((*seen.depth.shape, 3), np.nan, np.float32)
    placed = points(seen.depth, seen.K, seen.distortion)
    for instance in np.unique(seen.instances).tolist():
        if instance:
            mask = (seen.instances == instance) & (seen.depth > 0)
            T_object_camera = inverse(seen.T_world_object[instance]) @ seen.T_world_camera
            low, high = np.asarray(bounds[instance], float)
            local = transform_points(T_object_camera, placed[mask])
            found[mask] = np.clip((local - low) / np.maximum(high - low, 1e-9), 0, 1)
    return found


def moved_points(a: Seen, b: Seen) -> Array:
    """Return the (H, W, 3) points that view a saw, where they are in view b's camera frame, m.

    Points of an object go with it; those of the background stay in the world. NaN where a saw nothing, or an object
    that b's scene does not have.
    """
    placed = points(a.depth, a.K, a.distortion)
    still = inverse(b.T_world_camera) @ a.T_world_camera
    found = transform_points(still, placed)
    for instance in np.unique(a.instances).tolist():
        if not instance:
            continue
        mask = a.instances == instance
        if instance not in b.T_world_object:
            found[mask] = np.nan
            continue
        motion = np.asarray(b.T_world_object[instance]) @ inverse(a.T_world_object[instance])
        T = inverse(b.T_world_camera) @ motion @ a.T_world_camera
        found[mask] = transform_points(T, placed[mask])
    return found


def flow(a: Seen, b: Seen, *, visible: bool = True) -> Layer:
    """Return the (H, W, 2) optical flow from view a to view b: how far each pixel of a moves to the right and down, px.

    NaN where there is no point, or it is not in b's picture; where `visible`, also where something else is seen there
    in b. A pixel of b that is nearer or shows another object hides the point.
    """
    target = moved_points(a, b)
    height, width = a.depth.shape
    pixel = project(b.K, b.distortion, target)
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    found = pixel - np.stack([columns, rows], axis=-1)
    h, w = b.depth.shape
    with np.errstate(invalid="ignore"):
        inside = ((pixel >= 0) & (pixel < [w, h])).all(axis=-1)
    x, y = (np.where(inside, pixel[..., i], 0).astype(np.int64) for i in (0, 1))
    if visible:
        z, seen = target[..., 2], b.depth[y, x]
        inside &= (b.instances[y, x] == a.instances) & (seen > 0) & (seen > z - SAME - 0.01 * z)
    found[~inside] = np.nan
    return found.astype(np.float32)


def scene_flow(a: Seen, b: Seen) -> Layer:
    """Return the (H, W, 3) motion of each point that view a saw, from a to b, m, each in its own camera's frame.

    It is the point in b's camera frame less the point in a's: of a still scene the motion that the camera's causes.
    """
    return (moved_points(a, b) - points(a.depth, a.K, a.distortion)).astype(np.float32)
