"""Reads a mesh file that graspgen did not write."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image

from graspgen.errors import ObjectError
from graspgen.frames import Array
from graspgen.objects.file_colours import Colour, baked, file_colours, to_srgb
from graspgen.objects.foreign_files import MOST_IMAGE, Folder
from graspgen.objects.mesh_limits import MOST_FACES, check_limits

#: File types that can be imported.
SUFFIXES = (".obj", ".stl", ".ply", ".glb", ".gltf", ".off")
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
        colour: sRGB of a mesh without texture that has one colour, or None.
    """

    vertices: Array
    faces: NDArray[np.int64]
    uv: Array | None
    texture: NDArray[np.uint8] | None
    notes: tuple[str, ...]
    colour: Colour | None = None


def read_mesh_file(path: Path, root: Path | None = None) -> RawMesh:
    """Read all triangles of a mesh file, with its transforms applied.

    Args:
        path: the file.
        root: materials, textures and buffers that the file names are read inside this folder only; the file's own
            folder, if not given.

    Raises:
        ObjectError: the file is missing, empty, too large, of an unknown type, or holds no triangles.
    """
    meshes, notes = read_meshes(path, root)
    return join_meshes(meshes, str(path), notes)


def read_meshes(path: Path, root: Path | None = None) -> tuple[list[trimesh.Trimesh], list[str]]:
    """Read the meshes of a file, each with its transform applied, and notes about what was left out.

    Raises:
        ObjectError: as `read_mesh_file`.
    """
    if not path.is_file():
        raise ObjectError(f"{path}: there is no such file; check the path")
    if path.suffix.lower() not in SUFFIXES:
        raise ObjectError(f"{path}: '{path.suffix}' is not a mesh type that can be read; use {', '.join(SUFFIXES)}")
    folder = Folder(path.parent, root)
    check_limits(path, folder)
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `check_image` has its own limit
            scene = trimesh.load_scene(file, file_type=path.suffix[1:].lower(), resolver=folder, process=False)
            geometries = list(scene.geometry.values())
            for geometry in geometries:
                _drop_stand_in(geometry)
                if path.suffix.lower() in (".glb", ".gltf") and _has_faces(geometry):
                    to_srgb(geometry)
            meshes = [m for m in scene.dump() if _has_faces(m)]
    except Exception as error:  # a parser of foreign files may raise anything
        cause = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise ObjectError(
            f"{path}: cannot be read as a {path.suffix[1:].upper()} mesh ({cause}); export it again"
        ) from error
    if not meshes:
        points = any(len(getattr(g, "vertices", ())) for g in geometries)
        what = "holds points but no triangles" if points else "holds no triangles; is it a mesh?"
        raise ObjectError(f"{path}: {what}; export a triangle mesh")
    for mesh in meshes:
        if mesh.faces.min() < 0 or mesh.faces.max() >= len(mesh.vertices):
            raise ObjectError(f"{path}: a face names a vertex that is not there; export the mesh again")
    return meshes, folder.notes


def join_meshes(meshes: Sequence[trimesh.Trimesh], where: str, notes: Sequence[str] = ()) -> RawMesh:
    """Join meshes to one; several textures are laid into one image.

    Raises:
        ObjectError: they have too many faces together.
    """
    total = sum(len(m.faces) for m in meshes)
    if total > MOST_FACES:
        raise ObjectError(f"{where}: {total} faces are more than {MOST_FACES}; simplify the mesh first")
    notes = list(notes)
    images = {id(image): image for image in map(_image, meshes) if image is not None}
    pixels = sum(image.size[0] * image.size[1] for image in images.values())
    vertices = np.concatenate([np.asarray(m.vertices, float) for m in meshes])
    starts = np.cumsum([0, *(len(m.vertices) for m in meshes[:-1])])
    faces = np.concatenate([np.asarray(m.faces, np.int64) + s for m, s in zip(meshes, starts, strict=True)])
    if not images:
        return _painted(RawMesh(vertices, faces, None, None, tuple(notes)), file_colours(meshes))
    if pixels > MOST_IMAGE:
        notes.append(f"texture dropped: its {len(images)} images have {pixels / 1e6:.0f} million pixels together")
        return RawMesh(vertices, faces, None, None, tuple(notes))
    try:
        mesh = meshes[0] if len(meshes) == 1 else trimesh.util.concatenate(list(meshes))
        if len(mesh.vertices) == len(vertices):
            vertices, faces = np.array(mesh.vertices, float), np.array(mesh.faces, np.int64)
            uv, texture, more = _texture(mesh, len(vertices))
        else:
            uv, texture, more = None, None, ["texture dropped: its images could not be laid into one"]
    except Exception as error:  # a damaged image shows itself only now, in the reader of its type
        uv, texture, more = None, None, [f"texture dropped: an image cannot be read ({type(error).__name__})"]
    if len(images) > 1 and texture is not None:
        more = [f"{len(images)} textures were laid into one image", *more]
    return RawMesh(vertices, faces, uv, texture, (*notes, *more))


def _painted(mesh: RawMesh, colours: NDArray[np.uint8] | None) -> RawMesh:
    if colours is None:
        return mesh
    if (colours == colours[0]).all():
        r, g, b = (int(c) for c in colours[0])
        return replace(mesh, colour=(r, g, b))
    vertices, faces, uv, texture = baked(mesh.vertices, mesh.faces, colours)
    return RawMesh(vertices, faces, uv, texture, (*mesh.notes, "colours of the file were laid into a texture"))


def _has_faces(geometry: object) -> bool:
    return len(getattr(geometry, "faces", ())) > 0


def has_image(mesh: trimesh.Trimesh) -> bool:
    """Tell whether a mesh that was read has a texture."""
    return _image(mesh) is not None


def _image(mesh: trimesh.Trimesh) -> Image.Image | None:
    material = getattr(mesh.visual, "material", None)
    image = getattr(material, "image", None) or getattr(material, "baseColorTexture", None)
    return image if isinstance(image, Image.Image) and getattr(mesh.visual, "uv", None) is not None else None


def _drop_stand_in(geometry: object) -> None:
    """Take off the grey image that trimesh gives a mesh with texture coordinates and no texture."""
    visual = getattr(geometry, "visual", None)
    image = getattr(getattr(visual, "material", None), "image", None)
    # An image that was read from a file knows its format.
    if visual is not None and isinstance(image, Image.Image) and image.format is None:
        material = trimesh.visual.material.SimpleMaterial(diffuse=visual.material.diffuse)
        geometry.visual = trimesh.visual.TextureVisuals(uv=visual.uv, material=material)  # type: ignore[attr-defined]


def _texture(mesh: trimesh.Trimesh, n: int) -> tuple[Array | None, NDArray[np.uint8] | None, list[str]]:
    image = _image(mesh)
    if image is None:
        return None, None, []
    uv = np.asarray(mesh.visual.uv, float)
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
