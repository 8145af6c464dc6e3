"""Let the objects of a scene go one after the other."""

from __future__ import annotations

import math

import numpy as np

from graspgen.frames import pose_to_qpos, qpos_to_pose, transform_points
from graspgen.scene.settling import Settling

#: Where objects wait, far from everything, and how far they are apart there, m.
_PARK, _ALONG, _PITCH = np.array([0.0, 0.0, 100.0]), np.array([1.0, 0.0, 0.0]), 5.0
#: Clearance above what lies where an object is let go, m.
_ABOVE = 0.01


def release_one_by_one(run: Settling, wait: float) -> None:
    """Let every object of a scene go when those before it rest, or after `wait` s.

    An object is let go where its plan says, or higher where something lies there already. Meanwhile the others wait far
    away. The last one is let go at the end: it is not waited for.
    """
    order = run.ids
    run.parked = set(order)
    looks = max(1, round(wait / run.period))
    needed = math.ceil(run.spec.rest_time / run.period - 1e-9)
    _hold(run)
    for instance in order:
        if instance not in run.ids:
            continue
        _let_go(run, instance)
        if not run.parked:
            return
        for _ in range(looks):
            run.look()
            if run.reason:
                return
            _hold(run)
            if run.calm_for >= needed * run.period - 1e-9:
                break


def _hold(run: Settling) -> None:
    """Put the objects that wait back where they wait."""
    qpos, qvel = run.world.data.qpos.reshape(-1, 7), run.world.data.qvel.reshape(-1, 6)
    for i, instance in enumerate(run.ids):
        if instance in run.parked:
            qpos[i, :3] = _PARK + _PITCH * instance * _ALONG
            qpos[i, 3:] = [1, 0, 0, 0]
            qvel[i] = 0


def _let_go(run: Settling, instance: int) -> None:
    world = run.world
    qpos, i = world.data.qpos.reshape(-1, 7), run.ids.index(instance)
    T = np.array(world.objects[i].plan.T_world_object_dropped)
    lowest = float(transform_points(T, world.objects[i].asset.mesh.vertices)[:, 2].min())
    there = [k for k, other in enumerate(run.ids) if other not in run.parked]
    highest = max(
        (
            float(transform_points(qpos_to_pose(qpos[k]), world.objects[k].asset.mesh.vertices)[:, 2].max())
            for k in there
        ),
        default=-np.inf,
    )
    T[2, 3] += max(0.0, highest + _ABOVE - lowest)
    qpos[i] = pose_to_qpos(T)
    world.data.qvel.reshape(-1, 6)[i] = 0
    run.parked.discard(instance)
    run.start_anew()
