"""A pile: objects dropped one after the other into a box, which is taken away when they rest.

After the pile scenes of VGN (Breyer et al., CoRL 2020; `ClutterRemovalSim`): what is the same and what is not stands in
`docs/tasks.md`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graspgen.frames import Array, pose
from graspgen.recipe import Scene
from graspgen.scene.arena_fit import box_places
from graspgen.scene.arena_plan import ArenaPlan, GeomPlan
from graspgen.scene.arrange import Arrangement, Thing, point_between
from graspgen.scene.arrange_drop import fitting_turn
from graspgen.scene.drawing import number
from graspgen.scene.plan import ArrangementPlan

#: Thickness of the box's walls, m: what falls into it does not go through them.
WALL = 0.03


def pile(scene: Scene, arena: ArenaPlan, things: Sequence[Thing], rng: np.random.Generator) -> Arrangement:
    """Let objects go one after the other, `drop_height` above the support or what lies there: see `Arrange`.

    An arena with walls of its own needs no box.

    Raises:
        NoRoom: an object fits into the box in no orientation.
    """
    x, y, height = scene.pile.box
    area = (x / 2, y / 2)
    if arena.area is not None:
        area = (min(area[0], arena.area[0]), min(area[1], arena.area[1]))
    poses: list[Array | None] = []
    for thing in things:
        spread = number(scene.objects.spread, thing.rng)
        share = np.array([thing.rng.random(), thing.rng.random()])
        clearance = number(scene.objects.drop_height, thing.rng)
        R, between = fitting_turn(thing, spread, area)
        t = np.array([*point_between(*between, share), 0.0]) - R @ thing.asset.com
        t[2] = clearance - thing.asset.lowest_point(R)
        poses.append(pose(R, t))
    walls = () if arena.inside is not None else _walls(2 * area[0], 2 * area[1], height)
    return Arrangement(poses, ArrangementPlan(kind="pile", walls=walls, one_by_one=True, wait=scene.pile.wait))


def _walls(x: float, y: float, height: float) -> tuple[GeomPlan, ...]:
    return tuple(
        GeomPlan(
            name=name,
            kind="box",
            size=half,
            T_world_geom=((1.0, 0.0, 0.0, at[0]), (0.0, 1.0, 0.0, at[1]), (0.0, 0.0, 1.0, at[2]), (0.0, 0.0, 0.0, 1.0)),
        )
        for name, (half, at) in box_places(x, y, height, WALL, "box_").items()
    )
