"""Surface normals of a view by ray casting: those of the facets of the meshes, exact, in the camera's frame.

OpenGL could draw them in two passes with three coloured lamps, in a fifth of the time, but only with eight bits, and
interpolated between corners; rays give each pixel the facet that it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from graspgen.frames import Array
from graspgen.lens import grid_rays
from graspgen.raycast import RayCaster


@dataclass(frozen=True, eq=False)
class Surface:
    """A mesh in a scene.

    Attributes:
        vertices: (n, 3) world frame, m.
        faces: (m, 3).
        instance: id that it is seen as, 0 for the background.
    """

    vertices: Array
    faces: NDArray[np.integer]
    instance: int


class NormalCaster:
    """The surfaces of a scene, ready to be looked at from many cameras."""

    def __init__(self, surfaces: Sequence[Surface]) -> None:
        starts = np.cumsum([0, *(len(s.vertices) for s in surfaces)])
        self._vertices = np.concatenate([np.zeros((0, 3)), *(s.vertices for s in surfaces)])
        self._faces = np.concatenate(
            [np.zeros((0, 3), np.int64), *(s.faces + start for s, start in zip(surfaces, starts, strict=False))]
        )
        self._instance = np.concatenate(
            [np.zeros(0, np.uint8), *(np.full(len(s.faces), s.instance, np.uint8) for s in surfaces)]
        )
        self._caster = RayCaster(self._vertices, self._faces) if len(self._faces) else None

    def normals(
        self, T_world_camera: ArrayLike, K: ArrayLike, distortion: ArrayLike, instances: NDArray[np.uint8], depth: Array
    ) -> NDArray[np.float32]:
        """Return the (H, W, 3) unit normals of what a view shows, camera's frame; 0 where it shows nothing.

        They agree with the id image: where a ray along an edge meets another surface than the renderer drew, the
        normal is that of the nearest pixel of the id that was drawn.

        Args:
            T_world_camera: (4, 4) pose of the OpenCV camera.
            K: (3, 3) camera matrix, px.
            distortion: k1, k2, p1, p2, k3.
            instances: (H, W) ids.
            depth: (H, W), 0 where nothing is seen.
        """
        height, width = instances.shape
        found = np.zeros((height, width, 3), np.float32)
        if self._caster is None:
            return found
        T = np.asarray(T_world_camera, float)
        flat = grid_rays(K, distortion, 0, 0, width, height).reshape(-1, 2)
        rays = flat @ T[:3, :2].T + T[:3, 2]
        face = self._caster.first_face(np.broadcast_to(T[:3, 3], rays.shape), rays)
        normal = self._caster.normals[face] @ T[:3, :3]
        backwards = np.einsum("ij,ij->i", normal[:, :2], flat) + normal[:, 2] > 0
        normal[backwards] *= -1
        agrees = ((face >= 0) & (self._instance[face] == instances.ravel())).reshape(height, width)
        found[:] = normal.reshape(height, width, 3)
        self._mend(found, agrees, instances)
        found[depth <= 0] = 0
        return found

    def _mend(self, found: NDArray[np.float32], agrees: NDArray[np.bool_], instances: NDArray[np.uint8]) -> None:
        for instance in np.unique(instances[~agrees]).tolist():
            mine = instances == instance
            good, bad = mine & agrees, mine & ~agrees
            if not good.any():
                found[bad] = 0
                continue
            rows, columns = ndimage.distance_transform_edt(~good, return_distances=False, return_indices=True)
            found[bad] = found[rows[bad], columns[bad]]
