"""Objects dropped all at once: each as low as it can be above the support and above the earlier ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from graspgen.frames import Array, pose, random_rotation, transform_points
from graspgen.recipe import Scene
from graspgen.scene.arena_plan import ArenaPlan
from graspgen.scene.arrange import Arrangement, NoRoom, Thing, limits, misfit, point_between
from graspgen.scene.drawing import number
from graspgen.scene.plan import ArrangementPlan

#: How often the orientation of an object that does not fit between walls is drawn again.
TURNS = 20


def _directions() -> Array:
    azimuth = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    rings = [
        np.stack(
            [
                math.cos(e) * np.cos(azimuth),
                math.cos(e) * np.sin(azimuth),
                0 * azimuth + math.sin(e),
            ],
            1,
        )
        for e in np.radians([0.0, 20.0, 40.0, 60.0])
    ]
    return np.concatenate([*rings, [[0.0, 0.0, 1.0]]])


#: (d, 3) unit directions along which dropped objects are kept apart: level, slanted, and up (last).
_DIRECTIONS = _directions()
_LEVEL = _DIRECTIONS[:, 2] == 0


def drop(scene: Scene, arena: ArenaPlan, things: Sequence[Thing], rng: np.random.Generator) -> Arrangement:
    """Let every object go above the support: see `Arrange`.

    The centre of mass is uniform in the square, the orientation uniform. The object is as low as it can be over the
    support and over every earlier object, plus the drop height: no two overlap, and none falls much further than it
    must. Between walls, an orientation in which it does not fit is drawn again.

    Raises:
        NoRoom: an object fits between the walls in no orientation, or not under what is above.
    """
    released: list[Array] = []
    poses: list[Array | None] = []
    for thing in things:
        T, rise, high = _drop(scene, arena, thing, released)
        if arena.headroom is not None and high[-1] + rise > arena.headroom:
            raise NoRoom(f"the objects are higher than the free {arena.headroom:.2g} m; drop fewer, or pack them")
        released.append(high + rise * _DIRECTIONS[:, 2])
        poses.append(T)
    return Arrangement(poses, ArrangementPlan())


def _drop(scene: Scene, arena: ArenaPlan, thing: Thing, released: list[Array]) -> tuple[Array, float, Array]:
    """Return an object's pose, how far it was raised, and its (d,) extent before that."""
    rng, asset = thing.rng, thing.asset
    spread = number(scene.objects.spread, rng)
    share = np.array([rng.random(), rng.random()])
    clearance = number(scene.objects.drop_height, rng)
    R, between = fitting_turn(thing, spread, arena.area)
    t = np.array([*point_between(*between, share), 0.0]) - R @ asset.com
    along = transform_points(pose(R, t), asset.mesh.vertices) @ _DIRECTIONS.T
    low, high = along.min(axis=0), along.max(axis=0)
    rise = max([-low[-1], *(_rise(low, below) for below in released)]) + clearance
    t[2] += rise
    return pose(R, t), rise, high


def fitting_turn(thing: Thing, spread: float, area: tuple[float, float] | None) -> tuple[Array, tuple[Array, Array]]:
    """Draw a uniform rotation with which an object fits into the area, and return it and where its centre may be.

    Raises:
        NoRoom: none of `TURNS` rotations does.
    """
    for _ in range(TURNS):
        R = random_rotation(thing.rng)
        if area is None:
            return R, (np.full(2, -spread), np.full(2, spread))
        around = ((thing.asset.mesh.vertices - thing.asset.com) @ R.T)[:, :2]
        between = limits(around.min(axis=0), around.max(axis=0), spread, area)
        if between is not None:
            return R, between
    raise NoRoom(misfit(thing.asset, area))


def _rise(low: Array, below: Array) -> float:
    """Return how far up an object must go to clear another one by a plane across a direction.

    Args:
        low: (d,) smallest coordinates of the object along `_DIRECTIONS`, m.
        below: (d,) largest coordinates of the other, m.
    """
    if (low >= below)[_LEVEL].any():
        return -math.inf
    return float(((below - low)[~_LEVEL] / _DIRECTIONS[~_LEVEL, 2]).min())
