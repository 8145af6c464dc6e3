"""What a depth sensor loses, and why: one reason for every pixel, the first that holds in the order of their codes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter
from scipy.special import ndtri

from graspgen.render.sensors.geometry import Seen
from graspgen.render.sensors.streams import Kind, blobs, generator
from graspgen.scene.sensor_plan import SensorPlan
from graspgen.sensor_codes import Reason

#: A surface that is nearer by less disparity than this hides nothing, px: it is that of the pixel itself.
_SAME = 1.0
#: A surface that turns away faster than this from the second camera counts as seen edge-on by it.
_EDGE_ON = 0.97


def reasons(
    plan: SensorPlan, seen: Seen, cosine: NDArray[np.float32], rgb: NDArray[np.uint8], instances: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return the (H, W) codes of `Reason`.

    Args:
        plan: the sensor.
        seen: clean depth.
        cosine: (H, W) of the angle of incidence.
        rgb: (H, W, 3) colour image of the same view.
        instances: (H, W) ids.
    """
    shape = seen.depth.shape
    found = np.zeros(shape, np.uint8)
    if plan.dropout > 0:
        found[generator(plan.noise_seed, Kind.DROPOUT).random(shape, np.float32) < plan.dropout] = Reason.RANDOM
    if plan.lost:
        found[_shiny(plan, instances)] = Reason.SPECULAR
    if plan.dark > 0:
        found[grey(rgb) < plan.dark] = Reason.DARK
    if plan.grazing_deg < 90:
        found[cosine < math.cos(math.radians(plan.grazing_deg))] = Reason.GRAZING
    if plan.shadow and plan.baseline:
        found[shadow(seen, plan.baseline, plan.field)] = Reason.SHADOW
    if plan.mixed is not None:
        found[maximum_filter(seen.depth, 3) - minimum_filter(seen.depth, 3) > plan.mixed] = Reason.SHADOW
    near, far = plan.range
    found[(seen.depth <= 0) | (seen.depth < near) | (seen.depth > far)] = Reason.OUT_OF_RANGE
    return found


def grey(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the (H, W) grey of an image, of 255 (Rec. 601)."""
    # At least two thirds of the time of a product of matrices in floats.
    r, g, b = (rgb[..., i].astype(np.uint16) for i in range(3))
    return ((77 * r + 150 * g + 29 * b) >> 8).astype(np.uint8)


def _shiny(plan: SensorPlan, instances: NDArray[np.uint8]) -> NDArray[np.bool_]:
    limit = np.full(256, -np.inf, np.float32)
    for instance, share in plan.lost.items():
        limit[instance] = ndtri(share)
    return blobs(plan.noise_seed, instances.shape) < limit[instances]


def shadow(seen: Seen, baseline: float, field: tuple[float, float] | None = None) -> NDArray[np.bool_]:
    """Return what a second camera, `baseline` metres to the right and otherwise alike, does not see.

    Every pixel is carried over to the second image, where the nearest surface remains (a test of depth); so beside the
    left edge of an object at z1 before a surface at z2, f · baseline · (1/z1 − 1/z2) pixels are hidden.

    Args:
        seen: what the first camera sees.
        baseline: m.
        field: left and right end of what the second camera sees, x/z; None has no ends.
    """
    height, width = seen.depth.shape
    fx, fy = seen.focal
    disparity = np.float32(fx * baseline) * seen.inverse
    column = seen.x * np.float32(fx) + np.float32(seen.centre[0]) - disparity
    low = np.floor(column - 0.5).astype(np.int32)
    if seen.bent:
        row = np.clip(np.floor(seen.y * np.float32(fy) + np.float32(seen.centre[1])), 0, height - 1).astype(np.int32)
    else:
        row = np.arange(height, dtype=np.int32)[:, None]
    there = seen.depth > 0
    # What leaves the image on the left may still hide something there.
    left = 2 + int(min(disparity.max(initial=0), width))
    room = width + left + 3
    at = row * room + np.clip(low + left, 0, width + left + 1)
    # The last write stays: of pixels that come to lie on one, the rightmost has the largest disparity.
    order = (lambda image: image.T.ravel()) if seen.bent else np.ravel
    where, value = order(at)[order(there)], order(disparity)[order(there)]
    front = np.zeros((2, height * room), np.float32)
    front[0][where] = value
    front[1][where + 1] = value
    mine = at + (column - 0.5 - low >= 0.5)
    nearest = np.maximum(front[0][mine], front[1][mine])
    # How fast disparity grows along the row: what faces away from the second camera has neighbours far before it.
    turn = np.clip(np.float32(baseline) * seen.slope_x, 0, _EDGE_ON)
    hidden = there & ((nearest > disparity + _SAME + 1.5 * turn / (1 - turn)) | (turn >= _EDGE_ON))
    if field is not None:
        second = seen.x - np.float32(baseline) * seen.inverse
        hidden |= there & ((second < field[0]) | (second > field[1]))
    return hidden
