"""Many environments in one process: commanded and judged as arrays, simulated by a few threads.

Every environment plays a scene of its own: other objects, so a model of another layout, which one batch of many
simulations would refuse. So each has a batch of one (`Simulation.rollout`), and what a batch of many would do with its
own threads is done here with Python's: a control step's physics is a single call without the interpreter's lock. All
else takes that lock, and is done team by team (`graspgen.env.teams`), while others simulate.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array
from numpy.typing import ArrayLike, NDArray

from graspgen.env.crew import Crew
from graspgen.env.errors import EnvError
from graspgen.env.gym_face import Goals, GraspEnv, options_of, picture_of, senses_of, space
from graspgen.env.observations import ObsMode
from graspgen.env.senses import BLIND, Senses, of
from graspgen.env.spec import TaskSpec
from graspgen.env.teams import Teams, sizes
from graspgen.errors import nearest
from graspgen.frames import Array


class GraspVectorEnv(gymnasium.vector.VectorEnv):
    """`num_envs` grasping environments: each does, to the last bit, what it would do alone.

    Attributes:
        grasping: the tasks, in teams.

    Args:
        num_envs: how many.
        max_episode_steps: after which an episode is truncated.
        autoreset_mode: Gymnasium's: `NextStep`, `SameStep` or `Disabled`.
        threads: that simulate, the caller's included; None for one a core.
        obs_mode, render_mode: as of a single environment.
        settings: fields of `graspgen.env.spec.TaskSpec`.

    Raises:
        EnvError: a setting is unknown or not valid.
        GraspgenError: the recipe, or what it names, cannot be used.
    """

    def __init__(
        self,
        num_envs: int = 1,
        max_episode_steps: int = 100,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        threads: int | None = None,
        obs_mode: ObsMode = "state",
        render_mode: str | None = None,
        **settings: Any,
    ) -> None:
        for name, value in (("num_envs", num_envs), ("max_episode_steps", max_episode_steps), ("threads", threads)):
            if value is not None and (not isinstance(value, int) or value < 1):
                raise EnvError(f"{name} must be a whole number of at least 1, got {value!r}")
        keep = max(num_envs, settings.pop("keep", TaskSpec.keep))
        kind = type(self).__name__
        self._crew = Crew(threads or len(os.sched_getaffinity(0)))

        def senses(n: int, first: Senses | None) -> Senses:
            scenes = None if first is None else first.tasks.scenes
            return senses_of(kind, obs_mode, render_mode, {"keep": keep, **settings}, n, scenes)

        self.grasping = Teams(senses, sizes(num_envs, self._crew.threads))
        self.num_envs, self.obs_mode, self.render_mode = num_envs, obs_mode, render_mode
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        fps = round(1 / self.grasping.period)
        self.metadata = {**GraspEnv.metadata, "render_fps": fps, "autoreset_mode": self.autoreset_mode}
        self.single_observation_space = space(self.grasping.first.bounds())
        self.single_action_space = spaces.Box(-1.0, 1.0, (self.grasping.action_size,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._longest, self._steps = max_episode_steps, np.zeros(num_envs, np.int64)
        self._over = np.zeros(num_envs, bool)
        self._rngs: list[np.random.Generator | None] = [None] * num_envs

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin episodes in all environments, or in some.

        Args:
            seed: of the first environment's generator, the next has the next one; or one each; None goes on with them.
            options: as of a single environment; and `reset_mask`, (n,) truth values: where to begin.

        Raises:
            EnvError: an option is unknown or not valid.
            SceneError: no scene came to rest.
        """
        n = self.num_envs
        seeds = (
            [None if seed is None else seed + i for i in range(n)] if seed is None or isinstance(seed, int) else seed
        )
        if len(seeds) != n:
            raise EnvError(f"seed must be one number, or {n} of them, got {len(seeds)}")
        given = dict(options or {})
        mask = given.pop("reset_mask", np.ones(n, bool))
        if not isinstance(mask, np.ndarray) or mask.shape != (n,) or mask.dtype != bool or not mask.any():
            raise EnvError(f"reset_mask must be an array of {n} truth values, one of them true, got {mask!r}")
        given, infos = options_of(given), {}
        for i in np.flatnonzero(mask).tolist():
            self._begin(i, seeds[i], given)
            infos = self._add_info(infos, self.grasping.info(i), i)
        self._over &= ~mask
        return self._observed(), infos

    def step(self, actions: ArrayLike) -> tuple[Any, Array, NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Do an action in every environment for one control step.

        Raises:
            EnvError: an action has the wrong shape or is not finite, or an episode that is over was not reset.
        """
        actions, mode = np.asarray(actions), self.autoreset_mode
        if actions.shape != self.action_space.shape or not np.isfinite(actions).all():
            raise EnvError(f"actions must be finite numbers of shape {self.action_space.shape}, got {actions.shape}")
        if mode == AutoresetMode.DISABLED and self._over.any():
            over = np.flatnonzero(self._over).tolist()
            raise EnvError(f"episodes {over} are over: reset them, with options={{'reset_mask': …}}")
        again = self._over.copy() if mode == AutoresetMode.NEXT_STEP else np.zeros(self.num_envs, bool)
        rewards, terminated = self._played(~again, actions)
        self._steps += 1
        truncated = self._steps >= self._longest
        rewards[again], terminated[again], truncated[again] = 0.0, False, False
        self._over = terminated | truncated
        infos: dict[str, Any] = {}
        if mode == AutoresetMode.SAME_STEP and self._over.any():
            again = self._over
            infos = self._final(np.flatnonzero(again).tolist())
        for i in np.flatnonzero(again).tolist():
            self._begin(i, None, {})
        for name, told in self.grasping.infos().items():
            infos[name], infos[f"_{name}"] = told, np.ones(self.num_envs, bool)
        return self._observed(), rewards, terminated, truncated, infos

    def _begin(self, i: int, seed: int | None, options: dict[str, Any]) -> None:
        if seed is not None or self._rngs[i] is None:
            self._rngs[i] = seeding.np_random(seed)[0]
        self.grasping.reset(i, self._rngs[i], **options)
        self._steps[i] = 0

    def _played(self, going: NDArray[np.bool_], actions: NDArray) -> tuple[Array, NDArray[np.bool_]]:
        """Do a control step; return (n,) rewards, and whether each episode is over."""
        rewards, over, teams = np.zeros(self.num_envs), np.zeros(self.num_envs, bool), self.grasping.teams
        whole = sum(float(team.took.sum()) for team in teams)
        jobs = [self._crew.give(*team.command(going, actions, whole)) for team in teams]
        for team, job in zip(teams, jobs, strict=True):
            self._crew.finish(job)
            team.judge(rewards, over)
        return rewards, over

    def _final(self, ended: list[int]) -> dict[str, Any]:
        """Return what infos say of episodes that have just ended."""
        infos: dict[str, Any] = {}
        seen = self.grasping.observed() if self.obs_mode in BLIND else None
        for i in ended:
            last = self.grasping.observation(i) if seen is None else of(seen, i)
            infos = self._add_info(infos, {"final_obs": last, "final_info": self.grasping.info(i)}, i)
        return infos

    def _observed(self) -> Any:
        if self.obs_mode in BLIND:
            return self.grasping.observed()
        each = [self.grasping.observation(i) for i in range(self.num_envs)]
        empty = create_empty_array(self.single_observation_space, self.num_envs)
        return concatenate(self.single_observation_space, each, empty)

    def call(self, name: str) -> tuple[Any, ...]:
        """Return what each environment has by this name, as Gymnasium's other vector environments do.

        Args:
            name: `task_description`, `task` (the id), or `_max_episode_steps`, which evaluators of policies ask for.

        Raises:
            EnvError: there is nothing by this name.
        """
        if name == "task_description":
            return tuple(self.grasping.description(i) for i in range(self.num_envs))
        if name == "task":
            return (self.spec.id if self.spec is not None else type(self).__name__,) * self.num_envs
        if name == "_max_episode_steps":
            return (self._longest,) * self.num_envs
        raise EnvError(f"there is no {name!r}{nearest(name, ('task_description', 'task', '_max_episode_steps'))}")

    get_attr = call

    def render(self) -> tuple[Any, ...] | None:
        """Return what the first camera of each environment sees: colour, depth (m), or both."""
        if self.render_mode is None:
            gymnasium.logger.warn("render() without a render_mode returns nothing; make the environments with one")
            return None
        if None in self.grasping.places:
            raise EnvError("reset the environments before they are rendered")
        return tuple(picture_of(self.grasping.picture(i), self.render_mode) for i in range(self.num_envs))

    def close_extras(self, **kwargs: Any) -> None:
        """Free what was uploaded to the renderer, and end the threads."""
        self.grasping.close()
        self._crew.close()


class GoalVectorEnv(Goals, GraspVectorEnv):
    """Likewise in the goal form."""
