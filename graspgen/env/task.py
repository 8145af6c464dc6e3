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

from graspgen.env.episode import Episode, Step
from graspgen.env.errors import EnvError
from graspgen.env.hand import Saved
from graspgen.env.observe import agent_state, environment_state, with_posture
from graspgen.env.scenes import Place, Scenes
from graspgen.env.spec import TaskSpec
from graspgen.errors import SceneError
from graspgen.frames import Array
from graspgen.grasps.outcomes import Outcome
from graspgen.recipe import Recipe

#: The tool point starts at most this far from above the origin along x and y, m.
START_JITTER = 0.03
#: How many scenes are drawn where one does not come to rest, before the reset gives up.
DRAWS = 5


@dataclass(frozen=True, eq=False)
class SavedTask:
    """All that an episode's future depends on, but for the random generator."""

    hand: Saved
    rest: Mapping[str, Any]


_REST = ("_recipe", "_number", "cleared", "lost", "objects", "goal", "success", "_was_ended", "_ends")


class GraspTask(Episode):
    """A hand that is driven step by step among the objects of settled scenes.

    Attributes:
        rows: of objects in the state.

    Args:
        spec: of the task.
        views: whether scenes are to be seen.
        shelf: scenes that it shares with other tasks of the same spec and views; None for its own.
    """

    def __init__(self, spec: TaskSpec, views: bool = False, shelf: Scenes | None = None) -> None:
        super().__init__(spec, Scenes(spec, views, shelf))
        self.rows = spec.max_objects or _most_objects(self.scenes.recipe)

    @property
    def action_size(self) -> int:
        """How many numbers an action has."""
        return self.driver.action_size

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
        self._begin(place, number if self.spec.goal == "target" else None, T_world_tool, opening, jitter)

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

    def agent_pos(self) -> NDArray[np.float32]:
        """(17 + 2 joints,) numbers of the hand, `graspgen.env.observe.AGENT`, and of the arm that carries it."""
        hand = agent_state(self.moment, self.judge.touching, self.offset, self.place.belt)[0]
        return with_posture(hand, self.driver.posture()) if self.driver.joints else hand

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
            "dropped": self.has_ended_with(Outcome.DROPPED),
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
