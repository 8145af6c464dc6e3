"""The dm_env face of the grasping task: a `dm_control.rl.control.Task` in a `control.Environment`.

Of dm_control only `rl.control` is used, which stands on no simulator: its own `Physics` (suite, composer, mjcf) does
not work with this MuJoCo. Needs dm_control: `pip install 'graspgen[dm]'`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.env.errors import EnvError
from graspgen.env.registration import IDS
from graspgen.env.senses import Senses
from graspgen.env.task import GraspTask, Step
from graspgen.errors import nearest

try:
    import dm_env
    from dm_control.rl import control
    from dm_env import specs
except ModuleNotFoundError as error:
    # dm_control names labmaze, which has no wheel for Python 3.13 and later, and which is not used here.
    alone = " && pip install --no-deps dm_control" if sys.version_info >= (3, 13) else ""
    raise EnvError(f"the dm_env face needs {error.name}: pip install 'graspgen[dm]'{alone}") from error


class GraspPhysics(control.Physics):
    """The simulation of a task's present scene.

    Attributes:
        task: it; its `sim.model` and `sim.data` are MuJoCo's.
        done: what the last control step came to, None before the first.
    """

    def __init__(self, task: GraspTask) -> None:
        self.task, self.done = task, None
        self._action: NDArray | None = None
        self._begun = False

    def set_control(self, control: ArrayLike) -> None:
        """Set the action of the next control step."""
        self._action = np.array(control, float)

    def step(self, n_sub_steps: int = 1) -> None:
        """Do a control step; it has as many substeps as the task says."""
        if n_sub_steps != self.task.chunk:
            raise EnvError(f"a control step of this task has {self.task.chunk} substeps, not {n_sub_steps}")
        if self._action is None:
            raise EnvError("there is no action to do; call set_control first")
        self.done: Step | None = self.task.step(self._action)

    def time(self) -> float:
        """Return the simulated time of the episode, s."""
        return float(self.task.sim.data.time) if self.task.place is not None else 0.0

    def timestep(self) -> float:
        """Return the simulation's step, s."""
        return self.task.profile.option.timestep

    def reset(self) -> None:
        """Forget the last episode; the task begins the next one."""
        self.done = self._action = None

    def after_reset(self) -> None:
        """Nothing is left to do: an episode begins with all that is derived up to date."""


class DmGraspTask(control.Task):
    """The task, as `control.Environment` drives it; what is not given to `options` is drawn at each reset.

    Attributes:
        options: of the next resets: `recipe`, `scene`, `target`, `T_world_tool`, `opening`, `fingers`, as of
            the Gymnasium face.
    """

    def __init__(self, senses: Senses, random: int | np.random.Generator | None = None) -> None:
        self._senses, self._rng = senses, np.random.default_rng(random)
        self.options: dict[str, Any] = {}
        self._first = True

    def initialize_episode(self, physics: GraspPhysics) -> None:
        """Begin an episode in a scene."""
        physics.task.reset(self._rng, **self.options)
        self._first = True

    def before_step(self, action: ArrayLike, physics: GraspPhysics) -> None:
        """Set the action."""
        physics.set_control(action)
        self._first = False

    def action_spec(self, physics: GraspPhysics) -> specs.BoundedArray:
        """Return the specification of an action."""
        return specs.BoundedArray((physics.task.action_size,), np.float32, -1.0, 1.0, name="action")

    def observation_spec(self, physics: GraspPhysics) -> dict[str, specs.BoundedArray]:
        """Return the specification of an observation; entries of dictionaries are named "pixels/front"."""
        return {
            name: specs.BoundedArray(low.shape, low.dtype, low, high, name=name)
            for name, (low, high) in _flat(self._senses.bounds()).items()
        }

    def get_observation(self, physics: GraspPhysics) -> dict[str, NDArray]:
        """Return an observation."""
        if self._first:
            self._senses.begin()
        else:
            self._senses.next()
        return _flat(self._senses.observation())

    def get_reward(self, physics: GraspPhysics) -> float:
        """Return the reward of the last control step."""
        return physics.done.reward

    def get_termination(self, physics: GraspPhysics) -> float | None:
        """Return the discount 0 where the episode is over by itself; a time limit leaves it 1."""
        return 0.0 if physics.done.terminated else None

    def info(self) -> dict[str, Any]:
        """Return what the Gymnasium face's info says."""
        return self._senses.tasks.info(0)


def load(
    name: str = "graspgen/Pick-v0",
    *,
    obs_mode: str = "state_dict",
    random: int | np.random.Generator | None = None,
    time_limit: float | None = None,
    **settings: Any,
) -> dm_env.Environment:
    """Return the task of a Gymnasium id as a `dm_env.Environment`.

    Args:
        name: the id, but for GraspPose, which has no steps.
        obs_mode: as of the Gymnasium face; observations are flat dictionaries.
        random: seed of what resets draw, or a generator.
        time_limit: s; None for the id's own.
        settings: fields of `graspgen.env.spec.TaskSpec`, on top of the id's.

    Raises:
        EnvError: the id is unknown or has no steps, or a setting is not valid.
    """
    known = [i for i, (_, steps, _) in IDS.items() if steps > 1]
    if name not in known:
        raise EnvError(f"there is no task {name!r} with steps{nearest(name, known)}")
    _, steps, own = IDS[name]
    senses = Senses(obs_mode, {**own, **settings})
    task = GraspTask(senses.tasks.spec, many=senses.tasks)
    limit = steps * task.period if time_limit is None else time_limit
    return control.Environment(
        GraspPhysics(task), DmGraspTask(senses, random), time_limit=limit, n_sub_steps=task.chunk
    )


def _flat(entries: Any, at: str = "") -> dict[str, Any]:
    """Return the entries of dictionaries in dictionaries, their names joined; a single one is called "state"."""
    if not isinstance(entries, Mapping):
        return {"state": entries}
    found: dict[str, Any] = {}
    for name, value in entries.items():
        if isinstance(value, Mapping):
            found.update(_flat(value, f"{at}{name}/"))
        else:
            found[f"{at}{name}" or "state"] = value
    return found
