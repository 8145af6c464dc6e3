"""What tests of environments share: quick scenes, and labelled grasps of a scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graspgen.env.follow import trial_actions, trial_start
from graspgen.env.spec import TaskSpec
from graspgen.env.task import GraspTask
from graspgen.frames import Array
from graspgen.grasps.scene_trial import SceneTrialResults, try_scene
from graspgen.pipeline.grasping import grasp_scene

#: One or two simple objects.
QUICK = (
    "objects.families={choice: [box, cylinder, sphere]}",
    "scene.objects.count={uniform: [1, 2]}",
    "grasps.per_object=12",
)


def quick_task(**settings) -> GraspTask:
    return GraspTask(TaskSpec(**{"overrides": QUICK, "scenes": 4, **settings}))


def made(name: str, mode: str = "state", **settings):
    """Return a quick environment of an id, by `gymnasium.make`."""
    import gymnasium

    import graspgen.env  # noqa: F401

    given = {"overrides": QUICK, "scenes": 2, "image_size": (24, 32), "points": 64, **settings}
    return gymnasium.make(name, obs_mode=mode, **given)


@dataclass(frozen=True, eq=False)
class Labelled:
    """Grasps of a scene and their in-scene labels."""

    T_world_grasp: Array
    width: Array
    target: np.ndarray
    results: SceneTrialResults


def labelled(task: GraspTask, scene: int, good: int, bad: int) -> Labelled:
    """Label some promising and some other grasps of every object of a scene, as a dataset would."""
    task.reset(np.random.default_rng(0), scene=scene)
    settled, spec = task.place.settled, task.scenes.recipe.grasps
    T, width, target = [], [], []
    for g in grasp_scene(settled, task.gripper, task.profile, spec):
        promising = (g.collision == 0) & g.labelled.results.success
        chosen = np.r_[np.flatnonzero(promising)[:good], np.flatnonzero(~promising)[:bad]]
        instance = g.thing.plan.instance_id
        own = settled.T_world_object[int(np.searchsorted(task.place.ids, instance))]
        T += list(own @ g.labelled.candidates.T_object_grasp[chosen])
        width += list(g.labelled.candidates.width[chosen])
        target += [instance] * len(chosen)
    results = try_scene(settled, task.gripper, task.profile, target, np.array(T), width, approach=spec.approach)
    return Labelled(np.array(T), np.array(width), np.array(target), results)


def play(task: GraspTask, scene: int, T_world_grasp: Array, width: float, target: int, steps: int = 100) -> int:
    """Follow a grasp's trial in the environment; return the outcome's code."""
    task.reset(np.random.default_rng(0), scene=scene)
    T = T_world_grasp.copy()
    T[:3, 3] += task.offset  # of what rides on a belt when the episode begins
    start = trial_start(task, T)
    task.reset(np.random.default_rng(0), scene=scene, target=target, T_world_tool=start, opening=width)
    for action, _ in zip(trial_actions(task, T), range(steps), strict=False):
        if task.step(action).terminated or task.cleared:
            break
    return int(task.judge.outcome[0])
