"""What a recipe says about how views look."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from graspgen.distributions import Number, Whole
from graspgen.recipe.section import Section, default


class Lights(Section):
    """Lights on a shell around the table's centre; the first casts shadows."""

    count: Whole("lights", 1, 8) = default({"uniform": [1, 3]})
    """Lights of a view."""
    distance: Number("m", 0.3, 10) = default({"uniform": [1.2, 2.5]})
    """Distance of a light from the table's centre."""
    elevation_deg: Number("deg", 0, 90) = default({"uniform": [35, 85]})
    """Height of a light above the table's plane."""
    azimuth_deg: Number("deg", -360, 360) = default({"uniform": [0, 360]})
    """Direction of a light seen from above."""
    intensity: Number("", 0, 2) = default({"log_uniform": [0.4, 0.9]})
    """Diffuse intensity, shared by a view's lights."""
    ambient: Number("", 0, 1) = default({"uniform": [0.1, 0.3]})
    """Light from everywhere."""


class Colour(Section):
    """A colour in HSV."""

    hue: Number("", 0, 1) = default({"uniform": [0, 1]})
    """Hue, as a share of the circle."""
    saturation: Number("", 0, 1) = default({"uniform": [0.1, 0.9]})
    """Saturation."""
    value: Number("", 0, 1) = default({"uniform": [0.3, 1.0]})
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
    table_colour: Colour = Colour(saturation=default({"uniform": [0.0, 0.4]}))
    background_colour: Colour = Colour(saturation=default({"uniform": [0.0, 0.3]}))
    specular: Number("", 0, 1) = default({"uniform": [0.0, 0.6]})
    """Specular reflection of objects."""
    shininess: Number("", 0, 1) = default({"uniform": [0.1, 0.9]})
    """Sharpness of the specular reflection."""
