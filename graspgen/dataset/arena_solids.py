"""The drawn geoms of a stored plan's arena, as meshes: what a view shows besides the objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.layout import arena_mesh
from graspgen.frames import Array, transform_points
from graspgen.primitive_mesh import primitive_mesh

if TYPE_CHECKING:
    from graspgen.dataset.checked import Meshes

#: Geom i of the arena shows `ARENA - i`.
ARENA = -10


@dataclass(frozen=True, eq=False)
class Solid:
    """A mesh of a scene in the world's frame, and the id that it is seen as: below 0 for what is background."""

    vertices: Array
    faces: NDArray[np.int64]
    shows: int


def plan_arena(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the geoms of a plan's arena.

    Raises:
        KeyError: the plan has none.
    """
    return list(plan["arena"]["geoms"])


def arena_solids(plan: Mapping[str, Any], meshes: Meshes) -> list[Solid]:
    """Return the drawn geoms of a plan's arena.

    Raises:
        KeyError, TypeError, ValueError: the plan has no arena or a damaged one.
        DatasetError: a mesh of a cell is missing or damaged.
    """
    solids = []
    for i, geom in enumerate(plan_arena(plan)):
        if not geom["drawn"]:
            continue
        if geom["kind"] == "mesh":
            vertices, faces = meshes.read(arena_mesh(geom["mesh"]))
        else:
            vertices, faces = primitive_mesh(geom["kind"], np.array(geom["size"], float))
        T = np.array(geom["T_world_geom"], float).reshape(4, 4)
        solids.append(Solid(transform_points(T, vertices), faces, ARENA - i))
    return solids


def hidden_geoms(plan: Mapping[str, Any], number: int) -> set[int]:
    """Return what view `number` does not show of the arena, because of its background, as `Solid.shows`."""
    views = plan.get("views", [])
    kind = views[number].get("background", {}).get("kind", "plane") if number < len(views) else "plane"
    hidden = {"plane": {"wall"}, "room": set(), "image": {"wall", "background"}}.get(kind)
    return {ARENA - i for i, g in enumerate(plan_arena(plan)) if hidden is None or g.get("surface") in hidden}
