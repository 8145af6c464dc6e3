"""Hands in settled scenes, each in a simulation of its own: driven step by step, measured, judged as the labels are.

It is the hand of the in-scene trials. What carries and drives it is a `graspgen.env.drive.Driver`'s business.

All that happens in every control step is done for all hands at once, as arrays with one entry each; what happens now
and then, hand by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.env.actions import HOME, TURN_SPEED, Limits
from graspgen.env.cups import CupJudge, Vacuum
from graspgen.env.drive import Driver
from graspgen.env.errors import EnvError
from graspgen.env.judge import Judge
from graspgen.env.moment import Meter, nearest_box
from graspgen.env.scenes import Place
from graspgen.env.touches import between, deepest
from graspgen.frames import Array, pose, rotation_angle
from graspgen.grasps.course import WILD_SPEED
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import Profile
from graspgen.grasps.scene_measures import Ids, Motion, SceneMeasures
from graspgen.grasps.scene_path import Stage
from graspgen.grasps.scene_touch import first_touch
from graspgen.grippers.gripper import Gripper

# Enumerations are slow to compare arrays with.
_APPROACH, _CLOSE = int(Stage.APPROACH), int(Stage.CLOSE)

_ONE = np.zeros(1, np.int64)
#: Half-sides, m, of the box about the origin that the tool point is kept in, and its height.
REACH, CEILING = (0.4, 0.4), 0.7
#: How far upstream of the origin things on a belt are at the start, m.
UPSTREAM = 0.4

#: Arrays of `Hands` that a hand's future depends on beside its simulation, judge and driver.
_KEPT = ("targets", "fixed", "started")


@dataclass(frozen=True, eq=False)
class Saved:
    """All that a hand's future depends on: its place, MuJoCo's data, and what is kept beside it."""

    place: Place
    data: mujoco.MjData
    measured: tuple[NDArray, ...]
    judged: Mapping[str, NDArray]
    driven: Any
    own: Mapping[str, NDArray]


class Hands:
    """Hands in the places that they have entered; arrays have one entry each.

    Attributes:
        places: the scenes, None before the first.
        judge: of the attempts to grasp.
        moment: where everything is now, the simulations' frames.
        targets: number of the target among the scene's objects; −1 where none is left.
        fixed: whether the target is a given one; else it is what the hand is nearest to, or has between its fingers.
        driver: what drives the hands.
        states: what puts each hand at its start and makes objects its targets.
        here: (n, 3) m, where the simulations' frames, which ride on the belts, are now in the world.
        belt: (n, 3) m/s, velocity of these frames.
        limits: what bounds their motion.

    Args:
        gripper, profile: the hand, and how trials are simulated and judged.
        driver: what drives the hands.
        strict: whether a touch on the approach ends an attempt, as it ends a trial.
        n: how many.
        objects: most of them in a scene.
    """

    def __init__(self, gripper: Gripper, profile: Profile, driver: Driver, strict: bool, n: int, objects: int) -> None:
        self.gripper, self.profile, self.driver, self.strict, self.n = gripper, profile, driver, strict, n
        self.chunk = max(1, round(profile.scene.sample_period / profile.option.timestep))
        self.period = self.chunk * profile.option.timestep
        self.judge = (CupJudge if gripper.suction else Judge)(profile, gripper, n, objects, self.chunk)
        self._vacuums = [Vacuum(gripper) for _ in range(n)] if gripper.suction else []
        self.places: list[Place | None] = [None] * n
        self.states: list[SceneMeasures | None] = [None] * n
        self._meter = Meter(gripper, n, objects)
        self.targets, self.fixed = np.zeros(n, np.int64), np.zeros(n, bool)
        self.started, self.belt, self.here = np.zeros((n, 3)), np.zeros((n, 3)), np.zeros((n, 3))
        self._half, self._com = np.full((n, objects, 3), -np.inf), np.zeros((n, objects, 3))
        self._low, self._high, self._squeeze_limit = np.zeros((n, 3)), np.zeros((n, 3)), np.zeros(n)
        self.limits = Limits(profile.scene.lift_speed, TURN_SPEED, self.period, self._low, self._high)
        self._seen = np.zeros((n, self.chunk, 0))
        self._measure()

    def enter(
        self, i: int, place: Place, target: int | None, T: ArrayLike | None, opening: float | None, jitter: Array
    ) -> None:
        """Put a hand into a place, at the start of its simulation.

        Args:
            i: which hand.
            place: the scene; no other hand may be in it.
            target: number of the target among its objects; None for whatever the hand is nearest to.
            T: (4, 4) pose of the tool point, world frame; None for above the middle, pointing down.
            opening: of the fingers, m; None for the largest.
            jitter: (2,) m, of the first of these two along x and y.

        Raises:
            EnvError: the pose or the opening is not valid.
        """
        stroke = self.gripper.file.stroke
        width = stroke if opening is None else float(opening)
        if not 0 <= width <= stroke:
            raise EnvError(f"opening must be from 0 to {stroke:g} m, got {opening!r}")
        start = pose(HOME, [*jitter, place.home_height]) if T is None else np.asarray(T, float)
        if start.shape != (4, 4):
            raise EnvError(f"T_world_tool must be a (4, 4) pose, got shape {start.shape}")
        self.fixed[i], self.targets[i] = target is not None, target or 0
        self.started[i] = -UPSTREAM * np.sign(place.belt)
        local = start.copy()
        local[:3, 3] -= self.started[i]
        place.sim.reset()
        self._settle_in(i, place, self.driver.enter(i, place, int(self.targets[i]), start, local, width))
        self.judge.begin(i)
        self._meter.copy(i)
        self._measure()
        self._aim(i, i + 1)

    def _settle_in(self, i: int, place: Place, state: SceneMeasures) -> None:
        """Take note of what does not change in a place."""
        k, model = len(place.ids), place.scene.model
        self.places[i], self.states[i], self.belt[i] = place, state, place.belt
        self._half[i], self._com[i] = -np.inf, 0.0
        self._half[i, :k], self._com[i, :k] = place.half, place.com
        self._low[i], self._high[i] = _bounds(place)
        self._meter.enter(i, place, self.driver.watched(i))
        self._face = state  # where sensors and controls are is the same in all models of this hand
        if self._vacuums:
            self.judge.force[i] = state.cup_force
        else:
            self._squeeze_limit[i] = 0.99 * state.squeeze_limit
        self._controls = model.nu
        if self._seen.shape[2] != model.nsensordata:
            self._seen = np.zeros((self.n, self.chunk, model.nsensordata))

    def begin(self, going: Sequence[int], action: Array) -> Array:
        """Begin a control step: return the (n, steps, nu) controls that do (n, numbers) actions, in −1…1.

        Args:
            going: which hands; what is returned for others does not count, and they have to enter a place anew.
            action: of all hands.
        """
        fingers, judge = action[:, -1], self.judge
        self._aim(0, self.n)
        if len(ids := judge.told(fingers)):
            self._close(ids)
        for i in going if self._vacuums else ():
            self._vacuums[i].switch(i, fingers[i], judge, self.states[i], self.places[i], self.moment, self._aim_at)
        approaching = np.flatnonzero((judge.stage == _APPROACH) & (judge.first_touch < 0))
        before = {i: self.places[i].sim.state() for i in approaching if i in going} if self.strict else {}
        control = self._control(going, action, fingers)
        self._begun = approaching, control, before
        return control

    def simulate(self, i: int, control: Array) -> None:
        """Simulate a control step of a hand; other threads may do so at the same time with other hands.

        Args:
            i: which.
            control: (steps, nu).
        """
        self._seen[i] = self.places[i].sim.rollout(control)
        self._meter.copy(i)

    def end(self) -> None:
        """Judge the attempts after a control step that was simulated."""
        approaching, control, before = self._begun
        if len(approaching):
            hits = self._face.hand_hits(self._seen[approaching])
            for row in np.flatnonzero(hits.any(axis=1)).tolist():
                i = int(approaching[row])
                self._touch(i, control[i, : int(hits[row].argmax())], before.get(i))
        self._measure()
        slow = np.abs(self.moment.v_object) < WILD_SPEED  # NaN is wild
        wild = np.zeros(self.n, bool) if slow.all() else ~slow.all(axis=(1, 2))
        wild |= [place is not None and place.sim.warned for place in self.places]
        judge = self.judge
        for i, vacuum in enumerate(self._vacuums):
            judge.pull[i] = vacuum.pull(self.places[i], self.moment.R[i], int(self.targets[i]))
        judge.watch(self.moment, wild, self)
        if self._vacuums:
            return
        closing = judge.stage == _CLOSE
        if closing.any():
            self._aim_by_touch(np.flatnonzero(closing & ~self.fixed & ~judge.touching.all(axis=1)))

    def _measure(self) -> None:
        self.here = self.started + self.belt * self._meter.time[:, None]
        self.moment = self._meter.read(self.driver.rates)

    def touching(self, ids: Ids | slice, steps: int) -> NDArray[np.bool_]:
        """(m, 2) whether each finger touches the target in any of the last steps; 0: of all of the control step."""
        return self._face.touching(self._seen[ids, -steps:])

    def squeezing(self, ids: Ids) -> NDArray[np.bool_]:
        """(m,) whether the grip is at its limit of force."""
        return np.abs(self.moment.force[ids]) >= self._squeeze_limit[ids]

    def motion(self, ids: Ids) -> Motion:
        """Return how the (m,) targets move in the hands."""
        hand, number = self.gripper, self.targets[ids]
        tool = np.zeros((len(ids), 3))
        if hand.tool_moves:
            tool = hand.tool_point(self.moment.opening[ids]) - hand.T_base_tcp[:3, 3]
        return self.moment.motion(ids, number, self._com[ids, number], tool)

    def rise(self, ids: Ids, since: Array) -> tuple[Array, Array]:
        """(m,) rise of each target since the (m, k) heights of all, m, and the largest of any other object's."""
        rise, row, number = self.moment.height(ids, self._com) - since, np.arange(len(ids)), self.targets[ids]
        own = rise[row, number]
        rise[row, number] = -np.inf
        return own, rise.max(axis=1)

    def lag(self, ids: Ids) -> tuple[Array, Array]:
        """(m,) m and (m,) rad by which hands are off where they were told to be."""
        told, R_told = self.driver.told
        off = told[ids] - self.here[ids] - self.moment.x[ids]
        return np.sqrt((off**2).sum(axis=1)), rotation_angle(R_told[ids].swapaxes(1, 2) @ self.moment.R[ids])

    def _control(self, going: Sequence[int], action: Array, fingers: Array) -> Array:
        """(n, steps, nu) controls of a control step."""
        control = np.empty((self.n, self.chunk, self._controls))
        after = self.here + self.belt * self.period
        self.driver.control(control, going, action, self.moment, (self.here, after), self.limits)
        if self._vacuums:
            control[..., self._face.valves] = self.judge.valves()[:, None]
        else:
            control[..., self._face.grip] = fingers[:, None] * self.gripper.file.closing_speed
        return control

    def _close(self, ids: Ids) -> None:
        self.judge.close(ids, self.moment, self.motion(ids), self.moment.height(ids, self._com))

    def _aim(self, first: int, end: int) -> None:
        """Make the object whose box the tool point is in, or nearest to, the target of hands that approach."""
        free = (self.judge.stage == _APPROACH) & ~self.fixed & (self.targets >= 0)
        if not free.any():
            return
        nearest = nearest_box(self.moment, self._half)
        for i in np.flatnonzero(free & (nearest != self.targets)).tolist():
            if first <= i < end:
                self._retarget(i, int(nearest[i]))

    def _aim_at(self, i: int, number: int) -> int:
        """Make an object the target, where that is not a given one; return the number of the target."""
        if not self.fixed[i] and number != self.targets[i]:
            self._retarget(i, number)
            self._close(np.array([i]))
        return int(self.targets[i])

    def _aim_by_touch(self, ids: Ids) -> None:
        """Make what both fingers have between them the target, where it is another one."""
        for i in ids[self.squeezing(ids)].tolist() if len(ids) else ():
            place = self.places[i]
            common = between(place, self.gripper)
            if common and int(place.ids[self.targets[i]]) not in common:
                self._retarget(i, int(np.searchsorted(place.ids, common[0])))
                self._close(np.array([i]))

    def _retarget(self, i: int, number: int) -> None:
        self.targets[i] = number
        self.states[i].retarget(_ONE, np.array([number]), self.places[i].friction[[number]])

    def target_com(self, i: int) -> Array:
        """(3,) centre of mass of a target, m, the simulation's frame."""
        number, now = self.targets[i], self.moment
        return now.x_object[i, number] + now.R_object[i, number] @ self._com[i, number]

    def _touch(self, i: int, control: Array, before: Array | None) -> None:
        """Note what an open hand has touched on its approach; where a trial's rules hold, that ends the attempt."""
        place = self.places[i]
        found = deepest(place) if before is None else first_touch(place.scene, before, control)
        if found is None:
            return
        self.judge.first_touch[i] = found
        if before is not None:
            own = Outcome.HITS_TARGET if found == place.ids[self.targets[i]] else Outcome.HITS_OBJECT
            self.judge.over(np.array([i]), own if found else Outcome.HITS_SUPPORT)

    def saved(self, i: int) -> Saved:
        """Return all that a hand's future depends on."""
        place, own = self.places[i], {name: getattr(self, name)[i].copy() for name in _KEPT}
        return Saved(place, place.sim.saved(), self.states[i].saved(), self.judge.saved(i), self.driver.saved(i), own)

    def put_back(self, i: int, saved: Saved) -> None:
        """Go on from where `saved` was called; what happens then is the same to the last bit."""
        place = saved.place
        for name, value in saved.own.items():
            getattr(self, name)[i] = value
        number = max(int(self.targets[i]), 0)
        state = self.driver.again(i, place, number)
        self._settle_in(i, place, state)
        place.sim.restore(saved.data)
        state.restore(saved.measured, place.friction[[number]])
        self.driver.put_back(i, saved.driven)
        self.judge.restore(i, dict(saved.judged))
        self._meter.copy(i)
        self._measure()


def _bounds(place: Place) -> tuple[Array, Array]:
    """(3,) corners of the box that the tool point is kept in, m."""
    reach = np.array(REACH)
    if place.belt_size is not None:
        reach = np.maximum(reach, place.belt_size)
    return np.array([*-reach, 0.0]), np.array([*reach, max(CEILING, place.home_height + 0.2)])
