"""Rewards, as functions of arrays: one entry, or one row, for each of n episodes or stored transitions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.frames import Array

#: Largest dense reward of a step; `normalised_dense` is divided by it.
MOST = 4.0
#: How fast the reward of reaching fades with the distance, 1/m.
FADE = 5.0
#: A target within this distance of its goal is there, m.
AT_GOAL = 0.05


def pick_reward(
    mode: str, distance: Array, touching: NDArray[np.bool_], held: NDArray[np.bool_], lifted: Array, success: ArrayLike
) -> Array:
    """(n,) reward of picking something up.

    Sparse: 1 for a success, else 0. Dense: 1 − tanh(5 d) for reaching, up to 0.5 for fingers that touch, 1 instead for
    holding, up to 1 for lifting what is held, and 4 in all for a success. Normalised: dense, divided by 4.

    Args:
        mode: of the reward.
        distance: m, from the tool point to the centre of the target's box.
        touching: (n, 2) whether each finger touches the target.
        held: whether it is held.
        lifted: share of the lift that is done, while it is held.
        success: whether it is lifted, held and judged a success.
    """
    done = np.asarray(success, bool)
    if mode == "sparse":
        return done.astype(float)
    dense = 1 - np.tanh(FADE * distance)
    if np.count_nonzero(touching):  # mostly nothing is touched, nothing held, and nothing done
        dense += 0.25 * touching.sum(axis=-1)
    if np.count_nonzero(held):
        lift = np.minimum(np.maximum(lifted, 0.0), 1.0)
        dense = np.where(held, 1 - np.tanh(FADE * distance) + 1.0 + lift, dense)
    if np.count_nonzero(done):
        dense = np.where(done, MOST, dense)
    return dense / MOST if mode == "normalised_dense" else dense


def goal_reached(achieved: ArrayLike, desired: ArrayLike) -> NDArray[np.bool_]:
    """(…,) whether (…, 4) achieved goals meet the desired ones: near enough, and held where that is desired."""
    achieved, desired = np.asarray(achieved, np.float32), np.asarray(desired, np.float32)
    return _reached(achieved, desired, _distance(achieved, desired))


def _distance(achieved: NDArray[np.float32], desired: NDArray[np.float32]) -> NDArray[np.float32]:
    way = achieved[..., :3] - desired[..., :3]
    return np.sqrt(np.add.reduce(way * way, axis=-1))


def _reached(achieved: NDArray, desired: NDArray, distance: NDArray) -> NDArray[np.bool_]:
    return (distance <= AT_GOAL) & (achieved[..., 3] >= desired[..., 3])


def goal_reward(mode: str, achieved: ArrayLike, desired: ArrayLike) -> NDArray[np.float32]:
    """(…,) reward of (…, 4) goals: position of the target's centre of mass, m, world frame, and 1 if it is held.

    Sparse: 0 where the goal is reached, else −1. Dense: −d − (not held as desired). Normalised: in 0…1.
    """
    achieved, desired = np.asarray(achieved, np.float32), np.asarray(desired, np.float32)
    d = _distance(achieved, desired)
    if mode == "dense":
        return (-d - np.maximum(desired[..., 3] - achieved[..., 3], 0)).astype(np.float32)
    reached = _reached(achieved, desired, d)
    if mode == "sparse":
        return reached.astype(np.float32) - np.float32(1)
    return np.where(reached, 1, 0.5 * (1 - np.tanh(FADE * d))).astype(np.float32)
