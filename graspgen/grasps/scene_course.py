"""The course of in-scene trials: approach, close, lift, hold, shake; many trials in step, each in its own phase."""

from __future__ import annotations

from enum import IntEnum

import mujoco
import numpy as np
from mujoco.batch import Batch, SimulationError
from numpy.typing import NDArray

from graspgen.frames import Array, cross, matrix_to_quat, quat_to_matrix, rotation_angle
from graspgen.grasps.course import SHUT, UNTOUCHED, WILD_SPEED
from graspgen.grasps.outcomes import Outcome, Phase
from graspgen.grasps.profile import Profile
from graspgen.grasps.scene_model import BALL, FINGER_TOUCH, HAND, HAND_TOUCH, SERVOS, SLIDES, STAND, SceneModel
from graspgen.grasps.scene_path import hand_path
from graspgen.grippers.gripper import Gripper, opening_to_joints

Ids = NDArray[np.int64]


class State(IntEnum):
    """Where a running trial is."""

    APPROACH = 0
    CLOSE = 1
    LIFT = 2
    HOLD = 3
    SHAKE = 4
    ENDED = 5


_PHASE = {
    State.CLOSE: Phase.CLOSE,
    State.LIFT: Phase.LIFT,
    State.HOLD: Phase.HOLD,
    State.SHAKE: Phase.SHAKE,
}


class SceneCourse:
    """Runs n trials in one settled scene and writes what happens into `results`.

    Every trial is one simulation of a `mujoco.batch.Batch`, stepped by native rollouts of one sample period, whose
    contacts of the hand are recorded at every step. Trials are looked at between rollouts; each is in its own phase,
    and one that has ended is no longer stepped.

    Args:
        scene: the trial model.
        batch: one simulation a trial.
        gripper, profile: what the model was made from.
        target: (n,) number of each trial's target among the scene's objects.
        friction: (n, 3) friction of each target.
        com: (k, 3) centre of mass of every object, its own frame, m.
        T_world_grasp: (n, 4, 4) grasp frames.
        width: (n,) openings before closing, m.
        approach: length of the approach, m.
        shake: whether to shake.
        results: the fields of `SceneTrialResults`; trials whose outcome is not NOT_TRIED are left alone.
    """

    def __init__(
        self,
        scene: SceneModel,
        batch: Batch,
        gripper: Gripper,
        profile: Profile,
        *,
        target: Ids,
        friction: Array,
        com: Array,
        T_world_grasp: Array,
        width: Array,
        approach: float,
        shake: bool,
        results: dict[str, NDArray],
    ) -> None:
        p, s, dt = profile.protocol, profile.scene, profile.option.timestep
        n = len(target)
        self._scene, self._batch, self._results = scene, batch, results
        self._protocol, self._limits, self._com, self._target = p, s, com, target
        self._shaking = shake
        self._chunk = max(1, round(s.sample_period / dt))
        self._period = self._chunk * dt
        self._path = hand_path(profile, approach, shake, scene.lag_gain, self._chunk)
        self._R_grasp = T_world_grasp[:, :3, :3]
        self._up = self._R_grasp.transpose(0, 2, 1)[:, :, 2]
        self._touch_steps = max(1, round(p.touch_time / dt))
        self._close_samples = np.ceil((width / gripper.file.closing_speed + p.close_time_limit) / self._period)
        self._hold_samples = max(1, round(s.hold / self._period))
        self._place(gripper, T_world_grasp, width, target, friction)

        self._state = np.full(n, State.ENDED)
        self._samples = np.zeros(n, int)  # since the present phase began
        self._lifting = np.zeros(n, int)  # since the lift began
        self._touched = np.zeros(n, bool)
        self._x_ref_close, self._R_ref_close = np.zeros((n, 3)), np.zeros((n, 3, 3))
        self._x_ref, self._R_ref = np.zeros((n, 3)), np.zeros((n, 3, 3))
        self._warnings = batch.warning[:, :, 1].sum(axis=1)

    def _place(self, gripper: Gripper, T_world_grasp: Array, width: Array, target: Ids, friction: Array) -> None:
        batch, scene = self._batch, self._scene
        model = scene.model
        stand = int(model.body(STAND).mocapid[0])
        batch.mocap_pos[:, stand] = T_world_grasp[:, :3, 3]
        batch.mocap_quat[:, stand] = matrix_to_quat(T_world_grasp[:, :3, :3])
        batch.qpos[:] = scene.qpos
        slides = [int(model.joint(name).qposadr[0]) for name in SLIDES]
        ball = int(model.joint(BALL).qposadr[0])
        fingers = [int(model.joint(HAND + j).qposadr[0]) for j in gripper.file.joints]
        batch.qpos[:, slides[2]] = self._path.approach[0, 0]
        batch.qpos[:, fingers] = opening_to_joints(gripper, width)
        grip = model.actuator(HAND + gripper.file.actuator)
        batch.act[:, int(grip.actadr[0])] = width
        self._servos, self._grip = [model.actuator(name).id for name in SERVOS], int(grip.id)
        self._closing_speed, self._squeeze_limit = gripper.file.closing_speed, float(grip.forcerange[1])

        sensors = {name: model.sensor(name) for name in (FINGER_TOUCH + f for f in gripper.file.fingers)}
        body = scene.object_bodies[target]
        if (body != body[0]).any() or body[0] != scene.object_bodies[0]:
            of_sensor = batch.expand("sensor_refid")
            for sensor in sensors.values():
                of_sensor[:, sensor.id] = body
        batch.expand("geom_friction")[:, scene.hand_geoms] = friction[:, None]
        self._finger_at = [int(s.adr[0]) for s in sensors.values()]
        self._hand_at = int(model.sensor(HAND_TOUCH).adr[0])

        self._qpos, self._qvel = batch.qpos, batch.qvel
        self._force = batch.bind("actuator_force")
        self._slides, self._ball, self._fingers = slides, np.arange(ball, ball + 4), fingers
        self._slide_rates = [int(model.joint(name).dofadr[0]) for name in SLIDES]
        self._ball_rates = int(model.joint(BALL).dofadr[0]) + np.arange(3)
        self._finger_rates = [int(model.joint(HAND + j).dofadr[0]) for j in gripper.file.joints]
        joints = model.body_jntadr[scene.object_bodies]
        self._object_qpos = model.jnt_qposadr[joints][:, None] + np.arange(7)
        self._object_qvel = model.jnt_dofadr[joints][:, None] + np.arange(6)
        self._origin = T_world_grasp[:, :3, 3]

    def run(self) -> None:
        """Run every trial to its end."""
        r = self._results
        ids = np.flatnonzero(r["outcome"] == Outcome.NOT_TRIED)
        self._state[ids] = State.APPROACH
        self._com0, self._R0 = self._objects(np.arange(len(self._target)))
        self._refuse_inside(ids)
        while len(ids := np.flatnonzero(self._state != State.ENDED)):
            before = self._batch.state[ids] if (self._state[ids] == State.APPROACH).any() else None
            seen = self._advance(ids)
            unstable = self._unstable(ids)
            self._end(ids[unstable], Outcome.UNSTABLE)
            for state, watch in (
                (State.APPROACH, self._watch_approach),
                (State.CLOSE, self._watch_close),
                (State.LIFT, self._watch_lift),
                (State.HOLD, self._watch_hold),
                (State.SHAKE, self._watch_shake),
            ):
                now = np.flatnonzero((self._at[ids] == state) & ~unstable)
                if len(now):
                    watch(ids[now], seen[now], None if before is None else before[now])

    def _advance(self, ids: Ids) -> Array:
        """Step trials by a sample period; return the (m, steps, …) sensors, each before the step that it goes with."""
        self._at = self._state.copy()  # a trial that changes phase is looked at again only after further steps
        control = self._controls(ids)
        self._control = dict(zip(ids.tolist(), range(len(ids)), strict=True)), control
        try:
            seen = self._batch.rollout(self._chunk, control, ids=ids, record=("sensordata",))["sensordata"]
        except SimulationError as error:
            self._warnings[error.ids] = -1  # the simulation keeps its last state; the warning ends the trial
            seen = np.zeros((len(ids), self._chunk, self._scene.model.nsensordata))
        self._samples[ids] += 1
        self._lifting[ids[self._state[ids] >= State.LIFT]] += 1
        self._results["steps"][ids] += self._chunk
        return seen

    def _controls(self, ids: Ids) -> Array:
        """(m, steps, nu) servo targets and speed of the grip in the next sample period."""
        path, state = self._path, self._state[ids, None]
        step = self._samples[ids, None] * self._chunk + np.arange(1, self._chunk + 1)
        a = np.where(state == State.APPROACH, np.minimum(step, len(path.approach) - 1), len(path.approach) - 1)
        lift = np.where(state == State.LIFT, np.minimum(step, len(path.lift) - 1), len(path.lift) - 1)
        lift = np.where(state < State.LIFT, 0, lift)
        shake = np.where(state == State.SHAKE, np.minimum(step, len(path.shake) - 1), 0)
        control = np.zeros((len(ids), self._chunk, self._scene.model.nu))
        targets = path.shake[shake, :, 1]
        targets[..., :3] += path.lift[lift, 1, None] * self._up[ids, None]
        targets[..., 2] += path.approach[a, 1]
        control[..., self._servos] = targets
        control[..., self._grip] = np.where(state >= State.CLOSE, -self._closing_speed, 0.0)
        return control

    def _refuse_inside(self, ids: Ids) -> None:
        """End trials whose open hand is inside something where the approach begins."""
        self._batch.forward(ids=ids, stage=int(mujoco.mjtStage.mjSTAGE_POS))
        seen = self._batch.bind("sensordata")[ids]
        inside = ids[(seen[:, self._hand_at] > 0) & (seen[:, self._hand_at + 1] < 0)]
        self._name_touch(inside, self._batch.state[inside], np.zeros(len(inside), int))

    def _watch_approach(self, ids: Ids, seen: Array, before: Array) -> None:
        """End trials whose hand has touched anything; the first thing touched is named."""
        hit = (seen[..., self._hand_at] > 0) & (seen[..., self._hand_at + 1] < 0)
        any_hit = hit.any(axis=1)
        self._name_touch(ids[any_hit], before[any_hit], hit[any_hit].argmax(axis=1))
        ids = ids[~any_hit]
        self._follow(ids)
        arrived = ids[self._samples[ids] * self._chunk >= len(self._path.approach) - 1]
        self._enter(arrived, State.CLOSE)
        self._x_ref_close[arrived], self._R_ref_close[arrived] = self._held(arrived)

    def _name_touch(self, ids: Ids, before: Array, step: NDArray[np.int64]) -> None:
        """Find what the hand of each trial touches first, `step` steps after the state `before`, and end the trial."""
        r, scene, model = self._results, self._scene, self._scene.model
        if not len(ids):
            return
        data = mujoco.MjData(model)
        everything = int(mujoco.mjtState.mjSTATE_INTEGRATION)
        for trial, state, steps in zip(ids.tolist(), before, step.tolist(), strict=True):
            mujoco.mj_setState(model, data, state, everything)
            rows, control = self._control if steps else ({}, None)
            for j in range(steps):
                data.ctrl[:] = control[rows[trial], j]
                mujoco.mj_step(model, data)
            mujoco.mj_forward(model, data)
            found = self._touched_by_hand(data)
            target = int(scene.instance[scene.object_bodies[self._target[trial]]])
            r["first_touch"][trial] = found
            outcome = {target: Outcome.HITS_TARGET, 0: Outcome.HITS_SUPPORT}.get(found, Outcome.HITS_OBJECT)
            self._end(np.array([trial]), outcome)

    def _touched_by_hand(self, data: mujoco.MjData) -> int:
        """Instance id of what is deepest in the hand, 0 for the support."""
        scene, contact = self._scene, data.contact
        owner = scene.instance[scene.model.geom_bodyid[contact.geom]]
        hand = owner == -1
        mine = np.flatnonzero(hand.any(axis=1) & ~hand.all(axis=1))
        deepest = mine[np.argmin(contact.dist[mine])]
        return int(owner[deepest][~hand[deepest]][0])

    def _watch_close(self, ids: Ids, seen: Array, before: Array | None) -> None:
        """End the close of trials that hold, have shut, or take too long."""
        p, r = self._protocol, self._results
        touching = self._touching(seen[:, -1:])
        self._touched[ids] |= self._touching(seen).any(axis=1)
        self._follow(ids)
        opening = self._qpos[np.ix_(ids, self._fingers)].sum(axis=1)
        rate = self._qvel[np.ix_(ids, self._finger_rates)].sum(axis=1)
        squeezing = np.abs(self._force[ids, self._grip]) >= 0.99 * self._squeeze_limit
        still = np.linalg.norm(self._velocity(ids)[0], axis=1) < p.still_speed
        shut = opening < SHUT
        stalled = touching.all(axis=1) & (np.abs(rate) < p.stall_speed) & squeezing & still
        ended = stalled | shut | (self._samples[ids] >= self._close_samples[ids])
        if not ended.any():
            return
        ids, opening, shut, seen = ids[ended], opening[ended], shut[ended], seen[ended]
        # Shut fingers hold nothing: their stops bear the force, whatever sliver is between them.
        touching = self._touching(seen[:, -self._touch_steps :]) & ~shut[:, None]
        x, R = self._held(ids)
        r["drift_closing"][ids] = np.linalg.norm(x - self._x_ref_close[ids], axis=1)
        r["rotation_closing"][ids] = rotation_angle(R @ np.swapaxes(self._R_ref_close[ids], 1, 2))
        r["width"][ids] = np.maximum(opening, 0.0)
        r["grip_force"][ids] = self._normal_force(ids, seen[:, -1])
        both = touching.all(axis=1)
        none = ~touching.any(axis=1)
        self._end(ids[~both & ~none], Outcome.ONE_FINGER)
        # A touch can be shorter than the time between two looks, but it leaves the object moved.
        moved = self._touched[ids] | (r["drift_closing"][ids] > UNTOUCHED)
        self._end(ids[none & moved], Outcome.DROPPED)
        self._end(ids[none & ~moved], Outcome.NO_CONTACT)
        held = ids[both]
        self._x_ref[held], self._R_ref[held] = x[both], R[both]
        r["drift_holding"][held] = r["rotation_holding"][held] = r["lift_height"][held] = 0.0
        r["peak_acceleration"][held] = self._path.accelerations[0]
        self._enter(held, State.LIFT)

    def _watch_lift(self, ids: Ids, seen: Array, before: Array | None) -> None:
        """End trials that lose the object, are blocked or lift another; those at the top hold."""
        held, _, _ = self._watch_held(ids, seen)
        arrived = ids[held & (self._samples[ids] * self._chunk >= len(self._path.lift) - 1)]
        self._enter(arrived, State.HOLD)

    def _watch_hold(self, ids: Ids, seen: Array, before: Array | None) -> None:
        calm = self._rested(ids, seen, self._samples[ids], self._hold_samples)
        self._results["wrench"][calm] = self._force[np.ix_(calm, self._servos)]
        if self._shaking:
            peak = self._results["peak_acceleration"]
            peak[calm] = np.maximum(peak[calm], self._path.accelerations[1])
            self._enter(calm, State.SHAKE)
        else:
            self._end(calm, Outcome.SUCCESS)

    def _watch_shake(self, ids: Ids, seen: Array, before: Array | None) -> None:
        swinging = (len(self._path.shake) - 1) // self._chunk
        calm = self._rested(ids, seen, self._samples[ids] - swinging, self._hold_samples)
        self._end(calm, Outcome.SUCCESS)

    def _rested(self, ids: Ids, seen: Array, samples: NDArray[np.int64], due: int) -> Ids:
        """Judge trials; return those that have rested for `due` samples and whose object is still at the end of it."""
        held, sliding, spinning = self._watch_held(ids, seen)
        over = held & (samples >= due)
        late = over & (samples >= self._limits.patience * due)
        self._fail(ids[late & sliding], Outcome.SLIPPED)
        self._fail(ids[late & ~sliding & spinning], Outcome.ROTATED)
        return ids[over & ~sliding & ~spinning]

    def _watch_held(self, ids: Ids, seen: Array) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Judge trials against their state after the close, and end those that fail.

        Returns:
            (m,) which still hold, and which of the objects slide and which turn in the hand at this moment.
        """
        p, s, r = self._protocol, self._limits, self._results
        x, R = self._held(ids)
        drift = np.linalg.norm(x - self._x_ref[ids], axis=1)
        turned = rotation_angle(R @ np.swapaxes(self._R_ref[ids], 1, 2))
        lag, turn_lag = self._follow(ids)
        velocity, spin = self._velocity(ids)
        # Of the object's point in the grasp: an object that pivots there turns, it does not slide.
        sliding = np.linalg.norm(velocity - cross(spin, x), axis=1) > p.max_speed
        spinning = np.linalg.norm(spin, axis=1) > p.max_spin
        rise = self._rise(ids)
        mine = rise[np.arange(len(ids)), self._target[ids]]
        rise[np.arange(len(ids)), self._target[ids]] = -np.inf

        lost = ~self._touching(seen[:, -self._touch_steps :]).all(axis=1)
        failed = np.full(len(ids), int(Outcome.NOT_TRIED))
        # The last to be written wins.
        failed[rise.max(axis=1) > s.neighbour_rise] = Outcome.LIFTED_NEIGHBOUR
        failed[turned > np.radians(p.max_rotation_deg)] = Outcome.ROTATED
        failed[drift > p.max_drift] = Outcome.SLIPPED
        failed[(lag > s.max_lag) | (turn_lag > np.radians(s.max_turn_lag_deg))] = Outcome.BLOCKED
        failed[lost] = Outcome.DROPPED
        good = failed == Outcome.NOT_TRIED
        r["lift_height"][ids[~lost]] = np.maximum(r["lift_height"][ids[~lost]], mine[~lost])
        r["drift_holding"][ids] = np.maximum(r["drift_holding"][ids], drift)
        r["rotation_holding"][ids] = np.maximum(r["rotation_holding"][ids], turned)
        for outcome in np.unique(failed[~good]):
            self._fail(ids[failed == outcome], Outcome(int(outcome)))
        return good, sliding, spinning

    def _follow(self, ids: Ids) -> tuple[Array, Array]:
        """(m,) m and rad by which the hand is off its path now; keep the largest."""
        path, state, step = self._path, self._at[ids], self._samples[ids] * self._chunk
        a = np.where(state == State.APPROACH, np.minimum(step, len(path.approach) - 1), len(path.approach) - 1)
        lift = np.where(state == State.LIFT, np.minimum(step, len(path.lift) - 1), len(path.lift) - 1)
        shake = np.where(state == State.SHAKE, np.minimum(step, len(path.shake) - 1), 0)
        planned = path.shake[shake, :, 0]
        planned[:, :3] += np.where(state < State.LIFT, 0.0, path.lift[lift, 0])[:, None] * self._up[ids]
        planned[:, 2] += path.approach[a, 0]
        off = np.linalg.norm(self._qpos[np.ix_(ids, self._slides)] - planned[:, :3], axis=1)
        R = quat_to_matrix(self._qpos[np.ix_(ids, self._ball)])
        turn = rotation_angle(np.swapaxes(_turn(planned[:, 3:]), 1, 2) @ R)
        lag = self._results["tracking_error"]
        lag[ids] = np.maximum(lag[ids], off)
        return off, turn

    def _enter(self, ids: Ids, state: State) -> None:
        self._state[ids] = state
        self._samples[ids] = 0
        self._results["phase"][ids] = _PHASE[state]

    def _end(self, ids: Ids, outcome: Outcome) -> None:
        self._results["outcome"][ids] = outcome
        self._state[ids] = State.ENDED

    def _fail(self, ids: Ids, outcome: Outcome) -> None:
        """End trials that fail after the close."""
        r = self._results
        r["time_to_failure"][ids] = self._lifting[ids] * self._period
        shaken = ids[self._at[ids] == State.SHAKE]
        if len(shaken):
            number = ((self._samples[shaken] - 1) * self._chunk) // self._path.shake_steps
            shakes = (len(self._path.shake) - 1) // self._path.shake_steps
            r["failed_direction"][shaken] = np.where(number < shakes, number, -1)
        self._end(ids, outcome)

    def _unstable(self, ids: Ids) -> NDArray[np.bool_]:
        velocity = self._qvel[ids[:, None, None], self._object_qvel[None, :, :3]]
        wild = ~(np.abs(velocity) < WILD_SPEED).all(axis=(1, 2))  # NaN is wild
        return wild | (self._batch.warning[ids, :, 1].sum(axis=1) > self._warnings[ids])

    def _touching(self, seen: Array) -> NDArray[np.bool_]:
        """(m, 2) whether each finger touches the target in any of the (m, steps) recorded."""
        return np.stack([(seen[..., at] > 0).any(axis=1) for at in self._finger_at], axis=1)

    def _normal_force(self, ids: Ids, seen: Array) -> Array:
        """(m,) mean force of the fingers along the closing direction, N."""
        y = self._hand_rotation(ids)[:, :, 1]
        forces = [np.abs(np.einsum("ni,ni->n", seen[:, at + 1 : at + 4], y)) for at in self._finger_at]
        return np.mean(forces, axis=0)

    def _hand_rotation(self, ids: Ids) -> Array:
        return self._R_grasp[ids] @ quat_to_matrix(self._qpos[np.ix_(ids, self._ball)])

    def _tool_point(self, ids: Ids) -> Array:
        return self._origin[ids] + np.einsum("nij,nj->ni", self._R_grasp[ids], self._qpos[np.ix_(ids, self._slides)])

    def _held(self, ids: Ids) -> tuple[Array, Array]:
        """(m, 3) centre of mass and (m, 3, 3) rotation of the target, tool frame."""
        x, R = self._target_pose(ids)
        to_hand = np.swapaxes(self._hand_rotation(ids), 1, 2)
        return np.einsum("nij,nj->ni", to_hand, x - self._tool_point(ids)), to_hand @ R

    def _target_pose(self, ids: Ids) -> tuple[Array, Array]:
        q = self._qpos[ids[:, None], self._object_qpos[self._target[ids]]]
        R = quat_to_matrix(q[:, 3:])
        return q[:, :3] + np.einsum("nij,nj->ni", R, self._com[self._target[ids]]), R

    def _velocity(self, ids: Ids) -> tuple[Array, Array]:
        """(m, 3) velocity of the target's centre of mass and its (m, 3) spin against the hand, tool frame."""
        x, R = self._target_pose(ids)
        v = self._qvel[ids[:, None], self._object_qvel[self._target[ids]]]
        spin = np.einsum("nij,nj->ni", R, v[:, 3:])  # MuJoCo's, of a free joint, is in the body's frame
        lever = np.einsum("nij,nj->ni", R, self._com[self._target[ids]])
        velocity = v[:, :3] + cross(spin, lever)
        R_hand = self._hand_rotation(ids)
        hand_spin = np.einsum("nij,nj->ni", R_hand, self._qvel[np.ix_(ids, self._ball_rates)])
        hand = np.einsum("nij,nj->ni", self._R_grasp[ids], self._qvel[np.ix_(ids, self._slide_rates)])
        relative = velocity - hand - cross(hand_spin, x - self._tool_point(ids))
        to_hand = np.swapaxes(R_hand, 1, 2)
        return np.einsum("nij,nj->ni", to_hand, relative), np.einsum("nij,nj->ni", to_hand, spin - hand_spin)

    def _objects(self, ids: Ids) -> tuple[Array, Array]:
        """(m, k, 3) centres of mass and (m, k, 3, 3) rotations of all objects, world frame."""
        q = self._qpos[ids[:, None, None], self._object_qpos]
        R = quat_to_matrix(q[..., 3:])
        return q[..., :3] + np.einsum("nkij,kj->nki", R, self._com), R

    def _rise(self, ids: Ids) -> Array:
        """(m, k) rise of every object's centre of mass since the start, m."""
        q = self._qpos[ids[:, None, None], self._object_qpos]
        w, x, y, z = np.moveaxis(q[..., 3:], -1, 0)
        a, b, c = self._com.T
        height = 2 * (x * z - w * y) * a + 2 * (y * z + w * x) * b + (1 - 2 * (x * x + y * y)) * c
        return q[..., 2] + height - self._com0[ids, :, 2]

    def displacements(self) -> tuple[Array, Array]:
        """Return the (n, k) m and rad by which every object has moved since the start; NaN for each trial's target."""
        n = np.arange(len(self._target))
        x, R = self._objects(n)
        moved = np.linalg.norm(x - self._com0, axis=2)
        turned = rotation_angle(R @ np.swapaxes(self._R0, 2, 3))
        moved[n, self._target] = turned[n, self._target] = np.nan
        return moved, turned


def _turn(vector: Array) -> Array:
    """(m, 3, 3) rotations by (m, 3) small rotation vectors, rad."""
    angle = np.linalg.norm(vector, axis=1)
    half = np.sinc(angle / (2 * np.pi)) / 2
    return quat_to_matrix(np.concatenate([np.cos(angle / 2)[:, None], half[:, None] * vector], axis=1))
