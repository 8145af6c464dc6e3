"""Views as samples: the images that were asked for, and the camera that took them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from graspgen.dataset.reader import Dataset
from graspgen.errors import nearest
from graspgen.loaders.augment import Geometric, augmented
from graspgen.loaders.errors import LoaderError
from graspgen.loaders.source import DatasetSource, Sample, Transform, chosen_rows

#: Images that a view can give.
IMAGES = ("rgb", "depth", "instances")


class RGBDViews(DatasetSource):
    """One sample for each view.

    A sample holds, for an image of H × W px:

        rgb (H, W, 3) uint8      sRGB
        depth (H, W) float32     planar z, m; 0 where there is none
        instances (H, W) uint8   ids of objects; 0 is the background
        K (3, 3), distortion (5) float64
        T_camera_view (4, 4)     frame of the camera that the dataset stores, in this sample's camera: the identity but
                                 for augmentations; determinant −1 after a flip
        view () int64            row in `dataset.views`

    Args:
        dataset: open, or its path.
        views: rows of views, or a mask; None for all.
        images: which of rgb, depth, instances.
        augment: `Flip`, `Rotate`, `Crop`, `Resize`, or functions (sample, generator) → sample, in order.
        seed: of what is random.

    Raises:
        LoaderError: there is no such view or image.
    """

    def __init__(
        self,
        dataset: Dataset | str | Path,
        *,
        views: ArrayLike | None = None,
        images: Sequence[str] = IMAGES,
        augment: Sequence[Geometric | Transform] = (),
        seed: int = 0,
    ) -> None:
        super().__init__(dataset, seed)
        self.rows = chosen_rows(len(self.dataset.views), views, "views")
        for name in images:
            if name not in IMAGES:
                raise LoaderError(f"a view has no image '{name}'{nearest(name, IMAGES)}")
        self.images = tuple(images)
        self.augment = tuple(augment)

    def sample(self, row: int, rng: np.random.Generator) -> Sample:
        """Make the sample of a view."""
        return augmented(self.view_sample(row), self.augment, rng)

    def view_sample(self, row: int) -> Sample:
        """Return a view as it is stored."""
        views = self.dataset.views
        sample: Sample = {name: views[name][row] for name in self.images}
        if "depth" in sample:
            sample["depth"] = sample["depth"] * np.float32(self.dataset.depth_scale)
        sample |= {
            "K": views.take("K", row).copy(),
            "distortion": views.take("distortion", row).copy(),
            "T_camera_view": np.eye(4),
            "view": np.array(row),
        }
        return sample
