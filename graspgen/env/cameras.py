"""The cameras of environments: fixed ones with names, one on the hand, or those of the recipe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graspgen.env.errors import EnvError
from graspgen.errors import nearest
from graspgen.frames import Array, axis_angle, pose
from graspgen.recipe import Recipe
from graspgen.recipe.cameras import Fixed, Pose
from graspgen.recipe.views import Views

#: Takes the recipe's own views, their number, names and sizes.
RECIPE = "recipe"
#: The camera that moves with the hand, and its pose in the grasp frame: beside the palm, looking past the fingers.
WRIST = "wrist"
T_TOOL_WRIST: Array = pose(axis_angle([0.0, 1.0, 0.0], -0.4), [0.075, 0.0, -0.06])


@dataclass(frozen=True)
class Preset:
    """A camera: where it is, what it looks at (m, world frame), and its vertical field of view, deg."""

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    fovy_deg: float


PRESETS = {
    "front": Preset((0.62, 0.0, 0.5), (0.0, 0.0, 0.07), 45.0),
    "side": Preset((0.0, -0.62, 0.5), (0.0, 0.0, 0.07), 45.0),
    "top": Preset((0.0, 0.0, 0.85), (0.0, 0.0, 0.0), 45.0),
    "wide": Preset((1.15, -0.75, 0.8), (0.0, 0.12, 0.2), 45.0),
    WRIST: Preset((0.07, 0.0, 0.35), (0.07, 0.0, 0.0), 75.0),
}


def with_cameras(recipe: Recipe, cameras: tuple[str, ...], size: tuple[int, int]) -> Recipe:
    """Return a recipe whose views are the named cameras; its looks, lights and sensor stay.

    The cameras never cause a scene to be drawn again, so scenes are the same whatever is seen of them.

    Args:
        recipe: of the scenes.
        cameras: names of presets, or "recipe" alone, which changes nothing.
        size: height and width of images, px.

    Raises:
        EnvError: a camera is unknown.
    """
    if cameras == (RECIPE,):
        return recipe
    groups = []
    for name in cameras:
        if name not in PRESETS:
            raise EnvError(f"there is no camera {name!r}{nearest(name, [*PRESETS, RECIPE])}")
        preset = PRESETS[name]
        groups.append(
            Fixed.model_validate(
                {
                    "kind": "fixed",
                    "name": name,
                    "fovy_deg": preset.fovy_deg,
                    "poses": [Pose(name=name, eye=preset.eye, target=preset.target).model_dump()],
                }
            )
        )
    views = Views(
        width=size[1],
        height=size[0],
        cameras=tuple(groups),
        same_looks=True,
        in_view="off",
        min_distance=0.0,
        sensor=recipe.views.sensor,
    )
    return recipe.model_copy(update={"views": views})


def names_of(recipe: Recipe) -> list[str]:
    """Return the names of a recipe's views, in their order."""
    views = recipe.views
    if not views.cameras:
        return [f"view_{i}" for i in range(views.per_scene)]
    return [name for camera in views.cameras for name in camera.view_names()]


def wrist_pose(x: Array, R: Array) -> Array:
    """Return the (4, 4) pose of the wrist's camera, from the (3,) tool point and the (3, 3) rotation of the hand."""
    return pose(R, np.asarray(x)) @ T_TOOL_WRIST
