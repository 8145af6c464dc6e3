"""The outline of a gripper at a grasp, as segments."""

from __future__ import annotations

import numpy as np

from graspgen.frames import Array


def gripper_segments(width: float, finger: float = 0.045, stem: float = 0.05) -> Array:
    """Return the (5, 2, 3) segments of a gripper's outline in the grasp frame, m.

    Two fingers that end at the tool point, the palm between them, a stem along the approach, and a
    short bar across the closing direction, so that the roll about it can be seen.

    Args:
        width: opening between the pads.
        finger: length of the fingers.
        stem: length of the stem behind the palm.
    """
    half, back, bar = width / 2, -finger, min(0.01, finger / 4)
    left, right = [0, half, 0], [0, -half, 0]
    left_root, right_root = [0, half, back], [0, -half, back]
    return np.array(
        [
            [left, left_root],
            [right, right_root],
            [left_root, right_root],
            [[0, 0, back], [0, 0, back - stem]],
            [[-bar, 0, back], [bar, 0, back]],
        ]
    )


def clip_segment(a: Array, b: Array, near: float) -> tuple[Array, Array] | None:
    """Return the ends of the part of the segment from a to b with z >= near, None if none is."""
    if max(a[2], b[2]) < near:
        return None
    if min(a[2], b[2]) >= near:
        return a, b
    cut = a + (near - a[2]) / (b[2] - a[2]) * (b - a)
    return (cut, b) if a[2] < near else (a, cut)
