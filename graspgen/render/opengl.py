"""The OpenGL engine: colour, depth and instance ids by MuJoCo's classic renderer.

Colour and depth come from one pass, ids from a second one, both without anti-aliasing, so a pixel
of all three shows the same point. The OpenGL context is the process's; what is uploaded for a scene
is freed when its views are done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.errors import RenderError
from graspgen.lens import pinhole
from graspgen.looks.images import ImageStore
from graspgen.render import gl, shadows
from graspgen.render.backdrop import Backdrop
from graspgen.render.grade import graded
from graspgen.render.hidden import NOTHING_FLIES, FlyingSeen, screen, seen
from graspgen.render.id_pass import (
    aim,
    flying_numbers,
    geom_values,
    look_at_ids,
    mask_ids,
    set_flags,
    target_ids,
    through_ids,
)
from graspgen.render.lens import has_lens, through_lens
from graspgen.render.paint import Painter
from graspgen.render.upload import uploaded
from graspgen.scene.arena import CUTOFF, LIGHT_TYPES, direction
from graspgen.scene.plan import FlyingPlan, SurfacePlan, Vector, ViewPlan
from graspgen.scene.world import World


@dataclass(frozen=True, eq=False)
class ViewImages:
    """What a camera saw.

    Attributes:
        rgb: (H, W, 3) uint8, sRGB.
        depth: (H, W) float32, planar z in metres, 0 where there is nothing within the far plane.
        instances: (H, W) uint8, instance id of what is seen, 0 for the arena, the void, and what is not labelled.
        engine: what rendered the colour.
        flying: what became of the view's flying distractors.
    """

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    instances: NDArray[np.uint8]
    engine: str = "opengl"
    flying: FlyingSeen = NOTHING_FLIES


@dataclass(frozen=True, eq=False)
class Looks:
    """What changes the model from view to view, for all engines that draw a world.

    Attributes:
        paint, backdrop: of the world.
        reach: how far its shadows reach, m.
        flying: which flying distractors each view shows, once OpenGL has rendered the views.
        bare: (H, W) ids of these views without them.
    """

    paint: Painter
    backdrop: Backdrop
    reach: shadows.Reach
    flying: dict[int, set[int]] = field(default_factory=dict)
    bare: dict[int, NDArray[np.uint8]] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World, images: ImageStore | None = None) -> Looks:
        """Take the looks of a world that nothing has painted yet; `images` are the user's that its plan names."""
        images = images or ImageStore(None)
        return cls(Painter(world, images), Backdrop(world, images), shadows.reach(world))


def render_views(
    world: World,
    *,
    shadow_size: int = 1024,
    images: ImageStore | None = None,
    looks: Looks | None = None,
    colourless: Collection[int] = (),
) -> list[ViewImages]:
    """Render every planned view of a scene as it stands in `world.data`.

    The lights and colours of each view are written into the model; poses and geometry stay as they
    are.

    Args:
        world: a scene that was built with views.
        shadow_size: side of the shadow map, texels.
        images: the user's images that the plan names.
        looks: of the world, where another engine draws it as well; `images` is ignored then.
        colourless: views of which only depth and ids are wanted; their colour is black.

    Raises:
        RenderError: no OpenGL backend works here, or the images or the shadow map are too large
            for the one that does.
    """
    views = world.plan.views
    if not views:
        return []
    looks = looks or Looks.of(world, images)
    with session(world, shadow_size, looks) as (scene, context):
        mujoco.mj_kinematics(world.model, world.data)
        _screen(world, scene, context, looks)
        return [render_view(world, v, scene, context, looks, v not in colourless) for v in range(len(views))]


@contextmanager
def session(world: World, shadow_size: int, looks: Looks) -> Iterator[tuple[mujoco.MjvScene, mujoco.MjrContext]]:
    """Upload a world once, for as many images as the block renders by `render_view`.

    Raises:
        RenderError: no OpenGL backend works here, or the images or the shadow map are too large for the one that does.
    """
    gl.make_current()
    views = world.plan.views
    try:
        looks.paint.apply(0)  # before the upload, which takes all textures
        with uploaded(world, shadow_size) as held:
            yield held
    except mujoco.FatalError as error:
        gl.forget_errors()
        wide = [pinhole(v.K, v.distortion, v.width, v.height) for v in views]
        sizes = sorted({f"{w.width}x{w.height}" for w in wide})
        raise RenderError(
            f"OpenGL ({gl.renderer_name()}) refuses images of {', '.join(sizes)} px with a shadow "
            f"map of {shadow_size} texels: {error}; lower views.width, views.height or "
            "render.shadow_size"
        ) from error


def _screen(world: World, scene: mujoco.MjvScene, context: mujoco.MjrContext, looks: Looks) -> None:
    """Find the flying distractors that each view shows; the views of a stereo pair show the same."""
    views, limit = world.plan.views, world.plan.flying_max_hidden
    looks.flying.clear()
    looks.bare.clear()
    alike: dict[tuple[FlyingPlan, ...], set[int]] = {}
    for number, view in enumerate(views):
        if view.flying:
            looks.backdrop.apply(view)
            look = look_at_ids(world, number, scene, context)
            kept, looks.bare[number] = screen(len(view.flying), target_ids(world), limit, look)
            alike[view.flying] = alike.get(view.flying, kept) & kept
    looks.flying.update({number: alike[view.flying] for number, view in enumerate(views) if view.flying})


def apply_looks(model: mujoco.MjModel, data: mujoco.MjData, view: ViewPlan) -> None:
    """Write the lights and colours of a view into the model, the lights' poses into the data."""
    # The renderer has eight lights, and MuJoCo's way of giving ambient light (the headlight) costs
    # one of them. Emission multiplies the same colour, so it gives the same image and leaves all
    # eight to the view.
    model.mat_emission[:] = view.ambient
    headlight = model.vis.headlight
    headlight.ambient[:] = headlight.diffuse[:] = headlight.specular[:] = 0
    # Without any light MuJoCo adds one of its own: there the headlight stays on, black.
    headlight.active = not view.lights
    model.light_active[:] = 0
    for i, light in enumerate(view.lights):
        index = model.light(f"light_{i}").id
        model.light_active[index] = 1
        model.light_type[index] = int(LIGHT_TYPES[light.kind])
        model.light_pos[index] = light.position
        model.light_dir[index] = direction(light)
        model.light_diffuse[index] = model.light_specular[index] = light.diffuse * np.asarray(light.colour)
        model.light_cutoff[index] = 180 if light.kind == "point" else CUTOFF
        model.light_castshadow[index] = light.shadows
    mujoco.mj_camlight(model, data)


def render_view(
    world: World,
    number: int,
    scene: mujoco.MjvScene,
    context: mujoco.MjrContext,
    looks: Looks,
    coloured: bool = True,
    frame: int = 0,
    ids: bool = True,
) -> ViewImages:
    """Render view `number` of a world as `world.data` stands, kinematics computed, within a `session`.

    Frames of a film, numbered by `frame`, each have noise of their own. Without `ids`, which take a pass of their own,
    the instances of a coloured view are all 0.
    """
    view = world.plan.views[number]
    looks.backdrop.apply(view)
    if coloured:
        apply_looks(world.model, world.data, view)
        shadows.aim(context, view, looks.reach)
        for texture in looks.paint.apply(number):
            mujoco.mjr_uploadTexture(world.model, context, texture)
        # The context has its own copy of what texture a material has.
        context.mat_texid[: world.model.mat_texid.size] = world.model.mat_texid.ravel()
    flying = looks.flying.get(number, set())
    rect = aim(world, number, flying, scene, context)
    # OpenGL's first row is the lowest one: everything below turns images over while it converts
    # them.
    pixels = np.empty((rect.height, rect.width, 3), np.uint8)
    zbuffer = np.empty((rect.height, rect.width), np.float32)

    if coloured:
        gl.set_fog([*_horizon(view), 1.0])
        set_flags(scene, ids=False, shadows=any(light.shadows for light in view.lights))
        with shadows.within_tops(world, scene):
            mujoco.mjr_render(rect, scene, context)
        mujoco.mjr_readPixels(pixels, zbuffer, rect, context)
    rgb = pixels[::-1].copy() if coloured else np.zeros_like(pixels)
    instances = np.zeros(zbuffer.shape, np.uint8)
    if ids or not coloured:
        set_flags(scene, ids=True, shadows=False)
        mujoco.mjr_render(rect, scene, context)
        mujoco.mjr_readPixels(pixels, None if coloured else zbuffer, rect, context)
        instances = geom_values(pixels[::-1], scene, mask_ids(world))
    depth = _metric(zbuffer[::-1], scene)
    flown = NOTHING_FLIES
    if number in looks.bare:
        shapes = through_ids(view, geom_values(pixels[::-1], scene, flying_numbers(world, number), -1))
        flown = seen(flying, len(view.flying), target_ids(world), looks.bare[number], shapes)

    if has_lens(view):
        rgb, depth, instances = through_lens(view, rgb, depth, instances)
    if not coloured:
        return ViewImages(rgb, depth, instances, flying=flown)
    void = depth == 0
    if void.any() and not looks.backdrop.fill(rgb, void, view):
        rgb[void] = np.round(255 * _horizon(view))
    # A drawn seed has 32 bits.
    grade = view.grade.model_copy(update={"noise_seed": view.grade.noise_seed + (frame << 32)})
    return ViewImages(graded(rgb, grade), depth, instances, flying=flown)


def _horizon(view: ViewPlan) -> NDArray[np.float64]:
    """Return the (3,) colour of the void: the background in ambient and half the lamps' light."""
    lit = view.ambient + 0.5 * sum(light.diffuse for light in view.lights)
    return np.asarray(_floor(view)) * min(lit, 1.0)


def _floor(view: ViewPlan) -> Vector:
    """Return the colour of the floor as one sees it from afar."""
    floor = view.surfaces.get("background", SurfacePlan(colour=(0.4, 0.4, 0.4)))
    if floor.texture is None:
        return floor.colour
    first, second = floor.texture.colours
    return tuple((np.add(first, second) / 2).tolist())


def _metric(zbuffer: NDArray[np.float32], scene: mujoco.MjvScene) -> NDArray[np.float32]:
    """Turn OpenGL's depth buffer into planar z, m, with 0 for the void.

    The buffer holds 1 at the near plane n and 0 at the far plane f (reversed Z):
    d = n (f - z) / (z (f - n)). Solved for z it is a sum of positive
    numbers, so float32 keeps all its digits.
    """
    near, far = np.float32(scene.camera[0].frustum_near), np.float32(scene.camera[0].frustum_far)
    z = np.multiply(zbuffer, far - near)
    z += near
    np.divide(near * far, z, out=z)
    void = zbuffer <= 0
    if void.any():
        z[void] = 0
    return z
