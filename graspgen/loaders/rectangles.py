"""Grasp rectangles as samples.

`graspgen.labels.rectangles` says what a rectangle is, `graspgen.dataset.planar` which grasps have one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.dataset.planar import planar_rectangles
from graspgen.dataset.reader import Dataset
from graspgen.dataset.scene_grasps import view_grasps
from graspgen.loaders.augment import Geometric, augmented
from graspgen.loaders.errors import LoaderError
from graspgen.loaders.fields import groups
from graspgen.loaders.images import RGBDViews
from graspgen.loaders.source import Sample, Transform


class GraspRectangles(RGBDViews):
    """One sample for each view: its images, and its planar grasps as rectangles.

    Beside what `RGBDViews` gives, for the n grasps of the view that have a rectangle (`planar_rectangles`), bad first:

        rectangles (n, 5) float32       x, y, angle, width, jaw: px, rad
        good (n,) bool                  works where the object lies (`good_grasps`)
        grasp (n,) int64                key of the grasp
        grasp_width (n,) float32        opening, m
        T_camera_grasp (n, 4, 4)        float64

    Args:
        dataset: open, or its path.
        views: rows of views, or a mask; None for all.
        images: which of rgb, depth, instances.
        max_tilt_deg: largest angle between approach and optical axis.
        jaw: breadth of the jaw, m.
        only_good: leave out rectangles of bad grasps.
        min_grasps: leave out views with fewer good rectangles.
        augment: as for `RGBDViews`; rectangles whose centre leaves the image are dropped.
        seed: of what is random.

    Raises:
        LoaderError: there is no such view or image, or the tilt is not within 0 … 90°.
    """

    ragged = groups(("rectangles", "good", "grasp", "grasp_width", "T_camera_grasp"))

    def __init__(
        self,
        dataset: Dataset | str | Path,
        *,
        views: ArrayLike | None = None,
        images: Sequence[str] = ("rgb", "depth"),
        max_tilt_deg: float = 30.0,
        jaw: float = 0.02,
        only_good: bool = False,
        min_grasps: int = 0,
        augment: Sequence[Geometric | Transform] = (),
        seed: int = 0,
    ) -> None:
        super().__init__(dataset, views=views, images=images, augment=augment, seed=seed)
        if not 0 <= max_tilt_deg <= 90:
            raise LoaderError(f"max_tilt_deg is an angle within 0 … 90, got {max_tilt_deg:g}")
        self.max_tilt_deg, self.jaw, self.only_good = max_tilt_deg, jaw, only_good
        if min_grasps:
            enough = [int(self.labels(row, None)["good"].sum()) >= min_grasps for row in self.rows.tolist()]
            self.rows = self.rows[np.array(enough, bool)]

    def sample(self, row: int, rng: np.random.Generator) -> Sample:
        """Make the sample of a view."""
        sample = self.view_sample(row)
        return augmented(sample | self.labels(row, sample.get("instances")), self.augment, rng)

    def labels(self, row: int, instances: NDArray[np.uint8] | None) -> Sample:
        """Return the rectangles of a view; `instances` saves reading its ids again."""
        found = view_grasps(self.dataset, row)
        planar, rectangles = planar_rectangles(
            self.dataset, row, found, max_tilt_deg=self.max_tilt_deg, jaw=self.jaw, instances=instances
        )
        if self.only_good:
            kept = found.good[planar]
            planar, rectangles = planar[kept], rectangles[kept]
        order = np.argsort(found.good[planar], kind="stable")
        planar = planar[order]
        return {
            "rectangles": rectangles[order].astype(np.float32),
            "good": found.good[planar],
            "grasp": self.dataset.grasps.take("id", found.rows[planar]),
            "grasp_width": found.width[planar].astype(np.float32),
            "T_camera_grasp": found.T_camera_grasp[planar],
        }
