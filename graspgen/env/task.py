"""The grasping task itself, without any framework: reset, step, judge, reward, save and restore.

Physics, contacts and the judgement of success are those of the in-scene trials that label grasps: the same model of a
hand on six servos of limited force, and the same rules. A control step is the period in which trials are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.env.actions import NAMES
from graspgen.env.errors import EnvError
from graspgen.env.hand import ONE, Hand, Saved
from graspgen.env.observe import agent_state, environment_state
from graspgen.env.rewards import goal_reached, goal_reward, pick_reward
from graspgen.env.scenes import Place, Scenes
from graspgen.env.spec import TaskSpec
from graspgen.errors import SceneError
from graspgen.frames import Array, pose
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.scene_path import Stage
from graspgen.recipe import Recipe

# Enumerations are slow to compare arrays with.
_ENDED = int(Stage.ENDED)
_SUCCESS, _UNSTABLE, _DROPPED = int(Outcome.SUCCESS), int(Outcome.UNSTABLE), int(Outcome.DROPPED)

#: The tool point starts at most this far from above the origin along x and y, m.
START_JITTER = 0.03
#: How many scenes are drawn where one does not come to rest, before the reset gives up.
DRAWS = 5


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


@dataclass(frozen=True, eq=False)
class SavedTask:
    """All that an episode's future depends on, but for the random generator."""

    hand: Saved
    rest: Mapping[str, Any]


_REST = ("_recipe", "_number", "cleared", "lost", "objects", "goal", "success", "_was_ended", "_ends")


class GraspTask(Hand):
    """A hand that is driven step by step among the objects of settled scenes.

    Attributes:
        spec: what it was asked to be.
        scenes: where its scenes come from.
        goal: (4,) where the target's centre of mass is to be (m, world frame), and 1: held.
        cleared, lost: objects that were taken away, and that have left the arena, in this episode.
        objects: at its start.
        success: whether the task is done.

    Args:
        spec: of the task.
        views: whether scenes are to be seen.
        shelf: scenes that it shares with other tasks of the same spec and views; None for its own.
    """

    def __init__(self, spec: TaskSpec, views: bool = False, shelf: Scenes | None = None) -> None:
        self.spec, self.scenes = spec, Scenes(spec, views, shelf)
        source = self.scenes.source(self.scenes.recipe)
        super().__init__(source.gripper, source.profile, spec.action_mode, spec.rules == "trial")
        self.rows = spec.max_objects or _most_objects(self.scenes.recipe)

    @property
    def action_size(self) -> int:
        """How many numbers an action has."""
        return len(NAMES[self.spec.action_mode])

    def reset(
        self,
        rng: np.random.Generator,
        *,
        recipe: str | Recipe | None = None,
        scene: int | None = None,
        target: int | None = None,
        T_world_tool: ArrayLike | None = None,
        opening: float | None = None,
    ) -> None:
        """Begin an episode.

        Args:
            rng: what is not given is drawn from it.
            recipe: name, path or recipe of the scene; None for the task's own.
            scene: its number; None draws one.
            target: instance id of the target, where the task has one; None draws it.
            T_world_tool: (4, 4) pose at which the hand starts; None for above the middle, pointing down.
            opening: of the fingers, m; None for the largest.

        Raises:
            EnvError: an argument is not valid, or the scene holds more objects than the state has room for.
            SceneError: no scene came to rest.
            RecipeError: the recipe is not valid.
        """
        self._recipe = self.scenes.chosen(recipe)
        source = self.scenes.source(self._recipe)
        if source.gripper.name != self.gripper.name or source.profile.name != self.profile.name:
            raise EnvError(
                f"recipe {self._recipe.task} has gripper {source.gripper.name} and profile {source.profile.name}, this "
                f"environment {self.gripper.name} and {self.profile.name}; make another environment for it"
            )
        place = self._draw(rng, scene)
        jitter, choice = rng.uniform(-START_JITTER, START_JITTER, 2), rng.random()
        if len(place.ids) > self.rows and self.spec.max_objects is None:
            raise EnvError(
                f"scene {self._number} of {self._recipe.task} holds {len(place.ids)} objects, the state has room for "
                f"{self.rows}; make the environment with max_objects={len(place.ids)}"
            )
        number = place.target_number(target, choice)
        self.cleared, self.lost, self.objects = 0, 0, len(place.ids)
        self.success, self._was_ended = False, False
        self._start(place, number if self.spec.goal == "target" else None, T_world_tool, opening, jitter)

    def _draw(self, rng: np.random.Generator, scene: int | None) -> Place:
        if scene is not None:
            if not isinstance(scene, int | np.integer) or scene < 0:
                raise EnvError(f"scene must be a number of at least 0, got {scene!r}")
            self._number = int(scene)
            return self.scenes.place(self._recipe, self._number)
        spec = self.spec
        for left in reversed(range(DRAWS)):
            self._number = spec.first_scene + int(rng.integers(spec.scenes or 2**31))
            try:
                return self.scenes.place(self._recipe, self._number)
            except SceneError:
                if not left:
                    raise
        raise AssertionError("the last draw returns or raises")

    def _start(
        self, place: Place, target: int | None, T: ArrayLike | None, opening: float | None, jitter: Array
    ) -> None:
        """Put the hand into a place, and set its goal."""
        self.enter(place, target, T, opening, jitter)
        self._ends = place.ends(self._recipe.scene.settle.fallen)
        x = self.target_com()
        self.goal = np.append(x + self.offset + [0.0, 0.0, self.profile.scene.lift], 1.0).astype(np.float32)
        self._there = np.ones(len(place.ids), bool)

    def step(self, action: ArrayLike) -> Step:
        """Do an action for one control step, and judge what has happened.

        Args:
            action: (numbers,) in −1…1, as the spec's `action_mode` reads it; what is beyond is clipped.

        Raises:
            EnvError: the action has the wrong shape or is not finite.
        """
        control = self.command(action)
        return self.judged(self.sim.rollout(control))

    def command(self, action: ArrayLike) -> Array:
        """Begin a control step: return the (steps, nu) controls that do an action.

        Whoever simulates them, `sim.rollout` or `sim.rollout_alone`, hands what the sensors said to `judged`.
        """
        if self.place is None:
            raise EnvError("reset the environment before its first step")
        action = np.array(action, float).reshape(1, -1)
        if action.shape[1] != self.action_size or not np.isfinite(action).all():
            raise EnvError(f"an action must be {self.action_size} finite numbers in -1…1, got {action[0].tolist()}")
        np.minimum(np.maximum(action, -1.0), 1.0, out=action)
        return self.begin(action)

    def judged(self, seen: Array) -> Step:
        """End a control step: judge what has happened in it; `seen` are the (steps, sensors) that were simulated."""
        self.end(seen)
        return self._result()

    def _result(self) -> Step:
        judge, spec = self.judge, self.spec
        picked = bool(judge.stage[0] == _ENDED and judge.outcome[0] == _SUCCESS)
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

    def settle_attempt(self, number: int, outcome: Outcome, touched: int) -> None:
        """Take the outcome of a whole trial, made elsewhere, of the object with this number, as this episode's."""
        self.target, self.success = number, outcome == _SUCCESS
        self.judge.over(ONE, outcome)
        self.judge.first_touch[0] = touched

    @property
    def achieved(self) -> NDArray[np.float32]:
        """(4,) centre of mass of the target, m, world frame, and 1 once it is lifted and judged as held."""
        x = self.target_com()
        held = self.judge.stage[0] == _ENDED and self.judge.outcome[0] == _SUCCESS
        return np.append(x + self.offset, float(held)).astype(np.float32)

    def agent_pos(self) -> NDArray[np.float32]:
        """(17,) numbers of the hand: `graspgen.env.observe.AGENT`."""
        return agent_state(self.moment, self.judge.touching, self.offset, self.place.belt)[0]

    def environment_state(self) -> NDArray[np.float32]:
        """(2 + 17 rows,) numbers of the objects: `graspgen.env.observe.EPISODE` and `OBJECT`."""
        judge, place = self.judge, self.place
        return environment_state(
            self.moment, judge.held, judge.rise, place.half, np.array([self.target]), place.belt, self.rows
        )[0]

    def info(self) -> dict[str, Any]:
        """Return what a step's info says: always the same keys, numbers and truth values only."""
        judge, there = self.judge, self.target >= 0
        return {
            "is_success": self.success,
            "success": self.success,
            "outcome": int(judge.outcome[0]),
            "stage": int(judge.stage[0]),
            "grasped": bool(judge.held[0]),
            "lifted": bool(judge.held[0] and judge.rise[0] >= judge.high),
            "dropped": bool(judge.stage[0] == _ENDED and judge.outcome[0] == _DROPPED),
            "collision": bool(judge.first_touch[0] >= 0),
            "first_touch": int(judge.first_touch[0]),
            "rise": float(judge.rise[0]),
            "target": int(self.place.ids[self.target]) if there else 0,
            "cleared": self.cleared,
            "lost": self.lost,
            "scene": self._number,
            "time": float(self.sim.data.time),
        }

    @property
    def target_name(self) -> str:
        """What the target is ("mug"), "" where none is left."""
        return self.place.settled.world.objects[self.target].asset.class_name if self.target >= 0 else ""

    @property
    def task_description(self) -> str:
        """The task in words, as vision-language policies are told it."""
        if self.spec.goal == "all":
            return "clear the bin"
        return f"pick up the {self.target_name}" if self.spec.goal == "target" else "pick up an object"

    def save(self) -> SavedTask:
        """Return all that the episode's future depends on, but for the random generator."""
        rest = {name: getattr(self, name) for name in _REST}
        return SavedTask(self.saved(), {**rest, "_there": self._there.copy()})

    def restore(self, saved: SavedTask) -> None:
        """Go on from where `save` was called; what happens then is the same to the last bit."""
        self.put_back(saved.hand)
        for name, value in saved.rest.items():
            setattr(self, name, value)
        self._there = saved.rest["_there"].copy()


def _most_objects(recipe: Recipe) -> int:
    """Return how many objects a scene of a recipe can hold."""
    scene = recipe.scene
    return int(scene.objects.count.support[1]) + int(scene.distractors.contextual.count.support[1])
