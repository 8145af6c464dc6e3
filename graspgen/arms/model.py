"""The MJCF of an arm, made ready to be put into scenes: the arm alone, with servos."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import mujoco
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from graspgen.arms.errors import ArmError
from graspgen.errors import nearest
from graspgen.frames import Array, axis_angle, pose, quat_to_matrix
from graspgen.scene.build import GROUP_COLLISION, GROUP_VISUAL

_HINGE = int(mujoco.mjtJoint.mjJNT_HINGE)


class Servos(BaseModel):
    """Position servos of an arm's joints, in their order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stiffness: tuple[float, ...]
    """N m/rad."""
    damping: tuple[float, ...]
    """N m s/rad."""
    torque: tuple[float, ...]
    """Largest, N m."""
    armature: float = Field(default=0.0, ge=0)
    """kg m², of each joint: the inertia of its motor behind the gear."""


@dataclass(frozen=True, eq=False)
class ArmModel:
    """What of an arm goes into a scene.

    Attributes:
        base: name of its first body.
        joints, servos: names of its n joints, from the base to the flange, and of their actuators.
        range: (n, 2) limits of the joints, rad.
        home: (n,) joints of the keyframe `home`, rad; zeros within the limits where there is none.
        flange: name of the body that the hand stands on.
        T_body_flange: (4, 4) where on it; z points out of the arm.
    """

    base: str
    joints: tuple[str, ...]
    servos: tuple[str, ...]
    range: Array
    home: tuple[float, ...]
    flange: str
    T_body_flange: Array
    _spec: mujoco.MjSpec

    def spec(self) -> mujoco.MjSpec:
        """Return a fresh, editable copy of the model."""
        return self._spec.copy()

    def bare(self) -> mujoco.MjSpec:
        """Return a copy without geoms and meshes: what kinematics need."""
        return self._bare.copy()

    @cached_property
    def _bare(self) -> mujoco.MjSpec:
        spec = self.spec()
        for element in [*spec.geoms, *spec.meshes]:
            spec.delete(element)
        return spec


def read_arm(path: Path, who: str, flange: str, turn_deg: float, servos: Servos | None) -> ArmModel:
    """Read an arm.

    Options, lights, cameras, sensors, keyframes and textures are left out; all bodies are compensated for gravity, as
    the controllers of real arms do it.

    Args:
        path: of its MJCF.
        who: what to call it in errors.
        flange: a site, or a body, that the hand stands on.
        turn_deg: of the hand about the flange's z, degrees.
        servos: instead of the model's actuators; None for these.

    Raises:
        ArmError: it cannot be read, has no such flange, other joints than hinges between its base and its flange, more
            joints than these, or actuators that are no position servos.
    """
    try:
        spec = mujoco.MjSpec.from_file(str(path))
        model = spec.compile()
    except (ValueError, mujoco.FatalError) as error:
        raise ArmError(f"{who}: {path.name} does not compile: {' '.join(str(error).split())}") from None
    body, T = _flange(spec, model, who, flange)
    T = T @ pose(axis_angle(np.array([0.0, 0.0, 1.0]), np.radians(turn_deg)))
    chain = [body]
    while model.body_parentid[chain[0]]:
        chain.insert(0, int(model.body_parentid[chain[0]]))
    joints = [j for j in range(model.njnt) if int(model.jnt_bodyid[j]) in chain]
    joints.sort(key=lambda j: chain.index(int(model.jnt_bodyid[j])))
    names = [model.joint(j).name for j in joints]
    if model.njnt > len(joints):
        extra = sorted({model.joint(j).name for j in range(model.njnt)} - set(names))
        raise ArmError(f"{who}: joints beside its chain to '{flange}': {', '.join(extra)}; take an arm without a hand")
    if not joints or any(int(model.jnt_type[j]) != _HINGE for j in joints) or not all(model.jnt_limited[joints]):
        raise ArmError(f"{who}: an arm has hinges with limits between its base and '{flange}', and no other joints")
    home = model.qpos0[model.jnt_qposadr[joints]]
    keys = [k for k in range(model.nkey) if model.key(k).name == "home"]
    if keys:
        home = model.key_qpos[keys[0]][model.jnt_qposadr[joints]]
    limits = model.jnt_range[joints].copy()
    base, actuators = model.body(chain[0]).name, _servos(spec, model, who, names, servos)
    _keep_inertia(spec, model)
    _clean(spec, path)
    spec.body(base).pos = [0, 0, 0]
    return ArmModel(
        base, tuple(names), actuators, limits, tuple(np.clip(home, limits[:, 0], limits[:, 1]).tolist()),
        model.body(body).name, T, spec,
    )  # fmt: skip


def _flange(spec: mujoco.MjSpec, model: mujoco.MjModel, who: str, name: str) -> tuple[int, Array]:
    """Return the body that the hand stands on, and where on it."""
    sites, bodies = [s.name for s in spec.sites], [b.name for b in spec.bodies]
    if name in sites:
        site = model.site(name)
        return int(model.site_bodyid[site.id]), pose(quat_to_matrix(site.quat), site.pos)
    if name in bodies:
        return int(model.body(name).id), np.eye(4)
    known = [n for n in sites + bodies if n and n != "world"]
    raise ArmError(
        f"{who}: no site or body '{name}' for the hand to stand on{nearest(name, known)}; say 'flange' in a YAML"
    )


def _servos(
    spec: mujoco.MjSpec, model: mujoco.MjModel, who: str, joints: list[str], servos: Servos | None
) -> tuple[str, ...]:
    """Return the names of the joints' position servos; make them where they are given."""
    if servos is not None:
        for key in ("stiffness", "damping", "torque"):
            if len(getattr(servos, key)) != len(joints):
                raise ArmError(
                    f"{who}: servos.{key} has {len(getattr(servos, key))} numbers, the arm has {len(joints)} joints"
                )
        for actuator in list(spec.actuators):
            spec.delete(actuator)
        made = []
        for name, kp, kv, most in zip(joints, servos.stiffness, servos.damping, servos.torque, strict=True):
            joint = spec.joint(name)
            joint.armature = servos.armature
            servo = spec.add_actuator(
                name=f"servo_{name}", trntype=mujoco.mjtTrn.mjTRN_JOINT, target=name, forcelimited=True,
                forcerange=[-most, most],
            )  # fmt: skip
            servo.set_to_position(kp=kp, kv=kv)
            made.append(servo.name)
        return tuple(made)
    found = []
    for name in joints:
        joint = model.joint(name).id
        mine = [
            a for a in range(model.nu)
            if int(model.actuator_trntype[a]) == int(mujoco.mjtTrn.mjTRN_JOINT) and model.actuator_trnid[a, 0] == joint
        ]  # fmt: skip
        if len(mine) != 1 or not model.actuator_gainprm[mine[0], 0] == -model.actuator_biasprm[mine[0], 1] > 0:
            raise ArmError(f"{who}: the joint '{name}' has no position servo; give 'servos' in a YAML")
        found.append(model.actuator(mine[0]).name)
    return tuple(found)


def _keep_inertia(spec: mujoco.MjSpec, model: mujoco.MjModel) -> None:
    """Say every body's inertia, so that it depends on no geom."""
    for body in spec.bodies[1:]:
        own = model.body(body.name)
        body.explicitinertial = True
        body.mass, body.ipos, body.iquat, body.inertia = float(own.mass[0]), own.ipos, own.iquat, own.inertia
        body.fullinertia = [np.nan] * 6
        body.gravcomp = 1.0


def _clean(spec: mujoco.MjSpec, path: Path) -> None:
    folder = path.parent / spec.meshdir
    for element in [*spec.lights, *spec.cameras, *spec.sensors, *spec.keys]:
        spec.delete(element)
    for geom in spec.geoms:
        material = spec.material(geom.material) if geom.material else None
        if material is not None:
            geom.rgba, geom.material = material.rgba, ""
    for element in [*spec.materials, *spec.textures]:
        spec.delete(element)
    drawn = [g for g in spec.geoms if not (g.contype or g.conaffinity)]
    for geom in spec.geoms:
        solid = bool(geom.contype or geom.conaffinity)
        geom.group = GROUP_COLLISION if solid and drawn else GROUP_VISUAL
    for mesh in spec.meshes:
        if mesh.file and not Path(mesh.file).is_absolute():
            mesh.file = str((folder / mesh.file).resolve())
    spec.meshdir = ""
