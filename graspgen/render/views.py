"""Render the planned views of a scene, each with the engine that its plan names.

Depth and ids of every view are OpenGL's; Filament replaces the colour of its views.
"""

from __future__ import annotations

from dataclasses import replace

from graspgen.looks.images import ImageStore
from graspgen.recipe import Render
from graspgen.render import filament, vulkan
from graspgen.render.grade import graded
from graspgen.render.opengl import Looks, ViewImages, render_views
from graspgen.scene.world import World


def check_engines(render: Render) -> str:
    """Check, before anything is made, that the engines that a recipe may draw can render here.

    Returns:
        What to tell the user where views will fall back to OpenGL, "" otherwise.

    Raises:
        RenderError: some views ask for Filament, Vulkan is missing and the recipe allows no fallback.
    """
    if all(section.engine != "filament" for section in (render, *render.mixed.values())):
        return ""
    if not render.fallback:
        filament.require()
        return ""
    reason = vulkan.missing()
    return f"views for filament are rendered by opengl: {reason}; `{vulkan.MEND}`" if reason else ""


def render_scene(
    world: World, *, shadow_size: int = 1024, images: ImageStore | None = None, fallback: bool = False
) -> list[ViewImages]:
    """Render every planned view of a scene as it stands in `world.data`.

    Args:
        world: a scene that was built with views.
        shadow_size: side of a shadow map, texels.
        images: the user's images that the plan names.
        fallback: render views that ask for Filament with OpenGL where Vulkan is missing.

    Returns:
        The images of every view; `engine` says what rendered the colour.

    Raises:
        RenderError: no OpenGL backend works here; or a view asks for Filament, Vulkan is missing and there is no
            fallback.
    """
    asked = [number for number, view in enumerate(world.plan.views) if view.engine == "filament"]
    if asked and not (fallback and vulkan.missing()):
        filament.require()
    else:
        asked = []
    looks = Looks.of(world, images)
    seen = render_views(world, shadow_size=shadow_size, looks=looks, colourless=asked)
    for number, rgb in zip(asked, filament.render_colour(world, asked, looks, shadow_size=shadow_size), strict=True):
        view, image = world.plan.views[number], seen[number]
        looks.backdrop.fill(rgb, image.depth == 0, view)
        # Exposure and white balance are in the light already.
        rest = view.grade.model_copy(update={"exposure": 0.0, "temperature": 0.0, "tint": 0.0})
        seen[number] = replace(image, rgb=graded(rgb, rest), engine="filament")
    looks.backdrop.restore()
    return seen
