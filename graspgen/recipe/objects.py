"""What a recipe says about objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from graspgen.distributions import Distribution, Name, Number
from graspgen.recipe.section import Section, default

#: Everyday things, tools, plain shapes, and shapes of no class, with how often each is drawn. What is tiny or flat is
#: rarer: a jaw can hardly take it from a table.
_FAMILIES: dict[str, float] = {
    "mug": 2, "bowl": 1, "plate": 1, "bottle": 2, "can": 2, "carton": 1, "box": 3, "jar": 1, "cup": 1, "glass": 1,
    "wine_glass": 1,
    "hammer": 1, "screwdriver": 1, "wrench": 1, "spoon": 1, "fork": 1, "knife": 1, "brush": 1, "bolt": 0.5,
    "nut": 0.5, "washer": 0.5, "pencil": 1,
    "cylinder": 2, "sphere": 1, "capsule": 1, "ring": 1, "tube": 1, "l_shape": 1, "t_shape": 1, "u_shape": 1,
    "prism": 1, "die": 0.5, "card": 0.5, "banana": 1,
    "superquadric": 2, "revolve": 2, "convex_union": 5,
}  # fmt: skip


class Objects(Section):
    """What the objects of the run are."""

    library: str | None = None
    """Folder of an object library (`graspgen objects import`); when it is set, objects come from there."""
    faces: Annotated[int, Field(ge=100, le=1_000_000)] | None = None
    """Level of detail: most faces of an object's mesh; finer meshes of the library are made coarser as they are read,
    by 1 % of their extent at most, for pictures, labels and grasps alike (unit: faces); none keeps them."""
    families: Name = default({"choice": list(_FAMILIES), "weights": list(_FAMILIES.values())})
    """Procedural families to draw from when no library is set."""
    parameters: Mapping[str, Mapping[str, Distribution]] = {}
    """Distributions to use in place of a family's own, for example `{mug: {height: {uniform: [0.08, 0.1]}}}`;
    `graspgen objects families mug` tells what there is, in which unit, and what is allowed."""
    pool: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """How many different procedural objects the run draws from (unit: objects)."""
    refused: Literal["skip", "error", "use"] = "skip"
    """What becomes of assets of the library that `graspgen objects check` refused: left out, an error, or used."""
    split: str | None = None
    """Part of the library's split (`graspgen objects split`) to draw from, such as train; none takes all. Procedural
    objects are split by their numbers: train 0.8, val 0.1, test 0.1."""
    classes: tuple[str, ...] | None = Field(None, min_length=1)
    """Classes to draw from; none takes all."""
    featured: tuple[str, ...] | None = Field(None, min_length=1)
    """Classes that the first objects of every scene are drawn from, the others from all; none features none."""
    featured_count: Annotated[int, Field(ge=1, le=64)] = 1
    """How many objects of a scene these are (unit: objects)."""
    scale: Number("", 0.01, 100) = default(1.0)
    """Factor on an object's size, drawn for every object of a scene."""
    fits_hand: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the targets whose factor is lowered until the shortest side of the object's box is at most 0.9 of the
    gripper's opening; 0 lowers none."""
    density: Number("kg/m³", 1, 25_000) | None = None
    """Density; none takes the object's own."""
    friction: Number("", 0.01, 5) | None = None
    """Sliding friction of the object, against the pads as well; none takes the object's own."""
    torsional_friction: Number("m", 0, 0.1) = default(0.005)
    """Torsional friction: about the diameter of the contact patch."""
    rolling_friction: Number("m", 0, 0.1) = default(0.002)
    """Rolling friction."""
    com_offset: Number("", -0.5, 0.5) = default(0.0)
    """Offset of the centre of mass along x, y and z each, as a share of the object's box; it stays inside the object's
    convex hull."""
    inertia_scale: Number("", 0.1, 2) = default(1.0)
    """Factor on how widely the mass is spread along x, y and z each, its centre and its sum kept."""
