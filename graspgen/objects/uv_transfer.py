"""Texture coordinates for a mesh whose vertices are some of another's.

An edge collapse can pull a corner across a seam of the texture, and the triangle then shows everything between two far
places of the image. So each triangle takes its coordinates from one place of the old mesh: the face under its middle.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from graspgen.frames import Array
from graspgen.objects.asset import Mesh
from graspgen.objects.surface_distance import Surface, sample_surface


def transfer_uv(old: Mesh, surface: Surface, vertices: Array, faces: NDArray[np.int32]) -> Mesh:
    """Return a mesh of old vertices with the old mesh's texture.

    A corner takes that one of its place's old coordinates which lies nearest to where the map of the old face under the
    triangle's middle puts it; where none is near, for the corner lies beyond a seam, it takes the map's.

    Args:
        old: with texture coordinates.
        surface: of it.
        vertices: (n, 3), each at a place of an old vertex, m.
        faces: (m, 3).
    """
    assert old.uv is not None
    corners = vertices[faces]
    under = surface.nearest_face(corners.mean(axis=1))
    a, b, c = np.moveaxis(old.vertices[old.faces[under]], 1, 0)
    uv = old.uv[old.faces[under]]
    mapped = np.stack([_mapped(corners[:, k], a, b, c, uv) for k in range(3)], axis=1)
    size = np.linalg.norm(mapped - np.roll(mapped, 1, axis=1), axis=2).max(axis=1)
    chosen = mapped.copy()
    best = np.repeat(size[:, None], 3, axis=1)
    for known in _variants(old, vertices):
        distance = np.linalg.norm(known[faces] - mapped, axis=2)
        closer = distance < best
        chosen[closer], best[closer] = known[faces][closer], distance[closer]
    pairs = np.concatenate([corners.reshape(-1, 3), chosen.reshape(-1, 2)], axis=1)
    both, index = np.unique(np.round(pairs, 12), axis=0, return_inverse=True)
    texture = None if old.texture is None else pad_texture(old.texture, old.uv, old.faces)
    return Mesh(both[:, :3], index.reshape(-1, 3).astype(np.int32), both[:, 3:], texture)


def pad_texture(texture: NDArray[np.uint8], uv: Array, faces: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Give what no triangle shows the colour of the nearest pixel that one shows.

    A triangle that reaches a little beyond its piece of the image then shows that piece's edge, not the background.

    Args:
        texture: (h, w, 3).
        uv: (n, 2), origin at the lower left; the image repeats.
        faces: (m, 3).
    """
    h, w = texture.shape[:2]
    flat = np.concatenate([uv * [w, h], np.zeros((len(uv), 1))], axis=1)
    points = sample_surface(flat, np.asarray(faces), 0.7)[0]
    shown = np.zeros((h, w), bool)
    shown[h - 1 - np.floor(points[:, 1]).astype(int) % h, np.floor(points[:, 0]).astype(int) % w] = True
    row, column = ndimage.distance_transform_edt(~shown, return_distances=False, return_indices=True)
    return texture[row, column]


def _mapped(p: Array, a: Array, b: Array, c: Array, uv: Array) -> Array:
    """Return where the affine maps of triangles to the image put points in or beside them."""
    ab, ac, ap = b - a, c - a, p - a
    d11, d12, d22 = (np.einsum("ij,ij->i", x, y) for x, y in ((ab, ab), (ab, ac), (ac, ac)))
    e1, e2 = np.einsum("ij,ij->i", ap, ab), np.einsum("ij,ij->i", ap, ac)
    det = d11 * d22 - d12**2
    # A sliver's map is none: its first corner stands for it.
    flat = det <= 1e-10 * d11 * d22
    det = np.where(flat, 1.0, det)
    s, t = (d22 * e1 - d12 * e2) / det, (d11 * e2 - d12 * e1) / det
    s, t = np.where(flat, 0.0, s), np.where(flat, 0.0, t)
    return uv[:, 0] + s[:, None] * (uv[:, 1] - uv[:, 0]) + t[:, None] * (uv[:, 2] - uv[:, 0])


def _variants(old: Mesh, vertices: Array) -> list[Array]:
    """Return, for each vertex, the old coordinates at its place: as many (n, 2) arrays as the richest place has."""
    assert old.uv is not None
    used = np.unique(old.faces)
    places, index = np.unique(np.concatenate([old.vertices[used], vertices]), axis=0, return_inverse=True)
    index = index.reshape(-1)
    own, wanted = index[: len(used)], index[len(used) :]
    order = np.argsort(own, kind="stable")
    count = np.bincount(own, minlength=len(places))
    start = np.cumsum(count) - count
    far = np.full(2, 1e6)
    variants = []
    for k in range(int(count.max())):
        has = count[wanted] > k
        at = used[order[np.minimum(start[wanted] + k, len(used) - 1)]]
        variants.append(np.where(has[:, None], old.uv[at], far))
    return variants
