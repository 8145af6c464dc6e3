"""What is asked of hands among objects, to judge and to reward them: measured where it is asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graspgen.env.drive import Driver
from graspgen.env.moment import Meter, Moment
from graspgen.env.scenes import Place
from graspgen.frames import Array, rotation_angle
from graspgen.grasps.finger_close import finger_postures
from graspgen.grasps.scene_measures import Ids, Motion, SceneMeasures
from graspgen.grippers.gripper import Gripper


class Witness:
    """Measures n hands, each in a place of its own (`graspgen.env.judge.Eyewitness`); arrays have one entry each.

    Attributes:
        places: the scenes, None before the first.
        states: what puts each hand at its start and makes objects its targets.
        moment: where everything is now, the simulations' frames.
        targets: number of the target among the scene's objects; −1 where none is left.
        driver: what drives the hands.
        here: (n, 3) m, where the simulations' frames, which ride on the belts, are now in the world.
        belt: (n, 3) m/s, velocity of these frames.

    Args:
        gripper: the hand.
        driver: what drives the hands.
        n: how many.
        objects: most of them in a scene.
        chunk: simulation steps of a control step.
    """

    def __init__(self, gripper: Gripper, driver: Driver, n: int, objects: int, chunk: int) -> None:
        self.gripper, self.driver, self.n, self.chunk = gripper, driver, n, chunk
        self.places: list[Place | None] = [None] * n
        self.states: list[SceneMeasures | None] = [None] * n
        self.targets, self.started = np.zeros(n, np.int64), np.zeros((n, 3))
        self.belt, self.here, self._ride = np.zeros((n, 3)), np.zeros((n, 3)), False
        self._half, self._com = np.full((n, objects, 3), -np.inf), np.zeros((n, objects, 3))
        self._squeeze_limit, self._rows = np.zeros(n), np.arange(n)
        self._meter = Meter(gripper, n, objects)
        self.moment: Moment = self._meter.moment
        # What each step of a control step is told, and what the sensors say before it.
        self._control, self._seen = np.zeros((n, chunk, 0)), np.zeros((n, chunk, 0))
        self._measure()

    def _settle_in(self, i: int, place: Place, state: SceneMeasures) -> None:
        """Take note of what does not change in a place."""
        k, model = len(place.ids), place.scene.model
        self.places[i], self.states[i], self.belt[i] = place, state, place.belt
        self._ride = bool(self.belt.any())
        self._half[i], self._com[i] = -np.inf, 0.0
        self._half[i, :k], self._com[i, :k] = place.half, place.com
        self._meter.enter(i, place, self.driver.watched(i))
        self._face = state  # where sensors and controls are is the same in all models of this hand
        if not (self.gripper.suction or self.gripper.fingered):
            self._squeeze_limit[i] = 0.99 * state.squeeze_limit
        sizes = model.nu, model.nsensordata
        if (self._control.shape[2], self._seen.shape[2]) != sizes:
            self._control, self._seen = (np.zeros((self.n, self.chunk, size)) for size in sizes)

    def _measure(self) -> None:
        if self._ride:
            np.add(self.started, self.belt * self._meter.time[:, None], out=self.here)
        else:
            self.here[...] = 0.0
        self._meter.read(self.driver.rates)

    def touching(self, ids: Ids | slice, steps: int) -> NDArray[np.bool_]:
        """(m, 2) whether each finger touches the target in any of the last steps; 0: of all of the control step."""
        if steps == 1:
            return self._face.contacts(self._seen[ids, -1])
        return self._face.touching(self._seen[ids, -steps:])

    def squeezing(self, ids: Ids) -> NDArray[np.bool_]:
        """(m,) whether the grip is at its limit of force."""
        return np.abs(self.moment.force[ids]) >= self._squeeze_limit[ids]

    def driven(self, ids: Ids) -> tuple[Array, Array]:
        """(m, d) driven joints of multi-finger hands, and their rates."""
        return self._meter.joints(ids, finger_postures(self.gripper).driven)

    def link_forces(self, ids: Ids) -> Array:
        """(m, links, 3) N, forces of the links of multi-finger hands and the targets on each other."""
        return self._face.forces(self._seen[ids, -1])

    def in_hand(self, ids: Ids) -> tuple[Array, Array]:
        """(m, 3) m, centres of mass of the targets, and (m, 3, 3), how they are turned, in the hands."""
        number = self.targets[ids]
        return self.moment.in_hand(ids, number, self._com[ids, number])

    def motion(self, ids: Ids) -> Motion:
        """Return how the (m,) targets move in the hands."""
        hand, number = self.gripper, self.targets[ids]
        tool = np.zeros((len(ids), 3))
        if hand.tool_moves:
            tool = hand.tool_point(self.moment.opening[ids]) - hand.T_base_tcp[:3, 3]
        return self.moment.motion(ids, number, self._com[ids, number], tool)

    def rise(self, ids: Ids, since: Array) -> tuple[Array, Array]:
        """(m,) rise of each target since the (m, k) heights of all, m, and the largest of any other object's."""
        rise, row, number = self.moment.height(ids, self._com) - since, self._rows[: len(ids)], self.targets[ids]
        own = rise[row, number]
        rise[row, number] = -np.inf
        return own, rise.max(axis=1)

    def lag(self, ids: Ids) -> tuple[Array, Array]:
        """(m,) m and (m,) rad by which hands are off where they were told to be."""
        told, R_told = self.driver.told
        off = told[ids] - self.here[ids] - self.moment.x[ids]
        return np.sqrt((off**2).sum(axis=1)), rotation_angle(R_told[ids].swapaxes(1, 2) @ self.moment.R[ids])

    def target_com(self, i: int) -> Array:
        """(3,) centre of mass of a target, m, the simulation's frame."""
        number, now = self.targets[i], self.moment
        return now.x_object[i, number] + now.R_object[i, number] @ self._com[i, number]
