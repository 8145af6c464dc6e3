"""Turns about its approach after which a gripper grasps as before: half a turn of a jaw, any of a cup."""

from __future__ import annotations

import numpy as np

from graspgen.frames import Array
from graspgen.grasps.suction_candidates import suction_file
from graspgen.grippers.gripper import Gripper

#: Cups within this of each other are in the same place, m.
SAME = 1e-6


def about_z(angle: float) -> Array:
    """Return the (3, 3) rotation by an angle, rad, about z."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


#: Of a jaw.
HALF_TURNS = np.array([np.eye(3), np.diag([-1.0, -1.0, 1.0])])


def alike(gripper: Gripper) -> Array | None:
    """Return the (m, 3, 3) turns about the approach, the first of them none, that change no grasp; None for any.

    Cups are the same where a turn lays their lips onto each other's; what carries them may differ, which only trials
    tell.
    """
    if gripper.fingered:
        return np.eye(3)[None]
    if not gripper.suction:
        return HALF_TURNS
    cups = np.asarray(suction_file(gripper).cups, float)
    if np.linalg.norm(cups, axis=1).max() < SAME:
        return None
    first = int(np.argmax(np.linalg.norm(cups, axis=1)))
    angles = np.arctan2(cups[:, 1], cups[:, 0])
    turns = [np.eye(3)]
    for k in [k for k in range(len(cups)) if k != first]:
        turn = about_z(angles[k] - angles[first])
        apart = np.linalg.norm((cups @ turn[:2, :2].T)[:, None] - cups, axis=-1)
        if apart.min(axis=1).max() < SAME:
            turns.append(turn)
    return np.array(turns)
