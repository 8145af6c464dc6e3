"""Draw the picture of distractors in the documentation: `python scripts/figures_distractors.py`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from graspgen.labels.overlay import Picture, colour_of, contact_sheet
from graspgen.objects.library import run_catalogue
from graspgen.recipe_file import load_recipe
from graspgen.render.opengl import render_views
from graspgen.scene.make import settled_scene
from graspgen.scene.world import World

IMAGE = Path(__file__).parents[1] / "docs/images/distractors.jpg"
#: A scene that shows both kinds; chosen by eye.
SEED, SCENES = 2, (0, 2)
GREY = (120, 120, 125)


def mask_picture(world: World, instances: np.ndarray) -> Picture:
    """Colour targets by their ids and contextual distractors grey; what is 0 stays black."""
    picture = np.zeros((*instances.shape, 3), np.uint8)
    for o in world.objects:
        i = o.plan.instance_id
        picture[instances == i] = colour_of(i) if o.plan.role == "target" else GREY
    return picture


def main() -> None:
    """Write the picture."""
    recipe = load_recipe("distractors", ["views.per_scene=1", "views.width=480", "views.height=360"])
    catalogue = run_catalogue(recipe, SEED)
    tiles, captions = [], []
    for index in SCENES:
        settled = settled_scene(recipe, catalogue, SEED, index)
        (image,) = render_views(settled.world, shadow_size=2048)
        tiles += [image.rgb, mask_picture(settled.world, image.instances)]
        shown = image.flying.shown
        captions += [
            f"{len(settled.world.targets)} targets, {shown.sum()} of {len(shown)} flying shown",
            "ids: targets coloured, contextual grey, flying 0",
        ]
    Image.fromarray(contact_sheet(tiles, 2, captions)).save(IMAGE, quality=85)


if __name__ == "__main__":
    main()
