"""Filling triangles: the pixels whose centres lie in the projected triangles of several meshes at once.

Every triangle gives one span of pixels for each row whose centres it crosses, and the spans of all triangles are
summed. An edge that two triangles share is computed from the same two points in the same order, so no pixel falls
between them. This is exact like casting a ray through every pixel, and many times faster. All meshes of a view go
through together, because a call of NumPy costs more than a small mesh.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array


def fill(
    uv: Array,
    starts: NDArray[np.integer],
    faces: Sequence[NDArray[np.integer]],
    first: NDArray[np.integer],
    last: NDArray[np.integer],
    closed: Sequence[bool],
) -> list[NDArray[np.bool_]]:
    """Return the mask of each mesh.

    Args:
        uv: (2, n) corners of all meshes, px.
        starts: (k + 1,) where the corners of each mesh start, and n.
        faces: (m, 3) corners of its triangles, counted from its own first one.
        first: (2, k) column and row of the first pixel of its mask.
        last: (2, k) column and row after the last; a mask of no pixels is (0, 0).
        closed: whether it is closed and outward oriented: what faces the camera then covers what all of it covers.

    Returns:
        (height, width) each.
    """
    sizes = np.maximum(last - first, 0)
    corners = np.diff(starts)
    uv = uv - np.repeat(first, corners, axis=1)
    u, v = uv
    # The first pixel at or after each corner.
    after = np.minimum(np.maximum(np.ceil(uv - 0.5), 0), np.repeat(sizes, corners, axis=1)).astype(np.int32)
    column, line = after
    a, b, c = np.concatenate([part.T + start for part, start in zip(faces, starts, strict=False)], axis=1)
    # Of fine meshes, most triangles cross no row of centres, or no column.
    a, b, c = _taken(np.flatnonzero(_differ(line, a, b, c)), a, b, c)
    a, b, c = _taken(np.flatnonzero(_differ(column, a, b, c)), a, b, c)
    # Counter-clockwise from outside is a negative turn in an image, whose y points down.
    u_a, v_a = u[a], v[a]
    front = (u[b] - u_a) * (v[c] - v_a) - (v[b] - v_a) * (u[c] - u_a) < 0
    if not all(closed):
        front |= ~np.repeat(np.array(closed), corners)[a]
    a, b, c = _taken(np.flatnonzero(front), a, b, c)
    mesh = np.searchsorted(starts, a, side="right") - 1
    # Corners from top to bottom; then one entry for each row of pixels of each triangle.
    top, middle = _sorted(v, a, b)
    middle, bottom = _sorted(v, middle, c)
    top, middle = _sorted(v, top, middle)
    begin = line[top].astype(np.int64)
    rows = line[bottom] - begin
    of = np.repeat(np.arange(len(top)), rows)
    row = np.arange(len(of)) - (np.cumsum(rows) - rows - begin)[of]
    y = row + 0.5
    u_top, v_top, u_middle, v_middle = u[top], v[top], u[middle], v[middle]
    long, upper, under = _slopes(u, v, top, bottom), _slopes(u, v, top, middle), _slopes(u, v, middle, bottom)
    x_long = u_top[of] + (y - v_top[of]) * long[of]
    short = of + (row >= line[middle][of]) * len(top)  # into the upper edges, then the lower ones
    u_short, v_short = np.concatenate([u_top, u_middle]), np.concatenate([v_top, v_middle])
    x_short = u_short[short] + (y - v_short[short]) * np.concatenate([upper, under])[short]
    # All masks lie one behind the other, each row with one place more for the spans that end at its end.
    width, height = sizes
    ends = np.cumsum((width + 1) * height)
    begins = ends - (width + 1) * height
    wide = width[mesh][of]
    left = np.minimum(np.maximum(np.ceil(np.minimum(x_long, x_short) - 0.5), 0), wide).astype(np.int64)
    right = np.minimum(np.maximum(np.ceil(np.maximum(x_long, x_short) - 0.5), 0), wide).astype(np.int64)
    start = begins[mesh][of] + row * (wide + 1)
    # Spans that begin less those that end; summed, how many cover a pixel. Empty ones cancel out. (A plain 1 would be
    # an int64, which makes `at` several times slower.)
    cover = np.zeros(int(ends[-1]), np.int32)
    np.add.at(cover, start + left, np.int32(1))
    np.subtract.at(cover, start + right, np.int32(1))
    inside = np.cumsum(cover, out=cover) > 0
    parts = zip(begins.tolist(), ends.tolist(), width.tolist(), height.tolist(), strict=True)
    return [inside[begin:end].reshape(h, w + 1)[:, :w] for begin, end, w, h in parts]


def _taken(rows: NDArray[np.intp], *arrays: NDArray[np.integer]) -> tuple[NDArray[np.integer], ...]:
    return tuple(array.take(rows) for array in arrays)


def _differ(of: NDArray[np.int32], *corners: NDArray[np.integer]) -> NDArray[np.bool_]:
    a, b, c = (of[corner] for corner in corners)
    return (a != b) | (b != c)


def _sorted(v: Array, a: NDArray[np.integer], b: NDArray[np.integer]) -> tuple[NDArray[np.integer], ...]:
    """Return the upper and the lower one of two corners; of two on a level, the first comes first."""
    swap = v[a] > v[b]
    return np.where(swap, b, a), np.where(swap, a, b)


def _slopes(u: Array, v: Array, a: NDArray[np.integer], b: NDArray[np.integer]) -> Array:
    """Return du/dv of the edges from a to b; 0 for level edges, which no row of centres crosses."""
    rise = v[b] - v[a]
    return np.divide(u[b] - u[a], rise, out=np.zeros(len(a)), where=rise > 0)
