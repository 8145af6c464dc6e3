"""What became in the scene of grasps that were tried in free space, and what the collision bits knew of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graspgen.grasps.outcomes import Collision, Outcome

#: Outcomes of a hand that touched something on its way.
HITS = (Outcome.HITS_TARGET, Outcome.HITS_OBJECT, Outcome.HITS_SUPPORT)

#: What the bits foretell, by the outcome that they foretell.
_FORETOLD = {
    Outcome.HITS_TARGET: Collision.TARGET_AT_GRASP | Collision.TARGET_ON_APPROACH,
    Outcome.HITS_OBJECT: Collision.NEIGHBOUR_AT_GRASP | Collision.NEIGHBOUR_ON_APPROACH,
    Outcome.HITS_SUPPORT: Collision.SUPPORT_AT_GRASP | Collision.SUPPORT_ON_APPROACH,
}


@dataclass(frozen=True)
class Foretold:
    """Grasps of which the collision bits say the same, and what came of them in the scene.

    Attributes:
        name: what the bits say: "clear", or what the open hand touches.
        grasps: how many were tried in the scene.
        hits: of these, how many hit something.
        held: of these, how many succeeded.
    """

    name: str
    grasps: int
    hits: int
    held: int


@dataclass(frozen=True, eq=False)
class InScene:
    """Free-space outcomes against outcomes in the scene, of the grasps that were tried in both.

    Attributes:
        grasps: how many these are.
        free, scene: the outcomes that occur, in the order of their codes.
        counts: (len(free), len(scene)) grasps of each pair.
        foretold: what the bits say against what happened: clear first, then whatever is touched (a hand that touches
            several things counts for each), then all.
    """

    grasps: int
    free: tuple[Outcome, ...]
    scene: tuple[Outcome, ...]
    counts: NDArray[np.int64]
    foretold: tuple[Foretold, ...]

    @property
    def agreement(self) -> float:
        """Share of grasps of which both trials agree on success."""
        held = np.array([[(f == Outcome.SUCCESS) == (s == Outcome.SUCCESS) for s in self.scene] for f in self.free])
        return float(self.counts[held].sum() / self.grasps)


def in_scene(
    outcome: NDArray[np.uint8], outcome_in_scene: NDArray[np.uint8], collision: NDArray[np.uint8]
) -> InScene | None:
    """Compare (n,) outcomes in free space and in the scene; None where no grasp was tried in both.

    Args:
        outcome: column `grasps.outcome`.
        outcome_in_scene: column `grasps.outcome_in_scene`.
        collision: column `grasps.collision`.
    """
    both = (outcome != Outcome.NOT_TRIED) & (outcome_in_scene != Outcome.NOT_TRIED)
    if not both.any():
        return None
    a, b, bits = outcome[both], outcome_in_scene[both], collision[both]
    free, scene = np.unique(a), np.unique(b)
    counts = np.zeros((len(free), len(scene)), np.int64)
    np.add.at(counts, (np.searchsorted(free, a), np.searchsorted(scene, b)), 1)
    groups = {"clear": bits == 0}
    for what, mask in _FORETOLD.items():
        groups[what.name.lower().replace("_", " ")] = (bits & int(mask)) > 0
    groups["all"] = np.ones(len(a), bool)
    return InScene(
        grasps=len(a),
        free=tuple(Outcome(int(code)) for code in free),
        scene=tuple(Outcome(int(code)) for code in scene),
        counts=counts,
        foretold=tuple(
            Foretold(name, int(g.sum()), int(np.isin(b[g], HITS).sum()), int((b[g] == Outcome.SUCCESS).sum()))
            for name, g in groups.items()
        ),
    )
