"""How noisy a depth sensor is: where its pixels look, its disparity, its depth."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from graspgen.render.sensors.streams import Kind, normal, rounded_normal
from graspgen.scene.sensor_plan import SensorPlan

Image = NDArray[np.float32]

#: The angle of incidence beyond which axial noise grows with it, and that beyond which no formula holds, rad.
_STEEP, _STEEPEST = math.radians(60), math.radians(89)


def axial_sigma(axial: tuple[float, float, float, float, float], depth: Image, incidence: Image | float = 0.0) -> Image:
    """Return the standard deviation of depth along the axis, m: `graspgen.sensor_profiles.Axial`.

    Args:
        axial: constant, linear, quadratic, start, tilt.
        depth: planar z, m.
        incidence: angle of incidence, rad.
    """
    constant, linear, quadratic, start, tilt = axial
    beyond = depth - np.float32(start)
    sigma = constant + linear * np.maximum(beyond, 0) + quadratic * beyond**2
    if tilt > 0:
        angle = np.minimum(incidence, _STEEPEST)
        steep = tilt / np.sqrt(np.maximum(depth, 1e-3)) * angle**2 / (math.pi / 2 - angle) ** 2
        sigma = sigma + np.where(angle > _STEEP, steep, 0)
    return sigma


def sigma(plan: SensorPlan, depth: Image, incidence: Image | float = 0.0) -> Image:
    """Return the standard deviation of a sensor's depth on surfaces that face it, m, steps left out."""
    total = axial_sigma(plan.axial, depth, incidence) ** 2
    if plan.disparity_noise > 0 and plan.focal and plan.baseline:
        total = total + (plan.disparity_noise * depth**2 / (plan.focal * plan.baseline)) ** 2
    return np.sqrt(total)


def noisy(plan: SensorPlan, depth: Image, valid: NDArray[np.bool_], cosine: Image) -> Image:
    """Return the (H, W) depth with the noise of a sensor, m, before it is put into steps.

    Args:
        plan: the sensor.
        depth: clean, m, 0 for none.
        valid: (H, W) which pixels it has not lost; others are not changed.
        cosine: (H, W) of the angle of incidence.
    """
    tilted = plan.lateral_tilt > 0 or plan.axial[4] > 0
    incidence = np.arccos(np.clip(cosine, 0, 1)) if tilted else np.float32(0)
    z = _shifted(plan, depth, valid, incidence)
    if plan.scale_bias != 1:
        z = z * np.float32(plan.scale_bias)
    if plan.focal and plan.baseline and (plan.disparity_noise > 0 or plan.disparity_step > 0):
        scale = np.float32(plan.focal * plan.baseline)
        disparity = scale / np.maximum(z, 1e-3)
        if plan.disparity_noise > 0:
            disparity += np.float32(plan.disparity_noise) * normal(plan.noise_seed, Kind.DISPARITY, depth.shape)
        if plan.disparity_step > 0:
            step = np.float32(plan.disparity_step)
            disparity = np.rint(disparity / step) * step
        z = scale / np.maximum(disparity, 1e-3)
    if any(plan.axial[i] > 0 for i in (0, 1, 2, 4)):
        z = z + axial_sigma(plan.axial, depth, incidence) * normal(plan.noise_seed, Kind.AXIAL, depth.shape)
    return z.astype(np.float32)


def _shifted(plan: SensorPlan, depth: Image, valid: NDArray[np.bool_], incidence: Image) -> Image:
    """Let each pixel look at another one near by, if that is not lost; depth is never mixed."""
    if plan.lateral_shift <= 0:
        return depth
    spread = np.float32(plan.lateral_shift)
    if plan.lateral_tilt > 0:
        angle = np.minimum(incidence, _STEEPEST)
        spread = spread + plan.lateral_tilt * angle / (math.pi / 2 - angle)
    shape = depth.shape
    shift = np.zeros((2, shape[0] * shape[1]), np.intp)
    for along, kind in zip(shift, (Kind.SHIFT_X, Kind.SHIFT_Y), strict=True):
        where, pixels = rounded_normal(plan.noise_seed, kind, shape, np.asarray(spread))
        along[where] = pixels
    moved = np.flatnonzero(shift[0] | shift[1])
    row, column = np.divmod(moved, shape[1])
    row = np.clip(row + shift[1][moved], 0, shape[0] - 1)
    column = np.clip(column + shift[0][moved], 0, shape[1] - 1)
    good = valid[row, column]
    found = depth.copy()
    found.ravel()[moved[good]] = depth[row[good], column[good]]
    return found
