"""The Gymnasium face of the grasping task. Needs gymnasium: `pip install 'graspgen[rl]'`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike

from graspgen.env.cameras import names_of
from graspgen.env.errors import EnvError
from graspgen.env.images import Eyes, Shot
from graspgen.env.observations import ObsMode, bounds, observation
from graspgen.env.rewards import goal_reached, goal_reward
from graspgen.env.spec import TaskSpec, check_choice
from graspgen.env.task import ONE, GraspTask
from graspgen.errors import nearest

#: Modes that need no camera.
_BLIND = ("state", "state_dict")
#: Size of rendered pictures where observations have none, px.
_PICTURE = (360, 480)
_OPTIONS = ("recipe", "scene", "target", "T_world_tool", "opening")


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
        check_choice("obs_mode", obs_mode, get_args(ObsMode))
        if render_mode is not None:
            check_choice("render_mode", render_mode, tuple(self.metadata["render_modes"]))
        known = [f.name for f in fields(TaskSpec)]
        for name in settings:
            if name not in known:
                raise EnvError(f"{type(self).__name__} has no setting '{name}'{nearest(name, known)}")
        self._sees = obs_mode not in _BLIND
        if not self._sees:
            settings = {"image_size": _PICTURE, **settings}
        listed = {k: tuple(v) for k, v in settings.items() if isinstance(v, list)}  # as files of settings hold them
        self.obs_mode, self.render_mode = obs_mode, render_mode
        self.grasping = GraspTask(TaskSpec(**{**settings, **listed}), views=self._sees or render_mode is not None)
        spec = self.grasping.spec
        self.metadata = {**self.metadata, "render_fps": round(1 / self.grasping.period)}
        self._eyes = Eyes(spec.shadow_size)
        self._frame = 0
        views = self.grasping.scenes.recipe.views
        self._size = (views.height, views.width)
        self.observation_space = self._observation_space(names_of(self.grasping.scenes.recipe))
        self.action_space = spaces.Box(-1.0, 1.0, (self.grasping.action_size,), np.float32)

    @property
    def task_description(self) -> str:
        """The task in words, of this episode."""
        return self.grasping.task_description if self.grasping.place is not None else "pick up an object"

    @property
    def task(self) -> str:
        """Name of the task: that of its id."""
        return self.unwrapped.spec.id if self.unwrapped.spec is not None else type(self).__name__

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; what `options` does not say is drawn.

        Args:
            seed: of the environment's generator; None goes on with it.
            options: `recipe` (name, path or Recipe), `scene` (its number), `target` (instance id), `T_world_tool`
                ((4, 4) pose at which the hand starts), `opening` (of the fingers, m).

        Raises:
            EnvError: an option is unknown or not valid.
            SceneError: no scene came to rest.
        """
        super().reset(seed=seed)
        given = dict(options or {})
        for name in given:
            if name not in _OPTIONS:
                raise EnvError(f"reset has no option '{name}'{nearest(name, _OPTIONS)}")
        self.grasping.reset(self.np_random, **given)
        self._frame = 0
        return self._observe(), self._info()

    def step(self, action: ArrayLike) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Do an action for one control step; see `graspgen.env.actions`."""
        done = self.grasping.step(action)
        self._frame += 1
        return self._observe(), done.reward, done.terminated, False, self._info()

    def render(self) -> Any:
        """Return what the first camera sees: colour, depth (m), or both."""
        if self.render_mode is None:
            gymnasium.logger.warn("render() without a render_mode returns nothing; make the environment with one")
            return None
        if self.grasping.place is None:
            raise EnvError("reset the environment before it is rendered")
        shot = (self._shots or self._look())[0]
        if self.render_mode == "rgb_array":
            return shot.rgb
        depth = shot.depth.copy()
        return depth if self.render_mode == "depth_array" else (shot.rgb, depth)

    def close(self) -> None:
        """Free what was uploaded to the renderer."""
        self._eyes.close()

    def _look(self) -> list[Shot]:
        g = self.grasping
        (x,), (R,) = g.state.hand(ONE)
        return self._eyes.look(g.place, g.offset, (x, R), self._frame, depth=self.obs_mode != "rgb")

    def _observe(self) -> Any:
        g = self.grasping
        self._shots = self._look() if self._sees else []
        around = None if self._sees else g.environment_state()
        return observation(self.obs_mode, g.agent_pos(), around, self._shots, g.spec.points)

    def _info(self) -> dict[str, Any]:
        return self.grasping.info()

    def _observation_space(self, cameras: list[str]) -> spaces.Space:
        g = self.grasping
        entries = bounds(self.obs_mode, g.rows, cameras, self._size, g.spec.points)
        return _space(entries[""] if "" in entries else entries)


class GoalEnv(GraspEnv):
    """A named target, in the goal form: `observation`, `achieved_goal`, `desired_goal`.

    A goal is the target's centre of mass, m, world frame, and 1 for "lifted and judged as held". The desired one is the
    place 0.12 m above where the target lay, held.
    """

    def compute_reward(self, achieved_goal: ArrayLike, desired_goal: ArrayLike, info: Any) -> Any:
        """Return the reward of (4,) goals, or (n,) rewards of (n, 4) goals; `info` does not matter."""
        reward = goal_reward(self.grasping.spec.reward_mode, achieved_goal, desired_goal)
        return float(reward) if np.ndim(achieved_goal) == 1 else reward

    def compute_terminated(self, achieved_goal: ArrayLike, desired_goal: ArrayLike, info: Any) -> Any:
        """Return whether (4,) or (n, 4) goals are reached, where that ends an episode."""
        done = goal_reached(achieved_goal, desired_goal) & self.grasping.spec.terminate_on_success
        return bool(done) if np.ndim(achieved_goal) == 1 else done

    def compute_truncated(self, achieved_goal: ArrayLike, desired_goal: ArrayLike, info: Any) -> Any:
        """Return that no goal truncates an episode."""
        return False if np.ndim(achieved_goal) == 1 else np.zeros(len(np.asarray(achieved_goal)), bool)

    def _observe(self) -> dict[str, Any]:
        seen = super()._observe()
        rest = seen if isinstance(seen, dict) else {}
        observed = seen["agent_pos"].copy() if isinstance(seen, dict) else seen
        goals = {"achieved_goal": self.grasping.achieved, "desired_goal": self.grasping.goal.copy()}
        return {**rest, "observation": observed, **goals}

    def _observation_space(self, cameras: list[str]) -> spaces.Space:
        seen = super()._observation_space(cameras)
        rest = dict(seen.spaces) if isinstance(seen, spaces.Dict) else {}
        observed = rest["agent_pos"] if rest else seen
        most = np.array([4, 4, 4, 1], np.float32)
        goal = spaces.Box(-most, most, dtype=np.float32)
        return spaces.Dict({**rest, "observation": observed, "achieved_goal": goal, "desired_goal": goal})


def _space(entries: Any) -> spaces.Space:
    if isinstance(entries, dict):
        return spaces.Dict({name: _space(entry) for name, entry in entries.items()})
    low, high = entries
    return spaces.Box(low, high, dtype=low.dtype)
