"""What every scene has besides its objects: the table and the floor, the lights and the cameras."""

from __future__ import annotations

from collections.abc import Collection

import mujoco
import numpy as np

from graspgen.frames import OPENGL_OPENCV, matrix_to_quat
from graspgen.scene import physics
from graspgen.scene.plan import ScenePlan, Vector, ViewPlan

GROUP_ARENA = 1
#: The floor lies this far below the table's top, m; it is only drawn.
FLOOR_DEPTH = 0.75
#: Clipping planes of all cameras, m.
ZNEAR, ZFAR = 0.02, 6.5
_PIXEL = 1e-5  # side of a sensor's pixel, m; any value gives the same image


def add_arena(spec: mujoco.MjSpec, plan: ScenePlan) -> None:
    """Add the table, whose top is z = 0, and the floor below it, which nothing collides with."""
    first = plan.views[0] if plan.views else None
    colours: dict[str, Vector] = {
        "table": first.table_colour if first else (0.6, 0.6, 0.6),
        "background": first.background_colour if first else (0.4, 0.4, 0.4),
    }
    for name, colour in colours.items():
        spec.add_material(name=name, rgba=[*colour, 1.0], specular=0.1, shininess=0.1)
    half = np.array(plan.table_size) / 2
    spec.worldbody.add_geom(
        name="table",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=half,
        pos=[0, 0, -half[2]],
        material="table",
        group=GROUP_ARENA,
        friction=[plan.table_friction, 0.0, 0.0],
        condim=physics.CONDIM,
        solref=physics.SOLREF,
        solimp=physics.SOLIMP,
    )
    spec.worldbody.add_geom(
        name="background",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[10, 10, 0.1],
        pos=[0, 0, -max(FLOOR_DEPTH, 2 * plan.table_size[2])],
        material="background",
        group=GROUP_ARENA,
        contype=0,
        conaffinity=0,
        castshadow=False,  # nothing lies below it; its own shadow is only noise
    )


def add_lights(spec: mujoco.MjSpec, views: Collection[ViewPlan]) -> None:
    """Add as many lights as the view with the most has, lit as in the first view."""
    most = max(views, key=lambda v: len(v.lights), default=None)
    if most is None:
        return
    first = next(iter(views))
    for i, fallback in enumerate(most.lights):
        on = i < len(first.lights)
        light = first.lights[i] if on else fallback
        position = np.array(light.position)
        spec.worldbody.add_light(
            name=f"light_{i}",
            type=mujoco.mjtLightType.mjLIGHT_SPOT,
            pos=position,
            dir=-position / np.linalg.norm(position),
            diffuse=[light.diffuse] * 3,
            specular=[light.diffuse] * 3,
            ambient=[0, 0, 0],
            cutoff=60,
            exponent=1,
            active=on,
            castshadow=i == 0 and first.shadows,
        )
    spec.visual.headlight.ambient = [first.ambient] * 3


def add_camera(spec: mujoco.MjSpec, view: ViewPlan, name: str) -> None:
    """Add a camera that renders `view` with exactly its K when the image has the view's size.

    MuJoCo's `principal_pixel` is where the image's centre lies from the principal point, right and
    down: the opposite of K's offset (measured, and held by a test).
    """
    K, T = np.array(view.K), np.array(view.T_world_camera)
    spec.worldbody.add_camera(
        name=name,
        pos=T[:3, 3],
        quat=matrix_to_quat(T[:3, :3] @ OPENGL_OPENCV),
        resolution=[view.width, view.height],
        sensor_size=[view.width * _PIXEL, view.height * _PIXEL],
        focal_pixel=[K[0, 0], K[1, 1]],
        principal_pixel=[view.width / 2 - K[0, 2], view.height / 2 - K[1, 2]],
    )


def set_visual(spec: mujoco.MjSpec, plan: ScenePlan) -> None:
    """Set the clipping planes, the size of offscreen images, and no light but the planned ones."""
    spec.stat.extent = 1.0  # MuJoCo's clipping planes are multiples of it
    spec.stat.center = [0.0, 0.0, 0.0]
    visual = spec.visual
    visual.map.znear, visual.map.zfar = ZNEAR, ZFAR
    visual.quality.offsamples = 0
    visual.headlight.active = 1
    visual.headlight.diffuse = visual.headlight.specular = [0, 0, 0]
    visual.global_.offwidth = max([16, *(v.width for v in plan.views)])
    visual.global_.offheight = max([16, *(v.height for v in plan.views)])
