"""Grasps that the state of an object tells: straight from above, on the middle of its box, along one of its axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graspgen.demos.labels import Labels
from graspgen.frames import Array, pose
from graspgen.grasps.outcomes import Outcome

if TYPE_CHECKING:
    from graspgen.env.task import GraspTask

#: How far below the top of the box the tool point goes, where its middle is deeper still, m.
DEEP = 0.03
#: What the open hand must be wider than the box, m.
SPARE = 0.004
#: Costs of a radian that the hand must turn, and of a metre of width.
TURN, WIDTH = 1.0, 15.0
_DOWN = np.array([0.0, 0.0, -1.0])


def central_grasps(task: GraspTask, poses: Array) -> tuple[Labels, Array]:
    """Return the grasps, and (n,) what each costs: a turn of the hand, the width to be grasped.

    Their keys are negative, one for each axis of each object's box, so that what was tried is known again. Of an axis
    that points upwards, or along which the box is wider than the hand opens, there is none.

    Args:
        task: in an episode.
        poses: (k, 4, 4) of its objects now.
    """
    place, stroke = task.place, task.gripper.file.stroke
    keys, targets, grasps, widths, costs = [], [], [], [], []
    for number in range(len(place.ids)):
        R, half = poses[number, :3, :3], place.half[number]
        centre = R @ place.centre[number] + poses[number, :3, 3]
        high = centre[2] + max(np.abs(R[2]) @ half - DEEP, 0.0)
        for axis in np.argsort(np.abs(R[2]))[:2]:
            closing = R[:, axis] * [1.0, 1.0, 0.0]
            closing = closing / np.linalg.norm(closing)
            width = 2 * float(np.abs(closing @ R) @ half)
            if width > stroke - SPARE:
                continue
            turn = np.arccos(min(1.0, abs(float(closing @ task.moment.R[0][:, 1]))))
            keys.append(-1 - int(axis) - 3 * number)
            targets.append(number)
            T = pose(np.column_stack([np.cross(closing, _DOWN), closing, _DOWN]), [*centre[:2], high])
            grasps.append(np.linalg.solve(poses[number], T))
            widths.append(width)
            costs.append(TURN * turn + WIDTH * width)
    n = len(keys)
    return Labels(
        np.array(keys, np.int64), np.array(targets, np.int64), np.array(grasps).reshape(n, 4, 4), np.array(widths),
        np.ones(n), np.full(n, Outcome.NOT_TRIED, np.uint8), np.zeros(n),
    ), np.array(costs)  # fmt: skip
