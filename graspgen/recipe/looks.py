"""What a recipe says about how views look. Every knob has a value at which it changes nothing, named in its text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from graspgen.distributions import Distribution, Name, Number, Whole
from graspgen.errors import nearest
from graspgen.looks import ENVIRONMENTS, IMAGE, KINDS
from graspgen.looks.materials import looks_materials
from graspgen.recipe.section import Section, default

Chance = Annotated[float, BeforeValidator(lambda v: float(v) if isinstance(v, bool) else v), Field(ge=0, le=1)]
"""A probability; true is 1, false 0."""


def _known(value: Distribution, known: tuple[str, ...]) -> Distribution:
    for name in value.options:
        if name not in known:
            raise ValueError(f"unknown name '{name}'{nearest(str(name), known)}")
    return value


class Colour(Section):
    """A colour in HSV."""

    hue: Number("", 0, 1) = default({"uniform": [0, 1]})
    """Hue, as a share of the circle."""
    saturation: Number("", 0, 1) = default({"uniform": [0.1, 0.9]})
    """Saturation."""
    value: Number("", 0, 1) = default({"uniform": [0.3, 1.0]})
    """Brightness."""


class Surface(Section):
    """How a kind of surface looks: its texture, and how it reflects."""

    material: Name = default("none")
    """A material of `models/materials/looks.yaml`, whose values replace all below; `own`: that of the object's family
    where it has one; `none`: the values below."""
    texture: Name = default("flat")
    """Pattern of two colours; `image`: one of `render.images`; `flat`: the first colour alone."""
    scale: Number("m", 0.001, 20) = default({"log_uniform": [0.05, 0.5]})
    """Side of one tile of the texture."""
    colour: Colour = Colour()
    second: Colour = Colour()
    """The texture's second colour."""
    specular: Number("", 0, 1) = default(0.1)
    """OpenGL: strength of the highlight; 0 has none."""
    shininess: Number("", 0, 1) = default(0.3)
    """OpenGL: sharpness of the highlight."""
    metallic: Number("", 0, 1) = default(0.0)
    """Filament: 0 a dielectric, 1 a metal."""
    roughness: Number("", 0.02, 1) = default({"uniform": [0.3, 0.9]})
    """Filament: near 0 a mirror, 1 matt."""

    @field_validator("texture")
    @classmethod
    def _texture(cls, value: Distribution) -> Distribution:
        return _known(value, (*KINDS, IMAGE))

    @field_validator("material")
    @classmethod
    def _material(cls, value: Distribution) -> Distribution:
        return _known(value, ("none", "own", *looks_materials()))


class ObjectSurface(Surface):
    """How objects look."""

    colour: Colour = Colour(saturation=default({"uniform": [0.25, 0.9]}), value=default({"uniform": [0.4, 1.0]}))
    specular: Number("", 0, 1) = default({"uniform": [0.0, 0.6]})
    """OpenGL: strength of the highlight; 0 has none."""
    shininess: Number("", 0, 1) = default({"uniform": [0.1, 0.9]})
    """OpenGL: sharpness of the highlight."""
    normal: Number("", 0, 2) = default(0.0)
    """Filament: steepest slope of the texture's relief, for meshes; 0 is smooth."""
    per: Literal["scene", "view"] = "scene"
    """Whether an object looks alike in all views of its scene, or is drawn anew for each."""
    replace: Chance = 0.0
    """Chance that an object which brings a texture loses it to the values above; 0 keeps all."""


class Lights(Section):
    """Lights on a shell around the table's centre; the first casts shadows."""

    count: Whole("lights", 1, 8) = default({"uniform": [1, 3]})
    """Lights of a view."""
    lit: Chance = 1.0
    """Chance that a light is lit, each by itself; the first always is."""
    kind: Name = default("spot")
    """spot, directional or point; a point light casts no shadows with OpenGL."""
    distance: Number("m", 0.3, 10) = default({"uniform": [1.2, 2.5]})
    """Distance of a light from the table's centre."""
    elevation_deg: Number("deg", 0, 90) = default({"uniform": [35, 85]})
    """Height of a light above the table's plane."""
    azimuth_deg: Number("deg", -360, 360) = default({"uniform": [0, 360]})
    """Direction of a light seen from above."""
    aim: Number("m", -1, 1) = default(0.0)
    """Where a light shines, from the table's centre, drawn for x and for y; 0 is the centre."""
    intensity: Number("", 0, 4) = default({"log_uniform": [0.6, 1.05]})
    """Diffuse intensity, shared by a view's lights; 1 shows a white surface that faces them as white."""
    temperature: Number("K", 1667, 25000) | None = default({"truncated_normal": [5600, 700, 3500, 8000]})
    """Colour temperature of each light; none (null) is white."""
    tinted: Chance = 0.0
    """Chance that a light is tinted; 0 tints none."""
    tint: Number("", 0, 1) = default({"uniform": [0.7, 1.0]})
    """Factor on red, on green and on blue of a tinted light."""
    ambient: Number("", 0, 1) = default({"uniform": [0.2, 0.35]})
    """OpenGL: light from everywhere; 0 is none."""

    @field_validator("kind")
    @classmethod
    def _kind(cls, value: Distribution) -> Distribution:
        return _known(value, ("spot", "directional", "point"))


class Environment(Section):
    """Light from all around, for the Filament engine."""

    kind: Name = default("studio")
    """Procedural environment: studio (soft boxes), sky, room."""
    strength: Number("", 0, 10) = default(1.0)
    """Factor on its light; 0 is none."""
    rotation_deg: Number("deg", -360, 360) = default({"uniform": [0, 360]})
    """Turn about the vertical."""

    @field_validator("kind")
    @classmethod
    def _kind(cls, value: Distribution) -> Distribution:
        return _known(value, ENVIRONMENTS)


class Grade(Section):
    """What the camera does to pictures, in colour alone; the defaults change nothing."""

    exposure: Number("stops", -5, 5) = default(0.0)
    """Exposure; 0 changes nothing, 1 doubles the light."""
    temperature: Number("", -1, 1) = default(0.0)
    """White balance towards warm (> 0) or cold; 0 changes nothing."""
    tint: Number("", -1, 1) = default(0.0)
    """White balance towards magenta (> 0) or green; 0 changes nothing."""
    contrast: Number("", 0.1, 3) = default(1.0)
    """Factor on contrast; 1 changes nothing."""
    saturation: Number("", 0, 3) = default(1.0)
    """Factor on saturation; 1 changes nothing, 0 is grey."""
    gamma: Number("", 0.2, 5) = default(1.0)
    """Above 1 lightens the middle, below darkens it; 1 changes nothing."""
    blur: Number("px", 0, 20) = default(0.0)
    """Standard deviation of the lens's blur, a Gaussian; 0 has none."""
    moving: Chance = 0.0
    """Chance that a view is blurred by motion; 0 blurs none."""
    motion: Number("px", 0, 50) = default({"uniform": [0, 6]})
    """Length of the motion of a view that is blurred by it; its direction is uniform."""
    noise: Number("", 0, 64) = default(0.0)
    """Standard deviation of the sensor's noise at medium brightness, of 255, half of it shot noise; 0 has none."""
    compressed: Chance = 0.0
    """Chance that a view has been compressed as JPEG; 0 compresses none."""
    jpeg_quality: Whole("", 1, 100) = default({"uniform": [70, 95]})
    """Quality of the JPEG of a view that has been compressed."""


class Background(Section):
    """What lies behind the scene."""

    kind: Name = default("plane")
    """plane: a floor; room: a floor and walls; image: one of `images` in place of both, with depth 0; cutout: an image
    in place of the support as well."""
    images: str | None = None
    """Folder of images (PNG, JPEG, …) for `image` and `cutout`."""
    wall_distance: float = Field(1.8, ge=0.5, le=5)
    """Distance of a room's walls from the table's centre, m; a camera farther out moves them."""

    @field_validator("kind")
    @classmethod
    def _kind(cls, value: Distribution) -> Distribution:
        return _known(value, ("plane", "room", "image", "cutout"))

    @model_validator(mode="after")
    def _folder(self) -> Background:
        wanted = [k for k in self.kind.options if k in ("image", "cutout")]
        if wanted and self.images is None:
            raise ValueError(f"the background '{wanted[0]}' needs a folder of images: set render.background.images")
        return self


_TABLE = Colour(saturation=default({"uniform": [0.0, 0.35]}), value=default({"uniform": [0.45, 0.95]}))
_FLOOR = Colour(saturation=default({"uniform": [0.0, 0.25]}), value=default({"uniform": [0.3, 0.85]}))
#: Most tables are plain: a texture costs OpenGL in software about a quarter of a view's time.
_TOPS = {"choice": ["none", "laminate", "oak", "walnut", "pine"], "weights": [8, 2, 1, 1, 1]}


class Render(Section):
    """How views look. Objects of a library that have a texture keep it."""

    engine: Literal["opengl", "filament"] = "opengl"
    """The renderer of colour: opengl, fast, or filament, photoreal, which needs Vulkan. Depth and ids are OpenGL's."""
    fallback: bool = False
    """Whether views for filament are rendered by opengl where Vulkan is missing, instead of an error."""
    preset: str | None = None
    """A file of `models/presets` (dr, photoreal) or a path: its values replace the defaults; the recipe's own win."""
    mix: Mapping[str, float] = {}
    """Shares of presets among the views, by count: `{dr: 0.5, photoreal: 0.5}`; the `render` section of each applies
    to its views, with the recipe's own keys on top."""
    mixed: Mapping[str, Render] = {}
    """The `render` sections that `mix` stands for; filled in when the recipe is read."""
    shadows: Chance = 1.0
    """Chance that a view's first light casts shadows; 0 (false) casts none."""
    shadow_size: Annotated[int, Field(ge=64, le=8192)] = 1024
    """Side of the shadow map, texels."""
    lights: Lights = Lights()
    environment: Environment = Environment()
    grade: Grade = Grade()
    background: Background = Background()
    images: str | None = None
    """Folder of images for textures named `image`."""
    objects: ObjectSurface = ObjectSurface()
    table: Surface = Surface(material=default(_TOPS), colour=_TABLE, second=_TABLE)
    """The support."""
    fixtures: Surface | None = None
    """How walls, boards and rails around objects look, drawn for each view; none: their own plain colour
    (`scene.fixture_colour`, or that of the user's cell)."""
    floor: Surface = Surface(colour=_FLOOR, second=_FLOOR)
    walls: Surface = Surface(colour=_FLOOR, second=_FLOOR)
    """Walls of a room."""

    @model_validator(mode="after")
    def _images(self) -> Render:
        for name in ("objects", "table", "fixtures", "floor", "walls"):
            surface = getattr(self, name)
            if surface is not None and IMAGE in surface.texture.options and self.images is None:
                raise ValueError(f"{name}.texture: 'image' needs a folder of images: set render.images")
        return self

    @model_validator(mode="after")
    def _shares(self) -> Render:
        if self.mix and (min(self.mix.values()) < 0 or sum(self.mix.values()) <= 0):
            raise ValueError(f"mix: shares must be >= 0 and not all zero, got {dict(self.mix)}")
        missing = sorted(set(self.mix) - set(self.mixed))
        if missing:
            raise ValueError(f"mix: the preset '{missing[0]}' was not read; recipes with a mix are read from files")
        return self
