"""Draw the pictures of docs/cameras.md: `python scripts/figures_cameras.py` writes docs/images/{cameras,layers}.jpg."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import graspgen
from graspgen.labels.overlay import contact_sheet
from graspgen.pipeline.overlay_sheet import write_overlay
from graspgen.pipeline.run import generate
from graspgen.recipe_file import load_recipe

IMAGES = Path(__file__).parents[1] / "docs/images"
OBJECTS = ["mug", "hammer", "bottle", "wine_glass", "knife", "bowl", "carton"]
SEED, TILE = 2, (320, 240)


def main() -> None:
    chosen = f"objects.families={{choice: [{', '.join(OBJECTS)}]}}"
    recipe = load_recipe("rig", [chosen, "scene.objects.count=6", "grasps.per_object=2"])
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "rig"
        generate(recipe, out, 1, SEED, 1, quiet=True)
        with graspgen.open(out) as ds:
            tiles = [
                np.asarray(Image.fromarray(ds.rgb(v)).resize(TILE, Image.Resampling.LANCZOS))
                for v in range(len(ds.views))
            ]
            names = list(ds.views["camera"])
        Image.fromarray(contact_sheet(tiles, 4, names)).save(IMAGES / "cameras.jpg", quality=82)
        write_overlay(out, 0, IMAGES / "layers.jpg")


if __name__ == "__main__":
    main()
