"""What a recipe may say. A recipe names what is random and how; it never holds a drawn value.

Units are SI; a key in degrees ends in `_deg`. Every class below is a section of the YAML file; an unknown key is an
error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from graspgen.distributions import Distribution, Name, Number, Whole, parse


class Section(BaseModel):
    """Base of all sections: immutable, and an unknown key is an error."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, validate_default=True, allow_inf_nan=False
    )


def _d(written: object) -> Distribution:
    return parse(written)


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
    families: Name = _d({"choice": list(_FAMILIES), "weights": list(_FAMILIES.values())})
    """Procedural families to draw from when no library is set."""
    parameters: Mapping[str, Mapping[str, Distribution]] = {}
    """Distributions to use in place of a family's own, for example `{mug: {height: {uniform: [0.08, 0.1]}}}`."""
    pool: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """How many different procedural objects the run draws from (unit: objects)."""
    refused: Literal["skip", "error", "use"] = "skip"
    """What becomes of assets of the library that `graspgen objects check` refused: left out, an error, or used."""
    split: str | None = None
    """Part of the library's split (`graspgen objects split`) to draw from, such as train; none takes all. Procedural
    objects are split by their numbers: train 0.8, val 0.1, test 0.1."""
    classes: tuple[str, ...] | None = Field(None, min_length=1)
    """Classes to draw from; none takes all."""
    scale: Number("", 0.01, 100) = _d(1.0)
    """Factor on an object's size, drawn for every object of a scene."""
    density: Number("kg/m³", 1, 25_000) | None = None
    """Density; none takes the object's own."""
    friction: Number("", 0.01, 5) | None = None
    """Sliding friction of the object, against the pads as well; none takes the object's own."""
    torsional_friction: Number("m", 0, 0.1) = _d(0.005)
    """Torsional friction: about the diameter of the contact patch."""
    rolling_friction: Number("m", 0, 0.1) = _d(0.002)
    """Rolling friction."""
    com_offset: Number("", -0.5, 0.5) = _d(0.0)
    """Offset of the centre of mass along x, y and z each, as a share of the object's box; it stays inside the object's
    convex hull."""
    inertia_scale: Number("", 0.1, 2) = _d(1.0)
    """Factor on how widely the mass is spread along x, y and z each, its centre and its sum kept."""


class Count(Section):
    """How many objects a scene holds and where they are dropped."""

    count: Whole("objects", 1, 64) = _d({"uniform": [1, 8]})
    """Objects dropped in a scene."""
    spread: Number("m", 0, 2) = _d(0.14)
    """Half-side of the square above the table's centre in which objects are dropped."""
    drop_height: Number("m", 0, 2) = _d({"uniform": [0.02, 0.06]})
    """Clearance between an object's lowest point and what it is dropped above."""


class Table(Section):
    """The support."""

    size: tuple[float, float, float] = (0.9, 0.7, 0.04)
    """Length, width, thickness, m; its top is z = 0, its centre the world's origin."""
    friction: Number("", 0.01, 5) = _d({"uniform": [0.5, 1.0]})
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
    gravity: Number("m/s²", 0.1, 50) = _d(9.81)
    """Magnitude of gravity, along the world's −z."""
    objects: Count = Count()
    table: Table = Table()
    settle: Settle = Settle()


class Views(Section):
    """Cameras on a shell around the table's centre, looking at it."""

    per_scene: Annotated[int, Field(ge=1, le=1000)] = 4
    """Views of every scene."""
    width: Annotated[int, Field(ge=16, le=4096)] = 640
    """Image width, px."""
    height: Annotated[int, Field(ge=16, le=4096)] = 480
    """Image height, px."""
    fovy_deg: Number("deg", 5, 150) = _d(45.0)
    """Vertical field of view; ignored when K is given."""
    K: tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]] | None = None
    """Camera matrix, px, with the centre of pixel (0, 0) at (0.5, 0.5); overrides fovy_deg."""
    radius: Number("m", 0.1, 5) = _d({"uniform": [0.45, 0.8]})
    """Distance of the camera from its target."""
    elevation_deg: Number("deg", 0, 90) = _d({"uniform": [25, 80]})
    """Height of the camera above the table's plane, seen from the target."""
    azimuth_deg: Number("deg", -360, 360) = _d({"uniform": [0, 360]})
    """Direction of the camera seen from above."""
    roll_deg: Number("deg", -180, 180) = _d(0.0)
    """Rotation about the optical axis."""
    target_jitter: Number("m", -1, 1) = _d({"uniform": [-0.05, 0.05]})
    """Offset of the target from the table's centre, drawn for x, for y and for z."""
    position_error: Number("m", -0.1, 0.1) = _d(0.0)
    """Calibration error of the camera's position, drawn per axis: what `T_world_camera_nominal` is off by."""
    rotation_error_deg: Number("deg", -10, 10) = _d(0.0)
    """Calibration error of the camera's orientation, drawn per axis."""

    @model_validator(mode="after")
    def _valid_K(self) -> Views:
        if self.K is not None:
            (fx, skew, cx), (a, fy, cy), last = self.K
            if fx <= 0 or fy <= 0 or skew != 0 or a != 0 or last != (0.0, 0.0, 1.0):
                raise ValueError("K must be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] with fx, fy > 0")
            if not (0 <= cx <= self.width and 0 <= cy <= self.height):
                raise ValueError(
                    f"the principal point ({cx:g}, {cy:g}) is outside the {self.width}x{self.height} image"
                )
        return self


class Lights(Section):
    """Lights on a shell around the table's centre; the first casts shadows."""

    count: Whole("lights", 1, 8) = _d({"uniform": [1, 3]})
    """Lights of a view."""
    distance: Number("m", 0.3, 10) = _d({"uniform": [1.2, 2.5]})
    """Distance of a light from the table's centre."""
    elevation_deg: Number("deg", 0, 90) = _d({"uniform": [35, 85]})
    """Height of a light above the table's plane."""
    azimuth_deg: Number("deg", -360, 360) = _d({"uniform": [0, 360]})
    """Direction of a light seen from above."""
    intensity: Number("", 0, 2) = _d({"log_uniform": [0.4, 0.9]})
    """Diffuse intensity, shared by a view's lights."""
    ambient: Number("", 0, 1) = _d({"uniform": [0.1, 0.3]})
    """Light from everywhere."""


class Colour(Section):
    """A colour in HSV."""

    hue: Number("", 0, 1) = _d({"uniform": [0, 1]})
    """Hue, as a share of the circle."""
    saturation: Number("", 0, 1) = _d({"uniform": [0.1, 0.9]})
    """Saturation."""
    value: Number("", 0, 1) = _d({"uniform": [0.3, 1.0]})
    """Brightness."""


class Render(Section):
    """How views look. Objects of a library that have a texture keep it."""

    engine: Literal["opengl"] = "opengl"
    """The renderer."""
    shadows: bool = True
    """Whether the first light casts shadows."""
    shadow_size: Annotated[int, Field(ge=64, le=8192)] = 1024
    """Side of the shadow map, texels."""
    lights: Lights = Lights()
    object_colour: Colour = Colour()
    table_colour: Colour = Colour(saturation=_d({"uniform": [0.0, 0.4]}))
    background_colour: Colour = Colour(saturation=_d({"uniform": [0.0, 0.3]}))
    specular: Number("", 0, 1) = _d({"uniform": [0.0, 0.6]})
    """Specular reflection of objects."""
    shininess: Number("", 0, 1) = _d({"uniform": [0.1, 0.9]})
    """Sharpness of the specular reflection."""


class Grasps(Section):
    """Grasp candidates and their trials."""

    per_object: Annotated[int, Field(ge=0, le=100_000)] = 32
    """Candidates of every object of a scene."""
    profile: str = "standard"
    """Physics profile of the trials (`models/profiles`)."""
    cone_deg: float = Field(20.0, gt=0, le=60)
    """Half-angle of the cone about the inward normal in which closing directions are drawn, deg."""
    clearance: float = Field(0.005, ge=0, le=0.05)
    """Gap between each pad and the surface before closing, m."""
    clear_share: float = Field(0.5, ge=0, le=1)
    """Share of candidates whose approach is drawn again until the open hand is clear of the object; the others stay
    uniform, so that their success rate is unbiased."""
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
    approach: float = Field(0.05, ge=0, le=0.5)
    """Length of the straight approach that is checked for collisions, m."""


class Recipe(Section):
    """A recipe: the whole description of a run."""

    task: Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-]{1,64}$")]
    """Name of the task, stored with every scene."""
    description: str = ""
    """One sentence for people."""
    gripper: str = "panda_hand"
    """Name of a shipped gripper, or path of a gripper's YAML file."""
    objects: Objects = Objects()
    scene: Scene = Scene()
    views: Views = Views()
    render: Render = Render()
    grasps: Grasps = Grasps()
