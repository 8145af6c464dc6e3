"""Distances between surfaces: dense samples find the nearest triangles, then the distance to those is exact."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, cKDTree

from graspgen.frames import Array
from graspgen.raycast import RayCaster

#: Spacing of the samples that find triangles, and of the points that are measured, as shares of the largest extent.
_TREE, _POINTS = 1 / 100, 1 / 50
#: Nearest samples of a point whose triangles are tried.
_NEAREST = 8
#: Most points of a sampled surface.
_MOST = 4_000_000
#: Ways that rays go; askew, so that they hit no edge of a mesh that stands along the axes.
_WAYS = np.array([[0.2841, 0.1573, 0.9458], [-0.8331, 0.4127, -0.3681], [0.3917, -0.8806, 0.2665]])


def sample_surface(vertices: Array, faces: NDArray[np.int32], spacing: float) -> tuple[Array, NDArray[np.int64]]:
    """Return points inside every triangle, at most `spacing` (m) apart, and the face of each.

    The grid of a triangle has as many rows as its height needs and as many columns as its longest side needs, so a
    sliver costs no more points than its length. No point lies on an edge, where it would belong to two triangles.
    """
    corners = vertices[faces]
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=1), axis=2)
    longest = sides.argmax(axis=1)
    k = np.arange(len(faces))
    a, b, c = (corners[k, (longest + i) % 3] for i in range(3))
    length = sides[k, longest]
    double_area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    height = double_area / np.maximum(length, 1e-30)
    rows = np.maximum(np.ceil(height / spacing), 1)
    while float((rows * np.maximum(np.ceil(length / spacing), 1)).sum()) > max(_MOST, len(faces)):
        spacing *= 1.5  # bounded memory for a mesh of very many slivers
        rows = np.maximum(np.ceil(height / spacing), 1)
    rows = rows.astype(np.int64)
    # Rows run along the longest side; towards the corner opposite they are shorter and hold fewer points.
    owner = np.repeat(k, rows)
    t = (_counted(rows) + 0.5) / rows[owner]
    columns = np.maximum(np.ceil((1 - t) * length[owner] / spacing), 1).astype(np.int64)
    row = np.repeat(np.arange(len(owner)), columns)
    face = owner[row]
    s = (_counted(columns) + 0.5) / columns[row]
    along = ((1 - t[row]) * s)[:, None] * (b - a)[face]
    return a[face] + along + t[row, None] * (c - a)[face], face


def _counted(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 0 … n − 1 for each n in `counts`, one after the other."""
    return np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)


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
        return self._nearest(points)[0]

    def nearest_face(self, points: Array) -> NDArray[np.int64]:
        """Return (k,) the face that lies nearest to each of (k, 3) points."""
        return self._nearest(points)[1]

    def _nearest(self, points: Array) -> tuple[Array, NDArray[np.int64]]:
        k = min(_NEAREST, len(self._face))
        candidates = self._face[np.reshape(self._tree.query(points, k=k)[1], (len(points), k))]
        best, face = np.full(len(points), np.inf), candidates[:, 0].copy()
        for column in candidates.T:
            exact = _to_triangle(points, self._corners[column])
            closer = exact < best
            best[closer], face[closer] = exact[closer], column[closer]
        return best, face

    def points(self) -> Array:
        """Return the vertices and points between them: what is measured against another surface."""
        between, _ = sample_surface(self.vertices, self.faces, self.extent * _POINTS)
        return np.concatenate([self.vertices[np.unique(self.faces)], between])


def beyond(a: Surface, inside: Callable[[Array], NDArray[np.bool_]], b: Surface) -> float:
    """Return how far the surface of `a` lies outside of a solid at most, m.

    Args:
        a: whose points are tried.
        inside: tells which (n, 3) points lie in the solid.
        b: the solid's surface.
    """
    points = a.points()
    outside = points[~inside(points)]
    return float(b.distance(outside).max()) if len(outside) else 0.0


def signed_distance(points: Array, solid: Surface) -> Array:
    """Return (n,) distances of (n, 3) points to the surface of a solid, negative inside, m."""
    return np.where(inside_mesh(solid)(points), -1.0, 1.0) * solid.distance(points)


def inside_mesh(solid: Surface) -> Callable[[Array], NDArray[np.bool_]]:
    """Return a function that tells which (n, 3) points lie in a closed mesh.

    Along a ray they leave it once more often than they enter it. A ray that meets an edge may count a face twice, or
    miss it: of three rays two decide.
    """
    caster = RayCaster(solid.vertices, solid.faces)

    def votes(points: Array, way: Array) -> NDArray[np.bool_]:
        ways = np.broadcast_to(way / np.linalg.norm(way), points.shape)
        hits = caster.all_hits(points, ways, 4 * solid.extent, max_hits=32)
        sign = np.sign(np.einsum("ij,ij->i", caster.normals[hits.face], ways[hits.ray]))
        return np.bincount(hits.ray, weights=sign, minlength=len(points)) > 0.5

    def inside(points: Array) -> NDArray[np.bool_]:
        first, second = votes(points, _WAYS[0]), votes(points, _WAYS[1])
        differ = first != second
        if differ.any():
            first[differ] = votes(points[differ], _WAYS[2])
        return first

    return inside


def inside_hulls(hulls: Sequence[Array]) -> Callable[[Array], NDArray[np.bool_]]:
    """Return a function that tells which (n, 3) points lie in one of some convex hulls of (k, 3) points.

    Within a hundred-thousandth of the extent.
    """
    found = [ConvexHull(hull, qhull_options="QJ Pp") for hull in hulls]
    # A face that two hulls share lies in their union, whatever rounding makes of it.
    slack = 1e-5 * float(np.ptp(np.concatenate(list(hulls)), axis=0).max())

    def inside(points: Array) -> NDArray[np.bool_]:
        within = np.zeros(len(points), bool)
        for hull in found:
            corners = hull.points[hull.vertices]
            low, high = corners.min(axis=0) - slack, corners.max(axis=0) + slack
            near = ~within & (points >= low).all(axis=1) & (points <= high).all(axis=1)
            # A block at a time: a hull may have hundreds of faces.
            for block in np.array_split(np.flatnonzero(near), 1 + int(near.sum()) // 4096):
                offset = hull.equations[:, :3] @ points[block].T + hull.equations[:, 3:]
                within[block] = (offset <= slack).all(axis=0)
        return within

    return inside


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
