"""Finds where a closed mesh runs through itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array
from graspgen.raycast import RayCaster

#: Most edges that are tried; of a larger mesh every second, third, … one.
_MOST_EDGES = 60_000
#: Ends of an edge that are left out, as a share of its length: there it meets its neighbours.
_ENDS = 0.01


def crossing_edges(vertices: Array, faces: NDArray[np.int32], label: NDArray[np.int32]) -> float:
    """Return the share of edges that pass through a face of their own shell, of those that were tried.

    Args:
        vertices: (n, 3), m, one a place.
        faces: (m, 3).
        label: (m,) the shell of each face.
    """
    f = faces.astype(np.int64)
    ends = np.sort(np.concatenate([f[:, [0, 1]], f[:, [1, 2]], f[:, [2, 0]]]), axis=1)
    owner = np.tile(label, 3)
    _, first = np.unique(ends[:, 0] * (int(f.max()) + 1) + ends[:, 1], return_index=True)
    first = first[:: -(-len(first) // _MOST_EDGES)]
    ends, owner = ends[first], owner[first]
    start, way = vertices[ends[:, 0]], vertices[ends[:, 1]] - vertices[ends[:, 0]]
    length = np.linalg.norm(way, axis=1)
    keep = length > 1e-6 * float(np.ptp(vertices, axis=0).max())
    ends, owner, start, way, length = ends[keep], owner[keep], start[keep], way[keep], length[keep]
    if not len(ends):
        return 0.0
    way /= length[:, None]
    caster = RayCaster(vertices, faces)
    crossed = np.zeros(len(ends), bool)
    active, travelled = np.arange(len(ends)), _ENDS * length
    for _ in range(4):
        hit = caster.first_face(start[active] + travelled[active, None] * way[active], way[active])
        active, hit = active[hit >= 0], hit[hit >= 0]
        distance = caster.plane_distance(hit, start[active], way[active])
        inside = distance < (1 - _ENDS) * length[active]
        active, hit, distance = active[inside], hit[inside], distance[inside]
        if not len(active):
            break
        apart = (f[hit][:, :, None] != ends[active][:, None, :]).all(axis=(1, 2))
        real = apart & (label[hit] == owner[active]) & (distance > _ENDS * length[active])
        crossed[active[real]] = True
        travelled[active] = np.maximum(distance, travelled[active]) + 1e-3 * length[active]
        active = active[~real]
    return float(crossed.mean())
