"""Noise images of a sensor: each kind from a counter of its own, so that one knob moves no other's noise."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

#: Side of a cell of blobs, px.
_CELL = 6


class Kind(IntEnum):
    """What a noise image is for: part of every seed's meaning."""

    DROPOUT = 0
    BLOBS = 1
    SHIFT_X = 2
    SHIFT_Y = 3
    DISPARITY = 4
    AXIAL = 5


def generator(seed: int, kind: Kind) -> np.random.Generator:
    """Return the generator of a kind of noise of the sensor with `seed` (32 bits)."""
    return np.random.Generator(np.random.Philox(key=seed + (int(kind) << 64)))


def normal(seed: int, kind: Kind, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return independent standard normal numbers."""
    return generator(seed, kind).standard_normal(shape, np.float32)


def rounded_normal(
    seed: int, kind: Kind, shape: tuple[int, int], sigma: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where, as flat indices, normal numbers of deviation `sigma` (a number or an image) do not round to 0, and
    what they round to.

    One uniform number a pixel is inverted where it matters: for small deviations a third of the time of `normal`.
    """
    u = generator(seed, kind).random(shape, np.float32) - np.float32(0.5)
    least = ndtr(0.5 / max(float(sigma.max()), 1e-6)) - 0.5
    where = np.flatnonzero(np.abs(u) > least)
    off = ndtri(0.5 + u.ravel()[where].astype(float).clip(-0.5 + 2.0**-25, 0.5 - 2.0**-25))
    return where, np.rint(off * np.broadcast_to(sigma, shape).ravel()[where]).astype(np.intp)


def blobs(seed: int, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return standard normal numbers that change over some six pixels; each by itself is exactly standard normal."""
    (row, above, below), (column, left, right) = (_weights(side) for side in shape)
    grid = generator(seed, Kind.BLOBS).standard_normal((row[-1] + 2, column[-1] + 2), np.float32)
    lines = above[:, None] * grid[row] + below[:, None] * grid[row + 1]
    return left * lines[:, column] + right * lines[:, column + 1]


def _weights(side: int) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]:
    """Return the cell of each pixel along a side, and the weights of it and of the next, of unit length together."""
    at = np.arange(side) / _CELL
    low = at.astype(np.intp)
    after = (at - low).astype(np.float32)
    length = np.hypot(1 - after, after)
    return low, (1 - after) / length, after / length
