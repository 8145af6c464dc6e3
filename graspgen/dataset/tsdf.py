"""TSDF volumes from the depth of views: truncated signed distances on a grid (Curless and Levoy, 1996).

Each voxel's centre is projected into each view; its distance is (depth there − its own depth) · length of its ray for
depth 1, positive before the surface. Distances above minus the truncation are cut at the truncation and averaged.
That is what Open3D's `UniformTSDFVolume` does, on whose grids VGN was trained (Breyer et al., 2020).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen import lens
from graspgen.frames import Array, inverse, pose, transform_points

if TYPE_CHECKING:
    from graspgen.dataset.reader import Dataset

#: VGN's: side of the cube, m; voxels along it; truncation, voxels; height of its table above the cube's floor, m.
SIZE, RESOLUTION, TRUNCATION, TABLE = 0.3, 40, 4.0, 0.05


@dataclass(frozen=True, eq=False)
class Volume:
    """A cube of truncated signed distances.

    Attributes:
        distance: (n, n, n) float32, along x, y, z: signed distance / truncation, from −1 inside to 1; NaN not seen.
        weight: (n, n, n) float32, views that saw the voxel.
        T_world_volume: (4, 4); the origin is the cube's corner, voxel (i, j, k) has its centre at (i + ½, …) · voxel.
        voxel: side of a voxel, m.
        truncation: m.
    """

    distance: NDArray[np.float32]
    weight: NDArray[np.float32]
    T_world_volume: Array
    voxel: float
    truncation: float

    def __repr__(self) -> str:
        n = len(self.distance)
        return f"<volume of {n}³ voxels of {1000 * self.voxel:g} mm>"

    @property
    def metres(self) -> NDArray[np.float32]:
        """(n, n, n) signed distances, m, at most the truncation; NaN where nothing was seen."""
        return self.distance * np.float32(self.truncation)

    @property
    def vgn_grid(self) -> NDArray[np.float32]:
        """(1, n, n, n) grid as VGN's networks take it: (distance + 1) / 2, 0 where it is unknown or at least 0.98."""
        with np.errstate(invalid="ignore"):
            near = (self.distance >= -0.98) & (self.distance < 0.98)
        return np.where(near, (self.distance + 1) / 2, 0).astype(np.float32)[None]


def voxel_centres(resolution: int, voxel: float) -> Array:
    """Return the (n, n, n, 3) centres of voxels, m, in the volume's frame."""
    at = (np.arange(resolution) + 0.5) * voxel
    return np.stack(np.meshgrid(at, at, at, indexing="ij"), axis=-1)


def volume_about(centre: ArrayLike, size: float = SIZE) -> Array:
    """Return the (4, 4) `T_world_volume` of a cube with axes along the world's about a point, m."""
    return pose(translation=np.asarray(centre, float) - size / 2)


def tsdf(
    dataset: Dataset,
    views: int | Iterable[int],
    *,
    T_world_volume: ArrayLike | None = None,
    size: float = SIZE,
    resolution: int = RESOLUTION,
    truncation: float = TRUNCATION,
) -> Volume:
    """Fuse the depth of views of one scene.

    Args:
        dataset: open.
        views: row of a view, or several.
        T_world_volume: pose of the cube's corner; None centres it over the middle of the support, its floor 5 cm below.
        size: side of the cube, m.
        resolution: voxels along a side.
        truncation: voxels.

    Raises:
        ValueError: there is no view, the views are of several scenes, or a number is not positive.
    """
    rows = [int(v) for v in np.atleast_1d(np.asarray(list(views) if isinstance(views, Iterable) else views))]
    scenes = {int(dataset.views.take("scene", dataset.views.at_row(v))) for v in rows}
    if not scenes:
        raise ValueError("a volume is made from at least one view")
    if len(scenes) > 1:
        raise ValueError(f"the views are of the scenes {sorted(scenes)}; a volume is of one")
    if size <= 0 or resolution < 1 or truncation <= 0:
        raise ValueError(f"size {size}, resolution {resolution} and truncation {truncation} must be positive")
    corner = pose(translation=[-size / 2, -size / 2, -TABLE]) if T_world_volume is None else T_world_volume
    volume = empty_volume(np.asarray(corner, float), size, resolution, truncation)
    for view in rows:
        camera = dataset.camera(view)
        volume = fuse(volume, dataset.depth(view), camera.K, camera.T_world_camera, camera.distortion)
    return volume


def empty_volume(T_world_volume: Array, size: float, resolution: int, truncation: float) -> Volume:
    """Return a cube that no view has seen; the arguments are those of `tsdf`."""
    shape, voxel = (resolution,) * 3, size / resolution
    unknown = np.full(shape, np.nan, np.float32)
    return Volume(unknown, np.zeros(shape, np.float32), T_world_volume, voxel, truncation * voxel)


def fuse(
    volume: Volume, depth: NDArray[np.floating], K: ArrayLike, T_world_camera: ArrayLike, D: ArrayLike = lens.NONE
) -> Volume:
    """Return the volume with one more view.

    Args:
        volume: so far.
        depth: (H, W) planar z, m, 0 for none.
        K: (3, 3) camera matrix, px.
        T_world_camera: (4, 4), OpenCV.
        D: k1, k2, p1, p2, k3 of the lens.
    """
    centres = voxel_centres(len(volume.distance), volume.voxel).reshape(-1, 3)
    points = transform_points(inverse(T_world_camera) @ volume.T_world_volume, centres)
    pixel = lens.project(K, D, points)
    height, width = depth.shape
    with np.errstate(invalid="ignore"):
        inside = ((pixel >= 0) & (pixel < [width, height])).all(axis=-1)
    column, row = (np.where(inside, pixel[:, i], 0).astype(np.int64) for i in (0, 1))
    z = points[:, 2]
    seen = depth[row, column]
    ray = np.linalg.norm(points, axis=-1) / np.where(inside, z, 1)
    found = (seen - z) * ray
    counts = inside & (seen > 0) & (found > -volume.truncation)
    value = np.minimum(1, found / volume.truncation)
    weight, old = volume.weight.reshape(-1), volume.distance.reshape(-1)
    mean = (np.nan_to_num(old) * weight + value) / (weight + 1)
    shape = volume.distance.shape
    return Volume(
        np.where(counts, mean, old).astype(np.float32).reshape(shape),
        (weight + counts).astype(np.float32).reshape(shape),
        volume.T_world_volume,
        volume.voxel,
        volume.truncation,
    )
