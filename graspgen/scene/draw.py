"""Draw the plan of a scene from a recipe: the only place where a recipe meets randomness.

Every purpose has its own stream, keyed further by object, view or light, and every value of a
recipe takes exactly one uniform number of its stream. So a knob of one object, one view or one
purpose moves no other draw, the objects of a scene stay when it gets one more, and nothing depends
on which values are constants.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence

import numpy as np

from graspgen.distributions import Distribution
from graspgen.frames import Array, axis_angle, look_at, pose, random_rotation, transform_points
from graspgen.objects.asset import Asset
from graspgen.objects.catalogue import Catalogue
from graspgen.objects.redistribute import com_offset
from graspgen.recipe import Colour, Recipe
from graspgen.scene.plan import LightPlan, Matrix3, Matrix4, ObjectPlan, ScenePlan, Vector, ViewPlan
from graspgen.streams import Purpose, stream

# What draws belong to, in the key of a stream after (index, attempt): part of every seed's meaning.
_SCENE, _OBJECT, _VIEW, _LIGHT = 0, 1, 2, 3


def _directions() -> Array:
    azimuth = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    rings = [
        np.stack(
            [
                math.cos(e) * np.cos(azimuth),
                math.cos(e) * np.sin(azimuth),
                0 * azimuth + math.sin(e),
            ],
            1,
        )
        for e in np.radians([0.0, 20.0, 40.0, 60.0])
    ]
    return np.concatenate([*rings, [[0.0, 0.0, 1.0]]])


#: (d, 3) unit directions along which dropped objects are kept apart: level, slanted, and up (last).
_DIRECTIONS = _directions()
_LEVEL = _DIRECTIONS[:, 2] == 0


def draw_plan(recipe: Recipe, catalogue: Catalogue, seed: int, index: int, attempt: int = 0) -> ScenePlan:
    """Draw every random value of scene `index` of the run `seed`.

    Args:
        recipe: what is random and how.
        catalogue: where the objects come from.
        seed: the run's seed, >= 0.
        index: the scene's number in the run, >= 0.
        attempt: how often this scene was refused; every attempt draws anew.

    Raises:
        ObjectError: an asset cannot be made or read.
    """
    key = (index, attempt)
    count = int(_number(recipe.scene.objects.count, _stream(seed, Purpose.ARRANGEMENT, key)))
    scene = _stream(seed, Purpose.MATERIAL, key)
    table_friction, gravity = (_number(d, scene) for d in (recipe.scene.table.friction, recipe.scene.gravity))
    return ScenePlan(
        seed=seed,
        index=index,
        attempt=attempt,
        task=recipe.task,
        gravity=gravity,
        table_size=recipe.scene.table.size,
        table_friction=table_friction,
        objects=_draw_objects(recipe, catalogue, seed, key, count),
        views=tuple(_draw_view(recipe, seed, key, v) for v in range(recipe.views.per_scene)),
        grasp_stream=key,
    )


def _draw_objects(
    recipe: Recipe, catalogue: Catalogue, seed: int, key: tuple[int, int], count: int
) -> tuple[ObjectPlan, ...]:
    released: list[Array] = []
    plans = []
    for instance in range(1, count + 1):
        number, scale, asset, T = _drop(recipe, catalogue, seed, key, instance, released)
        material = _stream(seed, Purpose.MATERIAL, key, _OBJECT, instance)
        density = _number(recipe.objects.density, material, asset.density)
        friction = (
            _number(recipe.objects.friction, material, asset.friction),
            _number(recipe.objects.torsional_friction, material),
            _number(recipe.objects.rolling_friction, material),
        )
        share = [_number(recipe.objects.com_offset, material) for _ in range(3)]
        spread = [_number(recipe.objects.inertia_scale, material) for _ in range(3)]
        looks = _stream(seed, Purpose.LOOKS, key, _OBJECT, instance)
        plans.append(
            ObjectPlan(
                instance_id=instance,
                asset=number,
                scale=scale,
                density=density,
                friction=friction,
                com_offset=_vector(com_offset(asset.scaled(scale), share)),
                inertia_scale=_vector(spread),
                colour=_rgb(recipe.render.object_colour, looks),
                specular=_number(recipe.render.specular, looks),
                shininess=_number(recipe.render.shininess, looks),
                T_world_object_dropped=matrix4(T),
            )
        )
    return tuple(plans)


def _drop(
    recipe: Recipe,
    catalogue: Catalogue,
    seed: int,
    key: tuple[int, int],
    instance: int,
    released: list[Array],
) -> tuple[int, float, Asset, Array]:
    """Draw which object `instance` is and where it is let go; append its extent to `released`.

    The centre of mass is uniform in the square, the orientation uniform. The object is as low as
    it can be over the table and over every earlier object, plus the drop height: no two overlap,
    and none falls much further than it must.

    Returns:
        Number, scale and the unscaled asset, and the (4, 4) pose of its frame.
    """
    rng = _stream(seed, Purpose.ARRANGEMENT, key, _OBJECT, instance)
    number = min(int(rng.random() * len(catalogue)), len(catalogue) - 1)
    scale = _number(recipe.objects.scale, rng)
    spread = _number(recipe.scene.objects.spread, rng)
    x, y = (spread * (2 * rng.random() - 1) for _ in range(2))
    clearance = _number(recipe.scene.objects.drop_height, rng)
    R = random_rotation(rng)
    original = catalogue.asset(number)
    asset = original.scaled(scale)
    t = np.array([x, y, 0.0]) - R @ asset.com
    along = transform_points(pose(R, t), asset.mesh.vertices) @ _DIRECTIONS.T
    low, high = along.min(axis=0), along.max(axis=0)
    rise = max([-low[-1], *(_rise(low, below) for below in released)]) + clearance
    t[2] += rise
    released.append(high + rise * _DIRECTIONS[:, 2])
    return number, scale, original, pose(R, t)


def _rise(low: Array, below: Array) -> float:
    """Return how far up an object must go to clear another one by a plane across a direction.

    Args:
        low: (d,) smallest coordinates of the object along `_DIRECTIONS`, m.
        below: (d,) largest coordinates of the other, m.
    """
    if (low >= below)[_LEVEL].any():
        return -math.inf
    return float(((below - low)[~_LEVEL] / _DIRECTIONS[~_LEVEL, 2]).min())


def _draw_view(recipe: Recipe, seed: int, key: tuple[int, int], view: int) -> ViewPlan:
    views, looks = recipe.views, recipe.render
    rng = _stream(seed, Purpose.CAMERA, key, _VIEW, view)
    fovy, radius, elevation, azimuth, roll = (
        _number(d, rng)
        for d in (
            views.fovy_deg,
            views.radius,
            views.elevation_deg,
            views.azimuth_deg,
            views.roll_deg,
        )
    )
    target = np.array([_number(views.target_jitter, rng) for _ in range(3)])
    position_error = np.array([_number(views.position_error, rng) for _ in range(3)])
    rotation_error = np.radians([_number(views.rotation_error_deg, rng) for _ in range(3)])
    T = look_at(target + _on_shell(radius, elevation, azimuth), target, math.radians(roll))

    rng = _stream(seed, Purpose.LOOKS, key, _VIEW, view)
    lights, intensity, ambient = (
        _number(d, rng) for d in (looks.lights.count, looks.lights.intensity, looks.lights.ambient)
    )
    return ViewPlan(
        width=views.width,
        height=views.height,
        K=views.K or _intrinsics(views.width, views.height, fovy),
        T_world_camera=matrix4(T),
        T_world_camera_nominal=matrix4(T @ _error(rotation_error, position_error)),
        lights=tuple(
            _draw_light(recipe, intensity / lights, _stream(seed, Purpose.LOOKS, key, _LIGHT, view, i))
            for i in range(int(lights))
        ),
        ambient=ambient,
        shadows=looks.shadows,
        table_colour=_rgb(looks.table_colour, rng),
        background_colour=_rgb(looks.background_colour, rng),
    )


def _draw_light(recipe: Recipe, diffuse: float, rng: np.random.Generator) -> LightPlan:
    lights = recipe.render.lights
    distance, elevation, azimuth = (
        _number(d, rng) for d in (lights.distance, lights.elevation_deg, lights.azimuth_deg)
    )
    return LightPlan(position=_vector(_on_shell(distance, elevation, azimuth)), diffuse=diffuse)


def _error(rotation_vector: Array, translation: Array) -> Array:
    """Return the (4, 4) calibration error in the camera's frame, from a rotation vector, rad."""
    angle = float(np.linalg.norm(rotation_vector))
    axis = rotation_vector / angle if angle > 0 else np.array([0.0, 0.0, 1.0])
    return pose(axis_angle(axis, angle), translation)


def _intrinsics(width: int, height: int, fovy_deg: float) -> Matrix3:
    """Return K of a pinhole with square pixels whose axis goes through the image's centre."""
    f = 0.5 * height / math.tan(0.5 * math.radians(fovy_deg))
    return ((f, 0.0, width / 2), (0.0, f, height / 2), (0.0, 0.0, 1.0))


def _on_shell(radius: float, elevation_deg: float, azimuth_deg: float) -> Array:
    elevation, azimuth = math.radians(elevation_deg), math.radians(azimuth_deg)
    return radius * np.array(
        [
            math.cos(elevation) * math.cos(azimuth),
            math.cos(elevation) * math.sin(azimuth),
            math.sin(elevation),
        ]
    )


def _stream(seed: int, purpose: Purpose, key: tuple[int, int], *below: int) -> np.random.Generator:
    return stream(seed, purpose, *key, *(below or (_SCENE,)))


def _number(value: Distribution | None, rng: np.random.Generator, default: float = 0.0) -> float:
    """Draw a number; where the recipe says none, skip the draw and take the default."""
    if value is None:
        rng.random()
        return float(default)
    return float(value.draw(rng))


def _rgb(colour: Colour, rng: np.random.Generator) -> Vector:
    hue, saturation, value = (_number(d, rng) for d in (colour.hue, colour.saturation, colour.value))
    return _vector(colorsys.hsv_to_rgb(hue, saturation, value))


def _vector(v: Sequence[float] | Array) -> Vector:
    x, y, z = (float(c) for c in v)
    return x, y, z


def matrix4(T: Array) -> Matrix4:
    """Return a (4, 4) pose as a plan holds it."""
    return tuple(tuple(float(c) for c in row) for row in T)  # type: ignore[return-value]
