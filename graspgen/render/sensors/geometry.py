"""What a depth image says of the surfaces in it: where pixels look, how steeply they meet what they see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.lens import grid_rays

Image = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Seen:
    """A depth image and its rays; images are (H, W).

    Attributes:
        depth: planar z, m, 0 for none.
        inverse: 1/z, 1/m, 0 for none.
        x, y: normalised coordinates of the pixels' centres, without distortion.
        slope_x, slope_y: change of 1/z with x and with y, on the surface that the pixel shows, 1/m.
        focal: fx, px.
        centre: cx, px.
        bent: whether the lens distorts, so that rows of the image are not rows of a stereo pair.
    """

    depth: Image
    inverse: Image
    x: Image
    y: Image
    slope_x: Image
    slope_y: Image
    focal: tuple[float, float]
    centre: tuple[float, float]
    bent: bool

    @classmethod
    def of(cls, depth: Image, K: ArrayLike, D: ArrayLike) -> Seen:
        """Take a depth image of the camera matrix K, px, and the lens D.

        Over a plane 1/z is linear in x and y, so a difference of neighbours is exact there; of the two neighbours along
        each axis that which differs less is taken: it is on the same surface where the pixel lies at an edge.
        """
        K = np.asarray(K, float)
        height, width = depth.shape
        x, y = np.moveaxis(grid_rays(K, D, 0, 0, width, height).astype(np.float32), -1, 0)
        inverse = np.divide(1, depth, out=np.zeros_like(depth), where=depth > 0)
        along, down = _smaller(inverse, 1), _smaller(inverse, 0)
        bent = bool(np.any(D))
        if bent:
            xu, xv, yu, yv = (np.gradient(c, axis=a) for c in (x, y) for a in (1, 0))
            det = xu * yv - xv * yu
            slope_x, slope_y = (along * yv - down * yu) / det, (down * xu - along * xv) / det
        else:
            slope_x, slope_y = along * np.float32(K[0, 0]), down * np.float32(K[1, 1])
        return cls(depth, inverse, x, y, slope_x, slope_y, (K[0, 0], K[1, 1]), (K[0, 2], K[1, 2]), bent)

    def cos_incidence(self) -> Image:
        """Return the cosine of the angle between each pixel's ray and the surface's normal; 0 where nothing is seen.

        A plane n · p = d has 1/z = (n / d) · (x, y, 1), so the slopes of 1/z are those of n / d.
        """
        level = self.inverse - self.x * self.slope_x - self.y * self.slope_y
        normal = self.slope_x**2 + self.slope_y**2 + level**2
        ray = self.x**2 + self.y**2 + 1
        return self.inverse / np.sqrt(np.maximum(normal * ray, 1e-12))


def _smaller(image: Image, axis: int) -> Image:
    """Return the difference to the next or from the last pixel along an axis, whichever is smaller."""
    step = np.diff(image, axis=axis)
    first, last = (step[:, :1], step[:, -1:]) if axis else (step[:1], step[-1:])
    before, after = np.concatenate([first, step], axis), np.concatenate([step, last], axis)
    return np.where(np.abs(before) < np.abs(after), before, after)
