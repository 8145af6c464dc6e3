"""Scores of suction grasps: the seal, and how much load the lips resist."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.frames import Array
from graspgen.grasps.candidates import Candidates
from graspgen.grasps.seal import cup_seal
from graspgen.grasps.suction_wrench import STANDARD_GRAVITY, weights_resisted
from graspgen.grippers.suction import SuctionFile
from graspgen.raycast import RayCaster


@dataclass(frozen=True, eq=False)
class SuctionQuality:
    """Scores of n suction grasps.

    Attributes:
        seal: (n,) mean score of the cups that seal, in 0 … 1; 0 where none does.
        cups: (n,) bit i says that cup i seals.
        resists_any: (n,) multiple of the object's weight that the lips resist in the worst direction.
        resists_gravity: (n,) multiple of its weight that they resist under gravity where it lies; NaN without a scene.
    """

    seal: Array
    cups: NDArray[np.uint8]
    resists_any: Array
    resists_gravity: Array


def suction_quality(
    caster: RayCaster,
    candidates: Candidates,
    file: SuctionFile,
    com: ArrayLike,
    friction: float,
    mass: float,
    *,
    gravity: ArrayLike | None = None,
    force: float | None = None,
) -> SuctionQuality:
    """Score suction grasps of an object.

    Args:
        caster: the object's mesh, m, object frame.
        candidates: the grasps.
        file: the gripper's.
        com: (3,) centre of mass, m, object frame.
        friction: sliding friction of lips and object.
        mass: kg.
        gravity: (3,) m/s², object frame; None where there is no scene.
        force: of the vacuum on all cups, N; None for that of the file's vacuum.
    """
    n, T = len(candidates), candidates.T_object_grasp
    score = cup_seal(caster, T, file.cups, file.radius, file.depth).score
    sealed = score > 0
    total = file.max_force if force is None else min(force, file.max_force)
    known = (np.asarray(file.cups, float), file.radius, total / len(file.cups), sealed, T, com, friction)
    worst, under = weights_resisted(*known, mass * STANDARD_GRAVITY), np.full(n, np.nan)
    if gravity is not None and (size := float(np.linalg.norm(gravity))) > 0:
        under = weights_resisted(*known, mass * size, gravity)
    bits = (sealed * (1 << np.arange(len(file.cups)))).sum(axis=1).astype(np.uint8)
    mean = np.divide(score.sum(axis=1), sealed.sum(axis=1), out=np.zeros(n), where=sealed.any(axis=1))
    return SuctionQuality(mean, bits, worst, under)
