"""How the objects of a scene move, how deep they overlap, and whether the simulation is still one."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from graspgen.frames import Array
from graspgen.scene.world import World

#: Steps between two looks at the speeds: in 10 ms gravity gives what is not held 0.1 m/s.
STEPS_PER_LOOK = 5
_WARNINGS = {
    mujoco.mjtWarning.mjWARN_INERTIA: "singular inertia",
    mujoco.mjtWarning.mjWARN_CONTACTFULL: "too many contacts",
    mujoco.mjtWarning.mjWARN_CNSTRFULL: "too many constraints",
    mujoco.mjtWarning.mjWARN_BADQPOS: "a position diverged",
    mujoco.mjtWarning.mjWARN_BADQVEL: "a speed diverged",
    mujoco.mjtWarning.mjWARN_BADQACC: "an acceleration diverged",
}


@dataclass(frozen=True)
class Motion:
    """How the objects of a world move now.

    Attributes:
        com: (n, 3) centres of mass, m, world frame.
        velocity: (n, 3) of the centres of mass, m/s, world frame.
        angular_velocity: (n, 3) rad/s, world frame.
        speed: (n,) speeds of the centres of mass, relative to the belt where there is one, m/s.
        angular_speed: (n,) rad/s.
    """

    com: Array
    velocity: Array
    angular_velocity: Array
    speed: Array
    angular_speed: Array


def motion(world: World) -> Motion:
    """Measure how the objects move at the present coordinates.

    A free joint's linear velocity is that of the body frame's origin, in world axes, and its
    angular velocity is in body axes; the centre of mass moves with v + ω × r. After a step the
    derived quantities lag behind the coordinates, so the kinematics are computed again; no
    coordinate changes.
    """
    model, data, ids = world.model, world.data, world.body_ids
    mujoco.mj_kinematics(model, data)
    qvel = data.qvel.reshape(-1, 6)
    com = data.xipos[ids]
    angular = (data.xmat[ids].reshape(-1, 3, 3) @ qvel[:, 3:, None])[..., 0]
    (wx, wy, wz), (x, y, z) = angular.T, (com - data.xpos[ids]).T
    velocity = np.empty_like(com)
    velocity[:, 0], velocity[:, 1], velocity[:, 2] = wy * z - wz * y, wz * x - wx * z, wx * y - wy * x
    velocity += qvel[:, :3]
    relative = velocity - world.plan.arena.belt_velocity if world.plan.arena.is_moving else velocity
    return Motion(
        com=com,
        velocity=velocity,
        angular_velocity=angular,
        speed=np.sqrt((relative**2).sum(axis=1)),
        angular_speed=np.sqrt((angular**2).sum(axis=1)),
    )


def deepest_penetration(world: World) -> float:
    """Return the depth of the deepest contact at the present poses, m; 0 without contact.

    Brings the derived quantities of `world.data` up to its coordinates, and changes no coordinate.
    """
    mujoco.mj_forward(world.model, world.data)
    return float(max(0.0, -world.data.contact.dist.min(initial=0.0)))


def divergence(world: World) -> str:
    """Say what diverged, or "" when nothing did."""
    data = world.data
    told = data.warning.number
    for kind, text in _WARNINGS.items() if np.count_nonzero(told) else ():
        if told[int(kind)]:
            return f"the simulation is unstable: {text}"
    # What sums to a finite number is finite; looked at in every look, so by the quickest test first.
    finite = np.isfinite(data.qpos.sum() + data.qvel.sum()) or bool(
        np.isfinite(data.qpos).all() and np.isfinite(data.qvel).all()
    )
    return "" if finite else "the simulation is unstable: a coordinate is not finite"
