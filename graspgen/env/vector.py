"""Many environments in one process: their physics in batches of MuJoCo's on a few threads, all else as in one.

Every sub-environment plays a scene of its own: other objects, so a model of another layout, which one batch of many
simulations would refuse. So each has a batch of one (`Simulation.rollout_alone`), and what a batch of many would do
with its own threads is done here with Python's: a control step's physics is a single call without the interpreter's
lock, and while it runs, the caller commands and judges the other environments.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.vector.utils import iterate
from gymnasium.wrappers import TimeLimit

from graspgen.env.crew import Crew
from graspgen.env.errors import EnvError
from graspgen.env.gym_face import GoalEnv, GraspEnv
from graspgen.env.spec import TaskSpec
from graspgen.frames import Array

#: Works that each thread is given in a step: more of them even out, and each costs some hand-over.
_SHARES = 8


class _Led(gymnasium.Wrapper):
    """An environment whose control steps are simulated by a crew."""

    seen: Callable[[], Array]

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """End the control step that was begun with this action."""
        return self.env.told(self.env.grasping.judged(self.seen()))


class GraspVectorEnv(SyncVectorEnv):
    """`num_envs` grasping environments: each does, to the last bit, what it would do alone.

    Args:
        num_envs: how many.
        max_episode_steps: after which an episode is truncated.
        autoreset_mode: Gymnasium's: `NextStep`, `SameStep` or `Disabled`.
        threads: that simulate, the caller's included; None for one a core.
        settings: of each environment (`GraspEnv`).

    Raises:
        EnvError: a setting is unknown or not valid.
        GraspgenError: the recipe, or what it names, cannot be used.
    """

    kind: type[GraspEnv] = GraspEnv

    def __init__(
        self,
        num_envs: int = 1,
        max_episode_steps: int = 100,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        threads: int | None = None,
        **settings: Any,
    ) -> None:
        for name, value in (("num_envs", num_envs), ("max_episode_steps", max_episode_steps), ("threads", threads)):
            if value is not None and (not isinstance(value, int) or value < 1):
                raise EnvError(f"{name} must be a whole number of at least 1, got {value!r}")
        self._crew = Crew(threads or len(os.sched_getaffinity(0)))
        keep = max(num_envs, settings.pop("keep", TaskSpec.keep))
        first = self.kind(keep=keep, **settings)  # is never played: its scenes are all the others'
        shelf = first.grasping.scenes

        def make() -> gymnasium.Env:
            return TimeLimit(_Led(self.kind(shelf=shelf, **settings)), max_episode_steps)

        super().__init__([make] * num_envs, autoreset_mode=autoreset_mode)

    def step(self, actions: Any) -> tuple[Any, ...]:
        """Do an action in every environment for one control step.

        Raises:
            EnvError: an action has the wrong shape or is not finite.
        """
        actions = np.asarray(actions)
        if actions.shape != self.action_space.shape or not np.isfinite(actions).all():
            raise EnvError(f"actions must be finite numbers of shape {self.action_space.shape}, got {actions.shape}")
        stopped = self._autoreset_envs
        works = []
        if self.autoreset_mode != AutoresetMode.DISABLED or not stopped.any():
            works = self._begin(actions, stopped)
        try:
            return super().step(actions)
        finally:
            for work in works:  # where an environment has raised
                self._crew.finish(work)

    def _begin(self, actions: Any, stopped: Any) -> list[Any]:
        """Command all environments that go on, and let their physics be simulated."""
        going = [
            (env.env, action)
            for env, action, over in zip(self.envs, iterate(self.action_space, actions), stopped, strict=True)
            if not over or self.autoreset_mode != AutoresetMode.NEXT_STEP
        ]
        size = max(1, len(going) // (_SHARES * self._crew.threads))
        return [self._give(going[i : i + size]) for i in range(0, len(going), size)]

    def _give(self, some: list[tuple[_Led, Any]]) -> Any:
        tasks = [led.env.grasping for led, _ in some]
        controls = [task.command(action) for task, (_, action) in zip(tasks, some, strict=True)]
        found: list[Array] = []

        def simulate() -> None:
            found.extend(task.sim.rollout_alone(control) for task, control in zip(tasks, controls, strict=True))

        work = self._crew.give(simulate)

        def seen(number: int) -> Array:
            self._crew.finish(work)
            return found[number]

        for number, (led, _) in enumerate(some):
            led.seen = functools.partial(seen, number)
        return work

    def close_extras(self, **kwargs: Any) -> None:
        """Close the environments, and end the threads."""
        super().close_extras(**kwargs)
        self._crew.close()


class GoalVectorEnv(GraspVectorEnv):
    """Likewise in the goal form."""

    kind = GoalEnv
