"""Sums of squares, the quickest way to see that nothing of an array is large, or not finite."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Longest array that is summed by BLAS: above some 10 000 numbers, OpenBLAS lets threads of its own help, which then
#: wait for more by spinning, on the cores that are to simulate.
_BLAS_MOST = 8192


def sum_of_squares(numbers: NDArray[np.float64]) -> float:
    """Return the sum of the squares of all numbers of an array."""
    if numbers.size <= _BLAS_MOST:
        return np.vdot(numbers, numbers)
    flat = numbers.ravel()
    return np.einsum("i,i->", flat, flat)
