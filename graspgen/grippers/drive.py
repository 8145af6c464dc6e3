"""The drive that a jaw gets where its file names no actuator: a servo that pulls its pads together.

It is a tendon between the pads. So its length is the opening plus a constant and its force the force of each pad, in a
linkage of any kind and at any opening: by virtual work, the joints see what a motor with that force at the pads gives
them. The tendon's armature is the reflected inertia of motor and spindle.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import mujoco
import numpy as np

from graspgen.frames import Array
from graspgen.grippers.postures import Linkage, open_end, pad_points

#: Names of the drive's parts.
DRIVE, SITE, COUPLING = "grip", "grip_", "grip_coupling"
#: The tendon ends this far behind each pad's face: when the hand is closed it still has a length, and a direction, m.
BEHIND = 0.01
#: Reflected inertia of motor and spindle at the opening, kg: 0.5 kg a finger. No published figure; without it, pads
#: whose object slips bounce.
ARMATURE = 0.25
#: Stiffness of the servo, N/m.
STIFFNESS = 20000.0
#: How far beyond closed the servo's target may run to reach its force, m.
BEYOND = 0.01
#: Postures that free joints are looked at in.
_FITTED = 17
_SOLREF, _SOLIMP = (0.004, 1.0), (0.99, 0.999, 0.0001, 0.5, 2.0)


def add_drive(
    spec: mujoco.MjSpec,
    base: str,
    fingers: Sequence[str],
    joints: Sequence[str],
    tcp: Sequence[float],
    stroke: float,
    force: float,
    speed: float,
) -> None:
    """Replace a hand's actuators by the drive, couple its driven joints, and let its bodies pass through each other.

    Args:
        spec: the hand; changed.
        base, fingers, joints, tcp, stroke: as the gripper's file says them.
        force: largest force of each pad, N.
        speed: closing speed, m/s.

    Raises:
        GripperError: a driven joint has no range or moves no finger.
    """
    for element in [*spec.actuators, *spec.keys, *spec.sensors]:
        spec.delete(element)
    _couple(spec, base, fingers, joints)
    _hold_free_joints(spec, base, fingers, joints)
    linkage = Linkage(spec, base)
    linkage.put({joints[0]: open_end(linkage, joints[0], fingers)[1]})
    sides = np.sign([linkage.inner(f)[1] for f in fingers])
    for finger, point, side in zip(fingers, pad_points(linkage, fingers, tcp, stroke), sides, strict=True):
        spec.body(finger).add_site(name=SITE + finger, pos=point + _turned(linkage, finger, side * BEHIND), group=4)
    tendon = spec.add_tendon(name=DRIVE, armature=ARMATURE, limited=1, range=[2 * BEHIND, 2 * BEHIND + stroke])
    tendon.solref_limit, tendon.solimp_limit = _SOLREF, _SOLIMP
    tendon.springlength = [0.0, 0.0]
    tendon.rgba = [0, 0, 0, 0]
    for finger in fingers:
        tendon.wrap_site(SITE + finger)
    servo = spec.add_actuator(
        name=DRIVE, trntype=mujoco.mjtTrn.mjTRN_TENDON, target=DRIVE, forcelimited=1, forcerange=[-force, force],
        ctrllimited=1, ctrlrange=[-2 * speed, 2 * speed],
    )  # fmt: skip
    servo.set_to_intvelocity(kp=STIFFNESS, dampratio=1)
    servo.actlimited, servo.actrange = 1, [2 * BEHIND - BEYOND, 2 * BEHIND + stroke]
    bodies = [b.name for b in spec.bodies[1:]]
    kept = {frozenset((e.bodyname1, e.bodyname2)) for e in spec.excludes}
    for a, b in combinations(bodies, 2):
        if frozenset((a, b)) not in kept:
            spec.add_exclude(bodyname1=a, bodyname2=b)


def _turned(linkage: Linkage, finger: str, y: float) -> Array:
    """(3,) the vector (0, y, 0) of the base's axes in a finger's axes."""
    zero = linkage.in_body(finger, np.zeros(3))
    return linkage.in_body(finger, np.array([0.0, y, 0.0])) - zero


def _couple(spec: mujoco.MjSpec, base: str, fingers: Sequence[str], joints: Sequence[str]) -> None:
    """Let the driven joints move together, from closed to open, where the model's own equalities do not say so."""
    if len(joints) < 2:
        return
    joined = {frozenset((e.name1, e.name2)) for e in spec.equalities if e.type == mujoco.mjtEq.mjEQ_JOINT and e.active}
    linkage = Linkage(spec, base)
    first = None
    for joint in joints:
        if joint == joints[0]:
            first = open_end(linkage, joint, fingers)
            continue
        if frozenset((joint, joints[0])) in joined:
            continue
        own = open_end(linkage, joint, fingers)
        slope = (own[1] - own[0]) / (first[1] - first[0])
        zero = [float(linkage.model.qpos0[linkage.model.joint(j).qposadr[0]]) for j in (joint, joints[0])]
        # y − y0 = a + b (x − x0), with y = own[0] + slope (x − first[0])
        offset = own[0] + slope * (zero[1] - first[0]) - zero[0]
        equality = spec.add_equality(
            name=f"{COUPLING}_{joint}", type=mujoco.mjtEq.mjEQ_JOINT, name1=joint, name2=joints[0],
            objtype=mujoco.mjtObj.mjOBJ_JOINT,
        )  # fmt: skip
        equality.data[:5] = [offset, slope, 0, 0, 0]
        equality.solref, equality.solimp = _SOLREF, _SOLIMP


def _hold_free_joints(spec: mujoco.MjSpec, base: str, fingers: Sequence[str], joints: Sequence[str]) -> list[str]:
    """Tie joints that the driven ones leave free to them, as the hand's springs place them when nothing touches it.

    Such fingertips (of Menagerie's 2F-85, for example) give way until they meet a stop when the drive's torque
    comes from the other end of the linkage. Pulled at the pads they would tilt; held, they pinch as the hand does.

    Returns:
        Their names.
    """
    linkage = Linkage(spec, base)
    closed, opened = open_end(linkage, joints[0], fingers)
    linkage.put({joints[0]: (closed + opened) / 2})
    left = linkage.freedom(joints[0])
    if not left:
        return []
    at = np.linspace(closed, opened, _FITTED)
    positions = np.zeros((_FITTED, len(linkage.joints)))
    for i, value in enumerate(at):
        linkage.put({joints[0]: float(value)})
        positions[i] = linkage.positions()
    own = [
        linkage.model.joint(int(linkage.model.body(f).jntadr[0])).name for f in fingers if linkage.model.body(f).jntnum
    ]
    held: list[str] = []
    for name in [*own, *reversed(linkage.joints)]:
        if not left:
            break
        if not name or name in joints or name in held:
            continue
        column = linkage.joints.index(name)
        zero = [float(linkage.model.joint(j).qpos0[0]) for j in (name, joints[0])]
        equality = spec.add_equality(
            name=f"{COUPLING}_{name}", type=mujoco.mjtEq.mjEQ_JOINT, name1=name, name2=joints[0],
            objtype=mujoco.mjtObj.mjOBJ_JOINT,
        )  # fmt: skip
        equality.data[:5] = np.polynomial.polynomial.polyfit(at - zero[1], positions[:, column] - zero[0], 4)
        equality.solref, equality.solimp = _SOLREF, _SOLIMP
        tied = Linkage(spec, base)
        tied.put({joints[0]: float((closed + opened) / 2)})
        now = tied.freedom(joints[0])
        if now < left:
            left = now
            held.append(name)
        else:
            spec.delete(equality)
    return held
