"""Point clouds of views: a fixed number of the points that a view saw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen import lens
from graspgen.dataset.reader import Dataset
from graspgen.frames import Array
from graspgen.loaders.augment import Geometric, augmented
from graspgen.loaders.errors import LoaderError
from graspgen.loaders.images import RGBDViews
from graspgen.loaders.source import Sample, Transform


class PointClouds(RGBDViews):
    """One sample for each view: points that it saw.

        points (N, 3) float32            camera's frame (x right, y down, z forward), m
        colours (N, 3) uint8             sRGB, with `colours`
        point_instances (N,) uint8       id of the object; 0 is the background
        T_camera_view (4, 4) float64, view () int64    as for `RGBDViews`

    Points are those of pixels drawn without repetition and evenly: the pixels with depth, in the order of the image,
    are cut into N equal parts, and one is drawn from each. A view with fewer pixels repeats some.

    Args:
        dataset: open, or its path.
        views: rows of views, or a mask; None for all.
        points: N.
        colours: read the colours too.
        max_depth: leave out what is farther, m.
        augment: `Flip`, `Rotate`, or functions (sample, generator) → sample.
        seed: of what is random.

    Raises:
        LoaderError: there is no such view, or no point is asked for.
    """

    def __init__(
        self,
        dataset: Dataset | str | Path,
        *,
        views: ArrayLike | None = None,
        points: int = 20_000,
        colours: bool = False,
        max_depth: float = np.inf,
        augment: Sequence[Geometric | Transform] = (),
        seed: int = 0,
    ) -> None:
        images = ("rgb", "depth", "instances") if colours else ("depth", "instances")
        super().__init__(dataset, views=views, images=images, augment=augment, seed=seed)
        if points < 1:
            raise LoaderError(f"a cloud has points, got {points}")
        self.points, self.max_depth = points, max_depth

    def sample(self, row: int, rng: np.random.Generator) -> Sample:
        """Make the sample of a view."""
        return augmented(self.cloud(row, rng), self.augment, rng)

    def cloud(self, row: int, rng: np.random.Generator) -> Sample:
        """Draw the points of a view."""
        views = self.dataset.views
        image = views["depth"][row]
        counts = image.reshape(-1)  # as stored: most pixels are never turned into metres
        scale = self.dataset.depth_scale
        pixels = draw_pixels(counts, self.points, rng, self.max_depth / scale)
        z = counts.take(pixels) * np.float32(scale)
        found = pixel_points(pixels, z, image.shape[1], views.take("K", row), views.take("distortion", row))
        sample: Sample = {"points": found}
        if "rgb" in self.images:
            sample["colours"] = self.dataset.rgb(row).reshape(-1, 3).take(pixels, axis=0)
        sample["point_instances"] = self.dataset.instances(row).reshape(-1).take(pixels)
        return sample | {"T_camera_view": np.eye(4), "view": np.array(row)}


def draw_pixels(depth: NDArray, count: int, rng: np.random.Generator, limit: float = np.inf) -> NDArray[np.int32]:
    """Draw `count` of the pixels of a flat image that have a depth above 0 and at most `limit`, ascending.

    Raises:
        LoaderError: no pixel has one.
    """
    known = depth > 0
    if np.isfinite(limit):
        known &= depth <= limit
    total = int(np.count_nonzero(known))
    if not total:
        raise LoaderError("a view without any depth has no points; leave it out with `views`")
    at = np.arange(count, dtype=np.float64)
    at += rng.random(count, dtype=np.float32)
    at *= total / count
    steps = at.astype(np.int32)
    np.minimum(steps, total - 1, out=steps)
    return steps if total == len(depth) else np.flatnonzero(known).astype(np.int32).take(steps)


def pixel_points(
    pixels: NDArray[np.int32], z: NDArray[np.float32], width: int, K: Array, distortion: Array
) -> NDArray[np.float32]:
    """Return the (n, 3) points of the centres of pixels at depths z, m, camera's frame.

    Args:
        pixels: (n,) number of the pixel, row by row.
        z: (n,) planar depth, m.
        width: of the image, px.
        K: (3, 3) camera matrix, px.
        distortion: k1, k2, p1, p2, k3.
    """
    rows = pixels // np.int32(width)
    columns = pixels - rows * np.int32(width)
    (fx, fy), (cx, cy) = np.diagonal(K)[:2].astype(np.float32), (K[:2, 2] - 0.5).astype(np.float32)
    a, b = (columns.astype(np.float32) - cx) / fx, (rows.astype(np.float32) - cy) / fy
    if np.any(distortion):
        a, b = lens.undistort(np.stack([a, b], -1), distortion).astype(np.float32).T
    found = np.empty((len(pixels), 3), np.float32)
    np.multiply(a, z, out=found[:, 0])
    np.multiply(b, z, out=found[:, 1])
    found[:, 2] = z
    return found
