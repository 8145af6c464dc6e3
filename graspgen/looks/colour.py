"""Colours of light: from a temperature, and between sRGB and linear values."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from graspgen.frames import Array

#: Range in which the formula of `planckian_xy` holds, K.
COLDEST, HOTTEST = 1667.0, 25000.0

# CIE XYZ to linear sRGB (IEC 61966-2-1).
_RGB_XYZ = np.array(
    [[3.2404542, -1.5371385, -0.4985314], [-0.9692660, 1.8760108, 0.0415560], [0.0556434, -0.2040259, 1.0572252]]
)


def planckian_xy(kelvin: float) -> tuple[float, float]:
    """Return the CIE 1931 chromaticity (x, y) of a black body.

    The cubic approximation of the Planckian locus of Kim et al., "Design of advanced color temperature control system
    for HDTV applications", J. Korean Phys. Soc. 41 (2002); within 0.001 of Planck's law.

    Args:
        kelvin: temperature, 1667 … 25000 K.

    Raises:
        ValueError: the temperature is outside.
    """
    if not COLDEST <= kelvin <= HOTTEST:
        raise ValueError(f"a colour temperature is {COLDEST:g} … {HOTTEST:g} K, got {kelvin:g}")
    t = 1e3 / kelvin
    if kelvin <= 4000:
        x = ((-0.2661239 * t - 0.2343589) * t + 0.8776956) * t + 0.179910
    else:
        x = ((-3.0258469 * t + 2.1070379) * t + 0.2226347) * t + 0.240390
    if kelvin <= 2222:
        y = ((-1.1063814 * x - 1.34811020) * x + 2.18555832) * x - 0.20219683
    elif kelvin <= 4000:
        y = ((-0.9549476 * x - 1.37418593) * x + 2.09137015) * x - 0.16748867
    else:
        y = ((3.0817580 * x - 5.87338670) * x + 3.75112997) * x - 0.37001483
    return x, y


@lru_cache(maxsize=64)
def temperature_rgb(kelvin: float) -> tuple[float, float, float]:
    """Return the sRGB colour (encoded, the largest channel 1) of a white surface lit by a black body.

    Args:
        kelvin: temperature, 1667 … 25000 K.

    Raises:
        ValueError: the temperature is outside.
    """
    x, y = planckian_xy(kelvin)
    linear = np.maximum(_RGB_XYZ @ [x / y, 1.0, (1 - x - y) / y], 0)
    r, g, b = (float(c) for c in encoded(linear / linear.max()))
    return r, g, b


def encoded(linear: Array) -> Array:
    """Turn linear values in 0…1 into sRGB's (IEC 61966-2-1)."""
    linear = np.asarray(linear, float)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)


def linear(srgb: Array) -> Array:
    """Turn sRGB values in 0…1 into linear ones."""
    srgb = np.asarray(srgb, float)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((np.maximum(srgb, 0.04045) + 0.055) / 1.055) ** 2.4)
