"""Ray casting against one mesh, by Embree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from numpy.typing import ArrayLike, NDArray

from graspgen.frames import Array


@dataclass(frozen=True, eq=False)
class Hits:
    """Where rays met the mesh, sorted by ray, then by distance.

    Attributes:
        ray: (n,) index of the ray.
        face: (n,) index of the face.
        distance: (n,) along the ray's direction, in its length's unit.
    """

    ray: NDArray[np.int64]
    face: NDArray[np.int64]
    distance: Array


class RayCaster:
    """Casts rays against a triangle mesh.

    Embree finds the face in single precision; the distance is then computed in double precision from the face's plane.

    Args:
        vertices: (n, 3) float, m.
        faces: (m, 3) int.
    """

    def __init__(self, vertices: Array, faces: NDArray[np.int32]) -> None:
        triangles = np.asarray(vertices, float)[faces]
        self._origin = triangles[:, 0]
        self._edges = triangles[:, 1:] - triangles[:, :1]
        cross = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
        self.areas: Array = 0.5 * np.linalg.norm(cross, axis=1)
        #: (m, 3) outward unit normals; zero for a face without area.
        self.normals: Array = cross / np.maximum(2 * self.areas, 1e-30)[:, None]
        self._scene = EmbreeScene()
        self._mesh = TriangleMesh(self._scene, triangles.astype(np.float32))
        self._step = 1e-6 * max(float(np.ptp(vertices, axis=0).max()), 1e-3)

    def point(self, face: NDArray[np.int64], u: Array, v: Array) -> Array:
        """Return (n, 3) points on the given faces, uniform by area for u and v uniform in [0, 1)."""
        a, b = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
        return self._origin[face] + a[:, None] * self._edges[face, 0] + b[:, None] * self._edges[face, 1]

    def furthest(self, point: ArrayLike) -> float:
        """Return the largest distance of the surface from the (3,) point."""
        corners = (self._origin, self._origin + self._edges[:, 0], self._origin + self._edges[:, 1])
        offsets = np.concatenate(corners) - np.asarray(point, float)
        return float(np.sqrt(np.einsum("ij,ij->i", offsets, offsets).max()))

    def first_face(self, origins: Array, directions: Array) -> NDArray[np.int64]:
        """Return the (n,) first face that each ray meets, −1 for none; origins and directions are (n, 3)."""
        return self._scene.run(
            np.ascontiguousarray(origins, np.float32), np.ascontiguousarray(directions, np.float32)
        ).astype(np.int64)

    def plane_distance(self, faces: NDArray[np.int64], origins: Array, directions: Array) -> Array:
        """Return the (n,) distances along the rays to the planes of the given faces."""
        normal = self.normals[faces]
        along = np.einsum("ij,ij->i", normal, directions)
        offset = np.einsum("ij,ij->i", normal, self._origin[faces] - origins)
        return offset / np.where(np.abs(along) < 1e-12, 1e-12, along)

    def all_hits(self, origins: Array, directions: Array, limit: float, max_hits: int = 16) -> Hits:
        """Return every face that each ray meets up to the distance `limit`.

        Embree reports the first hit only, so a ray goes on from just behind it, at most `max_hits` times.

        Args:
            origins: (n, 3), m.
            directions: (n, 3) unit vectors.
            limit: largest distance, m.
            max_hits: hits a ray at most.
        """
        rays, faces, distances = [], [], []
        active = np.arange(len(origins))
        travelled = np.zeros(len(origins))
        last = np.full(len(origins), -1)
        for _ in range(max_hits):
            start = origins[active] + travelled[active, None] * directions[active]
            face = self.first_face(start, directions[active])
            active, face = active[face >= 0], face[face >= 0]
            if not len(active):
                break
            distance = self.plane_distance(face, origins[active], directions[active])
            inside = distance <= limit
            active, face, distance = active[inside], face[inside], distance[inside]
            new = face != last[active]
            rays.append(active[new])
            faces.append(face[new])
            distances.append(distance[new])
            last[active] = face
            travelled[active] = np.maximum(distance, travelled[active]) + self._step
        if not rays:
            return Hits(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
        ray, hit, distance = np.concatenate(rays), np.concatenate(faces), np.concatenate(distances)
        order = np.lexsort((distance, ray))
        return Hits(ray[order], hit[order], distance[order])
