"""Reads a mesh file that graspgen did not write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image

from graspgen.errors import ObjectError
from graspgen.frames import Array

#: File types that can be imported.
SUFFIXES = (".obj", ".stl", ".ply", ".glb", ".gltf", ".off")
#: Most faces of a mesh.
MOST_FACES = 2_000_000
#: Largest side of a texture, px; a larger one is made smaller.
MOST_PIXELS = 2048
#: Texture coordinates beyond this lose their exactness (`asset.UV_STEP`).
MOST_REPEATS = 8.0


@dataclass(frozen=True, eq=False)
class RawMesh:
    """A mesh as its file has it.

    Attributes:
        vertices: (n, 3), in the file's unit and axes (glTF's are y-up; nothing is turned).
        faces: (m, 3) indices.
        uv: (n, 2), origin at the lower left, or None.
        texture: (h, w, 3) uint8, or None.
        notes: what was left behind.
    """

    vertices: Array
    faces: NDArray[np.int64]
    uv: Array | None
    texture: NDArray[np.uint8] | None
    notes: tuple[str, ...]


def read_mesh_file(path: Path) -> RawMesh:
    """Read all triangles of a mesh file, with its transforms applied.

    Raises:
        ObjectError: the file is missing, empty, of an unknown type, or holds no triangles.
    """
    if not path.is_file():
        raise ObjectError(f"{path}: there is no such file; check the path")
    if path.suffix.lower() not in SUFFIXES:
        raise ObjectError(f"{path}: '{path.suffix}' is not a mesh type that can be read; use {', '.join(SUFFIXES)}")
    if path.stat().st_size == 0:
        raise ObjectError(f"{path}: the file is empty; export the mesh again")
    try:
        scene = trimesh.load_scene(path, process=False)
        geometries = list(scene.geometry.values())
        mesh = scene.to_mesh() if any(_has_faces(g) for g in geometries) else None
    except Exception as error:  # a parser of foreign files may raise anything
        cause = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise ObjectError(
            f"{path}: cannot be read as a {path.suffix[1:].upper()} mesh ({cause}); export it again"
        ) from error
    if mesh is None or not _has_faces(mesh):
        points = any(len(getattr(g, "vertices", ())) for g in geometries)
        what = "holds points but no triangles" if points else "holds no triangles; is it a mesh?"
        raise ObjectError(f"{path}: {what}; export a triangle mesh")
    if len(mesh.faces) > MOST_FACES:
        raise ObjectError(f"{path}: {len(mesh.faces)} faces are more than {MOST_FACES}; simplify the mesh first")
    vertices, faces = np.array(mesh.vertices, float), np.array(mesh.faces, np.int64)
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise ObjectError(f"{path}: a face names a vertex that is not there; export the mesh again")
    uv, texture, notes = _texture(mesh, len(vertices))
    return RawMesh(vertices, faces, uv, texture, tuple(notes))


def _has_faces(geometry: object) -> bool:
    return len(getattr(geometry, "faces", ())) > 0


def _texture(mesh: trimesh.Trimesh, n: int) -> tuple[Array | None, NDArray[np.uint8] | None, list[str]]:
    uv = getattr(mesh.visual, "uv", None)
    material = getattr(mesh.visual, "material", None)
    image = getattr(material, "image", None) or getattr(material, "baseColorTexture", None)
    if uv is None or image is None:
        return None, None, []
    uv = np.asarray(uv, float)
    if uv.shape != (n, 2) or not np.isfinite(uv).all() or np.abs(uv).max() > MOST_REPEATS:
        return None, None, ["texture dropped: its coordinates are missing or far outside the image"]
    notes = []
    image = image.convert("RGB")
    if max(image.size) > MOST_PIXELS:
        factor = MOST_PIXELS / max(image.size)
        size = tuple(max(1, round(s * factor)) for s in image.size)
        notes.append(f"texture made smaller, from {image.size} to {size} px")
        image = image.resize(size, Image.Resampling.LANCZOS)
    return uv, np.asarray(image), notes
