"""An arm on a pedestal beside the arena, carrying the hand of a trial model."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.arms.arm import Arm
from graspgen.frames import Array, axis_angle, matrix_to_quat, pose
from graspgen.grasps.profile import Profile
from graspgen.grasps.scene_stand import HAND
from graspgen.grippers.gripper import Gripper
from graspgen.scene.build import GROUP_VISUAL

#: Prefix of everything that belongs to the arm, and the body that it stands on.
ARM, MOUNT = "arm/", "mount"
#: Radius of the pedestal, m, how far below the base it ends, which keeps it out of a table's top, and its colour.
_RADIUS, _GAP, _COLOUR = 0.1, 0.002, (0.3, 0.3, 0.32, 1.0)
#: Where the floor is when the arena has none, m.
_FLOOR = -0.75


class Mounted:
    """Carries a hand by an arm (`graspgen.grasps.scene_stand.Carrier`).

    Attributes:
        root: name of the body that it begins with.
        servos: names of its servos.
        joints: names of its joints.

    Args:
        arm: it.
        T_world_base: (4, 4) pose of its base.
    """

    def __init__(self, arm: Arm, T_world_base: Array) -> None:
        self.arm, self.T_world_base = arm, T_world_base
        self.root = MOUNT
        self.servos = tuple(ARM + name for name in arm.model.servos)
        self.joints = tuple(ARM + name for name in arm.model.joints)

    def add(self, spec: mujoco.MjSpec, hand: mujoco.MjSpec, gripper: Gripper, profile: Profile, seen: bool) -> None:
        """Add the pedestal, the arm and the hand on its flange."""
        T = self.T_world_base
        mount = spec.worldbody.add_body(name=MOUNT, pos=T[:3, 3], quat=matrix_to_quat(T[:3, :3]))
        arm = self.arm.model.spec()
        for name in (n for n in dir(spec.option) if not n.startswith("_")):  # MuJoCo warns of others than the scene's
            setattr(arm.option, name, getattr(spec.option, name))
        if seen:
            grounds = [g.pos[2] for g in spec.geoms if g.name == "background"]
            low = min(grounds, default=_FLOOR) - T[2, 3]
            if low < -_GAP:
                half = (-_GAP - low) / 2
                mount.add_geom(
                    type=mujoco.mjtGeom.mjGEOM_CYLINDER, size=[_RADIUS, half, 0], pos=[0, 0, low + half],
                    rgba=_COLOUR, contype=0, conaffinity=0, group=GROUP_VISUAL,
                )  # fmt: skip
        else:
            _strip(arm)
        mount.add_frame().attach_body(arm.body(self.arm.model.base), ARM, "")
        flange = self.arm.model.T_body_flange
        frame = spec.body(ARM + self.arm.model.flange).add_frame(pos=flange[:3, 3], quat=matrix_to_quat(flange[:3, :3]))
        frame.attach_body(hand.body(gripper.base), HAND, "")
        if seen:
            _paint(spec, mount)

    def begin(self, model: mujoco.MjModel, qpos: NDArray[np.float64]) -> NDArray[np.float64]:
        """Put the arm at its home; return (joints,) damping over stiffness, s."""
        joints = [model.joint(name) for name in self.joints]
        qpos[[int(j.qposadr[0]) for j in joints]] = self.arm.home
        servos = [model.actuator(name).id for name in self.servos]
        damping = model.dof_damping[[int(j.dofadr[0]) for j in joints]] - model.actuator_biasprm[servos, 2]
        return damping / model.actuator_gainprm[servos, 0]


def base_pose(arm: Arm, x: float = 0.0, y: float | None = None, z: float = 0.0, facing_deg: float = -90.0) -> Array:
    """Return the (4, 4) pose of an arm's base.

    Args:
        arm: it.
        x, y, z: m, where it stands; y None for the arm's own distance from the origin.
        facing_deg: where its flange is at home, seen from its base: the angle about z from the world's x, degrees.
    """
    model = arm.model.bare().compile()
    data = mujoco.MjData(model)
    data.qpos[[int(model.joint(name).qposadr[0]) for name in arm.model.joints]] = arm.home
    mujoco.mj_kinematics(model, data)
    there = data.body(arm.model.flange).xpos
    turn = np.radians(facing_deg) - np.arctan2(there[1], there[0])
    return pose(axis_angle(np.array([0.0, 0.0, 1.0]), turn), [x, arm.distance if y is None else y, z])


def mounted(arm: Arm, base: Sequence[float] | None) -> Mounted:
    """Return an arm where it stands: `base` is x, y, z, m, and where it faces, degrees; None for the usual place."""
    return Mounted(arm, base_pose(arm, *(base or ())))


def _strip(arm: mujoco.MjSpec) -> None:
    """Delete what is only drawn."""
    for geom in [g for g in arm.geoms if not (g.contype or g.conaffinity)]:
        arm.delete(geom)
    used = {g.meshname for g in arm.geoms}
    for mesh in [m for m in arm.meshes if m.name not in used]:
        arm.delete(mesh)


def _paint(spec: mujoco.MjSpec, mount: mujoco.MjsBody) -> None:
    """Give what is drawn materials, which the views' ambient light needs: one a colour."""
    known: dict[tuple[float, ...], str] = {}
    for body in [mount, *[b for b in spec.bodies if b.name.startswith(ARM)]]:
        for geom in body.geoms:
            if geom.material:
                continue
            colour = tuple(float(c) for c in geom.rgba)
            if colour not in known:
                known[colour] = f"{ARM}paint_{len(known)}"
                spec.add_material(name=known[colour], rgba=colour, specular=0.4, shininess=0.4)
            geom.material = known[colour]
