"""Fewer faces for the mesh that is drawn, its texture kept.

manifold3d collapses edges as long as the surface moves less than a tolerance, so that what is left is closed and its
vertices are some of the old ones; texture coordinates are then taken over triangle by triangle.
"""

from __future__ import annotations

from dataclasses import dataclass

import manifold3d
import numpy as np

from graspgen.frames import Array
from graspgen.objects.asset import Mesh
from graspgen.objects.mesh_repair import is_closed, merge_equal
from graspgen.objects.surface_distance import Surface
from graspgen.objects.uv_transfer import transfer_uv

#: Faces of a drawn mesh, if nothing is said.
FACES = 20_000
#: The surface never moves by more than this share of the largest extent.
_MOST = 0.01
#: Steps of the search for the tolerance.
_STEPS = 8


@dataclass(frozen=True, eq=False)
class Decimated:
    """A mesh with fewer faces.

    Attributes:
        mesh: the mesh.
        error: largest distance of the old mesh's points from it, m; 0 where nothing changed.
    """

    mesh: Mesh
    error: float


def decimate(mesh: Mesh, faces: int) -> Decimated:
    """Return the mesh with at most `faces` faces, or with as few as keep it within 1 % of its extent.

    Args:
        mesh: closed.
        faces: the budget.
    """
    solid = _solid(mesh) if len(mesh.faces) > faces else None
    if solid is None:
        return Decimated(mesh, 0.0)
    extent = float(np.ptp(mesh.bounds, axis=0).max())
    # The number of faces falls with the tolerance: the least tolerance that meets the budget, by halving.
    low, high = 1e-6, _MOST
    for _ in range(_STEPS):
        middle = float(np.sqrt(low * high))
        if solid.simplify(middle * extent).num_tri() <= faces:
            high = middle
        else:
            low = middle
    surface = Surface(mesh.vertices, mesh.faces)
    points = surface.points()
    # manifold3d may fold thin walls at tolerances near their thickness: what it did is measured, not believed.
    for _ in range(_STEPS):
        small = _mesh(solid.simplify(high * extent))
        if len(small.faces) and is_closed(merge_equal(small.vertices, small.faces)[1]):
            error = float(Surface(small.vertices, small.faces).distance(points).max())
            if error <= _MOST * extent:
                if mesh.uv is not None:
                    small = transfer_uv(mesh, surface, small.vertices, small.faces)
                return Decimated(small, error)
        high /= 2
    return Decimated(mesh, 0.0)


def _solid(mesh: Mesh) -> manifold3d.Manifold | None:
    """Hand the mesh to manifold3d, texture coordinates as properties (seams are kept then); None if not manifold."""
    used, index = np.unique(mesh.faces, return_inverse=True)
    faces = index.reshape(-1, 3)
    properties: Array = mesh.vertices[used]
    if mesh.uv is not None:
        properties = np.concatenate([properties, mesh.uv[used]], axis=1)
    _, first, inverse = np.unique(mesh.vertices[used], axis=0, return_index=True, return_inverse=True)
    same = first[inverse.reshape(-1)]
    doubles = np.flatnonzero(same != np.arange(len(used)))
    solid = manifold3d.Manifold(
        manifold3d.Mesh64(
            np.ascontiguousarray(properties, np.float64),
            np.ascontiguousarray(faces, np.uint64),
            merge_from_vert=doubles.astype(np.uint64),
            merge_to_vert=same[doubles].astype(np.uint64),
        )
    )
    return None if solid.status() != manifold3d.Error.NoError or solid.is_empty() else solid


def _mesh(solid: manifold3d.Manifold) -> Mesh:
    out = solid.to_mesh64()
    return Mesh(np.asarray(out.vert_properties)[:, :3].copy(), np.asarray(out.tri_verts).astype(np.int32))
