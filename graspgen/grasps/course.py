"""The course of free-space trials: close, reference pose, disturbances; many trials in step, each in its own phase."""

from __future__ import annotations

import mujoco
import numpy as np
from mujoco.batch import Batch, SimulationError
from numpy.typing import NDArray

from graspgen.frames import Array, inverse, pose_to_qpos, quat_to_matrix, rotation_angle
from graspgen.grasps.outcomes import Outcome, Phase
from graspgen.grasps.profile import Profile
from graspgen.grippers.gripper import Gripper, opening_to_joints

Ids = NDArray[np.int64]

#: Prefix of the sensors of contact between a finger and the object.
TOUCH = "touch_"

#: An object faster than this has been shot away by the solver, m/s.
WILD_SPEED = 20.0

#: Opening below which the fingers count as shut, m.
SHUT = 5e-4


class FreeCourse:
    """Runs n trials of one object and writes what happens into `results`.

    Every trial is one simulation of a `mujoco.batch.Batch`. All are looked at once a sample period; each is in its own
    phase, and one that has ended is no longer stepped.

    Args:
        model: from `trial_model`.
        gripper, profile: what the model was made from.
        T_object_grasp: (n, 4, 4) grasp frames in the object's frame.
        width: (n,) openings before closing, m.
        com: (3,) centre of mass, object frame, m.
        results: the fields of `TrialResults`; trials whose outcome is not NOT_TRIED are left alone.
        threads: native threads.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        gripper: Gripper,
        profile: Profile,
        T_object_grasp: Array,
        width: Array,
        com: Array,
        results: dict[str, NDArray],
        threads: int,
    ) -> None:
        self._protocol, self._results, self._com = profile.protocol, results, com
        self._batch = batch = Batch(model, len(width), nthread=threads)
        at = model.joint("object").qposadr[0]
        self._object = batch.qpos[:, at : at + 7]
        at = model.joint("object").dofadr[0]
        self._object_velocity = batch.qvel[:, at : at + 6]
        self._qpos, self._qvel = batch.qpos, batch.qvel
        self._joints = [model.joint(j).qposadr[0] for j in gripper.file.joints]
        self._rates = [model.joint(j).dofadr[0] for j in gripper.file.joints]
        self._gravity = batch.expand("opt.gravity")
        self._sensors = batch.bind("sensordata")
        self._touch = [model.sensor(TOUCH + f).adr[0] for f in gripper.file.fingers]
        actuator = model.actuator(gripper.file.actuator)
        self._squeeze = batch.bind("actuator_force")[:, actuator.id]
        self._squeeze_limit = float(actuator.forcerange[1])

        self._object[:] = pose_to_qpos(gripper.T_base_tcp @ inverse(T_object_grasp))
        self._qpos[:, self._joints] = opening_to_joints(gripper, width)
        batch.act[:, 0] = width
        batch.ctrl[:, 0] = -gripper.file.closing_speed

        p = profile.protocol
        self._chunk = max(1, round(p.sample_period / profile.option.timestep))
        self._period = self._chunk * profile.option.timestep
        self._close_limit = np.ceil(
            (width / gripper.file.closing_speed + p.close_time_limit) / self._period
        )
        self._patience = round(p.touch_time / profile.option.timestep)
        self._push = max(1, round(p.duration / self._period))  # samples of one disturbance
        directions = np.asarray(p.directions, float)
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        # An acceleration of the hand is a gravity the other way.
        self._pushes = -p.acceleration * directions @ gripper.T_base_tcp[:3, :3].T

        self._samples = np.zeros(len(width), int)  # since the phase began
        self._held_once = np.zeros(len(width), bool)
        self._x, self._R = self._object_pose()
        self._x_ref, self._R_ref = self._x.copy(), self._R.copy()
        self._warnings = batch.warning[:, :, 1].sum(axis=1)

    def run(self) -> None:
        """Run every trial to its end."""
        self._refuse_inside()
        self._results["phase"][self._running()] = Phase.CLOSE
        while len(ids := self._running()):
            self._step(ids, self._chunk)
            self._samples[ids] += 1
            self._x, self._R = self._object_pose()
            self._end(ids[self._unstable(ids)], Outcome.UNSTABLE)
            closing, disturbed = self._running(Phase.CLOSE), self._running(Phase.DISTURB)
            self._watch_close(closing)
            self._watch_disturbance(disturbed)
            ids = self._running(Phase.DISTURB)
            self._gravity[ids] = self._pushes[self._samples[ids] // self._push]

    def _step(self, ids: Ids, steps: int) -> None:
        try:
            self._batch.step(ids=ids, nstep=steps)
        except SimulationError as error:
            self._end(error.ids, Outcome.UNSTABLE)
        self._results["steps"][ids] += steps

    def _refuse_inside(self) -> None:
        """End trials whose hand starts inside the object: it would shoot the object away.

        The sweep before has found nearly all of them, but its distances come from shapes inflated by its cap, which
        are wrong once in some hundred deep penetrations; here nothing is inflated.
        """
        ids = self._running()
        self._batch.forward(ids=ids, stage=int(mujoco.mjtStage.mjSTAGE_POS))
        inside = ids[self._batch.bind("ncon")[ids] > 0]
        self._end(inside, Outcome.HITS_TARGET)
        self._results["target_at_grasp"][inside] = np.minimum(
            self._results["target_at_grasp"][inside], -1e-6
        )
        self._results["target_on_approach"][inside] = np.minimum(
            self._results["target_on_approach"][inside], -1e-6
        )

    def _watch_close(self, ids: Ids) -> None:
        """End the close of trials that hold, have shut, or take too long; fix the reference pose of those that hold."""
        p, r = self._protocol, self._results
        both = self._touching(ids).all(axis=1)
        self._held_once[ids] |= both
        opening = self._qpos[np.ix_(ids, self._joints)].sum(axis=1)
        opening_rate = self._qvel[np.ix_(ids, self._rates)].sum(axis=1)
        stalled = (np.abs(opening_rate) < p.stall_speed) & (
            np.abs(self._squeeze[ids]) >= 0.99 * self._squeeze_limit
        )
        still = np.linalg.norm(self._com_velocity(ids), axis=1) < p.still_speed
        ended = (
            (both & stalled & still)
            | (~both & (opening < SHUT))
            | (self._samples[ids] >= self._close_limit[ids])
        )

        ids, opening = ids[ended], opening[ended]
        touching = self._touching_or_bouncing(ids)
        both = touching.all(axis=1)
        r["drift_closing"][ids] = np.linalg.norm(self._x[ids] - self._x_ref[ids], axis=1)
        r["rotation_closing"][ids] = self._turned(ids)
        r["width"][ids] = opening
        r["grip_force"][ids] = self._normal_force(ids)
        none = ids[~touching.any(axis=1)]
        self._end(ids[touching.any(axis=1) & ~both], Outcome.ONE_FINGER)
        self._end(none[self._held_once[none]], Outcome.DROPPED)
        self._end(none[~self._held_once[none]], Outcome.NO_CONTACT)

        held = ids[both]
        self._x_ref[held], self._R_ref[held] = self._x[held], self._R[held]
        self._samples[held] = 0
        r["phase"][held] = Phase.DISTURB
        r["drift_holding"][held] = r["rotation_holding"][held] = r["held_acceleration"][held] = 0.0
        r["peak_acceleration"][held] = p.acceleration

    def _watch_disturbance(self, ids: Ids) -> None:
        """End trials that lost the object, let it move too far, or held to the last disturbance."""
        p, r = self._protocol, self._results
        drift, turned = np.linalg.norm(self._x[ids] - self._x_ref[ids], axis=1), self._turned(ids)
        r["drift_holding"][ids] = np.maximum(r["drift_holding"][ids], drift)
        r["rotation_holding"][ids] = np.maximum(r["rotation_holding"][ids], turned)
        lost = ~self._touching_or_bouncing(ids).all(axis=1)
        slipped = ~lost & (drift > p.max_drift)
        rotated = ~lost & ~slipped & (turned > np.radians(p.max_rotation_deg))
        self._end(ids[lost], Outcome.DROPPED)
        self._end(ids[slipped], Outcome.SLIPPED)
        self._end(ids[rotated], Outcome.ROTATED)
        failed = ids[lost | slipped | rotated]
        r["time_to_failure"][failed] = self._samples[failed] * self._period
        r["failed_direction"][failed] = (self._samples[failed] - 1) // self._push

        done = ids[
            ~(lost | slipped | rotated) & (self._samples[ids] >= self._push * len(self._pushes))
        ]
        r["phase"][done] = Phase.HOLD
        r["held_acceleration"][done] = p.acceleration
        self._end(done, Outcome.SUCCESS)

    def _running(self, phase: Phase | None = None) -> Ids:
        running = self._results["outcome"] == Outcome.NOT_TRIED
        return np.flatnonzero(
            running if phase is None else running & (self._results["phase"] == phase)
        )

    def _end(self, ids: Ids, outcome: Outcome) -> None:
        self._results["outcome"][ids] = outcome

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
        for _ in range(self._patience):
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
        return self._object[:, :3] + R @ self._com, R

    def _turned(self, ids: Ids) -> Array:
        """(m,) angle from the reference, rad."""
        return rotation_angle(self._R[ids] @ np.swapaxes(self._R_ref[ids], 1, 2))

    def _com_velocity(self, ids: Ids) -> Array:
        """(m, 3) velocity of the centre of mass, hand frame, m/s."""
        v = self._object_velocity[ids]
        # The angular velocity of a free joint is in the body's frame, the linear one in the world's.
        return v[:, :3] + np.einsum("nij,nj->ni", self._R[ids], np.cross(v[:, 3:], self._com))
