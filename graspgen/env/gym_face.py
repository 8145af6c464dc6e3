"""The Gymnasium face of the grasping task. Needs gymnasium: `pip install 'graspgen[rl]'`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike

from graspgen.env.errors import EnvError
from graspgen.env.images import Shot
from graspgen.env.observations import ObsMode
from graspgen.env.rewards import goal_reached, goal_reward
from graspgen.env.scenes import Scenes
from graspgen.env.senses import Senses
from graspgen.env.spec import check_choice
from graspgen.env.task import GraspTask, Step
from graspgen.errors import nearest

_OPTIONS = ("recipe", "scene", "target", "T_world_tool", "opening", "fingers")


class GraspEnv(gymnasium.Env):
    """Task Description: a floating gripper of limited force lifts objects of settled scenes.

    Randomizations: scene `k` of the recipe is drawn anew at each reset: objects, their scales, masses, frictions and
    poses; arena, colours, lights, cameras' errors. The tool point starts within 0.03 m of above the origin.

    Success Conditions: as the trials that label grasps: the target is gripped by both fingers and its centre of mass
    has risen by 0.11 m; since the grip it has moved by less than 0.010 m and 10° in the hand, and no other object has
    risen by 0.03 m; it has stayed up for 0.2 s, and stands still in the hand (0.01 m/s, 0.2 rad/s).

    Args:
        obs_mode: `state`, `state_dict`, `rgb`, `depth`, `rgbd`, `segmentation` or `pointcloud`.
        render_mode: `rgb_array`, `depth_array`, `rgbd_tuple` or None.
        settings: fields of `graspgen.env.spec.TaskSpec`.

    Raises:
        EnvError: a setting is unknown or not valid.
        GraspgenError: the recipe, its gripper, its profile or its objects cannot be used.
    """

    metadata = {"render_modes": ["rgb_array", "depth_array", "rgbd_tuple"], "render_fps": 25}  # noqa: RUF012

    def __init__(self, obs_mode: ObsMode = "state", render_mode: str | None = None, **settings: Any) -> None:
        self.obs_mode, self.render_mode = obs_mode, render_mode
        self._senses = senses_of(type(self).__name__, obs_mode, render_mode, settings)
        tasks = self._senses.tasks
        self.grasping = GraspTask(tasks.spec, many=tasks)
        self.metadata = {**self.metadata, "render_fps": round(1 / self.grasping.period)}
        self.observation_space = space(self._senses.bounds())
        self.action_space = spaces.Box(-1.0, 1.0, (self.grasping.action_size,), np.float32)

    @property
    def task_description(self) -> str:
        """The task in words, of this episode."""
        return self.grasping.task_description

    @property
    def task(self) -> str:
        """Name of the task: that of its id."""
        return self.unwrapped.spec.id if self.unwrapped.spec is not None else type(self).__name__

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; what `options` does not say is drawn.

        Args:
            seed: of the environment's generator; None goes on with it.
            options: `recipe` (name, path or Recipe), `scene` (its number), `target` (instance id), `T_world_tool`
                ((4, 4) pose at which the hand starts), `opening` (of the fingers, m), `fingers` ((2, d) joints of a
                multi-finger hand at the start, and at the grasp).

        Raises:
            EnvError: an option is unknown or not valid.
            SceneError: no scene came to rest.
        """
        super().reset(seed=seed)
        self.grasping.reset(self.np_random, **options_of(options))
        self._senses.begin()
        return self._senses.observation(), self.grasping.info()

    def step(self, action: ArrayLike) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Do an action for one control step; see `graspgen.env.actions`."""
        return self._told(self.grasping.step(action))

    def _told(self, done: Step) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._senses.next()
        return self._senses.observation(), done.reward, done.terminated, False, self.grasping.info()

    def render(self) -> Any:
        """Return what the first camera sees: colour, depth (m), or both."""
        if self.render_mode is None:
            gymnasium.logger.warn("render() without a render_mode returns nothing; make the environment with one")
            return None
        if self.grasping.place is None:
            raise EnvError("reset the environment before it is rendered")
        return picture_of(self._senses.picture(), self.render_mode)

    def close(self) -> None:
        """Free what was uploaded to the renderer."""
        self._senses.close()


class Goals:
    """What environments in the goal form can be asked: `observation`, `achieved_goal`, `desired_goal`.

    A goal is the target's centre of mass, m, world frame, and 1 for "lifted and judged as held". The desired one is the
    place 0.12 m above where the target lay, held.
    """

    _senses: Senses

    def compute_reward(self, achieved_goal: ArrayLike, desired_goal: ArrayLike, info: Any) -> Any:
        """Return the reward of (4,) goals, or (n,) rewards of (n, 4) goals; `info` does not matter."""
        reward = goal_reward(self._senses.tasks.spec.reward_mode, achieved_goal, desired_goal)
        return float(reward) if np.ndim(achieved_goal) == 1 else reward

    def compute_terminated(self, achieved_goal: ArrayLike, desired_goal: ArrayLike, info: Any) -> Any:
        """Return whether (4,) or (n, 4) goals are reached, where that ends an episode."""
        done = goal_reached(achieved_goal, desired_goal) & self._senses.tasks.spec.terminate_on_success
        return bool(done) if np.ndim(achieved_goal) == 1 else done

    def compute_truncated(self, achieved_goal: ArrayLike, desired_goal: ArrayLike, info: Any) -> Any:
        """Return that no goal truncates an episode."""
        return False if np.ndim(achieved_goal) == 1 else np.zeros(len(np.asarray(achieved_goal)), bool)


class GoalEnv(Goals, GraspEnv):
    """A named target, in the goal form."""


def senses_of(
    kind: str,
    obs_mode: str,
    render_mode: str | None,
    settings: dict[str, Any],
    n: int = 1,
    scenes: Scenes | None = None,
) -> Senses:
    """Return n tasks and what is perceived of them.

    Args:
        kind: name of the environment, for what is told of wrong settings.
        obs_mode, render_mode: as of `GraspEnv`.
        settings: fields of `TaskSpec`.
        n: how many.
        scenes: of other tasks with the same settings, to share with them.

    Raises:
        EnvError: a setting is unknown or not valid.
        GraspgenError: the recipe, or what it names, cannot be used.
    """
    if render_mode is not None:
        check_choice("render_mode", render_mode, tuple(GraspEnv.metadata["render_modes"]))
    return Senses(obs_mode, settings, pictures=render_mode is not None, n=n, kind=kind, scenes=scenes)


def options_of(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the options of a reset.

    Raises:
        EnvError: one is unknown.
    """
    if not isinstance(options, Mapping | None):
        raise EnvError(f'options must be a mapping such as {{"scene": 3}}, got {options!r:.80}')
    given = dict(options or {})
    for name in given:
        if name not in _OPTIONS:
            raise EnvError(f"reset has no option '{name}'{nearest(name, _OPTIONS)}")
    return given


def picture_of(shot: Shot, render_mode: str) -> Any:
    """Return what `render` returns of what a camera has seen."""
    if render_mode == "rgb_array":
        return shot.rgb.copy()
    depth = shot.depth.copy()
    return depth if render_mode == "depth_array" else (shot.rgb.copy(), depth)


def space(entries: Any) -> spaces.Space:
    """Return the space of observations with such `Senses.bounds`."""
    if isinstance(entries, dict) and "" in entries:
        entries = entries[""]
    if isinstance(entries, dict):
        return spaces.Dict({name: space(entry) for name, entry in entries.items()})
    low, high = entries
    return spaces.Box(low, high, dtype=low.dtype)
