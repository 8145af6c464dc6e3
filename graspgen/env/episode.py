"""What becomes of episodes: what is lost, lifted and taken away, what it is worth, and when it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.env.arm_drive import Arms
from graspgen.env.drive import Floating
from graspgen.env.errors import EnvError
from graspgen.env.hand import Hands, Saved
from graspgen.env.physics import Factors
from graspgen.env.rewards import goal_reached, goal_reward, pick_reward
from graspgen.env.scenes import Place, Scenes
from graspgen.env.spec import TaskSpec
from graspgen.frames import Array, pose
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.scene_measures import SceneMeasures
from graspgen.grasps.scene_path import Stage
from graspgen.recipe import Recipe

# Enumerations are slow to compare arrays with.
_ENDED = int(Stage.ENDED)
_SUCCESS, _UNSTABLE, _DROPPED = int(Outcome.SUCCESS), int(Outcome.UNSTABLE), int(Outcome.DROPPED)

#: Arrays of `Episodes` with an entry for each, that the future depends on.
_KEPT = ("cleared", "lost", "objects", "goals", "success", "there", "_was_ended", "_low_end", "_high_end")


@dataclass(frozen=True, eq=False)
class SavedEpisode:
    """All that an episode's future depends on, but for the random generator."""

    hand: Saved
    recipe: Recipe
    factors: Factors | None
    rest: Mapping[str, NDArray]


class Episodes(Hands):
    """Hands with something to do in the places that they have entered; arrays have one entry each.

    Attributes:
        spec: what was asked for.
        scenes: where the scenes come from.
        goals: (n, 4) where the target's centre of mass is to be (m, world frame), and 1: held.
        cleared, lost: objects that were taken away, and that have left the arena, in this episode.
        objects: at its start.
        there: (n, k) which objects are in the arena.
        success: whether the task is done.
        recipes: of their scenes.
        factors: of masses and frictions in these episodes; None where they are the scenes'.

    Args:
        spec: of the task.
        scenes: where its scenes come from.
        n: how many episodes at a time.
        objects: most of them in a scene.

    Raises:
        EnvError: the recipe's gripper is none that is driven here.
    """

    def __init__(self, spec: TaskSpec, scenes: Scenes, n: int, objects: int) -> None:
        self.spec, self.scenes = spec, scenes
        source = scenes.source(scenes.recipe)
        gripper, arm, mode = source.gripper, scenes.carrier, spec.action_mode
        if arm is not None and (gripper.suction or gripper.fingered):
            kind = "suction gripper" if gripper.suction else "multi-finger hand"
            raise EnvError(f"{gripper.name} is a {kind}; an arm carries jaws: take one, or leave out arm=…")
        driver = Floating(gripper, mode, n) if arm is None else Arms(arm, gripper, mode, n)
        super().__init__(gripper, source.profile, driver, spec.rules == "trial", n, objects)
        self.recipes: list[Recipe] = [scenes.recipe] * n
        self.factors: list[Factors | None] = [None] * n
        self.cleared, self.lost, self.objects = (np.zeros(n, np.int64) for _ in range(3))
        self.success, self._was_ended = np.zeros(n, bool), np.zeros(n, bool)
        self.goals, self.there = np.zeros((n, 4), np.float32), np.zeros((n, objects), bool)
        self._low_end, self._high_end = np.zeros((n, 1, 3)), np.zeros((n, 1, 3))
        self._nothing_left = np.ones(n, bool)
        self._ids, self._scene = np.zeros((n, objects), np.int64), np.zeros(n, np.int64)

    def begin_episode(
        self,
        i: int,
        place: Place,
        target: int | None,
        T: ArrayLike | None,
        opening: float | None,
        jitter: Array,
        fingers: ArrayLike | None = None,
    ) -> None:
        """Begin an episode in a place."""
        self.cleared[i], self.lost[i], self.objects[i] = 0, 0, len(place.ids)
        self.success[i] = self._was_ended[i] = False
        self._start(i, place, target, T, opening, jitter, fingers)

    def _start(
        self,
        i: int,
        place: Place,
        target: int | None,
        T: ArrayLike | None,
        opening: float | None,
        jitter: Array,
        fingers: ArrayLike | None = None,
    ) -> None:
        """Put a hand into a place, and set its goal."""
        self._vary(i, place)
        self.enter(i, place, target, T, opening, jitter, fingers)
        self._low_end[i], self._high_end[i] = place.ends(self.recipes[i].scene.settle.fallen)
        x = self.target_com(i)
        self.goals[i] = np.append(x + self.here[i] + [0.0, 0.0, self.profile.scene.lift], 1.0)
        self.there[i] = np.arange(self.there.shape[1]) < len(place.ids)
        self._note_what_is_left()

    def _vary(self, i: int, place: Place) -> None:
        factors = self.factors[i]
        if factors is not None:
            place.physics.vary(factors)

    def _settle_in(self, i: int, place: Place, state: SceneMeasures) -> None:
        super()._settle_in(i, place, state)
        self._ids[i, : len(place.ids)], self._scene[i] = place.ids, place.settled.world.plan.index

    def results(self, going: Sequence[int]) -> tuple[Array, NDArray[np.bool_]]:
        """Return (n,) rewards of the control step that has ended, and whether each episode is over.

        Args:
            going: which episodes it was a step of; what is returned for others does not count.
        """
        judge, spec, row = self.judge, self.spec, self._rows
        # Mostly none has ended, and nothing more is asked then.
        ended = _ENDED in judge.stage.tolist()
        picked = self.have_ended_with(_SUCCESS) if ended else np.zeros(self.n, bool)
        self._count_lost()
        if spec.goal == "target":
            achieved = self.achieved()
            self.success = picked & goal_reached(achieved, self.goals) if ended else picked
            reward = goal_reward(spec.reward_mode, achieved, self.goals).astype(float)
        else:
            way = self.moment.centre[row, self.targets] - self.moment.x
            distance = np.sqrt(np.add.reduce(way * way, axis=1))
            done = picked & ~self._was_ended if ended else picked
            reward = pick_reward(spec.reward_mode, distance, judge.touching, judge.held, judge.rise / judge.high, done)
            self.success = picked
        over = judge.outcome == _UNSTABLE if ended else np.zeros(self.n, bool)
        if spec.goal == "all":
            for i in np.flatnonzero(picked).tolist():
                if i in going:
                    self._take_away(i)
            self.success = self.cleared == self.objects
            over |= self.targets < 0
        else:
            over |= self._nothing_left
        if ended and spec.rules == "trial":
            over |= (judge.stage == _ENDED) & ~picked
        if spec.terminate_on_success:
            over |= self.success
        if spec.goal != "all":
            self._was_ended = picked
        return reward, over

    def _count_lost(self) -> None:
        """Note which objects have left the arena: below its top, beyond its walls, or at the end of the belt."""
        x = self.moment.x_object + self.here[:, None]
        low, high = x < self._low_end, x > self._high_end
        if not (np.count_nonzero(low) or np.count_nonzero(high)):
            return
        gone = (low | high).any(axis=2) & self.there
        held = np.flatnonzero(self.judge.held)
        gone[held, self.targets[held]] = False
        if gone.any():
            self.there &= ~gone
            self.lost += gone.sum(axis=1)
            self._note_what_is_left()

    def _note_what_is_left(self) -> None:
        """Note where there is nothing left to grasp: the given target, or anything."""
        if self.spec.goal == "target":
            self._nothing_left = ~self.there[self._rows, self.targets]
        else:
            self._nothing_left = ~self.there.any(axis=1)

    def _take_away(self, i: int) -> None:
        """Take away what is held; the rest comes to rest, and the hand goes back to where it started."""
        self.cleared[i] += 1
        place, now = self.places[i], self.moment
        stay = [k for k in np.flatnonzero(self.there[i]).tolist() if k != self.targets[i]]
        poses = {int(place.ids[k]): pose(now.R_object[i, k], now.x_object[i, k]) for k in stay}
        left = self.scenes.again(self.recipes[i], place, poses)
        if left is None:
            self.lost[i] += len(stay)
            self.targets[i] = -1
            return
        self.lost[i] += len(stay) - len(left.ids)
        self._start(i, left, None, None, None, np.zeros(2))

    def have_ended_with(self, outcome: int) -> NDArray[np.bool_]:
        """(n,) whether the last attempts are over, with this `Outcome`."""
        return (self.judge.stage == _ENDED) & (self.judge.outcome == outcome)

    def settle_attempt(self, i: int, number: int, outcome: Outcome, touched: int) -> None:
        """Take the outcome of a whole trial, made elsewhere, of the object with this number, as an episode's."""
        self.targets[i], self.success[i] = number, outcome == _SUCCESS
        self._note_what_is_left()
        self.judge.over(np.array([i]), outcome)
        self.judge.first_touch[i] = touched

    def achieved(self) -> NDArray[np.float32]:
        """(n, 4) centres of mass of the targets, m, world frame, and 1 once they are lifted and judged as held."""
        row, now = self._rows, self.moment
        lever = now.R_object[row, self.targets] @ self._com[row, self.targets][..., None]
        found = np.empty((self.n, 4), np.float32)
        found[:, :3] = now.x_object[row, self.targets] + lever[..., 0] + self.here
        found[:, 3] = self.have_ended_with(_SUCCESS)
        return found

    def info(self, i: int) -> dict[str, Any]:
        """Return what is told of an episode: always the same keys, numbers and truth values only."""
        judge, number = self.judge, self.targets[i]
        stage, outcome = int(judge.stage[i]), int(judge.outcome[i])
        held, touched, success = bool(judge.held[i]), int(judge.first_touch[i]), bool(self.success[i])
        return {
            "is_success": success,
            "success": success,
            "outcome": outcome,
            "stage": stage,
            "grasped": held,
            "lifted": held and bool(judge.rise[i] >= judge.high),
            "dropped": stage == _ENDED and outcome == _DROPPED,
            "collision": touched >= 0,
            "first_touch": touched,
            "rise": float(judge.rise[i]),
            "target": int(self._ids[i, number]) if number >= 0 else 0,
            "cleared": int(self.cleared[i]),
            "lost": int(self.lost[i]),
            "scene": int(self._scene[i]),
            "time": float(self._meter.time[i]),
        }

    def infos(self) -> dict[str, NDArray]:
        """Return (n,) arrays of what `info` tells of each episode."""
        judge, held = self.judge, self.judge.held
        target = self._ids[self._rows, self.targets]
        told = {
            "is_success": self.success,
            "success": self.success,
            "outcome": judge.outcome,
            "stage": judge.stage,
            "grasped": held,
            "lifted": held & (judge.rise >= judge.high),
            "dropped": self.have_ended_with(_DROPPED),
            "collision": judge.first_touch >= 0,
            "first_touch": judge.first_touch,
            "rise": judge.rise,
            "target": np.where(self.targets >= 0, target, 0),
            "cleared": self.cleared,
            "lost": self.lost,
            "scene": self._scene,
            "time": self._meter.time,
        }
        return {name: value.copy() for name, value in told.items()}

    def target_name(self, i: int) -> str:
        """Return what a target is ("mug"), "" where none is left."""
        number = self.targets[i]
        return self.places[i].settled.world.objects[number].asset.class_name if number >= 0 else ""

    def save(self, i: int) -> SavedEpisode:
        """Return all that an episode's future depends on, but for the random generator."""
        rest = {name: getattr(self, name)[i].copy() for name in _KEPT}
        return SavedEpisode(self.saved(i), self.recipes[i], self.factors[i], rest)

    def restore(self, i: int, saved: SavedEpisode) -> None:
        """Go on from where `save` was called; what happens then is the same to the last bit."""
        self.recipes[i], self.factors[i] = saved.recipe, saved.factors
        self._vary(i, saved.hand.place)
        self.put_back(i, saved.hand)
        for name, value in saved.rest.items():
            getattr(self, name)[i] = value
        self._note_what_is_left()
