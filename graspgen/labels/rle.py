"""Masks as text: COCO's run-length encoding, which `pycocotools.mask.decode` reads as well.

Runs of 0 and 1 alternate down the columns of a mask, beginning with 0. From the third on, the difference to the run two
before is written. A number is written in groups of five bits, lowest first; the sixth bit says that more follow, and
each group is a character from '0' on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def encode(mask: NDArray[np.bool_]) -> str:
    """Return a (h, w) mask as text; "" for an empty one."""
    flat = np.asarray(mask, bool).ravel(order="F")
    if not flat.size:
        return ""
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff(np.concatenate([[0] if not flat[0] else [0, 0], edges, [flat.size]]))
    values = runs.astype(np.int64)
    values[3:] = runs[3:] - runs[1:-2]
    out = bytearray()
    for value in values.tolist():
        more = True
        while more:
            group = value & 0x1F
            value >>= 5
            more = value != -1 if group & 0x10 else value != 0
            out.append((group | 0x20 if more else group) + 48)
    return out.decode("ascii")


def decode(text: str, height: int, width: int) -> NDArray[np.bool_]:
    """Return the (height, width) mask that a text holds.

    Raises:
        ValueError: it holds none of that size.
    """
    runs: list[int] = []
    value, shift = 0, 0
    for byte in text.encode("ascii"):
        group = byte - 48
        if not 0 <= group < 64:
            raise ValueError(f"'{chr(byte)}' is no part of a run-length encoded mask")
        value |= (group & 0x1F) << shift
        shift += 5
        if not group & 0x20:
            if group & 0x10:
                value -= 1 << shift
            runs.append(value + runs[-2] if len(runs) > 2 else value)
            value, shift = 0, 0
    if shift or any(run < 0 for run in runs) or sum(runs) != height * width:
        raise ValueError(f"the runs do not fill a mask of {height}x{width} pixels")
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return flat.reshape(width, height).T
