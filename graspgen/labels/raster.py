"""Filling outlines: the pixels whose centres lie in the projections of several meshes at once.

Each edge of an outline crosses the lines of pixel centres of some rows, and marks on each the first pixel beyond it: by
+1 where the inside begins, by −1 where it ends. Summed along the row, the marks say how often a pixel is covered. Of a
closed mesh only those edges count that have a face towards the camera on one side and one away from it on the other:
what its near faces share cancels out. So this is exact like casting a ray through every pixel, and many times faster.
All meshes of a view go through together, because a call of NumPy costs more than a small mesh.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array

Indices = NDArray[np.integer]


def fill(uv: Array, starts: Indices, edges: Indices, first: Indices, last: Indices) -> list[NDArray[np.bool_]]:
    """Return the mask of each mesh.

    Args:
        uv: (2, n) corners of all meshes, px.
        starts: (k + 1,) where the corners of each mesh start, and n.
        edges: (2, m) corners from which and to which each edge goes; the inside is to the right of one that goes down
            the image. They make closed curves.
        first: (2, k) column and row of the first pixel of each mask.
        last: (2, k) column and row after the last; a mask of no pixels is (0, 0).

    Returns:
        (height, width) each.
    """
    sizes = np.maximum(last - first, 0)
    corners = np.diff(starts)
    u, v = uv - np.repeat(first, corners, axis=1)
    # The first row whose centres are at or below each corner.
    line = np.minimum(np.maximum(np.ceil(v - 0.5), 0), np.repeat(sizes[1], corners)).astype(np.int64)
    a, b = edges
    fall = line[b] - line[a]
    crossing = np.flatnonzero(fall)
    a, b, fall = a[crossing], b[crossing], fall[crossing]
    down = fall > 0
    # Both faces of an edge get the same point of it, whichever way each goes along it.
    top, bottom = np.where(down, a, b), np.where(down, b, a)
    u_top, v_top, begin = u[top], v[top], line[top]
    slope = (u[bottom] - u_top) / (v[bottom] - v_top)
    rows = np.abs(fall)
    # One entry for each row of each edge.
    of = np.repeat(np.arange(len(top)), rows)
    row = np.arange(len(of)) - (np.cumsum(rows) - rows - begin)[of]
    x = u_top[of] + (row + 0.5 - v_top[of]) * slope[of]
    # All masks lie one behind the other, each row with one place more for what ends at its end.
    width, height = sizes
    ends = np.cumsum((width + 1) * height)
    begins = ends - (width + 1) * height
    mesh = np.searchsorted(starts, top, side="right") - 1
    wide = width[mesh][of]
    column = np.minimum(np.maximum(np.ceil(x - 0.5), 0), wide).astype(np.int64)
    # (Marks of int64 make `at` several times slower.)
    cover = np.zeros(int(ends[-1]), np.int32)
    np.add.at(cover, begins[mesh][of] + row * (wide + 1) + column, np.where(down, 1, -1).astype(np.int32)[of])
    inside = np.cumsum(cover, out=cover) > 0
    parts = zip(begins.tolist(), ends.tolist(), width.tolist(), height.tolist(), strict=True)
    return [inside[begin:end].reshape(h, w + 1)[:, :w] for begin, end, w, h in parts]


def contour(uv: Array, faces: Indices, seams: Indices) -> Indices:
    """Return the edges between near and far faces of closed, outward oriented meshes, (2, m) as `fill` takes them.

    Args:
        uv: (2, n) corners, px.
        faces: (3, k) corners of the triangles.
        seams: (4, e) corners from which and to which the first face goes along each edge, the first face, the second.
    """
    near = _turn(uv, faces) < 0
    a, b, one, other = seams
    one = near[one]
    found = np.flatnonzero(one != near[other])
    a, b, one = a[found], b[found], one[found]
    return np.stack([np.where(one, a, b), np.where(one, b, a)])


def every_edge(uv: Array, faces: Indices) -> Indices:
    """Return the edges of all triangles of an open mesh, near and far ones, (2, 3 k) as `fill` takes them."""
    a, b, c = faces
    away = _turn(uv, faces) > 0
    b, c = np.where(away, c, b), np.where(away, b, c)
    return np.stack([np.concatenate([a, b, c]), np.concatenate([b, c, a])])


def _turn(uv: Array, faces: Indices) -> Array:
    """Return the turn of each triangle: what is counter-clockwise from outside turns negatively in an image, y down."""
    u, v = uv
    a, b, c = faces
    u_a, v_a = u[a], v[a]
    return (u[b] - u_a) * (v[c] - v_a) - (v[b] - v_a) * (u[c] - u_a)
