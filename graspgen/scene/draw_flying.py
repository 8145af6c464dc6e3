"""Draw the flying distractors of a view: in front of its camera, wherever the image shows."""

from __future__ import annotations

import numpy as np

from graspgen.frames import Array, inverse, pose, random_rotation
from graspgen.lens import rays
from graspgen.recipe import Flying, Recipe
from graspgen.scene.draw_cameras import CameraDraw
from graspgen.scene.draw_looks import draw_surface
from graspgen.scene.drawing import FLYING, matrix4, number, scene_stream, vector
from graspgen.scene.plan import FlyingPlan, SurfacePlan
from graspgen.streams import Purpose

#: A ray that leaves the support's plane aside, or meets it beyond this many times the camera's distance from the
#: world's origin, ends there.
_FURTHEST = 1.5


def draw_flying(
    recipe: Recipe,
    spec: Flying,
    images: str | None,
    seed: int,
    key: tuple[int, int],
    view: int,
    camera: CameraDraw,
) -> tuple[tuple[FlyingPlan, ...], tuple[SurfacePlan, ...]]:
    """Draw the flying distractors of a view of the scene and attempt `key`, and how each of them looks.

    Args:
        recipe, seed, key: as in `draw_views`.
        spec: the recipe's section, or that of the view's preset.
        images: folder of the view's images.
        view: number of the camera.
        camera: that they are drawn in front of.
    """
    count = int(number(spec.count, scene_stream(seed, Purpose.LOOKS, key, FLYING, view)))
    T = camera.T_world_camera
    plans, surfaces = [], []
    for i in range(count):
        rng = scene_stream(seed, Purpose.LOOKS, key, FLYING, view, i)
        shape = str(spec.shapes.draw(rng))
        size = number(spec.size, rng)
        sides = size * np.array([number(spec.aspect, rng) for _ in range(3)])
        u, v = recipe.views.width * rng.random(), recipe.views.height * rng.random()
        share = number(spec.depth, rng)
        ray = T[:3, :3] @ _ray(camera, u, v)
        depth = max(share * _reach(T, ray), recipe.views.near + size)
        # Last, since a rotation takes more than one number of the stream.
        placed = pose(random_rotation(rng), T[:3, 3] + depth * ray)
        plans.append(
            FlyingPlan(
                shape=shape,
                size=vector(sides),
                T_world_flying=matrix4(placed),
            )
        )
        look = scene_stream(seed, Purpose.LOOKS, key, FLYING, view, i, 1)
        surfaces.append(draw_surface(spec.surface, look, images=images))
    return tuple(plans), tuple(surfaces)


def moved_flying(flying: FlyingPlan, old: Array, new: Array, near: float) -> FlyingPlan:
    """Return a flying distractor before a camera that was drawn again: at the same place of the image, turned alike to
    the camera, the same share of the way to the support's plane.

    Args:
        flying: before the camera at `old`.
        old, new: (4, 4) poses of the camera.
        near: its near plane, m.
    """
    seen = inverse(old) @ np.array(flying.T_world_flying)
    ray = seen[:3, 3] / seen[2, 3]
    share = min(seen[2, 3] / _reach(old, old[:3, :3] @ ray), 1.0)
    depth = max(share * _reach(new, new[:3, :3] @ ray), near + max(flying.size))
    placed = pose(new[:3, :3] @ seen[:3, :3], new[:3, 3] + depth * (new[:3, :3] @ ray))
    return flying.model_copy(update={"T_world_flying": matrix4(placed)})


def _reach(T: Array, ray: Array) -> float:
    """Return the planar depth, m, at which a camera's ray ends; the ray is in the world's frame, with z = 1 in the
    camera's, so that what multiplies it is the planar depth.
    """
    furthest = _FURTHEST * float(np.linalg.norm(T[:3, 3]))
    return min(-T[2, 3] / ray[2], furthest) if ray[2] < 0 and T[2, 3] > 0 else furthest


def _ray(camera: CameraDraw, u: float, v: float) -> Array:
    """Return the (3,) direction, z = 1, of a pixel; straight through where the lens shows nothing."""
    ray = rays(camera.K, camera.distortion, np.array([u, v]))
    return ray if np.isfinite(ray).all() else np.linalg.solve(np.array(camera.K), [u, v, 1.0])
