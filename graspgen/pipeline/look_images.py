"""The user's images of a run: found at its start, kept with the dataset, and named by its views."""

from __future__ import annotations

import json
from pathlib import Path

from graspgen.dataset.check_looks import images_of, looks_of_plan
from graspgen.dataset.layout import LOOKS
from graspgen.looks import IMAGE
from graspgen.looks.images import ImageStore, image_folder
from graspgen.recipe import Render
from graspgen.scene.plan import ScenePlan


def folders(render: Render) -> tuple[str, ...]:
    """Return the folders of images that a recipe's views may draw from."""
    found: dict[str, None] = {}
    for looks in (*render.mixed.values(), *(() if render.mix else (render,))):
        surfaces = (looks.objects, looks.table, looks.floor, looks.walls)
        if looks.images and any(IMAGE in s.texture.options for s in surfaces):
            found[looks.images] = None
        if looks.background.images and {"image", "cutout"} & set(looks.background.kind.options):
            found[looks.background.images] = None
    return tuple(found)


def check_images(render: Render) -> None:
    """Decode every image that a run may draw, once, so that a damaged one is told before anything is made.

    Raises:
        RecipeError: a folder is missing or holds no images, or one of them is damaged or too large.
    """
    for folder in folders(render):
        image_folder(folder).check()


def open_images(render: Render, dataset: Path | None) -> ImageStore:
    """Return the images of a run, which keeps those that it shows in the dataset.

    Raises:
        RecipeError: a folder is missing or holds no images.
    """
    sources = folders(render)
    for folder in sources:
        image_folder(folder)
    return ImageStore(None if dataset is None else dataset / LOOKS, sources)


def view_looks(plan: ScenePlan, images: ImageStore) -> list[str]:
    """Return `views.looks` of a scene's views, and keep the images that they show.

    Raises:
        DatasetError: an image cannot be found or written.
    """
    plain = plan.model_dump(mode="json", include={"objects", "views"})
    told = [looks_of_plan(plain, view) for view in plain["views"]]
    for looks in told:
        for name in sorted(images_of(looks)):
            images.save(name)
    return [json.dumps(looks) for looks in told]
