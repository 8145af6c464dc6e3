"""Meshes as the formats want them: OBJ and PLY, written plainly, one vertex a place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.reader import Dataset
from graspgen.frames import Array


def export_mesh(dataset: Dataset, asset: int, scale: float = 1.0) -> tuple[Array, NDArray[np.int64]]:
    """Return an asset's mesh for a file: vertices at the same place are one, all are used, numbers as text has them.

    So a reader that merges vertices on loading, as trimesh does, gets the same ones, and their mean.

    Args:
        dataset: that holds the mesh.
        asset: row of the asset.
        scale: factor on the vertices.

    Returns:
        (n, 3) vertices, m, and (m, 3) faces.

    Raises:
        DatasetError: the mesh is missing or damaged.
    """
    vertices, faces = dataset.mesh(int(dataset.assets["id"][asset]))
    rounded = np.round(vertices * scale, 9) + 0.0
    _, first, back = np.unique(rounded, axis=0, return_index=True, return_inverse=True)
    faces = back.ravel()[faces]
    used, faces = np.unique(faces, return_inverse=True)
    return rounded[first][used], faces.reshape(-1, 3)


def obj_text(vertices: Array, faces: NDArray[np.int64]) -> str:
    """Return a Wavefront OBJ."""
    lines = [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in vertices.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (faces + 1).tolist()]
    return "\n".join(lines) + "\n"


def ply_bytes(vertices: Array, faces: NDArray[np.int64]) -> bytes:
    """Return a binary little-endian PLY."""
    head = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {len(vertices)}\n"
        "property float x\nproperty float y\nproperty float z\n"
        f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    rows = np.empty(len(faces), np.dtype([("n", "u1"), ("v", "<i4", 3)]))
    rows["n"], rows["v"] = 3, faces
    return head.encode() + vertices.astype("<f4").tobytes() + rows.tobytes()
