"""What all arrangements share: the objects to put somewhere, where there is room, and what an arrangement is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull

from graspgen.errors import SceneError
from graspgen.frames import Array, axis_angle, transform_points
from graspgen.objects.asset import Asset
from graspgen.recipe import Scene
from graspgen.scene.arena_plan import ArenaPlan
from graspgen.scene.plan import ArrangementPlan

#: Objects are put at least this far from walls, m.
WALL_GAP = 0.002


class NoRoom(SceneError):
    """An object does not fit into what is left of the arena: the scene is refused and drawn again."""


@dataclass(frozen=True, eq=False)
class Thing:
    """An object to put into the arena.

    Attributes:
        asset: at its scale.
        rng: its stream of the arrangement, behind the draws of what it is.
    """

    asset: Asset
    rng: np.random.Generator


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Where objects are let go.

    Attributes:
        poses: the (4, 4) pose of each asset's frame, None for one that is left out.
        plan: what else was decided; `upon` names positions in `poses` here, from 0.
    """

    poses: list[Array | None]
    plan: ArrangementPlan


#: (scene of the recipe, arena, objects, stream of the whole arrangement) → arrangement
Arrange = Callable[[Scene, ArenaPlan, Sequence[Thing], np.random.Generator], Arrangement]


def limits(low: Array, high: Array, spread: float, area: tuple[float, float] | None) -> tuple[Array, Array] | None:
    """Return where the reference point of an object may be, so that it is within `spread` and the object in `area`.

    Args:
        low, high: (2,) the object's smallest and largest x and y from its reference point, m.
        spread: half-side of the square for reference points, m.
        area: half-sides of the area for whole objects, m.

    Returns:
        (2,) smallest and largest x and y, or None where the object does not fit.
    """
    if area is None:
        return np.full(2, -spread), np.full(2, spread)
    half = np.array(area) - WALL_GAP
    first, last = np.maximum(-half - low, -spread), np.minimum(half - high, spread)
    # What fits, but only beyond the spread, is put as near to the middle as it can be.
    inner = np.minimum(np.maximum(first, -half - low), half - high)
    if (half - high < -half - low).any():
        return None
    return np.where(first <= last, first, inner), np.where(first <= last, last, inner)


def point_between(first: Array, last: Array, share: Array) -> Array:
    """Return the (2,) point of a rectangle that lies at `share`, 0…1 each, between two of its corners."""
    return (first + last) / 2 + (last - first) / 2 * (2 * share - 1)


def misfit(asset: Asset, area: tuple[float, float] | None) -> str:
    """Say that an object is too large for an area."""
    size = " x ".join(f"{1000 * s:.0f}" for s in asset.extents)
    room = "" if area is None else f", {2000 * area[0]:.0f} x {2000 * area[1]:.0f} mm"
    return f"{asset.name} ({size} mm) does not fit into the arena{room}"


def upright(yaw: float) -> Array:
    """Return the (3, 3) rotation of an object that stands as its frame does, turned by `yaw`, rad."""
    return axis_angle(np.array([0.0, 0.0, 1.0]), yaw)


def footprint(asset: Asset) -> Array:
    """Return the (k, 2) corners, in order, of an object's outline seen from above, from its centre of mass, m."""
    points = (asset.mesh.vertices - asset.com)[:, :2]
    return points[ConvexHull(points).vertices]


def turned(outline: Array, yaw: float) -> Array:
    """Turn a (k, 2) outline by `yaw`, rad."""
    c, s = np.cos(yaw), np.sin(yaw)
    return outline @ np.array([[c, s], [-s, c]])


def apart(a: Array, b: Array, gap: float) -> bool:
    """Whether a line along an edge of one of two convex outlines, (k, 2), keeps them at least `gap` apart, m."""
    for one, other in ((a, b), (b, a)):
        edges = np.roll(one, -1, axis=0) - one
        normals = np.stack([edges[:, 1], -edges[:, 0]], axis=1)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        ends = (one * normals).sum(axis=1)
        if ((normals @ other.T).min(axis=1) >= ends + gap).any():
            return True
    return False


def height_span(asset: Asset) -> tuple[float, float]:
    """Return the lowest and the highest z of an upright object from its frame's origin, m."""
    z = transform_points(np.eye(4), asset.mesh.vertices)[:, 2]
    return float(z.min()), float(z.max())
