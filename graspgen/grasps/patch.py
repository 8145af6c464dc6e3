"""How a surface lies under the pads: probed by rays along the closing direction over each pad's area."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graspgen.frames import Array
from graspgen.raycast import RayCaster

#: Rays along each side of a pad. Each stands for a cell of the pad's area and starts at the cell's middle.
GRID = 5

#: Surface further than this from the pad's plane is not under the pad, m.
REACH = 0.005

#: Surface up to this far from the pad's plane meets the pad, m: about what a rubber pad and its mount give.
GIVE = 0.001

# The grid's middle lies on no line of symmetry of pad and object, where rays could pass between two faces.
_SHIFT = 1e-3


@dataclass(frozen=True, eq=False)
class Patches:
    """What lies under the two pads of n grasps, the left pad first.

    Attributes:
        flatness: (n, 2) RMS distance from the pad's plane of the surface under the pad, m; NaN where there is none.
        share: (n, 2) share of the pad's area that meets the surface.
    """

    flatness: Array
    share: Array


def contact_patches(caster: RayCaster, T_object_grasp: Array, contacts: Array, pad: tuple[float, float]) -> Patches:
    """Probe the surface under both pads.

    A pad's plane is perpendicular to the closing direction and goes through its contact; its area is centred at the
    grasp frame's origin. Rays come from `REACH` outside and look for the first surface that faces them, up to `REACH`
    behind the plane. So the opposite wall of a narrow cavity is passed by, and so is a bulge higher than `REACH`, which
    the pad could not pass: its area counts as not met.

    Args:
        caster: the object's mesh.
        T_object_grasp: (n, 4, 4) grasp frames, y the closing direction.
        contacts: (n, 2, 3) points that the left (+y) and the right pad should touch, m.
        pad: size of a pad along the grasp's x and z, m.
    """
    n, rays = len(T_object_grasp), GRID**2
    R, origin = T_object_grasp[:, :3, :3], T_object_grasp[:, :3, 3]
    middle = (np.arange(GRID) + 0.5 + _SHIFT) / GRID - 0.5
    x, z = np.meshgrid(pad[0] * middle, pad[1] * middle, indexing="ij")
    cells = np.stack([x.ravel(), np.zeros(rays), z.ravel()], axis=-1) @ R.transpose(0, 2, 1) + origin[:, None]
    y = R[:, :, 1]
    outward = np.stack([y, -y], axis=1)
    height = np.einsum("nkj,nkj->nk", contacts - origin[:, None], outward) + REACH
    starts = cells[:, None] + (height[..., None] * outward)[:, :, None]
    directions = np.broadcast_to(-outward[:, :, None], starts.shape)
    depth = _first_facing(caster, starts.reshape(-1, 3), directions.reshape(-1, 3)).reshape(n, 2, rays)
    off = depth - REACH
    under = np.isfinite(off)
    count = under.sum(axis=-1)
    square = np.where(under, off, 0.0) ** 2
    mean = np.divide(square.sum(axis=-1), count, out=np.full((n, 2), np.nan), where=count > 0)
    # A hair of tolerance: a surface at exactly `GIVE` is met.
    share = (under & (np.abs(off) <= GIVE * (1 + 1e-6))).mean(axis=-1)
    return Patches(np.sqrt(mean), share)


def _first_facing(caster: RayCaster, starts: Array, directions: Array) -> Array:
    """Distance to the first face within 2·REACH that looks towards each ray, NaN for none."""
    depth = np.full(len(starts), np.nan)
    # Most rays meet such a face first; only those that start inside the object have to go on.
    face = caster.first_face(starts, directions)
    hit = np.flatnonzero(face >= 0)
    distance = caster.plane_distance(face[hit], starts[hit], directions[hit])
    facing = np.einsum("ij,ij->i", caster.normals[face[hit]], directions[hit]) < 0
    near = distance <= 2 * REACH
    depth[hit[facing & near]] = distance[facing & near]
    inside = hit[~facing & near]
    if len(inside):
        hits = caster.all_hits(starts[inside], directions[inside], 2 * REACH)
        facing = np.einsum("ij,ij->i", caster.normals[hits.face], directions[inside][hits.ray]) < 0
        ray, first = np.unique(hits.ray[facing], return_index=True)
        depth[inside[ray]] = hits.distance[facing][first]
    return depth
