"""A hand in a settled scene: driven step by step, measured, and judged by the rules of the labels.

It is the hand of the in-scene trials. What carries and drives it is a `graspgen.env.drive.Driver`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from graspgen.frames import Array, pose, rotation_angle
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import Profile
from graspgen.grasps.scene_measures import Motion
from graspgen.grasps.scene_path import Stage
from graspgen.grasps.scene_stand import HAND
from graspgen.grasps.scene_touch import first_touch
from graspgen.grippers.gripper import Gripper

# Enumerations are slow to compare arrays with.
_APPROACH, _CLOSE = int(Stage.APPROACH), int(Stage.CLOSE)

#: The only simulation.
ONE = np.zeros(1, np.int64)
#: Half-sides, m, of the box about the origin that the tool point is kept in, and its height.
REACH, CEILING = (0.4, 0.4), 0.7
#: How far upstream of the origin things on a belt are at the start, m.
UPSTREAM = 0.4


@dataclass(frozen=True, eq=False)
class Saved:
    """All that a hand's future depends on: its place, MuJoCo's data, and what is kept beside it."""

    place: Place
    data: mujoco.MjData
    measured: tuple[NDArray, ...]
    judged: Mapping[str, NDArray]
    own: tuple[Any, ...]


class Hand:
    """A hand in the place that it has entered.

    Attributes:
        place: the scene, None before the first.
        sim: its simulation.
        state: measures it as trials are measured.
        judge: of the attempts to grasp.
        moment: where everything is now, the simulation's frame.
        target: number of the target among the scene's objects; −1 where none is left.
        fixed: whether the target is a given one; else it is what the hand is nearest to, or has between its fingers.
        driver: what drives the hand.
        limits: what bounds its motion.

    Args:
        gripper, profile: the hand, and how trials are simulated and judged.
        driver: what drives the hand.
        strict: whether a touch on the approach ends an attempt, as it ends a trial.
    """

    def __init__(self, gripper: Gripper, profile: Profile, driver: Driver, strict: bool) -> None:
        self.gripper, self.profile, self.driver, self.strict = gripper, profile, driver, strict
        self.chunk = max(1, round(profile.scene.sample_period / profile.option.timestep))
        self._vacuum = Vacuum(gripper) if gripper.suction else None
        self.judge = (CupJudge if gripper.suction else Judge)(profile, gripper, 1, self.chunk)
        self.place: Place | None = None

    @property
    def period(self) -> float:
        """Length of a control step, s."""
        return self.chunk * self.profile.option.timestep

    def enter(
        self, place: Place, target: int | None, T: ArrayLike | None, opening: float | None, jitter: Array
    ) -> None:
        """Put the hand into a place, at the start of its simulation.

        Args:
            place: the scene.
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
        self.place, self.sim = place, place.sim
        self.limits = _limits(place, self.period, self.profile.scene.lift_speed)
        self._started = -UPSTREAM * np.sign(place.belt)
        if T is None:
            start = pose(HOME, [jitter[0], jitter[1], place.home_height])
        else:
            start = np.asarray(T, float)
            if start.shape != (4, 4):
                raise EnvError(f"T_world_tool must be a (4, 4) pose, got shape {start.shape}")
            start = start.copy()
        local = start.copy()
        local[:3, 3] -= self._started
        self.sim.reset()
        self.fixed = target is not None
        self.target = target if target is not None else 0
        self.state = self.driver.enter(place, self.target, start, local, width)
        self._meter = Meter(place, self.gripper)
        self._measure()
        if not self.fixed:
            self._aim()
        self.judge.begin(ONE)

    def begin(self, action: Array) -> Array:
        """Begin a control step: return the (steps, nu) controls that do a (1, numbers) action, in −1…1."""
        fingers = action[:, -1]
        if not self.fixed and self.judge.stage[0] == _APPROACH:
            self._aim()
        if len(beginning := self.judge.told(ONE, fingers)):
            self.judge.close(beginning, self.state, self._motion())
        if self._vacuum is not None:
            self._vacuum.switch(fingers[0], self.judge, self.state, self.place, self.moment, self._aim_at)
        approaching = self.judge.stage[0] == _APPROACH and self.judge.first_touch[0] < 0
        before = self.sim.state() if approaching and self.strict else None
        control = self._control(action, fingers)
        self._begun = approaching, control, before
        return control

    def end(self, seen: Array) -> None:
        """Judge the attempt after a control step; `seen` are the (steps, sensors) of its simulation."""
        approaching, control, before = self._begun
        if approaching:
            self._watch_touch(seen, control, before)
        self._measure()
        if self._vacuum is not None:
            self.judge.pull[0] = self._vacuum.pull(self.place, self.moment, self.target)
        self.judge.watch(ONE, self.state, seen[None], self._motion, self._lag)
        closing = self.judge.stage[0] == _CLOSE and self._vacuum is None
        if closing and not self.fixed and not self.judge.touching.all():
            self._aim_by_touch()

    def _measure(self) -> None:
        self.moment = self._meter.read(self.driver.rates)

    @property
    def offset(self) -> Array:
        """(3,) m, where the simulation's frame, which rides on the belt, is now in the world."""
        return self._started + self.place.belt * self.sim.data.time

    def _motion(self) -> Motion:
        hand = self.gripper
        tool = hand.tool_point(self.moment.opening) - hand.T_base_tcp[:3, 3] if hand.tool_moves else np.zeros((1, 3))
        return self.moment.motion(self.target, self.place.com[self.target], tool)

    def _lag(self) -> tuple[Array, Array]:
        """(1,) m and (1,) rad by which the hand is off where it was told to be."""
        now, (told, R_told) = self.moment, self.driver.told
        off = told - self.offset - now.x
        return np.sqrt((off**2).sum(axis=1)), rotation_angle(R_told.swapaxes(1, 2) @ now.R)

    def _control(self, action: Array, fingers: Array) -> Array:
        """(steps, nu) controls of a control step."""
        state, here = self.state, self.offset
        control = np.empty((self.chunk, self.sim.model.nu))
        after = here + self.place.belt * self.period
        self.driver.control(control, action, self.moment, (here, after), self.limits)
        if self._vacuum is not None:
            control[:, state.valves] = self.judge.valves(ONE)
        else:
            control[:, state.grip] = fingers[0] * self.gripper.file.closing_speed
        return control

    def _aim(self) -> None:
        """Make the object whose box the tool point is in, or nearest to, the target."""
        nearest = int(nearest_box(self.moment, self.place.half)[0])
        if nearest != self.target:
            self._retarget(nearest)

    def _aim_at(self, number: int) -> int:
        """Make an object the target, where that is not a given one; return the number of the target."""
        if not self.fixed and number != self.target:
            self._retarget(number)
            self.judge.close(ONE, self.state, self._motion())
        return self.target

    def _aim_by_touch(self) -> None:
        """Make the object that both fingers have between them the target, where it is another one."""
        if not self.state.squeezing(ONE)[0]:
            return
        model, contact = self.sim.model, self.sim.data.contact
        bodies = model.geom_bodyid[contact.geom[contact.dist < 0]]
        instance, held = self.place.scene.instance, []
        for finger in (model.body(HAND + name).id for name in self.gripper.file.fingers):
            mine = bodies[(bodies == finger).any(axis=1)]
            held.append(set(instance[mine[mine != finger]].tolist()) - {0, -1})
        common = sorted(held[0] & held[1])
        if common and int(self.place.ids[self.target]) not in common:
            self._retarget(int(np.searchsorted(self.place.ids, common[0])))
            self.judge.close(ONE, self.state, self._motion())

    def _retarget(self, number: int) -> None:
        self.target = number
        self.state.retarget(ONE, np.array([number]), self.place.friction[[number]])

    def target_com(self) -> Array:
        """(3,) centre of mass of the target, m, the simulation's frame."""
        return self.moment.com(self.target, self.place.com[self.target])[0]

    def _watch_touch(self, seen: Array, control: Array, before: Array | None) -> None:
        """Note what the open hand touches on its approach; where a trial's rules hold, that ends the attempt."""
        hits = self.state.hand_hits(seen)
        if not hits.any():
            return
        if before is not None:
            found = first_touch(self.place.scene, before, control[: int(hits.argmax())])
        else:
            found = _deepest(self.sim, self.place.scene.instance)
        if found is None:
            return
        self.judge.first_touch[0] = found
        if before is not None:
            own = Outcome.HITS_TARGET if found == self.place.ids[self.target] else Outcome.HITS_OBJECT
            self.judge.over(ONE, own if found else Outcome.HITS_SUPPORT)

    def saved(self) -> Saved:
        """Return all that the future depends on."""
        data = mujoco.MjData(self.sim.model)
        mujoco.mj_copyData(data, self.sim.model, self.sim.data)
        own = self.target, self.fixed, self._started, self.driver.saved()
        return Saved(self.place, data, self.state.saved(), self.judge.saved(), own)

    def put_back(self, saved: Saved) -> None:
        """Go on from where `saved` was called; what happens then is the same to the last bit."""
        self.target, self.fixed, self._started, driven = saved.own
        place = self.place = saved.place
        self.sim, self.limits = place.sim, _limits(place, self.period, self.profile.scene.lift_speed)
        number = max(self.target, 0)
        self.driver.put_back(driven)
        self.state = self.driver.again(place, number)
        mujoco.mj_copyData(self.sim.data, self.sim.model, saved.data)
        self.state.restore(saved.measured, place.friction[[number]])
        self.judge.restore(dict(saved.judged))
        self._meter = Meter(place, self.gripper)
        self._measure()


def _limits(place: Place, period: float, speed: float) -> Limits:
    """Return what bounds the hand in a place."""
    reach = np.array(REACH)
    if place.belt_size is not None:
        reach = np.maximum(reach, place.belt_size)
    ceiling = max(CEILING, place.home_height + 0.2)
    return Limits(speed, TURN_SPEED, period, np.array([*-reach, 0.0]), np.array([*reach, ceiling]))


def _deepest(sim: Any, instance: NDArray[np.int64]) -> int | None:
    """Return the instance id of what the hand is deepest in now, 0 for the support, None for nothing."""
    contact = sim.data.contact
    owner = instance[sim.model.geom_bodyid[contact.geom]].reshape(-1, 2)
    hand = owner == -1
    mine = np.flatnonzero(hand.any(axis=1) & ~hand.all(axis=1) & (contact.dist < 0))
    if not len(mine):
        return None
    deepest = mine[np.argmin(contact.dist[mine])]
    return int(owner[deepest][~hand[deepest]][0])
