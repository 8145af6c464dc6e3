"""Multi-finger hands in environments: one number closes them, from pregrasp through grasp to squeeze, as trials do.

Which joints a hand begins with and goes to is said when an episode begins; an action only says on or back. On goes the
close of the trials (`graspgen.grasps.finger_close`), a look every control step; back go all joints to where they began.
"""

from __future__ import annotations

from typing import Protocol as Interface

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.env.errors import EnvError
from graspgen.env.judge import DEAD_BAND, Eyewitness, Judge
from graspgen.env.moment import Moment
from graspgen.errors import GripperError
from graspgen.frames import Array
from graspgen.grasps.api import checked_fingers
from graspgen.grasps.finger_close import FingerClose, default_fingers, opposing
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import Profile
from graspgen.grasps.scene_course import pick
from graspgen.grasps.scene_judge import judge_close
from graspgen.grasps.scene_measures import Ids, Motion
from graspgen.grasps.scene_path import Stage
from graspgen.grippers.gripper import Gripper

_CLOSE, _LIFT = int(Stage.CLOSE), int(Stage.LIFT)
_OPEN = int(Outcome.NOT_TRIED)


class FingerWitness(Eyewitness, Interface):
    """What a judge of multi-finger hands asks besides."""

    def driven(self, ids: Ids) -> tuple[Array, Array]:
        """(m, d) driven joints, and their rates."""

    def link_forces(self, ids: Ids) -> Array:
        """(m, links, 3) N, forces of the links and the targets on each other."""


def fingers_at(gripper: Gripper, opening: float, given: ArrayLike | None) -> Array:
    """Return the (2, d) driven joints of a hand before closing, and at the grasp; of other grippers d is 0.

    Args:
        gripper: the hand.
        opening: m, of its postures, where no joints are given.
        given: (2, d) joints, rad or m.

    Raises:
        EnvError: there are joints and the gripper is no multi-finger hand, or they are not what it can do.
    """
    if given is None:
        return default_fingers(gripper, np.array([opening]))[0]
    try:
        return checked_fingers(gripper, np.asarray(given, float)[None], 1)[0]
    except (GripperError, ValueError, TypeError) as error:
        raise EnvError(str(error)) from None


class FingerJudge(Judge):
    """`Judge` of multi-finger hands, and what their servos are told.

    Of `touching`, the first says whether a link, the second whether two links touch the target.

    Attributes:
        grip: the targets of the servos.
        fingers: (n, 2, d) driven joints where episodes begin, and at the grasp.
        number: (n,) looks since the close began in which the hand was told to close.
    """

    fields = (*Judge.fields, "fingers", "number", "force")

    def __init__(self, profile: Profile, gripper: Gripper, n: int, objects: int, chunk: int) -> None:
        super().__init__(profile, gripper, n, objects, chunk)
        self.fingers = default_fingers(gripper, np.full(n, gripper.file.stroke))
        self.grip = FingerClose(gripper, self.fingers, None, self._period)
        self.number, self.force = np.zeros(n, int), np.full(n, np.nan)
        self._closing = np.zeros(n, bool)

    def ready(self, i: int, fingers: Array, force: float | None) -> None:
        """Put the servos of a hand to where an episode begins.

        Args:
            i: which hand.
            fingers: (2, d) driven joints before closing, and at the grasp.
            force: of each fingertip, N; None for the usual one.
        """
        self.fingers[i], self.force[i] = fingers, np.nan if force is None else force
        self.grip.restart(np.array([i]), fingers[None], force)

    def told(self, fingers: Array) -> list[int]:
        """Take note of what the hands are told; those that are told to open go back to where they began."""
        self._closing = fingers < -DEAD_BAND
        back = np.flatnonzero(fingers > DEAD_BAND)
        if len(back):
            self.grip.towards(back, self.fingers[back, 0])
        return super().told(fingers)

    def close(self, ids: Ids, now: Moment, look: Motion, height: Array) -> None:
        """Begin closes on targets; one that has begun goes on, whatever the target."""
        new = ids[self.stage[ids] != _CLOSE]
        super().close(ids, now, look, height)
        for i in new.tolist():
            way = np.stack([self.grip.target[i], self.fingers[i, 1]])
            self.grip.restart(np.array([i]), way[None], None if np.isnan(self.force[i]) else float(self.force[i]))
            self.number[i] = 0
        self.close_samples[ids] = self.grip.longest[ids] + np.ceil(self._protocol.close_time_limit / self._period)

    def saved(self, i: int) -> dict[str, NDArray]:
        """Return copies of all that changes of a hand."""
        grip = {f"grip_{k}": value for k, value in enumerate(self.grip.saved(i))}
        return {**super().saved(i), **grip}

    def restore(self, i: int, saved: dict[str, NDArray]) -> None:
        """Go back to what `saved` returned."""
        own = {name: value for name, value in saved.items() if not name.startswith("grip_")}
        super().restore(i, own)
        self.grip.restore(i, tuple(saved[f"grip_{k}"] for k in range(len(saved) - len(own))))

    def _close_time(self, opening: Array) -> Array:
        return np.zeros(len(opening))  # it depends on where the joints go (`close`)

    def _watch_close(self, ids: Ids, now: Moment, eyes: FingerWitness) -> None:
        self.touched[ids] |= eyes.touching(ids, 0).any(axis=1)
        done, on = np.zeros(len(ids), bool), self._closing[ids]
        q, rate = eyes.driven(ids)
        self.number[ids[on]] += 1
        done[on] = self.grip.advance(ids[on], self.number[ids[on]], q[on], rate[on])
        look = eyes.motion(ids)
        ended = (done & (look.com_speed < self._protocol.still_speed)) | (self.samples[ids] >= self.close_samples[ids])
        if not ended.any():
            return
        ids, look = ids[ended], pick(look, ended)
        touching = eyes.touching(ids, self._touch_steps)
        touching[:, 1] &= opposing(self._gripper, eyes.link_forces(ids))
        off = np.linalg.norm(look.x - self.x_open[ids], axis=1)
        codes = judge_close(touching, np.zeros(len(ids), bool), self.touched[ids], off)
        self._fail(ids, codes)
        both = codes == _OPEN
        held = ids[both]
        self.x_ref[held], self.R_ref[held] = look.x[both], look.R[both]
        self._enter(held, _LIFT)
