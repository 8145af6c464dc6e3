"""What a recipe says about arenas. The middle of the surface that objects lie on is the world's origin."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from graspgen.distributions import Number
from graspgen.recipe.section import Section, default

Length = Annotated[float, Field(gt=0, le=5)]
Thickness = Annotated[float, Field(ge=0.001, le=0.1)]


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


class Bin(Section):
    """An open bin with upright walls, on a table."""

    size: tuple[Length, Length] = (0.4, 0.3)
    """Inner length (x) and width (y), m."""
    depth: Number("m", 0.01, 1) = default({"uniform": [0.08, 0.2]})
    """Height of the walls above the inside of the floor."""
    wall: Thickness = 0.005
    """Thickness of walls and floor, m."""
    friction: Number("", 0.01, 5) = default({"uniform": [0.3, 0.8]})
    """Sliding friction of the bin and the table."""


class Tray(Section):
    """A tray with low walls, or a drawer that is pulled out of its cabinet."""

    size: tuple[Length, Length] = (0.5, 0.4)
    """Inner length (x, out of the cabinet) and width (y), m."""
    depth: Number("m", 0.01, 0.5) = default({"uniform": [0.03, 0.08]})
    """Height of the walls above the inside of the floor."""
    wall: Thickness = 0.01
    """Thickness of walls, floor and cabinet, m."""
    pulled_out: Number("m", 0.05, 2) | None = None
    """How far a drawer is pulled out of its cabinet, at most its length; none for a tray without a cabinet."""
    friction: Number("", 0.01, 5) = default({"uniform": [0.3, 0.8]})
    """Sliding friction of the tray."""


class Shelf(Section):
    """A compartment of a shelf, open towards +x, with boards below and above."""

    size: tuple[Length, Length] = (0.3, 0.8)
    """Depth (x) and width (y) of the board, m."""
    clearance: Number("m", 0.05, 2) = default({"uniform": [0.3, 0.45]})
    """Free height between two boards."""
    board: Thickness = 0.02
    """Thickness of boards and sides, m."""
    friction: Number("", 0.01, 5) = default({"uniform": [0.4, 0.9]})
    """Sliding friction of the shelf."""


class Conveyor(Section):
    """A belt that runs along +x between two rails; objects ride on it."""

    size: tuple[Length, Length] = (1.6, 0.5)
    """Length (x) and width (y) of the belt, m."""
    speed: Number("m/s", 0, 2) = default({"uniform": [0.05, 0.3]})
    """Speed of the belt."""
    rail: Annotated[float, Field(ge=0, le=0.5)] = 0.04
    """Height of the rails above the belt, m; 0 for none."""
    friction: Number("", 0.01, 5) = default({"uniform": [0.6, 1.2]})
    """Sliding friction of belt and rails."""


class Cell(Section):
    """The user's own arena, where `scene.arena` is the path of an MJCF."""

    drop: str | None = None
    """Name of the site or the geom above which objects are dropped; none takes a site that is called "drop", else the
    level box with the largest top, else the first plane."""
    area: tuple[Length, Length] | None = None
    """Length (x) and width (y) of the area that objects are dropped in, m; none takes the site's or the geom's own."""
    friction: Number("", 0.01, 5) = default({"uniform": [0.5, 1.0]})
    """Sliding friction of everything in the cell."""
