"""Reads one rigid object from a URDF: its visual and collision elements, mass, inertia and friction.

Format: http://wiki.ros.org/urdf/XML. Links that are joined by fixed joints are one object; a moving joint is refused.
Bullet's `<contact>` gives the friction.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from graspgen.errors import ObjectError
from graspgen.frames import Array, pose
from graspgen.objects.asset import Part
from graspgen.objects.foreign_files import Folder
from graspgen.objects.raw_object import Element, RawObject, convex_parts, draw, read_xml


def read_urdf(path: Path, root: Path | None = None) -> RawObject:
    """Read an object, in the frame of its first link.

    Args:
        path: the URDF.
        root: meshes are read inside this folder only; the URDF's own, if not given.

    Raises:
        ObjectError: it is no URDF of one rigid object, or a mesh cannot be read.
    """
    tree = read_xml(path, "robot")
    folder = Folder(path.parent, root)
    try:
        poses = _link_poses(tree)
        links = [link for link in tree.findall("link") if link.get("name", "") in poses]
        visual = _elements(links, poses, "visual", folder, _named_colours(tree))
        collision = _elements(links, poses, "collision", folder)
        mass, com, inertia = _inertial(links, poses)
        friction = _friction(links)
    except ObjectError as error:
        raise ObjectError(f"{path}: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ObjectError(f"{path}: is no valid URDF ({error}); mend it") from error
    if not visual and not collision:
        raise ObjectError(f"{path}: has neither a visual nor a collision element; there is nothing to import")
    mesh = draw(visual or collision, str(path), folder.root)
    same = [e.shape for e in visual] == [e.shape for e in collision]
    parts, notes = convex_parts(collision, str(path), folder.root)
    if same and not parts:
        notes = []  # one mesh for both: it is cut like any other
    return RawObject(mesh, parts, mass, com, inertia, friction, (*folder.notes, *notes))


def named_files(path: Path) -> list[str]:
    """Return the mesh files that a URDF names, without reading them.

    Raises:
        ObjectError: it is no URDF.
    """
    return [name for mesh in read_xml(path, "robot").iter("mesh") if (name := mesh.get("filename"))]


def _link_poses(tree: ElementTree.Element) -> dict[str, Array]:
    """Return the pose of each link in the frame of the first."""
    names = [link.get("name", "") for link in tree.findall("link")]
    if not names:
        raise ObjectError("has no link; is it an object?")
    if len(names) != len(set(names)):
        raise ObjectError("two links have the same name; rename one")
    edges: dict[str, list[tuple[str, Array]]] = {name: [] for name in names}
    children = set()
    for joint in tree.findall("joint"):
        parent, child = (_find(joint, tag).get("link", "") for tag in ("parent", "child"))
        if joint.get("type") != "fixed":
            raise ObjectError(
                f"the joint '{joint.get('name')}' is {joint.get('type')}: only rigid objects can be imported; "
                "import its links one by one"
            )
        if parent not in edges or child not in edges or child in children:
            raise ObjectError(f"the joint '{joint.get('name')}' joins links that are not there, or one twice; mend it")
        children.add(child)
        edges[parent].append((child, _origin(joint)))
    roots = [name for name in names if name not in children]
    if len(roots) != 1:
        raise ObjectError(f"has {len(roots)} links without a parent, not one; import them one by one")
    poses, front = {roots[0]: np.eye(4)}, [roots[0]]
    while front:
        parent = front.pop()
        for child, T in edges[parent]:
            poses[child] = poses[parent] @ T
            front.append(child)
    return poses


def _named_colours(tree: ElementTree.Element) -> dict[str, tuple[float, ...]]:
    """Return the colours of materials that are given a name anywhere."""
    found = ((m.get("name", ""), _colour(m)) for m in tree.iter("material"))
    return {name: colour for name, colour in found if name and colour is not None}


def _colour(material: ElementTree.Element) -> tuple[float, ...] | None:
    given = material.find("color")
    return None if given is None else tuple(_numbers(given.get("rgba", ""), (3, 4)))


def _elements(
    links: list[ElementTree.Element],
    poses: dict[str, Array],
    tag: str,
    folder: Folder,
    colours: dict[str, tuple[float, ...]] | None = None,
) -> list[Element]:
    elements = []
    for link in links:
        for element in link.findall(tag):
            T = poses[link.get("name", "")] @ _origin(element)
            shape = next(iter(_find(element, "geometry")), None)
            if shape is None:
                raise ObjectError(f"a {tag} element has no geometry; mend it")
            if shape.tag == "mesh":
                scale = _numbers(shape.get("scale", "1 1 1"), (1, 3))
                place = folder.path(local_name(shape.attrib["filename"]))
                made = Element(T, place, np.broadcast_to(scale, 3).copy())
            else:
                made = Element(T, _primitive(shape))
            material = element.find("material")
            if material is not None and colours is not None:
                colour = _colour(material) or colours.get(material.get("name", ""))
                made = replace(made, colour=colour)
            elements.append(made)
    return elements


def local_name(name: str) -> str:
    """Turn `package://NAME/path` and `file://path` into a path beside the URDF."""
    if name.startswith("package://"):
        return name.removeprefix("package://").partition("/")[2]
    return name.removeprefix("file://")


def _primitive(shape: ElementTree.Element) -> Part:
    def length(key: str) -> float:
        return float(_numbers(shape.attrib[key], (1,))[0])

    match shape.tag:
        case "box":
            size = _numbers(shape.attrib["size"], (3,)) / 2
        case "sphere":
            size = np.array([length("radius")])
        case "cylinder" | "capsule":
            size = np.array([length("radius"), length("length") / 2])
        case _:
            raise ObjectError(f"<{shape.tag}> is not a shape that can be imported; use a mesh")
    if not (size > 0).all():
        raise ObjectError(f"a {shape.tag} has no size; mend it")
    return Part(shape.tag, size)  # type: ignore[arg-type]


def _inertial(
    links: list[ElementTree.Element], poses: dict[str, Array]
) -> tuple[float | None, Array | None, Array | None]:  # fmt: skip
    """Return the mass, centre of mass and inertia about it, of all links together, in the first link's frame."""
    bodies = []
    for link in links:
        inertial = link.find("inertial")
        if inertial is None:
            continue
        T = poses[link.get("name", "")] @ _origin(inertial)
        mass = float(_numbers(_find(inertial, "mass").attrib["value"], (1,))[0])
        given = inertial.find("inertia")
        inertia = None
        if given is not None:
            xx, xy, xz, yy, yz, zz = (float(given.get("i" + k, "0")) for k in ("xx", "xy", "xz", "yy", "yz", "zz"))
            own = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
            inertia = T[:3, :3] @ own @ T[:3, :3].T
        bodies.append((mass, T[:3, 3], inertia))
    total = sum(mass for mass, _, _ in bodies)
    if not bodies or total == 0:
        return None, None, None
    com = sum((m * c for m, c, _ in bodies), np.zeros(3)) / total
    if any(i is None for _, _, i in bodies):
        return total, com, None
    inertia = np.zeros((3, 3))
    for mass, centre, own in bodies:
        d = centre - com
        inertia += own + mass * (d @ d * np.eye(3) - np.outer(d, d))
    return total, com, inertia


def _friction(links: list[ElementTree.Element]) -> float | None:
    for link in links:
        given = link.find("contact/lateral_friction")
        if given is not None:
            return float(_numbers(given.attrib["value"], (1,))[0])
    return None


def _origin(element: ElementTree.Element) -> Array:
    origin = element.find("origin")
    if origin is None:
        return np.eye(4)
    # Fixed axes x, y, z.
    angles = _numbers(origin.get("rpy", "0 0 0"), (3,))
    return pose(Rotation.from_euler("xyz", angles).as_matrix(), _numbers(origin.get("xyz", "0 0 0"), (3,)))


def _find(element: ElementTree.Element, tag: str) -> ElementTree.Element:
    found = element.find(tag)
    if found is None:
        raise ObjectError(f"<{element.tag}> has no <{tag}>; mend it")
    return found


def _numbers(text: str, counts: tuple[int, ...]) -> Array:
    values = np.array([float(word) for word in text.split()])
    if len(values) not in counts or not np.isfinite(values).all():
        raise ObjectError(f"'{text}' should be {counts[-1]} finite number{'s' * (counts[-1] > 1)}; mend it")
    return values
