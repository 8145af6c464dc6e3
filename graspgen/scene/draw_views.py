"""Draw the views of a scene: cameras, and how each view looks."""

from __future__ import annotations

import math

import numpy as np

from graspgen.frames import Array, axis_angle, look_at, pose
from graspgen.recipe import Recipe
from graspgen.recipe.presets import looks_of
from graspgen.scene.draw_looks import draw_looks
from graspgen.scene.drawing import VIEW, matrix4, number, on_shell, scene_stream
from graspgen.scene.plan import Matrix3, ObjectPlan, ViewPlan
from graspgen.streams import Purpose


def draw_view(
    recipe: Recipe, seed: int, key: tuple[int, int], view: int, objects: tuple[ObjectPlan, ...] = ()
) -> ViewPlan:
    """Draw view `view` of the scene and attempt `key`; objects may look different in every view."""
    views = recipe.views
    rng = scene_stream(seed, Purpose.CAMERA, key, VIEW, view)
    fovy, radius, elevation, azimuth, roll = (
        number(d, rng)
        for d in (
            views.fovy_deg,
            views.radius,
            views.elevation_deg,
            views.azimuth_deg,
            views.roll_deg,
        )
    )
    target = np.array([number(views.target_jitter, rng) for _ in range(3)])
    position_error = np.array([number(views.position_error, rng) for _ in range(3)])
    rotation_error = np.radians([number(views.rotation_error_deg, rng) for _ in range(3)])
    T = look_at(target + on_shell(radius, elevation, azimuth), target, math.radians(roll))

    return ViewPlan(
        width=views.width,
        height=views.height,
        K=views.K or _intrinsics(views.width, views.height, fovy),
        T_world_camera=matrix4(T),
        T_world_camera_nominal=matrix4(T @ _error(rotation_error, position_error)),
        **draw_looks(*looks_of(recipe.render, key[0] * views.per_scene + view), seed, key, view, objects),
    )


def _error(rotation_vector: Array, translation: Array) -> Array:
    """Return the (4, 4) calibration error in the camera's frame, from a rotation vector, rad."""
    angle = float(np.linalg.norm(rotation_vector))
    axis = rotation_vector / angle if angle > 0 else np.array([0.0, 0.0, 1.0])
    return pose(axis_angle(axis, angle), translation)


def _intrinsics(width: int, height: int, fovy_deg: float) -> Matrix3:
    """Return K of a pinhole with square pixels whose axis goes through the image's centre."""
    f = 0.5 * height / math.tan(0.5 * math.radians(fovy_deg))
    return ((f, 0.0, width / 2), (0.0, f, height / 2), (0.0, 0.0, 1.0))
