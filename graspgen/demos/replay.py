"""Play a stored episode's actions again, and compare what is seen with what is stored, to the last bit."""

from __future__ import annotations

import numpy as np

from graspgen.dataset.reader import Dataset
from graspgen.demos.play import demo_task, play_actions
from graspgen.env.task import GraspTask
from graspgen.grasps.candidates import unpacked
from graspgen.pipeline.stored import stored_recipe
from graspgen.pipeline.stored_scene import stored_scene
from graspgen.scene.world import SettledScene

#: Columns of `steps` that are compared.
COMPARED = ("time", "T_world_tool", "agent_pos", "held", "rise", "reward", "terminated", "success")


def replay_episode(dataset: Dataset, episode: int, settled: SettledScene | None = None) -> list[str]:
    """Return the names, "table.column", of what differs when an episode's actions are done again.

    Args:
        dataset: that holds the episode.
        episode: its key.
        settled: its scene, None to build it from the rows.

    Raises:
        GraspgenError: this graspgen cannot use the dataset's recipe, objects or gripper.
        KeyError: there is no such episode.
    """
    stored, row = dataset.episode(episode), dataset.episodes.index_of(episode)
    task = demo_task(stored_recipe(dataset).model_dump_json(), int(dataset.attrs["seed"]))
    task.scenes.put(stored_scene(dataset, stored.scene) if settled is None else settled)
    _reset(task, dataset, row, stored.scene)
    columns, poses, states = play_actions(task, stored.action)
    steps = np.flatnonzero(dataset.steps["episode"] == episode)
    kinds = {name: dataset.steps[name][steps] for name in COMPARED}
    differs = [f"steps.{n}" for n, v in kinds.items() if not _same(v, np.asarray(columns[n]).astype(v.dtype))]
    k = len(stored.objects)
    around = np.array(stored.environment_state[:, 2:]).reshape(len(steps), k, -1)
    if not _same(stored.T_world_object, poses):
        differs.append("step_objects.T_world_object")
    if not _same(around, states):
        differs.append("step_objects.state")
    return differs


def _reset(task: GraspTask, dataset: Dataset, row: int, scene: int) -> None:
    target, grasp = int(dataset.episodes["target"][row]), int(dataset.episodes["grasp"][row])
    opening: dict[str, object] = {"opening": float(dataset.episodes["opening"][row])}
    if task.gripper.fingered:
        # The joints of a hand are those of its grasp; the opening follows from them.
        stored = None if grasp < 0 else dataset.grasps["fingers"][[dataset.grasps.index_of(grasp)]]
        opening = {"fingers": None if stored is None else unpacked(stored)[0]}
    task.reset(
        np.random.default_rng(0), scene=scene, target=None if target < 0 else target & 0xFFFF,
        T_world_tool=dataset.episodes["T_world_tool"][row], **opening,
    )  # fmt: skip


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
