"""The recipe of demonstrations: that of the scenes, with what the expert needs and what is to be recorded."""

from __future__ import annotations

from collections.abc import Sequence

import yaml
from pydantic import ValidationError

from graspgen.env.cameras import RECIPE, with_cameras
from graspgen.errors import RecipeError, nearest
from graspgen.grippers.gripper import Gripper, load_gripper
from graspgen.recipe import Recipe
from graspgen.recipe_file import load_recipe

#: Of the recipe's grasps, where it says nothing else: many that hold nominally, and none repeated.
GRASPS = ("grasps.per_object=128", "grasps.draws=0", "grasps.min_friction=false", "grasps.in_scene.per_object=0")
TASKS = ("graspgen/Pick-v0", "graspgen/PickTarget-v0")


def no_jaw(gripper: Gripper) -> str | None:
    """Return what a gripper is that the expert cannot drive, None of a jaw."""
    return "suction gripper" if gripper.suction else "multi-finger hand" if gripper.fingered else None


def demo_recipe(
    recipe: str,
    overrides: Sequence[str] = (),
    *,
    task: str = TASKS[0],
    action_mode: str = "delta7",
    gripper: str | None = None,
    cameras: tuple[str, ...] = (),
    size: int = 84,
    max_steps: int = 100,
    successes: bool = False,
) -> Recipe:
    """Return a recipe whose every scene has one episode.

    Args:
        recipe: name or path of the scenes' recipe.
        overrides: "dotted.key=value" each, on top of all else.
        task: id of the environment.
        action_mode: of its actions.
        gripper: name or path of a jaw; None for the recipe's.
        cameras: that see every step (`graspgen.env.cameras`); none for no images.
        size: height and width of images, px.
        max_steps: longest episode.
        successes: whether only episodes that succeed are stored.

    Raises:
        EnvError: a camera is unknown.
        RecipeError: the recipe, a value of it, or the task is not valid, or the gripper is no jaw.
    """
    if task not in TASKS:
        raise RecipeError(f"there are no demonstrations of '{task}'{nearest(task, TASKS)}")
    # JSON is YAML: names stay what they are.
    own = [] if gripper is None else [f"gripper={yaml.safe_dump(gripper).splitlines()[0]}"]
    loaded = load_recipe(recipe, [*GRASPS, *own, *overrides])
    if other := no_jaw(load_gripper(loaded.gripper)):
        raise RecipeError(f"the expert drives jaws, and {loaded.gripper} is a {other}; take --gripper panda_hand")
    if cameras != (RECIPE,):
        loaded = with_cameras(loaded, cameras or ("front",), (size, size))
    wanted = {
        "per_scene": 1, "task": task.partition("/")[2], "action_mode": action_mode, "max_steps": max_steps,
        "keep": "success" if successes else "all", "images": bool(cameras),
    }  # fmt: skip
    content = loaded.model_dump(mode="json")
    content["demos"] = {**content["demos"], **wanted}
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RecipeError(f"{where}: {first['msg']}, got {first['input']!r}") from None
