"""What drives hands through places, control step by control step: six servos on a stand, or arms (`arm_drive`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.env.actions import NAMES, Limits, commanded, servo_targets
from graspgen.env.cups import CupState
from graspgen.env.moment import Moment, runs
from graspgen.env.scenes import Place
from graspgen.frames import Array
from graspgen.grasps.finger_scene import FingerState
from graspgen.grasps.scene_measures import SceneMeasures
from graspgen.grasps.scene_stand import BALL, HAND, SLIDES, STAND
from graspgen.grasps.scene_state import SceneState
from graspgen.grippers.gripper import Gripper


class Driver(Protocol):
    """Drives n hands, each in a place of its own; arrays have one entry each.

    Attributes:
        told: (n, 3) m and (n, 3, 3), where the hands were told to be, world frame.
        action_size: how many numbers an action has; the last one is of the fingers.
        joints: how many joints of each it tells of.
    """

    told: tuple[Array, Array]
    action_size: int
    joints: int

    def enter(self, i: int, place: Place, target: int, T: Array, local: Array, width: float) -> SceneMeasures:
        """Put a hand into a place that has been reset, and return what measures it.

        Args:
            i: which hand.
            place: the scene.
            target: number of the target among its objects.
            T, local: (4, 4) poses of the tool point, in the world's frame and in the simulation's.
            width: opening of the fingers, m.
        """
        ...

    def again(self, i: int, place: Place, target: int) -> SceneMeasures:
        """Return what measures a hand in a place that will be put back to where it was."""
        ...

    def watched(self, i: int) -> list[tuple[NDArray, NDArray]]:
        """Return what it must know of the simulation of a hand: where to copy it, and live views of it."""
        ...

    def rates(self, R: Array) -> tuple[Array, Array]:
        """(n, 3) m/s of the tool points and (n, 3) rad/s of the hands, which are turned by (n, 3, 3); world axes.

        They may be written over by the next call.
        """
        ...

    def control(
        self, out: Array, going: Sequence[int], action: Array, now: Moment, frames: tuple[Array, Array], limits: Limits
    ) -> None:
        """Write what does (n, numbers) actions in the next control step into (n, steps, nu) controls.

        Args:
            out: the controls; those of the fingers are left alone.
            going: which hands have a next control step.
            action: in −1…1.
            now: where everything is.
            frames: (n, 3) m, of the world's frame from the simulations', now and after the control step.
            limits: of the hands' motion.
        """
        ...

    def posture(self) -> NDArray[np.float64]:
        """(n, 2 joints) where its joints are, rad, and their rates, rad/s."""
        ...

    def saved(self, i: int) -> Any:
        """Return all that it keeps of a hand beside the simulation."""
        ...

    def put_back(self, i: int, saved: Any) -> None:
        """Go on from where `saved` was called."""
        ...


class Floating:
    """Drives hands on the stand of the trials, which turns with what the hand is told.

    So the servos' axes are those of the grasp frame whichever way the hand points.

    Args:
        gripper: the hand.
        mode: of actions (`graspgen.env.actions.NAMES`).
        n: how many.
    """

    joints = 0

    def __init__(self, gripper: Gripper, mode: str, n: int) -> None:
        self._gripper, self._mode = gripper, mode
        self._state_of: type[SceneState] = CupState if gripper.suction else SceneState
        if gripper.fingered:
            self._state_of = FingerState
        self.action_size = len(NAMES[mode])
        # How hands were told to be turned, which stands are too; and how they are turned.
        self._R = np.tile(np.eye(3), (n, 2, 1, 1))
        self.told = np.zeros((n, 3)), self._R[:, 0]
        self._stand, self._lead = np.zeros((n, 3)), np.zeros((n, 6))
        self._rates = np.zeros((n, 2, 3))  # along the stands' axes, and about the hands'
        self._world_rates, self._moved = np.zeros((2, n, 2, 3, 1))
        self._left = np.zeros(4)
        self._views: list[tuple[NDArray, ...]] = [()] * n  # slides, ball, rates of slides, the stand: place and turn
        self._watched: list[list[tuple[NDArray, NDArray]]] = [[] for _ in range(n)]
        self._servos = slice(0, 0)

    def enter(self, i: int, place: Place, target: int, T: Array, local: Array, width: float) -> SceneMeasures:
        """Put the stand at the tool point."""
        self.told[0][i], self.told[1][i], self._stand[i] = T[:3, 3], T[:3, :3], local[:3, 3]
        return self._at(i, place, target, local, width)

    def again(self, i: int, place: Place, target: int) -> SceneMeasures:
        """Return what measures the hand."""
        return self._at(i, place, target, np.eye(4), 0.0)

    def _at(self, i: int, place: Place, target: int, local: Array, width: float) -> SceneState:
        model, data = place.scene.model, place.sim.data
        slide, ball = model.joint(SLIDES[0]), model.joint(BALL)
        q, v, ball_q, ball_v = (int(at[0]) for at in (slide.qposadr, slide.dofadr, ball.qposadr, ball.dofadr))
        stand = int(model.body(STAND).mocapid[0])
        self._views[i] = (
            data.qpos[q : q + 3], data.qpos[ball_q : ball_q + 4], data.qvel[v : v + 3], data.mocap_pos[stand],
            data.mocap_quat[stand],
        )  # fmt: skip
        hand = int(model.body(HAND + self._gripper.base).id)
        self._watched[i] = [
            *runs(self._rates[i].reshape(6), data.qvel, [*range(v, v + 3), *range(ball_v, ball_v + 3)]),
            (self._R[i, 1].reshape(9), data.xmat[hand]),
        ]
        self._lead[i] = place.scene.lead
        state = self._state_of(
            place.scene, place.sim, self._gripper, target=np.array([target]), friction=place.physics.friction[[target]],
            com=place.com, T_world_grasp=local[None], width=np.array([width]), approach=0.0,
        )  # fmt: skip
        self._servos = slice(state.servos[0], state.servos[-1] + 1)
        return state

    def watched(self, i: int) -> list[tuple[NDArray, NDArray]]:
        """Return the rates of slides and ball, and how the hand is turned."""
        return self._watched[i]

    def rates(self, R: Array) -> tuple[Array, Array]:
        """Turn those of the slides and the ball: slides are along the stand's axes."""
        found = np.matmul(self._R, self._rates[..., None], out=self._world_rates)
        return found[:, 0, :, 0], found[:, 1, :, 0]

    def control(
        self, out: Array, going: Sequence[int], action: Array, now: Moment, frames: tuple[Array, Array], limits: Limits
    ) -> None:
        """Move the servos' targets; the stands turn where hands are to turn, and the hands stay as they are."""
        here, after = frames
        x, R, turns = commanded(self._mode, action, self.told, (now.x + here, now.R), limits)
        end = x - after
        left = self._restand(going, end, R, now) if turns else None
        way = self.told[0] - here, end
        servo_targets(out[..., self._servos], way, left, (self._stand, R), self._lead, limits.period)
        self.told[0][...], self.told[1][...] = x, R

    def _restand(self, going: Sequence[int], stand: Array, R: Array, now: Moment) -> Array:
        """Put stands elsewhere; the hands stay where they are and go on as they moved.

        Returns:
            (n, 3) rotation vectors from the new stands, rad, of how hands were told to be turned until now.
        """
        self._stand[...] = stand
        back, moved = R.swapaxes(1, 2)[:, None], self._moved
        np.subtract(now.x, stand, out=moved[:, 0, :, 0])
        moved[:, 1, :, 0] = now.v
        moved, turned = back @ moved, (back @ self._R).reshape(-1, 2, 9)
        left, q, flat = np.zeros(stand.shape), self._left, R.reshape(-1, 9)
        for i in going:
            slides, ball, rates, place, quat = self._views[i]
            slides[...], rates[...], place[...] = moved[i, 0, :, 0], moved[i, 1, :, 0], stand[i]
            mujoco.mju_mat2Quat(ball, turned[i, 1])
            mujoco.mju_mat2Quat(quat, flat[i])
            mujoco.mju_mat2Quat(q, turned[i, 0])
            mujoco.mju_quat2Vel(left[i], q, 1.0)
        return left

    def posture(self) -> NDArray[np.float64]:
        """Return nothing: there are no joints to tell of."""
        return np.zeros((len(self._stand), 0))

    def saved(self, i: int) -> Any:
        """Return where the hand was told to be, and its stand."""
        return tuple(x[i].copy() for x in (*self.told, self._stand))

    def put_back(self, i: int, saved: Any) -> None:
        """Go on from there."""
        for into, value in zip((*self.told, self._stand), saved, strict=True):
            into[i] = value
