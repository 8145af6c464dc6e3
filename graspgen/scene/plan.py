"""The plan of a scene: every random draw, made up front, as plain data.

A plan is stored with its scene, so that a scene can be made again from it and any draw can be queried later.
`draw_plan` is the only place where a recipe meets randomness, but for the grasp candidates, whose stream the plan
names.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Vector = tuple[float, float, float]
Matrix3 = tuple[Vector, Vector, Vector]
Matrix4 = tuple[
    tuple[float, float, float, float],
    tuple[float, float, float, float],
    tuple[float, float, float, float],
    tuple[float, float, float, float],
]


class _Plain(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ObjectPlan(_Plain):
    """One object of a scene."""

    instance_id: int
    """Id in the masks, from 1."""
    asset: int
    """Number in the run's catalogue."""
    scale: float
    density: float
    """kg/m³."""
    friction: Vector
    """Sliding (–), torsional (m), rolling (m)."""
    com_offset: Vector = (0.0, 0.0, 0.0)
    """Of the centre of mass from the asset's, object frame, m."""
    inertia_scale: Vector = (1.0, 1.0, 1.0)
    """Factor on how widely the mass is spread along each axis of the object."""
    colour: Vector
    """RGB in 0…1; a textured asset keeps its texture."""
    specular: float
    shininess: float
    T_world_object_dropped: Matrix4
    """Pose of the asset's frame when the object is let go."""


class LightPlan(_Plain):
    """One light of a view."""

    position: Vector
    """m, world frame; it shines at the world's origin."""
    diffuse: float


class ViewPlan(_Plain):
    """One camera and its looks."""

    width: int
    height: int
    K: Matrix3
    T_world_camera: Matrix4
    """OpenCV camera."""
    T_world_camera_nominal: Matrix4
    """What a calibration would report."""
    lights: tuple[LightPlan, ...]
    ambient: float
    shadows: bool
    table_colour: Vector
    background_colour: Vector


class ScenePlan(_Plain):
    """Every draw of one scene."""

    seed: int
    index: int
    attempt: int
    """How often this scene was refused and drawn again."""
    task: str
    gravity: float
    """Magnitude, m/s²; it points along the world's −z."""
    table_size: Vector
    table_friction: float
    objects: tuple[ObjectPlan, ...]
    views: tuple[ViewPlan, ...]
    grasp_stream: tuple[int, ...]
    """Key of the stream of grasp candidates, after seed and purpose; the instance id is appended to it."""
