"""The shapes of flying distractors: convex, in a box of side 1 about the origin. Imports no MuJoCo."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import ConvexHull

from graspgen.frames import Array

_SIDES = 24


def _ring(z: float, radius: float = 0.5, sides: int = _SIDES) -> Array:
    angle = 2 * np.pi * np.arange(sides) / sides
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), np.full(sides, z)], axis=1)


def _dome(centre: float, radius: float, rings: int = 6) -> Array:
    """Return rings of the half-sphere about (0, 0, centre), from its equator to its pole at +z."""
    heights = np.sin(np.linspace(0, np.pi / 2, rings + 1))[:-1]
    return np.concatenate(
        [*(_ring(centre + radius * h, radius * np.sqrt(1 - h * h)) for h in heights), [[0, 0, centre + radius]]]
    )


def _mirrored(points: Array) -> Array:
    return np.concatenate([points, points * [1, 1, -1]])


_POINTS: dict[str, Callable[[], Array]] = {
    "box": lambda: np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)]),
    "sphere": lambda: _mirrored(_dome(0.0, 0.5)),
    "cylinder": lambda: _mirrored(_ring(0.5)),
    "cone": lambda: np.concatenate([_ring(-0.5), [[0, 0, 0.5]]]),
    "capsule": lambda: _mirrored(_dome(0.25, 0.25)) * [2, 2, 1],
    "pyramid": lambda: np.array([[-1, -1, -1], [1, -1, -1], [1, 1, -1], [-1, 1, -1], [0, 0, 1]]) / 2,
    "prism": lambda: np.array([[x, y, z] for z in (-0.5, 0.5) for x, y in ((-0.5, -0.5), (0.5, -0.5), (0, 0.5))]),
    "octahedron": lambda: np.concatenate([np.eye(3), -np.eye(3)]) / 2,
}  # fmt: skip


def flying_mesh(shape: str, size: ArrayLike) -> tuple[Array, NDArray[np.int64]]:
    """Return the mesh of a flying distractor.

    Args:
        shape: one of the recipe's `SHAPES`.
        size: (3,) sides of the box about it, m.

    Returns:
        (n, 3) vertices, m, about the box's centre, and (m, 3) faces, counter-clockwise from outside.
    """
    points, faces = _unit(shape)
    return points * np.asarray(size, float), faces


@cache
def _unit(shape: str) -> tuple[Array, NDArray[np.int64]]:
    points = np.unique(np.round(_POINTS[shape](), 12), axis=0)
    hull = ConvexHull(points)
    faces = hull.simplices.astype(np.int64)
    a, b, c = (points[faces[:, k]] for k in range(3))
    inwards = np.einsum("ij,ij->i", np.cross(b - a, c - a), hull.equations[:, :3]) < 0
    faces[inwards] = faces[inwards][:, ::-1]
    return points, faces
