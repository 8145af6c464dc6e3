"""Whether a camera of a scene sees given points, by casting a ray to each through everything that is drawn."""

from __future__ import annotations

from collections.abc import Collection
from enum import IntEnum

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array, inverse, transform_points
from graspgen.lens import project
from graspgen.scene.arena import GROUP_ARENA
from graspgen.scene.flying import GROUP_HIDDEN, show_flying
from graspgen.scene.world import World

#: A point is hidden by what the ray meets this far before it, m: less is the point's own surface.
TOLERANCE = 2e-4
_COLLISION = 3


class Sight(IntEnum):
    """How a view sees a point."""

    UNKNOWN = 0
    VISIBLE = 1
    OCCLUDED = 2
    OUT_OF_FRAME = 3


def sight(world: World, view: int, flying: Collection[int], points: Array) -> NDArray[np.uint8]:
    """Return the (n,) `Sight` of points on surfaces of a scene, at the poses in `world.data`.

    Args:
        world: a scene that was built with views.
        view: number of the view.
        flying: numbers of its flying distractors that are shown.
        points: (n, 3), m, world frame; NaN for those that are not known.
    """
    plan = world.plan.views[view]
    T = np.array(plan.T_world_camera)
    known = np.isfinite(points).all(axis=1)
    pixels = project(plan.K, plan.distortion, transform_points(inverse(T), points))
    ahead = transform_points(inverse(T), points)[:, 2] > plan.near
    inside = ahead & (pixels >= 0).all(axis=1) & (pixels < [plan.width, plan.height]).all(axis=1)
    show_flying(world.model, world.plan.views, view, flying)
    rays = points[inside] - T[:3, 3]
    groups = np.ones(6, np.uint8)
    groups[[_COLLISION, GROUP_HIDDEN]] = 0
    if plan.background.kind == "cutout":
        groups[GROUP_ARENA] = 0
    n = len(rays)
    hit, share = np.zeros(n, np.int32), np.zeros(n)
    if n:
        mujoco.mj_multiRay(
            world.model, world.data, T[:3, 3], rays.ravel(), groups, True, -1, hit, share, None, n, mujoco.mjMAXVAL
        )
    # The ray ends at the point: a share of its length is where it meets something first.
    before = (1 - share) * np.linalg.norm(rays, axis=1) > TOLERANCE
    out = np.full(len(points), Sight.OUT_OF_FRAME, np.uint8)
    out[inside] = np.where((hit >= 0) & before, Sight.OCCLUDED, Sight.VISIBLE)
    out[~known] = Sight.UNKNOWN
    return out
