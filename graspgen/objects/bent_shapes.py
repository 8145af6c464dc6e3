"""Convex parts of things that are bent, round a hole, or lofted through sections."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from graspgen.frames import Array
from graspgen.objects.asset import Part
from graspgen.objects.shapes import Profile


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


def tube(
    outer: float, inner: float, z_low: float, z_high: float, sectors: int, arcs: int, centre: Sequence[float] = (0, 0)
) -> list[Part]:
    """Return a round ring with a rectangular section: its outside has `sectors * arcs` facets, its hole `sectors`."""
    step = 2 * math.pi / sectors
    parts = []
    for i in range(sectors):
        out, hole = (i + np.linspace(0, 1, arcs + 1)) * step, (i + np.array([0.0, 1.0])) * step
        outline = np.concatenate(
            [r * np.column_stack([np.cos(a), np.sin(a)]) for r, a in ((outer, out), (inner, hole))]
        )
        parts.append(extrude(outline + centre, z_low, z_high))
    return parts


def torus(radius: float, thick: float, sectors: int = 16, arcs: int = 3, n: int = 16) -> list[Part]:
    """Return a torus about z: `radius` of the circle through the middle of its tube, `thick` of the tube, m."""
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
