"""What drives a hand through a place, control step by control step: six servos on a stand, or an arm (`arm_drive`)."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from graspgen.env.actions import NAMES, Limits, commanded, rotation_vector, servo_targets
from graspgen.env.cups import CupState
from graspgen.env.moment import Moment
from graspgen.env.scenes import Place
from graspgen.frames import Array
from graspgen.grasps.scene_measures import SceneMeasures
from graspgen.grasps.scene_state import SceneState
from graspgen.grippers.gripper import Gripper

_ONE = np.zeros(1, np.int64)


class Driver(Protocol):
    """Drives one hand.

    Attributes:
        told: (1, 3) m and (1, 3, 3), where the hand was told to be, world frame.
        action_size: how many numbers an action has; the last one is of the fingers.
        joints: how many joints it tells of.
    """

    told: tuple[Array, Array]
    action_size: int
    joints: int

    def enter(self, place: Place, target: int, T: Array, local: Array, width: float) -> SceneMeasures:
        """Put the hand into a place that has been reset, and return what measures it.

        Args:
            place: the scene.
            target: number of the target among its objects.
            T, local: (4, 4) poses of the tool point, in the world's frame and in the simulation's.
            width: opening of the fingers, m.
        """
        ...

    def again(self, place: Place, target: int) -> SceneMeasures:
        """Return what measures the hand in a place that will be put back to where it was."""
        ...

    def rates(self, R: Array) -> tuple[Array, Array]:
        """(1, 3) m/s of the tool point and (1, 3) rad/s of the hand, which is turned by (1, 3, 3); world axes."""
        ...

    def control(self, out: Array, action: Array, now: Moment, frames: tuple[Array, Array], limits: Limits) -> None:
        """Write what does a (1, numbers) action in the next control step into (steps, nu) controls.

        Args:
            out: the controls; those of the fingers are left alone.
            action: in −1…1.
            now: where everything is.
            frames: (3,) m, of the world's frame from the simulation's, now and after the control step.
            limits: of the hand's motion.
        """
        ...

    def posture(self) -> NDArray[np.float64]:
        """(2 joints,) where its joints are, rad, and their rates, rad/s."""
        ...

    def saved(self) -> Any:
        """Return all that it keeps beside the simulation."""
        ...

    def put_back(self, saved: Any) -> None:
        """Go on from where `saved` was called."""
        ...


class Floating:
    """Drives a hand on the stand of the trials, which turns with what the hand is told.

    So the servos' axes are those of the grasp frame whichever way the hand points.

    Args:
        gripper: the hand.
        mode: of actions (`graspgen.env.actions.NAMES`).
    """

    joints = 0

    def __init__(self, gripper: Gripper, mode: str) -> None:
        self._gripper, self._mode = gripper, mode
        self._state_of: type[SceneState] = CupState if gripper.suction else SceneState
        self.action_size = len(NAMES[mode])

    def enter(self, place: Place, target: int, T: Array, local: Array, width: float) -> SceneMeasures:
        """Put the stand at the tool point."""
        self.told = T[None, :3, 3], T[None, :3, :3]
        return self._at(place, target, local, width)

    def again(self, place: Place, target: int) -> SceneMeasures:
        """Return what measures the hand."""
        return self._at(place, target, np.eye(4), 0.0)

    def _at(self, place: Place, target: int, local: Array, width: float) -> SceneState:
        self._lead = place.scene.lead
        self._state = self._state_of(
            place.scene, place.sim, self._gripper, target=np.array([target]), friction=place.friction[[target]],
            com=place.com, T_world_grasp=local[None], width=np.array([width]), approach=0.0,
        )  # fmt: skip
        return self._state

    def rates(self, R: Array) -> tuple[Array, Array]:
        """Read them off the slides and the ball."""
        return self._state.rates(R)

    def control(self, out: Array, action: Array, now: Moment, frames: tuple[Array, Array], limits: Limits) -> None:
        """Move the servos' targets; the stand turns where the hand is to turn."""
        state, (old, R_old), (here, after) = self._state, self.told, frames
        x, R, turned = commanded(self._mode, action, self.told, (now.x + here, now.R), limits)
        if turned[0]:
            state.restand(_ONE, (x - after, R), (now.x, now.R, now.v))
            # Where it was told to be turned until now, seen from the new stand.
            left = rotation_vector(R.swapaxes(1, 2) @ R_old)
        else:
            left = np.zeros((1, 3))
        out[:, state.servos] = servo_targets(
            (old - here, x - after), left, state.stand(_ONE), self._lead, len(out), limits.period
        )[0]
        self.told = x, R

    def posture(self) -> NDArray[np.float64]:
        """Return nothing: there are no joints to tell of."""
        return np.zeros(0)

    def saved(self) -> Any:
        """Return where the hand was told to be."""
        return self.told

    def put_back(self, saved: Any) -> None:
        """Go on from there."""
        self.told = saved
