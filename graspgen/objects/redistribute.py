"""Another distribution of an object's mass: one that matter could have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import ConvexHull

from graspgen.frames import Array
from graspgen.objects.asset import Asset
from graspgen.objects.pseudo_inertia import deformed, mass_com_inertia, pseudo_inertia

#: A moved centre of mass keeps at least this share of its way to the surface of the convex hull.
_MARGIN = 0.05


def com_offset(asset: Asset, share: Sequence[float]) -> Array:
    """Return the (3,) offset of the centre of mass that `share` of the object's box asks for, m.

    It is shortened where it would leave the object's convex hull, which no distribution of mass can.
    """
    offset = np.asarray(share, float) * asset.extents
    if not offset.any():
        return np.zeros(3)
    planes = ConvexHull(asset.mesh.vertices, qhull_options="QJ").equations
    inside = -(planes[:, :3] @ asset.com + planes[:, 3])
    leaving = planes[:, :3] @ offset
    ahead = leaving > 1e-9 * np.abs(offset).max()
    reach = float((np.maximum(inside[ahead], 0) / leaving[ahead]).min())
    return offset * min(1.0, (1 - _MARGIN) * reach)


def redistributed(asset: Asset, offset: ArrayLike, scale: ArrayLike) -> Asset:
    """Return the asset with its mass stretched about its centre by `scale` (3,) and moved by `offset` (3,), m.

    The mass stays. The inertia stays that of some distribution of mass: its principal moments are positive and no one
    is larger than the sum of the others (see `pseudo_inertia`).
    """
    offset, scale = np.asarray(offset, float), np.asarray(scale, float)
    if not offset.any() and (scale == 1).all():
        return asset
    J = pseudo_inertia(asset.volume, asset.com, asset.unit_inertia)
    _, com, inertia = mass_com_inertia(deformed(J, scale, offset))
    return replace(asset, com=com, unit_inertia=inertia)
