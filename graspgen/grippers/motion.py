"""Which joints of an unknown MJCF are driven, and how the hand moves with them: directions and fingers."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from graspgen.errors import GripperError
from graspgen.frames import Array
from graspgen.grippers.postures import Linkage, driver_range

#: A direction this near to an axis of the base is that axis.
_AXIS = np.cos(np.radians(12))
#: Bodies that move less than this from one end to the other stand still, m.
STILL = 5e-4


@dataclass(frozen=True, eq=False)
class Motion:
    """How the hand moves: places of its bodies' centres of mass at both ends of the driven joints, (body, 3), m."""

    base: str
    joints: tuple[str, ...]
    ends: tuple[dict[str, float], dict[str, float]]
    places: tuple[dict[str, Array], dict[str, Array]]


def find_drivers(model: mujoco.MjModel) -> tuple[tuple[str, ...], str]:
    """Return the names of the driven joints, and how they were found."""
    scalar = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))
    moving = [j for j in range(model.njnt) if int(model.jnt_type[j]) in scalar]
    if not moving:
        raise GripperError(
            "it has no hinge and no slide: nothing of it can close (a suction gripper's YAML is written by hand: "
            "copy that of suction_cup)"
        )
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
    if not unique:
        raise GripperError('no actuator moves its joints, and none has a range; say how far they go: range="0 0.04"')
    if nameless:
        raise GripperError("a driven joint has no name; name the joints")
    return tuple(model.joint(j).name for j in unique), how


def find_base(model: mujoco.MjModel, joints: tuple[str, ...]) -> str:
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


def move(spec: mujoco.MjSpec, base: str, joints: tuple[str, ...]) -> Motion:
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
            best, least = Motion(base, joints, way, (places[0], places[1])), middle
    if best is None:
        raise GripperError("its driven joints cannot be moved from end to end: its couplings cannot be met")
    return best


def _snapped(direction: Array) -> Array:
    direction = direction / np.linalg.norm(direction)
    i = int(np.abs(direction).argmax())
    return np.eye(3)[i] * np.sign(direction[i]) if abs(direction[i]) > _AXIS else direction


def find_directions(motion: Motion) -> tuple[Array, Array]:
    """Return the closing direction and the approach in the base's frame."""
    low, high = motion.places
    shifts = {n: high[n] - low[n] for n in low if np.linalg.norm(high[n] - low[n]) > STILL}
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


def find_sides(model: mujoco.MjModel, motion: Motion, closing: Array) -> tuple[list[str], list[str]]:
    """Return the bodies that move to either side."""
    low, high = motion.places
    moves = {n: float((high[n] - low[n]) @ closing) for n in low}
    left, right = [n for n, d in moves.items() if d > STILL], [n for n, d in moves.items() if d < -STILL]
    if not left or not right:
        raise GripperError(
            "only one side of it moves along the closing direction; two fingers that move against each other make a jaw"
        )
    return left, right


def find_finger(model: mujoco.MjModel, motion: Motion, side: list[str], approach: Array) -> str:
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
