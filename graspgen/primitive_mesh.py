"""Primitives as triangle meshes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array

#: Sides of a round geom: finer than a pixel of a view that shows all of it, and as MuJoCo draws it.
_SECTIONS = 96


def primitive_mesh(kind: str, size: Array) -> tuple[Array, NDArray[np.int64]]:
    """Return the vertices, m, and the faces of a geom in its own frame.

    Args:
        kind: "plane", "box", "sphere", "ellipsoid", "cylinder" or "capsule".
        size: MuJoCo's half-sizes or radii, m; a plane's are its half-sides.

    Raises:
        ValueError: the kind is another one.
    """
    import trimesh  # heavy, and few need it

    # trimesh leaves out triangles at the poles of what is small: round things are made large.
    match kind:
        case "plane":
            x, y = size[:2]
            return np.array([[-x, -y, 0], [x, -y, 0], [x, y, 0], [-x, y, 0.0]]), np.array([[0, 1, 2], [0, 2, 3]])
        case "box":
            mesh = trimesh.creation.box(2 * size)
        case "sphere" | "ellipsoid":
            mesh = trimesh.creation.uv_sphere(1.0, count=[_SECTIONS, _SECTIONS])
            mesh.apply_transform(np.diag([*(size if kind == "ellipsoid" else [size[0]] * 3), 1.0]))
        case "cylinder":
            mesh = trimesh.creation.cylinder(size[0], 2 * size[1], sections=_SECTIONS)
        case "capsule":
            mesh = trimesh.creation.capsule(2 * size[1] / size[0], 1.0, count=[_SECTIONS, _SECTIONS])
            mesh.apply_scale(size[0])
        case _:
            raise ValueError(f"unknown kind of geom '{kind}'")
    return np.asarray(mesh.vertices, float), np.asarray(mesh.faces, np.int64)
