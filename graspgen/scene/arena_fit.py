"""Give the shipped arenas the sizes of a recipe: the MJCF says what there is, the recipe how large it is.

Each function returns where the geoms of `models/arenas/<name>.xml` are: half-sizes and centre, m. A geom that it does
not name is left out. With the sizes that stand in the MJCF, all are where the MJCF has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graspgen.scene.arena_file import shipped_arena
from graspgen.scene.arena_plan import ArenaPlan, GeomPlan
from graspgen.scene.plain import Vector

#: The drawn floor lies this far below the surface that objects are put on, m, or lower under a thick table.
FLOOR_DEPTH = 0.75

Places = Mapping[str, tuple[Vector, Vector]]


def fitted(name: str, places: Places, colour: Vector | None = None) -> tuple[GeomPlan, ...]:
    """Return the geoms of a shipped arena at their places; those with a colour of their own get `colour`."""
    geoms = []
    for geom in shipped_arena(name).geoms:
        if geom.name not in places:
            continue
        size, (x, y, z) = places[geom.name]
        new = {"T_world_geom": ((1.0, 0.0, 0.0, x), (0.0, 1.0, 0.0, y), (0.0, 0.0, 1.0, z), (0.0, 0.0, 0.0, 1.0))}
        if geom.kind != "plane":
            new["size"] = size
        if colour is not None and geom.surface == "own":
            new["colour"] = colour
        # Numbers as JSON gives them back.
        geoms.append(GeomPlan.model_validate({**geom.model_dump(), **new}))
    return tuple(geoms)


def table_places(size: Sequence[float]) -> Places:
    """Return a table of length, width, thickness, m, and the floor below it."""
    x, y, z = (float(s) / 2 for s in size)
    return {"table": ((x, y, z), (0.0, 0.0, -z)), "background": _floor(max(FLOOR_DEPTH, 4 * z))}


def table_arena(size: Sequence[float], friction: float) -> ArenaPlan:
    """Return the arena of a table of length, width, thickness, m, whose top is z = 0."""
    return ArenaPlan(name="table", friction=friction, geoms=fitted("table", table_places(size)))


def box_places(x: float, y: float, height: float, wall: float, prefix: str = "wall_") -> Places:
    """Return four walls about an inner length and width, on z = 0."""
    hx, hy, h, t = x / 2, y / 2, height / 2, wall / 2
    return {
        f"{prefix}front": ((t, hy + wall, h), (hx + t, 0.0, h)),
        f"{prefix}back": ((t, hy + wall, h), (-hx - t, 0.0, h)),
        f"{prefix}left": ((hx, t, h), (0.0, hy + t, h)),
        f"{prefix}right": ((hx, t, h), (0.0, -hy - t, h)),
    }


def bin_places(size: Sequence[float], depth: float, wall: float) -> Places:
    """Return a bin of inner length and width on a table; its floor is as thick as its walls."""
    x, y = size
    under = max(0.45, x / 2 + 0.1), max(0.35, y / 2 + 0.1), 0.02
    return {
        "floor": ((x / 2 + wall, y / 2 + wall, wall / 2), (0.0, 0.0, -wall / 2)),
        **box_places(x, y, depth, wall),
        "table": (under, (0.0, 0.0, -wall - under[2])),
        "background": _floor(),
    }


def tray_places(size: Sequence[float], depth: float, wall: float, pulled_out: float | None) -> Places:
    """Return a tray; with `pulled_out` a drawer, whose open part has the origin in its middle, and its cabinet."""
    x, y = size
    out = x if pulled_out is None else min(pulled_out, x)
    back = -(x - out) / 2  # where the middle of the tray is
    places = {
        "floor": ((x / 2 + wall, y / 2 + wall, wall / 2), (0.0, 0.0, -wall / 2)),
        **box_places(x, y, depth, wall),
        "table": ((max(0.45, x / 2 + 0.1), max(0.35, y / 2 + 0.1), 0.02), (0.0, 0.0, -wall - 0.02)),
        "background": _floor(),
    }
    places = {k: (half, (px + back * (k != "background"), py, pz)) for k, (half, (px, py, pz)) in places.items()}
    if pulled_out is not None:
        length, slit = x + 0.03 - out + 2 * wall, 0.005
        middle, top = -out / 2 - length / 2, depth + slit + 0.06
        side = y / 2 + wall + slit + wall
        del places["table"]  # a drawer hangs in its cabinet
        places["cabinet_top"] = ((length / 2, side + wall, wall), (middle, 0.0, top + wall))
        for name, sign in (("left", 1.0), ("right", -1.0)):
            half = (top + FLOOR_DEPTH / 2) / 2
            places[f"cabinet_{name}"] = ((length / 2, wall, half), (middle, sign * side, top - half))
    return places


def shelf_places(size: Sequence[float], clearance: float, board: float) -> Places:
    """Return a compartment of a shelf: its board has its top at z = 0, the next are `clearance` above and below."""
    x, y = size[0] / 2, size[1] / 2
    b, pitch = board / 2, clearance + board
    half = pitch + b
    return {
        "table": ((x, y, b), (0.0, 0.0, -b)),
        "board_above": ((x, y, b), (0.0, 0.0, clearance + b)),
        "board_below": ((x, y, b), (0.0, 0.0, -pitch - b)),
        "side_left": ((x, b, half), (0.0, y + b, -b)),
        "side_right": ((x, b, half), (0.0, -y - b, -b)),
        "back": ((0.005, y + board, half), (-x - 0.005, 0.0, -b)),
        "background": _floor(max(FLOOR_DEPTH, pitch + board + 0.1)),
    }


def conveyor_places(size: Sequence[float], rail: float) -> Places:
    """Return a belt along x with its top at z = 0, and rails of a height above it beside it."""
    x, y = size[0] / 2, size[1] / 2
    half = (rail + 0.04) / 2
    rails = {f"rail_{name}": ((x, 0.015, half), (0.0, sign * (y + 0.015), rail - half)) for name, sign in
             (("left", 1.0), ("right", -1.0))}  # fmt: skip
    return {"table": ((x, y, 0.02), (0.0, 0.0, -0.02)), **(rails if rail > 0 else {}), "background": _floor()}


def _floor(depth: float = FLOOR_DEPTH) -> tuple[Vector, Vector]:
    return (0.0, 0.0, 0.0), (0.0, 0.0, -depth)
