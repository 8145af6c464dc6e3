"""A depth image as a sensor reports it: holes first, then noise, then steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.render.sensors.geometry import Seen
from graspgen.render.sensors.holes import reasons
from graspgen.render.sensors.noise import noisy
from graspgen.scene.sensor_plan import SensorPlan
from graspgen.sensor_codes import Reason


def sense(
    plan: SensorPlan,
    depth: NDArray[np.float32],
    K: ArrayLike,
    D: ArrayLike,
    rgb: NDArray[np.uint8],
    instances: NDArray[np.uint8],
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return what a sensor reports of a view.

    Args:
        plan: the sensor as it was drawn; the same plan and view give the same numbers.
        depth: (H, W) clean planar z, m, 0 for none.
        K: (3, 3) camera matrix of the view, px.
        D: its lens: k1, k2, p1, p2, k3.
        rgb: (H, W, 3) its colour image.
        instances: (H, W) its ids.

    Returns:
        Depth (H, W) float32, m, a multiple of the sensor's unit, 0 where there is none; and why, codes of `Reason`.
    """
    depth = np.ascontiguousarray(depth, np.float32)
    with np.errstate(all="ignore"):
        seen = Seen.of(depth, K, D)
        cosine = seen.cos_incidence()
        why = reasons(plan, seen, cosine, rgb, instances)
        valid = why == Reason.OK
        steps = np.rint(noisy(plan, depth, valid, cosine) / np.float32(plan.unit))
    low, high = np.ceil(plan.range[0] / plan.unit - 1e-6), np.floor(plan.range[1] / plan.unit + 1e-6)
    why[valid & ~((steps >= max(low, 1)) & (steps <= high))] = Reason.OUT_OF_RANGE
    return np.where(why == Reason.OK, steps * np.float32(plan.unit), 0).astype(np.float32), why
