"""Grasp rectangles: a planar grasp as an oriented rectangle in an image, as Cornell, Jacquard and GG-CNN have it.

A rectangle is x, y, angle, width, jaw: the centre, px; the direction of the closing line, rad, in [-π/2, π/2), from the
image's x towards its y (clockwise on the screen); the opening along that line and the jaw's breadth across it, px. The
centre of pixel (0, 0) is (0.5, 0.5).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen import lens
from graspgen.frames import Array, transform_points

#: Neighbourhood of a pixel in which an id must be seen, px to each side.
_NEAR = 2


def half_turn(angle: ArrayLike) -> Array:
    """Bring angles, rad, into [-π/2, π/2): a line has no direction."""
    return (np.asarray(angle) + np.pi / 2) % np.pi - np.pi / 2


def grasp_rectangles(
    T_camera_grasp: ArrayLike, width: ArrayLike, K: ArrayLike, distortion: ArrayLike = lens.NONE, jaw: float = 0.02
) -> Array:
    """Project grasps to rectangles.

    The centre is the tool point's pixel; direction and opening are those of the line between the pixels of the two
    pads; the jaw's breadth is that at the tool point's depth.

    Args:
        T_camera_grasp: (n, 4, 4) grasp frames, z approach, y closing, in the OpenCV camera's frame.
        width: (n,) openings, m.
        K: (3, 3) camera matrix, px.
        distortion: k1, k2, p1, p2, k3.
        jaw: breadth of the jaw, m.

    Returns:
        (n, 5) x, y, angle, width, jaw; NaN behind the camera.
    """
    T = np.asarray(T_camera_grasp, float).reshape(-1, 4, 4)
    half = np.asarray(width, float).reshape(-1) / 2
    pads = np.zeros((len(T), 3, 3))
    pads[:, 1, 1], pads[:, 2, 1] = half, -half
    pixels = lens.project(K, distortion, transform_points(T, pads))
    line = pixels[:, 1] - pixels[:, 2]
    f = float(np.sqrt(abs(np.linalg.det(np.asarray(K, float)[:2, :2]))))
    across = jaw * f / np.where(T[:, 2, 3] > 0, T[:, 2, 3], np.nan)
    angle = half_turn(np.arctan2(line[:, 1], line[:, 0]))
    return np.column_stack([pixels[:, 0], angle, np.linalg.norm(line, axis=1), across])


def sees(instances: NDArray[np.uint8], pixels: ArrayLike, wanted: ArrayLike) -> NDArray[np.bool_]:
    """Return whether an id is seen within 2 px of each of (n, 2) pixels; false outside the image."""
    height, width = instances.shape
    pixels, wanted = np.asarray(pixels, float), np.asarray(wanted)
    inside = ((pixels >= 0) & (pixels < [width, height])).all(axis=1)  # false for NaN
    found = np.zeros(len(pixels), bool)
    for i in np.flatnonzero(inside).tolist():
        x, y = int(pixels[i, 0]), int(pixels[i, 1])
        patch = instances[max(y - _NEAR, 0) : y + _NEAR + 1, max(x - _NEAR, 0) : x + _NEAR + 1]
        found[i] = bool((patch == wanted[i]).any())
    return found


def corners(rectangles: ArrayLike) -> Array:
    """Return the (n, 4, 2) corners of (n, 5) rectangles, px; the first two are the ends of one jaw plate."""
    x, y, angle, width, jaw = np.asarray(rectangles, float).reshape(-1, 5).T
    u = np.stack([np.cos(angle), np.sin(angle)], -1)[:, None]
    v = np.stack([-np.sin(angle), np.cos(angle)], -1)[:, None]
    signs = np.array([[1, -1], [1, 1], [-1, 1], [-1, -1]]) / 2
    along, across = signs[:, 0] * width[:, None], signs[:, 1] * jaw[:, None]
    return np.stack([x, y], -1)[:, None] + along[..., None] * u + across[..., None] * v


def rectangle_iou(a: ArrayLike, b: ArrayLike) -> float:
    """Return the intersection over union of two rectangles (5,), px.

    By clipping one at the four sides of the other (Sutherland and Hodgman, 1974).
    """
    shape, clip = corners(a)[0], corners(b)[0]
    if _area(clip) < 0:
        clip = clip[::-1]
    for p, q in zip(clip, np.roll(clip, -1, axis=0), strict=True):
        if len(shape) < 3:
            return 0.0
        shape = _clipped(shape, p, q)
    both = abs(_area(shape)) if len(shape) >= 3 else 0.0
    union = abs(_area(corners(a)[0])) + abs(_area(corners(b)[0])) - both
    return both / union if union > 0 else 0.0


def _clipped(shape: Array, p: Array, q: Array) -> Array:
    edge = q - p
    side = edge[0] * (shape[:, 1] - p[1]) - edge[1] * (shape[:, 0] - p[0])
    kept = []
    for i in range(len(shape)):
        j = (i + 1) % len(shape)
        if side[i] >= 0:
            kept.append(shape[i])
        if (side[i] >= 0) != (side[j] >= 0):
            kept.append(shape[i] + side[i] / (side[i] - side[j]) * (shape[j] - shape[i]))
    return np.array(kept).reshape(-1, 2)


def _area(shape: Array) -> float:
    x, y = shape.T
    return float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) / 2)


def matches(predicted: ArrayLike, labelled: ArrayLike, iou: float = 0.25, angle_deg: float = 30.0) -> bool:
    """Tell whether a predicted rectangle is right: within an angle of a labelled one, and overlapping it enough.

    The rectangle metric of Jiang, Moseson and Saxena (ICRA 2011): intersection over union above 0.25 and angles within
    30° of at least one label.
    """
    guess = np.asarray(predicted, float).reshape(5)
    for label in np.asarray(labelled, float).reshape(-1, 5):
        if abs(half_turn(guess[2] - label[2])) <= np.radians(angle_deg) and rectangle_iou(guess, label) > iou:
            return True
    return False
