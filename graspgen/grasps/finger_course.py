"""The course of free-space trials of multi-finger hands: pregrasp, grasp, squeeze, then the pushes of all grippers."""

from __future__ import annotations

import mujoco
import numpy as np
from mujoco.batch import Batch
from numpy.typing import NDArray

from graspgen.frames import Array
from graspgen.grasps.course import TOUCH, UNTOUCHED, FreeCourse, Ids
from graspgen.grasps.finger_close import FingerClose, finger_postures, mean_force, opposing
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import Profile
from graspgen.grippers.gripper import Gripper, opening_to_joints


class FingerCourse(FreeCourse):
    """`FreeCourse` of a multi-finger hand. Any finger, and the palm, is a link that can hold.

    After the close two links must press from opposite sides (`opposing`); while it is pushed two must touch the object.

    Args:
        batch, gripper, profile, T_object_grasp, width, com, results, graded: as `FreeCourse`'s.
        fingers: (n, 2, d) driven joints before closing, and at the grasp.
        force: of each fingertip, N; None for the usual one.
    """

    def __init__(
        self,
        batch: Batch,
        gripper: Gripper,
        profile: Profile,
        T_object_grasp: Array,
        width: Array,
        com: Array,
        results: dict[str, NDArray],
        *,
        fingers: Array,
        force: float | None,
        graded: bool,
    ) -> None:
        self._fingers, self._grip_force = fingers, force
        super().__init__(batch, gripper, profile, T_object_grasp, width, width, com, results, graded=graded)

    def _bind_hand(self, model: mujoco.MjModel) -> None:
        gripper, hand = self._gripper, finger_postures(self._gripper)
        self._joints = [model.joint(j).qposadr[0] for j in gripper.joints]
        names = [gripper.joints[i] for i in hand.driven]
        self._driven = [int(model.joint(j).qposadr[0]) for j in names]
        self._driven_rates = [int(model.joint(j).dofadr[0]) for j in names]
        self._servos = [int(model.actuator(s).id) for s in gripper.servos]
        self._touch = [int(model.sensor(TOUCH + b).adr[0]) for b in gripper.touching]

    def _start_close(self, width: Array) -> None:
        self._qpos[:, self._joints] = opening_to_joints(self._gripper, width, self._fingers[:, 0])
        self._close = FingerClose(self._gripper, self._fingers, self._grip_force, self._period)
        self._batch.ctrl[:, self._servos] = self._close.target
        self._close_samples = self._close.longest + np.ceil(self._protocol.close_time_limit / self._period)

    def _watch_close(self, ids: Ids) -> None:
        self._touched[ids] |= self._in_contact(ids).any(axis=1)
        q, rate = self._qpos[np.ix_(ids, self._driven)], self._qvel[np.ix_(ids, self._driven_rates)]
        done = self._close.advance(ids, self._samples[ids], q, rate)
        self._batch.ctrl[np.ix_(ids, self._servos)] = self._close.target[ids]
        still = np.linalg.norm(self._com_velocity(ids), axis=1) < self._protocol.still_speed
        ended = (done & still) | (self._samples[ids] >= self._close_samples[ids])
        if not ended.any():
            return
        r, ids = self._results, ids[ended]
        touching = self._touching_or_bouncing(ids)
        self._x, self._R = self._object_pose()  # bouncing trials have gone on
        force = self._forces(ids)
        r["drift_closing"][ids], r["rotation_closing"][ids] = self._moved(ids), self._turned(ids)
        r["width"][ids] = np.maximum(self._gripper.opening(self._qpos[np.ix_(ids, self._joints)]), 0.0)
        r["grip_force"][ids] = mean_force(self._gripper, force)
        held = touching.all(axis=1) & opposing(self._gripper, force)
        none = ids[~touching[:, 0]]
        self._end(ids[touching[:, 0] & ~held], Outcome.ONE_FINGER)
        # A touch can be shorter than the time between two looks, but it leaves the object moved.
        dropped = self._touched[none] | (r["drift_closing"][none] > UNTOUCHED)
        self._end(none[dropped], Outcome.DROPPED)
        self._end(none[~dropped], Outcome.NO_CONTACT)
        self._hold(ids[held])

    def _in_contact(self, ids: Ids) -> NDArray[np.bool_]:
        """(m, links) whether each link touches the object."""
        return np.stack([self._sensors[ids, at] > 0 for at in self._touch], axis=1)

    def _forces(self, ids: Ids) -> Array:
        """(m, links, 3) forces of the links and the object on each other, hand frame, N."""
        return np.stack([self._sensors[ids, at + 1 : at + 4] for at in self._touch], axis=1)

    def _touching(self, ids: Ids) -> NDArray[np.bool_]:
        """(m, 2) whether one link, and whether another one, touches the object."""
        number = self._in_contact(ids).sum(axis=1)
        return np.stack([number >= 1, number >= 2], axis=1)
