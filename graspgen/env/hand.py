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
from graspgen.env.aim import Aim
from graspgen.env.cups import Vacuum
from graspgen.env.drive import Driver
from graspgen.env.errors import EnvError
from graspgen.env.fingers import fingers_at
from graspgen.env.scenes import Place
from graspgen.env.touches import deepest
from graspgen.frames import Array, is_rotation, pose
from graspgen.grasps.finger_close import pregrasp_opening
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import Profile
from graspgen.grasps.scene_measures import SceneMeasures
from graspgen.grasps.scene_path import Stage
from graspgen.grasps.scene_touch import first_touch
from graspgen.grippers.gripper import Gripper

# Enumerations are slow to compare arrays with.
_APPROACH, _CLOSE = int(Stage.APPROACH), int(Stage.CLOSE)

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


class Hands(Aim):
    """Hands in the places that they have entered; arrays have one entry each.

    Attributes:
        profile: how trials are simulated and judged.
        chunk, period: simulation steps of a control step, and its length, s.
        limits: what bounds the hands' motion.

    Args:
        gripper, profile: the hand, and how trials are simulated and judged.
        driver: what drives the hands.
        strict: whether a touch on the approach ends an attempt, as it ends a trial.
        n: how many.
        objects: most of them in a scene.
    """

    def __init__(self, gripper: Gripper, profile: Profile, driver: Driver, strict: bool, n: int, objects: int) -> None:
        chunk = max(1, round(profile.scene.sample_period / profile.option.timestep))
        super().__init__(gripper, profile, driver, n, objects, chunk)
        self.profile, self.strict, self.period = profile, strict, chunk * profile.option.timestep
        self._vacuums = [Vacuum(gripper) for _ in range(n)] if gripper.suction else []
        self._low, self._high = np.zeros((n, 3)), np.zeros((n, 3))
        self.limits = Limits(profile.scene.lift_speed, TURN_SPEED, self.period, self._low, self._high)

    def enter(
        self,
        i: int,
        place: Place,
        target: int | None,
        T: ArrayLike | None,
        opening: float | None,
        jitter: Array,
        fingers: ArrayLike | None = None,
    ) -> None:
        """Put a hand into a place, at the start of its simulation.

        Args:
            i: which hand.
            place: the scene; no other hand may be in it.
            target: number of the target among its objects; None for whatever the hand is nearest to.
            T: (4, 4) pose of the tool point, world frame; None for above the middle, pointing down.
            opening: of the fingers, m; None for the largest, or for the pregrasp posture of a multi-finger hand.
            jitter: (2,) m, of the first of these two along x and y.
            fingers: (2, d) driven joints of a multi-finger hand before closing, and at the grasp; None for those of
                its postures at the opening.

        Raises:
            EnvError: the pose, the opening or the joints are not valid.
        """
        stroke = self.gripper.file.stroke
        usual = pregrasp_opening(self.gripper) if self.gripper.fingered else stroke
        width = usual if opening is None else _numbers(opening, ())
        if width is None or not 0 <= width <= stroke:
            raise EnvError(f"opening must be from 0 to {stroke:g} m, got {opening!r}")
        start = pose(HOME, [*jitter, place.home_height]) if T is None else _numbers(T, (4, 4))
        if start is None or not is_rotation(start[:3, :3], 1e-4) or (start[3] != [0, 0, 0, 1]).any():
            raise EnvError(
                f"T_world_tool must be a (4, 4) pose, metres, last row 0 0 0 1, got {' '.join(str(T).split())}"
            )
        self.fixed[i], self.targets[i] = target is not None, target or 0
        self.started[i] = -UPSTREAM * np.sign(place.belt)
        local = start.copy()
        local[:3, 3] -= self.started[i]
        joints = fingers_at(self.gripper, width, fingers)
        place.sim.reset()
        state = self.driver.enter(i, place, int(self.targets[i]), start, local, width)
        if self.gripper.fingered:
            state.open_to(joints[None, 0])
            self.judge.ready(i, joints, place.force)
        self._settle_in(i, place, state)
        self.judge.begin(i)
        self._meter.copy(i)
        self._measure()
        self._aim(i, i + 1)

    def _settle_in(self, i: int, place: Place, state: SceneMeasures) -> None:
        super()._settle_in(i, place, state)
        self._low[i], self._high[i] = _bounds(place)
        if self._vacuums:
            self.judge.force[i] = state.cup_force

    def begin(self, going: Sequence[int], action: Array) -> None:
        """Begin a control step that does (n, numbers) actions, in −1…1.

        Args:
            going: which hands; the others have to enter a place anew.
            action: of all hands.
        """
        fingers, judge = action[:, -1], self.judge
        self._aim(0, self.n)
        if closing := judge.told(fingers):
            self._close(np.array(closing))
        for i in going if self._vacuums else ():
            self._vacuums[i].switch(i, fingers[i], judge, self.states[i], self.places[i], self.moment, self._aim_at)
        both = zip(judge.stage.tolist(), judge.first_touch.tolist(), strict=True)
        approaching = [i for i, (stage, touched) in enumerate(both) if stage == _APPROACH and touched < 0]
        before = {i: self.places[i].sim.state() for i in approaching if i in going} if self.strict else {}
        self._command(going, action, fingers)
        self._begun = approaching, before

    def simulate(self, i: int) -> None:
        """Simulate a control step of a hand; other threads may do so at the same time with other hands."""
        self.places[i].sim.rollout(self._control[i], self._seen[i], self.n > 1)
        self._meter.copy(i)

    def end(self) -> None:
        """Judge the attempts after a control step that was simulated."""
        approaching, before = self._begun
        if approaching and self._face.any_near(self._seen):
            hits = self._face.hand_hits(self._seen[approaching])
            for row in np.flatnonzero(hits.any(axis=1)).tolist():
                i = approaching[row]
                self._touch(i, self._control[i, : int(hits[row].argmax())], before.get(i))
        self._measure()
        judge = self.judge
        for i, vacuum in enumerate(self._vacuums):
            judge.pull[i] = vacuum.pull(self.places[i], self.moment.R[i], int(self.targets[i]))
        judge.watch(self.moment, self._meter.wild(), self)
        if not self._vacuums and self._aims and _CLOSE in judge.stage.tolist():
            closing = (judge.stage == _CLOSE) & ~self.fixed & ~judge.touching.all(axis=1)
            self._aim_by_touch(np.flatnonzero(closing))

    def _command(self, going: Sequence[int], action: Array, fingers: Array) -> None:
        """Write the controls of a control step."""
        control = self._control
        after = self.here + self.belt * self.period if self._ride else self.here
        self.driver.control(control, going, action, self.moment, (self.here, after), self.limits)
        if self._vacuums:
            control[..., self._face.valves] = self.judge.valves()[:, None]
        elif self.gripper.fingered:
            control[..., self._face.servos_of_fingers] = self.judge.grip.target[:, None]
        else:
            control[..., self._face.grip] = fingers[:, None] * self.gripper.file.closing_speed

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
        state.restore(saved.measured, place.physics.friction[[number]])
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


def _numbers(given: Any, shape: tuple[int, ...]) -> Any:
    """Return finite numbers of a shape; None where these are none."""
    try:
        found = np.array(given, float)
    except (TypeError, ValueError):
        return None
    return found if found.shape == shape and np.isfinite(found).all() else None
