"""Let a scene come to rest, and keep the evidence that it did."""

from __future__ import annotations

from collections.abc import Mapping

import mujoco
import numpy as np

from graspgen import recipe
from graspgen.frames import qpos_to_pose
from graspgen.objects.asset import Asset
from graspgen.scene.build import build_world
from graspgen.scene.lost import standing
from graspgen.scene.motion import deepest_penetration, motion
from graspgen.scene.plan import ScenePlan
from graspgen.scene.refusal import Refusal
from graspgen.scene.release import release_one_by_one
from graspgen.scene.settling import Settling
from graspgen.scene.world import SettledScene, World


def settle(world: World, spec: recipe.Settle, assets: Mapping[int, Asset]) -> SettledScene:
    """Step a scene until it rests, and accept or refuse it.

    The speeds are looked at every `STEPS_PER_LOOK` steps; the scene rests once they have all stayed below the
    thresholds for `spec.rest_time` and contacts hold every object. On a belt, all this happens in the frame that moves
    with it: speeds are relative to it, and the poses are those of the instant in which the objects pass the place where
    they were dropped.

    An object that has left the arena is removed at once: the scene is built again without it, and the others go on
    from their state. Walls of the arrangement are taken away when all rest, and the scene rests anew.

    The scene is refused (`settled` is false, `refusal` and `reason` say why) when objects overlap before they are let
    go, time runs out, the simulation diverges or throws an object, objects overlap at the end, too many are removed, a
    stack has fallen, or none is left.

    Args:
        world: the scene as it is dropped, with the arrangement's walls if it has any; its data are stepped.
        spec: thresholds.
        assets: the unscaled assets by number, to build the scene again.
    """
    plan = world.plan
    if plan.arena.is_moving:
        world = _riding(world, assets)
    run = Settling(world, spec, assets)
    if not world.objects:
        run.refuse(Refusal.NOTHING, "the scene holds no object")
    arrangement = world.plan.arrangement
    together = not (run.reason or arrangement.one_by_one)
    if together and (overlap := deepest_penetration(world)) > spec.max_penetration:
        run.refuse(Refusal.OVERLAP, f"objects overlap by {overlap * 1e3:.2g} mm before they are let go")
    if arrangement.one_by_one and not run.reason:
        release_one_by_one(run, arrangement.wait)
    run.rest()
    if arrangement.walls and not run.reason:
        run.rebuild(np.zeros(len(run.world.objects), bool), walls=False)
        run.rest()
    return _report(run, plan, assets)


def _riding(world: World, assets: Mapping[int, Asset]) -> World:
    """Return a scene in the frame that moves with its belt, where what rides on it is at rest.

    It is the same motion, and MuJoCo's contacts with a surface that moves chatter: of thin objects on a moving belt 7 %
    of scenes never rest, in the frame of the belt as few as on a table.
    """
    ridden = build_world(
        world.plan.model_copy(update={"arena": world.plan.arena.riding()}),
        assets,
        views=len(world.camera_ids) > 0,
        walls=bool(world.plan.arrangement.walls),
    )
    ridden.data.qpos[:] = world.data.qpos
    ridden.data.qvel[:] = world.data.qvel
    ridden.data.qvel.reshape(-1, 6)[:, :3] -= world.plan.arena.belt_velocity
    return ridden


def _on_the_belt(ridden: World, plan: ScenePlan, assets: Mapping[int, Asset]) -> World:
    """Return a scene at rest in its belt's frame as it is in the world's: the same places, moving with the belt."""
    ids = [o.plan.instance_id for o in ridden.objects]
    poses = qpos_to_pose(ridden.data.qpos.reshape(-1, 7))
    placed = dict(zip(ids, poses, strict=True))
    world = build_world(plan, assets, T_world_object=placed, instances=ids, views=len(ridden.camera_ids) > 0)
    world.data.qpos[:] = ridden.data.qpos
    world.data.qvel[:] = ridden.data.qvel
    world.data.qvel.reshape(-1, 6)[:, :3] += plan.arena.belt_velocity
    world.data.time = ridden.data.time
    mujoco.mj_forward(world.model, world.data)
    return world


def _report(run: Settling, plan: ScenePlan, assets: Mapping[int, Asset]) -> SettledScene:
    world, spec = run.world, run.spec
    now = motion(world)
    penetration = deepest_penetration(world)
    if not run.reason and not penetration <= spec.max_penetration:
        told = f"objects overlap by {penetration * 1e3:.2g} mm at rest, more than {spec.max_penetration * 1e3:g} mm"
        run.refuse(Refusal.OVERLAP, told)
    if not run.reason and world.plan.arrangement.upon:
        lying, upon = standing(world)
        if lying < world.plan.arrangement.standing * upon:
            run.refuse(Refusal.FELL, f"{lying} of {upon} objects that were put upon others still lie on one")
    if plan.arena.is_moving:
        world = _on_the_belt(world, plan, assets)
    return SettledScene(
        world=world,
        T_world_object=qpos_to_pose(world.data.qpos.reshape(-1, 7)),
        velocity=now.velocity + plan.arena.belt_velocity,
        angular_velocity=now.angular_velocity,
        settled=not run.reason,
        refusal=run.refusal,
        reason=run.reason,
        settle_time=run.looks * run.period,
        max_speed=float(now.speed.max(initial=0.0)),
        max_angular_speed=float(now.angular_speed.max(initial=0.0)),
        max_penetration=penetration,
        removed=tuple(sorted(run.removed)),
        tunnelled=tuple(sorted(run.tunnelled)),
    )
