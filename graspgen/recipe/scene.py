"""What a recipe says about where objects lie."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from graspgen.distributions import Number, Whole
from graspgen.errors import nearest
from graspgen.recipe.arenas import Bin, Cell, Conveyor, Shelf, Table, Tray
from graspgen.recipe.distractors import Distractors
from graspgen.recipe.looks import Colour
from graspgen.recipe.section import Section, default

#: The shipped arenas (`models/arenas`), each with a section of its own.
ARENAS = ("table", "bin", "tray", "shelf", "conveyor")


class Count(Section):
    """How many objects a scene holds and where they are dropped."""

    count: Whole("objects", 1, 64) = default({"uniform": [1, 8]})
    """Objects dropped in a scene."""
    spread: Number("m", 0, 2) = default(0.14)
    """Half-side of the square above the table's centre in which objects are dropped."""
    drop_height: Number("m", 0, 2) = default({"uniform": [0.02, 0.06]})
    """Clearance between an object's lowest point and what it is dropped above."""


class Pile(Section):
    """`scene.arrangement: pile`: objects are dropped one after the other into a box, which is then taken away."""

    box: tuple[float, float, float] = (0.26, 0.26, 0.2)
    """Inner length, width and height of the box, m."""
    wait: float = Field(1.0, gt=0, le=10)
    """Longest time that each object gets to come to rest before the next is dropped, s."""

    @model_validator(mode="after")
    def _positive(self) -> Pile:
        if min(self.box) <= 0:
            raise ValueError(f"the box's size must be positive, got {list(self.box)}")
        return self


class Packed(Section):
    """`scene.arrangement: packed`: objects stand upright, side by side, each where it touches no other."""

    tries: int = Field(12, ge=1, le=1000)
    """How many places are drawn for an object before it counts as one that finds no room."""
    gap: float = Field(0.002, ge=0.0005, le=0.1)
    """Clearance between an object and the support when it is let go, and between the footprints of two objects, m."""
    leave_out: bool = True
    """Whether objects that find no room are left out, and counted; else the scene is refused and drawn again."""


class Stack(Section):
    """`scene.arrangement: stack`: towers of objects, each put upon the one below it, the widest at the bottom."""

    height: Whole("objects", 1, 16) = default({"uniform": [2, 4]})
    """Objects of a tower."""
    offset: Number("", 0, 0.5) = default({"uniform": [0.0, 0.15]})
    """How far the centre of mass of each object lies from that of the one below it, as a share of the smaller of
    their two footprints."""
    gap: float = Field(0.001, ge=0.0005, le=0.1)
    """Clearance between an object and what it is put upon, m."""
    standing: float = Field(0.5, ge=0, le=1)
    """Share of the objects put upon others that must still lie on another one at rest, else the scene is refused."""


class Settle(Section):
    """When a scene counts as at rest: relative to the belt on a conveyor. Objects below the support's top by `fallen`,
    or outside the walls of a bin, are removed."""

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
    max_removed: float = Field(1.0, ge=0, le=1)
    """Largest share of a scene's objects that may be removed, else it is refused; a scene without objects always is."""
    attempts: int = Field(10, ge=1, le=100)
    """How often a refused scene is drawn again before the run stops."""


class Scene(Section):
    """What lies where."""

    arena: str = "table"
    """What objects lie in: table, bin, tray, shelf, conveyor, or the path of an MJCF of your own."""
    arrangement: Literal["drop", "pile", "packed", "stack"] = "drop"
    """How objects come to lie there: dropped all at once, dropped into a box that is taken away, packed upright side by
    side, or stacked."""
    gravity: Number("m/s²", 0.1, 50) = default(9.81)
    """Magnitude of gravity, along the world's −z but for `tilt_deg`."""
    tilt_deg: Number("deg", 0, 10) = default(0.0)
    """Angle between gravity and the world's −z, in a random direction, as if the support were tilted; 0 is level. Round
    objects may not come to rest on a tilted one."""
    contact_softness: Number("", 1, 2) = default(1.0)
    """For experts: factor on the time constant of contacts while scenes settle (MuJoCo's solref); 1 changes nothing,
    the stiffest that the step resolves."""
    contact_depth: Number("", 0.5, 2) = default(1.0)
    """For experts: factor on the depth over which contacts stiffen while scenes settle (MuJoCo's solimp); 1 changes
    nothing."""
    objects: Count = Count()
    distractors: Distractors = Distractors()
    table: Table = Table()
    bin: Bin = Bin()
    tray: Tray = Tray()
    shelf: Shelf = Shelf()
    conveyor: Conveyor = Conveyor()
    cell: Cell = Cell()
    pile: Pile = Pile()
    packed: Packed = Packed()
    stack: Stack = Stack()
    settle: Settle = Settle()
    fixture_colour: Colour = Colour(saturation=default({"uniform": [0.0, 0.6]}))
    """Colour of walls, boards and rails, drawn for every scene; a cell keeps its own colours."""

    @field_validator("arena")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in ARENAS and not name.endswith(".xml"):
            raise ValueError(f"there is no arena '{name}' (one of your own is an .xml file){nearest(name, ARENAS)}")
        return name
