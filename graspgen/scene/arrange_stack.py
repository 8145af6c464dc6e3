"""Towers: objects put upon each other, the widest at the bottom."""

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

#: How often the place of a tower is drawn before the scene is refused.
TRIES = 50


def stack(scene: Scene, arena: ArenaPlan, things: Sequence[Thing], rng: np.random.Generator) -> Arrangement:
    """Build towers of consecutive objects: see `Arrange`. All stand upright, turned uniformly about the vertical.

    Raises:
        NoRoom: a tower finds no place, or is higher than what is above allows.
    """
    poses: list[Array | None] = [None] * len(things)
    upon: list[tuple[int, int]] = []
    taken: list[Array] = []
    start = 0
    while start < len(things):
        height = int(number(scene.stack.height, rng))
        members = list(range(start, min(start + height, len(things))))
        outlines = {i: footprint(things[i].asset) for i in members}
        members.sort(key=lambda i: -_area(outlines[i]))
        base = members[0]
        yaw = 2 * math.pi * things[base].rng.random()
        own = turned(outlines[base], yaw)
        centre = _free(scene, arena, things[base], own, taken)
        taken.append(own + centre)
        top = 0.0
        for below, i in zip([None, *members], members, strict=False):
            thing = things[i]
            direction, far = 2 * math.pi * thing.rng.random(), number(scene.stack.offset, thing.rng)
            if below is not None:
                yaw = 2 * math.pi * thing.rng.random()
                centre = centre + far * _radius(outlines[i]) * np.array([math.cos(direction), math.sin(direction)])
                upon.append((i, below))
            low, high = height_span(thing.asset)
            R = upright(yaw)
            t = np.array([*centre, 0.0]) - R @ thing.asset.com
            t[2] = top + scene.stack.gap - low
            poses[i] = pose(R, t)
            top += scene.stack.gap + high - low
        if arena.headroom is not None and top > arena.headroom:
            raise NoRoom(f"a tower of {len(members)} objects is higher than the free {arena.headroom:.2g} m")
        start += height
    return Arrangement(poses, ArrangementPlan(kind="stack", upon=tuple(upon), standing=scene.stack.standing))


def _free(scene: Scene, arena: ArenaPlan, thing: Thing, outline: Array, taken: list[Array]) -> Array:
    """Draw a (2,) place for a tower whose base has this outline, apart from the other towers."""
    spread = number(scene.objects.spread, thing.rng)
    between = limits(outline.min(axis=0), outline.max(axis=0), spread, arena.area)
    if between is None:
        raise NoRoom(misfit(thing.asset, arena.area))
    for _ in range(TRIES):
        share = np.array([thing.rng.random(), thing.rng.random()])
        centre = point_between(*between, share)
        if all(apart(outline + centre, other, scene.packed.gap) for other in taken):
            return centre
    raise NoRoom(f"tower {len(taken) + 1} finds no place; take fewer objects, higher towers, or a larger spread")


def _area(outline: Array) -> float:
    x, y = outline.T
    return 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))


def _radius(outline: Array) -> float:
    """Return how far an outline reaches from the centre of mass where it reaches least, m."""
    edges = np.roll(outline, -1, axis=0) - outline
    normals = np.stack([edges[:, 1], -edges[:, 0]], axis=1) / np.linalg.norm(edges, axis=1, keepdims=True)
    return float(max(0.0, (outline * normals).sum(axis=1).min()))
