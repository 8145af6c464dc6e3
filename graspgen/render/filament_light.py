"""A view's lamps and surroundings in Filament's scene. Light is photometric: `FULL` lux make a white surface white."""

from __future__ import annotations

from typing import Any

import numpy as np

from graspgen.frames import Array
from graspgen.looks.colour import linear
from graspgen.render.environment import environment_ktx
from graspgen.render.filament_engine import Engine
from graspgen.scene.arena import direction
from graspgen.scene.plan import LightPlan, ViewPlan

#: Luminance, cd/m², that a linear image stores as 1: Filament's default camera (f/16, 1/125 s, ISO 100).
WHITE = 1.2 * 2.0**15
#: Illuminance, lux, under which a white surface is stored as 1.
FULL = np.pi * WHITE
#: Share of `FULL` that a lamp of strength 1 gives, and of `WHITE` an environment of strength 1: with the ranges of
#: recipes, which are OpenGL's, white surfaces come out light and do not clip.
LAMP, AMBIENT = 0.85, 0.45
#: A directional light is a lamp at this distance, m.
_FAR_LAMP = 12.0
#: A lamp that casts shadows is this many bulbs on a ring, which soften each other's edges.
_BULBS = 3
_BULB_RADIUS = 0.045
#: A lamp lights this far around the table's centre: the narrower its cone, the finer its shadow map.
_LIT_RADIUS = 1.6


def set_lamps(engine: Engine, view: ViewPlan, gain: float, shadow_size: int) -> None:
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
    while len(engine.lamps) < len(bulbs):
        engine.lamps.append(_spot(engine.mjrf, engine.context))
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


def set_sky(engine: Engine, view: ViewPlan, gain: float) -> None:
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
