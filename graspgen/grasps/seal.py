"""Whether a suction cup seals: a ring of springs against the object's surface (after Dex-Net 3.0, Mahler et al., 2018).

The lip is a ring of points; springs join neighbours (perimeter), second neighbours (flexion) and every point with the
apex of the cup, 2 r above the ring (cone). The ring is pressed onto the surface along the approach: every point goes
to where its ray meets the surface, the hand to where the median of the lips is. The lip seals where no spring changes
its length by more than 10 %, nothing bulges further into the cup than it is deep, and no ray under the cup meets
nothing (a hole would let air in; a blind hollow is evacuated with the cup). No MuJoCo here: `graspgen check` derives it
again.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graspgen.frames import Array
from graspgen.raycast import RayCaster

#: Points of a ring.
POINTS = 48

#: Largest relative change of a spring's length, Dex-Net 3.0.
MAX_STRAIN = 0.10

#: Apex of a cup above its lip, in radii (Dex-Net 3.0: 30 mm for a ring of 15 mm).
APEX = 2.0

#: Rays under the cup: circles at these shares of the radius, and of how many rays each.
_INNER = ((0.0, 1), (0.3, 8), (0.6, 12), (0.85, 24))

# Rays start this far above the lips' plane; the hand goes on, or back, by at most so much to press the lips on; radii.
_ABOVE, _REACH = 1.0, 2.0

# How far beside it a ray that misses is cast again, radii along x and y: what is narrower is no leak.
_BESIDE = 0.01

# No ray runs along a line of symmetry of the object, where it could pass between two faces.
_TWIST, _SHIFT = 0.0123, 1e-5


@dataclass(frozen=True, eq=False)
class Seal:
    """How the cups of n grasps meet the surface.

    Attributes:
        score: (n, cups) 1 on a plane across the approach, 0 where the cup does not seal.
        strain: (n, cups) largest relative change of a spring's length; NaN where a point of the ring meets nothing.
        press: (n,) how far the hand goes on along its approach until the lips are at rest on the surface, m (negative:
            it stops before); 0 where no lip meets anything near. The pressed cups would not be pressed on further.
        met: (n,) whether the lips meet anything within 2 radii of their plane.
    """

    score: Array
    strain: Array
    press: Array
    met: np.ndarray


def cup_seal(
    caster: RayCaster,
    T_object_grasp: Array,
    cups: Sequence[tuple[float, float]],
    radius: float,
    depth: float,
    chunk: int = 1024,
) -> Seal:
    """Measure the seal of every cup of every grasp.

    Args:
        caster: the object's mesh, m.
        T_object_grasp: (n, 4, 4) grasp frames, z the approach, origin in the plane of the lips.
        cups: centres of the lips in the grasp frame, m.
        radius, depth: of a lip and of the cup's inside, m.
        chunk: grasps at once; bounds the memory, changes nothing.
    """
    T = np.asarray(T_object_grasp, float)
    parts = [_chunk(caster, T[i : i + chunk], cups, radius, depth) for i in range(0, len(T), chunk)]
    if not parts:
        none = np.zeros((0, len(cups)))
        return Seal(none, none, np.zeros(0), np.zeros(0, bool))
    return Seal(*(np.concatenate(rows) for rows in zip(*parts, strict=True)))


def _chunk(
    caster: RayCaster, T: Array, cups: Sequence[tuple[float, float]], radius: float, depth: float
) -> tuple[Array, Array, Array, np.ndarray]:
    n, k = len(T), len(cups)
    ring, inner = _circle(radius, POINTS), np.concatenate([_circle(share * radius, m) for share, m in _INNER])
    points = (np.asarray(cups, float)[:, None] + np.concatenate([ring, inner])).reshape(-1, 2)
    R, approach = T[:, :3, :3], T[:, :3, 2]
    start = np.einsum("nij,pj->npi", R[:, :, :2], points) + (T[:, :3, 3] - _ABOVE * radius * approach)[:, None]
    along = np.broadcast_to(approach[:, None], start.shape).reshape(-1, 3)
    start = start.reshape(-1, 3)
    face = caster.first_face(start, along)
    missed = np.flatnonzero(face < 0)
    if len(missed):
        # A ray can pass between faces, above all at a pole of slivers: it misses if its neighbour misses too.
        side = _BESIDE * radius * (R[:, :, 0] + R[:, :, 1])
        start[missed] += np.repeat(side, len(points), axis=0)[missed]
        face[missed] = caster.first_face(start[missed], along[missed])
    distance = caster.plane_distance(face, start, along) - _ABOVE * radius
    facing = np.einsum("ij,ij->i", caster.normals[face], along) < 0
    hit = (face >= 0) & facing
    offset = np.where(hit, distance, np.nan).reshape(n, k, -1)
    lip, under = offset[:, :, :POINTS], offset[:, :, POINTS:]
    through = ~hit.reshape(n, k, -1)[:, :, POINTS:].all(axis=-1)
    press = _press(lip, radius)
    met = np.isfinite(press) & (np.abs(press) <= _REACH * radius)
    press = np.where(met, press, 0.0)
    lip, under = lip - press[:, None, None], under - press[:, None, None]
    found = (np.abs(lip) <= _REACH * radius) & met[:, None, None]
    lip = np.where(found, lip, np.nan)
    strain = _strain(lip, radius)
    bulge = np.where(np.isfinite(under), -under, -np.inf).max(axis=-1)
    sealed = found.all(axis=-1) & ~through & (bulge <= depth) & (np.nan_to_num(strain, nan=np.inf) <= MAX_STRAIN)
    score = np.where(sealed, 1 - np.nan_to_num(strain) / MAX_STRAIN, 0.0)
    return score, strain, press, met


def _press(lip: Array, radius: float) -> Array:
    """(n,) where (n, cups, POINTS) lips come to rest, m along the approach; NaN where nothing is below any."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # cups with nothing below
        middle = np.nanmedian(lip, axis=-1)
        nearest = np.nanmin(middle, axis=1, keepdims=True)
        # Cups over a step far below wait; medians, so that a part of a lip over an edge pulls nothing along.
        seated = np.where((middle <= nearest + radius)[:, :, None], lip, np.nan)
        return np.nanmedian(seated.reshape(len(lip), lip.shape[1] * lip.shape[2]), axis=1)


def _strain(lip: Array, radius: float) -> Array:
    """(n, cups) largest relative change of a spring of rings whose points lie (n, cups, POINTS) below their plane."""
    worst = np.zeros(lip.shape[:2])
    for apart in (1, 2):
        rest = 2 * radius * np.sin(apart * np.pi / POINTS)
        length = np.hypot(rest, lip - np.roll(lip, apart, axis=-1))
        worst = np.maximum(worst, np.abs(length / rest - 1).max(axis=-1))
    cone = np.hypot(radius, APEX * radius + lip) / np.hypot(radius, APEX * radius)
    return np.maximum(worst, np.abs(cone - 1).max(axis=-1))


def _circle(radius: float, number: int) -> Array:
    """(number, 2) points on a circle."""
    angle = 2 * np.pi * np.arange(number) / number + _TWIST
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1) + _SHIFT * np.array([0.6, 0.8])
