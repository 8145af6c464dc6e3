"""Memory that Python and MuJoCo have freed, given back to the system."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from functools import cache


@cache
def _trim() -> Callable[[int], int] | None:
    """Return glibc's `malloc_trim`; None where the C library has none."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None)


def give_back(*, circles: bool = False) -> None:
    """Give freed memory back. Scenes of all sizes leave the C library's heap full of holes, a quarter of a worker.

    Args:
        circles: look first for objects that keep each other alive, which takes some 50 ms; what they hold would stay
            until Python looks by itself, and leave holes then.
    """
    if circles:
        gc.collect()
    trim = _trim()
    if trim is not None:
        trim(0)
