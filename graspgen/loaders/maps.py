"""Planar grasps as maps: quality, angle and width for every pixel, as GG-CNN has them (Morrison et al., RSS 2018).

Inside the middle third of a good rectangle (along its closing line) the quality is 1, the angle is that of the
rectangle, as cos 2φ and sin 2φ since a line has no direction, and the width its opening in px. Elsewhere all are 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.frames import Array
from graspgen.loaders.errors import LoaderError
from graspgen.loaders.rectangles import GraspRectangles
from graspgen.loaders.source import Sample

#: Share of a rectangle's width, about its middle, in which a pixel counts as a grasp.
CORE = 1 / 3
MAPS = ("quality", "cos2", "sin2", "width")


class PlanarGraspMaps(GraspRectangles):
    """One sample for each view: its images, and maps of its good planar grasps.

    Beside what `RGBDViews` gives:

        quality, cos2, sin2, width (H, W) float32    width in px; 0 where there is no grasp
        rectangles (n, 5), grasp, grasp_width, T_camera_grasp, good    of the good grasps, as `GraspRectangles` has them

    Arguments are those of `GraspRectangles`. Rectangles are moved by augmentations before maps are drawn, so maps are
    never resampled.
    """

    def sample(self, row: int, rng: np.random.Generator) -> Sample:
        """Make the sample of a view."""
        sample = super().sample(row, rng)
        if not self.images:
            raise LoaderError("maps have the size of an image; ask for one of rgb, depth, instances")
        size = sample[self.images[0]].shape[:2]
        return sample | draw_maps(sample["rectangles"][sample["good"]], size)


def draw_maps(rectangles: ArrayLike, size: tuple[int, int]) -> dict[str, NDArray[np.float32]]:
    """Draw the maps of (n, 5) good rectangles into images of height and width `size`; later ones cover earlier ones."""
    height, width = size
    found = {name: np.zeros(size, np.float32) for name in MAPS}
    for x, y, angle, opening, jaw in np.asarray(rectangles, float).reshape(-1, 5).tolist():
        c, s = np.cos(angle), np.sin(angle)
        half_u, half_v = max(opening * CORE / 2, 0.5), max(jaw / 2, 0.5)
        reach_x, reach_y = abs(c) * half_u + abs(s) * half_v, abs(s) * half_u + abs(c) * half_v
        x0, x1 = max(int(x - reach_x), 0), min(int(np.ceil(x + reach_x)), width)
        y0, y1 = max(int(y - reach_y), 0), min(int(np.ceil(y + reach_y)), height)
        if x0 >= x1 or y0 >= y1:
            continue
        dx, dy = np.arange(x0, x1) + 0.5 - x, (np.arange(y0, y1) + 0.5 - y)[:, None]
        core = (np.abs(c * dx + s * dy) <= half_u) & (np.abs(c * dy - s * dx) <= half_v)
        window = np.s_[y0:y1, x0:x1]
        for name, value in zip(MAPS, (1.0, np.cos(2 * angle), np.sin(2 * angle), opening), strict=True):
            found[name][window][core] = value
    return found


def best_rectangles(
    quality: ArrayLike, cos2: ArrayLike, sin2: ArrayLike, width: ArrayLike, *, count: int = 1, jaw: float = 20.0
) -> Array:
    """Return the rectangles that maps tell of, best first: the inverse of `draw_maps`.

    Args:
        quality: (H, W); its highest pixel is the first grasp. Pixels within half a jaw of a chosen one are left out.
        cos2, sin2: (H, W), of twice the angle; need not be normalised.
        width: (H, W) px.
        count: at most so many.
        jaw: breadth that the rectangles get, px.

    Returns:
        (n, 5) rectangles; fewer than `count` where no quality is above 0.
    """
    left = np.array(quality, float)
    c, s, w = (np.asarray(m, float) for m in (cos2, sin2, width))
    rows, columns = np.indices(left.shape)
    found = []
    for _ in range(count):
        y, x = np.unravel_index(int(np.argmax(left)), left.shape)
        if not left[y, x] > 0:
            break
        found.append([x + 0.5, y + 0.5, 0.5 * np.arctan2(s[y, x], c[y, x]), w[y, x], jaw])
        left[(rows - y) ** 2 + (columns - x) ** 2 <= (jaw / 2) ** 2] = 0
    return np.array(found).reshape(-1, 5)
