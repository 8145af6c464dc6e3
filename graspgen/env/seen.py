"""What environments draw of a recipe's looks: all but what takes another renderer than OpenGL."""

from __future__ import annotations

from graspgen.env.errors import EnvError
from graspgen.looks.images import ImageStore
from graspgen.pipeline.look_images import open_images
from graspgen.recipe import Recipe


def images_of(recipe: Recipe) -> ImageStore:
    """Return the user's images that scenes of a recipe may wear.

    Raises:
        EnvError: the recipe wants what environments do not draw.
        RecipeError: a folder is missing or holds no images.
    """
    render = recipe.render
    for looks in (*render.mixed.values(), *(() if render.mix else (render,))):
        if looks.engine != "opengl":
            raise EnvError(
                f"recipe {recipe.task} wants render.engine={looks.engine}, which takes tenths of a second an image; "
                "environments draw with OpenGL: set render.engine=opengl"
            )
    return open_images(render, None)
