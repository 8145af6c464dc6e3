"""A contact sheet of a recipe's pictures: what its views will look like, without making a dataset."""

from __future__ import annotations

import numpy as np
from PIL import Image

from graspgen.dataset.schema import DEPTH_SCALE
from graspgen.labels.overlay import Picture, contact_sheet
from graspgen.objects.library import open_catalogue
from graspgen.pipeline.look_images import check_images, open_images
from graspgen.pipeline.overlay_sheet import depth_picture, depth_span
from graspgen.pipeline.view_tables import stored_depth
from graspgen.recipe import Recipe
from graspgen.render.sensors.sense import sense
from graspgen.render.views import check_engines, render_scene
from graspgen.scene.make import settled_scene

_WIDTH = 320


def sheet_of(recipe: Recipe, scenes: int = 6, per_scene: int = 2, seed: int = 0, columns: int = 4) -> Picture:
    """Render the first views of the first scenes of a run, side by side.

    Args:
        recipe: what to show; grasps are left out.
        scenes, per_scene: how many scenes, and views of each; per_scene is at most what the recipe has.
        seed: the run's.
        columns: of the sheet.

    Returns:
        (H, W, 3) uint8.

    Raises:
        GraspgenError: a scene cannot be made or rendered.
    """
    check_images(recipe.render)
    check_engines(recipe.render)
    catalogue, images, render = open_catalogue(recipe.objects, seed), open_images(recipe.render, None), recipe.render
    tiles, captions = [], []
    for index in range(scenes):
        world = settled_scene(recipe, catalogue, seed, index).world
        seen = render_scene(world, shadow_size=render.shadow_size, images=images, fallback=render.fallback)
        for view, image in list(zip(world.plan.views, seen, strict=True))[:per_scene]:
            tiles.append(_small(image.rgb))
            captions.append(f"scene {index}: {view.preset or 'recipe'}, {image.engine}")
            if view.sensor is not None:
                depth = stored_depth(image.depth) * np.float32(DEPTH_SCALE)
                z, _ = sense(view.sensor, depth, view.K, view.distortion, image.rgb, image.instances)
                tiles.append(_small(depth_picture(z, depth_span(depth))))
                captions.append(f"scene {index}: {view.sensor.profile}")
    return contact_sheet(tiles, min(columns, len(tiles)), captions)


def _small(rgb: Picture) -> Picture:
    height = max(1, round(rgb.shape[0] * _WIDTH / rgb.shape[1]))
    return np.asarray(Image.fromarray(rgb).resize((_WIDTH, height), Image.Resampling.LANCZOS))
