"""An object as its files describe it: a mesh, or the visual and collision elements of a URDF or MJCF, and its mass."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import trimesh

from graspgen.errors import ObjectError
from graspgen.frames import Array, transform_points
from graspgen.objects import shapes
from graspgen.objects.asset import Part
from graspgen.objects.file_colours import give_colour
from graspgen.objects.mesh_file import RawMesh, has_image, join_meshes, read_meshes
from graspgen.objects.mesh_repair import is_closed, merge_equal, shells

#: A given collision mesh that fills its hull to this share is taken as convex: simulators take the hull anyway.
CONVEX = 0.95
#: Most bytes of a URDF or MJCF, and most elements that draw or collide.
_MOST_XML, _MOST_ELEMENTS = 2**24, 2000


@dataclass(frozen=True, eq=False)
class RawObject:
    """What files say of one object, in their unit and axes.

    Attributes:
        mesh: what is drawn.
        parts: given collision parts that are convex; none where none were given or one was not convex.
        mass: kg, or None.
        com: (3,) centre of mass, in the mesh's unit and frame, or None.
        inertia: (3, 3) about the centre of mass, kg times the mesh's unit squared, mesh axes, or None.
        friction: sliding friction, or None.
        notes: what was left behind.
    """

    mesh: RawMesh
    parts: tuple[Part, ...] = ()
    mass: float | None = None
    com: Array | None = None
    inertia: Array | None = None
    friction: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Element:
    """One thing of a URDF or MJCF that is drawn or collides.

    Attributes:
        T: (4, 4) its pose in the object's frame.
        shape: a mesh file, or a primitive at its own frame.
        scale: (3,) factors of the mesh.
        texture: an image to draw the mesh with, where the mesh names none; or None.
        colour: sRGB in 0 … 1 of an element without texture, or None.
    """

    T: Array
    shape: Path | Part
    scale: Array = field(default_factory=lambda: np.ones(3))
    texture: Path | None = None
    colour: tuple[float, ...] | None = None


def read_xml(path: Path, root_tag: str) -> ElementTree.Element:
    """Parse a small XML file without entities.

    Raises:
        ObjectError: it is missing, too large, damaged, or something else than `root_tag`.
    """
    try:
        size = path.stat().st_size
        if size > _MOST_XML:
            raise ObjectError(f"{path}: {size / 2**20:.0f} MiB are too much for a description of one object")
        text = path.read_bytes()
    except OSError as error:
        raise ObjectError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    # Entities are the only way in which a small XML text becomes a large tree, or reads other files.
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise ObjectError(f"{path}: declares a DOCTYPE or entities; remove them")
    try:
        tree = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise ObjectError(f"{path}: is no valid XML ({error}); mend it") from error
    if tree.tag != root_tag:
        raise ObjectError(f"{path}: begins with <{tree.tag}>, not <{root_tag}>; is it the right file?")
    return tree


def draw(elements: Sequence[Element], where: str, root: Path) -> RawMesh:
    """Read and join the elements' meshes, in the object's frame.

    Raises:
        ObjectError: one cannot be read, or there are too many.
    """
    if len(elements) > _MOST_ELEMENTS:
        raise ObjectError(f"{where}: has {len(elements)} elements, more than {_MOST_ELEMENTS}; simplify it")
    meshes: list[trimesh.Trimesh] = []
    notes: list[str] = []
    read: dict[Path, tuple[list[trimesh.Trimesh], list[str]]] = {}
    for element in elements:
        if isinstance(element.shape, Part):
            found = [trimesh.Trimesh(*shapes.part_mesh(element.shape), process=False)]
        else:
            if element.shape not in read:
                read[element.shape] = read_meshes(element.shape, root)
            found, more = read[element.shape]
            notes += [n for n in more if n not in notes]
        for mesh in found:
            placed = mesh.copy()
            placed.vertices = transform_points(element.T, np.asarray(mesh.vertices, float) * element.scale)
            if np.prod(element.scale) < 0:
                placed.faces = np.asarray(placed.faces)[:, ::-1]
            if element.texture is not None:
                _paint(placed, element.texture)
            elif element.colour is not None and not has_image(placed):
                give_colour(placed, element.colour)
            meshes.append(placed)
    return join_meshes(meshes, where, notes)


def convex_parts(elements: Sequence[Element], where: str, root: Path) -> tuple[tuple[Part, ...], list[str]]:
    """Return the elements' convex parts; none, and the reason, where a mesh is not made of convex shells.

    Raises:
        ObjectError: a mesh cannot be read.
    """
    if len(elements) > _MOST_ELEMENTS:
        raise ObjectError(f"{where}: has {len(elements)} elements, more than {_MOST_ELEMENTS}; simplify it")
    parts: list[Part] = []
    for element in elements:
        if isinstance(element.shape, Part):
            parts.append(Part(element.shape.kind, element.shape.size, element.T @ element.shape.T_asset_part))
            continue
        try:
            raw = join_meshes(read_meshes(element.shape, root)[0], str(element.shape))
        except ObjectError as error:
            return (), [f"the given collision parts are not used: {error}"]
        placed = transform_points(element.T, raw.vertices * element.scale)
        hulls = _convex_shells(placed, raw.faces.astype(np.int32))
        if hulls is None:
            return (), [f"the given collision parts are not used: {element.shape.name} is not convex"]
        parts += hulls
    return tuple(parts), []


def _convex_shells(vertices: Array, faces: np.ndarray) -> list[Part] | None:
    """Return the closed, convex shells of a mesh as hulls; None where a shell is open or not convex."""
    if not np.isfinite(vertices).all():
        return None
    v, f, _ = merge_equal(vertices, faces)
    label = shells(f)
    parts = []
    for i in range(int(label.max()) + 1):
        used, index = np.unique(f[label == i], return_inverse=True)
        own = index.reshape(-1, 3)
        solid = shapes.to_manifold(v[used], own)
        hull = solid.hull()
        if not is_closed(own) or hull.volume() <= 0 or abs(solid.volume()) < CONVEX * hull.volume():
            return None
        parts.append(Part("hull", vertices=shapes.from_manifold(hull)[0]))
        if len(parts) > _MOST_ELEMENTS:
            return None
    return parts


def _paint(mesh: trimesh.Trimesh, image: Path) -> None:
    from PIL import Image

    material = getattr(mesh.visual, "material", None)
    uv = getattr(mesh.visual, "uv", None)
    if uv is not None and getattr(material, "image", None) is None:
        mesh.visual = trimesh.visual.TextureVisuals(uv=uv, image=Image.open(image))
