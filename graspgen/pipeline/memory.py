"""Memory that Python and MuJoCo have freed, given back to the system."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache


@cache
def _trim() -> Callable[[int], int] | None:
    """Return glibc's `malloc_trim`; None where the C library has none."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None)


def give_back() -> None:
    """Give freed memory back. Scenes of all sizes leave the C library's heap full of holes, a quarter of a worker."""
    trim = _trim()
    if trim is not None:
        trim(0)
