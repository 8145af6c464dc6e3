"""An episode that the expert played, as arrays: observations, actions, rewards, poses, and the rows of its images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.tables import TableReader
from graspgen.frames import Array


@dataclass(frozen=True, eq=False)
class Episode:
    """n actions, and n + 1 observations: before each, and at the end. k objects; world frame, SI units.

    Attributes:
        key, scene: keys.
        task, description, action_mode: what was to be done, and how.
        success: whether it was.
        steps: (n + 1,) keys.
        time: (n + 1,) s.
        T_world_tool: (n + 1, 4, 4).
        agent_pos: (n + 1, 17).
        environment_state: (n + 1, 2 + 17 k), as the environment with k rows of objects tells it.
        action: (n, numbers) in −1…1.
        reward: (n,).
        terminated, truncated: (n,).
        objects: (k,) keys, ascending.
        T_world_object: (n + 1, k, 4, 4).
        images: camera → (n + 1,) rows of `step_views`.
    """

    key: int
    scene: int
    task: str
    description: str
    action_mode: str
    success: bool
    steps: NDArray[np.int64]
    time: Array
    T_world_tool: Array
    agent_pos: NDArray[np.float32]
    environment_state: NDArray[np.float32]
    action: NDArray[np.float32]
    reward: Array
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    objects: NDArray[np.int64]
    T_world_object: Array
    images: Mapping[str, NDArray[np.int64]]

    def __len__(self) -> int:
        return len(self.action)

    def observations(self, rows: int) -> NDArray[np.float32]:
        """(n + 1, 19 + 17 rows) what `obs_mode="state"` tells, with so many rows of objects; those missing are 0.

        Raises:
            ValueError: there are more objects.
        """
        k = len(self.objects)
        if rows < k:
            raise ValueError(f"the episode has {k} objects, {rows} rows do not hold them")
        pad = np.zeros((len(self.steps), 17 * (rows - k)), np.float32)
        return np.concatenate([self.agent_pos, self.environment_state, pad], axis=1)


def read_episode(tables: Mapping[str, TableReader], episode: int) -> Episode:
    """Gather an episode.

    Args:
        tables: of the dataset.
        episode: its key.

    Raises:
        KeyError: there is none of that key.
    """
    told = tables["episodes"].rows(np.array([tables["episodes"].index_of(episode)]))
    rows = np.flatnonzero(tables["steps"]["episode"] == episode)
    steps = tables["steps"].rows(rows)
    keys = steps["id"]
    things = tables["step_objects"].rows(_rows(tables["step_objects"], keys))
    shots = _rows(tables["step_views"], keys)
    cameras = tables["step_views"]["camera"][shots]
    shape, n = (len(keys), -1), len(keys) - 1
    around = np.concatenate(
        [steps["held"][:, None], steps["rise"][:, None], things["state"].reshape(shape)], axis=1, dtype=np.float32
    )
    action = steps["action"][:n]
    return Episode(
        key=int(episode),
        scene=int(told["scene"][0]),
        task=str(told["task"][0]),
        description=str(told["description"][0]),
        action_mode=str(told["action_mode"][0]),
        success=bool(told["success"][0]),
        steps=keys,
        time=steps["time"],
        T_world_tool=steps["T_world_tool"],
        agent_pos=steps["agent_pos"],
        environment_state=around,
        action=action[:, ~np.isnan(action).all(axis=0)] if n else action,
        reward=steps["reward"][:n],
        terminated=steps["terminated"][:n],
        truncated=steps["truncated"][:n],
        objects=things["object"].reshape(shape)[0],
        T_world_object=things["T_world_object"].reshape(*shape, 4, 4),
        images={str(name): shots[cameras == name] for name in dict.fromkeys(cameras)},
    )


def _rows(table: TableReader, steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows that belong to steps, whose keys follow each other."""
    return np.arange(*np.searchsorted(table["step"], [steps[0], steps[-1] + 1]))
