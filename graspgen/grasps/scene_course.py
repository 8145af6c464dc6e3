"""The course of in-scene trials: approach, close, lift, hold, shake; many trials in step, each in its own phase."""

from __future__ import annotations

from typing import TypeVar

import mujoco
import numpy as np
from mujoco.batch import Batch, SimulationError
from numpy.typing import NDArray

from graspgen.frames import Array, rotation_angle
from graspgen.grasps.outcomes import Outcome, Phase
from graspgen.grasps.pierced import pierced
from graspgen.grasps.profile import Profile
from graspgen.grasps.scene_judge import has_gripped, has_shut, is_blocked, judge_close, judge_held, judge_rest
from graspgen.grasps.scene_model import SceneModel
from graspgen.grasps.scene_path import HandPath, Stage
from graspgen.grasps.scene_recorder import STATE, Recorder
from graspgen.grasps.scene_state import Ids, Look, Motion, SceneState
from graspgen.grasps.scene_touch import first_touch
from graspgen.grippers.gripper import Gripper

_M = TypeVar("_M", bound=Motion)

_PHASE = {
    Stage.APPROACH: Phase.APPROACH,
    Stage.CLOSE: Phase.CLOSE,
    Stage.LIFT: Phase.LIFT,
    Stage.HOLD: Phase.HOLD,
    Stage.SHAKE: Phase.SHAKE,
}


class SceneCourse:
    """Runs n trials in one settled scene and writes what happens into `results`.

    Every trial is one simulation of a `mujoco.batch.Batch`, stepped by native rollouts of one sample period, whose
    contacts of the hand are recorded at every step. Trials are looked at between rollouts; each is at its own stage,
    and one that has ended is no longer stepped.

    Args:
        scene: the trial model.
        batch: one simulation a trial.
        state: the trials at their start.
        path: of the hand.
        gripper, profile: what the model was made from.
        target: (n,) instance id of each trial's target.
        width: (n,) openings before closing, m.
        results: the fields of `SceneTrialResults`; trials whose outcome is not NOT_TRIED are left alone.
        record: keeps the states that trials go through, or None.
    """

    def __init__(
        self,
        scene: SceneModel,
        batch: Batch,
        state: SceneState,
        path: HandPath,
        gripper: Gripper,
        profile: Profile,
        *,
        target: Ids,
        width: Array,
        results: dict[str, NDArray],
        record: Recorder | None = None,
    ) -> None:
        n, p, s, dt = len(target), profile.protocol, profile.scene, profile.option.timestep
        self._scene, self._batch, self._state, self._path = scene, batch, state, path
        self._protocol, self._limits, self._target = p, s, target
        self._results, self._record = results, record
        self._chunk, self._period = path.chunk, path.chunk * dt
        self._touch_steps = max(1, round(p.touch_time / dt))
        self._close_samples = np.ceil(self._close_time(gripper, width) / self._period)
        self._hold_samples = max(1, round(s.hold / self._period))
        self._stage = np.full(n, Stage.ENDED)
        self._at = self._stage.copy()  # the stage of the steps that are looked at
        self._samples = np.zeros(n, int)  # since the stage began
        self._lifting = np.zeros(n, int)  # since the lift began
        self._touched = np.zeros(n, bool)
        self._x_open, self._R_open = np.zeros((n, 3)), np.zeros((n, 3, 3))  # of the target before the close
        self._x_ref, self._R_ref = np.zeros((n, 3)), np.zeros((n, 3, 3))  # and after it

    def _close_time(self, gripper: Gripper, width: Array) -> Array:
        """(n,) s that the close takes at most."""
        self._closing_speed = gripper.file.closing_speed
        return width / self._closing_speed + self._protocol.close_time_limit

    def run(self) -> None:
        """Run every trial to its end."""
        ids = np.flatnonzero(self._results["outcome"] == Outcome.NOT_TRIED)
        self._stage[ids] = self._at[ids] = Stage.APPROACH
        if self._record is not None:
            for trial in ids.tolist():
                self._record.keep(trial, self._batch.state[trial : trial + 1], Phase.APPROACH)
        self._refuse_inside(ids)
        watchers = (
            (Stage.CLOSE, self._watch_close),
            (Stage.LIFT, self._watch_lift),
            (Stage.HOLD, self._watch_hold),
            (Stage.SHAKE, self._watch_shake),
        )
        while len(ids := np.flatnonzero(self._stage != Stage.ENDED)):
            self._at[:] = self._stage
            approaching = ids[self._at[ids] == Stage.APPROACH]
            before = self._batch.state[approaching].copy()
            control, seen = self._advance(ids)
            self._end(ids[self._state.unstable(ids)], Outcome.UNSTABLE)
            now = self._at[ids] == Stage.APPROACH
            self._watch_touch(approaching, before, control[now], seen[now])
            arrived = self._samples[ids] >= self._path.samples(Stage.APPROACH)
            going = (self._stage[ids] != Stage.ENDED) & (~now | arrived)
            if not going.any():
                continue
            ids, seen = ids[going], seen[going]
            look = self._state.look(ids)
            lag, turn_lag = self._follow(ids, look)
            there = self._at[ids] == Stage.APPROACH
            self._arrive(ids[there], pick(look, there))
            blocked = is_blocked(self._limits, lag, turn_lag)
            for stage, watch in watchers:
                now = np.flatnonzero(self._at[ids] == stage)
                if len(now):
                    watch(ids[now], pick(look, now), seen[now], blocked[now])

    def linger(self, duration: float) -> None:
        """Let ended trials go on for a while, s, with the hand where it was going; changes no result.

        For the eye only: a trial that has touched something on its approach stays as it is.
        """
        went_on = np.flatnonzero(self._results["first_touch"] < 0)
        steps = round(duration / self._period) * self._chunk
        if not steps or not len(went_on):
            return
        control = np.repeat(self._batch.ctrl[went_on, None], steps, axis=1)
        states = self._batch.rollout(steps, control, record=(STATE,), ids=went_on)[STATE]
        if self._record is not None:
            for trial, kept in zip(went_on.tolist(), states, strict=True):
                self._record.keep(trial, kept, Phase(int(self._results["phase"][trial])))

    def _advance(self, ids: Ids) -> tuple[Array, Array]:
        """Step trials by a sample period.

        Returns:
            (m, steps, nu) controls, and (m, steps, sensors) sensors of the states before each step.
        """
        control = np.zeros((len(ids), self._chunk, self._scene.model.nu))
        stage = self._at[ids]
        control[..., self._state.servos] = self._path.targets(stage, self._samples[ids], self._state.up[ids])
        self._grip(control, ids, stage >= Stage.CLOSE)
        record = ("sensordata",) if self._record is None else ("sensordata", STATE)
        size = {"sensordata": self._scene.model.nsensordata, STATE: self._batch.nstate}
        got = {item: np.zeros((len(ids), self._chunk, size[item])) for item in record}
        try:
            self._batch.rollout(self._chunk, control, record=record, ids=ids, out=got)
        except SimulationError as error:
            self._end(error.ids, Outcome.UNSTABLE)  # they keep their last state; the others have run on
        if self._record is not None:
            for trial, states in zip(ids.tolist(), got[STATE], strict=True):
                self._record.keep(trial, states, _PHASE[Stage(self._at[trial])])
        self._samples[ids] += 1
        self._lifting[ids[stage >= Stage.LIFT]] += 1
        self._results["steps"][ids] += self._chunk
        return control, got["sensordata"]

    def _grip(self, control: Array, ids: Ids, closing: NDArray[np.bool_]) -> None:
        """Write what closes the hand into (m, steps, nu) controls."""
        control[..., self._state.grip] = np.where(closing, -self._closing_speed, 0.0)[:, None]

    def _lost(self, ids: Ids, seen: Array) -> NDArray[np.int64]:
        """(m,) how trials have lost their target, NOT_TRIED where they still hold it."""
        held = self._state.touching(seen[:, -self._touch_steps :]).all(axis=1)
        return np.where(held, int(Outcome.NOT_TRIED), int(Outcome.DROPPED))

    def _refuse_inside(self, ids: Ids) -> None:
        """End trials whose open hand is inside something where the approach begins."""
        self._batch.forward(ids=ids, stage=int(mujoco.mjtStage.mjSTAGE_POS))
        inside = ids[self._state.hand_hits(self._state.sensors[ids])]
        for trial in inside.tolist():
            self._name(trial, first_touch(self._scene, self._batch.state[trial], np.zeros((0, self._scene.model.nu))))
        ids = ids[self._stage[ids] != Stage.ENDED]
        owner = self._scene.instance
        bodies = pierced(self._scene.model, owner[self._scene.model.geom_bodyid] == -1, self._batch.state[ids])
        for trial, body in zip(ids[bodies >= 0].tolist(), bodies[bodies >= 0].tolist(), strict=True):
            self._name(trial, int(owner[body]))

    def _watch_touch(self, ids: Ids, before: Array, control: Array, seen: Array) -> None:
        """End trials whose hand has touched anything on its approach; the first thing touched is named."""
        hits = self._state.hand_hits(seen) & (self._stage[ids] != Stage.ENDED)[:, None]
        for i in np.flatnonzero(hits.any(axis=1)):
            step = int(hits[i].argmax())
            self._name(int(ids[i]), first_touch(self._scene, before[i], control[i, :step]))
            self._batch.state[ids[i]] = before[i]  # what the hand has done since the touch is no part of the trial
            if self._record is not None:
                self._record.drop(int(ids[i]), self._chunk - step)

    def _name(self, trial: int, found: int | None) -> None:
        if found is None:
            return  # the hand touches itself
        self._results["first_touch"][trial] = found
        outcome = Outcome.HITS_TARGET if found == self._target[trial] else Outcome.HITS_OBJECT
        self._end(np.array([trial]), outcome if found else Outcome.HITS_SUPPORT)

    def _arrive(self, ids: Ids, look: Look) -> None:
        """Close the hands that are at their grasps."""
        self._x_open[ids], self._R_open[ids] = look.x, look.R
        self._enter(ids, Stage.CLOSE)

    def _watch_close(self, ids: Ids, look: Look, seen: Array, blocked: NDArray[np.bool_]) -> None:
        """End the close of trials that hold, have shut, or take too long."""
        p, r, state = self._protocol, self._results, self._state
        touching = state.touching(seen[:, -1:])
        self._touched[ids] |= state.touching(seen).any(axis=1)
        opening, rate = state.opening(ids)
        shut = has_shut(opening)
        ended = has_gripped(p, touching.all(axis=1), rate, look.com_speed, state.squeezing(ids)) | shut
        ended |= self._samples[ids] >= self._close_samples[ids]
        if not ended.any():
            return
        ids, look, seen, opening, shut = ids[ended], pick(look, ended), seen[ended], opening[ended], shut[ended]
        r["drift_closing"][ids] = np.linalg.norm(look.x - self._x_open[ids], axis=1)
        r["rotation_closing"][ids] = rotation_angle(look.R @ np.swapaxes(self._R_open[ids], 1, 2))
        r["width"][ids] = np.maximum(opening, 0.0)  # fingers that slam shut overshoot their stops
        r["grip_force"][ids] = state.normal_force(ids, seen[:, -1], look)
        touching = state.touching(seen[:, -self._touch_steps :])
        codes = judge_close(touching, shut, self._touched[ids], r["drift_closing"][ids])
        for code in np.unique(codes[codes != Outcome.NOT_TRIED]):
            self._end(ids[codes == code], Outcome(int(code)))
        both = codes == Outcome.NOT_TRIED
        self._hold(ids[both], pick(look, both))

    def _hold(self, held: Ids, look: Look) -> None:
        """Lift what is held after the close."""
        r = self._results
        self._x_ref[held], self._R_ref[held] = look.x, look.R
        r["drift_holding"][held] = r["rotation_holding"][held] = r["lift_height"][held] = 0.0
        r["peak_acceleration"][held] = self._path.lift_acceleration
        self._enter(held, Stage.LIFT)

    def _watch_lift(self, ids: Ids, look: Look, seen: Array, blocked: NDArray[np.bool_]) -> None:
        held = self._watch_held(ids, look, seen, blocked)
        self._enter(ids[held & (self._samples[ids] >= self._path.samples(Stage.LIFT))], Stage.HOLD)

    def _watch_hold(self, ids: Ids, look: Look, seen: Array, blocked: NDArray[np.bool_]) -> None:
        calm = self._rested(ids, look, seen, blocked, self._samples[ids])
        self._results["wrench"][calm] = self._state.wrench(calm)
        if self._path.shakes:
            peak = self._results["peak_acceleration"]
            peak[calm] = np.maximum(peak[calm], self._protocol.acceleration)
            self._enter(calm, Stage.SHAKE)
        else:
            self._end(calm, Outcome.SUCCESS)

    def _watch_shake(self, ids: Ids, look: Look, seen: Array, blocked: NDArray[np.bool_]) -> None:
        resting = self._samples[ids] - self._path.samples(Stage.SHAKE)
        self._end(self._rested(ids, look, seen, blocked, resting), Outcome.SUCCESS)

    def _rested(self, ids: Ids, look: Look, seen: Array, blocked: NDArray[np.bool_], samples: NDArray[np.int64]) -> Ids:
        """Judge trials; return those that have rested for the hold's time and whose object stands still at its end."""
        held = self._watch_held(ids, look, seen, blocked)
        restless = judge_rest(self._protocol, look)
        over = held & (samples >= self._hold_samples)
        late = over & (samples >= self._limits.patience * self._hold_samples)
        for code in (Outcome.SLIPPED, Outcome.ROTATED):
            self._fail(ids[late & (restless == code)], code)
        return ids[over & (restless == Outcome.NOT_TRIED)]

    def _watch_held(self, ids: Ids, look: Look, seen: Array, blocked: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Judge trials against their state after the close, end those that fail, and return (m,) which still hold."""
        r = self._results
        drift = np.linalg.norm(look.x - self._x_ref[ids], axis=1)
        turned = rotation_angle(look.R @ np.swapaxes(self._R_ref[ids], 1, 2))
        own, other = self._state.rise(ids)
        loss = self._lost(ids, seen)
        lost = loss != Outcome.NOT_TRIED
        outcome = judge_held(self._protocol, self._limits, drift, turned, other, blocked, lost)
        outcome[lost] = loss[lost]
        for name, now in (("drift_holding", drift), ("rotation_holding", turned)):
            r[name][ids] = np.maximum(r[name][ids], now)
        held = ids[~lost]
        r["lift_height"][held] = np.maximum(r["lift_height"][held], own[~lost])
        for code in np.unique(outcome[outcome != Outcome.NOT_TRIED]):
            self._fail(ids[outcome == code], Outcome(int(code)))
        return outcome == Outcome.NOT_TRIED

    def _follow(self, ids: Ids, look: Look) -> tuple[Array, Array]:
        """(m,) m and rad by which the hand is off its path; keep the largest of the first."""
        shift, turn = self._path.planned(self._at[ids], self._samples[ids], self._state.up[ids])
        off = np.linalg.norm(look.shift - shift, axis=1)
        lag = self._results["tracking_error"]
        lag[ids] = np.fmax(lag[ids], off)
        return off, rotation_angle(np.swapaxes(turn, 1, 2) @ look.turn)

    def _enter(self, ids: Ids, stage: Stage) -> None:
        self._stage[ids] = stage
        self._samples[ids] = 0
        self._results["phase"][ids] = _PHASE[stage]

    def _fail(self, ids: Ids, outcome: Outcome) -> None:
        """End trials that fail after the close."""
        r = self._results
        r["time_to_failure"][ids] = self._lifting[ids] * self._period
        for trial in ids[self._at[ids] == Stage.SHAKE].tolist():
            shake = int((self._samples[trial] - 1) // (self._path.samples(Stage.SHAKE) / self._path.shakes))
            r["failed_direction"][trial] = shake if shake < self._path.shakes else -1
        self._end(ids, outcome)

    def _end(self, ids: Ids, outcome: Outcome) -> None:
        self._results["outcome"][ids] = outcome
        self._stage[ids] = Stage.ENDED


def pick(look: _M, rows: NDArray) -> _M:
    """Return some rows of a look."""
    return type(look)(**{name: values[rows] for name, values in vars(look).items()})
