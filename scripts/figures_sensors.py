"""Draw the picture of docs/sensors.md: one view as several depth sensors report it."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image

from graspgen.dataset.schema import DEPTH_SCALE
from graspgen.labels.overlay import contact_sheet
from graspgen.objects.library import open_catalogue
from graspgen.pipeline.overlay_sheet import depth_picture, depth_span, reason_picture
from graspgen.pipeline.view_tables import stored_depth
from graspgen.recipe_file import load_recipe
from graspgen.render.sensors.sense import sense
from graspgen.render.views import render_scene
from graspgen.scene.make import settled_scene

SENSORS = ("realsense_d435", "azure_kinect", "kinect_v1", "structured_light")
SETTINGS = (
    "views.per_scene=1", "views.elevation_deg=45", "views.azimuth_deg=20", "views.radius=0.75",
    "scene.objects.count=6", "scene.objects.spread=0.16",
    "objects.families={choice: [mug, glass, wrench, box, bottle, bowl]}",
)  # fmt: skip


def picture(seed: int) -> Image.Image:
    tiles, captions = [], []
    for name in SENSORS:
        recipe = load_recipe("tabletop", [*SETTINGS, f"views.sensor={name}"])
        world = settled_scene(recipe, open_catalogue(recipe.objects, seed), seed, 0).world
        image, view = render_scene(world)[0], world.plan.views[0]
        assert view.sensor is not None
        clean = stored_depth(image.depth) * np.float32(DEPTH_SCALE)
        depth, why = sense(view.sensor, clean, view.K, view.distortion, image.rgb, image.instances)
        span = depth_span(clean)
        if not tiles:
            tiles += [image.rgb, depth_picture(clean, span), np.full_like(image.rgb, 24)]
            captions += ["colour", "clean depth", ""]
        # A narrow window of depths shows the noise: grey runs from black to white every 4 cm.
        bands = np.where(depth > 0, 40 + 215 * (depth % 0.04 / 0.04), 0).astype(np.uint8)
        tiles += [depth_picture(depth, span), np.repeat(bands[..., None], 3, axis=2), reason_picture(why)]
        lost = "lost: shadow blue, grazing yellow, dark brown, shine orange"
        captions += [name, "the same, grey repeats every 4 cm", lost]
    small = [np.asarray(Image.fromarray(t).resize((400, 300), Image.Resampling.NEAREST)) for t in tiles]
    return Image.fromarray(contact_sheet(small, 3, captions))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images/sensors.jpg"))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    drawn = picture(arguments.seed)
    for quality in (85, 75, 65, 55, 45):
        data = io.BytesIO()
        drawn.save(data, "JPEG", quality=quality, optimize=True)
        if data.tell() < 295_000:
            break
    arguments.out.write_bytes(data.getvalue())
    print(f"{arguments.out}: {data.tell() / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
