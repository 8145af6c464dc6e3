"""What computes, beside MuJoCo: its versions decide the last digits of what is computed."""

from __future__ import annotations

import platform

import numpy as np
import scipy
from PIL import features


def libraries() -> dict[str, str]:
    """Return the versions, by name, of what computes here beside MuJoCo.

    Sines, sums and matrix products of another C library, NumPy or processor may differ in the last digit, and what
    collides amplifies that: only with the same of them does the same seed promise the same content.
    """
    libc, version = platform.libc_ver()
    return {
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "SciPy": scipy.__version__,
        "libjpeg": str(features.version("libjpeg_turbo") or features.version("jpg")),
        libc or "C library": version or "unknown",
        "processor": platform.machine(),
    }
