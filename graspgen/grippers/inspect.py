"""Guess a jaw's YAML from an MJCF: its fingers, driven joints, closing direction, stroke, pads and tool point."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import mujoco
import numpy as np

from graspgen.errors import GripperError
from graspgen.frames import Array
from graspgen.grippers.hand import GripperFile
from graspgen.grippers.mjcf import check_size, read_mjcf
from graspgen.grippers.pads import Pads, find_pads
from graspgen.grippers.postures import Linkage, driver_range

#: Where a model does not limit the force of its actuators, N; where it limits it, the usual force is at most `USUAL`.
UNLIMITED, USUAL = 40.0, 40.0
#: Of the opening, m/s; MJCF knows no speed of an actuator.
SPEED = 0.1
#: A direction this near to an axis of the base is that axis.
_AXIS = np.cos(np.radians(12))
#: Bodies that move less than this from one end to the other stand still, m.
_STILL = 5e-4


@dataclass(frozen=True)
class Guess:
    """A gripper's file and how each of its values was found.

    Attributes:
        file: what the YAML says.
        notes: by key, where its value comes from.
    """

    file: GripperFile
    notes: dict[str, str]


@dataclass(frozen=True, eq=False)
class _Motion:
    """How the hand moves: places of its bodies' centres of mass at both ends of the driven joints, (body, 3), m."""

    base: str
    joints: tuple[str, ...]
    ends: tuple[dict[str, float], dict[str, float]]
    places: tuple[dict[str, Array], dict[str, Array]]


def inspect_mjcf(path: str | Path) -> Guess:
    """Look at an MJCF and guess the file of the jaw that it is.

    The driven joints are those that an actuator moves; the closing direction is the one that most of the motion of the
    bodies is along; the approach leads from the base to what moves; each finger is what moves to one side, and the body
    of it that reaches farthest along the approach carries the pad. The gap between the fingers is measured by rays.

    Raises:
        GripperError: it cannot be read, has no joints that can be driven, or is no jaw.
    """
    path = Path(path)
    who = f"{path}"
    spec = mujoco.MjSpec.from_string(_checked(path, who))
    try:
        model = spec.compile()
    except ValueError as error:
        raise GripperError(f"{who}: does not compile: {' '.join(str(error).split())}") from None
    try:
        check_size(model)
        return _guess(path, spec, model)
    except GripperError as error:
        raise GripperError(f"{who}: {error}") from None


def _checked(path: Path, who: str) -> str:
    text = read_mjcf(path, who)
    try:
        mujoco.MjSpec.from_string(text)
    except ValueError as error:
        raise GripperError(f"{who}: is no MJCF that MuJoCo reads: {' '.join(str(error).split())}") from None
    return text


def _guess(path: Path, spec: mujoco.MjSpec, model: mujoco.MjModel) -> Guess:
    joints, how = _drivers(model)
    base = _base(model, joints)
    motion = _move(spec, base, joints)
    closing, approach = _directions(motion)
    sides = _sides(model, motion, closing)
    fingers = tuple(_finger(model, motion, side, approach) for side in sides)
    apart = max((float((p[fingers[0]] - p[fingers[1]]) @ closing) for p in motion.places), key=abs)
    if apart < 0:
        fingers = fingers[::-1]
    axes = np.stack([np.cross(closing, approach), closing, approach], axis=1)
    pads, opened = _pads(spec, base, motion, fingers, axes)
    force, limited = _force(spec, base, motion, opened, pads.gap)
    name = "".join(c if c.isalnum() or c in "_-" else "_" for c in path.stem)[:64]
    file = GripperFile(
        name=name,
        kind="parallel_jaw",
        model=path.name,
        base=base,
        approach=_rounded(approach),
        closing=_rounded(closing),
        fingers=(fingers[0], fingers[1]),
        joints=joints,
        tcp=_rounded(pads.middle, 5),
        stroke=round(pads.gap, 5),
        max_force=round(force, 1),
        force=round(min(force, USUAL), 1),
        closing_speed=SPEED,
        pad=(round(pads.size[0], 4), round(pads.size[1], 4)),
    )
    notes = {
        "base": "the body that carries all driven joints",
        "approach": "from the base to what moves",
        "closing": "most of the motion is along it",
        "fingers": "what moves to one side and reaches farthest along the approach",
        "joints": how,
        "tcp": "middle between the inmost faces of the open fingers",
        "stroke": "gap between those faces",
        "max_force": "by virtual work from the actuators' limits"
        if limited
        else "a guess: the actuators have no limit",
        "force": f"the largest, at most {USUAL:g} N",
        "closing_speed": "a guess: MJCF knows no speed",
        "pad": "how far the inmost faces reach",
    }
    return Guess(file, notes)


def _drivers(model: mujoco.MjModel) -> tuple[tuple[str, ...], str]:
    """Return the names of the driven joints, and how they were found."""
    scalar = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))
    moving = [j for j in range(model.njnt) if int(model.jnt_type[j]) in scalar]
    if not moving:
        raise GripperError("it has no hinge and no slide: nothing of it can close")
    driven: list[int] = []
    for i in range(model.nu):
        kind, target = int(model.actuator_trntype[i]), int(model.actuator_trnid[i, 0])
        if kind in (int(mujoco.mjtTrn.mjTRN_JOINT), int(mujoco.mjtTrn.mjTRN_JOINTINPARENT)):
            driven.append(target)
        elif kind == int(mujoco.mjtTrn.mjTRN_TENDON):
            at = int(model.tendon_adr[target])
            for w in range(at, at + int(model.tendon_num[target])):
                if int(model.wrap_type[w]) == int(mujoco.mjtWrap.mjWRAP_JOINT):
                    driven.append(int(model.wrap_objid[w]))
    how = "an actuator moves them"
    if not driven:
        driven, how = [j for j in moving if model.jnt_limited[j]], "no actuator moves any: all that have a range"
    # One that an equality ties to another is not driven on its own, unless the other is its mirror image.
    tied = {
        int(model.eq_obj1id[e])
        for e in range(model.neq)
        if int(model.eq_type[e]) == int(mujoco.mjtEq.mjEQ_JOINT) and int(model.eq_obj2id[e]) in driven
    }
    unique = list(dict.fromkeys(driven))
    if len(unique) > 2:
        unique = [j for j in unique if j not in tied]
    if len(unique) > 2:
        names = ", ".join(model.joint(j).name for j in unique)
        raise GripperError(f"{len(unique)} joints are driven on their own ({names}); a jaw has one or two")
    nameless = [j for j in unique if not model.joint(j).name]
    if nameless or not unique:
        raise GripperError("a driven joint has no name; name the joints")
    return tuple(model.joint(j).name for j in unique), how


def _base(model: mujoco.MjModel, joints: tuple[str, ...]) -> str:
    """Return the outermost body that carries the driven joints."""
    found = set()
    for joint in joints:
        body = int(model.jnt_bodyid[model.joint(joint).id])
        while int(model.body_parentid[body]):
            body = int(model.body_parentid[body])
        found.add(body)
    if len(found) > 1:
        names = ", ".join(model.body(b).name or "(no name)" for b in sorted(found))
        raise GripperError(f"its driven joints are on {len(found)} separate bodies ({names}); put one base body around")
    body = found.pop()
    if int(model.jnt_bodyid[model.joint(joints[0]).id]) == body:
        raise GripperError(
            f"the outermost body '{model.body(body).name}' moves itself; put a base body around the fingers"
        )
    if not model.body(body).name:
        raise GripperError("its base body has no name; name the bodies")
    return str(model.body(body).name)


def _move(spec: mujoco.MjSpec, base: str, joints: tuple[str, ...]) -> _Motion:
    """Move the driven joints from end to end; of the ways to pair the ends, the one that moves the middle least."""
    linkage = Linkage(spec, base)
    ranges = [driver_range(linkage, j) for j in joints]
    ways = [({joints[0]: ranges[0][0]}, {joints[0]: ranges[0][1]})]
    if len(joints) == 2:
        a, b = ranges
        ways = [({joints[0]: a[0], joints[1]: b[i]}, {joints[0]: a[1], joints[1]: b[1 - i]}) for i in (0, 1)]
    best, least = None, np.inf
    for way in ways:
        places = []
        try:
            for end in way:
                linkage.put(end)
                places.append(linkage.places())
        except GripperError:
            continue
        shift = [places[1][n] - places[0][n] for n in places[0]]
        middle = float(np.linalg.norm(np.sum(shift, axis=0)))
        if middle < least:
            best, least = _Motion(base, joints, way, (places[0], places[1])), middle
    if best is None:
        raise GripperError("its driven joints cannot be moved from end to end: its couplings cannot be met")
    return best


def _snapped(direction: Array) -> Array:
    direction = direction / np.linalg.norm(direction)
    i = int(np.abs(direction).argmax())
    return np.eye(3)[i] * np.sign(direction[i]) if abs(direction[i]) > _AXIS else direction


def _directions(motion: _Motion) -> tuple[Array, Array]:
    """Return the closing direction and the approach in the base's frame."""
    low, high = motion.places
    shifts = {n: high[n] - low[n] for n in low if np.linalg.norm(high[n] - low[n]) > _STILL}
    if not shifts:
        raise GripperError(f"nothing moves when {' and '.join(motion.joints)} go from end to end")
    moved = np.array(list(shifts.values()))
    moved = moved - moved.mean(axis=0) if len(moved) > 1 else moved
    closing = _snapped(np.linalg.eigh(moved.T @ moved)[1][:, -1])
    closing = closing * (1 if closing[np.abs(closing).argmax()] > 0 else -1)
    middle = np.mean([low[n] for n in shifts], axis=0)
    middle = middle - middle @ closing * closing
    if np.linalg.norm(middle) < 1e-3:
        raise GripperError("its fingers lie around the base's origin, so nothing says which way it approaches")
    approach = _snapped(middle)
    approach = approach - approach @ closing * closing
    return closing, approach / np.linalg.norm(approach)


def _sides(model: mujoco.MjModel, motion: _Motion, closing: Array) -> tuple[list[str], list[str]]:
    """Return the bodies that move to either side."""
    low, high = motion.places
    moves = {n: float((high[n] - low[n]) @ closing) for n in low}
    left, right = [n for n, d in moves.items() if d > _STILL], [n for n, d in moves.items() if d < -_STILL]
    if not left or not right:
        raise GripperError(
            "only one side of it moves along the closing direction; two fingers that move against each other make a jaw"
        )
    return left, right


def _finger(model: mujoco.MjModel, motion: _Motion, side: list[str], approach: Array) -> str:
    """Return the body that carries a side's pad: of what reaches farthest, the part that moves as one."""
    reach = {}
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    for name in side:
        body = model.body(name)
        first, number = int(body.geomadr[0]), int(body.geomnum[0])
        geoms = [g for g in range(first, first + number) if model.geom_contype[g] or model.geom_conaffinity[g]]
        if not name or not geoms:
            continue
        # The centre of mass at the open or closed end, and how far the body's geoms reach beyond it.
        far = max(float(model.geom_rbound[g]) + _beyond(model, data, g, body.id, approach) for g in geoms)
        reach[name] = max(float(p[name] @ approach) for p in motion.places) + far
    if not reach:
        raise GripperError("what moves has no geom that collides, or no name")
    name = max(reach, key=lambda n: reach[n])
    body = model.body(name)
    while int(body.jntnum[0]) == 0 and int(body.parentid[0]):
        body = model.body(int(body.parentid[0]))
    return str(body.name)


def _beyond(model: mujoco.MjModel, data: mujoco.MjData, geom: int, body: int, approach: Array) -> float:
    return float((data.geom_xpos[geom] - data.xipos[body]) @ approach)


def _pads(
    spec: mujoco.MjSpec, base: str, motion: _Motion, fingers: tuple[str, ...], axes: Array
) -> tuple[Pads, dict[str, float]]:
    """Measure the gap at both ends; the wider one is open."""
    linkage = Linkage(spec, base)
    found = []
    for end in motion.ends:
        linkage.put(end)
        found.append(find_pads(linkage, fingers, axes))
    gaps = [-np.inf if p is None else p.gap for p in found]
    best = int(np.argmax(gaps))
    pads = found[best]
    if pads is None or pads.gap < 1e-3:
        raise GripperError("no gap is between its fingers at either end of the driven joints")
    if pads.gap > 0.6:
        raise GripperError(f"its fingers open to {pads.gap:g} m; is the model in millimetres? MJCF is in metres")
    return replace(pads), motion.ends[best]


def _force(
    spec: mujoco.MjSpec, base: str, motion: _Motion, opened: dict[str, float], stroke: float
) -> tuple[float, bool]:
    """Return the force of each pad at the actuators' limits, by virtual work over the whole stroke, N."""
    full = spec.compile()
    closed = next(end for end in motion.ends if end is not opened)
    lengths = []
    linkage = Linkage(spec, base)
    data = mujoco.MjData(full)
    for end in (opened, closed):
        linkage.put(end)
        for name, value in zip(linkage.joints, linkage.positions(), strict=True):
            if name:
                data.joint(name).qpos[:] = value
        mujoco.mj_fwdPosition(full, data)
        lengths.append(data.actuator_length.copy())
    limited = full.actuator_forcelimited.astype(bool)
    if not full.nu or not limited.any():
        return UNLIMITED, False
    way = np.abs(lengths[1] - lengths[0])[limited]
    work = float((np.abs(full.actuator_forcerange[limited]).max(axis=1) * way).sum())
    force = work / stroke
    return (force, True) if force > 0 else (UNLIMITED, False)


def _rounded(vector: Array, digits: int = 6) -> tuple[float, float, float]:
    x, y, z = (round(float(v), digits) + 0.0 for v in vector)
    return x, y, z


def yaml_text(guess: Guess, mjcf: Path, folder: Path) -> str:
    """Return the YAML of a guess, a line a key, with where each value comes from.

    Args:
        guess: the values.
        mjcf: path of the model.
        folder: where the YAML will lie; the model is named relative to it where it lies below.
    """
    at, below = mjcf.resolve(), folder.resolve()
    model = at.relative_to(below) if at.is_relative_to(below) else at
    file = guess.file.model_copy(update={"model": str(model)})
    values = file.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    order = [n for n in GripperFile.model_fields if n in values]
    lines = []
    for key in order:
        value = values[key]
        told = (
            "[" + ", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in value) + "]"
            if isinstance(value, list | tuple)
            else f"{value:g}"
            if isinstance(value, float)
            else str(value)
        )
        note = guess.notes.get(key)
        lines.append(f"{key}: {told}" + (f"{' ' * max(1, 40 - len(key) - len(told))}# {note}" if note else ""))
    return "\n".join(lines) + "\n"
