"""Where the inmost faces of two fingers are, and how far apart: measured by rays between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from graspgen.frames import Array
from graspgen.grippers.postures import Linkage

#: Distance of neighbouring rays, m.
STEP = 0.001
#: Faces this much behind the inmost one are not the pad's any more, m.
FLAT = 0.0015


@dataclass(frozen=True, eq=False)
class Pads:
    """The inmost faces of two fingers.

    Attributes:
        gap: between them, m; negative where they overlap.
        middle: (3,) midway between them, base frame, m.
        size: width (x of the grasp frame) and length (along the approach), m.
        skew: how much wider the gap is at one end of the pads than at the other, m.
    """

    gap: float
    middle: Array
    size: tuple[float, float]
    skew: float


def find_pads(linkage: Linkage, fingers: Sequence[str], axes: Array) -> Pads | None:
    """Measure the pads of a hand as it stands; None where the fingers do not face each other.

    Args:
        linkage: the hand, put somewhere.
        fingers: the bodies with the pads, all below them included; the first on the side of the closing direction.
        axes: (3, 3) axes of the grasp frame in the base's, as columns.
    """
    model, data = linkage.model, linkage.data
    mujoco.mj_kinematics(model, data)
    groups = [_geoms(model, f) for f in fingers]
    if not all(groups):
        return None
    base = data.body(linkage.base)
    R = base.xmat.reshape(3, 3) @ axes
    boxes = [np.concatenate([_corners(model, data, g) for g in group]) - base.xpos for group in groups]
    boxes = [b @ R for b in boxes]
    low = np.max([b.min(axis=0) for b in boxes], axis=0)
    high = np.min([b.max(axis=0) for b in boxes], axis=0)
    if low[0] >= high[0] or low[2] >= high[2]:
        return None
    x, z = _cells(low[0], high[0], 24), _cells(low[2], high[2], 80)
    # From far outside towards each finger's inner face: rays start on the other finger's side and see only this one.
    faces = [_face(linkage, groups[i], base.xpos, R, x, z, side) for i, side in enumerate((1.0, -1.0))]
    gap = faces[0] - faces[1]
    both = np.isfinite(gap)
    if not both.any():
        return None
    # Roots of fingers may stand closer than their tips: the pads are in the half at the tips, if that has any.
    tips = both & (np.arange(len(z)) >= len(z) // 2)
    inmost = gap[tips if tips.any() else both].min()
    flat = both & (np.abs(gap - inmost) < 2 * FLAT)
    # Of flat parts, the one nearest to the tips: rows from the tip on until one is not flat.
    rows = np.flatnonzero(flat.any(axis=0))
    last = int(rows[-1])
    first = last
    while first - 1 in rows:
        first -= 1
    area = flat.copy()
    area[:, :first] = False
    columns = np.flatnonzero(area.sum(axis=1) > 0.3 * (last - first + 1))
    if not len(columns):
        return None
    dx, dz = (high[0] - low[0]) / len(x), (high[2] - low[2]) / len(z)
    size = (float((columns[-1] - columns[0] + 1) * dx), float((last - first + 1) * dz))
    at = area & np.isin(np.arange(len(x)), columns)[:, None]
    middle = np.array([
        (x[columns[0]] + x[columns[-1]]) / 2,
        float((faces[0][at] + faces[1][at]).mean() / 2),
        (z[first] + z[last]) / 2,
    ])  # fmt: skip
    ends = [np.nanmedian(np.where(at[:, i], gap[:, i], np.nan)) for i in (first, last)]
    return Pads(float(np.median(gap[at])), axes @ middle, size, float(abs(ends[0] - ends[1])))


def _cells(low: float, high: float, most: int) -> Array:
    """Middles of at most `most` cells of at least `STEP`."""
    number = int(np.clip(round((high - low) / STEP), 1, most))
    return low + (np.arange(number) + 0.5) * (high - low) / number


def _geoms(model: mujoco.MjModel, finger: str) -> list[int]:
    """The geoms of a body and all below it that collide; all where none does."""
    top, mine = model.body(finger).id, []
    for g in range(model.ngeom):
        body = int(model.geom_bodyid[g])
        while body and body != top:
            body = int(model.body_parentid[body])
        if body == top:
            mine.append(g)
    solid = [g for g in mine if model.geom_contype[g] or model.geom_conaffinity[g]]
    return solid or mine


def _corners(model: mujoco.MjModel, data: mujoco.MjData, geom: int) -> Array:
    """(8, 3) corners of the box around a geom, m."""
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
    local = model.geom_aabb[geom, :3] + signs * model.geom_aabb[geom, 3:]
    return local @ data.geom_xmat[geom].reshape(3, 3).T + data.geom_xpos[geom]


def _face(linkage: Linkage, geoms: list[int], origin: Array, R: Array, x: Array, z: Array, side: float) -> Array:
    """(x, z) m along the closing direction to a finger's inner face; NaN where there is none."""
    model, data = linkage.model, linkage.data
    found = np.full((len(x), len(z)), np.nan)
    away, far = -side * 0.5, side * R[:, 1]
    normal = np.zeros(3)
    for i, j in np.ndindex(len(x), len(z)):
        start = origin + R @ np.array([x[i], away, z[j]])
        near = np.inf
        for g in geoms:
            distance = _ray(model, data, g, start, far, normal)
            if 0 <= distance < near:
                near = distance
        if np.isfinite(near):
            found[i, j] = away + side * near
    return found


def _ray(model: mujoco.MjModel, data: mujoco.MjData, geom: int, start: Array, way: Array, normal: Array) -> float:
    """Distance to a geom along a ray, −1 for none."""
    if int(model.geom_type[geom]) == int(mujoco.mjtGeom.mjGEOM_MESH):
        return float(mujoco.mj_rayMesh(model, data, geom, start, way))
    return float(
        mujoco.mju_rayGeom(
            data.geom_xpos[geom], data.geom_xmat[geom], model.geom_size[geom], start, way,
            int(model.geom_type[geom]),
        )
    )  # fmt: skip
