"""In-scene trials of multi-finger hands: what differs from those of jaws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array, rotation_angle
from graspgen.grasps.finger_close import FingerClose, finger_postures, mean_force, opposing
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.scene_course import SceneCourse, pick
from graspgen.grasps.scene_judge import judge_close
from graspgen.grasps.scene_model import HAND, SceneModel
from graspgen.grasps.scene_state import Ids, Look, SceneState
from graspgen.grippers.gripper import Gripper, opening_to_joints


class FingerState(SceneState):
    """`SceneState` of a multi-finger hand; any finger, and the palm, is a link that can hold."""

    def _bind_grip(self, scene: SceneModel, width: Array) -> None:
        hand, model = finger_postures(self._gripper), scene.model
        names = [HAND + self._gripper.joints[i] for i in hand.driven]
        self._driven = [int(model.joint(j).qposadr[0]) for j in names]
        self._driven_rates = [int(model.joint(j).dofadr[0]) for j in names]
        self.servos_of_fingers = [int(model.actuator(HAND + s).id) for s in self._gripper.servos]

    def open_to(self, pregrasp: Array) -> None:
        """Put the hands at (n, d) driven joints."""
        self._qpos[:, self._fingers] = opening_to_joints(self._gripper, np.zeros(len(pregrasp)), pregrasp)

    def driven(self, ids: Ids) -> tuple[Array, Array]:
        """(m, d) driven joints and their rates."""
        return self._qpos[ids[:, None], self._driven], self._qvel[ids[:, None], self._driven_rates]

    def forces(self, seen: Array) -> Array:
        """(m, links, 3) forces of the links and the target on each other, world frame, N, from (m, sensors)."""
        return np.stack([seen[:, at + 1 : at + 4] for at in self._finger_at], axis=1)

    def contacts(self, seen: Array) -> NDArray[np.bool_]:
        """(m, 2) whether one link, and whether another one, touches the target, from (m, sensors)."""
        return _pair(super().contacts(seen))

    def touching(self, seen: Array) -> NDArray[np.bool_]:
        """(m, 2) whether one link, and whether another one, touches the target in any of (m, steps, sensors)."""
        return _pair(super().contacts(seen).any(axis=1))


def _pair(links: NDArray[np.bool_]) -> NDArray[np.bool_]:
    number = links.sum(axis=-1)
    return np.stack([number >= 1, number >= 2], axis=-1)


class FingerSceneCourse(SceneCourse):
    """`SceneCourse` of a multi-finger hand: at the grasp it goes from pregrasp through grasp to squeeze."""

    _state: FingerState

    def use(self, gripper: Gripper, fingers: Array, force: float | None) -> None:
        """Say what the trials begin with.

        Args:
            gripper: the hand.
            fingers: (n, 2, d) driven joints before closing, and at the grasp.
            force: of each fingertip, N; None for the usual one.
        """
        self._gripper = gripper
        self._fingers_close = FingerClose(gripper, fingers, force, self._period)
        self._close_samples = self._fingers_close.longest + np.ceil(self._protocol.close_time_limit / self._period)
        self._state.open_to(fingers[:, 0])

    def _close_time(self, gripper: Gripper, width: Array) -> Array:
        return np.zeros(len(width))  # it depends on where the joints go (`use`)

    def _grip(self, control: Array, ids: Ids, closing: NDArray[np.bool_]) -> None:
        control[..., self._state.servos_of_fingers] = self._fingers_close.target[ids][:, None]

    def _watch_close(self, ids: Ids, look: Look, seen: Array, blocked: NDArray[np.bool_]) -> None:
        p, r, state = self._protocol, self._results, self._state
        self._touched[ids] |= state.touching(seen).any(axis=1)
        done = self._fingers_close.advance(ids, self._samples[ids], *state.driven(ids))
        ended = (done & (look.com_speed < p.still_speed)) | (self._samples[ids] >= self._close_samples[ids])
        if not ended.any():
            return
        ids, look, seen = ids[ended], pick(look, ended), seen[ended]
        force = state.forces(seen[:, -1])
        r["drift_closing"][ids] = np.linalg.norm(look.x - self._x_open[ids], axis=1)
        r["rotation_closing"][ids] = rotation_angle(look.R @ np.swapaxes(self._R_open[ids], 1, 2))
        r["width"][ids] = np.maximum(state.opening(ids)[0], 0.0)
        r["grip_force"][ids] = mean_force(self._gripper, force)
        touching = state.touching(seen[:, -self._touch_steps :])
        touching[:, 1] &= opposing(self._gripper, force)
        shut = np.zeros(len(ids), bool)  # a hand that has shut on nothing touches nothing
        codes = judge_close(touching, shut, self._touched[ids], r["drift_closing"][ids])
        for code in np.unique(codes[codes != Outcome.NOT_TRIED]):
            self._end(ids[codes == code], Outcome(int(code)))
        held = codes == Outcome.NOT_TRIED
        self._hold(ids[held], pick(look, held))
