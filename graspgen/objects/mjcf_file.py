"""Reads one rigid object from an MJCF: its visual and collision geoms, mass, inertia and friction.

MuJoCo parses the file, so defaults, frames and angles mean what they mean there. Meshes are taken out before it
compiles, and are read by graspgen: MuJoCo opens no file, and their vertices, textures and limits are the importer's.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np

from graspgen.errors import ObjectError
from graspgen.frames import Array, inverse, pose, quat_to_matrix
from graspgen.objects.asset import Part
from graspgen.objects.foreign_files import Folder
from graspgen.objects.raw_object import Element, RawObject, convex_parts, draw, read_xml

#: Elements that read further files or code.
_READERS = ("include", "hfield", "skin", "flex", "flexcomp", "composite", "plugin", "extension", "model", "attach")
_PRIMITIVES = {
    int(mujoco.mjtGeom.mjGEOM_BOX): "box",
    int(mujoco.mjtGeom.mjGEOM_SPHERE): "sphere",
    int(mujoco.mjtGeom.mjGEOM_ELLIPSOID): "ellipsoid",
    int(mujoco.mjtGeom.mjGEOM_CAPSULE): "capsule",
    int(mujoco.mjtGeom.mjGEOM_CYLINDER): "cylinder",
}
_MESH = int(mujoco.mjtGeom.mjGEOM_MESH)
# What stands in for every mesh while MuJoCo compiles: its frame is undone afterwards.
_STAND_IN = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float).ravel()
#: MuJoCo's own values: equal to them, nothing was given.
_DENSITY, _FRICTION = 1000.0, 1.0


def read_mjcf(path: Path, root: Path | None = None) -> RawObject:
    """Read an object, in the frame of its body.

    Args:
        path: the MJCF.
        root: meshes and textures are read inside this folder only; the MJCF's own, if not given.

    Raises:
        ObjectError: it is no MJCF of one rigid object, or a mesh cannot be read.
    """
    tree = read_xml(path, "mujoco")
    folder = Folder(path.parent, root)
    for tag in _READERS:
        if tree.find(f".//{tag}") is not None:
            raise ObjectError(f"{path}: holds <{tag}>, which cannot be imported; write the object out in one file")
    try:
        spec = mujoco.MjSpec.from_string(ElementTree.tostring(tree, encoding="unicode"))
        files, scales = _meshes(spec, folder)
        textures = _textures(spec, folder)
        used = [geom.meshname for geom in spec.geoms]
        model = _stand_in(spec).compile()
    except ObjectError as error:
        raise ObjectError(f"{path}: {error}") from error
    except (ValueError, RuntimeError, mujoco.FatalError) as error:
        cause = " ".join(str(error).split())
        raise ObjectError(f"{path}: MuJoCo cannot compile it ({cause}); mend it") from error
    try:
        body, geoms = _object(model)
    except ObjectError as error:
        raise ObjectError(f"{path}: {error}") from error
    T_world_body = _body_pose(model, body)
    visual, collision = [], []
    for geom in geoms:
        T = inverse(T_world_body) @ _body_pose(model, int(model.geom_bodyid[geom])) @ _geom_pose(model, geom)
        kind = int(model.geom_type[geom])
        if kind == _MESH:
            number = int(model.geom_dataid[geom])
            # MuJoCo turned and moved the stand-in's vertices to its own frame.
            T = T @ inverse(pose(quat_to_matrix(model.mesh_quat[number]), model.mesh_pos[number]))
            name = used[geom]
            element = Element(T, files[name], scales[name], textures.get(spec.geoms[geom].material))
        elif kind in _PRIMITIVES:
            size = model.geom_size[geom]
            element = Element(T, Part(_PRIMITIVES[kind], size))  # type: ignore[arg-type]
        else:
            raise ObjectError(f"{path}: a geom is a {mujoco.mjtGeom(kind).name}, which is no object; remove it")
        # MuJoCo's own colours of geoms and of materials are no colours that were given.
        rgba = tuple(float(c) for c in model.geom_rgba[geom, :3])
        if int(model.geom_matid[geom]) >= 0:
            rgba = tuple(float(c) for c in model.mat_rgba[int(model.geom_matid[geom]), :3])
        element = replace(element, colour=None if rgba in ((0.5,) * 3, (1.0,) * 3) else rgba)
        collides = bool(model.geom_contype[geom]) or bool(model.geom_conaffinity[geom])
        (collision if collides else visual).append(element)
    notes: list[str] = []
    mesh = draw(visual or collision, str(path), folder.root)
    parts: tuple[Part, ...] = ()
    if visual or len(collision) > 1 or isinstance(collision[0].shape, Part):
        parts, notes = convex_parts(collision, str(path), folder.root)
    mass, com, inertia = _inertial(spec, model, body, geoms)
    slide = {float(model.geom_friction[g, 0]) for g in geoms} - {_FRICTION}
    return RawObject(
        mesh, parts, mass, com, inertia, max(slide) if slide else None, (*folder.notes, *notes)
    )  # fmt: skip


def named_files(path: Path) -> list[str]:
    """Return the mesh files that an MJCF names, without reading them.

    Raises:
        ObjectError: it is no MJCF.
    """
    tree = read_xml(path, "mujoco")
    folder = ""
    for compiler in tree.iter("compiler"):
        folder = compiler.get("meshdir") or compiler.get("assetdir") or folder
    return [f"{folder}/{name}" if folder else name for mesh in tree.iter("mesh") if (name := mesh.get("file"))]


def _meshes(spec: mujoco.MjSpec, folder: Folder) -> tuple[dict[str, Path], dict[str, Array]]:
    files, scales = {}, {}
    for mesh in spec.meshes:
        if not mesh.file:
            raise ObjectError(f"the mesh '{mesh.name}' is not in a file; write it to one")
        name = Path(mesh.file).name if spec.strippath else mesh.file
        files[mesh.name or Path(mesh.file).stem] = folder.path(f"{spec.meshdir}/{name}" if spec.meshdir else name)
        if np.any(np.array(mesh.refpos)) or not np.allclose(mesh.refquat, [1, 0, 0, 0]):
            raise ObjectError(f"the mesh '{mesh.name}' has a refpos or refquat; move its vertices instead")
        scales[mesh.name or Path(mesh.file).stem] = np.array(mesh.scale)
    return files, scales


def _textures(spec: mujoco.MjSpec, folder: Folder) -> dict[str, Path]:
    """Return the image of each material that has one; what is missing is left out with a note."""
    images = {}
    for texture in spec.textures:
        if not texture.file:
            continue
        try:
            images[texture.name or Path(texture.file).stem] = folder.path(
                f"{spec.texturedir}/{texture.file}" if spec.texturedir else texture.file
            )
        except ObjectError as error:
            folder.note(f"left out: {error}")
    found = {}
    for material in spec.materials:
        names = [name for name in material.textures if name in images]
        if names:
            found[material.name] = images[names[0]]
    return found


def _stand_in(spec: mujoco.MjSpec) -> mujoco.MjSpec:
    """Return the spec without files: every mesh is one tetrahedron, textures are gone."""
    # MuJoCo may drop or fuse what is not needed to simulate, which would renumber geoms.
    spec.compiler.discardvisual = False
    spec.compiler.fusestatic = False
    for mesh in spec.meshes:
        mesh.name = mesh.name or Path(mesh.file).stem
        mesh.file, mesh.scale, mesh.uservert = "", [1, 1, 1], _STAND_IN
    for material in spec.materials:
        material.textures = [""] * len(material.textures)
    for texture in list(spec.textures):
        spec.delete(texture)
    for geom in spec.geoms:
        if geom.meshname:  # a primitive that is fitted to a mesh is drawn and cut as the mesh
            geom.type = mujoco.mjtGeom.mjGEOM_MESH
    return spec


def _object(model: mujoco.MjModel) -> tuple[int, list[int]]:
    """Return the body and the geoms of the one object."""
    for joint in range(model.njnt):
        if int(model.jnt_type[joint]) != int(mujoco.mjtJoint.mjJNT_FREE):
            raise ObjectError("has a moving joint: only rigid objects can be imported; import its bodies one by one")
    geoms = [g for g in range(model.ngeom) if int(model.geom_bodyid[g]) > 0]
    if not geoms:
        raise ObjectError("has no body with a geom; is it an object?")
    if len({int(model.body_rootid[model.geom_bodyid[g]]) for g in geoms}) > 1:
        raise ObjectError("holds several objects; import them one by one")
    return min(int(model.geom_bodyid[g]) for g in geoms), geoms


def _inertial(
    spec: mujoco.MjSpec, model: mujoco.MjModel, body: int, geoms: list[int]
) -> tuple[float | None, Array | None, Array | None]:
    bodies = {int(model.geom_bodyid[g]) for g in geoms}
    if bodies == {body} and spec.bodies[body].explicitinertial:
        R = quat_to_matrix(model.body_iquat[body])
        inertia = R @ np.diag(model.body_inertia[body]) @ R.T
        return float(model.body_mass[body]), np.array(model.body_ipos[body]), inertia
    masses = [float(spec.geoms[g].mass) for g in geoms]
    given = [m for m in masses if np.isfinite(m) and m > 0]
    return (sum(given) if given else None), None, None


def _body_pose(model: mujoco.MjModel, body: int) -> Array:
    T = np.eye(4)
    while body > 0:
        T = pose(quat_to_matrix(model.body_quat[body]), model.body_pos[body]) @ T
        body = int(model.body_parentid[body])
    return T


def _geom_pose(model: mujoco.MjModel, geom: int) -> Array:
    return pose(quat_to_matrix(model.geom_quat[geom]), model.geom_pos[geom])
