"""What becomes of an episode: what is lost, lifted and taken away, what it is worth, and when it is over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.env.arm_drive import ArmDrive
from graspgen.env.drive import Floating
from graspgen.env.hand import ONE, Hand
from graspgen.env.rewards import goal_reached, goal_reward, pick_reward
from graspgen.env.scenes import Place, Scenes
from graspgen.env.spec import TaskSpec
from graspgen.frames import Array, pose
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.scene_path import Stage
from graspgen.recipe import Recipe

# Enumerations are slow to compare arrays with.
_ENDED = int(Stage.ENDED)
_SUCCESS, _UNSTABLE = int(Outcome.SUCCESS), int(Outcome.UNSTABLE)


@dataclass(frozen=True, eq=False)
class Step:
    """What a control step came to.

    Attributes:
        reward: of the step.
        terminated: whether the episode is over: the task is done, or can no longer be.
        success: whether the task is done.
    """

    reward: float
    terminated: bool
    success: bool


class Episode(Hand):
    """A hand with something to do in the place that it has entered.

    Attributes:
        spec: what it was asked to be.
        scenes: where its scenes come from.
        goal: (4,) where the target's centre of mass is to be (m, world frame), and 1: held.
        cleared, lost: objects that were taken away, and that have left the arena, in this episode.
        objects: at its start.
        success: whether the task is done.

    Args:
        spec: of the task.
        scenes: where its scenes come from.
    """

    def __init__(self, spec: TaskSpec, scenes: Scenes) -> None:
        self.spec, self.scenes = spec, scenes
        source = scenes.source(scenes.recipe)
        gripper, arm = source.gripper, scenes.carrier
        driver = Floating(gripper, spec.action_mode) if arm is None else ArmDrive(arm, gripper, spec.action_mode)
        super().__init__(gripper, source.profile, driver, spec.rules == "trial")
        self._recipe: Recipe = scenes.recipe

    def _begin(
        self, place: Place, target: int | None, T: ArrayLike | None, opening: float | None, jitter: Array
    ) -> None:
        """Begin an episode in a place."""
        self.cleared, self.lost, self.objects = 0, 0, len(place.ids)
        self.success, self._was_ended = False, False
        self._start(place, target, T, opening, jitter)

    def _start(
        self, place: Place, target: int | None, T: ArrayLike | None, opening: float | None, jitter: Array
    ) -> None:
        """Put the hand into a place, and set its goal."""
        self.enter(place, target, T, opening, jitter)
        self._ends = place.ends(self._recipe.scene.settle.fallen)
        x = self.target_com()
        self.goal = np.append(x + self.offset + [0.0, 0.0, self.profile.scene.lift], 1.0).astype(np.float32)
        self._there = np.ones(len(place.ids), bool)

    def _result(self) -> Step:
        judge, spec = self.judge, self.spec
        picked = self.has_ended_with(Outcome.SUCCESS)
        self._count_lost()
        if spec.goal == "target":
            achieved = self.achieved
            self.success = picked and bool(goal_reached(achieved, self.goal))
            reward = float(goal_reward(spec.reward_mode, achieved, self.goal))
        else:
            reward = float(
                pick_reward(
                    spec.reward_mode, self._reach(), judge.touching, judge.held, judge.rise / judge.high,
                    picked and not self._was_ended,
                )[0]
            )  # fmt: skip
            self.success = picked
        terminated = bool(judge.outcome[0] == _UNSTABLE)
        if spec.goal == "all":
            if picked:
                self._take_away()
            self.success = self.cleared == self.objects
            terminated |= self.target < 0
        elif spec.goal == "target":
            terminated |= not self._there[self.target]
        else:
            terminated |= not self._there.any()
        if spec.rules == "trial":
            terminated |= bool(judge.stage[0] == _ENDED and not picked)
        terminated |= self.success and spec.terminate_on_success
        self._was_ended = picked and spec.goal != "all"
        return Step(reward, terminated, self.success)

    def _reach(self) -> Array:
        """(1,) m from the tool point to the centre of the target's box."""
        way = self.moment.centre[:, self.target] - self.moment.x
        return np.sqrt((way**2).sum(axis=1))

    def _count_lost(self) -> None:
        """Note which objects have left the arena: below its top, beyond its walls, or at the end of the belt."""
        x = self.moment.x_object[0] + self.offset
        low, high = self._ends
        outside = (x < low) | (x > high)
        if not outside.any():
            return
        gone = outside.any(axis=1)
        gone[self.target] &= not self.judge.held[0]
        new = gone & self._there
        if new.any():
            self._there &= ~gone
            self.lost += int(new.sum())

    def _take_away(self) -> None:
        """Take away what is held; the rest comes to rest, and the hand goes back to where it started."""
        self.cleared += 1
        stay = [i for i in np.flatnonzero(self._there).tolist() if i != self.target]
        poses = pose(self.moment.R_object[0], self.moment.x_object[0])
        place = self.scenes.again(self._recipe, self.place, {int(self.place.ids[i]): poses[i] for i in stay})
        if place is None:
            self.lost += len(stay)
            self.target = -1
            return
        self.lost += len(stay) - len(place.ids)
        self._start(place, None, None, None, np.zeros(2))

    def has_ended_with(self, outcome: Outcome) -> bool:
        """Whether the last attempt is over, with this outcome."""
        return bool(self.judge.stage[0] == _ENDED and self.judge.outcome[0] == int(outcome))

    def settle_attempt(self, number: int, outcome: Outcome, touched: int) -> None:
        """Take the outcome of a whole trial, made elsewhere, of the object with this number, as this episode's."""
        self.target, self.success = number, outcome == _SUCCESS
        self.judge.over(ONE, outcome)
        self.judge.first_touch[0] = touched

    @property
    def achieved(self) -> NDArray[np.float32]:
        """(4,) centre of mass of the target, m, world frame, and 1 once it is lifted and judged as held."""
        x = self.target_com()
        held = self.has_ended_with(Outcome.SUCCESS)
        return np.append(x + self.offset, float(held)).astype(np.float32)
