"""The walls of a room around the arena, for views whose background is one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graspgen.scene.arena_plan import ArenaPlan, GeomPlan
from graspgen.scene.drawing import matrix4
from graspgen.scene.plan import ViewPlan

#: Height of the walls above the floor, m.
HEIGHT = 3.0
#: Walls keep this far from cameras and lights, m.
_MARGIN = 0.5


def with_room(arena: ArenaPlan, views: Sequence[ViewPlan]) -> ArenaPlan:
    """Return the arena with four walls around it where a view asks for a room; they are only drawn, from inside."""
    rooms = [view.background.wall_distance for view in views if view.background.kind == "room"]
    if not rooms:
        return arena
    inside = [np.array(v.T_world_camera)[:2, 3] for v in views]
    inside += [np.array(light.position[:2]) for v in views for light in v.lights]
    distance = max(*rooms, max(float(np.abs(p).max()) for p in inside) + _MARGIN)
    floor = min((g.T_world_geom[2][3] for g in arena.geoms if g.kind == "plane"), default=0.0)
    walls = []
    for k, (x, y) in enumerate(((1, 0), (0, 1), (-1, 0), (0, -1))):
        T = np.eye(4)
        # The plane's normal towards the table, its x axis level, its y axis up.
        T[:3, :3] = [[y, 0, -x], [-x, 0, -y], [0, 1, 0]]
        T[:3, 3] = [distance * x, distance * y, floor + HEIGHT / 2]
        size = (distance, HEIGHT / 2, 0.1)
        walls.append(
            GeomPlan(name=f"room_{k}", kind="plane", size=size, T_world_geom=matrix4(T), collides=False, surface="wall")
        )
    return arena.model_copy(update={"geoms": (*arena.geoms, *walls)})
