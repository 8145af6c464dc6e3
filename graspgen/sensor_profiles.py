"""Depth sensors as data: `models/sensors/*.yaml`, or a file of the user's."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from graspgen.errors import RecipeError, nearest
from graspgen.lens import Matrix3
from graspgen.paths import data_dir
from graspgen.sensor_codes import OFF
from graspgen.yaml_text import parse_yaml

_Share = Annotated[float, Field(ge=0, le=1)]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Axial(_Data):
    """Noise along the optical axis, m, at depth z, m, and incidence θ, rad:

    σ = constant + linear · max(z − start, 0) + quadratic · (z − start)² + tilt / √z · θ² / (π/2 − θ)², the last beyond
    60°. Khoshelham and Elberink 2012: quadratic alone; Nguyen et al. 2012: constant, quadratic and tilt.
    """

    constant: Annotated[float, Field(ge=0)] = 0.0
    linear: Annotated[float, Field(ge=0)] = 0.0
    quadratic: Annotated[float, Field(ge=0)] = 0.0
    start: Annotated[float, Field(ge=0)] = 0.0
    tilt: Annotated[float, Field(ge=0)] = 0.0


class SensorProfile(_Data):
    """A depth sensor. What is left out does nothing."""

    description: str = ""
    version: int
    width: Annotated[int, Field(ge=16, le=4096)] | None = None
    height: Annotated[int, Field(ge=16, le=4096)] | None = None
    """Of its own images, px."""
    fx: Annotated[float, Field(gt=0)] | None = None
    fy: Annotated[float, Field(gt=0)] | None = None
    """Focal lengths of its own images, px; pixels of the noise are these."""
    cx: float | None = None
    cy: float | None = None
    """Its principal point, px; none is the middle."""
    baseline: Annotated[float, Field(gt=0)] | None = None
    """From the camera to the right, to the second camera or the projector, m."""
    converging: bool = False
    """Whether that is turned so that it covers the whole image of the camera."""
    range: tuple[float, float] | None = None
    """Nearest and furthest depth that it reports, m."""
    unit: Annotated[float, Field(ge=1e-4, le=0.1)] = 1e-4
    """Step of what it reports, m, a multiple of 0.1 mm."""
    disparity_noise: Annotated[float, Field(ge=0)] = 0.0
    """Standard deviation, px."""
    disparity_step: Annotated[float, Field(ge=0)] = 0.0
    """Step of the disparity, px."""
    lateral_shift: Annotated[float, Field(ge=0)] = 0.0
    """Standard deviation along each axis of where a pixel looks, px of the view."""
    lateral_tilt: Annotated[float, Field(ge=0)] = 0.0
    """What is added to it times θ / (π/2 − θ), px."""
    axial: Axial = Axial()
    mixed: Annotated[float, Field(gt=0)] | None = None
    """Time of flight: a pixel whose 3 x 3 neighbours span more than this mixes two surfaces, m."""
    dropout: _Share = 0.0
    """Share of pixels that are lost at random."""
    grazing_deg: Annotated[float, Field(gt=0, le=90)] = 90.0
    """Surfaces seen at a larger angle of incidence are lost."""
    dark: Annotated[float, Field(ge=0, le=255)] = 0.0
    """Pixels whose grey is below are lost, of 255."""
    specular: _Share = 0.0
    """Share of the pixels of a perfect mirror that are lost."""
    transparent: _Share = 0.0
    """Share of the pixels of glass that are lost."""

    @model_validator(mode="after")
    def _whole(self) -> SensorProfile:
        if self.range is not None and not 0 <= self.range[0] < self.range[1]:
            raise ValueError(f"range: {self.range[0]:g} m is not below {self.range[1]:g} m")
        if (self.baseline or self.disparity_noise or self.disparity_step) and not (self.fx and self.baseline):
            raise ValueError("baseline, disparity_noise and disparity_step need both baseline and fx")
        if abs(self.unit * 1e4 - round(self.unit * 1e4)) > 1e-6:
            raise ValueError(f"unit: {self.unit:g} m is no multiple of 0.0001 m")
        return self

    def K(self, width: int, height: int) -> Matrix3:
        """Return the camera matrix of its images, px, at another size.

        Raises:
            ValueError: it says nothing about its images.
        """
        if not (self.width and self.height and self.fx and self.fy):
            raise ValueError("the sensor has no images of its own: give views.width, height and K")
        x, y = width / self.width, height / self.height
        cx = self.width / 2 if self.cx is None else self.cx
        cy = self.height / 2 if self.cy is None else self.cy
        return (self.fx * x, 0.0, cx * x), (0.0, self.fy * y, cy * y), (0.0, 0.0, 1.0)


def sensor_names() -> tuple[str, ...]:
    """Return the names of the shipped sensors."""
    return tuple(sorted(p.stem for p in data_dir("models").joinpath("sensors").glob("*.yaml")))


@cache
def load_sensor(name: str) -> SensorProfile:
    """Read a shipped sensor.

    Raises:
        RecipeError: there is none, or it is not valid.
    """
    if name not in sensor_names():
        raise RecipeError(f"there is no sensor '{name}'{nearest(name, (OFF, *sensor_names()))}")
    return read_sensor(data_dir("models") / "sensors" / f"{name}.yaml")


def read_sensor(path: Path) -> SensorProfile:
    """Read the file of a sensor.

    Raises:
        RecipeError: it cannot be read, or it is not valid.
    """
    try:
        content: Any = parse_yaml(path.read_text(encoding="utf-8"), path.name)
        return SensorProfile.model_validate(content)
    except OSError as error:
        raise RecipeError(f"the sensor {path} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RecipeError(f"the sensor {path}: {where + ': ' if where else ''}{first['msg']}") from None
    except ValueError as error:
        raise RecipeError(f"the sensor {path} is not valid: {' '.join(str(error).split())}") from None
