"""Judge what hands do that somebody else drives, by the rules of in-scene trials (`graspgen.grasps.scene_judge`).

An attempt begins open; it goes on to the close when the fingers are told to close, and ends by success, by failure, or
when they open again. The target is held once a close has ended with it between the fingers. It has been lifted once
its centre of mass has risen by the trials' lift, less the drift that they allow in the hand; and it is a success when
it has stayed up for the trials' hold, and stands still in the hand.
"""

from __future__ import annotations

from typing import Protocol as Interface

import numpy as np
from numpy.typing import NDArray

from graspgen.env.moment import Moment
from graspgen.frames import Array, rotation_angle
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import Profile
from graspgen.grasps.scene_course import pick
from graspgen.grasps.scene_judge import has_gripped, has_shut, is_blocked, judge_close, judge_held, judge_rest
from graspgen.grasps.scene_measures import Ids, Motion, length
from graspgen.grasps.scene_path import Stage
from graspgen.grippers.gripper import Gripper

#: Commands of the fingers slower than this share of their speed neither begin a close nor end one.
DEAD_BAND = 0.05

# Enumerations are slow to compare arrays with.
_APPROACH, _CLOSE, _LIFT, _HOLD, _ENDED = (
    int(s) for s in (Stage.APPROACH, Stage.CLOSE, Stage.LIFT, Stage.HOLD, Stage.ENDED)
)
_HELD = (_LIFT, _HOLD)
_SUCCESS, _OPEN = int(Outcome.SUCCESS), int(Outcome.NOT_TRIED)
_DROPPED = int(Outcome.DROPPED)


class Eyewitness(Interface):
    """What a judge asks to be measured of some hands, (m,) of them."""

    def touching(self, ids: Ids | slice, steps: int) -> NDArray[np.bool_]:
        """(m, fingers) whether each finger, or part of a lip, touches the target in any of the last steps; 0: all."""

    def in_hand(self, ids: Ids) -> tuple[Array, Array]:
        """(m, 3) m, centres of mass of the targets, and (m, 3, 3), how they are turned, in the hands."""

    def motion(self, ids: Ids) -> Motion:
        """Return how the targets move in the hands."""

    def squeezing(self, ids: Ids) -> NDArray[np.bool_]:
        """(m,) whether the grip is at its limit of force."""

    def rise(self, ids: Ids, since: Array) -> tuple[Array, Array]:
        """(m,) rise of each target since the (m, k) heights of all, m, and the largest of any other object's."""

    def lag(self, ids: Ids) -> tuple[Array, Array]:
        """(m,) m and (m,) rad, how far each hand is from where it was told to be."""


class Judge:
    """Follows n hands; arrays have one entry each.

    Attributes:
        stage: `Stage`: APPROACH, CLOSE, LIFT (held), HOLD (held, and high enough), ENDED (this attempt is over).
        outcome: `Outcome` of the last attempt that is over, NOT_TRIED before.
        held: whether the target is held, by a success too.
        rise: m, of the target since the close began, while it is held; else 0.
        touching: (n, 2) whether each finger touches the target.
        first_touch: instance id of what the open hand has touched first in this attempt, 0 the support, −1 nothing.

    Args:
        profile, gripper: what the trial model was made from.
        n: number of hands.
        objects: most of them that a hand is among.
        chunk: simulation steps of a control step.
    """

    #: What changes.
    fields: tuple[str, ...] = (
        "stage", "outcome", "samples", "close_samples", "touched", "x_open", "R_open", "x_ref", "R_ref", "rise",
        "touching", "first_touch", "held", "height",
    )  # fmt: skip

    def __init__(self, profile: Profile, gripper: Gripper, n: int, objects: int, chunk: int) -> None:
        p, s, dt = profile.protocol, profile.scene, profile.option.timestep
        self._protocol, self._limits, self._period = p, s, chunk * dt
        self._touch_steps = max(1, round(p.touch_time / dt))
        self._hold = max(1, round(s.hold / self._period))
        self._gripper = gripper
        #: Rise of the target from which it counts as lifted, m.
        self.high = s.lift - p.max_drift
        self.stage, self.outcome = np.full(n, _APPROACH), np.full(n, int(Outcome.NOT_TRIED))
        self.samples, self.close_samples = np.zeros(n, int), np.zeros(n)
        self.touched, self.touching = np.zeros(n, bool), np.zeros((n, 2), bool)
        self.first_touch = np.full(n, -1)
        self.x_open, self.x_ref = np.zeros((n, 3)), np.zeros((n, 3))
        self.R_open, self.R_ref = np.zeros((n, 3, 3)), np.zeros((n, 3, 3))
        self.rise, self.held, self.height = np.zeros(n), np.zeros(n, bool), np.zeros((n, objects))

    def begin(self, i: int) -> None:
        """Begin the episode of a hand."""
        row = np.array([i])
        self._open(row)
        self.outcome[i] = _OPEN
        self.touched[i], self.close_samples[i] = False, 0.0
        for kept in (self.x_open, self.x_ref, self.R_open, self.R_ref, self.height):
            kept[i] = 0.0

    def told(self, fingers: Array) -> list[int]:
        """Take note of what the fingers are told, (n,) in −1…1, before a control step; return which begin to close."""
        both = list(zip(self.stage.tolist(), fingers.tolist(), strict=True))
        again = [i for i, (stage, speed) in enumerate(both) if speed > DEAD_BAND and stage in (_ENDED, _CLOSE)]
        if again:
            self._open(np.array(again))
        return [i for i, (stage, speed) in enumerate(both) if speed < -DEAD_BAND and stage == _APPROACH]

    def close(self, ids: Ids, now: Moment, look: Motion, height: Array) -> None:
        """Begin closes on targets.

        Args:
            ids: (m,) which.
            now: measures of all hands before the control step.
            look: (m,) how the targets move in the hands.
            height: (m, k) m, of the centres of mass of all objects.
        """
        self.height[ids], self.x_open[ids], self.R_open[ids] = height, look.x, look.R
        self.close_samples[ids] = np.ceil(self._close_time(now.opening[ids]) / self._period)
        self.touched[ids] = False
        self._enter(ids, _CLOSE)

    def watch(self, now: Moment, wild: NDArray[np.bool_] | None, eyes: Eyewitness) -> None:
        """Judge after a control step.

        Args:
            now: measures of all hands.
            wild: (n,) whether an object is shot away, or the simulation has diverged; None where nothing has.
            eyes: what else can be measured, where it is needed.
        """
        self.touching[:] = self._touch(eyes)
        self.samples += 1
        if wild is not None:
            self._end(np.flatnonzero(wild & (self.stage != _ENDED)), Outcome.UNSTABLE)
        stages = self.stage.tolist()
        closing = [i for i, stage in enumerate(stages) if stage == _CLOSE]
        held = [i for i, stage in enumerate(stages) if stage in _HELD]
        if closing:
            self._watch_close(np.array(closing), now, eyes)
        if held:
            self._watch_held(np.array(held), eyes)

    def over(self, ids: Ids, outcome: Outcome) -> None:
        """End attempts from outside, for example by a touch on the approach."""
        self._end(ids, outcome)

    def saved(self, i: int) -> dict[str, NDArray]:
        """Return copies of all that changes of a hand."""
        return {name: getattr(self, name)[i].copy() for name in self.fields}

    def restore(self, i: int, saved: dict[str, NDArray]) -> None:
        """Go back to what `saved` returned."""
        for name, value in saved.items():
            getattr(self, name)[i] = value

    def _close_time(self, opening: Array) -> Array:
        """(m,) s that closes from (m,) openings, m, take at most."""
        return opening / self._gripper.file.closing_speed + self._protocol.close_time_limit

    def _touch(self, eyes: Eyewitness) -> NDArray[np.bool_]:
        """(n, 2) whether each finger touches the target now."""
        return eyes.touching(slice(None), 1)

    def _lost(self, ids: Ids, eyes: Eyewitness) -> NDArray[np.int64]:
        """(m,) how the targets have been lost, NOT_TRIED where they are still held."""
        return np.where(eyes.touching(ids, self._touch_steps).all(axis=1), _OPEN, _DROPPED)

    def _watch_close(self, ids: Ids, now: Moment, eyes: Eyewitness) -> None:
        felt = eyes.touching(ids, 0)
        if np.count_nonzero(felt):
            self.touched[ids] |= felt.any(axis=1)
        shut, both = has_shut(now.opening[ids]), np.logical_and.reduce(self.touching[ids], 1)
        late = shut | (self.samples[ids] >= self.close_samples[ids])
        if not (np.count_nonzero(late) or np.count_nonzero(both)):
            return
        squeezing = eyes.squeezing(ids)
        perhaps = late | (both & squeezing)
        if not np.count_nonzero(perhaps):
            return
        ids, late, both, squeezing = ids[perhaps], late[perhaps], both[perhaps], squeezing[perhaps]
        look = eyes.motion(ids)
        ended = late | has_gripped(self._protocol, both, now.rate[ids], look.com_speed, squeezing)
        if not ended.any():
            return
        ids, look, shut = ids[ended], pick(look, ended), shut[perhaps][ended]
        off = look.x - self.x_open[ids]
        codes = judge_close(
            eyes.touching(ids, self._touch_steps), shut, self.touched[ids], np.sqrt((off**2).sum(axis=1))
        )
        self._fail(ids, codes)
        both = codes == _OPEN
        held = ids[both]
        self.x_ref[held], self.R_ref[held] = look.x[both], look.R[both]
        self._enter(held, _LIFT)

    def _watch_held(self, ids: Ids, eyes: Eyewitness) -> None:
        x, R = eyes.in_hand(ids)
        off = x - self.x_ref[ids]
        turned = rotation_angle(R @ self.R_ref[ids].swapaxes(1, 2))
        own, other = eyes.rise(ids, self.height[ids])
        self.rise[ids] = own
        loss = self._lost(ids, eyes)
        lost = loss != _OPEN
        blocked = is_blocked(self._limits, *eyes.lag(ids))
        codes = judge_held(self._protocol, self._limits, length(off), turned, other, blocked, lost)
        codes[lost] = loss[lost]
        self._fail(ids, codes)
        held = codes == _OPEN
        ids, high = ids[held], own[held] >= self.high
        holding = self.stage[ids] == _HOLD
        self._enter(ids[high & ~holding], _HOLD)
        self._enter(ids[holding & ~high], _LIFT)
        over = ids[high & (self.samples[ids] >= self._hold)]
        if len(over):
            restless = judge_rest(self._protocol, eyes.motion(over))
            self._end(over[restless == _OPEN], Outcome.SUCCESS)
            late = self.samples[over] >= self._limits.patience * self._hold
            self._fail(over[late], restless[late])

    def _open(self, ids: Ids) -> None:
        self._enter(ids, _APPROACH)
        self.first_touch[ids] = -1
        self.rise[ids] = 0.0
        self.touching[ids] = False

    def _enter(self, ids: Ids, stage: int) -> None:
        if not len(ids):
            return
        self.stage[ids], self.held[ids] = stage, stage in _HELD
        self.samples[ids] = 0

    def _fail(self, ids: Ids, codes: NDArray[np.int64]) -> None:
        failed = codes != _OPEN
        if np.count_nonzero(failed):
            gone = ids[failed]
            self.stage[gone], self.outcome[gone], self.held[gone], self.rise[gone] = _ENDED, codes[failed], False, 0.0

    def _end(self, ids: Ids, outcome: Outcome) -> None:
        self.stage[ids], self.outcome[ids], self.held[ids] = _ENDED, outcome, outcome == _SUCCESS
        if outcome != Outcome.SUCCESS:
            self.rise[ids] = 0.0
