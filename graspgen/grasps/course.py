"""The course of free-space trials: close, reference pose, disturbances; many trials in step, each in its own phase."""

from __future__ import annotations

from enum import IntEnum

import mujoco
import numpy as np
from mujoco.batch import Batch, SimulationError
from numpy.typing import NDArray

from graspgen.frames import Array, cross, inverse, pose_to_qpos, quat_to_matrix, rotation_angle
from graspgen.grasps.outcomes import Outcome, Phase
from graspgen.grasps.pierced import pierced
from graspgen.grasps.profile import Profile
from graspgen.grippers.gripper import Gripper, opening_to_joints

Ids = NDArray[np.int64]

#: Prefix of the sensors of contact between a finger and the object.
TOUCH = "touch_"

#: An object faster than this has been shot away by the solver, m/s.
WILD_SPEED = 20.0

#: An object that has moved less than this was not touched, m; nothing else moves it.
UNTOUCHED = 1e-4

#: Opening below which the fingers count as shut, m. Pads sink about 0.2 mm into what they squeeze.
SHUT = 1e-4


class _State(IntEnum):
    """Where a running trial is."""

    CLOSING = 0
    PUSHED = 1
    HOLDING = 2
    ENDED = 3


class FreeCourse:
    """Runs n trials of one object and writes what happens into `results`.

    Every trial is one simulation of a `mujoco.batch.Batch`. All are looked at once a sample period; each is in its own
    phase, and one that has ended is no longer stepped.

    A trial that holds after the close is pushed at the nominal acceleration; that decides its outcome. When `graded`,
    it then climbs the profile's ladder of accelerations while it holds, or descends it until it holds; every rung
    starts from the state after the close, and changes nothing but `held_acceleration` and `peak_acceleration`.

    Args:
        batch: one simulation a trial, of the model from `trial_model`; per-trial masses and frictions are set already.
        gripper, profile: what the model was made from.
        T_object_grasp: (n, 4, 4) grasp frames in the object's frame.
        width: (n,) openings before closing, m.
        grip_width: (n,) openings where the pads should meet the object, m; the grasp frame is the tool point there.
        com: (n, 3) centres of mass, object frame, m.
        results: the fields of `TrialResults`; trials whose outcome is not NOT_TRIED are left alone.
        graded: whether to try the other rungs of the ladder.
    """

    def __init__(
        self,
        batch: Batch,
        gripper: Gripper,
        profile: Profile,
        T_object_grasp: Array,
        width: Array,
        grip_width: Array,
        com: Array,
        results: dict[str, NDArray],
        *,
        graded: bool,
    ) -> None:
        n, model, p = len(width), batch.model, profile.protocol
        self._batch, self._protocol, self._results, self._com = batch, p, results, com
        self._graded, self._gripper = graded, gripper
        self._chunk = max(1, round(p.sample_period / profile.option.timestep))
        self._period = self._chunk * profile.option.timestep
        self._bind(model)
        self._object[:] = pose_to_qpos(gripper.T_base_tool(grip_width) @ inverse(T_object_grasp))
        self._bind_hand(model)
        self._start_close(width)
        self._touch_steps = round(p.touch_time / profile.option.timestep)
        self._patience = p.patience
        self._hold_samples = max(1, round(p.hold / self._period))
        self._accelerations = p.acceleration * np.array(p.ladder)
        self._nominal = p.ladder.index(1.0)
        # The same push shows the same drift in a time that shrinks with the root of its acceleration.
        self._push_samples = np.maximum(1, np.rint(p.duration / np.sqrt(p.ladder) / self._period)).astype(int)
        self._tool = gripper.tool_point(grip_width)  # (n, 3), hand frame
        R = gripper.T_base_tcp[:3, :3]
        # Of every push, for an acceleration of 1 m/s²: the hand's linear and angular acceleration.
        self._linear = np.concatenate([_unit(p.directions), np.zeros((len(p.turns), 3))]) @ R.T
        self._angular = np.concatenate([np.zeros((len(p.directions), 3)), _unit(p.turns) / p.turn_arm]) @ R.T

        self._state = np.full(n, _State.ENDED)
        self._level = np.full(n, self._nominal)
        self._number = np.zeros(n, int)  # of the present push
        self._samples = np.zeros(n, int)  # since the present push, or state, began
        self._elapsed = np.zeros(n, int)  # samples since the first push of the rung
        self._touched = np.zeros(n, bool)
        self._x, self._R = self._object_pose()
        self._x_ref, self._R_ref = self._x.copy(), self._R.copy()
        self._rows_ref = np.zeros((n, batch.nstate))
        self._warnings = batch.warning[:, :, 1].sum(axis=1)

    def _bind(self, model: mujoco.MjModel) -> None:
        batch, thing = self._batch, model.joint("object")
        self._qpos, self._qvel = batch.qpos, batch.qvel
        self._object = batch.qpos[:, thing.qposadr[0] : thing.qposadr[0] + 7]
        self._object_velocity = batch.qvel[:, thing.dofadr[0] : thing.dofadr[0] + 6]
        self._gravity = batch.expand("opt.gravity")
        self._wrench = batch.xfrc_applied[:, model.body("object").id]
        self._mass = np.broadcast_to(batch.body("object").mass, (batch.nsim, 1))[:, 0]
        self._inertia = np.broadcast_to(batch.body("object").inertia, (batch.nsim, 3))
        self._principal = quat_to_matrix(model.body("object").iquat)
        self._sensors = batch.bind("sensordata")

    def _bind_hand(self, model: mujoco.MjModel) -> None:
        """Look up what moves the hand, and what it feels."""
        gripper = self._gripper
        self._joints = [model.joint(j).qposadr[0] for j in gripper.joints]
        self._rates = [model.joint(j).dofadr[0] for j in gripper.joints]
        self._touch = [model.sensor(TOUCH + f).adr[0] for f in gripper.file.fingers]
        actuator = model.actuator(gripper.actuator)
        self._squeeze = self._batch.bind("actuator_force")[:, actuator.id]
        self._squeeze_limit = float(actuator.forcerange[1])

    def _start_close(self, width: Array) -> None:
        """Put the hand where it is before the close, and let it start."""
        batch, speed = self._batch, self._gripper.file.closing_speed
        self._qpos[:, self._joints] = opening_to_joints(self._gripper, width)
        batch.act[:, 0] = width + self._gripper.zero_length
        batch.ctrl[:, 0] = -speed
        self._close_samples = np.ceil((width / speed + self._protocol.close_time_limit) / self._period)

    def run(self) -> None:
        """Run every trial to its end."""
        r = self._results
        self._state[r["outcome"] == Outcome.NOT_TRIED] = _State.CLOSING
        self._refuse_inside()
        r["phase"][self._in(_State.CLOSING)] = Phase.CLOSE
        while len(ids := np.flatnonzero(self._state != _State.ENDED)):
            self._step(ids, self._chunk)
            self._samples[ids] += 1
            self._elapsed[ids] += 1
            self._x, self._R = self._object_pose()
            unstable = ids[self._unstable(ids)]
            r["outcome"][unstable[r["outcome"][unstable] == Outcome.NOT_TRIED]] = Outcome.UNSTABLE
            self._state[unstable] = _State.ENDED
            closing, pushed, holding = (self._in(s) for s in (_State.CLOSING, _State.PUSHED, _State.HOLDING))
            if len(closing):
                self._watch_close(closing)
            if len(pushed):
                self._watch_push(pushed)
            if len(holding):
                self._watch_hold(holding)
            self._push(self._in(_State.PUSHED))

    def _step(self, ids: Ids, steps: int) -> None:
        try:
            self._batch.step(ids=ids, nstep=steps)
        except SimulationError as error:
            # The simulation keeps its last state; its warning, which rises with it, ends the trial.
            self._warnings[error.ids] = -1
        self._results["steps"][ids] += steps

    def _refuse_inside(self) -> None:
        """End trials whose hand starts inside the object: it would shoot the object away.

        The sweep before has found nearly all of them, but its distances come from shapes inflated by its reach, which
        are wrong once in some hundred deep penetrations; here nothing is inflated.
        """
        r, ids = self._results, self._in(_State.CLOSING)
        self._batch.forward(ids=ids, stage=int(mujoco.mjtStage.mjSTAGE_POS))
        free = ids[self._batch.bind("ncon")[ids] == 0]
        model = self._batch.model
        hand = model.geom_bodyid != model.body("object").id
        free = free[pierced(model, hand, self._batch.state[free]) < 0]
        inside = np.setdiff1d(ids, free)
        self._end(inside, Outcome.HITS_TARGET)
        for name in ("target_at_grasp", "target_on_approach"):
            r[name][inside] = np.minimum(r[name][inside], -1e-6)

    def _watch_close(self, ids: Ids) -> None:
        """End the close of trials that hold, have shut, or take too long; keep the state of those that hold."""
        p, r = self._protocol, self._results
        touching = self._touching(ids)
        both = touching.all(axis=1)
        self._touched[ids] |= touching.any(axis=1)
        positions = self._qpos[np.ix_(ids, self._joints)]
        opening = self._gripper.opening(positions)
        opening_rate = self._gripper.opening_rate(positions, self._qvel[np.ix_(ids, self._rates)])
        stalled = (np.abs(opening_rate) < p.stall_speed) & (np.abs(self._squeeze[ids]) >= 0.99 * self._squeeze_limit)
        still = np.linalg.norm(self._com_velocity(ids), axis=1) < p.still_speed
        shut = opening < SHUT
        ended = (both & stalled & still) | shut | (self._samples[ids] >= self._close_samples[ids])

        if not ended.any():
            return
        ids, opening, shut = ids[ended], opening[ended], shut[ended]
        # Shut fingers hold nothing: their stops bear the force, whatever sliver is between them.
        touching = self._touching_or_bouncing(ids) & ~shut[:, None]
        self._x, self._R = self._object_pose()  # bouncing trials have gone on
        both = touching.all(axis=1)
        r["drift_closing"][ids] = self._moved(ids)
        r["rotation_closing"][ids] = self._turned(ids)
        r["width"][ids] = np.maximum(opening, 0.0)  # fingers that slam shut overshoot their stops
        r["grip_force"][ids] = self._normal_force(ids)
        none = ids[~touching.any(axis=1)]
        self._end(ids[touching.any(axis=1) & ~both], Outcome.ONE_FINGER)
        # A touch can be shorter than the time between two looks, but it leaves the object moved.
        dropped = self._touched[none] | (r["drift_closing"][none] > UNTOUCHED)
        self._end(none[dropped], Outcome.DROPPED)
        self._end(none[~dropped], Outcome.NO_CONTACT)

        self._hold(ids[both])

    def _hold(self, held: Ids) -> None:
        """Trials that hold after the close: keep their state, and push them."""
        r = self._results
        self._x_ref[held], self._R_ref[held] = self._x[held], self._R[held]
        self._rows_ref[held] = self._batch.state[held]
        r["phase"][held] = Phase.DISTURB
        r["drift_holding"][held] = r["rotation_holding"][held] = r["held_acceleration"][held] = 0.0
        self._start(held)

    def _watch_push(self, ids: Ids) -> None:
        """End pushes of trials that lost the object or let it move; start the next push, or the hold, of the others."""
        level, samples = self._level[ids], self._samples[ids]
        due = self._push_samples[level]
        held, sliding, spinning = self._watch_held(ids)
        over = held & (samples >= due)
        calm = over & ~sliding & ~spinning
        late = over & ~calm & (samples >= self._patience * due)
        self._fail(ids[late & sliding], Outcome.SLIPPED)
        self._fail(ids[late & ~sliding], Outcome.ROTATED)

        ids, level = ids[calm], level[calm]
        self._number[ids] += 1
        self._samples[ids] = 0
        through = self._number[ids] == len(self._linear)
        ids, level = ids[through], level[through]
        self._gravity[ids], self._wrench[ids] = 0.0, 0.0
        hold = level == self._nominal
        self._state[ids[hold]] = _State.HOLDING
        self._results["phase"][ids[hold]] = Phase.HOLD
        self._pass(ids[~hold])

    def _watch_hold(self, ids: Ids) -> None:
        held, sliding, spinning = self._watch_held(ids)
        over = held & (self._samples[ids] >= self._hold_samples)
        calm = over & ~sliding & ~spinning
        late = over & ~calm & (self._samples[ids] >= self._patience * self._hold_samples)
        self._fail(ids[late & sliding], Outcome.SLIPPED)
        self._fail(ids[late & ~sliding], Outcome.ROTATED)
        self._pass(ids[calm])

    def _watch_held(self, ids: Ids) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Judge trials against their state after the close, and end those that fail.

        Returns:
            (m,) which still hold, and which of the objects slide and which turn in the hand at this moment. Pushes are
            short, so an object that is only just overloaded moves little in one; at its end such an object is still
            gathering speed, while one that is held, or has found a seat, stands still.
        """
        p, r = self._protocol, self._results
        drift, turned = self._moved(ids), self._turned(ids)
        nominal = self._level[ids] == self._nominal
        at = ids[nominal]
        r["drift_holding"][at] = np.maximum(r["drift_holding"][at], drift[nominal])
        r["rotation_holding"][at] = np.maximum(r["rotation_holding"][at], turned[nominal])
        velocity, spin = self._com_velocity(ids), self._spin(ids)
        # Of the object's point in the grasp: an object that pivots there turns, it does not slide.
        sliding = np.linalg.norm(velocity + cross(spin, self._tool[ids] - self._x[ids]), axis=1) > p.max_speed
        spinning = np.linalg.norm(spin, axis=1) > p.max_spin
        loss = self._loss(ids)
        lost = loss != Outcome.NOT_TRIED
        slipped = ~lost & (drift > p.max_drift)
        rotated = ~lost & ~slipped & (turned > np.radians(p.max_rotation_deg))
        for outcome in np.unique(loss[lost]):
            self._fail(ids[loss == outcome], Outcome(int(outcome)))
        self._fail(ids[slipped], Outcome.SLIPPED)
        self._fail(ids[rotated], Outcome.ROTATED)
        return ~(lost | slipped | rotated), sliding, spinning

    def _loss(self, ids: Ids) -> NDArray[np.uint8]:
        """(m,) how trials have lost the object, NOT_TRIED where they still hold it."""
        held = self._touching_or_bouncing(ids).all(axis=1)
        return np.where(held, Outcome.NOT_TRIED, Outcome.DROPPED).astype(np.uint8)

    def _pass(self, ids: Ids) -> None:
        """Trials that held at their rung: note it, and go on to the next higher one."""
        if not len(ids):
            return
        r = self._results
        level = self._level[ids]
        r["held_acceleration"][ids] = self._accelerations[level]
        r["outcome"][ids[level == self._nominal]] = Outcome.SUCCESS
        self._state[ids] = _State.ENDED
        climbing = ids[(level >= self._nominal) & (level + 1 < len(self._accelerations))]
        self._climb(climbing, +1)

    def _fail(self, ids: Ids, outcome: Outcome) -> None:
        """Trials that failed at their rung: at the nominal one that is their outcome; go on to the next lower one."""
        if not len(ids):
            return
        r = self._results
        level = self._level[ids]
        at = ids[level == self._nominal]
        r["outcome"][at] = outcome
        r["time_to_failure"][at] = self._elapsed[at] * self._period
        r["failed_direction"][at] = np.where(self._state[at] == _State.PUSHED, self._number[at], -1)
        self._state[ids] = _State.ENDED
        self._climb(ids[(level <= self._nominal) & (level > 0)], -1)

    def _climb(self, ids: Ids, rungs: int) -> None:
        if self._graded:
            self._level[ids] += rungs
            self._start(ids)

    def _start(self, ids: Ids) -> None:
        """Start the pushes of a rung from the state after the close."""
        self._batch.state[ids] = self._rows_ref[ids]
        self._x[ids], self._R[ids] = self._x_ref[ids], self._R_ref[ids]
        self._state[ids] = _State.PUSHED
        self._number[ids] = self._samples[ids] = self._elapsed[ids] = 0
        r = self._results["peak_acceleration"]
        r[ids] = np.fmax(r[ids], self._accelerations[self._level[ids]])

    def _push(self, ids: Ids) -> None:
        """Apply each trial's present push.

        An acceleration a of the hand is a gravity −a. An angular acceleration α of the hand about the tool point is a
        force −m α × r and a torque −I α at the object's centre of mass, r from the tool point (the Euler force; the
        hand is taken to be at rest, so there is no centrifugal one).
        """
        level = self._level[ids]
        number = self._number[ids]
        a = self._accelerations[level, None]
        self._gravity[ids] = -a * self._linear[number]
        alpha = a * self._angular[number]
        axes = self._R[ids] @ self._principal
        in_axes = np.einsum("nji,nj->ni", axes, alpha) * self._inertia[ids]
        self._wrench[ids, :3] = -self._mass[ids, None] * cross(alpha, self._x[ids] - self._tool[ids])
        self._wrench[ids, 3:] = -np.einsum("nij,nj->ni", axes, in_axes)

    def _in(self, state: _State) -> Ids:
        return np.flatnonzero(self._state == state)

    def _end(self, ids: Ids, outcome: Outcome) -> None:
        self._results["outcome"][ids] = outcome
        self._state[ids] = _State.ENDED

    def _unstable(self, ids: Ids) -> NDArray[np.bool_]:
        finite = np.isfinite(self._x[ids]).all(axis=1)
        wild = np.abs(self._object_velocity[ids, :3]).max(axis=1) > WILD_SPEED
        warned = self._batch.warning[ids, :, 1].sum(axis=1) > self._warnings[ids]
        return ~finite | wild | warned

    def _touching(self, ids: Ids) -> NDArray[np.bool_]:
        """(m, 2) whether each finger touches the object."""
        return np.stack([self._sensors[ids, at] > 0 for at in self._touch], axis=1)

    def _touching_or_bouncing(self, ids: Ids) -> NDArray[np.bool_]:
        """(m, 2) whether each finger touches the object, now or within the profile's touch time.

        Trials with a finger off are stepped on, one step at a time, until it is back or the time is over.
        """
        touching = self._touching(ids)
        for _ in range(self._touch_steps):
            off = ~touching.all(axis=1)
            if not off.any():
                break
            self._step(ids[off], 1)
            touching[off] |= self._touching(ids[off])
        return touching

    def _normal_force(self, ids: Ids) -> Array:
        """(m,) mean force of the fingers along the closing direction (the hand's y), N."""
        return np.mean([np.abs(self._sensors[ids, at + 2]) for at in self._touch], axis=0)

    def _object_pose(self) -> tuple[Array, Array]:
        """(n, 3) centres of mass and (n, 3, 3) rotations of the object, hand frame."""
        R = quat_to_matrix(self._object[:, 3:])
        return self._object[:, :3] + np.einsum("nij,nj->ni", R, self._com), R

    def _moved(self, ids: Ids) -> Array:
        """(m,) distance of the centre of mass from its reference, m."""
        return np.linalg.norm(self._x[ids] - self._x_ref[ids], axis=1)

    def _turned(self, ids: Ids) -> Array:
        """(m,) angle from the reference, rad."""
        return rotation_angle(self._R[ids] @ np.swapaxes(self._R_ref[ids], 1, 2))

    def _spin(self, ids: Ids) -> Array:
        """(m, 3) angular velocity, hand frame, rad/s; MuJoCo's, of a free joint, is in the body's frame."""
        return np.einsum("nij,nj->ni", self._R[ids], self._object_velocity[ids, 3:])

    def _com_velocity(self, ids: Ids) -> Array:
        """(m, 3) velocity of the centre of mass, hand frame, m/s; MuJoCo's is that of the body's origin."""
        lever = np.einsum("nij,nj->ni", self._R[ids], self._com[ids])
        return self._object_velocity[ids, :3] + cross(self._spin(ids), lever)


def _unit(vectors: tuple[tuple[float, float, float], ...]) -> Array:
    v = np.asarray(vectors, float).reshape(-1, 3)
    return v / np.linalg.norm(v, axis=1, keepdims=True)
