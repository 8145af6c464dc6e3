"""sRGB and CIELAB (D65), fast enough for a loader: tables for the curves of sRGB, single precision."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graspgen.looks.colour import encoded, linear

# Linear sRGB to XYZ over the white point D65 (IEC 61966-2-1; rows divided by 0.95047, 1, 1.08883).
_XYZ_RGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_XYZ_RGB = _XYZ_RGB / _XYZ_RGB.sum(axis=1, keepdims=True)
# CIE 15:2004: L = 116 f(Y) − 16, a = 500 (f(X) − f(Y)), b = 200 (f(Y) − f(Z)).
_LAB_F = np.array([[0, 116, 0], [500, -500, 0], [0, 200, -200]])
_OFFSET = np.array([-16.0, 0, 0])
_DELTA = 6 / 29

_LINEAR = linear(np.arange(256) / 255).astype(np.float32)
_STEPS = 4096
_ENCODED = np.rint(255 * encoded((np.arange(_STEPS + 1) / _STEPS) ** 2)).astype(np.uint8)


def to_lab(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Turn (..., 3) uint8 sRGB into CIELAB: L 0 … 100."""
    xyz = _LINEAR[picture] @ _XYZ_RGB.T.astype(np.float32)
    f = np.where(xyz > _DELTA**3, np.cbrt(xyz), xyz / np.float32(3 * _DELTA**2) + np.float32(4 / 29))
    return f @ _LAB_F.T.astype(np.float32) + _OFFSET.astype(np.float32)


def from_lab(lab: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Turn CIELAB into (..., 3) uint8 sRGB; colours that it does not have are clipped."""
    f = (np.asarray(lab, np.float32) - _OFFSET.astype(np.float32)) @ np.linalg.inv(_LAB_F).T.astype(np.float32)
    xyz = np.where(f > _DELTA, f * f * f, np.float32(3 * _DELTA**2) * (f - np.float32(4 / 29)))
    light = xyz @ np.linalg.inv(_XYZ_RGB).T.astype(np.float32)
    # The table is over the square root of the light, so that its steps are fine where the curve is steep.
    steps = np.sqrt(np.clip(light, 0, 1)) * np.float32(_STEPS) + np.float32(0.5)
    return _ENCODED[steps.astype(np.uint16)]
