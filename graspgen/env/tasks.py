"""The grasping task without any framework, n episodes at a time: reset, step, judge, reward, save and restore.

Physics, contacts and the judgement of success are those of the in-scene trials that label grasps: the same model of a
hand on six servos of limited force, and the same rules. A control step is the period in which trials are looked at.
`graspgen.env.task` is the same for one episode at a time.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.env.episode import Episodes
from graspgen.env.errors import EnvError
from graspgen.env.numbers import Numbers
from graspgen.env.scenes import Place, Scenes
from graspgen.env.spec import TaskSpec
from graspgen.env.sums import sum_of_squares
from graspgen.errors import SceneError
from graspgen.frames import Array
from graspgen.grasps.scene_measures import SceneMeasures
from graspgen.recipe import Recipe

#: The tool point starts at most this far from above the origin along x and y, m.
START_JITTER = 0.03
#: How many scenes are drawn where one does not come to rest, before the reset gives up.
DRAWS = 5


class GraspTasks(Episodes):
    """Hands that are driven step by step among the objects of settled scenes.

    Attributes:
        rows: of objects in the state.

    Args:
        spec: of the task.
        views: whether scenes are to be seen.
        n: how many episodes at a time.
        scenes: of other tasks of the same spec, to share with them; None for scenes of their own.
    """

    def __init__(self, spec: TaskSpec, views: bool = False, n: int = 1, scenes: Scenes | None = None) -> None:
        scenes = Scenes(spec, views) if scenes is None else scenes
        scenes.players += n
        most = _most_objects(scenes.recipe)
        self.rows = spec.max_objects or most
        super().__init__(spec, scenes, n, max(self.rows, most))
        self._numbers = Numbers(self._half, self.rows, self.driver.joints)

    @property
    def action_size(self) -> int:
        """How many numbers an action has."""
        return self.driver.action_size

    def reset(
        self,
        i: int,
        rng: np.random.Generator,
        *,
        recipe: str | Recipe | None = None,
        scene: int | None = None,
        target: int | None = None,
        T_world_tool: ArrayLike | None = None,
        opening: float | None = None,
        fingers: ArrayLike | None = None,
    ) -> None:
        """Begin an episode.

        Args:
            i: which.
            rng: what is not given is drawn from it.
            recipe: name, path or recipe of the scene; None for the task's own.
            scene: its number; None draws one.
            target: instance id of the target, where the task has one; None draws it.
            T_world_tool: (4, 4) pose at which the hand starts; None for above the middle, pointing down.
            opening: of the fingers, m; None for the largest, or for the pregrasp posture of a multi-finger hand.
            fingers: (2, d) driven joints of a multi-finger hand before closing, and at the grasp; None for those of
                its postures at the opening.

        Raises:
            EnvError: an argument is not valid, or the scene holds more objects than the state has room for.
            SceneError: no scene came to rest.
            RecipeError: the recipe is not valid.
        """
        chosen = self.scenes.chosen(recipe)
        source = self.scenes.source(chosen)
        if source.gripper.name != self.gripper.name or source.profile.name != self.profile.name:
            raise EnvError(
                f"recipe {chosen.task} has gripper {source.gripper.name} and profile {source.profile.name}, this "
                f"environment {self.gripper.name} and {self.profile.name}; make another environment for it"
            )
        place = self._draw(i, chosen, rng, scene)
        jitter, choice = rng.uniform(-START_JITTER, START_JITTER, 2), rng.random()
        room = self.rows if self.spec.max_objects is None else self.there.shape[1]
        if len(place.ids) > room:
            raise EnvError(
                f"scene {place.settled.world.plan.index} of {chosen.task} holds {len(place.ids)} objects, the state "
                f"has room for {room}; make the environment with max_objects={len(place.ids)}"
            )
        number = place.target_number(target, choice)
        self.recipes[i] = chosen
        if self.spec.physics is not None:
            self.factors[i] = self.spec.physics.draw(rng, place.ids)
        if self.spec.ahead:
            self._expect(i, rng)
        target = number if self.spec.goal == "target" else None
        self.begin_episode(i, place, target, T_world_tool, opening, jitter, fingers)

    def _draw(self, i: int, recipe: Recipe, rng: np.random.Generator, scene: int | None) -> Place:
        if scene is not None:
            if not isinstance(scene, int | np.integer) or not 0 <= scene < 2**63:
                raise EnvError(f"scene must be a number of at least 0, got {scene!r}")
            return self.scenes.place(recipe, int(scene), self.places[i])
        spec = self.spec
        for left in reversed(range(DRAWS)):
            number = spec.first_scene + int(rng.integers(spec.scenes or 2**31))
            try:
                return self.scenes.place(recipe, number, self.places[i])
            except SceneError:
                if not left:
                    raise
        raise AssertionError("the last draw returns or raises")

    def _expect(self, i: int, rng: np.random.Generator) -> None:
        """Let the scenes be made that the next resets of an episode will draw, as `reset` draws."""
        rng, spec = copy.deepcopy(rng), self.spec
        coming = []
        for _ in range(1 + spec.ahead // self.scenes.players):
            coming.append(spec.first_scene + int(rng.integers(spec.scenes or 2**31)))
            rng.random(3)  # the jitter and the choice of the target
            if spec.physics is not None:
                spec.physics.draw(rng, self._ids[i, :0])
        self.scenes.expect((id(self), i), coming)

    def command(self, going: Sequence[int], actions: ArrayLike) -> None:
        """Begin a control step that does actions.

        Whoever has simulated it for all that are going (`simulate`) ends the step (`judged`).

        Args:
            going: which episodes go on; the others have to be reset after this step.
            actions: (n, numbers) in −1…1, as the spec's `action_mode` reads them; what is beyond is clipped.

        Raises:
            EnvError: an episode has not begun; or the actions have the wrong shape or are not finite.
        """
        if None in self.places:
            raise EnvError("reset the environment before its first step")
        given = np.array(actions, float)
        if given.shape != (self.n, self.driver.action_size) or _not_finite(given):
            told = given.tolist() if given.size <= self.action_size else f"shape {given.shape}"
            raise EnvError(f"an action must be {self.action_size} finite numbers in -1…1, got {told}")
        np.minimum(np.maximum(given, -1.0, out=given), 1.0, out=given)
        self.begin(going, given)

    def judged(self, going: Sequence[int]) -> tuple[Array, NDArray[np.bool_]]:
        """End a control step: return (n,) rewards, and whether each episode is over."""
        self.end()
        return self.results(going)

    def agent_pos(self) -> NDArray[np.float32]:
        """(n, 17 + 2 joints) numbers of the hands, `graspgen.env.observe.AGENT`, and of the arms that carry them."""
        return self._written().agent()

    def environment_state(self) -> NDArray[np.float32]:
        """(n, 2 + 17 rows) numbers of the objects: `graspgen.env.observe.EPISODE` and `OBJECT`."""
        return self._written().around()

    def state(self) -> NDArray[np.float32]:
        """(n, numbers) of both, one after the other."""
        return self._written().all()

    def _written(self) -> Numbers:
        numbers, judge, posture = self._numbers, self.judge, self.driver.posture() if self.driver.joints else None
        episode = judge.touching, judge.held, judge.rise
        numbers.write(self.moment, episode, self.targets, (self.here, self.belt), posture)
        return numbers

    def _settle_in(self, i: int, place: Place, state: SceneMeasures) -> None:
        super()._settle_in(i, place, state)
        self._numbers.enter(i)

    def description(self, i: int) -> str:
        """Return the task in words, as vision-language policies are told it."""
        place, goal = self.places[i], self.spec.goal
        if goal == "any":
            return "pick up an object"
        if goal == "all":
            return f"clear the {place.settled.world.plan.arena.name if place is not None else 'bin'}"
        name = self.target_name(i) if place is not None else ""
        return f"pick up the {name.replace('_', ' ') or 'target'}"


def _not_finite(numbers: Array) -> bool:
    # A sum of squares is quicker to look at, but may overflow.
    return not (sum_of_squares(numbers) < np.inf or np.isfinite(numbers).all())


def _most_objects(recipe: Recipe) -> int:
    """Return how many objects a scene of a recipe can hold."""
    scene = recipe.scene
    return int(scene.objects.count.support[1]) + int(scene.distractors.contextual.count.support[1])
