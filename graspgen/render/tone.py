"""From the light that reached the camera to stored colours: white balance, exposure, tone curve.

Filament's own post-processing dithers with random numbers that depend on how many frames the process has drawn, so the
same view would differ from run to run. Its linear image is read instead, at two exposures, and graded here through one
table a channel.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array

#: The two exposures of a view: a stored 255 is this much scene-linear light (1: a white surface in full light). The
#: short one keeps highlights, the long one shadows: together they are finer than two steps of 8 bits everywhere.
LONG, SHORT = 0.25, 2.0
_KNEE = 0.75


def white_balance(temperature: float, tint: float) -> Array:
    """Return the (3,) gains of linear light that make a picture warmer and more magenta (> 0), at equal luminance.

    Both in −1…1. The same as for the OpenGL engine (`graspgen.render.grade`).
    """
    gains = np.array([2 ** (0.4 * temperature), 2 ** (-0.3 * tint), 2 ** (-0.4 * temperature)])
    return gains / (gains @ [0.2126, 0.7152, 0.0722])


def tone_curve(linear: Array) -> Array:
    """Return sRGB values in 0…1 of scene-linear light: true to below the knee, then rolling off towards white."""
    x = np.maximum(linear, 0.0)
    # Beyond the knee the slope goes on where it was and falls to 0: highlights keep their shape.
    room = 1 - _KNEE
    x = np.where(x > _KNEE, 1 - room * np.exp(-(x - _KNEE) / room), x)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)


@functools.lru_cache(maxsize=64)
def tone_tables(exposure: float, temperature: float, tint: float) -> NDArray[np.uint8]:
    """Return (3, 511) stored values by channel and code: 0…254 of the long exposure, then 0…255 of the short one.

    Args:
        exposure: stops.
        temperature, tint: see `white_balance`.
    """
    light = np.concatenate([np.arange(255) * (LONG / 255), np.arange(256) * (SHORT / 255)])
    gains = 2.0**exposure * white_balance(temperature, tint)
    return np.rint(255 * tone_curve(gains[:, None] * light)).astype(np.uint8)


def graded(long: NDArray[np.uint8], short: NDArray[np.uint8], tables: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Join two linear exposures of a view, (H, W, 3), into its stored colours."""
    code = np.where(long < 255, long, short.astype(np.uint16) + 255)
    return np.stack([tables[c].take(code[..., c]) for c in range(3)], -1)
