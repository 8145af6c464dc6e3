"""What an agent perceives of a task, for every face of it: numbers, images, clouds, goals."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from graspgen.env.cameras import names_of
from graspgen.env.images import Eyes, Shot
from graspgen.env.observations import ObsMode, bounds, observation
from graspgen.env.scenes import Scenes
from graspgen.env.spec import TaskSpec, check_choice
from graspgen.env.task import GraspTask

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
    """A task and what is perceived of it.

    Attributes:
        task: it.
        mode: how it is observed.
        shots: what the cameras saw last; none where observations have no images.

    Args:
        mode: an `ObsMode`.
        settings: fields of `TaskSpec`.
        pictures: whether the scenes are to be seen even where observations have no images.
        shelf: scenes that the task shares with others; None for its own.

    Raises:
        EnvError: a setting is not valid.
        GraspgenError: the recipe, or what it names, cannot be used.
    """

    def __init__(
        self, mode: str, settings: dict[str, Any], pictures: bool = False, shelf: Scenes | None = None
    ) -> None:
        check_choice("obs_mode", mode, get_args(ObsMode))
        self.mode, self._sees = mode, mode not in BLIND
        if not self._sees:
            settings = {"image_size": PICTURE, "shadow_size": PICTURE_SHADOWS, **settings}
        listed = {k: tuple(v) for k, v in settings.items() if isinstance(v, list)}  # as files of settings hold them
        self.task = GraspTask(TaskSpec(**{**settings, **listed}), views=self._sees or pictures, shelf=shelf)
        self.shots: list[Shot] = []
        self._eyes, self._frame = Eyes(self.task.spec.shadow_size), 0

    def bounds(self) -> dict[str, Any]:
        """Return the entries of an observation, each with its (low, high) arrays; "" where it is a single array."""
        spec, recipe = self.task.spec, self.task.scenes.recipe
        size = (recipe.views.height, recipe.views.width)
        entries = bounds(self.mode, self.task.rows, names_of(recipe), size, spec.points, self.task.driver.joints)
        if spec.goal != "target":
            return entries
        observed = entries.pop("") if "" in entries else entries["agent_pos"]
        goal = (-_GOAL_MOST, _GOAL_MOST)
        return {**entries, "observation": observed, "achieved_goal": goal, "desired_goal": goal}

    def begin(self) -> Any:
        """Return the first observation of an episode."""
        self._frame = 0
        return self._observe()

    def next(self) -> Any:
        """Return the observation after a control step."""
        self._frame += 1
        return self._observe()

    def look(self) -> list[Shot]:
        """Return what the cameras see now; of a task whose scenes are to be seen."""
        return self.shots or self._shot(_WANTED.get(self.mode, ("rgb", "depth")))

    def picture(self) -> Shot:
        """Return what the first camera sees now, in colour and with depth, whatever observations show."""
        return self.shots[0] if self.mode in ("rgbd", "segmentation", "pointcloud") else self._shot(("rgb", "depth"))[0]

    def _shot(self, wanted: tuple[str, ...]) -> list[Shot]:
        task = self.task
        hand = task.moment.x[0], task.moment.R[0]
        return self._eyes.look(task.place, task.offset, hand, self._frame, wanted)

    def close(self) -> None:
        """Free what was uploaded to the renderer."""
        self.shots = []
        self._eyes.close()

    def _observe(self) -> Any:
        task, self.shots = self.task, []
        if self._sees:
            self.shots = self.look()
        around: NDArray | None = None if self._sees else task.environment_state()
        seen = observation(self.mode, task.agent_pos(), around, self.shots, task.spec.points)
        if task.spec.goal != "target":
            return seen
        rest = seen if isinstance(seen, dict) else {}
        observed = seen["agent_pos"].copy() if isinstance(seen, dict) else seen
        return {**rest, "observation": observed, "achieved_goal": task.achieved, "desired_goal": task.goal.copy()}
