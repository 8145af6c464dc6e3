"""What edge cases are measured by, from the rows of scenes alone, and which rows are one by its definition.

`graspgen.recipe.quotas.MEASURES` says what each number means.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array
from graspgen.recipe.quotas import EdgeCase

Tables = Mapping[str, Mapping[str, NDArray[Any]]]
#: Vertices (n, 3), m, and faces (m, 3) of an asset by its key, in its own frame and size.
MeshOf = Callable[[int], tuple[Array, NDArray[Any]]]
#: The colour image (H, W, 3) of row i of `views`.
ColourOf = Callable[[int], NDArray[np.uint8]]

#: What an edge case is of, and its table.
TABLE_OF = {"view": "views", "object": "objects", "grasp": "grasps"}
_REC709 = np.array([0.2126, 0.7152, 0.0722])
_BURNT = 250
#: A turn that moves a surface by less than this, as a share of its box's diagonal, maps it to itself.
SYMMETRIC = 0.003
#: Points of a surface that are turned.
_POINTS = 300
#: Asymmetries by the digest of their mesh: objects come again and again.
_KNOWN: dict[bytes, float] = {}


def measured(name: str, of: str, tables: Tables, colour: ColourOf, mesh: MeshOf) -> Array:
    """Return a measure of all rows of a table, NaN where it does not apply.

    Args:
        name: of the measure.
        of: "view", "object" or "grasp".
        tables: of one scene or of several, by name.
        colour: gives the image of a row of `views`.
        mesh: gives the mesh of an asset.
    """
    if of == "view":
        return _of_views(name, tables, colour)
    if of == "object":
        return _of_objects(name, tables, mesh)
    return _of_grasps(name, tables)


def edge_case_bits(
    cases: Mapping[str, EdgeCase], bits: Mapping[str, int], tables: Tables, colour: ColourOf, mesh: MeshOf
) -> dict[str, NDArray[np.uint32]]:
    """Return the column `edge_cases` of the tables `views`, `objects` and `grasps`.

    Args:
        cases: definitions by name.
        bits: the bit of each.
        tables, colour, mesh: as `measured`.
    """
    found = {table: np.zeros(len(tables[table]["id"]), np.uint32) for table in TABLE_OF.values()}
    for name, case in cases.items():
        rows = np.ones(len(found[TABLE_OF[case.of]]), bool)
        for measure, (low, high) in case.where.items():
            value = measured(measure, case.of, tables, colour, mesh)
            rows &= ~np.isnan(value)
            rows &= (value >= (-np.inf if low is None else low)) & (value < (np.inf if high is None else high))
        found[TABLE_OF[case.of]][rows] |= np.uint32(1 << bits[name])
    return found


def _of_views(name: str, tables: Tables, colour: ColourOf) -> Array:
    views, a = tables["views"], tables["annotations"]
    n = len(views["id"])
    if name == "luminance":
        return np.array([float(np.median(colour(i) @ _REC709)) / 255 for i in range(n)])
    if name == "saturated":
        return np.array([float((colour(i).min(axis=-1) >= _BURNT).mean()) for i in range(n)])
    column = {
        "nearest": "centre_depth", "least_visible": "visible_in_frame", "least_in_frame": "in_frame",
        "fewest_pixels": "pixels_visible",
    }[name]  # fmt: skip
    seen = a["pixels_visible"] > 0
    row = np.searchsorted(views["id"], a["view"][seen])
    least = np.full(n, np.inf)
    np.minimum.at(least, row, a[column][seen].astype(float))
    return np.where(np.isfinite(least), least, np.nan)


def _of_objects(name: str, tables: Tables, mesh: MeshOf) -> Array:
    objects, assets = tables["objects"], tables["assets"]
    at = np.searchsorted(assets["id"], objects["asset"])
    if name in ("smallest_side", "largest_side"):
        sides = assets["extents"][at] * objects["scale"]
        return sides.min(axis=1) if name == "smallest_side" else sides.max(axis=1)
    if name == "asymmetry":
        known = {key: asymmetry(*mesh(key)) for key in np.unique(objects["asset"]).tolist()}
        return np.array([known[key] for key in objects["asset"].tolist()], float)
    plans = dict(zip(tables["scenes"]["index"].tolist(), tables["scenes"]["plan"], strict=True))
    walls = {scene: _walls(str(plan)) for scene, plan in plans.items()}
    found = np.full(len(objects["id"]), np.nan)
    for i, (scene, asset) in enumerate(zip(objects["scene"].tolist(), objects["asset"].tolist(), strict=True)):
        inside = walls[scene]
        if inside is None:
            continue
        T, vertices = objects["T_world_object"][i], mesh(asset)[0] * objects["scale"][i]
        x, y = (vertices @ T[:3, :3].T + T[:3, 3])[:, :2].T
        x0, y0, x1, y1 = inside
        found[i] = max(min(x.min() - x0, y.min() - y0, x1 - x.max(), y1 - y.max()), 0.0)
    return found


def _walls(plan: str) -> Sequence[float] | None:
    """Return smallest x and y, largest x and y between the walls of a bin or tray, m; None in another arena."""
    arena = json.loads(plan).get("arena", {})
    return arena.get("inside") if arena.get("name") in ("bin", "tray") else None


def _of_grasps(name: str, tables: Tables) -> Array:
    grasps, trials = tables["grasps"], tables["trials"]
    if name == "success_rate":
        repeated = np.isin(grasps["id"], trials["grasp"][(trials["draw"] > 0) & (trials["kind"] == 0)])
        return np.where(repeated, grasps["success_rate"].astype(float), np.nan)
    at = np.searchsorted(tables["objects"]["id"], grasps["object"])
    least = grasps["min_friction"].astype(float)
    return tables["objects"]["friction"][at, 0] / np.where(least > 0, least, np.nan)


def asymmetry(vertices: Array, faces: NDArray[Any]) -> float:
    """Return how far a quarter or half turn about an axis of its box moves a surface, at least but not nothing.

    Args:
        vertices: (n, 3), m.
        faces: (m, 3).

    Returns:
        The smallest mean distance from the turned surface to the surface, as a share of the box's diagonal, of all
        turns that do not map it to itself (`SYMMETRIC`); NaN where all do.
    """
    digest = hashlib.sha256(np.ascontiguousarray(vertices, float)).digest()
    digest += hashlib.sha256(np.ascontiguousarray(faces, np.int64)).digest()
    if digest not in _KNOWN:
        _KNOWN[digest] = _asymmetry(np.asarray(vertices, float), np.asarray(faces, np.int32))
    return _KNOWN[digest]


def _asymmetry(vertices: Array, faces: NDArray[np.int32]) -> float:
    from graspgen.objects.surface_distance import Surface, sample_surface  # scipy; few edge cases need it

    low, high = vertices.min(axis=0), vertices.max(axis=0)
    diagonal = float(np.linalg.norm(high - low))
    centred = vertices - (low + high) / 2
    points = sample_surface(centred, faces, diagonal / 40)[0]
    points = points[:: max(1, len(points) // _POINTS)]
    surface = Surface(centred, faces)
    found = []
    for axis in range(3):
        for quarters in (1, 2):
            found.append(float(surface.distance(_turned(points, axis, quarters)).mean()) / diagonal)
    return min((value for value in found if value >= SYMMETRIC), default=np.nan)


def _turned(points: Array, axis: int, quarters: int) -> Array:
    a, b = (axis + 1) % 3, (axis + 2) % 3
    turned = points.copy()
    for _ in range(quarters):
        turned[:, a], turned[:, b] = -turned[:, b], turned[:, a].copy()
    return turned
