"""Draw the objects of a scene: which, what they are made of, how they look, and where they are let go."""

from __future__ import annotations

import math

import numpy as np

from graspgen.frames import Array, pose, random_rotation, transform_points
from graspgen.objects.asset import Asset
from graspgen.objects.catalogue import Catalogue, numbers_of
from graspgen.objects.redistribute import com_offset
from graspgen.recipe import Objects, Recipe
from graspgen.scene.draw_looks import draw_object_surface
from graspgen.scene.drawing import OBJECT, matrix4, number, scene_stream, vector
from graspgen.scene.plan import ObjectPlan
from graspgen.streams import Purpose


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


def draw_objects(
    recipe: Recipe, catalogue: Catalogue, seed: int, key: tuple[int, int], count: int, distractors: int = 0
) -> tuple[ObjectPlan, ...]:
    """Draw the `count` targets of the scene and attempt `key`, then its contextual `distractors`."""
    released: list[Array] = []
    plans = []
    contextual = recipe.scene.distractors.contextual
    for instance in range(1, count + distractors + 1):
        target = instance <= count
        spec = recipe.objects if target or contextual.objects is None else contextual.objects
        role = "target" if target else contextual.role
        numbers = numbers_of(catalogue, role)
        asset_number, scale, asset, T = _drop(recipe, spec, catalogue, numbers, seed, key, instance, released)
        material = scene_stream(seed, Purpose.MATERIAL, key, OBJECT, instance)
        density = number(spec.density, material, asset.density)
        friction = (
            number(spec.friction, material, asset.friction),
            number(spec.torsional_friction, material),
            number(spec.rolling_friction, material),
        )
        share = [number(spec.com_offset, material) for _ in range(3)]
        made_of = str(asset.params.get("material", ""))
        spread = [number(spec.inertia_scale, material) for _ in range(3)]
        plans.append(
            ObjectPlan(
                instance_id=instance,
                asset=asset_number,
                scale=scale,
                density=density,
                friction=friction,
                com_offset=vector(com_offset(asset.scaled(scale), share)),
                inertia_scale=vector(spread),
                made_of=made_of,
                surface=draw_object_surface(recipe.render, seed, key, instance, made_of),
                T_world_object_dropped=matrix4(T),
                role=role,
                labelled=target or contextual.labelled,
            )
        )
    return tuple(plans)


def _drop(
    recipe: Recipe,
    spec: Objects,
    catalogue: Catalogue,
    numbers: range,
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
    rng = scene_stream(seed, Purpose.ARRANGEMENT, key, OBJECT, instance)
    asset_number = numbers[min(int(rng.random() * len(numbers)), len(numbers) - 1)]
    scale = number(spec.scale, rng)
    spread = number(recipe.scene.objects.spread, rng)
    x, y = (spread * (2 * rng.random() - 1) for _ in range(2))
    clearance = number(recipe.scene.objects.drop_height, rng)
    R = random_rotation(rng)
    original = catalogue.asset(asset_number)
    asset = original.scaled(scale)
    t = np.array([x, y, 0.0]) - R @ asset.com
    along = transform_points(pose(R, t), asset.mesh.vertices) @ _DIRECTIONS.T
    low, high = along.min(axis=0), along.max(axis=0)
    rise = max([-low[-1], *(_rise(low, below) for below in released)]) + clearance
    t[2] += rise
    released.append(high + rise * _DIRECTIONS[:, 2])
    return asset_number, scale, original, pose(R, t)


def _rise(low: Array, below: Array) -> float:
    """Return how far up an object must go to clear another one by a plane across a direction.

    Args:
        low: (d,) smallest coordinates of the object along `_DIRECTIONS`, m.
        below: (d,) largest coordinates of the other, m.
    """
    if (low >= below)[_LEVEL].any():
        return -math.inf
    return float(((below - low)[~_LEVEL] / _DIRECTIONS[~_LEVEL, 2]).min())
