"""What a recipe says about grasps and their trials."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from graspgen.recipe.section import Section


class InScene(Section):
    """Trials among all objects of the settled scene: approach, close, lift and hold by a hand with limited force.

    The grasps of an object that are tried so are `per_object` of them or the `share`, whichever is more.
    """

    per_object: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Grasps of every object that are tried in the scene as well."""
    share: float = Field(0.0, ge=0, le=1)
    """Share of an object's grasps that are tried in the scene as well; 1 tries all."""
    choose: Literal["promising_first", "uniform"] = "promising_first"
    """Which: `promising_first` takes, at random, grasps that held in free space and whose open hand is clear of support
    and neighbours, then others that held, then the rest; `uniform` takes any at random, so that rates are unbiased."""
    shake: bool = False
    """Whether the hand shakes what it has lifted."""


class Grasps(Section):
    """Grasp candidates and their trials."""

    per_object: Annotated[int, Field(ge=0, le=100_000)] = 32
    """Candidates of every object of a scene."""
    profile: str = "standard"
    """Physics profile of the trials (`models/profiles`)."""
    cone_deg: float = Field(20.0, gt=0, le=60)
    """Half-angle of the cone about the inward normal in which closing directions are drawn, deg."""
    tilt_deg: float = Field(5.0, ge=0, le=45)
    """Suction: half-angle of the cone about the inward normal in which approaches are drawn, deg."""
    clearance: float = Field(0.005, ge=0, le=0.05)
    """Gap between each pad and the surface before closing, m."""
    clear_share: float = Field(0.5, ge=0, le=1)
    """Share of candidates whose approach is drawn again until the open hand is clear of the object; the others stay
    uniform, so that their success rate is unbiased. Suction: share whose point is drawn again until a cup seals."""
    contact_share: float = Field(0.5, ge=0, le=1)
    """Multi-finger hands: share of candidates whose pose and joints are optimised until the fingertips lie on the
    surface; the others approach a point of the surface and close on what they meet."""
    scene_share: float = Field(0.5, ge=0, le=1)
    """Multi-finger hands: share of candidates, of either kind, that know the scene: they come from within the approach
    cone, and look for a way in that is clear of support and neighbours. The others know the object only, so that their
    rates are unbiased; most of those meet the support."""
    database: str | None = None
    """Grasp database (`graspgen grasps`) to take candidates and labels from; objects must be at their own size."""
    draws: Annotated[int, Field(ge=0, le=1000)] = 8
    """Repeated trials of each grasp that holds, with friction, mass, centre of mass and pose drawn anew."""
    min_friction: bool = True
    """Whether to search the smallest friction that holds, by bisection."""
    hard_negatives: Annotated[int, Field(ge=0, le=100)] = 0
    """Copies of each grasp that holds, moved by up to 5 mm and 5° and tried as well."""
    force: float | None = Field(None, gt=0)
    """Grip force, N; none takes the gripper's usual one. It never exceeds the gripper's limit."""
    approach_axis: tuple[float, float, float] = (0.0, 0.0, -1.0)
    """Axis of the cone of approaches that the robot can make, world frame; by default straight down."""
    approach_cone_deg: float = Field(60.0, gt=0, le=180)
    """Half-angle of that cone: `grasps.in_cone` says which approaches lie in it, and no grasp is left out, deg."""
    in_scene: InScene = InScene()
    approach: float = Field(0.05, ge=0, le=0.5)
    """Length of the straight approach that is checked for collisions, m."""

    @field_validator("approach_axis")
    @classmethod
    def _direction(cls, axis: tuple[float, float, float]) -> tuple[float, float, float]:
        if not any(axis):
            raise ValueError("the axis of the approach cone has no direction; give one such as [0, 0, -1]")
        return axis
