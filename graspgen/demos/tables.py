"""Rows of the tables of episodes."""

from __future__ import annotations

import numpy as np

from graspgen.dataset.coded import colour_images
from graspgen.dataset.record import Columns, columns, no_rows
from graspgen.dataset.schema import episode_key, object_key, step_key, view_key
from graspgen.demos.play import Played, play_scene, task_id
from graspgen.pipeline.shared_tables import stack
from graspgen.pipeline.view_tables import stored_depth
from graspgen.recipe import Recipe
from graspgen.scene.world import SettledScene

TABLES = ("episodes", "steps", "step_objects", "step_views")


def episode_tables(settled: SettledScene, recipe: Recipe, seed: int, grasps: Columns) -> dict[str, Columns]:
    """Play the episodes of a scene and build their rows.

    Args:
        settled: the scene.
        recipe, seed: of its run.
        grasps: its rows of `grasps`.

    Raises:
        RecipeError: the recipe wants central grasps of no jaw.
        RenderError: images are wanted, and no OpenGL backend works here.
    """
    parts = [{table: no_rows(table, recipe.views.height, recipe.views.width) for table in TABLES}]
    first = 0
    for number, played in enumerate(play_scene(recipe, seed, settled, grasps)):
        parts.append(_rows(settled, recipe, played, number, first))
        first += len(played) + 1
    return {
        table: {name: np.concatenate([p[table][name] for p in parts]) for name in parts[0][table]} for table in TABLES
    }


def _rows(settled: SettledScene, recipe: Recipe, played: Played, number: int, first: int) -> dict[str, Columns]:
    scene, key = settled.world.plan.index, episode_key(settled.world.plan.index, number)
    n = len(played) + 1
    steps = np.array([step_key(scene, first + i) for i in range(n)], np.int64)
    things = np.array([object_key(scene, o.plan.instance_id) for o in settled.world.objects], np.int64)
    target = played.start.target
    return {
        "episodes": columns(
            "episodes",
            1,
            id=key,
            scene=scene,
            task=task_id(recipe.demos),
            description=played.description,
            action_mode=recipe.demos.action_mode,
            target=-1 if target < 0 else object_key(scene, target),
            T_world_tool=played.start.T_world_tool,
            opening=played.start.opening,
            grasp=played.grasp,
            attempts=played.attempts,
            length=len(played),
            success=played.success,
            outcome=played.outcome,
            total_reward=float(np.nansum(played.steps["reward"])),
        ),
        "steps": columns("steps", n, id=steps, episode=key, **played.steps),
        "step_objects": columns(
            "step_objects",
            n * len(things),
            step=np.repeat(steps, len(things)),
            object=np.tile(things, n),
            T_world_object=played.T_world_object.reshape(-1, 4, 4),
            state=played.state.reshape(-1, 17),
        ),
        "step_views": _view_rows(settled, recipe, played, steps),
    }


def _view_rows(settled: SettledScene, recipe: Recipe, played: Played, steps: np.ndarray) -> Columns:
    if not played.images:
        return no_rows("step_views", recipe.views.height, recipe.views.width)
    scene, cameras = settled.world.plan.index, len(played.images[0])
    shots = [shot for moment in played.images for shot in moment]
    size = (recipe.views.height, recipe.views.width)
    return columns(
        "step_views",
        len(shots),
        step=np.repeat(steps, cameras),
        view=np.tile(np.array([view_key(scene, v) for v in range(cameras)], np.int64), len(steps)),
        camera=[shot.name for shot in shots],
        K=stack([shot.K for shot in shots], (3, 3)),
        T_world_camera=stack([shot.T_world_camera for shot in shots], (4, 4)),
        rgb=colour_images([shot.rgb for shot in shots], size, recipe.storage.quality),
        depth=stack([stored_depth(shot.depth) for shot in shots], size),
        instances=stack([shot.instances for shot in shots], size),
    )
