"""Signed distance to a mesh on a grid: cheap to look up at many points, with its direction and how that turns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from graspgen.frames import Array
from graspgen.objects.surface_distance import Surface, signed_distance

#: Cells along the longest extent, and their smallest size, m.
CELLS, SMALLEST = 40, 0.0015
#: Cells around the mesh that the grid reaches beyond it.
MARGIN = 4
#: Within so many cells of the surface the distances are exact.
NEAR = 3.0
#: Directions are those of the distance blurred over so many cells, so that edges and facets pull as round ones do.
BLUR = 1.0


class DistanceGrid:
    """Signed distance to a closed mesh, m, negative inside; linear between the corners of the grid's cells.

    Beyond the grid the distance to the grid's border is added. Directions are outwards, of unit length.

    Args:
        vertices: (n, 3), m.
        faces: (m, 3).
    """

    def __init__(self, vertices: Array, faces: NDArray[np.int32]) -> None:
        solid = Surface(vertices, faces)
        low, high = solid.vertices.min(axis=0), solid.vertices.max(axis=0)
        self._cell = max(float((high - low).max()) / CELLS, SMALLEST)
        self._low = low - MARGIN * self._cell
        shape = np.ceil((high - low) / self._cell).astype(int) + 2 * MARGIN + 1
        self._distance = self._measured(solid, shape)
        self._last = shape - 1.0
        blurred = gaussian_filter(self._distance, BLUR)
        self._slope = np.gradient(blurred, self._cell)
        self._bend = [np.gradient(s, self._cell) for s in self._slope]

    def _measured(self, solid: Surface, shape: NDArray[np.int64]) -> Array:
        """Distances at the corners of all cells: exact near the surface, linear between every other corner far off."""
        half = [np.arange(0, s + 1, 2) for s in shape]
        corners = np.stack(np.meshgrid(*half, indexing="ij"), axis=-1)
        coarse = signed_distance(self._low + corners.reshape(-1, 3) * self._cell, solid).reshape(corners.shape[:3])
        points = np.stack(np.meshgrid(*(np.arange(s) for s in shape), indexing="ij"), axis=-1).reshape(-1, 3)
        out = self._of(coarse, points / 2)
        # A distance changes by no more than the way, so the coarse one tells what is near.
        near = np.abs(out) < NEAR * self._cell
        out[near] = signed_distance(self._low + points[near] * self._cell, solid)
        return out.reshape(tuple(shape))

    def distance(self, points: Array) -> Array:
        """(m,) distances of (m, 3) points, m."""
        at = (points - self._low) / self._cell
        inside = np.clip(at, 0, self._last)
        return self._of(self._distance, inside) + np.linalg.norm(at - inside, axis=1) * self._cell

    def look(self, points: Array) -> tuple[Array, Array, Array]:
        """(m,) distances of (m, 3) points, m; (m, 3) their directions; (m, 3, 3) the directions' derivatives, 1/m."""
        at = (points - self._low) / self._cell
        inside = np.clip(at, 0, self._last)
        beyond = np.linalg.norm(at - inside, axis=1)
        g = np.stack([self._of(s, inside) for s in self._slope], axis=1)
        out = beyond > 1e-9
        g[out] = ((at - inside) / np.maximum(beyond, 1e-9)[:, None])[out]
        size = np.maximum(np.linalg.norm(g, axis=1), 0.2)[:, None]
        H = np.stack([[self._of(b, inside) for b in row] for row in self._bend]).transpose(2, 0, 1)
        g = g / size
        # What changes the length of the slope does not turn it.
        H = (H - g[:, :, None] * (g[:, None] @ H)) / size[:, :, None]
        H[out] = 0.0
        return self._of(self._distance, inside) + beyond * self._cell, g, H

    @staticmethod
    def _of(values: Array, at: Array) -> Array:
        return map_coordinates(values, at.T, order=1, mode="nearest")
