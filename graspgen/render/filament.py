"""The Filament engine: physically based colour through MuJoCo's `mjrf`, headless, on Vulkan.

Same poses and the same camera matrix as the OpenGL engine, to the pixel; ids and depth are always OpenGL's. One
context, one scene and one set of lamps serve a process; only meshes, textures and renderables of a world are uploaded
anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.lens import pinhole_positions
from graspgen.render.filament_engine import Engine, frame, require, silence, started
from graspgen.render.filament_light import set_lamps, set_sky
from graspgen.render.filament_scene import Shown, make_physical
from graspgen.render.lens import colours, has_lens
from graspgen.render.opengl import Looks
from graspgen.render.tone import LONG, SHORT, graded, tone_tables
from graspgen.scene.flying import show_flying
from graspgen.scene.plan import ViewPlan
from graspgen.scene.world import World

#: With more than some 330 geoms (measured, MuJoCo 4.0.0; those that fly in all views count) Filament says once, as
#: a panic with a trace, that its table of handles is full; it goes on with the heap, and no pixel changes.
_ROOMY = 250

__all__ = ["render_colour", "render_ids", "require"]


def render_colour(
    world: World, numbers: Sequence[int], looks: Looks | None = None, *, shadow_size: int = 1024
) -> list[NDArray[np.uint8]]:
    """Render the colour of some planned views of a scene as it stands in `world.data`.

    The colours and textures of each view are written into the model. Flying distractors are shown as `looks` says.

    Args:
        world: a scene that was built with views.
        numbers: of the views.
        looks: of the world, where another engine draws it as well.
        shadow_size: side of a shadow map, texels; Filament takes at most 2048.

    Returns:
        (H, W, 3) uint8 sRGB of each, through its lens, with the view's exposure and white balance.

    Raises:
        RenderError: there is no Vulkan here, or the process was forked after it had rendered.
    """
    if not numbers:
        return []
    engine = started()
    mujoco.mj_kinematics(world.model, world.data)
    with silence() if world.model.ngeom > _ROOMY else nullcontext():
        return _render(engine, world, numbers, looks or Looks.of(world), shadow_size)


def _render(
    engine: Engine, world: World, numbers: Sequence[int], looks: Looks, shadow_size: int
) -> list[NDArray[np.uint8]]:
    shown = None
    images = []
    try:
        for number in numbers:
            looks.backdrop.apply(world.plan.views[number])
            show_flying(world.model, world.plan.views, number, looks.flying.get(number, ()))
            changed = looks.paint.apply(number)
            make_physical(world.model)
            if shown is None or changed or not np.array_equal(shown.groups, world.model.geom_group):
                if shown is not None:
                    shown.close()
                shown = Shown(engine, world)
            shown.update(looks.paint.surfaces(number))
            images.append(_colour(engine, world.plan.views[number], min(shadow_size, 2048)))
    finally:
        if shown is not None:
            shown.close()
    return images


def render_ids(world: World, number: int) -> NDArray[np.uint8]:
    """Return (H, W) instance ids of a view as Filament sees them, to compare with OpenGL's."""
    engine = started()
    mujoco.mj_kinematics(world.model, world.data)
    shown = Shown(engine, world)
    try:
        shown.number()
        pixels = frame(engine, world.plan.views[number], engine.mjrf.DrawMode.DRAW_MODE_SEGMENTATION_BY_ID)
    finally:
        shown.close()
    return pixels[..., 0]


def _colour(engine: Engine, view: ViewPlan, shadow_size: int) -> NDArray[np.uint8]:
    exposures = []
    for full in (LONG, SHORT):
        set_lamps(engine, view, 1 / full, shadow_size)
        set_sky(engine, view, 1 / full)
        exposures.append(frame(engine, view, engine.mjrf.DrawMode.DRAW_MODE_DEFAULT))
    grade = view.grade
    rgb = graded(*exposures, tone_tables(grade.exposure, grade.temperature, grade.tint))
    if has_lens(view):
        rgb = colours(rgb, pinhole_positions(view.K, view.distortion, view.width, view.height))
    return rgb
