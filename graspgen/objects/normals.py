"""Normals for shading: round things look round, edges stay sharp.

MuJoCo averages normals over the vertices that faces share; a mesh with texture coordinates repeats vertices at its
seams, which would show as edges. Here corners at the same place count as one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.frames import Array

#: Faces that meet at a larger angle have an edge between them, deg.
CREASE_DEG = 35.0
#: Most pairs of faces around vertices that are looked at in one go.
_PAIRS = 2_000_000


@dataclass(frozen=True, eq=False)
class Shaded:
    """A mesh for drawing: every vertex has one normal.

    Attributes:
        source: (k,) the vertex of the mesh that each vertex is; those on an edge are repeated.
        normals: (k, 3) unit normals.
        faces: (m, 3) indices into the k vertices, in the order of the mesh's faces.
    """

    source: NDArray[np.int64]
    normals: Array
    faces: NDArray[np.int32]


def shaded(vertices: ArrayLike, faces: ArrayLike) -> Shaded:
    """Give every corner of a mesh its normal, as MuJoCo takes it.

    MuJoCo 4.0 has normals of vertices only: it does not use the indices `userfacenormal`.
    """
    f = np.asarray(faces)
    normals, of_corner = corner_normals(vertices, f)
    key = f.astype(np.int64) * len(normals) + of_corner
    _, first, back = np.unique(key.ravel(), return_index=True, return_inverse=True)
    return Shaded(f.ravel()[first], normals[of_corner.ravel()[first]], back.reshape(-1, 3).astype(np.int32))


def corner_normals(vertices: ArrayLike, faces: ArrayLike) -> tuple[Array, NDArray[np.int32]]:
    """Return the normals of a mesh's corners.

    The normal of a corner is the mean, weighted by area, of the faces around it that meet its own face at less than
    `CREASE_DEG`.

    Args:
        vertices: (n, 3), m.
        faces: (m, 3) indices, counter-clockwise seen from outside.

    Returns:
        (k, 3) unit normals without repetitions, and (m, 3) the index of each corner's.
    """
    v, f = np.asarray(vertices, np.float32), np.asarray(faces)
    corners = v[f].astype(float)
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(area, axis=1, keepdims=True)
    unit = np.divide(area, length, out=np.tile([0.0, 0.0, 1.0], (len(f), 1)), where=length > 0)
    place = _places(v)[f].ravel()
    order = np.argsort(place, kind="stable")
    face = order // 3
    count = np.bincount(place)
    count = count[count > 0]
    start = np.cumsum(count) - count
    summed = np.empty((len(order), 3))
    cosine = math.cos(math.radians(CREASE_DEG))
    # Vertices in batches, each batch all pairs of the faces around its vertices.
    ends = np.searchsorted(np.cumsum(count**2), np.arange(_PAIRS, (count**2).sum() + _PAIRS, _PAIRS), "right")
    low = 0
    for high in [*np.unique(ends), len(count)]:
        if high <= low:
            continue
        n, s = count[low:high], start[low:high]
        mine = np.repeat(np.arange(s[0], s[-1] + n[-1]), np.repeat(n, n))
        other = np.arange(len(mine)) - np.repeat(np.cumsum(n**2) - n**2, n**2)
        other = np.repeat(s, n**2) + other % np.repeat(n, n**2)
        a, b = face[mine], face[other]
        near = np.einsum("ij,ij->i", unit[a], unit[b]) > cosine
        at = mine[near] - s[0]
        total = s[-1] + n[-1] - s[0]
        for axis in range(3):
            summed[s[0] : s[0] + total, axis] = np.bincount(at, area[b[near], axis], total)
        low = high
    size = np.linalg.norm(summed, axis=1, keepdims=True)
    # A face without area has no normal of its own, and needs none.
    normal = np.where(size > 0, summed / np.where(size > 0, size, 1), unit[face])
    back = np.empty((len(order), 3), np.float32)
    back[order] = normal
    return _unique(back, len(f))


def _places(v: NDArray[np.float32]) -> NDArray[np.int64]:
    """Number the vertices such that those at the same place have the same number."""
    return np.unique(_words(v), return_inverse=True)[1].ravel()


def _unique(normals: NDArray[np.float32], faces: int) -> tuple[Array, NDArray[np.int32]]:
    # A hundredth of a degree apart is the same to the eye.
    rounded = np.round(normals, 4)
    _, first, back = np.unique(_words(rounded), return_index=True, return_inverse=True)
    chosen = normals[first].astype(float)
    chosen /= np.linalg.norm(chosen, axis=1, keepdims=True)
    return chosen, back.reshape(faces, 3).astype(np.int32)


def _words(a: NDArray[np.float32]) -> NDArray:
    """Return each row as one value that can be compared quickly; −0 is 0."""
    words = np.ascontiguousarray(a + np.float32(0)).view(np.uint32).astype(np.uint64)
    # Two multiplications mix three words into one; equal rows stay equal, others meet with probability 2⁻⁶⁴.
    mixed = words[:, 0] * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29)) ^ words[:, 1]) * np.uint64(0xBF58476D1CE4E5B9)
    return (mixed ^ (mixed >> np.uint64(32)) ^ words[:, 2]) * np.uint64(0x94D049BB133111EB)
