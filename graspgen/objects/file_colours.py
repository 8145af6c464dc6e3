"""Colours of meshes without textures: an OBJ's materials, a glTF's base colours, colours of vertices or faces.

One colour for all is kept as a colour, and becomes a plain texture; several become a texture of one field for each, to
which every triangle is pinned. A texture in the file comes first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image

from graspgen.frames import Array
from graspgen.objects.asset import Mesh
from graspgen.objects.unwrap import unwrap

Colour = tuple[int, int, int]

#: Most colours of a baked texture, and the side of a colour's field, px.
MOST_COLOURS, _FIELD = 256, 4
#: Of a mesh that has none beside others that have; what Blender writes for no colour.
_NONE = (204, 204, 204)
#: One grey of this value or lighter for all faces is what programs write for no colour.
_GREY = 85


def file_colours(meshes: Sequence[trimesh.Trimesh]) -> NDArray[np.uint8] | None:
    """Return (m, 3) sRGB colours of all faces; None where the files say nothing of colours."""
    found = [_face_colours(mesh) for mesh in meshes]
    if all(colours is None for colours in found):
        return None
    colours = np.concatenate(
        [np.tile(np.uint8(_NONE), (len(m.faces), 1)) if c is None else c for m, c in zip(meshes, found, strict=True)]
    )
    plain = (colours == colours[0]).all()
    return None if plain and np.ptp(colours[0]) == 0 and colours[0, 0] >= _GREY else colours


def baked(
    vertices: Array, faces: NDArray[np.int64], colours: NDArray[np.uint8]
) -> tuple[Array, NDArray[np.int64], Array, NDArray[np.uint8]]:
    """Bake colours of faces into a small texture.

    Args:
        vertices: (n, 3).
        faces: (m, 3).
        colours: (m, 3).

    Returns:
        Vertices, repeated for each of their colours, faces, texture coordinates and the texture.
    """
    strip = Image.fromarray(colours[None])
    few = strip.getcolors(MOST_COLOURS)
    if few is None:
        strip = strip.quantize(MOST_COLOURS, dither=Image.Dither.NONE).convert("RGB")
    palette, index = np.unique(np.asarray(strip)[0], axis=0, return_inverse=True)
    index = index.reshape(-1)
    side = int(np.ceil(np.sqrt(len(palette))))
    fields = np.zeros((side * side, 3), np.uint8)
    fields[: len(palette)] = palette
    texture = fields.reshape(side, side, 3).repeat(_FIELD, axis=0).repeat(_FIELD, axis=1)
    # A vertex is repeated for every colour around it.
    key = faces * len(palette) + index[:, None]
    used, back = np.unique(key.ravel(), return_inverse=True)
    field = used % len(palette)
    uv = np.stack([(field % side + 0.5) / side, 1 - (field // side + 0.5) / side], axis=-1)
    return vertices[used // len(palette)], back.reshape(-1, 3), uv, texture


def coloured(mesh: Mesh, colour: Colour) -> Mesh:
    """Return a mesh without texture in one colour, with texture coordinates that another texture can use."""
    return unwrap(Mesh(mesh.vertices, mesh.faces, None, np.full((2 * _FIELD, 2 * _FIELD, 3), colour, np.uint8)), "box")


def give_colour(mesh: trimesh.Trimesh, rgba: Sequence[float]) -> None:
    """Give a mesh that has no texture one colour, sRGB in 0 … 1."""
    mesh.visual = trimesh.visual.ColorVisuals(mesh, face_colors=np.round(255 * np.clip(rgba, 0, 1)).astype(np.uint8))


def to_srgb(mesh: trimesh.Trimesh) -> None:
    """Turn the linear colours of a glTF's vertices and materials into sRGB, in place."""
    visual = mesh.visual
    material = getattr(visual, "material", None)
    if isinstance(visual, trimesh.visual.ColorVisuals) and visual.kind == "vertex":
        colours = np.array(visual.vertex_colors)
        colours[:, :3] = _srgb(colours[:, :3])
        visual.vertex_colors = colours
    elif isinstance(material, trimesh.visual.material.PBRMaterial) and material.baseColorFactor is not None:
        colour = np.array(material.baseColorFactor)
        colour[:3] = _srgb(colour[:3])
        material.baseColorFactor = colour


def _srgb(linear: NDArray[np.uint8]) -> NDArray[np.uint8]:
    x = linear / 255.0
    return np.round(255 * np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)).astype(np.uint8)


def _face_colours(mesh: trimesh.Trimesh) -> NDArray[np.uint8] | None:
    visual = mesh.visual
    count = len(mesh.faces)
    if isinstance(visual, trimesh.visual.ColorVisuals):
        if visual.kind == "face":
            return np.asarray(visual.face_colors)[:, :3].astype(np.uint8)
        if visual.kind == "vertex":
            return np.round(np.asarray(visual.vertex_colors, float)[mesh.faces, :3].mean(axis=1)).astype(np.uint8)
        return None
    material = getattr(visual, "material", None)
    if isinstance(material, trimesh.visual.material.PBRMaterial):
        given = material.baseColorFactor
    else:
        given = getattr(material, "diffuse", None)
    return None if given is None else np.tile(np.asarray(given)[:3].astype(np.uint8), (count, 1))
