"""A user's MJCF of a hand as one text that needs no other file."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np

from graspgen.errors import GripperError
from graspgen.frames import Array
from graspgen.grippers.defaults import forget_defaults
from graspgen.grippers.given_text import MOST_MESH, MOST_MJCF, check_plain, given_text, given_xml

#: Tags whose attributes name files; of others (a height field, a skin, a plugin) no hand has need.
_FILES = ("mesh", "texture", "hfield", "skin", "include", "model")
#: Name of the body that is put around a base whose axes are not the grasp frame's.
TURNED = "graspgen_base"
#: A hand that is longer than this, or shorter, m, is in another unit.
_LARGEST, _SMALLEST = 2.0, 0.01


def read_mjcf(path: Path, who: str) -> str:
    """Read an MJCF; what it includes and its meshes are written into it, textures are left out.

    Args:
        path: the file.
        who: what to call the gripper in errors.

    Raises:
        GripperError: it cannot be read, is no MJCF, names a file that is missing or lies outside its folder, or is no
            hand in metres.
    """
    text, others = given_text(path, who, MOST_MJCF), []
    root = given_xml(text, path.name, who)
    if root.tag != "mujoco":
        raise GripperError(f"{who}: {path.name} is no MJCF: its root is <{root.tag}>, not <mujoco>")
    _inside(root, path, path.parent.resolve(), who, others)
    if not others:
        return text
    try:
        spec = mujoco.MjSpec.from_file(str(path))
        _plain_colours(spec)
        model = spec.compile()
    except (ValueError, mujoco.FatalError) as error:
        raise GripperError(f"{who}: {path.name} does not compile: {' '.join(str(error).split())}") from None
    _write_meshes(spec, model)
    spec.compile()
    return spec.to_xml()


def hand_spec(spec: mujoco.MjSpec, base: str, axes: Array | None = None, own_drive: bool = False) -> mujoco.MjSpec:
    """Return the hand by itself: the base body at the origin with all below it, and what couples its joints.

    Options, cameras, lights and sensors are left out, and so is whatever refers to what is not part of the hand. What
    collides collides with everything, and its contacts are the object's business: Menagerie's pads, for example, have a
    priority with which no object's friction would count.

    Args:
        spec: the whole model.
        base: its body that carries the hand.
        axes: (3, 3) axes of the grasp frame in the base's; the body `TURNED` around it then has these axes. None where
            they are the base's own.
        own_drive: whether to keep the actuators.
    """
    root = ElementTree.fromstring(spec.to_xml())
    world = root.find("worldbody")
    assert world is not None
    body, classes = _found(world, base, "")
    for key in ("pos", "quat", "axisangle", "xyaxes", "zaxis", "euler", "mocap", "gravcomp"):
        body.attrib.pop(key, None)
    if classes and "childclass" not in body.attrib:
        body.set("childclass", classes)
    for element in [e for e in body if e.tag in ("joint", "freejoint")]:  # of a floating base, or of an arm
        body.remove(element)
    for parent in body.iter():
        for element in [e for e in parent if e.tag in ("camera", "light")]:
            parent.remove(element)
    for element in list(world):
        world.remove(element)
    if axes is None:
        world.append(body)
    else:
        quat = np.zeros(4)
        mujoco.mju_mat2Quat(quat, np.ascontiguousarray(axes.T).ravel())
        body.set("quat", " ".join(f"{q:.12g}" for q in quat))
        ElementTree.SubElement(world, "body", name=TURNED).append(body)
    dropped = () if own_drive else ("actuator",)
    for tag in (*dropped, "option", "sensor", "keyframe", "visual", "statistic", "custom", "extension", "deformable"):
        for element in root.findall(tag):
            root.remove(element)
    names = {kind: {e.get("name") for e in body.iter(kind)} for kind in ("body", "joint", "geom", "site")}
    names["body"].add(base)
    names["tendon"] = set()
    for tag in ("tendon", "equality", "contact"):
        for group in root.findall(tag):
            for element in list(group):
                if any(_strange(e, names) for e in element.iter()):
                    group.remove(element)
                elif tag == "tendon":
                    names["tendon"].add(element.get("name"))
    hand = forget_defaults(mujoco.MjSpec.from_string(ElementTree.tostring(root, encoding="unicode")))
    for geom in hand.geoms:
        solid = int(bool(geom.contype or geom.conaffinity))
        geom.contype, geom.conaffinity = solid, solid
        geom.priority, geom.margin, geom.gap = 0, 0.0, 0.0
    return hand


def drop_looks(spec: mujoco.MjSpec, keep: set[str]) -> None:
    """Delete the geoms that never touch anything, and meshes that only they have; masses stay what they were.

    Args:
        spec: the hand; changed.
        keep: names of geoms that touch nothing yet.
    """
    looks = [g for g in spec.geoms if not (g.contype or g.conaffinity) and g.name not in keep]
    if not looks:
        return
    model = spec.compile()
    for name in {g.parent.name for g in looks}:
        body, made = spec.body(name), model.body(name)
        body.explicitinertial = True
        body.mass, body.ipos, body.iquat, body.inertia = made.mass[0], made.ipos, made.iquat, made.inertia
        body.fullinertia = [np.nan] * 6
    for geom in looks:
        spec.delete(geom)
    used = {g.meshname for g in spec.geoms}
    for mesh in [m for m in spec.meshes if m.name not in used]:
        spec.delete(mesh)


def commanded_ranges(spec: mujoco.MjSpec, model: mujoco.MjModel) -> None:
    """Narrow the ranges of joints to where their position servos can be sent; of others nothing changes.

    robosuite's 2F-140, for example, has a finger that could turn from −0.725 to 0.725 rad and is sent to −0.7…0 only:
    its mirror image has the range 0…0.7.

    Args:
        spec: the hand; changed.
        model: it, compiled.
    """
    of_joint = (int(mujoco.mjtTrn.mjTRN_JOINT), int(mujoco.mjtTrn.mjTRN_JOINTINPARENT))
    for i in range(model.nu):
        gain, gear = float(model.actuator_gainprm[i, 0]), float(model.actuator_gear[i, 0])
        servo = gain > 0 and np.isclose(model.actuator_biasprm[i, 1], -gain) and model.actuator_ctrllimited[i]
        if int(model.actuator_trntype[i]) not in of_joint or not servo or not gear:
            continue
        j = int(model.actuator_trnid[i, 0])
        if not model.jnt_limited[j]:
            continue
        low, high = model.jnt_range[j]
        told = np.sort(model.actuator_ctrlrange[i] / gear)
        low, high = max(low, told[0]), min(high, told[1])
        if high - low > 1e-6 and model.joint(j).name:
            hinge = int(model.jnt_type[j]) == int(mujoco.mjtJoint.mjJNT_HINGE)
            unit = 180 / np.pi if spec.compiler.degree and hinge else 1.0
            spec.joint(model.joint(j).name).range = [low * unit, high * unit]


def check_size(model: mujoco.MjModel) -> None:
    """Refuse a model that cannot be a hand in metres.

    Raises:
        GripperError: it is longer than 2 m or shorter than 10 mm.
    """
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    bounded = model.geom_rbound > 0  # all but planes
    if not bounded.any():
        raise GripperError("it has no geoms")
    places, reach = data.geom_xpos[bounded], model.geom_rbound[bounded, None]
    length = float(((places + reach).max(axis=0) - (places - reach).min(axis=0)).max())
    if length > _LARGEST:
        raise GripperError(
            f"it is {length:.3g} m long; is it in millimetres? MJCF is in metres (scale meshes by 0.001)"
        )
    if length < _SMALLEST:
        raise GripperError(f"it is {length * 1e3:.3g} mm long; MJCF is in metres")


def _found(parent: ElementTree.Element, name: str, classes: str) -> tuple[ElementTree.Element, str]:
    """Return the body of a name and the default class that it has from the bodies around it."""
    for body in parent.findall("body"):
        if body.get("name") == name:
            return body, classes
        try:
            return _found(body, name, body.get("childclass", classes))
        except KeyError:
            continue
    raise KeyError(name)


def _strange(element: ElementTree.Element, names: dict[str, set[str | None]]) -> bool:
    """Whether an element refers to a body, joint, geom, site or tendon that the hand does not have."""
    for key, value in element.attrib.items():
        kind = key.rstrip("12")
        if kind in names and value not in names[kind]:
            return True
    return False


def _inside(root: ElementTree.Element, path: Path, folder: Path, who: str, others: list[Path]) -> None:
    """Collect the files that an MJCF and what it includes name; refuse those that are missing or outside its folder."""
    texts = [(root, path)]
    _included(root, path, folder, who, texts, ())
    # What is included stands for its text: a compiler's settings hold in all of it, and the last one counts.
    asked = {key: value for text, _ in texts for e in text.iter("compiler") for key, value in e.attrib.items()}
    folders = {kind: asked.get(f"{kind}dir", asked.get("assetdir", "")) for kind in ("mesh", "texture")}
    for text, own in texts:
        for element in text.iter():
            for key, value in element.attrib.items() if element.tag in _FILES else ():
                if key.startswith("file"):
                    others.append(_named(folder / folders.get(element.tag, ""), value, own, folder, who))


def _included(
    root: ElementTree.Element,
    path: Path,
    folder: Path,
    who: str,
    texts: list[tuple[ElementTree.Element, Path]],
    trail: tuple[Path, ...],
) -> None:
    """Collect what is included, and what that includes."""
    for element in root.iter("include"):
        value = element.get("file", "")
        at = _named(folder, value, path, folder, who)
        if at in trail:
            raise GripperError(f"{who}: {path.name} includes itself through {value}")
        text = given_xml(given_text(at, who, MOST_MJCF), value, who)
        texts.append((text, at))
        _included(text, at, folder, who, texts, (*trail, at))


def _named(start: Path, value: str, path: Path, folder: Path, who: str) -> Path:
    """Return the file that an MJCF names, relative to `start`."""
    at = (start / value).resolve()
    if not at.is_relative_to(folder):
        raise GripperError(f"{who}: {path.name} names {value}, which lies outside its folder {folder}; copy it there")
    if not at.is_file():
        raise GripperError(f"{who}: {path.name} names {value}, which is missing: there is no {at}")
    check_plain(at, who, MOST_MESH)
    return at


def _plain_colours(spec: mujoco.MjSpec) -> None:
    """Give every geom its material's colour; textures are left out."""
    for geom in spec.geoms:
        material = spec.material(geom.material) if geom.material else None
        if material is not None:
            geom.rgba = material.rgba
            geom.material = ""
    for element in [*spec.sites, *spec.tendons, spec.default.geom, spec.default.site, spec.default.tendon]:
        element.material = ""
    # Nested default classes cannot be reached; materials that they name stay, without their textures.
    spec.compile()
    named = {e.get("material") for e in ElementTree.fromstring(spec.to_xml()).findall("default//*[@material]")}
    for material in spec.materials:
        material.textures = [""] * len(material.textures)
    for element in [*(m for m in spec.materials if m.name not in named), *spec.textures, *spec.skins]:
        spec.delete(element)


def _write_meshes(spec: mujoco.MjSpec, model: mujoco.MjModel) -> None:
    """Write the vertices and faces of every mesh into the spec, as its file has them, scaled."""
    for mesh in spec.meshes:
        compiled = model.mesh(mesh.name)
        v, n = int(compiled.vertadr[0]), int(compiled.vertnum[0])
        f, m = int(compiled.faceadr[0]), int(compiled.facenum[0])
        R = np.zeros(9)
        mujoco.mju_quat2Mat(R, model.mesh_quat[compiled.id])
        vertices = model.mesh_vert[v : v + n] @ R.reshape(3, 3).T + model.mesh_pos[compiled.id]
        mesh.file = ""
        mesh.scale = [1, 1, 1]
        mesh.refpos, mesh.refquat = [0, 0, 0], [1, 0, 0, 0]
        mesh.uservert, mesh.userface = vertices.ravel(), model.mesh_face[f : f + m].ravel()
        mesh.usernormal = []
        mesh.userfacenormal = []
        mesh.usertexcoord = []
        mesh.userfacetexcoord = []
