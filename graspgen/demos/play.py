"""Episodes of a settled scene, played by the expert and recorded: observations, actions, rewards, poses, images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.record import Columns
from graspgen.demos.expert import Expert
from graspgen.demos.labels import labels_of
from graspgen.demos.plan import object_poses
from graspgen.demos.recipe import no_central
from graspgen.env.images import Eyes, Shot
from graspgen.env.registration import IDS
from graspgen.env.spec import TaskSpec
from graspgen.env.task import GraspTask
from graspgen.errors import RecipeError
from graspgen.frames import Array, pose
from graspgen.recipe import Demos, Recipe
from graspgen.scene.world import SettledScene
from graspgen.streams import Purpose, stream

#: Numbers of a stored action; those that a mode has not are NaN.
ACTION = 7


@dataclass(frozen=True, eq=False)
class Start:
    """How an episode begins: pose of the tool point, world frame, opening, m, and instance id of the target, or −1."""

    T_world_tool: Array
    opening: float
    target: int


@dataclass(frozen=True, eq=False)
class Played:
    """n actions and n + 1 observations of an episode among k objects; columns as those of `steps`.

    Attributes:
        start: how it began.
        description: the task in words.
        grasp: key of the grasp that was followed last, −1 for none or one of the expert's own; of a multi-finger hand,
            whose joints are those of its grasp from the start, also if it has given up.
        attempts: grasps that were followed.
        success: whether the task was done.
        outcome: code of the last attempt that is over.
        steps: columns of `steps` but the keys, (n + 1, …) each.
        T_world_object: (n + 1, k, 4, 4).
        state: (n + 1, k, 17).
        images: of n + 1 moments, what each camera saw; empty where none is wanted.
    """

    start: Start
    description: str
    grasp: int
    attempts: int
    success: bool
    outcome: int
    steps: dict[str, NDArray]
    T_world_object: Array
    state: NDArray[np.float32]
    images: Sequence[Sequence[Shot]]

    def __len__(self) -> int:
        return len(self.steps["time"]) - 1


def play_scene(recipe: Recipe, seed: int, settled: SettledScene, grasps: Columns) -> list[Played]:
    """Play the episodes that a recipe wants of a scene, and return those that are to be kept.

    Args:
        recipe: of the scene.
        seed: of its run.
        settled: the scene.
        grasps: its rows of `grasps`.

    Raises:
        RecipeError: it wants central grasps of no jaw.
        RenderError: images are wanted, and no OpenGL backend works here.
    """
    demos = recipe.demos
    if not demos.per_scene or not len(settled.world.targets):
        return []
    task = demo_task(recipe.model_dump_json(), seed)
    task.scenes.put(settled)
    plan, played = settled.world.plan, []
    labels = labels_of(grasps, np.array([o.plan.instance_id for o in settled.world.objects], np.int64))
    eyes = Eyes(demos.shadow_size) if demos.images else None
    try:
        for number in range(demos.per_scene):
            key = (seed, Purpose.DEMOS, *plan.grasp_stream, number)
            task.reset(stream(*key), scene=plan.index)
            expert = Expert(task, labels, demos.choose == "central")
            if expert.plan is not None and expert.plan.fingers is not None:
                # The joints of a hand are said when an episode begins, so it begins again with those of its grasp.
                task.reset(stream(*key), scene=plan.index, fingers=expert.plan.fingers)
            one = play(task, expert, demos, eyes)
            if one.success or demos.keep == "all":
                played.append(one)
    finally:
        if eyes is not None:
            eyes.close()
    return played


@lru_cache(maxsize=1)
def demo_task(recipe: str, seed: int) -> GraspTask:
    """Return the task that the demonstrations of a recipe, as JSON, are played in.

    Raises:
        RecipeError: it wants central grasps of no jaw.
    """
    loaded = Recipe.model_validate_json(recipe)
    demos = loaded.demos
    spec = TaskSpec(
        recipe=loaded, goal="target" if demos.task.startswith("PickTarget") else "any", action_mode=demos.action_mode,
        reward_mode=demos.reward_mode, run_seed=seed, cameras=("recipe",), keep=1,
    )  # fmt: skip
    task = GraspTask(spec, views=demos.images)
    if why := no_central(task.gripper, demos):
        raise RecipeError(why)
    return task


def play(task: GraspTask, expert: Expert, demos: Demos, eyes: Eyes | None = None) -> Played:
    """Play an episode of a task that was just reset, and record it."""
    hand = task.gripper
    start = Start(
        pose(task.told[1][0], task.told[0][0]),
        float(task.moment.opening[0] if hand.fingered else hand.file.stroke),
        int(task.place.ids[task.target]) if task.spec.goal == "target" else -1,
    )  # fmt: skip
    followed, record = -1, _Record(task, eyes)
    record.look()
    for number in range(demos.max_steps):
        action = expert.act()
        if expert.plan is not None or not hand.fingered:
            followed = -1 if expert.plan is None else max(expert.plan.key, -1)
        done = task.step(action)
        record.did(action, done.reward, done.terminated, number + 1 == demos.max_steps and not done.terminated)
        record.look()
        if done.terminated:
            break
    return Played(
        start, task.task_description, followed, expert.attempts,
        bool(task.success), int(task.judge.outcome[0]), record.columns(), np.stack(record.poses),
        np.stack(record.states), record.images,
    )  # fmt: skip


def play_actions(
    task: GraspTask, actions: NDArray[np.float32]
) -> tuple[dict[str, NDArray], Array, NDArray[np.float32]]:
    """Do (n, numbers) actions in a task that was just reset; return the columns, poses and states of `Played`."""
    record = _Record(task, None)
    record.look()
    for action in actions:
        done = task.step(action)
        record.did(action, done.reward, done.terminated, False)
        record.look()
    return record.columns(), np.stack(record.poses), np.stack(record.states)


class _Record:
    """Notes what is seen and done."""

    def __init__(self, task: GraspTask, eyes: Eyes | None) -> None:
        self._task, self._eyes, self._k = task, eyes, len(task.place.ids)
        self._seen: list[dict[str, object]] = []
        self._done: list[tuple] = []
        self.poses: list[Array] = []
        self.states: list[NDArray[np.float32]] = []
        self.images: list[list[Shot]] = []

    def look(self) -> None:
        """Note how things are."""
        task = self._task
        around = task.environment_state()
        now = task.moment
        self._seen.append(
            {
                "time": float(task.sim.data.time),
                "T_world_tool": pose(now.R[0], now.x[0] + task.offset),
                "agent_pos": task.agent_pos(),
                "held": bool(around[0]),
                "rise": around[1],
            }
        )
        T = object_poses(task)
        T[:, :3, 3] += task.offset
        self.poses.append(T)
        self.states.append(around[2:].reshape(-1, 17)[: self._k].copy())
        if self._eyes is not None:
            frame = len(self._seen) - 1
            self.images.append(self._eyes.look(task.place, task.offset, (now.x[0], now.R[0]), frame))

    def did(self, action: NDArray[np.float32], reward: float, terminated: bool, truncated: bool) -> None:
        """Note an action and what came of it."""
        numbers = np.full(ACTION, np.nan, np.float32)
        numbers[: len(action)] = action
        self._done.append((numbers, float(reward), bool(terminated), bool(truncated), bool(self._task.success)))

    def columns(self) -> dict[str, NDArray]:
        """Return the columns of `steps`; the last row is the end."""
        names = ("action", "reward", "terminated", "truncated", "success")
        last = self._done[-1][2:] if self._done else (False, False, False)
        rows = [*self._done, (np.full(ACTION, np.nan, np.float32), np.nan, *last)]
        found = {name: np.array([seen[name] for seen in self._seen]) for name in self._seen[0]}
        return found | {name: np.array([row[i] for row in rows]) for i, name in enumerate(names)}


def task_id(demos: Demos) -> str:
    """Return the id of the environment that demonstrations are of."""
    name = f"graspgen/{demos.task}"
    assert name in IDS
    return name
