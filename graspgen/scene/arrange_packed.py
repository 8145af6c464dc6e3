"""Objects that stand upright, side by side: each where its outline seen from above is apart from all others.

After the packed scenes of VGN (Breyer et al., CoRL 2020; `ClutterRemovalSim`): what is the same and what is not stands
in `docs/tasks.md`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from graspgen.frames import Array, pose
from graspgen.recipe import Scene
from graspgen.scene.arena_plan import ArenaPlan
from graspgen.scene.arrange import (
    Arrangement,
    NoRoom,
    Thing,
    apart,
    footprint,
    height_span,
    limits,
    misfit,
    point_between,
    turned,
    upright,
)
from graspgen.scene.drawing import number
from graspgen.scene.plan import ArrangementPlan


def packed(scene: Scene, arena: ArenaPlan, things: Sequence[Thing], rng: np.random.Generator) -> Arrangement:
    """Stand objects on the support: see `Arrange`.

    The centre of mass is uniform in the square, the turn about the vertical uniform; a place where the outline would
    come nearer than the gap to another's is drawn again, up to `tries` times.

    Raises:
        NoRoom: an object finds no room and none may be left out, or none finds any.
    """
    spec = scene.packed
    taken: list[Array] = []
    poses: list[Array | None] = []
    for thing in things:
        found = _place(scene, arena, thing, taken)
        poses.append(found)
        if found is None and not spec.leave_out:
            raise NoRoom(f"{len(taken)} of {len(things)} objects fit side by side; take fewer, or a larger spread")
    if not taken:
        raise NoRoom(misfit(things[0].asset, arena.area) if things else "the scene holds no object")
    return Arrangement(poses, ArrangementPlan(kind="packed", left_out=sum(p is None for p in poses)))


def _place(scene: Scene, arena: ArenaPlan, thing: Thing, taken: list[Array]) -> Array | None:
    """Find room for an object, add its outline to those that are taken, and return its pose; None without room."""
    spec, asset = scene.packed, thing.asset
    spread = number(scene.objects.spread, thing.rng)
    low, high = height_span(asset)
    if arena.headroom is not None and high - low + spec.gap > arena.headroom - spec.gap:
        return None
    outline = footprint(asset)
    for _ in range(spec.tries):
        yaw, *share = (2 * math.pi * thing.rng.random(), thing.rng.random(), thing.rng.random())
        own = turned(outline, yaw)
        between = limits(own.min(axis=0), own.max(axis=0), spread, arena.area)
        if between is None:
            continue
        centre = point_between(*between, np.array(share))
        if all(apart(own + centre, other, spec.gap) for other in taken):
            taken.append(own + centre)
            R = upright(yaw)
            t = np.array([*centre, 0.0]) - R @ asset.com
            t[2] = spec.gap - low
            return pose(R, t)
    return None
