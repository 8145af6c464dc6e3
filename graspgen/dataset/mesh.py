"""Meshes that lie in a dataset's folder."""

from __future__ import annotations

import json
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.place import Folder, Place
from graspgen.errors import DatasetError
from graspgen.frames import Array

#: Numbers of a glTF: its magic word, the kind of its first chunk, and the types of its numbers.
_MAGIC, _JSON, _NUMBERS = 0x46546C67, 0x4E4F534A, {5126: "<f4", 5125: "<u4", 5123: "<u2", 5121: "u1"}
#: The most nodes that a mesh's scene may have.
MOST_NODES = 10_000
_MEND = "restore it, or generate again with --overwrite"


def read_mesh(place: Place | Path, name: str) -> tuple[Array, NDArray[np.int64]]:
    """Read a mesh of a dataset.

    Args:
        place: the dataset's folder.
        name: path of the mesh, relative to it (`assets.mesh`).

    Returns:
        (n, 3) vertices in the asset's frame, m, and (m, 3) faces.

    Raises:
        DatasetError: the path leaves the dataset, or the mesh is missing or damaged.
    """
    place = Folder(place) if isinstance(place, Path) else place
    data, where = place.read(name), place.where(name)
    try:
        kind = Path(name).suffix.lower()
        _guard(data, kind)
        vertices, faces = _simple_glb(data) or _any_mesh(data, kind)
    except ImportError as error:
        raise DatasetError(f"{where} is no plain GLB file: reading it needs trimesh (pip install trimesh)") from error
    except Exception as error:  # a parser of foreign files may raise anything
        told = " ".join(str(error).split())[:200]
        raise DatasetError(f"{where} is no readable mesh ({type(error).__name__}: {told}); {_MEND}") from error
    if not len(faces) or not np.isfinite(vertices).all():
        raise DatasetError(f"{where} holds no triangles or coordinates that are not finite; {_MEND}")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise DatasetError(f"{where} is damaged: a face names a vertex that is not there; {_MEND}")
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


def _simple_glb(data: bytes) -> tuple[Array, NDArray[np.int64]] | None:
    """Read a GLB of one mesh whose nodes do not move it, as graspgen writes them; None for any other file.

    So that reading a dataset needs NumPy only. (glTF 2.0, "GLB File Format Specification".)
    """
    if struct.unpack_from("<II", data) != (_MAGIC, 2):
        return None
    length = struct.unpack_from("<I", data, 12)[0]
    doc = json.loads(data[20 : 20 + length])
    primitives = [p for mesh in doc["meshes"] for p in mesh["primitives"]]
    moved = any({"matrix", "translation", "rotation", "scale"} & set(node) for node in doc["nodes"])
    if len(primitives) != 1 or len(doc["nodes"]) != 1 or moved or doc.get("extensionsRequired"):
        return None
    if primitives[0].get("mode", 4) != 4 or "indices" not in primitives[0]:
        return None
    blob = memoryview(data)[20 + length + 8 :]
    vertices = _accessor(doc, blob, primitives[0]["attributes"]["POSITION"], 3)
    faces = _accessor(doc, blob, primitives[0]["indices"], 1)
    if vertices is None or faces is None:
        return None
    return vertices.astype(float), faces.astype(np.int64).reshape(-1, 3)


def _accessor(doc: Any, blob: memoryview, index: int, width: int) -> NDArray[Any] | None:
    accessor = doc["accessors"][index]
    view = doc["bufferViews"][accessor["bufferView"]]
    if "sparse" in accessor or view.get("byteStride") or view.get("buffer", 0) != 0:
        return None
    kind = np.dtype(_NUMBERS[accessor["componentType"]])
    start, count = view.get("byteOffset", 0) + accessor.get("byteOffset", 0), accessor["count"] * width
    return np.frombuffer(blob, kind, count, start).reshape(-1, width)


def _any_mesh(data: bytes, suffix: str) -> tuple[Array, NDArray[np.int64]]:
    import trimesh  # heavy, and only foreign meshes need it

    # From memory and without a resolver: a mesh cannot name other files.
    options = {"skip_materials": True} if suffix == ".glb" else {}
    scene = trimesh.load_scene(BytesIO(data), file_type=suffix[1:], resolver=None, process=False, **options)
    mesh = scene.to_mesh()
    return np.asarray(mesh.vertices, float), np.asarray(mesh.faces, np.int64)
