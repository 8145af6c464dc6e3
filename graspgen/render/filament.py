"""The Filament engine: physically based colour through MuJoCo's `mjrf`, headless, on Vulkan.

Same poses and the same camera matrix as the OpenGL engine, to the pixel; ids and depth are always OpenGL's. One
context, one scene and one set of lamps serve a process; only meshes, textures and renderables of a world are uploaded
anew. Light is photometric: `FULL` lux on a white surface are stored as white before exposure.

`mjrf` is not thread-safe and does not survive a fork.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.errors import RenderError
from graspgen.frames import Array
from graspgen.lens import Pinhole, pinhole, pinhole_positions
from graspgen.looks.colour import linear
from graspgen.render import vulkan
from graspgen.render.environment import environment_ktx
from graspgen.render.id_pass import VISIBLE_GROUPS, mask_ids
from graspgen.render.lens import colours, has_lens
from graspgen.render.opengl import Looks
from graspgen.render.tone import LONG, SHORT, graded, tone_tables
from graspgen.scene.arena import direction
from graspgen.scene.flying import show_flying
from graspgen.scene.plan import LightPlan, ViewPlan
from graspgen.scene.world import World

#: Luminance, cd/m², that a linear image stores as 1: Filament's default camera (f/16, 1/125 s, ISO 100).
WHITE = 1.2 * 2.0**15
#: Illuminance, lux, under which a white surface is stored as 1.
FULL = np.pi * WHITE
#: Share of `FULL` that a lamp of strength 1 gives, and of `WHITE` an environment of strength 1: with the ranges of
#: recipes, which are OpenGL's, white surfaces come out light and do not clip.
LAMP, AMBIENT = 0.85, 0.45
_FAR = 60.0
#: A directional light is a lamp at this distance, m.
_FAR_LAMP = 12.0
_LAMPS = 8
#: A lamp that casts shadows is this many bulbs on a ring, which soften each other's edges.
_BULBS = 3
_BULB_RADIUS = 0.045
#: A lamp lights this far around the table's centre: the narrower its cone, the finer its shadow map.
_LIT_RADIUS = 1.6
_GEOM = mujoco.mjtObj.mjOBJ_GEOM
_RGB = int(mujoco.mjtTextureRole.mjTEXROLE_RGB)

# Filament's ambient occlusion stays off: with Mesa's software driver every frame of it keeps 1 MiB for good.
_SETTINGS = """
<mujoco><custom>
  <numeric name="filament.ao.enabled" data="0"/>
  <text name="filament.shadows.type" data="pcf"/>
</custom></mujoco>
"""


@dataclass(eq=False)
class _Engine:
    """What lives as long as the process."""

    pid: int
    mjrf: Any
    context: Any
    scene: Any
    target: Any
    lamps: list[Any]
    lit: int = 0
    size: tuple[int, int] = (0, 0)
    sky: tuple[bytes, Any, Any] | None = None


_engine: _Engine | None = None


def require() -> None:
    """Check that this machine can render with Filament.

    Raises:
        RenderError: Vulkan or a driver of it is missing; the message names the package.
    """
    reason = vulkan.missing()
    if reason:
        raise RenderError(f"Filament cannot render: {reason}; `{vulkan.MEND}`, or set render.fallback to true")


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
    engine = _started()
    mujoco.mj_kinematics(world.model, world.data)
    looks = looks or Looks.of(world)
    shown = None
    images = []
    try:
        for number in numbers:
            looks.backdrop.apply(world.plan.views[number])
            show_flying(world.model, world.plan.views, number, looks.flying.get(number, ()))
            changed = looks.paint.apply(number)
            _make_physical(world.model)
            if shown is None or changed or not np.array_equal(shown.groups, world.model.geom_group):
                if shown is not None:
                    shown.close()
                shown = _Shown(engine, world)
            shown.update()
            images.append(_colour(engine, world.plan.views[number], min(shadow_size, 2048)))
    finally:
        if shown is not None:
            shown.close()
    return images


def render_ids(world: World, number: int) -> NDArray[np.uint8]:
    """Return (H, W) instance ids of a view as Filament sees them, to compare with OpenGL's."""
    engine = _started()
    mujoco.mj_kinematics(world.model, world.data)
    shown = _Shown(engine, world)
    try:
        shown.number()
        pixels = _frame(engine, world.plan.views[number], engine.mjrf.DrawMode.DRAW_MODE_SEGMENTATION_BY_ID)
    finally:
        shown.close()
    return pixels[..., 0]


def _make_physical(model: mujoco.MjModel) -> None:
    """Give every material the physical shading model, but for textures of meshes that do not say where they lie."""
    model.mat_emission[:] = 0.0  # OpenGL's way of giving ambient light
    unset = model.mat_metallic < 0
    model.mat_metallic[unset], model.mat_roughness[unset] = 0.0, 0.6
    for geom in np.flatnonzero(model.geom_type == int(mujoco.mjtGeom.mjGEOM_MESH)):
        material, mesh = int(model.geom_matid[geom]), int(model.geom_dataid[geom])
        if material >= 0 and model.mat_texid[material, _RGB] >= 0 and model.mesh_texcoordadr[mesh] < 0:
            model.mat_metallic[material] = model.mat_roughness[material] = -1.0


def _started() -> _Engine:
    global _engine
    if _engine is None:
        require()
        importlib.import_module("mujoco.studio.window")  # registers Filament's materials, whoever draws
        mjrf = importlib.import_module("mujoco.mjrf")
        with _silence():
            context = mjrf.Context(mjrf.ContextConfig(graphics_api=mjrf.GraphicsApi.GRAPHICS_API_VULKAN))
        scene = context.create_scene(mjrf.SceneParams())
        scene.configure_from_model(mujoco.MjModel.from_xml_string(_SETTINGS))
        rgb = mjrf.PixelFormat.PIXEL_FORMAT_RGB8
        target = context.create_render_target(mjrf.RenderTargetConfig(color_format=rgb))
        lamps = [_spot(mjrf, context) for _ in range(_LAMPS + _BULBS - 1)]
        _engine = _Engine(os.getpid(), mjrf, context, scene, target, lamps)
    elif _engine.pid != os.getpid():
        raise RenderError(
            "this process was forked after its parent had rendered, and Vulkan does not survive a fork; start workers "
            "with multiprocessing's 'spawn' method"
        )
    return _engine


@contextmanager
def _silence() -> Iterator[None]:
    """Keep what native code says about the device from a command's own output."""
    libc = ctypes.CDLL(None)
    sys.stdout.flush()
    sys.stderr.flush()
    libc.fflush(None)
    kept = [os.dup(1), os.dup(2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for stream in (1, 2):
            os.dup2(nowhere, stream)
        yield
        libc.fflush(None)
    finally:
        for stream, copy in enumerate(kept, start=1):
            os.dup2(copy, stream)
            os.close(copy)
        os.close(nowhere)


def _spot(mjrf: Any, context: Any) -> Any:
    return context.create_light(
        mjrf.LightParams(
            type=mjrf.LightType.LIGHT_SPOT,
            color=np.ones(3, np.float32),
            intensity=0.0,
            cast_shadow=False,
            range=30.0,
            cutoff=60.0,
            softness=0.4,
            shadow_map_size=1024,
        )
    )


class _Shown:
    """The geoms of a world in the engine's scene."""

    def __init__(self, engine: _Engine, world: World) -> None:
        self._world = world
        self.groups = world.model.geom_group.copy()
        # All our textures are colours. OpenGL wants them as they are, so the model says nothing of their encoding.
        spaces = world.model.tex_colorspace.copy()
        world.model.tex_colorspace[:] = int(mujoco.mjtColorSpace.mjCOLORSPACE_SRGB)
        self._resources = engine.mjrf.ModelResources(engine.context, world.model)
        world.model.tex_colorspace[:] = spaces
        self._renderables = engine.mjrf.ModelRenderables(engine.scene, self._resources)
        option = mujoco.MjvOption()
        option.geomgroup[:] = 0
        option.geomgroup[list(VISIBLE_GROUPS)] = 1
        option.sitegroup[:] = 0
        self._renderables.set_options(option)

    def update(self) -> None:
        """Take poses and materials from the world."""
        self._renderables.update(self._world.data)

    def number(self) -> None:
        """Give every geom its instance's id as the colour of segmentation."""
        self.update()
        for geom, instance in enumerate(mask_ids(self._world)):
            renderable = self._renderables.get_renderable(_GEOM, geom)
            material = renderable.get_material()
            material.segmentation_id = int(instance)
            renderable.set_material(material)

    def close(self) -> None:
        """Take the geoms out of the scene and free what was uploaded for them."""
        # Renderables refer to the resources, which are to outlive them.
        del self._renderables
        del self._resources


def _colour(engine: _Engine, view: ViewPlan, shadow_size: int) -> NDArray[np.uint8]:
    exposures = []
    for full in (LONG, SHORT):
        _set_lamps(engine, view, 1 / full, shadow_size)
        _set_sky(engine, view, 1 / full)
        exposures.append(_frame(engine, view, engine.mjrf.DrawMode.DRAW_MODE_DEFAULT))
    grade = view.grade
    rgb = graded(*exposures, tone_tables(grade.exposure, grade.temperature, grade.tint))
    if has_lens(view):
        rgb = colours(rgb, pinhole_positions(view.K, view.distortion, view.width, view.height))
    return rgb


def _set_lamps(engine: _Engine, view: ViewPlan, gain: float, shadow_size: int) -> None:
    """Place the view's lamps; a directional light is a lamp far away."""
    bulbs: list[tuple[Array, LightPlan, float, bool]] = []
    for light in view.lights:
        position = np.asarray(light.position, float)
        if light.kind == "directional":
            position = light.target - _FAR_LAMP * direction(light)
        strength = gain * LAMP * FULL * light.diffuse
        if light.shadows:
            bulbs += [(p, light, strength / _BULBS, True) for p in _ring(position, np.asarray(light.target))]
        else:
            bulbs.append((position, light, strength, False))
    # A lamp in the scene costs time even when it is dark.
    while engine.lit > len(bulbs):
        engine.lit -= 1
        engine.scene.remove_light(engine.lamps[engine.lit])
    while engine.lit < len(bulbs):
        engine.scene.add_light(engine.lamps[engine.lit])
        engine.lit += 1
    for lamp, (position, light, strength, shadows) in zip(engine.lamps, bulbs, strict=False):
        towards = np.asarray(light.target) - position
        distance = max(float(np.linalg.norm(towards)), 1e-3)
        lamp.set_pose(position, towards / distance)
        lamp.set_color(linear(np.asarray(light.colour)).astype(np.float32))
        lamp.set_intensity(strength * distance**2)
        lamp.set_range(4 * distance + 10)
        lamp.set_cutoff(float(np.degrees(np.arctan2(_LIT_RADIUS, distance))))
        lamp.set_cast_shadow(shadows)
        lamp.set_shadow_map_size(shadow_size)


def _ring(position: Array, target: Array) -> list[Array]:
    """Return the places of a lamp's bulbs: around it, in the plane that faces what it shines at."""
    away = (position - target) / max(float(np.linalg.norm(position - target)), 1e-3)
    side = np.cross(away, [1.0, 0.0, 0.0] if abs(away[2]) > 0.9 else [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    up = np.cross(away, side)
    turns = 2 * np.pi * np.arange(_BULBS) / _BULBS
    radius = _BULB_RADIUS * np.linalg.norm(position - target)
    return [position + radius * (np.cos(t) * side + np.sin(t) * up) for t in turns]


def _set_sky(engine: _Engine, view: ViewPlan, gain: float) -> None:
    """Light the scene from all around."""
    surroundings = view.environment
    ktx = environment_ktx(surroundings.kind, surroundings.pattern, surroundings.rotation)
    if engine.sky is None or engine.sky[0] is not ktx:
        mjrf = engine.mjrf
        if engine.sky is not None:
            engine.scene.remove_light(engine.sky[2])
        cube = mjrf.TextureConfig(
            width=1, height=1, format=mjrf.PixelFormat.PIXEL_FORMAT_KTX, sampler_type=mjrf.SamplerType.TEXTURE_CUBE
        )
        texture = engine.context.create_texture(cube)
        data = mjrf.TextureData()
        data.set_image(ktx)
        texture.upload(data)
        light = engine.context.create_light(
            mjrf.LightParams(type=mjrf.LightType.LIGHT_IMAGE, texture=texture, intensity=1.0)
        )
        engine.scene.add_light(light)
        engine.scene.set_skybox(texture)
        engine.sky = (ktx, texture, light)
    engine.sky[2].set_intensity(gain * AMBIENT * WHITE * surroundings.strength)


def _frame(engine: _Engine, view: ViewPlan, mode: Any) -> NDArray[np.uint8]:
    """Draw a view without Filament's post-processing and return (H, W, 3) linear values."""
    mjrf = engine.mjrf
    wide = pinhole(view.K, view.distortion, view.width, view.height)
    if engine.size != (wide.width, wide.height):
        engine.target.resize(wide.width, wide.height)
        engine.size = (wide.width, wide.height)
    pixels = np.empty((wide.height, wide.width, 3), np.uint8)
    read = mjrf.ReadRequest(target=engine.target)
    read.set_buffer(pixels)
    request = mjrf.RenderRequest()
    request.scene, request.target, request.draw_mode = engine.scene, engine.target, mode
    request.camera = _camera(mjrf, wide, view)
    request.viewport.width, request.viewport.height = wide.width, wide.height
    request.post_processing = request.headlight = request.haze = False
    engine.context.wait_for_frame(engine.context.render([request], [read]))
    return pixels


def _camera(mjrf: Any, wide: Pinhole, view: ViewPlan) -> Any:
    K, T = np.asarray(wide.K), np.asarray(view.T_world_camera)
    x, y = view.near / K[0, 0], view.near / K[1, 1]
    return mjrf.Camera(
        pos=T[:3, 3],
        forward=T[:3, 2],
        up=-T[:3, 1],
        frustum_near=view.near,
        frustum_far=_FAR,
        frustum_bottom=-(wide.height - K[1, 2]) * y,
        frustum_top=K[1, 2] * y,
        frustum_center=(wide.width / 2 - K[0, 2]) * x,
        frustum_width=wide.width / 2 * x,
    )
