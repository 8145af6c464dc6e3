"""Draw the views of a scene: cameras, and how each view looks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graspgen.recipe import Recipe
from graspgen.recipe.presets import looks_of
from graspgen.scene.draw_cameras import CameraDraw, draw_camera, slots
from graspgen.scene.draw_flying import draw_flying
from graspgen.scene.draw_looks import draw_looks, draw_noise_seed
from graspgen.scene.draw_sensor import draw_sensor
from graspgen.scene.drawing import matrix4
from graspgen.scene.flying import flying_name
from graspgen.scene.plan import ObjectPlan, Vector, ViewPlan


def draw_views(
    recipe: Recipe,
    seed: int,
    key: tuple[int, int],
    objects: tuple[ObjectPlan, ...] = (),
    fixtures: Mapping[Vector, str] | None = None,
) -> tuple[ViewPlan, ...]:
    """Draw the views of the scene and attempt `key`.

    Objects may look different in every view; the two views of a stereo pair look alike, with the same
    flying distractors, and with `views.same_looks`
    all views of a scene do. `fixtures` are the arena's colours of its own and the names of their materials.
    """
    plans = []
    cameras = slots(recipe.views)
    for i, slot in enumerate(cameras):
        # Presets are dealt out by count, over all cameras of the run or over its scenes; which camera of a scene gets
        # the first turns with the scenes, so that no camera has one preset alone.
        turn = key[0] if recipe.views.same_looks else key[0] * len(cameras) + (i + key[0]) % len(cameras)
        view = 0 if recipe.views.same_looks else slot.number
        preset, render = looks_of(recipe.render, turn)
        # Objects that look alike in all views do so by their own plan, which is drawn from the recipe's own section.
        anew = () if render is recipe.render and render.objects.per == "scene" else objects
        looks = draw_looks(preset, render, seed, key, view, anew, (fixtures or {}).values())
        pair = list(draw_camera(recipe.views, slot, seed, key))
        distractors = recipe.scene.distractors
        spec = distractors.mixed.get(preset, distractors.flying)
        flying, surfaces = draw_flying(recipe, spec, render.images, seed, key, slot.number, pair[0])
        for camera in pair:
            names = {flying_name(len(plans), k): surface for k, surface in enumerate(surfaces)}
            grade = draw_noise_seed(looks["grade"], seed, key, len(plans))
            own = looks | {"surfaces": looks["surfaces"] | names, "grade": grade}
            sensor = draw_sensor(recipe.views.sensor, seed, key, slot.number, len(plans), objects, own["surfaces"])
            plans.append(ViewPlan(**_camera(recipe, camera), sensor=sensor, flying=flying, **own))
    return tuple(plans)


def _camera(recipe: Recipe, camera: CameraDraw) -> dict[str, Any]:
    views = recipe.views
    return {
        "camera": camera.name,
        "width": views.width,
        "height": views.height,
        "near": views.near,
        "far": views.far,
        "K": camera.K,
        "distortion": camera.distortion,
        "T_world_camera": matrix4(camera.T_world_camera),
        "T_world_camera_nominal": matrix4(camera.T_world_camera_nominal),
    }
