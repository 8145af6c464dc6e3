"""The recipe of demonstrations: that of the scenes, with what the expert needs and what is to be recorded."""

from __future__ import annotations

from collections.abc import Sequence

import yaml
from pydantic import ValidationError

from graspgen.env.cameras import RECIPE, with_cameras
from graspgen.errors import RecipeError, nearest
from graspgen.grippers.gripper import Gripper, load_gripper
from graspgen.recipe import Demos, Recipe
from graspgen.recipe_file import load_recipe

#: Of the recipe's grasps, where it says nothing else: many that hold nominally, and none repeated.
GRASPS = ("grasps.per_object=128", "grasps.draws=0", "grasps.min_friction=false", "grasps.in_scene.per_object=0")
#: Longest episode, and that of multi-finger hands, which turn further and close more slowly.
LONGEST = (100, 160)
TASKS = ("graspgen/Pick-v0", "graspgen/PickTarget-v0")


def no_central(gripper: Gripper, demos: Demos) -> str | None:
    """Return why a recipe's grasps cannot be central ones; None where they can, or need not be."""
    if demos.choose != "central" or not (gripper.suction or gripper.fingered):
        return None
    kind = "suction gripper" if gripper.suction else "multi-finger hand"
    return f"demos.choose: central grasps are of jaws, and {gripper.name} is a {kind}; take best, or panda_hand"


def demo_recipe(
    recipe: str,
    overrides: Sequence[str] = (),
    *,
    task: str = TASKS[0],
    action_mode: str = "delta7",
    gripper: str | None = None,
    cameras: tuple[str, ...] = (),
    size: int = 84,
    max_steps: int | None = None,
    successes: bool = False,
) -> Recipe:
    """Return a recipe whose every scene has one episode.

    Args:
        recipe: name or path of the scenes' recipe.
        overrides: "dotted.key=value" each, on top of all else.
        task: id of the environment.
        action_mode: of its actions.
        gripper: name or path of one; None for the recipe's.
        cameras: that see every step (`graspgen.env.cameras`); none for no images.
        size: height and width of images, px.
        max_steps: longest episode; None for `LONGEST`.
        successes: whether only episodes that succeed are stored.

    Raises:
        EnvError: a camera is unknown.
        RecipeError: the recipe, a value of it, or the task is not valid, or central grasps are wanted of no jaw.
    """
    if task not in TASKS:
        raise RecipeError(f"there are no demonstrations of '{task}'{nearest(task, TASKS)}")
    # JSON is YAML: names stay what they are.
    own = [] if gripper is None else [f"gripper={yaml.safe_dump(gripper).splitlines()[0]}"]
    loaded = load_recipe(recipe, [*GRASPS, *own, *overrides])
    hand = load_gripper(loaded.gripper)
    if max_steps is None:
        max_steps = LONGEST[hand.fingered]
    if why := no_central(hand, loaded.demos):
        raise RecipeError(why)
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
