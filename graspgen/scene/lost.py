"""What has left the arena, what has gone through it, and what nothing holds."""

from __future__ import annotations

from collections.abc import Collection

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array
from graspgen.scene.arena import GROUP_ARENA
from graspgen.scene.world import World


def lost(world: World, com: Array, fallen: float) -> NDArray[np.bool_]:
    """Mask of the objects that are no longer in the arena.

    Args:
        world: the scene.
        com: (n, 3) centres of mass, m.
        fallen: how far below the support a centre of mass must be, m.
    """
    gone = com[:, 2] < -fallen
    inside = world.plan.arena.inside
    if inside is not None:
        x, y = com[:, 0], com[:, 1]
        gone |= (x < inside[0]) | (y < inside[1]) | (x > inside[2]) | (y > inside[3])
    return gone


def went_through(world: World, before: Array, after: Array) -> bool:
    """Whether an object that has just been lost went through something solid, and did not go over an edge.

    It did where something of the arena lies between its centre of mass at the last look and now, or straight above it.

    Args:
        world: the scene as it is.
        before, after: (3,) centre of mass at the last look and now, m.
    """
    way = after - before
    length = float(np.linalg.norm(way))
    if length > 0 and 0 <= _ray(world, before, way / length) <= length:
        return True
    return _ray(world, after, np.array([0.0, 0.0, 1.0])) >= 0 and after[2] < world.plan.arena.rim


def _ray(world: World, start: Array, direction: Array) -> float:
    """Return the distance to the first thing of the arena that collides, m; negative for none."""
    groups = np.zeros(6, np.uint8)
    groups[[GROUP_ARENA]] = 1
    geom = np.zeros(1, np.int32)
    point, travelled = start.astype(float), 0.0
    solid = set(world.support_geoms.tolist())
    for _ in range(len(world.plan.arena.geoms) + 1):
        distance = mujoco.mj_ray(world.model, world.data, point, direction, groups, 1, -1, geom)
        if distance < 0:
            return -1.0
        travelled += distance
        if int(geom[0]) in solid:
            return travelled
        point = point + direction * (distance + 1e-6)
    return -1.0


def unheld(world: World, ignore: Collection[int] = ()) -> list[int]:
    """Return the positions of the objects that no chain of contacts connects to the arena.

    Reads the contacts of `world.data`, which must be those of its coordinates.
    """
    contact = world.data.contact
    pairs = world.geom_instance[np.stack([contact.geom1, contact.geom2], axis=1)] if len(contact.geom1) else []
    neighbours: dict[int, set[int]] = {}
    for a, b in np.asarray(pairs, int).reshape(-1, 2).tolist():
        neighbours.setdefault(a, set()).add(b)
        neighbours.setdefault(b, set()).add(a)
    held, edge = {0}, [0]
    while edge:
        for other in neighbours.get(edge.pop(), ()):
            if other not in held:
                held.add(other)
                edge.append(other)
    return [
        i for i, o in enumerate(world.objects) if o.plan.instance_id not in held and o.plan.instance_id not in ignore
    ]


def standing(world: World) -> tuple[int, int]:
    """Return how many of the objects that were put upon others lie on another object, and how many there are.

    Lying on it means a contact with another object below the own centre of mass.
    """
    upon = [above for above, _ in world.plan.arrangement.upon]
    com = {o.plan.instance_id: world.data.xipos[b, 2] for o, b in zip(world.objects, world.body_ids, strict=True)}
    lying = set()
    for c in world.data.contact:
        a, b = (int(world.geom_instance[g]) for g in (c.geom1, c.geom2))
        if a and b:
            lying |= {i for i in (a, b) if c.pos[2] < com[i]}
    return sum(i in lying for i in upon), len(upon)
