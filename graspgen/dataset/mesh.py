"""Meshes that lie in a dataset's folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graspgen.errors import DatasetError
from graspgen.frames import Array


def read_mesh(folder: Path, name: str) -> tuple[Array, NDArray[np.int64]]:
    """Read a mesh of a dataset.

    Args:
        folder: the dataset's folder.
        name: path of the mesh, relative to it (`assets.mesh`).

    Returns:
        (n, 3) vertices in the asset's frame, m, and (m, 3) faces.

    Raises:
        DatasetError: the path leaves the dataset, or the mesh is missing or damaged.
    """
    path = (folder / name).resolve()
    if not name or not path.is_relative_to(folder.resolve()):
        raise DatasetError(f"the mesh path '{name}' leaves the dataset {folder}; restore the shard that names it")
    if not path.is_file():
        raise DatasetError(f"{folder / name} is missing; restore it, or generate again with --overwrite")
    import trimesh  # heavy, and only meshes need it

    try:
        mesh = trimesh.load_scene(path, process=False).to_mesh()
        vertices, faces = np.asarray(mesh.vertices, float), np.asarray(mesh.faces, np.int64)
    except Exception as error:  # a parser of foreign files may raise anything
        raise DatasetError(f"{folder / name} is no readable mesh ({type(error).__name__}: {error})") from error
    if not len(faces) or not np.isfinite(vertices).all():
        raise DatasetError(f"{folder / name} holds no triangles or coordinates that are not finite")
    return vertices, faces
