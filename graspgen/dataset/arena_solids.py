"""The drawn geoms of a stored plan's arena, as meshes: what a view shows besides the objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.layout import arena_mesh
from graspgen.frames import Array, transform_points

if TYPE_CHECKING:
    from graspgen.dataset.checked import Meshes

#: Geom i of the arena shows `ARENA - i`.
ARENA = -10
#: Sides of a round geom: finer than a pixel of a view that shows all of it, and as MuJoCo draws it.
_SECTIONS = 96


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
            vertices, faces = _primitive(geom["kind"], np.array(geom["size"], float))
        T = np.array(geom["T_world_geom"], float).reshape(4, 4)
        solids.append(Solid(transform_points(T, vertices), faces, ARENA - i))
    return solids


def hidden_geoms(plan: Mapping[str, Any], number: int) -> set[int]:
    """Return what view `number` does not show of the arena, because of its background, as `Solid.shows`."""
    views = plan.get("views", [])
    kind = views[number].get("background", {}).get("kind", "plane") if number < len(views) else "plane"
    hidden = {"plane": {"wall"}, "room": set(), "image": {"wall", "background"}}.get(kind)
    return {ARENA - i for i, g in enumerate(plan_arena(plan)) if hidden is None or g.get("surface") in hidden}


def _primitive(kind: str, size: Array) -> tuple[Array, NDArray[np.int64]]:
    import trimesh  # heavy, and only check needs it

    match kind:
        case "plane":
            x, y = size[:2]
            return np.array([[-x, -y, 0], [x, -y, 0], [x, y, 0], [-x, y, 0.0]]), np.array([[0, 1, 2], [0, 2, 3]])
        case "box":
            mesh = trimesh.creation.box(2 * size)
        case "sphere":
            mesh = trimesh.creation.uv_sphere(size[0], count=[_SECTIONS, _SECTIONS])
        case "ellipsoid":
            mesh = trimesh.creation.uv_sphere(1.0, count=[_SECTIONS, _SECTIONS])
            mesh.apply_transform(np.diag([*size, 1.0]))
        case "cylinder":
            mesh = trimesh.creation.cylinder(size[0], 2 * size[1], sections=_SECTIONS)
        case "capsule":
            mesh = trimesh.creation.capsule(2 * size[1], size[0], count=[_SECTIONS, _SECTIONS])
        case _:
            raise ValueError(f"unknown kind of geom '{kind}'")
    return np.asarray(mesh.vertices, float), np.asarray(mesh.faces, np.int64)
