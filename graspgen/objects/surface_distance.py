"""Distances between surfaces: dense samples find the nearest triangles, then the distance to those is exact."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from graspgen.frames import Array

#: Spacing of the samples that find triangles, and of the points that are measured, as shares of the largest extent.
_TREE, _POINTS = 1 / 100, 1 / 50
#: Nearest samples of a point whose triangles are tried.
_NEAREST = 6
#: Most points of a sampled surface.
_MOST = 4_000_000


def sample_surface(vertices: Array, faces: NDArray[np.int32], spacing: float) -> tuple[Array, NDArray[np.int64]]:
    """Return points that cover every triangle at most `spacing` (m) apart, and the face of each.

    The grid of a triangle has as many rows as its height needs and as many columns as its longest side needs, so a
    sliver costs no more points than its length.
    """
    corners = vertices[faces]
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=1), axis=2)
    longest = sides.argmax(axis=1)
    k = np.arange(len(faces))
    a, b, c = (corners[k, (longest + i) % 3] for i in range(3))
    length = sides[k, longest]
    double_area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    height = double_area / np.maximum(length, 1e-30)
    while True:
        columns = np.ceil(length / spacing).astype(np.int64) + 1
        rows = np.ceil(height / spacing).astype(np.int64) + 1
        if int((columns * rows).sum()) <= max(_MOST, 4 * len(faces)):
            break
        spacing *= 1.5  # bounded memory for a mesh of very many slivers
    count = columns * rows
    face = np.repeat(k, count)
    index = np.arange(len(face)) - np.repeat(np.cumsum(count) - count, count)
    s = (index % columns[face]) / np.maximum(columns[face] - 1, 1)
    t = (index // columns[face]) / np.maximum(rows[face] - 1, 1)
    along = ((1 - t) * s)[:, None] * (b - a)[face]
    return a[face] + along + t[:, None] * (c - a)[face], face


class Surface:
    """A triangle mesh that distances are measured to.

    Args:
        vertices: (n, 3), m.
        faces: (m, 3).
    """

    def __init__(self, vertices: Array, faces: NDArray[np.int32]) -> None:
        self.vertices, self.faces = np.asarray(vertices, float), np.asarray(faces)
        self.extent = float(np.ptp(self.vertices[np.unique(self.faces)], axis=0).max())
        samples, self._face = sample_surface(self.vertices, self.faces, self.extent * _TREE)
        self._tree = cKDTree(samples)
        self._corners = self.vertices[self.faces]

    def distance(self, points: Array) -> Array:
        """Return (k,) distances of (k, 3) points to the surface, m."""
        distance, nearest = self._tree.query(points, k=min(_NEAREST, len(self._face)))
        faces = self._face[np.reshape(nearest, (len(points), -1))]
        exact = np.full(len(points), np.inf)
        for column in faces.T:
            exact = np.minimum(exact, _to_triangle(points, self._corners[column]))
        return np.minimum(exact, np.reshape(distance, (len(points), -1))[:, 0])

    def points(self) -> Array:
        """Return the vertices and points between them: what is measured against another surface."""
        between, _ = sample_surface(self.vertices, self.faces, self.extent * _POINTS)
        return between


def hausdorff(a: Surface, b: Surface) -> tuple[float, float]:
    """Return how far the points of `a` are from `b` at most, and those of `b` from `a`, m."""
    return float(b.distance(a.points()).max()), float(a.distance(b.points()).max())


def _to_triangle(p: Array, corners: Array) -> Array:
    """Return (k,) distances of points to one triangle each (Ericson, "Real-Time Collision Detection", 5.1.5)."""
    a, b, c = np.moveaxis(corners, 1, 0)
    ab, ac, ap = b - a, c - a, p - a
    normal = np.cross(ab, ac)
    squared = np.einsum("ij,ij->i", normal, normal)
    with np.errstate(divide="ignore", invalid="ignore"):
        u = np.einsum("ij,ij->i", np.cross(ap, ac), normal) / squared
        v = np.einsum("ij,ij->i", np.cross(ab, ap), normal) / squared
        above = np.abs(np.einsum("ij,ij->i", ap, normal)) / np.sqrt(squared)
    within = (squared > 0) & (u >= 0) & (v >= 0) & (u + v <= 1)
    edges = np.minimum(np.minimum(_to_segment(p, a, b), _to_segment(p, b, c)), _to_segment(p, c, a))
    return np.where(within, above, edges)


def _to_segment(p: Array, a: Array, b: Array) -> Array:
    d = b - a
    t = np.einsum("ij,ij->i", p - a, d) / np.maximum(np.einsum("ij,ij->i", d, d), 1e-300)
    return np.linalg.norm(p - a - np.clip(t, 0, 1)[:, None] * d, axis=1)
