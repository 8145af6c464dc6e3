"""Draw how a view looks: lights, surfaces, environment, background, the camera's colours.

Everything has its own stream, keyed by view, light or surface, and takes one uniform number a value in a fixed order,
so a knob moves no other draw, whatever material or preset a view has.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Iterable, Sequence
from typing import Any
from zlib import crc32

import numpy as np

from graspgen.distributions import Distribution, parse
from graspgen.errors import RecipeError
from graspgen.looks import IMAGE, PATTERNS
from graspgen.looks.colour import temperature_rgb
from graspgen.looks.images import image_folder
from graspgen.looks.materials import looks_materials
from graspgen.recipe import Colour, Render
from graspgen.recipe.looks import Surface
from graspgen.scene.drawing import LIGHT, VIEW, number, on_shell, scene_stream, vector
from graspgen.scene.plan import (
    BackgroundPlan,
    EnvironmentPlan,
    GradePlan,
    LightPlan,
    ObjectPlan,
    SurfacePlan,
    TexturePlan,
    Vector,
)
from graspgen.streams import Purpose

# What draws belong to, beside those of `drawing`: part of every seed's meaning.
SURFACE, GRADE, BEHIND, AROUND = 40, 41, 42, 43

#: Only surfaces of meshes have a relief to draw.
_NO_RELIEF = parse(0.0)


def draw_looks(
    preset: str,
    looks: Render,
    seed: int,
    key: tuple[int, int],
    view: int,
    objects: Sequence[ObjectPlan] = (),
    fixtures: Iterable[str] = (),
) -> dict[str, Any]:
    """Draw the looks of view `view` of the scene and attempt `key`: the fields of a `ViewPlan`.

    Args:
        preset: name of the preset that the looks come from, "" for none.
        looks: the `render` section that holds for this view.
        seed: the run's.
        key: scene and attempt.
        view: number of the view in its scene.
        objects: those of the scene that do not look as their plan says.
        fixtures: names of the materials of what stands around objects and has a colour of its own.
    """
    rng = scene_stream(seed, Purpose.LOOKS, key, VIEW, view)
    count, intensity, ambient = (
        number(d, rng) for d in (looks.lights.count, looks.lights.intensity, looks.lights.ambient)
    )
    shadows = rng.random() < looks.shadows
    drawn = [_light(looks, seed, key, view, i, shadows) for i in range(int(count))]
    lit = [light for light in drawn if light is not None]
    lights = [light.model_copy(update={"diffuse": intensity / len(lit)}) for light in lit]
    named = {"background": looks.floor, "wall": looks.walls, "table": looks.table}
    if looks.fixtures is not None:
        named |= dict.fromkeys(fixtures, looks.fixtures)
    surfaces = {
        name: draw_surface(surface, _stream(seed, key, name, view), images=looks.images)
        for name, surface in named.items()
    }
    within = view if looks.objects.per == "view" else None
    for o in objects:
        surfaces[f"object_{o.instance_id}"] = draw_object_surface(looks, seed, key, o.instance_id, o.made_of, within)
    return {
        "engine": looks.engine,
        "preset": preset,
        "lights": tuple(lights),
        "ambient": ambient,
        "environment": _environment(looks, scene_stream(seed, Purpose.LOOKS, key, AROUND, view)),
        "grade": _grade(looks, *(scene_stream(seed, Purpose.LOOKS, key, GRADE, view, *n) for n in ((), (1,)))),
        "background": _background(looks, scene_stream(seed, Purpose.LOOKS, key, BEHIND, view)),
        "surfaces": surfaces,
    }


def draw_object_surface(
    looks: Render, seed: int, key: tuple[int, int], instance: int, own: str = "", view: int | None = None
) -> SurfacePlan:
    """Draw how an object looks, in its scene or in view `view` alone; `own` is the material of its family."""
    rng = _stream(seed, key, f"object_{instance}", *(() if view is None else (view,)))
    return draw_surface(looks.objects, rng, own, looks.objects.replace, looks.images)


def _stream(seed: int, key: tuple[int, int], name: str, *below: int) -> np.random.Generator:
    return scene_stream(seed, Purpose.LOOKS, key, SURFACE, crc32(name.encode()), *below)


def draw_surface(
    surface: Surface, rng: np.random.Generator, own: str = "", replace: float = 0.0, images: str | None = None
) -> SurfacePlan:
    """Draw how a surface looks.

    Args:
        surface: the recipe's section.
        rng: the surface's stream.
        own: material that the name `own` stands for.
        replace: chance that an asset loses the texture that it brings.
        images: folder of images.
    """
    material = str(surface.material.draw(rng))
    material = (own if own in looks_materials() else "plastic") if material == "own" else material
    known = looks_materials().get(material)

    def value(name: str) -> Distribution:
        return known.values[name] if known else getattr(surface, name, _NO_RELIEF)

    kind = str(value("texture").draw(rng))
    pattern = min(int(rng.random() * PATTERNS), PATTERNS - 1)
    image = rng.random()
    scale = number(value("scale"), rng)
    colour = _rgb(known.colour if known else _channels(surface.colour), rng)
    second = _rgb(known.second if known else _channels(surface.second), rng)
    shine = {k: number(value(k), rng) for k in ("specular", "shininess", "metallic", "roughness", "normal")}
    texture = None
    if kind == IMAGE:
        texture = TexturePlan(kind=kind, scale=scale, image=_picked(images, image))
    elif kind != "flat":
        texture = TexturePlan(kind=kind, pattern=pattern, colours=(colour, second), scale=scale)
    return SurfacePlan(
        colour=colour,
        texture=texture,
        own_texture=rng.random() >= replace,
        material=material if known else "",
        **shine,
    )


def _channels(colour: Colour) -> tuple[Distribution, Distribution, Distribution]:
    return colour.hue, colour.saturation, colour.value


def _rgb(channels: Iterable[Distribution], rng: np.random.Generator) -> Vector:
    return vector(colorsys.hsv_to_rgb(*(number(d, rng) for d in channels)))


def _light(looks: Render, seed: int, key: tuple[int, int], view: int, i: int, shadows: bool) -> LightPlan | None:
    """Draw light `i` of a view but for its intensity; None where it is off."""
    lights, rng = looks.lights, scene_stream(seed, Purpose.LOOKS, key, LIGHT, view, i)
    distance, elevation, azimuth = (number(d, rng) for d in (lights.distance, lights.elevation_deg, lights.azimuth_deg))
    on = rng.random() < lights.lit
    kind = str(lights.kind.draw(rng))
    x, y = (number(lights.aim, rng) for _ in range(2))
    kelvin = None if lights.temperature is None else number(lights.temperature, rng)
    rng = scene_stream(seed, Purpose.LOOKS, key, LIGHT, view, i, 1)
    tinted = rng.random() < lights.tinted
    tint = [number(lights.tint, rng) for _ in range(3)]
    colour = np.array((1.0, 1.0, 1.0) if kelvin is None else temperature_rgb(kelvin))
    colour = colour * tint if tinted else colour
    if not on and i > 0:
        return None
    target = np.array([x, y, 0.0])
    return LightPlan(
        kind=kind,
        position=vector(target + on_shell(distance, elevation, azimuth)),
        target=vector(target),
        diffuse=0.0,
        temperature=kelvin,
        colour=vector(colour / max(colour.max(), 1e-6)),
        shadows=shadows and i == 0,
    )


def _environment(looks: Render, rng: np.random.Generator) -> EnvironmentPlan:
    around = looks.environment
    kind, pattern = str(around.kind.draw(rng)), min(int(rng.random() * PATTERNS), PATTERNS - 1)
    strength, turn = number(around.strength, rng), number(around.rotation_deg, rng)
    return EnvironmentPlan(kind=kind, pattern=pattern, strength=strength, rotation=math.radians(turn))


def _grade(looks: Render, rng: np.random.Generator, picture: np.random.Generator) -> GradePlan:
    names = ("exposure", "temperature", "tint", "contrast", "saturation", "gamma")
    tones = {name: number(getattr(looks.grade, name), rng) for name in names}
    blur, length, noise = (number(getattr(looks.grade, n), picture) for n in ("blur", "motion", "noise"))
    quality = int(number(looks.grade.jpeg_quality, picture))
    moving, compressed = picture.random() < looks.grade.moving, picture.random() < looks.grade.compressed
    angle = 2 * math.pi * picture.random()
    return GradePlan(
        **tones,
        blur=blur,
        motion=(length * math.cos(angle), length * math.sin(angle)) if moving and length > 0 else (0.0, 0.0),
        noise=noise,
        jpeg_quality=quality if compressed else 0,
    )


def draw_noise_seed(grade: GradePlan, seed: int, key: tuple[int, int], camera: int) -> GradePlan:
    """Return the grade with noise of its own for a camera: views that look alike still have other noise each."""
    if grade.noise <= 0:
        return grade
    rng = scene_stream(seed, Purpose.LOOKS, key, GRADE, camera, 2)
    return grade.model_copy(update={"noise_seed": int(rng.random() * 2**32)})


def _background(looks: Render, rng: np.random.Generator) -> BackgroundPlan:
    kind, pick = str(looks.background.kind.draw(rng)), rng.random()
    x, y, side = (rng.random() for _ in range(3))
    mirrored = rng.random() < 0.5
    if kind not in ("image", "cutout"):
        return BackgroundPlan(kind=kind, wall_distance=looks.background.wall_distance)
    crop = (x, y, 0.6 + 0.4 * side)
    return BackgroundPlan(kind=kind, image=_picked(looks.background.images, pick), crop=crop, mirrored=mirrored)


def _picked(folder: str | None, u: float) -> str:
    if folder is None:
        raise RecipeError("the recipe wants an image but names no folder: set render.images, render.background.images")
    return image_folder(folder).pick(u)
