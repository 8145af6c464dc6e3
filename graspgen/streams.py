"""Randomness: one counter-based stream for every (run seed, scene, purpose).

A stream depends on its key only, so a scene is the same with one worker or sixteen, in any order, after a resume, or
alone; and a knob added to one purpose does not move the draws of another. Nothing in graspgen uses a global generator.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a stream is for. The numbers are part of every seed's meaning: never change or reuse one."""

    ASSET = 1
    """Family and parameters of a procedural object; keyed by asset number, not by scene."""
    ARRANGEMENT = 2
    """Which objects a scene holds, their scales and their poses before they fall."""
    MATERIAL = 3
    """Density and friction of every object and of the support."""
    CAMERA = 4
    """Intrinsics and extrinsics of every view."""
    LOOKS = 5
    """Colours and lights."""
    GRASPS = 6
    """Grasp candidates, one sub-stream per object."""
    TRIALS = 7
    """Draws of repeated grasp trials."""
    DEMOS = 8
    """Where the hand starts in each episode of a scene, and its target."""
    FOCUS = 9
    """Which part of the focused ranges an attempt at a scene draws from."""
    QUOTAS = 10
    """In which order the scenes of a round get what its quotas ask for; keyed by the round's first scene."""


def stream(seed: int, purpose: Purpose, *key: int) -> np.random.Generator:
    """Return the generator of `purpose` in the run `seed`.

    Args:
        seed: the run's seed, >= 0.
        purpose: what the numbers are for.
        key: further non-negative integers, for example the scene index and the attempt.
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(int(purpose), *key))
    return np.random.Generator(np.random.Philox(sequence))
