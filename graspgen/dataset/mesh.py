"""Meshes that lie in a dataset's folder."""

from __future__ import annotations

import json
import struct
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.guards import inside
from graspgen.errors import DatasetError
from graspgen.frames import Array

#: Type of the JSON chunk of a GLB file, and the most nodes that a mesh's scene may have.
_JSON, MOST_NODES = 0x4E4F534A, 10_000


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
    path = inside(folder, name)
    if not path.is_file():
        raise DatasetError(f"{folder / name} is missing; restore it, or generate again with --overwrite")
    import trimesh  # heavy, and only meshes need it

    try:
        data = path.read_bytes()
        _guard(data, path.suffix.lower())
        # From memory and without a resolver: a mesh cannot name other files.
        options = {"skip_materials": True} if path.suffix.lower() == ".glb" else {}
        kind = path.suffix.lower().lstrip(".")
        scene = trimesh.load_scene(BytesIO(data), file_type=kind, resolver=None, process=False, **options)
        mesh = scene.to_mesh()
        vertices, faces = np.asarray(mesh.vertices, float), np.asarray(mesh.faces, np.int64)
    except Exception as error:  # a parser of foreign files may raise anything
        told = " ".join(str(error).split())[:200]
        raise DatasetError(f"{folder / name} is no readable mesh ({type(error).__name__}: {told})") from error
    if not len(faces) or not np.isfinite(vertices).all():
        raise DatasetError(f"{folder / name} holds no triangles or coordinates that are not finite")
    return vertices, faces


def _guard(data: bytes, suffix: str) -> None:
    """Refuse formats that are not read, and GLB whose JSON declares more than the file holds.

    Raises:
        ValueError: it is one of these.
    """
    if suffix not in (".glb", ".obj", ".stl", ".ply"):
        raise ValueError(f"meshes ending in '{suffix}' are not read; expected .glb, .obj, .stl or .ply")
    if suffix != ".glb":
        return
    length, kind = struct.unpack_from("<II", data, 12)
    if kind != _JSON or length > len(data):
        raise ValueError("not a whole GLB file")
    content = json.loads(data[20 : 20 + length])
    for accessor in content.get("accessors", ()):
        # A component has at least a byte; an accessor without a view would be made of that many zeros.
        if not 0 <= int(accessor["count"]) <= len(data) or "bufferView" not in accessor:
            raise ValueError(f"an accessor declares {accessor['count']} elements in a file of {len(data)} bytes")
    if any("uri" in part for part in (*content.get("buffers", ()), *content.get("images", ()))):
        raise ValueError("it names other files")
    if len(content.get("nodes", ())) > MOST_NODES:
        raise ValueError(f"it has more than {MOST_NODES} nodes")
