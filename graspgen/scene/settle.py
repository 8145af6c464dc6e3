"""Let a scene come to rest, and keep the evidence that it did."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen import recipe
from graspgen.frames import Array, qpos_to_pose
from graspgen.objects.asset import Asset
from graspgen.scene.build import build_world
from graspgen.scene.world import SettledScene, World

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
        speed: (n,) speeds of the centres of mass, m/s.
        angular_speed: (n,) rad/s.
    """

    com: Array
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
    velocity = qvel[:, :3] + np.stack([wy * z - wz * y, wz * x - wx * z, wx * y - wy * x], axis=1)
    return Motion(
        com=com,
        speed=np.sqrt((velocity**2).sum(axis=1)),
        angular_speed=np.sqrt((angular**2).sum(axis=1)),
    )


def deepest_penetration(world: World) -> float:
    """Return the depth of the deepest contact at the present poses, m; 0 without contact.

    Brings the derived quantities of `world.data` up to its coordinates, and changes no coordinate.
    """
    mujoco.mj_forward(world.model, world.data)
    return float(max(0.0, -world.data.contact.dist.min(initial=0.0)))


def settle(world: World, spec: recipe.Settle, assets: Mapping[int, Asset]) -> SettledScene:
    """Step a scene until it rests, and accept or refuse it.

    The speeds are looked at every `STEPS_PER_LOOK` steps; the scene rests once they have all stayed
    below the thresholds for `spec.rest_time`. An object that has fallen off is removed at once: the
    scene is built again without it, and the others go on from their state. The scene is refused
    (`settled` is false and `reason` says why) when time runs out, the simulation diverges, objects
    overlap at the end, or none is left.

    Args:
        world: the scene as it is dropped; its data are stepped.
        spec: thresholds.
        assets: the unscaled assets by number, to build the scene again.
    """
    removed: list[int] = []
    looks = calm_looks = 0
    reason = "" if world.objects else "the scene holds no object"
    period = STEPS_PER_LOOK * world.model.opt.timestep
    needed = math.ceil(spec.rest_time / period - 1e-9)
    while not reason and calm_looks < needed:
        mujoco.mj_step(world.model, world.data, nstep=STEPS_PER_LOOK)
        looks += 1
        if reason := divergence(world):
            break
        now = motion(world)
        fallen = now.com[:, 2] < -spec.fallen
        if fallen.any():
            removed += [world.objects[i].plan.instance_id for i in np.flatnonzero(fallen)]
            if fallen.all():
                reason = "every object fell off the table"
            world = _without(world, fallen, assets)
            now = motion(world)
        calm = (now.speed < spec.max_speed) & (now.angular_speed < spec.max_angular_speed)
        calm_looks = calm_looks + 1 if calm.all() else 0
        if not reason and not calm_looks and looks * period >= spec.time_limit - 1e-9:
            reason = f"still moving after {spec.time_limit:g} s: {_fastest(world, now)}"
    return _report(world, spec, reason, looks * period, tuple(sorted(removed)))


def _report(world: World, spec: recipe.Settle, reason: str, time: float, removed: tuple[int, ...]) -> SettledScene:
    now = motion(world)
    penetration = deepest_penetration(world)
    if not reason and not penetration <= spec.max_penetration:
        reason = f"objects overlap by {penetration * 1e3:.2g} mm at rest, more than {spec.max_penetration * 1e3:g} mm"
    return SettledScene(
        world=world,
        T_world_object=qpos_to_pose(world.data.qpos.reshape(-1, 7)),
        settled=not reason,
        reason=reason,
        settle_time=time,
        max_speed=float(now.speed.max(initial=0.0)),
        max_angular_speed=float(now.angular_speed.max(initial=0.0)),
        max_penetration=penetration,
        removed=removed,
    )


def _without(world: World, gone: NDArray[np.bool_], assets: Mapping[int, Asset]) -> World:
    """Build the scene again without the objects that are `gone`, the others as they are now."""
    kept = np.flatnonzero(~gone)
    qpos = world.data.qpos.reshape(-1, 7)[kept]
    ids = [world.objects[i].plan.instance_id for i in kept]
    again = build_world(
        world.plan,
        assets,
        T_world_object=dict(zip(ids, qpos_to_pose(qpos), strict=True)),
        instances=ids,
        views=len(world.camera_ids) > 0,
    )
    again.data.qpos[:] = qpos.ravel()
    again.data.qvel[:] = world.data.qvel.reshape(-1, 6)[kept].ravel()
    again.data.time = world.data.time
    return again


def divergence(world: World) -> str:
    """Say what diverged, or "" when nothing did."""
    for kind, text in _WARNINGS.items():
        if world.data.warning[int(kind)].number:
            return f"the simulation is unstable: {text}"
    finite = np.isfinite(world.data.qpos).all() and np.isfinite(world.data.qvel).all()
    return "" if finite else "the simulation is unstable: a coordinate is not finite"


def _fastest(world: World, now: Motion) -> str:
    moves = [
        f"{kind} {speed.max():.2g} {unit} ({world.objects[int(speed.argmax())].asset.name})"
        for kind, speed, unit in (
            ("fastest", now.speed, "m/s"),
            ("fastest turn", now.angular_speed, "rad/s"),
        )
    ]
    return ", ".join(moves)
