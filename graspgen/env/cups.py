"""Suction grippers in environments: the vacuum is switched on and off, and held things are judged as in trials.

Lips touch nothing until the vacuum is on and they are near a surface. Then, as in the in-scene trials, the seal is
measured on the mesh of the target, the lips are laid on its collision geometry, and the vacuum comes. A trial's hand is
put where its cups are pressed on; here whoever drives it must do so: the lips reach only as far as a cup does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from graspgen.env.judge import DEAD_BAND, Eyewitness, Judge
from graspgen.env.moment import Moment
from graspgen.env.scenes import Place
from graspgen.frames import Array, inverse, pose
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import Profile
from graspgen.grasps.scene_measures import Ids
from graspgen.grasps.scene_model import SceneModel
from graspgen.grasps.scene_path import Stage
from graspgen.grasps.seal import Seal, cup_seal
from graspgen.grasps.suction_candidates import suction_file
from graspgen.grasps.suction_course import EVACUATION
from graspgen.grasps.suction_scene import SuctionState
from graspgen.grasps.suction_trial import conformed_lips
from graspgen.grippers.gripper import Gripper
from graspgen.grippers.suction import SEGMENTS, TRAVEL
from graspgen.raycast import RayCaster

#: The flow of air draws a lip to a surface that is this far ahead, m; no published figure.
DRAWN = 0.002
#: How long the vacuum waits for a surface, s.
WAIT = 1.0

_ONE = np.zeros(1, np.int64)
_CLOSE = int(Stage.CLOSE)
_OPEN, _DROPPED, _PEELED = int(Outcome.NOT_TRIED), int(Outcome.DROPPED), int(Outcome.PEELED)
_NO_SEAL, _NO_CONTACT = int(Outcome.NO_SEAL), int(Outcome.NO_CONTACT)


class CupState(SuctionState):
    """`SuctionState` of a hand that attempts more than once: its lips can be taken off again."""

    def _bind_grip(self, scene: SceneModel, width: Array) -> None:
        super()._bind_grip(scene, width)
        self.lift_lips(np.arange(len(width)))  # a place that is played again keeps its model

    def lift_lips(self, ids: Ids) -> None:
        """Let lips touch nothing, and go back to their plane."""
        rows = ids[:, None]
        for solid in self._solid:
            solid[rows, self._lip_geoms] = 0
        self._spring[rows, self._fingers] = 0.0

    def saved(self) -> tuple[NDArray, ...]:
        """Return copies of what this keeps beside the simulations' own states."""
        lips = (self._solid[0][:, self._lip_geoms], self._spring[:, self._fingers])
        return (*super().saved(), *(x.copy() for x in lips))

    def restore(self, saved: tuple[NDArray, ...], friction: Array) -> None:
        """Go back to what `saved` returned; (n, 3) are the frictions of these targets."""
        *rest, touching, spring = saved
        super().restore(tuple(rest), friction)
        for solid in self._solid:
            solid[:, self._lip_geoms] = touching
        self._spring[:, self._fingers] = spring


class CupJudge(Judge):
    """`Judge` of suction: what closes is a valve, and a cup whose lip has lifted anywhere loses its vacuum for good.

    Of `touching`, the first says whether any part of a lip touches the target, the second whether a cup holds.

    Attributes:
        sucking: (n, cups) which cups are under vacuum.
        laid: whether the lips lie on the target.
        near: whether a surface is in the lips' reach.
        pull: N, of the target's weight along the approach, out of the hand.
        force: N, of the vacuum of a cup.
    """

    fields = (*Judge.fields, "sucking", "laid", "near", "pull")

    def __init__(self, profile: Profile, gripper: Gripper, n: int, objects: int, chunk: int) -> None:
        super().__init__(profile, gripper, n, objects, chunk)
        cups = len(suction_file(gripper).cups)
        self.sucking = np.zeros((n, cups), bool)
        self.laid, self.near, self.pull, self.force = np.zeros(n, bool), np.zeros(n, bool), np.zeros(n), np.zeros(n)
        self._evacuation = np.ceil(EVACUATION / self._period)

    def begin(self, i: int) -> None:
        """Begin the episode of a hand."""
        super().begin(i)
        self.near[i], self.pull[i] = False, 0.0

    def _close_time(self, opening: Array) -> Array:
        return np.full(len(opening), WAIT)

    def lay(self, ids: Ids, sealed: NDArray[np.bool_]) -> None:
        """Take note that lips have been laid on the targets; (m, cups) which cups seal."""
        self.sucking[ids], self.laid[ids], self.samples[ids] = sealed, True, 0

    def release(self, ids: Ids) -> None:
        """Take note that the vacuum is off."""
        self.sucking[ids] = self.laid[ids] = False

    def valves(self) -> Array:
        """(n, segments) controls of the lips."""
        return np.repeat(self.sucking, SEGMENTS, axis=1).astype(float)

    def _open(self, ids: Ids) -> None:
        super()._open(ids)
        self.release(ids)

    def _touch(self, eyes: Eyewitness) -> NDArray[np.bool_]:
        lips = eyes.touching(slice(None), 1)
        sucking = self.sucking & (self.held | self.laid)[:, None]
        return np.stack([lips.any(axis=1), sucking.any(axis=1)], axis=1)

    def _watch_close(self, ids: Ids, now: Moment, eyes: Eyewitness) -> None:
        laid, samples = self.laid[ids], self.samples[ids]
        late = ~laid & (samples >= self.close_samples[ids])
        codes = np.where(late, np.where(self.near[ids], _NO_SEAL, _NO_CONTACT), _OPEN)
        due = laid & (samples >= self._evacuation)
        if due.any():
            self._vent(ids[due], eyes)
            codes[due] = np.where(self.sucking[ids[due]].any(axis=1), _OPEN, _NO_SEAL)
        self._fail(ids, codes)
        holds = due & (codes == _OPEN)
        if holds.any():
            held = ids[holds]
            look = eyes.motion(held)
            self.x_ref[held], self.R_ref[held] = look.x, look.R
            self._enter(held, int(Stage.LIFT))

    def _lost(self, ids: Ids, eyes: Eyewitness) -> NDArray[np.int64]:
        released = ~self.laid[ids]
        before = self.force[ids] * self.sucking[ids].sum(axis=1)
        self._vent(ids, eyes)
        # A pull that alone is more than the vacuum's force takes the cup straight off; else a moment has lifted a part.
        how = np.where(released | (self.pull[ids] >= before), _DROPPED, _PEELED)
        return np.where(self.sucking[ids].any(axis=1), _OPEN, how)

    def _vent(self, ids: Ids, eyes: Eyewitness) -> None:
        """Close the valves of cups with a part of the lip off the surface for the profile's touch time."""
        touching = eyes.touching(ids, self._touch_steps)
        self.sucking[ids] &= touching.reshape(len(ids), -1, SEGMENTS).all(axis=2)


class Vacuum:
    """Switches the vacuum of one hand.

    Args:
        gripper: a suction gripper.
    """

    def __init__(self, gripper: Gripper) -> None:
        self._file = suction_file(gripper)
        self._place: Place | None = None
        self._casters: dict[int, RayCaster] = {}

    def pull(self, place: Place, R: Array, number: int) -> float:
        """Return the weight of an object along the approach, out of a hand turned by (3, 3), N."""
        return float(place.physics.mass[number] * (R[:, 2] @ place.settled.world.plan.gravity_vector))

    def switch(
        self,
        i: int,
        fingers: float,
        judge: CupJudge,
        state: CupState,
        place: Place,
        moment: Moment,
        aim: Callable[[int, int], int],
    ) -> None:
        """Do what the fingers are told, before a control step.

        Args:
            i: which hand.
            fingers: −1…1; below −0.05 the vacuum is on, above 0.05 off.
            judge, moment: of all hands.
            state, place: of this one.
            aim: is told the hand and the number of an object that is in the lips' reach, and returns that of the
                target.
        """
        if fingers > DEAD_BAND:
            judge.release(np.array([i]))
            state.lift_lips(_ONE)
        elif judge.stage[i] == _CLOSE and not judge.laid[i]:
            x, R, T_objects = moment.x[i], moment.R[i], pose(moment.R_object[i], moment.x_object[i])
            number, seal = self._met(place, pose(R, x), T_objects, lambda number: aim(i, number))
            judge.near[i] = seal is not None
            if seal is not None and (seal.score > 0).any():
                own = inverse(T_objects[number]) @ pose(R, x)
                parts = place.settled.world.objects[number].asset.parts
                state.let_lips(_ONE, conformed_lips(parts, own[None], self._file))
                judge.lay(np.array([i]), seal.score > 0)

    def _met(self, place: Place, T: Array, T_objects: Array, aim: Callable[[int], int]) -> tuple[int, Seal | None]:
        """Return the target, and its seal if it is in the lips' reach."""
        reach = np.linalg.norm(np.asarray(self._file.cups), axis=1).max() + 2 * self._file.radius
        own = inverse(T_objects[: len(place.ids)]) @ T[:, 3]
        beyond = np.sqrt((np.maximum(np.abs(own[:, :3] - place.centre) - place.half, 0) ** 2).sum(axis=1))
        for number in np.argsort(beyond, kind="stable").tolist():
            if beyond[number] > reach:
                break
            seal = self._measure(place, inverse(T_objects[number]) @ T, number)
            if seal is not None:
                return (number, seal) if aim(number) == number else (number, None)
        return -1, None

    def _measure(self, place: Place, T: Array, number: int) -> Seal | None:
        """Return the seal of cups at a (4, 4) pose in the frame of an object, None where it is out of their reach."""
        if place is not self._place:
            self._place, self._casters = place, {}
        if number not in self._casters:
            mesh = place.settled.world.objects[number].asset.mesh
            self._casters[number] = RayCaster(mesh.vertices, mesh.faces)
        file = self._file
        seal = cup_seal(self._casters[number], T[None], file.cups, file.radius, file.depth)
        pressed = -TRAVEL * file.radius <= seal.press[0] <= DRAWN
        return seal if seal.met[0] and pressed else None
