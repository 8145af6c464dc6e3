"""A multi-finger hand as lines: what overlays draw of it, in place of a jaw's outline."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from graspgen.frames import Array
from graspgen.grasps.finger_points import hand_points
from graspgen.grippers.gripper import Gripper

#: Length of the stem behind the base, m; joints nearer to each other than this are one point of a line, m.
STEM, SAME = 0.03, 0.004


def finger_segments(gripper: Gripper, driven: Array) -> Array:
    """Return the (k, 2, 3) lines of a multi-finger hand in the grasp frame, m.

    From the base over the joints of every finger to the pad of its tip, and a stem behind the base.

    Args:
        gripper: the hand.
        driven: (d,) its driven joints.
    """
    hand = hand_points(gripper)
    points, _, anchors, _ = (x[0] for x in hand.look(driven[None]))
    base = -hand.tool
    lines = [[base, base - [0.0, 0.0, STEM]]]
    for pad, body in zip(points[: hand.tips], hand.body[: hand.tips], strict=True):
        way = [base]
        for joint in np.flatnonzero(hand.moves[int(body)]):
            if np.linalg.norm(anchors[joint] - way[-1]) > SAME:
                way.append(anchors[joint])
        way.append(pad)
        lines += [[a, b] for a, b in pairwise(way)]
    return np.array(lines)


def tip_ways(gripper: Gripper, fingers: Array) -> Array:
    """Return (n, f, 2, 3) places of every fingertip's pad before closing and at the grasp, grasp frame, m.

    Args:
        gripper: the hand.
        fingers: (n, 2, d) driven joints before closing, and at the grasp.
    """
    hand = hand_points(gripper)
    return np.stack([hand.look(fingers[:, stage])[0][:, : hand.tips] for stage in (0, 1)], axis=2)
