"""What a recipe says about cameras."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from graspgen.distributions import Number
from graspgen.recipe.section import Section, default


class Views(Section):
    """Cameras on a shell around the table's centre, looking at it."""

    per_scene: Annotated[int, Field(ge=1, le=1000)] = 4
    """Views of every scene."""
    width: Annotated[int, Field(ge=16, le=4096)] = 640
    """Image width, px."""
    height: Annotated[int, Field(ge=16, le=4096)] = 480
    """Image height, px."""
    fovy_deg: Number("deg", 5, 150) = default(45.0)
    """Vertical field of view; ignored when K is given."""
    K: tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]] | None = None
    """Camera matrix, px, with the centre of pixel (0, 0) at (0.5, 0.5); overrides fovy_deg."""
    radius: Number("m", 0.1, 5) = default({"uniform": [0.45, 0.8]})
    """Distance of the camera from its target."""
    elevation_deg: Number("deg", 0, 90) = default({"uniform": [25, 80]})
    """Height of the camera above the table's plane, seen from the target."""
    azimuth_deg: Number("deg", -360, 360) = default({"uniform": [0, 360]})
    """Direction of the camera seen from above."""
    roll_deg: Number("deg", -180, 180) = default(0.0)
    """Rotation about the optical axis."""
    target_jitter: Number("m", -1, 1) = default({"uniform": [-0.05, 0.05]})
    """Offset of the target from the table's centre, drawn for x, for y and for z."""
    position_error: Number("m", -0.1, 0.1) = default(0.0)
    """Calibration error of the camera's position, drawn per axis: what `T_world_camera_nominal` is off by."""
    rotation_error_deg: Number("deg", -10, 10) = default(0.0)
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
