"""The Filament engine: physically based colour through MuJoCo's `mjrf`, headless, on Vulkan.

Same poses and the same camera matrix as the OpenGL engine, to the pixel; ids and depth are always OpenGL's. One
context, one scene and one set of lamps serve a process; only meshes, textures and renderables of a world are uploaded
anew. Light is photometric: `FULL` lux on a white surface are stored as white before exposure.

`mjrf` is not thread-safe and does not survive a fork. What it says on standard output while it starts is its own.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.errors import RenderError
from graspgen.render import vulkan
from graspgen.render.environment import environment_ktx
from graspgen.render.opengl import VISIBLE_GROUPS, apply_looks
from graspgen.render.tone import LONG, SHORT, graded, tone_tables
from graspgen.scene.arena import ZNEAR
from graspgen.scene.plan import ViewPlan
from graspgen.scene.world import World

#: Luminance, cd/m², that a linear image stores as 1: Filament's default camera (f/16, 1/125 s, ISO 100).
WHITE = 1.2 * 2.0**15
#: Illuminance, lux, under which a white surface is stored as 1.
FULL = np.pi * WHITE
_FAR = 60.0
_LAMPS = 8
#: A lamp that casts shadows is this many bulbs on a ring, which soften each other's edges.
_BULBS = 3
_BULB_RADIUS = 0.045
#: A lamp lights this far around the table's centre: the narrower its cone, the finer its shadow map.
_LIT_RADIUS = 1.3
_GEOM = mujoco.mjtObj.mjOBJ_GEOM

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


def render_colour(world: World, numbers: Sequence[int], *, shadow_size: int = 1024) -> list[NDArray[np.uint8]]:
    """Render the colour of some planned views of a scene as it stands in `world.data`.

    Args:
        world: a scene that was built with views.
        numbers: of the views.
        shadow_size: side of a shadow map, texels; Filament takes at most 2048.

    Returns:
        (H, W, 3) uint8 sRGB of each.

    Raises:
        RenderError: there is no Vulkan here, or the process was forked after it had rendered.
    """
    if not numbers:
        return []
    engine = _started()
    mujoco.mj_kinematics(world.model, world.data)
    apply_looks(world.model, world.data, world.plan.views[numbers[0]])
    shown = _Shown(engine, world)
    try:
        return [_colour(engine, shown, world, number, min(shadow_size, 2048)) for number in numbers]
    finally:
        shown.close()


def render_ids(world: World, number: int) -> NDArray[np.uint8]:
    """Return (H, W) instance ids of a view as Filament sees them, to compare with OpenGL's."""
    engine = _started()
    mujoco.mj_kinematics(world.model, world.data)
    shown = _Shown(engine, world)
    try:
        view = world.plan.views[number]
        shown.number()
        pixels = _frame(engine, view, engine.mjrf.DrawMode.DRAW_MODE_SEGMENTATION_BY_ID)
    finally:
        shown.close()
    return pixels[..., 0]


def _started() -> _Engine:
    global _engine
    if _engine is None:
        require()
        importlib.import_module("mujoco.studio.window")  # registers Filament's materials, whoever draws
        mjrf = importlib.import_module("mujoco.mjrf")
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
        self._resources = engine.mjrf.ModelResources(engine.context, world.model)
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
        for geom, instance in enumerate(self._world.geom_instance):
            renderable = self._renderables.get_renderable(_GEOM, geom)
            material = renderable.get_material()
            material.segmentation_id = int(instance)
            renderable.set_material(material)

    def close(self) -> None:
        """Take the geoms out of the scene and free what was uploaded for them."""
        # Renderables refer to the resources, which are to outlive them.
        del self._renderables
        del self._resources


def _colour(engine: _Engine, shown: _Shown, world: World, number: int, shadow_size: int) -> NDArray[np.uint8]:
    view = world.plan.views[number]
    model = world.model
    apply_looks(model, world.data, view)
    model.mat_emission[:] = 0.0  # OpenGL's way of giving ambient light
    physical = model.mat_metallic < 0
    model.mat_metallic[physical] = 0.0
    model.mat_roughness[physical] = 0.9 - 0.6 * model.mat_shininess[physical]
    shown.update()
    exposures = []
    for full in (LONG, SHORT):
        _set_lamps(engine, view, 1 / full, shadow_size)
        _set_sky(engine, view, 1 / full)
        exposures.append(_frame(engine, view, engine.mjrf.DrawMode.DRAW_MODE_DEFAULT))
    return graded(*exposures, tone_tables(0.0, 0.0, 0.0))


def _set_lamps(engine: _Engine, view: ViewPlan, gain: float, shadow_size: int) -> None:
    """Place the view's lamps."""
    bulbs: list[tuple[NDArray[np.float64], float, bool]] = []
    for i, light in enumerate(view.lights):
        position = np.asarray(light.position, float)
        candela = gain * FULL * light.diffuse * float(position @ position)
        if i == 0 and view.shadows:
            bulbs += [(p, candela / _BULBS, True) for p in _ring(position)]
        else:
            bulbs.append((position, candela, False))
    # A lamp in the scene costs time even when it is dark.
    while engine.lit > len(bulbs):
        engine.lit -= 1
        engine.scene.remove_light(engine.lamps[engine.lit])
    while engine.lit < len(bulbs):
        engine.scene.add_light(engine.lamps[engine.lit])
        engine.lit += 1
    for lamp, (position, candela, shadows) in zip(engine.lamps, bulbs, strict=False):
        distance = float(np.linalg.norm(position))
        lamp.set_pose(position, -position / distance)
        lamp.set_intensity(candela)
        lamp.set_cutoff(float(np.degrees(np.arctan2(_LIT_RADIUS, distance))))
        lamp.set_cast_shadow(shadows)
        lamp.set_shadow_map_size(shadow_size)


def _ring(position: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the places of a lamp's bulbs: around it, in the plane that faces the table's centre."""
    away = position / np.linalg.norm(position)
    side = np.cross(away, [1.0, 0.0, 0.0] if abs(away[2]) > 0.9 else [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    up = np.cross(away, side)
    turns = 2 * np.pi * np.arange(_BULBS) / _BULBS
    radius = _BULB_RADIUS * np.linalg.norm(position)
    return [position + radius * (np.cos(t) * side + np.sin(t) * up) for t in turns]


def _set_sky(engine: _Engine, view: ViewPlan, gain: float) -> None:
    """Light the scene from all around."""
    ktx = environment_ktx("studio", 0, 0.0)
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
    engine.sky[2].set_intensity(gain * WHITE * view.ambient)


def _frame(engine: _Engine, view: ViewPlan, mode: Any) -> NDArray[np.uint8]:
    """Draw a view without Filament's post-processing and return (H, W, 3) linear values."""
    mjrf = engine.mjrf
    if engine.size != (view.width, view.height):
        engine.target.resize(view.width, view.height)
        engine.size = (view.width, view.height)
    pixels = np.empty((view.height, view.width, 3), np.uint8)
    read = mjrf.ReadRequest(target=engine.target)
    read.set_buffer(pixels)
    request = mjrf.RenderRequest()
    request.scene, request.target, request.draw_mode = engine.scene, engine.target, mode
    request.camera = _camera(mjrf, view)
    request.viewport.width, request.viewport.height = view.width, view.height
    request.post_processing = request.headlight = request.haze = False
    engine.context.wait_for_frame(engine.context.render([request], [read]))
    return pixels


def _camera(mjrf: Any, view: ViewPlan) -> Any:
    K, T = np.asarray(view.K), np.asarray(view.T_world_camera)
    x, y = ZNEAR / K[0, 0], ZNEAR / K[1, 1]
    return mjrf.Camera(
        pos=T[:3, 3],
        forward=T[:3, 2],
        up=-T[:3, 1],
        frustum_near=ZNEAR,
        frustum_far=_FAR,
        frustum_bottom=-(view.height - K[1, 2]) * y,
        frustum_top=K[1, 2] * y,
        frustum_center=(view.width / 2 - K[0, 2]) * x,
        frustum_width=view.width / 2 * x,
    )
