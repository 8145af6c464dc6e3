"""Guess the YAML of a multi-finger hand from its MJCF: fingers, fingertips, driven joints, axes and postures."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np

from graspgen.errors import GripperError
from graspgen.frames import Array
from graspgen.grippers.finger_postures import measure_fingers
from graspgen.grippers.fingers import MAX_JOINTS, FingersFile, add_servos
from graspgen.grippers.given_text import given_name
from graspgen.grippers.mjcf import TURNED, hand_spec
from graspgen.grippers.motion import find_drivers
from graspgen.grippers.postures import Linkage, driver_range

#: Postures, as shares of the way from a joint's open end to its closed one; how far the squeeze goes on, rad or m.
OPEN, PREGRASP, GRASP, SQUEEZE = 0.05, 0.25, 0.8, 0.06
#: A joint that brings no fingertip nearer to the middle by this much spreads or turns fingers, m.
CLOSES = 0.008
#: Of each fingertip, where the model limits nothing, N.
FORCE = 10.0


def guess_fingers(path: Path, spec: mujoco.MjSpec, model: mujoco.MjModel) -> tuple[FingersFile, dict[str, str]]:
    """Guess a multi-finger hand's file, and say where each value comes from.

    The fingers are the branches of the lowest body that carries all driven joints, each fingertip the last body of its
    branch. A joint's closed end is the one that brings its fingertip nearer to the line through the middle of all.

    Raises:
        GripperError: it is no such hand.
    """
    joints, how = _driven(model)
    base = _palm(model, joints)
    fingers = _branches(model, base, joints)
    tips = tuple(_last(model, f) for f in fingers)
    linkage = Linkage(hand_spec(spec, base), base)
    ends = {j: np.array(driver_range(linkage, j)) for j in joints}
    middle = {j: float(e.mean()) for j, e in ends.items()}

    def places(values: dict[str, float]) -> Array:
        linkage.put(values)
        return np.array([linkage.inner(t) for t in tips])

    at = places(middle)
    approach = _snapped(at.mean(axis=0) / max(float(np.linalg.norm(at.mean(axis=0))), 1e-9))
    axis = np.array([linkage.inner(f) for f in fingers]).mean(axis=0)
    order, shapes = {}, []
    for joint in joints:
        off = []
        for end in ends[joint]:
            x = places({**middle, joint: float(end)}) - axis
            off.append(np.linalg.norm(x - np.outer(x @ approach, approach), axis=1))
        change = off[1] - off[0]
        most = float(change[np.abs(change).argmax()])
        if abs(most) < CLOSES:
            shapes.append(joint)
        order[joint] = ends[joint] if most < 0 else ends[joint][::-1]
    closers = [j for j in joints if j not in shapes]
    if not closers:
        raise GripperError("none of its driven joints brings a fingertip nearer to the others")

    def posture(share: float, more: float = 0.0) -> dict[str, float]:
        out = {}
        for joint in joints:
            start, end = order[joint]
            value = float(np.clip(0.0, *ends[joint])) if joint in shapes else start + share * (end - start)
            value += 0.0 if joint in shapes else more * float(np.sign(end - start))
            out[joint] = round(float(value), 4)
        return out

    opened, closed = places(posture(OPEN)), places(posture(GRASP))
    moves = closed - opened
    moves -= np.outer(moves @ approach, approach)
    closing = _snapped(np.linalg.eigh(moves.T @ moves)[1][:, -1])
    closing -= closing @ approach * approach
    closing *= np.sign(closing[np.abs(closing).argmax()]) / np.linalg.norm(closing)
    arms = np.array(
        [np.linalg.norm(moves, axis=1).max() / max(abs(np.ptp(order[j])) * (GRASP - OPEN), 1e-6) for j in closers]
    )
    force, limited = _force(model, closers, arms)
    values = {
        "name": given_name(path),
        "kind": "multi_finger", "model": path.name, "base": base, "approach": _rounded(approach),
        "closing": _rounded(closing), "fingers": fingers, "tips": tips, "joints": joints,
        "tcp": _rounded(closed.mean(axis=0), 4), "stroke": 0.1, "max_force": round(2 * force, 1),
        "force": round(force, 1), "closing_time": 1.0,
        "postures": {
            "open": posture(OPEN), "pregrasp": {j: posture(PREGRASP)[j] for j in closers},
            "grasp": {j: posture(GRASP)[j] for j in closers},
            "squeeze": {j: posture(GRASP, SQUEEZE)[j] for j in closers},
        },
    }  # fmt: skip
    file = FingersFile.model_validate(values)
    hand = hand_spec(spec, base, file.axes if file.turned else None)
    top = TURNED if file.turned else base
    add_servos(hand, file, top)
    found = measure_fingers(hand, top, file, file.axes.T @ np.array(file.tcp))
    file = file.model_copy(update={"stroke": round(float(found.width[-1]), 4)})
    notes = {
        "base": "the lowest body that carries all driven joints", "approach": "from the base to the fingertips",
        "closing": "most of the fingertips' motion is along it", "fingers": "its branches with driven joints",
        "tips": "the last body of each branch", "joints": how, "tcp": "middle of the fingertips in the grasp's posture",
        "stroke": "between the pads of both sides, open", "closing_time": "a guess: MJCF knows no speed",
        "force": "from the actuators' limits" if limited else "a guess: the actuators have no limit",
        "max_force": "twice that", "postures": "shares of the joints' ranges; look at them",
    }  # fmt: skip
    return file, notes


def several_fingers(model: mujoco.MjModel) -> bool:
    """Whether three or more joints are driven on their own, on three or more branches: a hand, and no jaw.

    A linkage whose actuator pulls a tendon of one or two joints, such as Menagerie's 2F-85, is a jaw.
    """
    if _has_jaw_drive(model):
        return False
    try:
        joints, _ = _driven(model)
        palm = _common(model, joints)
        return len(joints) > 2 and palm is not None and len(_tops(model, palm, joints)) > 2
    except GripperError:
        return False


def _has_jaw_drive(model: mujoco.MjModel) -> bool:
    try:
        find_drivers(model)
    except GripperError:
        return False
    return True


def _driven(model: mujoco.MjModel) -> tuple[tuple[str, ...], str]:
    """Return the names of the driven joints: those that actuators move, else all with a range that nothing couples."""
    of_joint = (int(mujoco.mjtTrn.mjTRN_JOINT), int(mujoco.mjtTrn.mjTRN_JOINTINPARENT))
    found = [int(model.actuator_trnid[i, 0]) for i in range(model.nu) if int(model.actuator_trntype[i]) in of_joint]
    how = "an actuator moves them"
    if not found:
        found, how = [j for j in range(model.njnt) if model.jnt_limited[j]], "no actuator: all that have a range"
    tied = [
        int(model.eq_obj1id[e])
        for e in range(model.neq)
        if int(model.eq_type[e]) == int(mujoco.mjtEq.mjEQ_JOINT) and int(model.eq_obj2id[e]) in found
    ]
    free = [j for j in dict.fromkeys(found) if j not in tied]
    held = _wrists(model, free)
    names = tuple(model.joint(j).name for j in free if j not in held)
    if held:
        how += f"; {', '.join(model.joint(j).name for j in held)}, which moves all of them, is the arm's and left out"
    if len(names) < 2 or len(names) > MAX_JOINTS or not all(names):
        raise GripperError(
            f"{len(names)} driven joints make no hand of several fingers (2 to {MAX_JOINTS}, with names)"
        )
    return names, how


def _wrists(model: mujoco.MjModel, joints: list[int]) -> list[int]:
    """Return the joints that carry all others, outermost first: those of a wrist, which is no part of a hand."""
    held: list[int] = []
    while len(joints) > 2:
        body = {j: int(model.jnt_bodyid[j]) for j in joints}
        top = [j for j in joints if all(body[j] in _chain(model, body[k])[:-1] for k in joints if k != j)]
        if not top:
            break
        held += top
        joints = [j for j in joints if j not in top]
    return held


def _chain(model: mujoco.MjModel, body: int) -> list[int]:
    """Return a body and those that carry it, outwards first."""
    chain = [body]
    while chain[-1]:
        chain.append(int(model.body_parentid[chain[-1]]))
    return chain[::-1]


def _common(model: mujoco.MjModel, joints: tuple[str, ...]) -> int | None:
    """Return the lowest body that carries all joints, None where that is the world."""
    chains = [_chain(model, int(model.jnt_bodyid[model.joint(j).id]))[:-1] for j in joints]
    common = [b for b in chains[0] if all(b in c for c in chains)]
    return common[-1] if common and common[-1] else None


def _tops(model: mujoco.MjModel, palm: int, joints: tuple[str, ...]) -> list[int]:
    """Return the bodies on the palm that the joints' branches begin with."""
    chains = [_chain(model, int(model.jnt_bodyid[model.joint(j).id])) for j in joints]
    return list(dict.fromkeys(chain[chain.index(palm) + 1] for chain in chains))


def _palm(model: mujoco.MjModel, joints: tuple[str, ...]) -> str:
    common = _common(model, joints)
    name = "" if common is None else str(model.body(common).name)
    if not name:
        raise GripperError("no body with a name carries all of its driven joints; put a palm around the fingers")
    return name


def _branches(model: mujoco.MjModel, base: str, joints: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(str(model.body(b).name) for b in _tops(model, model.body(base).id, joints))
    if len(names) < 2:
        raise GripperError("its driven joints are all on one branch: that is no hand")
    if not all(names):
        raise GripperError(f"the body on '{base}' that a finger begins with has no name; name the bodies")
    return names


def _last(model: mujoco.MjModel, finger: str) -> str:
    """Return the last body of a branch that has a name and geoms that collide."""
    top, best, depth = model.body(finger).id, finger, -1
    for b in range(top, model.nbody):
        chain = _chain(model, b)
        first, number = int(model.body_geomadr[b]), int(model.body_geomnum[b])
        solid = any(model.geom_contype[g] or model.geom_conaffinity[g] for g in range(first, first + number))
        if top in chain and solid and model.body(b).name and len(chain) > depth:
            best, depth = str(model.body(b).name), len(chain)
    return best


def _force(model: mujoco.MjModel, joints: list[str], arms: Array) -> tuple[float, bool]:
    """Return the force of a fingertip at the usual actuator's limit, N, and whether there is one."""
    found = []
    for i in range(model.nu):
        joint = model.joint(int(model.actuator_trnid[i, 0])).name
        if model.actuator_forcelimited[i] and joint in joints:
            torque = float(np.abs(model.actuator_forcerange[i]).max() * abs(model.actuator_gear[i, 0]))
            found.append(torque / max(float(arms[joints.index(joint)]), 1e-3))
    return (float(np.median(found)), True) if found else (FORCE, False)


def _snapped(direction: Array) -> Array:
    """Return the axis that a unit vector is within 25° of, else itself."""
    i = int(np.abs(direction).argmax())
    return np.eye(3)[i] * np.sign(direction[i]) if abs(direction[i]) > np.cos(np.radians(25)) else direction.copy()


def _rounded(vector: Array, digits: int = 6) -> tuple[float, ...]:
    return tuple(round(float(v), digits) + 0.0 for v in vector)
