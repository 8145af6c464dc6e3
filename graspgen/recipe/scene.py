"""What a recipe says about where objects lie."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from graspgen.distributions import Number, Whole
from graspgen.recipe.section import Section, default


class Count(Section):
    """How many objects a scene holds and where they are dropped."""

    count: Whole("objects", 1, 64) = default({"uniform": [1, 8]})
    """Objects dropped in a scene."""
    spread: Number("m", 0, 2) = default(0.14)
    """Half-side of the square above the table's centre in which objects are dropped."""
    drop_height: Number("m", 0, 2) = default({"uniform": [0.02, 0.06]})
    """Clearance between an object's lowest point and what it is dropped above."""


class Table(Section):
    """The support."""

    size: tuple[float, float, float] = (0.9, 0.7, 0.04)
    """Length, width, thickness, m; its top is z = 0, its centre the world's origin."""
    friction: Number("", 0.01, 5) = default({"uniform": [0.5, 1.0]})
    """Sliding friction of the table."""

    @model_validator(mode="after")
    def _positive(self) -> Table:
        if min(self.size) <= 0:
            raise ValueError(f"the table's size must be positive, got {list(self.size)}")
        return self


class Settle(Section):
    """When a scene counts as at rest. Objects below the table's top by `fallen` are removed."""

    max_speed: float = Field(0.01, gt=0)
    """Largest speed of a centre of mass at rest, m/s."""
    max_angular_speed: float = Field(0.1, gt=0)
    """Largest angular speed at rest, rad/s."""
    rest_time: float = Field(0.25, gt=0)
    """How long the speeds must stay below, s."""
    time_limit: float = Field(8.0, gt=0)
    """Simulated time after which the scene is refused and drawn again, s."""
    max_penetration: float = Field(0.001, gt=0)
    """Deepest penetration accepted at rest, m."""
    fallen: float = Field(0.05, gt=0)
    """An object whose centre of mass is this far below the table's top has fallen off, m."""
    attempts: int = Field(10, ge=1, le=100)
    """How often a refused scene is drawn again before the run stops."""


class Scene(Section):
    """What lies where."""

    arena: Literal["table"] = "table"
    """The support that objects are dropped on."""
    gravity: Number("m/s²", 0.1, 50) = default(9.81)
    """Magnitude of gravity, along the world's −z."""
    objects: Count = Count()
    table: Table = Table()
    settle: Settle = Settle()
