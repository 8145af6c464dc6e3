"""The lens: OpenCV's radial and tangential distortion, forwards and backwards; and camera matrices.

A point (x, y, z) of the camera's frame has the normalised coordinates a = x/z, b = y/z. With r² = a² + b² and the five
numbers D = k1, k2, p1, p2, k3 the lens moves it to

    a' = a (1 + k1 r² + k2 r⁴ + k3 r⁶) + 2 p1 a b + p2 (r² + 2 a²)
    b' = b (1 + k1 r² + k2 r⁴ + k3 r⁶) + p1 (r² + 2 b²) + 2 p2 a b

and the pixel is (fx a' + cx, fy b' + cy); the centre of pixel (0, 0) is (0.5, 0.5). (OpenCV's documentation of
`calib3d`, "Detailed Description"; Brown, 1966.) A polynomial turns back at some radius, beyond which the model means
nothing: points there have no pixel (NaN).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen import frames
from graspgen.errors import GraspgenError
from graspgen.frames import Array

Matrix3 = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]
Five = tuple[float, float, float, float, float]

#: No distortion.
NONE: Five = (0.0, 0.0, 0.0, 0.0, 0.0)
#: Pixels of the pinhole image along each pixel of the distorted one: ids are looked up, so they are off by at most a
#: half of a pinhole pixel.
SAMPLES = 2
#: The pinhole image may be this many times as wide or high as its lens's own, sampling aside.
MAX_STRETCH = 2.2
_STEP = 8  # px between the points at which the lens is inverted without a start


class LensError(GraspgenError, ValueError):
    """A lens that cannot be used."""


def intrinsics(width: int, height: int, fovy_deg: float, cx_offset: float = 0.0, cy_offset: float = 0.0) -> Matrix3:
    """Return K, px, of a camera with square pixels.

    Args:
        width: of the image, px.
        height: of the image, px.
        fovy_deg: vertical field of view, if the principal point were the image's centre.
        cx_offset: of the principal point, to the right of the image's centre, px.
        cy_offset: of the principal point, below the image's centre, px.
    """
    f = 0.5 * height / math.tan(0.5 * math.radians(fovy_deg))
    return ((f, 0.0, width / 2 + cx_offset), (0.0, f, height / 2 + cy_offset), (0.0, 0.0, 1.0))


def distort(points: ArrayLike, D: ArrayLike) -> Array:
    """Return where the lens `D` (k1, k2, p1, p2, k3) moves (..., 2) normalised coordinates; NaN beyond its field."""
    p = np.asarray(points, float)
    k1, k2, p1, p2, k3 = np.asarray(D, float)
    a, b = p[..., 0], p[..., 1]
    r2 = a * a + b * b
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    moved = np.stack(
        [
            a * radial + 2 * p1 * a * b + p2 * (r2 + 2 * a * a),
            b * radial + p1 * (r2 + 2 * b * b) + 2 * p2 * a * b,
        ],
        axis=-1,
    )
    limit = field_radius(D)
    if math.isfinite(limit):
        moved[r2 >= limit**2] = np.nan
    return moved


def undistort(points: ArrayLike, D: ArrayLike, start: ArrayLike | None = None) -> Array:
    """Return the (..., 2) normalised coordinates that `distort` moves to `points`; NaN where there are none.

    Newton's method from the distorted point: where the radial part bends one way only, it comes from one side and
    cannot overshoot. A `start` near the answer saves steps.
    """
    wanted = np.asarray(points, float)
    if not np.any(D):
        return wanted.copy()
    k1, k2, p1, p2, k3 = np.asarray(D, float)
    limit = 0.999 * field_radius(D)
    a, b = np.moveaxis(wanted if start is None else np.asarray(start, float), -1, 0).copy()
    if start is None and math.isfinite(limit):
        shrink = np.minimum(1, limit / np.maximum(np.hypot(a, b), 1e-12))
        a, b = a * shrink, b * shrink
    for _ in range(30):
        r2 = a * a + b * b
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        slope = 2 * (k1 + r2 * (2 * k2 + r2 * 3 * k3))
        u = a * radial + 2 * p1 * a * b + p2 * (r2 + 2 * a * a) - wanted[..., 0]
        v = b * radial + p1 * (r2 + 2 * b * b) + 2 * p2 * a * b - wanted[..., 1]
        ua = radial + slope * a * a + 2 * p1 * b + 6 * p2 * a
        ub = slope * a * b + 2 * p1 * a + 2 * p2 * b
        vb = radial + slope * b * b + 6 * p1 * b + 2 * p2 * a
        det = ua * vb - ub * ub  # the Jacobian is symmetric
        det = np.where(np.abs(det) < 1e-9, 1e-9, det)
        da, db = (vb * u - ub * v) / det, (ua * v - ub * u) / det
        a, b = a - da, b - db
        if not max(np.abs(da).max(initial=0), np.abs(db).max(initial=0)) > 1e-10:  # the next step would square it
            break
    found = np.stack([a, b], axis=-1)
    with np.errstate(invalid="ignore"):
        found[~(np.abs(distort(found, D) - wanted).max(axis=-1) < 1e-9)] = np.nan
    return found


def field_radius(D: ArrayLike) -> float:
    """Return the normalised radius at which the radial polynomial turns back; infinite if it never does."""
    k1, k2, _, _, k3 = np.asarray(D, float)
    if not (k1 or k2 or k3):
        return math.inf
    # The slope of r (1 + k1 r² + k2 r⁴ + k3 r⁶), 1 + 3 k1 s + 5 k2 s² + 7 k3 s³ with s = r², in t = 1/s: the leading
    # coefficient is 1, however small the lens's are.
    roots = np.roots([1.0, 3 * k1, 5 * k2, 7 * k3])
    real = roots[(np.abs(roots.imag) < 1e-12 * np.maximum(np.abs(roots), 1)) & (roots.real > 1e-12)].real
    return 1 / math.sqrt(real.max()) if len(real) else math.inf


def project(K: ArrayLike, D: ArrayLike, points: ArrayLike) -> Array:
    """Project (..., n, 3) points in the camera's frame to (..., n, 2) pixels of camera matrices K and lenses D.

    K is (3, 3) or (..., 3, 3), D (5,). Points at or behind the camera, or beyond the lens's field, give NaN.
    """
    if not np.any(D):
        return frames.project(K, points)
    K, p = np.asarray(K, float), np.asarray(points, float)
    z = np.where(p[..., 2:] > 1e-9, p[..., 2:], np.nan)
    flat = distort(p[..., :2] / z, D)
    focal = np.stack([K[..., 0, 0], K[..., 1, 1]], -1)[..., None, :]
    return flat * focal + K[..., None, :2, 2]


def project_each(K: ArrayLike, D: ArrayLike, points: ArrayLike) -> Array:
    """Project (m, n, 3) points to (m, n, 2) pixels, those of row i by K[i], (m, 3, 3), and D[i], (m, 5)."""
    K, D, points = np.asarray(K, float), np.asarray(D, float), np.asarray(points, float)
    found = np.zeros((*points.shape[:-1], 2))
    lenses, which = np.unique(D, axis=0, return_inverse=True)
    for i, lens in enumerate(lenses):
        rows = which.reshape(-1) == i
        found[rows] = project(K[rows], lens, points[rows])
    return found


def rays(K: ArrayLike, D: ArrayLike, pixels: ArrayLike) -> Array:
    """Return the (..., 3) directions, z = 1, camera's frame, of (..., 2) pixels; NaN where the lens shows nothing."""
    K, p = np.asarray(K, float), np.asarray(pixels, float)
    flat = undistort((p - K[:2, 2]) / [K[0, 0], K[1, 1]], D)
    return np.concatenate([flat, np.ones((*flat.shape[:-1], 1))], axis=-1)


def grid_rays(K: ArrayLike, D: ArrayLike, x: int, y: int, width: int, height: int) -> Array:
    """Return the (height, width, 2) normalised coordinates of the centres of a block of pixels.

    Args:
        K: (3, 3) camera matrix, px.
        D: k1, k2, p1, p2, k3.
        x: column of the block's first pixel; may lie outside the image.
        y: its row.
        width: columns of the block.
        height: rows of the block.
    """
    K = np.asarray(K, float)
    columns, rows = x + np.arange(width) + 0.5, y + np.arange(height) + 0.5
    if not np.any(D):
        a, b = np.meshgrid((columns - K[0, 2]) / K[0, 0], (rows - K[1, 2]) / K[1, 1])
        return np.stack([a, b], axis=-1)
    # The inverse is smooth: a few points of it and cubics between them are a start that needs one more step.
    coarse_x = np.linspace(columns[0], columns[-1], max(4, width // _STEP + 2)) if width > 1 else columns
    coarse_y = np.linspace(rows[0], rows[-1], max(4, height // _STEP + 2)) if height > 1 else rows
    coarse = rays(K, D, np.stack(np.meshgrid(coarse_x, coarse_y), -1))[..., :2]
    if min(coarse.shape[:2]) < 4 or np.isnan(coarse).any():
        return rays(K, D, np.stack(np.meshgrid(columns, rows), -1))[..., :2]
    along_y, along_x = _cubic_weights(coarse_y, rows), _cubic_weights(coarse_x, columns)
    fine = [along_y @ coarse[..., k] @ along_x.T for k in (0, 1)]
    seen = np.meshgrid((columns - K[0, 2]) / K[0, 0], (rows - K[1, 2]) / K[1, 1])
    return undistort(np.stack(seen, axis=-1), D, np.stack(fine, axis=-1))


def _cubic_weights(nodes: Array, at: Array) -> Array:
    """Return the (len(at), len(nodes)) weights of cubics, each through the four evenly spaced nodes about a point."""
    step = (nodes[-1] - nodes[0]) / (len(nodes) - 1)
    first = np.clip(np.floor((at - nodes[0]) / step).astype(int) - 1, 0, len(nodes) - 4)
    t = (at - nodes[0]) / step - first
    weights = np.zeros((len(at), len(nodes)))
    for k in range(4):  # Lagrange's polynomials of the nodes 0, 1, 2, 3
        others = [j for j in range(4) if j != k]
        weights[np.arange(len(at)), first + k] = np.prod([(t - j) / (k - j) for j in others], axis=0)
    return weights


@dataclass(frozen=True)
class Pinhole:
    """The image without distortion from which that of a lens is made.

    Attributes:
        K: its camera matrix, px; the camera's frame is the lens's.
        width, height: px.
    """

    K: Matrix3
    width: int
    height: int


@lru_cache(maxsize=256)
def pinhole(K: Matrix3, D: Five, width: int, height: int) -> Pinhole:
    """Return the smallest pinhole image, `SAMPLES` times as fine, that holds all that a lens shows.

    Without distortion it is the lens's own image.

    Raises:
        LensError: the distortion turns back within the image, or stretches it too far.
    """
    if not any(D):
        return Pinhole(K, width, height)
    fx, fy = K[0][0], K[1][1]
    edge = _border(width, height)
    seen = rays(K, D, edge)[:, :2]
    told = ", ".join(f"{name} {value:g}" for name, value in zip(("k1", "k2", "p1", "p2", "k3"), D, strict=True))
    if np.isnan(seen).any():
        raise LensError(
            f"the distortion ({told}) turns back within the {width}x{height} image; make it weaker, or fx, fy larger"
        )
    focal = np.array([fx, fy]) * SAMPLES
    low, high = seen.min(axis=0) * focal, seen.max(axis=0) * focal
    size = np.ceil(high - low).astype(int) + 4
    stretch = size / (SAMPLES * np.array([width, height]))
    if stretch.max() > MAX_STRETCH:
        raise LensError(
            f"the distortion ({told}) stretches the {width}x{height} image {stretch.max():.1f} times, more than "
            f"{MAX_STRETCH:g}; make it weaker, or fx, fy larger"
        )
    cx, cy = (2 - low).tolist()
    return Pinhole(((focal[0], 0.0, cx), (0.0, focal[1], cy), (0.0, 0.0, 1.0)), int(size[0]), int(size[1]))


@lru_cache(maxsize=8)
def pinhole_positions(K: Matrix3, D: Five, width: int, height: int) -> NDArray[np.float32]:
    """Return the (height, width, 2) positions, px, in the pinhole image, of the pixels of a lens's image.

    Raises:
        LensError: as `pinhole`.
    """
    wide = np.array(pinhole(K, D, width, height).K)
    found = grid_rays(K, D, 0, 0, width, height) * np.diagonal(wide)[:2] + wide[:2, 2]
    found = found.astype(np.float32)
    found.flags.writeable = False
    return found


def _border(width: int, height: int) -> Array:
    """Return pixels all around the image, at its outer edge."""
    x, y = np.linspace(0, width, 33), np.linspace(0, height, 33)
    return np.concatenate(
        [np.stack(np.broadcast_arrays(x, end), -1) for end in (0.0, float(height))]
        + [np.stack(np.broadcast_arrays(end, y), -1) for end in (0.0, float(width))]
    )
