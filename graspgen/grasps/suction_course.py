"""The course of free-space trials of suction grippers: vacuum on, then the pushes that jaws are pushed by."""

from __future__ import annotations

import mujoco
import numpy as np
from mujoco.batch import Batch
from numpy.typing import NDArray

from graspgen.frames import Array
from graspgen.grasps.course import TOUCH, FreeCourse, Ids
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import Profile
from graspgen.grippers.gripper import Gripper
from graspgen.grippers.suction import SEGMENTS, segment_names

#: Time for the vacuum to come and the object to settle against the lips, s.
EVACUATION = 0.1


class SuctionCourse(FreeCourse):
    """`FreeCourse` of a suction gripper: what closes is a valve, and what is lost is a seal.

    A cup holds while every segment of its lip touches the object; once one has lifted, air comes in, and the cup's
    valve closes for good. A trial ends with its last cup.

    Args:
        batch: one simulation a trial, of the model from `suction_model`.
        gripper, profile, com, results, graded: as `FreeCourse`'s.
        T_object_grasp: (n, 4, 4) grasp frames, pressed onto the surface.
        sealed: (n, cups) which cups seal.
        lips: (n, segments) m, where the lips' segments lie on the surface, along the approach from the lips' plane.
        force: of the vacuum on one cup, N.
    """

    def __init__(
        self,
        batch: Batch,
        gripper: Gripper,
        profile: Profile,
        T_object_grasp: Array,
        com: Array,
        results: dict[str, NDArray],
        *,
        sealed: NDArray[np.bool_],
        lips: Array,
        force: float,
        graded: bool,
    ) -> None:
        self._lips, self._force = lips, force
        self._sucking, self._sucking_ref = sealed.copy(), sealed.copy()
        none = np.zeros(len(lips))
        super().__init__(batch, gripper, profile, T_object_grasp, none, none, com, results, graded=graded)

    def _bind_hand(self, model: mujoco.MjModel) -> None:
        names = segment_names(self._sucking.shape[1])
        self._joints = [model.joint(name).qposadr[0] for name in names]
        self._valves = [model.actuator(name).id for name in names]
        self._touch = [model.sensor(TOUCH + name).adr[0] for name in names]

    def _start_close(self, width: Array) -> None:
        self._qpos[:, self._joints] = self._lips
        self._batch.expand("qpos_spring")[:, self._joints] = self._lips  # a lip that has conformed is at rest
        self._set_valves(np.arange(len(width)))
        self._close_samples = np.full(len(width), np.ceil(EVACUATION / self._period))

    def _refuse_inside(self) -> None:
        """Nothing to refuse: lips start on the surface, and the sweep has seen everything else."""

    def _watch_close(self, ids: Ids) -> None:
        """When the vacuum has had its time: record what it did, and go on with those that hold."""
        r, ids = self._results, ids[self._samples[ids] >= self._close_samples[ids]]
        if not len(ids):
            return
        any_contact = self._in_contact(ids).any(axis=1)
        self._vent(ids)
        self._x, self._R = self._object_pose()
        r["drift_closing"][ids], r["rotation_closing"][ids] = self._moved(ids), self._turned(ids)
        r["width"][ids] = 0.0
        r["grip_force"][ids] = self._force * self._sucking[ids].sum(axis=1)
        holds = self._sucking[ids].any(axis=1)
        self._end(ids[~holds & any_contact], Outcome.NO_SEAL)
        self._end(ids[~holds & ~any_contact], Outcome.NO_CONTACT)
        self._sucking_ref[ids] = self._sucking[ids]
        self._hold(ids[holds])

    def _start(self, ids: Ids) -> None:
        self._sucking[ids] = self._sucking_ref[ids]
        self._set_valves(ids)
        super()._start(ids)

    def _loss(self, ids: Ids) -> NDArray[np.uint8]:
        before = self._force * self._sucking[ids].sum(axis=1)
        self._vent(ids)
        level, number = self._level[ids], self._number[ids]
        pull = (
            self._mass[ids] * self._accelerations[level] * -self._linear[np.minimum(number, len(self._linear) - 1), 2]
        )
        # A pull that alone is more than the vacuum's force takes the cup straight off; else a moment has lifted a part.
        how = np.where(pull >= before, Outcome.DROPPED, Outcome.PEELED)
        return np.where(self._sucking[ids].any(axis=1), Outcome.NOT_TRIED, how).astype(np.uint8)

    def _vent(self, ids: Ids) -> None:
        """Close the valves of cups with a part of the lip off the surface, now and for the profile's touch time."""
        touching = self._touching_or_bouncing(ids).reshape(len(ids), -1, SEGMENTS).all(axis=2)
        self._sucking[ids] &= touching
        self._set_valves(ids)

    def _set_valves(self, ids: Ids) -> None:
        self._batch.ctrl[np.ix_(ids, self._valves)] = np.repeat(self._sucking[ids], SEGMENTS, axis=1)

    def _in_contact(self, ids: Ids) -> NDArray[np.bool_]:
        return np.stack([self._sensors[ids, at] > 0 for at in self._touch], axis=1)

    def _touching(self, ids: Ids) -> NDArray[np.bool_]:
        """(m, segments) whether each segment of a cup under vacuum touches the object; others count as if they did."""
        return self._in_contact(ids) | ~np.repeat(self._sucking[ids], SEGMENTS, axis=1)
