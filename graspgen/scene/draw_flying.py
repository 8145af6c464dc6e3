"""Draw the flying distractors of a view: in front of its camera, wherever the image shows."""

from __future__ import annotations

import numpy as np

from graspgen.frames import Array, pose, random_rotation
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
        # With z = 1 in the camera's frame, what multiplies the ray is the planar depth.
        ray = T[:3, :3] @ _ray(camera, u, v)
        furthest = _FURTHEST * float(np.linalg.norm(T[:3, 3]))
        end = -T[2, 3] / ray[2] if ray[2] < 0 and T[2, 3] > 0 else furthest
        depth = max(share * min(end, furthest), recipe.views.near + size)
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


def _ray(camera: CameraDraw, u: float, v: float) -> Array:
    """Return the (3,) direction, z = 1, of a pixel; straight through where the lens shows nothing."""
    ray = rays(camera.K, camera.distortion, np.array([u, v]))
    return ray if np.isfinite(ray).all() else np.linalg.solve(np.array(camera.K), [u, v, 1.0])
