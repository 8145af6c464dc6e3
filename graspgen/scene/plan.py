"""The plan of a scene: every random draw, made up front, as plain data.

A plan is stored with its scene, so that a scene can be made again from it and any draw can be queried later.
`draw_plan` is the only place where a recipe meets randomness, but for the grasp candidates, whose stream the plan
names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import model_validator

from graspgen.scene.arena_plan import ArenaPlan, GeomPlan
from graspgen.scene.looks_plan import BackgroundPlan, EnvironmentPlan, GradePlan, LightPlan, SurfacePlan, TexturePlan
from graspgen.scene.plain import Matrix3, Matrix4, Plain, Vector
from graspgen.scene.sensor_plan import SensorPlan

__all__ = [
    "ArenaPlan", "ArrangementPlan", "BackgroundPlan", "EnvironmentPlan", "FlyingPlan", "GeomPlan", "GradePlan",
    "LightPlan", "Matrix3", "Matrix4", "ObjectPlan", "ScenePlan", "SensorPlan", "SurfacePlan", "TexturePlan", "Vector",
    "ViewPlan",
]  # fmt: skip


class ObjectPlan(Plain):
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
    made_of: str = ""
    """Material of a procedural object (`models/materials/common.yaml`), "" if unknown."""
    surface: SurfacePlan = SurfacePlan()
    """How it looks where a view says nothing else."""
    T_world_object_dropped: Matrix4
    """Pose of the asset's frame when the object is let go."""
    role: Literal["target", "clutter", "distractor"] = "target"
    """Only targets are grasped."""
    labelled: bool = True
    """Whether masks and annotations show it."""


class FlyingPlan(Plain):
    """A geometric shape in the air of one view; it looks as the view's `surfaces` say of `flying_<view>_<number>`."""

    shape: str
    size: Vector
    """Sides of the box about it, along its axes, m."""
    T_world_flying: Matrix4
    """Pose of the box's centre."""


class ViewPlan(Plain):
    """One camera and its looks."""

    camera: str = ""
    """Name of the view; "" for none."""
    width: int
    height: int
    K: Matrix3
    distortion: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    """OpenCV's k1, k2, p1, p2, k3."""
    near: float = 0.02
    far: float = 6.5
    """What is nearer or further than these planes is not drawn, m."""
    redraws: int = 0
    """How often the camera was drawn again, because it showed nothing or was too near."""
    T_world_camera: Matrix4
    """OpenCV camera."""
    T_world_camera_nominal: Matrix4
    """What a calibration would report."""
    sensor: SensorPlan | None = None
    """Depth sensor, None for the clean depth alone."""
    engine: Literal["opengl", "filament"] = "opengl"
    """Renderer of the colour image."""
    preset: str = ""
    """Preset that the looks come from (`render.preset`, `render.mix`), "" for the recipe's own."""
    lights: tuple[LightPlan, ...]
    ambient: float
    """OpenGL: share of every colour that shows without any light."""
    environment: EnvironmentPlan = EnvironmentPlan()
    grade: GradePlan = GradePlan()
    background: BackgroundPlan = BackgroundPlan()
    surfaces: Mapping[str, SurfacePlan] = {}
    """Looks by the name of a material of the model: `table`, `background`, `wall`, `object_1` …; what is missing looks
    as it was built."""
    flying: tuple[FlyingPlan, ...] = ()
    """Flying distractors that were drawn; those that hide too much are left out when the view is rendered."""


class ArrangementPlan(Plain):
    """How the objects come to lie in the arena."""

    kind: str = "drop"
    """Name of the arrangement in the recipe."""
    walls: tuple[GeomPlan, ...] = ()
    """A box around the objects while they fall, taken away once they rest."""
    one_by_one: bool = False
    """Whether objects are let go one after the other, each when those before it rest or `wait` is over."""
    wait: float = 0.0
    """s."""
    upon: tuple[tuple[int, int], ...] = ()
    """Instance ids of objects that were put upon another one, and of that one."""
    standing: float = 0.0
    """Share of these that must lie on another object at rest."""
    left_out: int = 0
    """How many objects found no room."""


class ScenePlan(Plain):
    """Every draw of one scene."""

    seed: int
    index: int
    attempt: int
    """How often this scene was refused and drawn again."""
    task: str
    gravity: float
    """Magnitude, m/s²."""
    gravity_direction: Vector = (0.0, 0.0, -1.0)
    """Unit vector, world frame."""
    contact_softness: float = 1.0
    contact_depth: float = 1.0
    """Factors on `physics.SOLREF`'s time constant and on `physics.SOLIMP`'s width."""
    arena: ArenaPlan
    arrangement: ArrangementPlan = ArrangementPlan()
    objects: tuple[ObjectPlan, ...]
    views: tuple[ViewPlan, ...]
    flying_max_hidden: float | None = None
    """Share of a target's pixels that the flying distractors of a view may hide together; none for no limit."""
    grasp_stream: tuple[int, ...]
    """Number and attempt that the scene was drawn with, the key of its streams; `index` becomes another one where runs
    are merged. Of grasp candidates the instance id is appended."""

    @property
    def gravity_vector(self) -> Vector:
        """Gravity, m/s², world frame."""
        x, y, z = (self.gravity * c for c in self.gravity_direction)
        return x, y, z

    @model_validator(mode="before")
    @classmethod
    def _older(cls, given: Any) -> Any:
        """Read plans of before there were arenas: a table's size and friction."""
        if not isinstance(given, dict) or "table_size" not in given:
            return given
        from graspgen.scene.arena_fit import table_arena  # it needs MuJoCo, to read the table's MJCF

        size, friction = given["table_size"], given.get("table_friction", 1.0)
        rest = {k: v for k, v in given.items() if k not in ("table_size", "table_friction")}
        return {**rest, "arena": table_arena(size, friction)}
