"""Judge what hands do that somebody else drives, by the rules of in-scene trials (`graspgen.grasps.scene_judge`).

An attempt begins open; it goes on to the close when the fingers are told to close, and ends by success, by failure, or
when they open again. The target is held once a close has ended with it between the fingers. It has been lifted once
its centre of mass has risen by the trials' lift, less the drift that they allow in the hand; and it is a success when
it has stayed up for the trials' hold, and stands still in the hand.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array, rotation_angle
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import Profile
from graspgen.grasps.scene_course import pick
from graspgen.grasps.scene_judge import has_gripped, has_shut, is_blocked, judge_close, judge_held, judge_rest
from graspgen.grasps.scene_measures import Ids, Motion, SceneMeasures
from graspgen.grasps.scene_path import Stage
from graspgen.grippers.gripper import Gripper

#: Commands of the fingers slower than this share of their speed neither begin a close nor end one.
DEAD_BAND = 0.05

# Enumerations are slow to compare arrays with.
_APPROACH, _CLOSE, _LIFT, _HOLD, _ENDED = (
    int(s) for s in (Stage.APPROACH, Stage.CLOSE, Stage.LIFT, Stage.HOLD, Stage.ENDED)
)
_SUCCESS, _OPEN = int(Outcome.SUCCESS), int(Outcome.NOT_TRIED)
_DROPPED = int(Outcome.DROPPED)


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
        chunk: simulation steps of a control step.
    """

    #: What changes.
    fields: tuple[str, ...] = (
        "stage", "outcome", "samples", "close_samples", "touched", "x_open", "R_open", "x_ref", "R_ref", "rise",
        "touching", "first_touch", "held",
    )  # fmt: skip

    def __init__(self, profile: Profile, gripper: Gripper, n: int, chunk: int) -> None:
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
        self.rise, self.held = np.zeros(n), np.zeros(n, bool)

    def begin(self, ids: Ids) -> None:
        """Begin episodes."""
        self._open(ids)
        self.outcome[ids] = Outcome.NOT_TRIED

    def told(self, ids: Ids, fingers: Array) -> Ids:
        """Take note of what the fingers are told, (m,) in −1…1, before a control step; return which begin to close."""
        stage, opening = self.stage[ids], fingers > DEAD_BAND
        if opening.any():
            self._open(ids[opening & ((stage == _ENDED) | (stage == _CLOSE))])
        return ids[(stage == _APPROACH) & (fingers < -DEAD_BAND)]

    def close(self, ids: Ids, state: SceneMeasures, look: Motion) -> None:
        """Begin closes on the targets of `state`, which move so before the control step."""
        state.mark(ids)
        self.x_open[ids], self.R_open[ids] = look.x, look.R
        opening, _ = state.opening(ids)
        self.close_samples[ids] = np.ceil(self._close_time(opening) / self._period)
        self.touched[ids] = False
        self._enter(ids, _CLOSE)

    def watch(
        self,
        ids: Ids,
        state: SceneMeasures,
        seen: Array,
        motion: Callable[[], Motion],
        lag: Callable[[], tuple[Array, Array]],
    ) -> None:
        """Judge after a control step.

        Args:
            ids: (m,) which.
            state: measures them.
            seen: (m, steps, sensors) of the control step.
            motion: returns how the (m,) targets move in the hands.
            lag: returns (m,) m and rad, how far each hand is from where it was told to be.
        """
        self.touching[ids] = self._touch(ids, state, seen)
        self.samples[ids] += 1
        wild = state.unstable(ids) & (self.stage[ids] != _ENDED)
        if wild.any():
            self._end(ids[wild], Outcome.UNSTABLE)
        stage = self.stage[ids]
        busy = np.flatnonzero((stage == _CLOSE) | (stage == _LIFT) | (stage == _HOLD))
        if not len(busy):
            return
        look = motion() if len(busy) == len(ids) else pick(motion(), busy)
        closing = stage[busy] == _CLOSE
        if len(ids) == 1 and closing[0]:  # the same without copies: most calls are for one hand
            self._watch_close(ids, state, look, seen)
            return
        if closing.any():
            self._watch_close(ids[busy][closing], state, pick(look, closing), seen[busy][closing])
        if not closing.all():
            up, rows = ~closing, busy[~closing]
            off, turned = lag()
            blocked = is_blocked(self._limits, off[rows], turned[rows])
            self._watch_held(ids[rows], state, pick(look, up), seen[rows], blocked)

    def over(self, ids: Ids, outcome: Outcome) -> None:
        """End attempts from outside, for example by a touch on the approach."""
        self._end(ids, outcome)

    def saved(self) -> dict[str, NDArray]:
        """Return copies of all that changes."""
        return {name: getattr(self, name).copy() for name in self.fields}

    def restore(self, saved: dict[str, NDArray]) -> None:
        """Go back to what `saved` returned."""
        for name, value in saved.items():
            getattr(self, name)[...] = value

    def _close_time(self, opening: Array) -> Array:
        """(m,) s that closes from (m,) openings, m, take at most."""
        return opening / self._gripper.file.closing_speed + self._protocol.close_time_limit

    def _touch(self, ids: Ids, state: SceneMeasures, seen: Array) -> NDArray[np.bool_]:
        """(m, 2) whether each finger touches the target now."""
        return state.touching(seen[:, -1:])

    def _lost(self, ids: Ids, state: SceneMeasures, seen: Array) -> NDArray[np.int64]:
        """(m,) how the targets have been lost, NOT_TRIED where they are still held."""
        return np.where(state.touching(seen[:, -self._touch_steps :]).all(axis=1), _OPEN, _DROPPED)

    def _watch_close(self, ids: Ids, state: SceneMeasures, look: Motion, seen: Array) -> None:
        self.touched[ids] |= state.touching(seen).any(axis=1)
        opening, rate = state.opening(ids)
        shut, both = has_shut(opening), self.touching[ids].all(axis=1)
        ended = has_gripped(self._protocol, both, rate, look.com_speed, state.squeezing(ids)) | shut
        ended |= self.samples[ids] >= self.close_samples[ids]
        if not ended.any():
            return
        ids, look = ids[ended], pick(look, ended)
        drift = np.linalg.norm(look.x - self.x_open[ids], axis=1)
        codes = judge_close(state.touching(seen[ended, -self._touch_steps :]), shut[ended], self.touched[ids], drift)
        self._fail(ids, codes)
        both = codes == _OPEN
        held = ids[both]
        self.x_ref[held], self.R_ref[held] = look.x[both], look.R[both]
        self._enter(held, _LIFT)

    def _watch_held(
        self, ids: Ids, state: SceneMeasures, look: Motion, seen: Array, blocked: NDArray[np.bool_]
    ) -> None:
        drift = np.linalg.norm(look.x - self.x_ref[ids], axis=1)
        turned = rotation_angle(look.R @ np.swapaxes(self.R_ref[ids], 1, 2))
        own, other = state.rise(ids)
        self.rise[ids] = own
        loss = self._lost(ids, state, seen)
        lost = loss != _OPEN
        codes = judge_held(self._protocol, self._limits, drift, turned, other, blocked, lost)
        codes[lost] = loss[lost]
        self._fail(ids, codes)
        held = codes == _OPEN
        ids, look, high = ids[held], pick(look, held), own[held] >= self.high
        self._enter(ids[high & (self.stage[ids] == _LIFT)], _HOLD)
        self._enter(ids[~high & (self.stage[ids] == _HOLD)], _LIFT)
        over = high & (self.samples[ids] >= self._hold)
        if over.any():
            restless = judge_rest(self._protocol, look)
            self._end(ids[over & (restless == _OPEN)], Outcome.SUCCESS)
            late = over & (self.samples[ids] >= self._limits.patience * self._hold)
            self._fail(ids[late], restless[late])

    def _open(self, ids: Ids) -> None:
        self._enter(ids, _APPROACH)
        self.first_touch[ids] = -1
        self.rise[ids] = 0.0
        self.touching[ids] = False

    def _enter(self, ids: Ids, stage: int) -> None:
        self.stage[ids], self.held[ids] = stage, stage in (_LIFT, _HOLD)
        self.samples[ids] = 0

    def _fail(self, ids: Ids, codes: NDArray[np.int64]) -> None:
        failed = codes != _OPEN
        if failed.any():
            gone = ids[failed]
            self.stage[gone], self.outcome[gone], self.held[gone], self.rise[gone] = _ENDED, codes[failed], False, 0.0

    def _end(self, ids: Ids, outcome: Outcome) -> None:
        self.stage[ids], self.outcome[ids], self.held[ids] = _ENDED, outcome, outcome == _SUCCESS
        if outcome != Outcome.SUCCESS:
            self.rise[ids] = 0.0
