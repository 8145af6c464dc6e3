"""The image of a lens, made from a pinhole image that is rendered larger and finer.

Every engine renders the image that `graspgen.lens.pinhole` names and hands it to `through_lens`: so colour, depth, ids
and all other layers have the same distortion, and a pixel of all of them shows the same point.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graspgen.lens import pinhole_positions
from graspgen.scene.plan import ViewPlan

#: Depth is interpolated where the four pixels around a point lie on one object and differ by less than this share.
_SMOOTH = 0.02


def has_lens(view: ViewPlan) -> bool:
    """Tell whether a view is distorted; the images of others are those of the renderer."""
    return any(view.distortion)


def through_lens(
    view: ViewPlan, rgb: NDArray[np.uint8], depth: NDArray[np.float32], instances: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8]]:
    """Distort the pinhole images of a view.

    Ids are those of the nearest pixel; colours are interpolated. Depth is that of the nearest pixel, but where the
    four pixels around a point show one smooth surface it is interpolated in 1/z, which is exact on a plane; nothing is
    ever interpolated between two surfaces.

    Args:
        view: whose lens.
        rgb: (h, w, 3) of the pinhole image.
        depth: (h, w) planar z, m, 0 for none.
        instances: (h, w).

    Returns:
        Colour (H, W, 3), depth (H, W) and ids (H, W) of the view.
    """
    at = pinhole_positions(view.K, view.distortion, view.width, view.height)
    return colours(rgb, at), depths(depth, instances, at), nearest(instances, at)


def nearest(image: NDArray, at: NDArray[np.float32]) -> NDArray:
    """Return the pixel in which each (H, W, 2) position, px, of an (h, w, …) image lies."""
    x, y = np.floor(at).astype(np.intp).transpose(2, 0, 1)
    return image[y, x]


def colours(image: NDArray[np.uint8], at: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the (H, W, 3) colours at positions of an (h, w, 3) image, interpolated between the pixels' centres."""
    x, y, wx, wy = _corner(at)
    wx, wy = wx[..., None], wy[..., None]
    top = image[y, x] * (1 - wx) + image[y, x + 1] * wx
    low = image[y + 1, x] * (1 - wx) + image[y + 1, x + 1] * wx
    return np.rint(top * (1 - wy) + low * wy).astype(np.uint8)


def depths(depth: NDArray[np.float32], instances: NDArray[np.uint8], at: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the (H, W) depth, m, at positions of an (h, w) depth image."""
    x, y, wx, wy = _corner(at)
    found = nearest(depth, at)
    four = [(y, x), (y, x + 1), (y + 1, x), (y + 1, x + 1)]
    around = np.stack([depth[index] for index in four])
    low, high = around.min(axis=0), around.max(axis=0)
    smooth = (low > 0) & (high - low < _SMOOTH * low)
    mine = nearest(instances, at)
    for index in four:
        smooth &= instances[index] == mine
    weights = np.stack([(1 - wx) * (1 - wy), wx * (1 - wy), (1 - wx) * wy, wx * wy])
    inverse = np.einsum("kij,kij->ij", weights, 1 / np.where(smooth, around, 1))
    return np.where(smooth, 1 / inverse, found).astype(np.float32)


def _corner(at: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray, NDArray]:
    """Return column and row of the pixel whose centre is to the upper left of positions, and how far they are off."""
    low = np.floor(at - 0.5)
    x, y = low.astype(np.intp).transpose(2, 0, 1)
    wx, wy = (at - 0.5 - low).transpose(2, 0, 1)
    return x, y, wx, wy
