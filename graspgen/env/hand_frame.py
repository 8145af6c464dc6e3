"""What eases learning from states: the hand's own frame, steps that last longer, and a reward for progress.

The task is the same in all directions of the table, but its state and its actions are in the world's axes. Seen from
the hand, one direction is all that must be learnt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from graspgen.env.errors import EnvError
from graspgen.env.observe import AGENT, EPISODE, OBJECT
from graspgen.env.rewards import FADE
from graspgen.frames import Array
from graspgen.grasps.scene_path import Stage

#: Names of the numbers, and by how much each is multiplied so that it is about 1: m, m/s and rad/s are small. Axes are
#: the hand's, but z is up: x along the pads, y the closing direction. `top` is the highest point from the tool
#: point; `b` the object's half-axes (direction times half-size); `reach` half of what its box extends along each;
#: `r` the first two columns of its rotation.
FEATURES: dict[str, float] = {
    "height": 5, "opening": 25, "opening_rate": 10, "touch_left": 1, "touch_right": 1, "vx": 4, "vy": 4, "vz": 4,
    "wz": 1, "held": 1, "rise": 10, "dx": 12, "dy": 12, "dz": 12, "top": 12,
    **dict.fromkeys(("b11", "b12", "b13", "b21", "b22", "b23", "b31", "b32", "b33"), 15),
    **dict.fromkeys(("reach_x", "reach_y", "reach_z"), 15),
    **dict.fromkeys(("r11", "r12", "r21", "r22", "r31", "r32"), 1),
    **dict.fromkeys(("object_vx", "object_vy", "object_vz"), 4),
    **dict.fromkeys(("half_x", "half_y", "half_z"), 15),
}  # fmt: skip
_SCALE = np.array(list(FEATURES.values()))
#: What `HandFrame` tells besides, likewise, that one state does not show: whether the fingers are in a close, or a
#: failed attempt is over (they must open before the next); the share of the episode that is left; and from the tool
#: point to where it is told to be.
MEMORY: dict[str, float] = {"closing": 1, "ended": 1, "left": 1, "lag_x": 50, "lag_y": 50, "lag_z": 50}
#: And what says in millimetres and degrees how well the hand is placed, as tanh, since that decides, and is lost among
#: numbers that are about 1 for a decimetre: the way, the height above the top, how wide each side of the hand is open
#: beyond the box, and the turn to where it closes across the shorter of the box's level sides.
FINE: dict[str, float] = {
    "near_x": 100, "near_y": 100, "near_top": 50, "gap_left": 100, "gap_right": 100, "turn": 1, "near_turn": 8,
}  # fmt: skip
_FINE_SCALE = np.array(list(FINE.values()))
_MEMORY_SCALE = np.array(list(MEMORY.values()))
#: Opening that is told as 0, m.
_MIDDLE = 0.04
#: Largest feature.
_MOST = 10.0
_NUMBERS = len(AGENT) + len(EPISODE) + len(OBJECT)


def hand_axes(state: Array) -> Array:
    """(3, 3) rows: x, y and z of the hand's frame, z up, in the world's axes; of a state, a hand that points down."""
    w, x, y, z = state[3:7]
    c, s = 1 - 2 * (x * x + z * z), 2 * (x * y - w * z)  # the hand's y axis is (s, c, …)
    size = np.hypot(s, c)
    s, c = (s / size, c / size) if size > 1e-6 else (0.0, 1.0)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def hand_features(state: ArrayLike) -> NDArray[np.float32]:
    """Return the `FEATURES`, scaled, of a (36,) `state` with one object."""
    state = np.asarray(state, float)
    axes = hand_axes(state)
    agent, thing = state[: len(AGENT)], state[len(AGENT) + len(EPISODE) :]
    first, second, half = thing[5:8], thing[8:11], thing[14:17]
    R = axes @ np.stack([first, second, np.cross(first, second)], axis=1)
    way, reach = axes @ thing[2:5], np.abs(R) @ half
    told = np.concatenate([
        [agent[2], agent[13] - _MIDDLE, agent[14], agent[15], agent[16]], axes @ agent[7:10], [agent[12]],
        state[len(AGENT) : len(AGENT) + len(EPISODE)], way, [way[2] + reach[2]], (R * half).ravel(), reach,
        R[:, :2].ravel(), axes @ thing[11:14], half,
    ])  # fmt: skip
    return (told * _SCALE).clip(-_MOST, _MOST).astype(np.float32)


def fine_features(state: ArrayLike) -> NDArray[np.float32]:
    """Return the `FINE`, scaled, of a (36,) `state` with one object."""
    state = np.asarray(state, float)
    axes, thing = hand_axes(state), state[len(AGENT) + len(EPISODE) :]
    first, second, half = thing[5:8], thing[8:11], thing[14:17]
    R = axes @ np.stack([first, second, np.cross(first, second)], axis=1)
    way, reach = axes @ thing[2:5], np.abs(R) @ half
    level = np.argsort(np.abs(R[2]))[:2]
    across = R[:, level[np.argmin(half[level])]]
    turn = (np.arctan2(across[1], across[0]) + np.pi) % np.pi - np.pi / 2  # from the closing direction
    spare = state[13] / 2 - reach[1]
    told = np.array([way[0], way[1], way[2] + reach[2], spare + way[1], spare - way[1], turn, turn])
    return np.tanh(told * _FINE_SCALE).astype(np.float32)


class HandFrame(gymnasium.Wrapper):
    """A grasping environment with one object, seen from a hand that points down.

    Observations are `FEATURES`; `MEMORY`, with which what comes next depends on nothing that is not told; and `FINE`.
    The first two numbers of an action move along the hand's x and y. An action is repeated for some control steps. Its
    reward is γ Φ' − Φ, where Φ is the dense reward before and Φ' after it, 0 where the episode ends without success:
    what is gained, so that nothing is earned by staying where it is good (Ng, Harada, Russell, ICML 1999). Its
    discounted sum over an episode is 4 γⁿ for a success after n actions and 0 for a failure, less the first Φ. The time
    left is told, so the end of the time is an end like others: learners should not look beyond it.

    Args:
        env: with `obs_mode="state"`, `reward_mode="dense"`, one object, and `delta4` or `delta5` actions.
        repeat: control steps of an action.
        discount: γ, of an action.

    Raises:
        EnvError: it is another environment.
    """

    def __init__(self, env: gymnasium.Env, repeat: int = 3, discount: float = 0.97) -> None:
        super().__init__(env)
        spec = env.unwrapped.grasping.spec
        if env.observation_space.shape != (_NUMBERS,) or spec.goal == "all":
            raise EnvError('HandFrame takes one object: obs_mode="state" of a recipe with one, such as "single"')
        if spec.action_mode not in ("delta4", "delta5") or spec.reward_mode != "dense":
            raise EnvError('HandFrame takes action_mode "delta4" or "delta5", and reward_mode "dense"')
        self.repeat, self.discount = repeat, discount
        self.observation_space = spaces.Box(-_MOST, _MOST, (len(FEATURES) + len(MEMORY) + len(FINE),), np.float32)
        self._longest, self._steps = _longest(env), 0

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode, as of the environment."""
        state, info = self.env.reset(seed=seed, options=options)
        self.axes = hand_axes(state)
        self._steps = 0
        offset = len(AGENT) + len(EPISODE) + 2
        self._level = 1 - np.tanh(FADE * np.linalg.norm(state[offset : offset + 3]))
        return self._seen(state), info

    def step(self, action: ArrayLike) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Do an action for `repeat` control steps, or until the episode ends."""
        action = np.array(action, np.float32)
        action[:2] = action[:2] @ self.axes[:2, :2]
        for _ in range(self.repeat):
            state, level, over, late, info = self.env.step(action.clip(-1, 1))
            self._steps += 1
            if over or late:
                break
        if (over or late) and not info["is_success"]:
            level = 0.0
        gained, self._level = self.discount * level - self._level, level
        self.axes = hand_axes(state)
        return self._seen(state), float(gained), over, late, info

    def _seen(self, state: Array) -> NDArray[np.float32]:
        task = self.env.unwrapped.grasping
        stage, lag = int(task.judge.stage[0]), self.axes @ (task.told[0][0] - task.moment.x[0] - task.offset)
        told = np.array([stage == Stage.CLOSE, stage == Stage.ENDED, 1 - self._steps / self._longest, *lag])
        memory = np.nan_to_num(told * _MEMORY_SCALE).clip(-_MOST, _MOST).astype(np.float32)
        return np.concatenate([hand_features(state), memory, fine_features(state)])


def _longest(env: gymnasium.Env) -> float:
    """Return how many control steps an episode has at most."""
    return (env.spec.max_episode_steps if env.spec is not None else None) or np.inf
