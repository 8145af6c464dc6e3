"""Convex parts of things that are bent, round a hole, or lofted through sections."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import manifold3d
import numpy as np
from numpy.typing import ArrayLike

from graspgen.frames import Array
from graspgen.objects.asset import Part, float32_exact
from graspgen.objects.parameter import require
from graspgen.objects.shapes import Profile, part_mesh, to_manifold


def convex(*points: ArrayLike) -> Part:
    """Return the hull of all the given (n, 3) points, m."""
    return Part("hull", vertices=np.concatenate([np.reshape(np.asarray(p, float), (-1, 3)) for p in points]))


def extrude(outline: ArrayLike, z_low: float, z_high: float) -> Part:
    """Return the prism over the convex (n, 2) outline, m."""
    outline = np.asarray(outline, float)
    return convex(*(np.column_stack([outline, np.full(len(outline), z)]) for z in (z_low, z_high)))


def spun(rows: Profile, facets: int = 48) -> Part:
    """Return the hull of circles about z, m: a round solid whose (r, z) profile is convex."""
    return convex(*(circle(r, z, facets) for r, z in rows))


def circle(radius: float, z: float, n: int, phase: float = 0.5) -> Array:
    """Return (n, 3) points around z; `phase` is that of the first, in steps."""
    angle = (np.arange(n) + phase) * (2 * math.pi / n)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), np.full(n, z)])


def loft(sections: ArrayLike, stride: int = 1) -> list[Part]:
    """Return the hulls of every `stride` + 1 consecutive (k, 3) sections, which share their end sections.

    With a stride of 2 and more the outside of a bend follows all sections, while the inside of the bend is cut
    straight.
    """
    sections = np.asarray(sections, float)
    return [convex(*sections[i : i + stride + 1]) for i in range(0, len(sections) - 1, stride)]


def oval(centre: Sequence[float], half_y: float, half_z: float, n: int = 12) -> Array:
    """Return (n, 3) points of an ellipse across x, m."""
    angle = (np.arange(n) + 0.5) * (2 * math.pi / n)
    x, y, z = centre
    return np.column_stack([np.full(n, x), y + half_y * np.cos(angle), z + half_z * np.sin(angle)])


def ring(outer: ArrayLike, hole: ArrayLike, z_low: float, z_high: float) -> tuple[list[Part], manifold3d.Manifold]:
    """Cut a plate with a hole into convex parts, and return the same solid as plate less hole.

    Neighbours overlap a little, so that nothing catches at a seam and no face is left inside.

    Args:
        outer: (k·n, 2) outline of the plate, convex, counter-clockwise, m.
        hole: (n, 2) outline of the hole, convex; part i lies between its corners i and i + 1 and between the outer
            corners k·i and k·(i + 1).
        z_low, z_high: of the plate, m.
    """
    outer, hole = float32_exact(outer), float32_exact(hole)
    require(
        np.linalg.norm(hole - hole.mean(axis=0), axis=1).max()
        < np.linalg.norm(outer - hole.mean(axis=0), axis=1).min(),
        "the hole is as large as what it is in",
    )
    n, arcs = len(hole), len(outer) // len(hole)
    overlap = 0.12  # share of an edge by which a part reaches into its neighbour
    parts = []
    for i in range(n):
        rim = outer[np.arange(arcs * i - 1, arcs * (i + 1) + 2) % len(outer)]
        rim[0] += (1 - overlap) * (rim[1] - rim[0])
        rim[-1] += (1 - overlap) * (rim[-2] - rim[-1])
        chord = hole[[i, (i + 1) % n]]
        reach = (chord[1] - chord[0]) * overlap / arcs
        parts.append(extrude(np.concatenate([rim, chord + np.stack([-reach, reach])]), z_low, z_high))
    plate = to_manifold(*part_mesh(extrude(outer, z_low, z_high)))
    return parts, plate - to_manifold(*part_mesh(extrude(hole, z_low - 0.01, z_high + 0.01)))


def tube(
    outer: float, inner: float, z_low: float, z_high: float, sectors: int, arcs: int, centre: Sequence[float] = (0, 0)
) -> tuple[list[Part], manifold3d.Manifold]:
    """Return the parts of a round ring and its solid: its outside has `sectors * arcs` facets, its hole `sectors`."""
    rim, hole = circle(outer, 0.0, sectors * arcs, 0)[:, :2], circle(inner, 0.0, sectors, 0)[:, :2]
    return ring(rim + centre, hole + centre, z_low, z_high)


def torus(radius: float, thick: float, sectors: int = 16, arcs: int = 3, n: int = 16) -> list[Part]:
    """Return a torus about z: `radius` of the circle through the middle of its tube, `thick` of the tube, m."""
    require(thick < radius, "the tube is thicker than the ring is wide")
    angle = np.arange(n) * (2 * math.pi / n)
    r, z = radius + thick * np.cos(angle), thick * np.sin(angle)
    at = np.arange(sectors * arcs + 1) % (sectors * arcs) * (2 * math.pi / (sectors * arcs))
    sections = np.stack([np.column_stack([r * math.cos(a), r * math.sin(a), z]) for a in at])
    return loft(sections, arcs)


def stack(rows: Profile, facets: int = 48) -> list[Part]:
    """Return a solid of revolution about z as truncated cones that share their discs, one a pair of (r, z) rows."""
    return [spun(pair, facets) for pair in itertools.pairwise(rows)]


def moved(part: Part, scale: ArrayLike = (1, 1, 1), shift: ArrayLike = (0, 0, 0)) -> Part:
    """Return a hull, stretched along the axes about the origin and then shifted."""
    return Part("hull", vertices=part.vertices * np.asarray(scale, float) + np.asarray(shift, float))
