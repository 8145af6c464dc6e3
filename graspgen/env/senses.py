"""What an agent perceives of a task, for every face of it: numbers, images, clouds, goals."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from graspgen.env.cameras import names_of
from graspgen.env.errors import EnvError
from graspgen.env.images import Eyes, Shot
from graspgen.env.observations import ObsMode, bounds, observation
from graspgen.env.scenes import Scenes
from graspgen.env.spec import TaskSpec, check_choice
from graspgen.env.tasks import GraspTasks
from graspgen.errors import nearest

#: Modes that need no camera.
BLIND = ("state", "state_dict")
#: What modes want of the cameras; pictures for the eye want colour and depth.
_WANTED = {
    "rgb": ("rgb",),
    "depth": ("depth",),
    "rgbd": ("rgb", "depth"),
    "segmentation": ("rgb", "depth", "ids"),
    "pointcloud": ("rgb", "depth", "ids"),
}
#: Size of rendered pictures where observations have none, px.
PICTURE = (360, 480)
#: And the side of their shadow map, texels.
PICTURE_SHADOWS = 1024
#: Largest numbers of a goal.
_GOAL_MOST = np.array([4, 4, 4, 1], np.float32)


class Senses:
    """Tasks and what is perceived of them, n at a time.

    Attributes:
        tasks: they.
        mode: how they are observed.

    Args:
        mode: an `ObsMode`.
        settings: fields of `TaskSpec`.
        pictures: whether the scenes are to be seen even where observations have no images.
        n: how many tasks.
        kind: name of the environment, for what is told of wrong settings.
        scenes: of other tasks with the same settings, to share with them.

    Raises:
        EnvError: a setting is unknown or not valid.
        GraspgenError: the recipe, or what it names, cannot be used.
    """

    def __init__(
        self,
        mode: str,
        settings: dict[str, Any],
        pictures: bool = False,
        n: int = 1,
        kind: str = "the task",
        scenes: Scenes | None = None,
    ) -> None:
        check_choice("obs_mode", mode, get_args(ObsMode))
        known = [f.name for f in fields(TaskSpec)]
        for name in settings:
            if name not in known:
                raise EnvError(f"{kind} has no setting '{name}'{nearest(name, known)}")
        self.mode, self._sees = mode, mode not in BLIND
        if not self._sees:
            settings = {"image_size": PICTURE, "shadow_size": PICTURE_SHADOWS, **settings}
        self.tasks = GraspTasks(TaskSpec(**settings), views=self._sees or pictures, n=n, scenes=scenes)
        self._eyes = [Eyes(self.tasks.spec.shadow_size) for _ in range(n)]
        self._shots: list[list[Shot]] = [[] for _ in range(n)]
        self._frames = [0] * n

    def bounds(self) -> dict[str, Any]:
        """Return the entries of an observation, each with its (low, high) arrays; "" where it is a single array."""
        spec, recipe = self.tasks.spec, self.tasks.scenes.recipe
        size = (recipe.views.height, recipe.views.width)
        entries = bounds(self.mode, self.tasks.rows, names_of(recipe), size, spec.points, self.tasks.driver.joints)
        if spec.goal != "target":
            return entries
        observed = entries.pop("") if "" in entries else entries["agent_pos"]
        goal = (-_GOAL_MOST, _GOAL_MOST)
        return {**entries, "observation": observed, "achieved_goal": goal, "desired_goal": goal}

    def begin(self, i: int = 0) -> None:
        """Take note that an episode has begun."""
        self._frames[i], self._shots[i] = 0, []

    def next(self, i: int = 0) -> None:
        """Take note that a control step has been done."""
        self._frames[i], self._shots[i] = self._frames[i] + 1, []

    def look(self, i: int = 0) -> list[Shot]:
        """Return what the cameras of a task see now; of tasks whose scenes are to be seen."""
        if self._shots[i]:
            return self._shots[i]
        shots = self._shot(i, _WANTED.get(self.mode, ("rgb", "depth")))
        if self._sees:
            self._shots[i] = shots
        return shots

    def picture(self, i: int = 0) -> Shot:
        """Return what the first camera sees now, in colour and with depth, whatever observations show."""
        if self.mode in ("rgbd", "segmentation", "pointcloud"):
            return self.look(i)[0]
        return self._shot(i, ("rgb", "depth"))[0]

    def _shot(self, i: int, wanted: tuple[str, ...]) -> list[Shot]:
        tasks = self.tasks
        hand = tasks.moment.x[i], tasks.moment.R[i]
        return self._eyes[i].look(tasks.places[i], tasks.here[i], hand, self._frames[i], wanted)

    def close(self) -> None:
        """Free what was uploaded to the renderer, and end the processes that make scenes ahead."""
        for i, eyes in enumerate(self._eyes):
            self._shots[i] = []
            eyes.close()
        self.tasks.scenes.close()

    def observed(self) -> Any:
        """Return the observations of all tasks: arrays, or dictionaries of arrays, whose first axis is the task's.

        Only of modes without images.
        """
        tasks = self.tasks
        if self.mode == "state":
            seen: Any = tasks.state()
        else:
            seen = {"agent_pos": tasks.agent_pos(), "environment_state": tasks.environment_state()}
        return seen if tasks.spec.goal != "target" else _with_goals(seen, tasks.achieved(), tasks.goals.copy())

    def observation(self, i: int = 0) -> Any:
        """Return the observation of a task."""
        if not self._sees:
            return of(self.observed(), i)
        tasks = self.tasks
        seen = observation(self.mode, tasks.agent_pos()[i], self.look(i), tasks.spec.points)
        return seen if tasks.spec.goal != "target" else _with_goals(seen, tasks.achieved()[i], tasks.goals[i].copy())


def of(seen: Any, i: int) -> Any:
    """Return what one task has of observations of all."""
    return {name: of(value, i) for name, value in seen.items()} if isinstance(seen, dict) else seen[i]


def _with_goals(seen: Any, achieved: NDArray, desired: NDArray) -> dict[str, Any]:
    goals = {"achieved_goal": achieved, "desired_goal": desired}
    if isinstance(seen, dict):
        return {**seen, "observation": seen["agent_pos"].copy(), **goals}
    return {"observation": seen, **goals}
