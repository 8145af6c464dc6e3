"""Which object a hand is after: a given one, or whatever it is nearest to, or has between its fingers."""

from __future__ import annotations

import numpy as np

from graspgen.env.cups import CupJudge
from graspgen.env.drive import Driver
from graspgen.env.fingers import FingerJudge
from graspgen.env.judge import Judge
from graspgen.env.moment import nearest_box
from graspgen.env.touches import between
from graspgen.env.witness import Witness
from graspgen.grasps.profile import Profile
from graspgen.grasps.scene_measures import Ids
from graspgen.grasps.scene_path import Stage
from graspgen.grippers.gripper import Gripper

# Enumerations are slow to compare arrays with.
_APPROACH = int(Stage.APPROACH)

_ONE = np.zeros(1, np.int64)


class Aim(Witness):
    """Gives hands their targets; arrays have one entry each.

    Attributes:
        judge: of the attempts to grasp.
        fixed: whether the target is a given one; else it is what the hand is nearest to, or has between its fingers.

    Args:
        gripper, profile: the hand, and how trials are simulated and judged.
        driver: what drives the hands.
        n: how many.
        objects: most of them in a scene.
        chunk: simulation steps of a control step.
    """

    def __init__(self, gripper: Gripper, profile: Profile, driver: Driver, n: int, objects: int, chunk: int) -> None:
        super().__init__(gripper, driver, n, objects, chunk)
        kind = CupJudge if gripper.suction else FingerJudge if gripper.fingered else Judge
        self.judge: Judge = kind(profile, gripper, n, objects, chunk)
        self.fixed = np.zeros(n, bool)
        self._aims = objects > 1  # else there is no other one

    def _aim(self, first: int, end: int) -> None:
        """Make the object whose box the tool point is in, or nearest to, the target of hands that approach."""
        if not self._aims:
            return
        free = (self.judge.stage == _APPROACH) & ~self.fixed & (self.targets >= 0)
        if not np.count_nonzero(free):
            return
        nearest = nearest_box(self.moment, self._half)
        for i in np.flatnonzero(free & (nearest != self.targets)).tolist():
            if first <= i < end:
                self._retarget(i, int(nearest[i]))

    def _aim_at(self, i: int, number: int) -> int:
        """Make an object the target, where that is not a given one; return the number of the target."""
        if not self.fixed[i] and number != self.targets[i]:
            self._retarget(i, number)
            self._close(np.array([i]))
        return int(self.targets[i])

    def _aim_by_touch(self, ids: Ids) -> None:
        """Make what both fingers, or two links, have between them the target, where it is another one."""
        if len(ids) and not self.gripper.fingered:
            ids = ids[self.squeezing(ids)]
        for i in ids.tolist():
            place = self.places[i]
            common = between(place, self.gripper)
            if common and int(place.ids[self.targets[i]]) not in common:
                self._retarget(i, int(np.searchsorted(place.ids, common[0])))
                self._close(np.array([i]))

    def _retarget(self, i: int, number: int) -> None:
        self.targets[i] = number
        self.states[i].retarget(_ONE, np.array([number]), self.places[i].physics.friction[[number]])

    def _close(self, ids: Ids) -> None:
        """Begin closes on the targets."""
        self.judge.close(ids, self.moment, self.motion(ids), self.moment.height(ids, self._com))
