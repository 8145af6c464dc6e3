"""Wraps a mesh that is not closed, or that runs through itself, in a closed one: a remesh on voxels.

Like an alpha wrap (Portaneri et al., "Alpha wrapping with an offset", ACM Transactions on Graphics 41(4), 2022): what
a ball of some radius can reach from outside is outside, the rest is solid. A ball that is too large for a gap treats it
as closed; what it reaches from both sides is a sheet, which gets a thickness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from graspgen.errors import ObjectError
from graspgen.frames import Array
from graspgen.objects import shapes
from graspgen.objects.surface_distance import Surface, beyond, inside_mesh, sample_surface

#: Voxels along the largest extent.
RESOLUTION = 80
#: Radius of the ball that must not fit through a gap, and half the thickness of a sheet, in voxels.
_RADIUS, _SHEET = 1.5, 0.75


@dataclass(frozen=True, eq=False)
class Wrapped:
    """A closed mesh around another.

    Attributes:
        vertices, faces: closed, outward.
        voxel: m; gaps up to three voxels are closed.
        error: how far the wrap is from the mesh, or the mesh sticks out of the wrap, at most, m.
        sheets: whether surfaces without an inside were given a thickness, of one and a half voxels.
    """

    vertices: Array
    faces: NDArray[np.int32]
    voxel: float
    error: float
    sheets: bool


def wrap(vertices: Array, faces: NDArray[np.int32], resolution: int = RESOLUTION) -> Wrapped:
    """Wrap a mesh.

    Args:
        vertices: (n, 3), m.
        faces: (m, 3), of any topology.
        resolution: voxels along the largest extent; memory grows with its cube.

    Raises:
        ObjectError: nothing is left.
    """
    used = vertices[np.unique(faces)]
    low = used.min(axis=0)
    size = np.ptp(used, axis=0)
    h = float(size.max()) / resolution
    margin = 4
    origin = low - margin * h
    shape = tuple(int(n) for n in np.ceil(size / h).astype(int) + 2 * margin + 1)
    samples = sample_surface(vertices, faces, h / 2)[0]
    fine = np.round((samples - origin) / (h / 4)).astype(np.int64)
    samples = samples[np.unique(np.ravel_multi_index(fine.T, [4 * n for n in shape]), return_index=True)[1]]
    far = (_RADIUS + 1.5) * h
    u = _distance(samples, origin, h, shape, far)
    reachable, _ = ndimage.label(u > _RADIUS * h)
    outside = reachable == reachable[0, 0, 0]
    # The ball around an outside node that touches the surface bounds the distance of a node beyond it.
    depth, nearest = ndimage.distance_transform_edt(~outside, return_indices=True)
    field = depth * h - u[tuple(nearest)]
    thick = ndimage.maximum_filter(field, size=5)
    node = np.round((samples - origin) / h).astype(int)
    sheet = samples[thick[tuple(node.T)] < 0.5 * h]
    if len(sheet):
        field = np.maximum(field, _SHEET * h - _distance(sheet, origin, h, shape, far))
    v, f = marching_tetrahedra(field, origin, h)
    solid = shapes.to_manifold(v, f).simplify(0.15 * h) if len(f) else None
    # Crumbs smaller than a few voxels are noise of the scan.
    pieces = [] if solid is None else [p for p in solid.decompose() if p.volume() > (2 * h) ** 3]
    if not pieces:
        raise ObjectError("nothing is left of it when it is wrapped")
    joined = [shapes.from_manifold(p) for p in pieces]
    starts = np.cumsum([0, *(len(p) for p, _ in joined[:-1])])
    v = np.concatenate([p for p, _ in joined])
    f = np.concatenate([q + s for (_, q), s in zip(joined, starts, strict=True)]).astype(np.int32)
    wrapped, given = Surface(v, f), Surface(vertices, faces)
    # What lies inside the wrap is inside the solid: faces within it are no error.
    error = max(float(given.distance(wrapped.points()).max()), beyond(given, inside_mesh(wrapped), wrapped))
    return Wrapped(v, f, h, error, len(sheet) > 0)


def _distance(samples: Array, origin: Array, h: float, shape: tuple[int, ...], far: float) -> Array:
    """Return the distance of every node of the grid to the samples, up to `far`."""
    near = np.zeros(shape, bool)
    near[tuple(np.round((samples - origin) / h).astype(int).T)] = True
    near = ndimage.binary_dilation(near, ndimage.generate_binary_structure(3, 3), iterations=int(far / h) + 1)
    nodes = np.argwhere(near)
    distance = cKDTree(samples).query(origin + nodes * h, distance_upper_bound=far)[0]
    field = np.full(shape, far)
    field[tuple(nodes.T)] = np.minimum(distance, far)
    return field


# Six tetrahedra around the diagonal of a cube (Kuhn): neighbouring cubes agree on their common face.
_CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1], [1, 0, 1], [0, 1, 1], [1, 1, 1]])
_TETRAHEDRA = np.array([[0, 1, 3, 7], [0, 1, 5, 7], [0, 2, 3, 7], [0, 2, 6, 7], [0, 4, 5, 7], [0, 4, 6, 7]])
_PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


def marching_tetrahedra(field: Array, origin: Array, h: float) -> tuple[Array, NDArray[np.int32]]:
    """Return the closed surface where a field on a grid passes 0, its positive side inside.

    Args:
        field: (a, b, c), negative on the whole border.
        origin: (3,) place of node (0, 0, 0), m.
        h: distance of the nodes, m.
    """
    shape = np.array(field.shape)
    values = np.where(field == 0, -1e-12 * h, field).ravel()
    inside = (values > 0).reshape(field.shape)
    cells = np.stack([inside[c[0] : shape[0] - 1 + c[0], c[1] : shape[1] - 1 + c[1], c[2] : shape[2] - 1 + c[2]]
                      for c in _CORNERS])  # fmt: skip
    mixed = np.argwhere(cells.any(axis=0) & ~cells.all(axis=0))
    strides = np.array([shape[1] * shape[2], shape[2], 1])
    nodes = (mixed[:, None, :] + _CORNERS) @ strides
    tets = nodes[:, _TETRAHEDRA].reshape(-1, 4)
    positive = values[tets] > 0
    # Inner corners first.
    order = np.argsort(~positive, axis=1, kind="stable")
    tets = np.take_along_axis(tets, order, axis=1)
    count = positive.sum(axis=1)
    triangles, inner = [], []
    for n, edges in ((1, [[0, 1], [0, 2], [0, 3]]), (3, [[0, 3], [1, 3], [2, 3]])):
        own = tets[count == n]
        triangles.append(own[:, edges])
        inner.append(own[:, 0])
    own = tets[count == 2]
    for edges in ([[0, 2], [0, 3], [1, 3]], [[0, 2], [1, 3], [1, 2]]):
        triangles.append(own[:, edges])
        inner.append(own[:, 0])
    corners, inner_node = np.concatenate(triangles), np.concatenate(inner)
    if not len(corners):
        return np.zeros((0, 3)), np.zeros((0, 3), np.int32)
    ends = np.sort(corners.reshape(-1, 2), axis=1)
    keys, index = np.unique(ends[:, 0] * values.size + ends[:, 1], return_inverse=True)
    edges = np.stack([keys // values.size, keys % values.size], axis=-1)
    a, b = values[edges[:, 0]], values[edges[:, 1]]
    place = np.stack(np.unravel_index(edges, field.shape), axis=-1).astype(float)
    # Kept off the nodes, where several edges would meet in one point.
    t = np.clip(a / (a - b), 0.02, 0.98)[:, None]
    vertices = origin + h * (place[:, 0] * (1 - t) + place[:, 1] * t)
    faces = index.reshape(-1, 3)
    p, q, r = np.moveaxis(vertices[faces], 1, 0)
    towards = origin + h * np.stack(np.unravel_index(inner_node, field.shape), axis=-1) - p
    wrong = np.einsum("ij,ij->i", np.cross(q - p, r - p), towards) > 0
    return vertices, np.where(wrong[:, None], faces[:, ::-1], faces).astype(np.int32)
