"""Guess a jaw's YAML from an MJCF: its fingers, driven joints, closing direction, stroke, pads and tool point."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import mujoco
import numpy as np

from graspgen.errors import GripperError
from graspgen.frames import Array
from graspgen.grippers.fingers import FingersFile
from graspgen.grippers.given_text import given_name
from graspgen.grippers.inspect_fingers import guess_fingers, several_fingers
from graspgen.grippers.jaw_file import GripperFile
from graspgen.grippers.mjcf import check_size, commanded_ranges, read_mjcf
from graspgen.grippers.motion import Motion, find_base, find_directions, find_drivers, find_finger, find_sides, move
from graspgen.grippers.pads import Pads, find_pads
from graspgen.grippers.postures import Linkage

#: Where a model does not limit the force of its actuators, N; where it limits it, the usual force is at most `USUAL`.
UNLIMITED, USUAL = 40.0, 40.0
#: Of the opening, m/s; MJCF knows no speed of an actuator.
SPEED = 0.1


@dataclass(frozen=True)
class Guess:
    """A gripper's file and how each of its values was found.

    Attributes:
        file: what the YAML says.
        notes: by key, where its value comes from.
    """

    file: GripperFile | FingersFile
    notes: dict[str, str]


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
        commanded_ranges(spec, model)
        if several_fingers(model):
            return Guess(*guess_fingers(path, spec, model))
        return _guess(path, spec, model)
    except GripperError as error:
        raise GripperError(f"{who}: {error}") from None


def _checked(path: Path, who: str) -> str:
    try:
        text = read_mjcf(path, who)
    except GripperError as error:
        raise GripperError(str(error).replace(f"{who}: {path.name}", who, 1)) from None
    try:
        mujoco.MjSpec.from_string(text)
    except ValueError as error:
        raise GripperError(f"{who}: is no MJCF that MuJoCo reads: {' '.join(str(error).split())}") from None
    return text


def _guess(path: Path, spec: mujoco.MjSpec, model: mujoco.MjModel) -> Guess:
    joints, how = find_drivers(model)
    base = find_base(model, joints)
    motion = move(spec, base, joints)
    closing, approach = find_directions(motion)
    sides = find_sides(model, motion, closing)
    fingers = tuple(find_finger(model, motion, side, approach) for side in sides)
    apart = max((float((p[fingers[0]] - p[fingers[1]]) @ closing) for p in motion.places), key=abs)
    if apart < 0:
        fingers = fingers[::-1]
    axes = np.stack([np.cross(closing, approach), closing, approach], axis=1)
    pads, opened = _pads(spec, base, motion, fingers, axes)
    force, limited = _force(spec, base, motion, opened, pads.gap)
    name = given_name(path)
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


def _pads(
    spec: mujoco.MjSpec, base: str, motion: Motion, fingers: tuple[str, ...], axes: Array
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
    spec: mujoco.MjSpec, base: str, motion: Motion, opened: dict[str, float], stroke: float
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
