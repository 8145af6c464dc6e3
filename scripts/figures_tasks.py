"""Make the pictures of the tasks in the documentation, each by its recipe alone: `python scripts/figures_tasks.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from graspgen.objects.library import open_catalogue
from graspgen.recipe_file import load_recipe
from graspgen.render.opengl import render_views
from graspgen.scene.make import settled_scene

TASKS = ("single", "tabletop", "pile", "packed", "bin", "shelf", "stack", "tray", "conveyor")
SEED, SCENES = 11, 3
#: Width and height of a tile, px: views are rendered at twice that.
TILE = (360, 270)


def task_picture(task: str) -> Image.Image:
    """Show the first view of each of the first scenes of a task, side by side."""
    recipe = load_recipe(task, [f"views.width={2 * TILE[0]}", f"views.height={2 * TILE[1]}", "views.per_scene=1"])
    catalogue = open_catalogue(recipe.objects, SEED)
    tiles = []
    for index in range(SCENES):
        view = render_views(settled_scene(recipe, catalogue, SEED, index).world, shadow_size=2048)[0]
        tiles.append(np.asarray(Image.fromarray(view.rgb).resize(TILE, Image.Resampling.LANCZOS)))
    return Image.fromarray(np.concatenate(tiles, axis=1))


def main() -> None:
    folder = Path(__file__).resolve().parent.parent / "docs" / "images"
    folder.mkdir(exist_ok=True)
    for task in sys.argv[1:] or TASKS:
        path = folder / f"task_{task}.jpg"
        task_picture(task).save(path, quality=85, optimize=True)
        print(path.name, f"{path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
