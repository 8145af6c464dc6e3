"""A depth sensor as a plan holds it: every number that its depth follows from, beside what the view saw."""

from __future__ import annotations

from collections.abc import Mapping

from graspgen.scene.plain import Plain


class SensorPlan(Plain):
    """The depth sensor of one view. `graspgen.sensor_profiles.SensorProfile` says what the values mean."""

    profile: str
    version: int
    """Of the profile."""
    focal: float | None = None
    """Focal length that disparity is counted in, px."""
    baseline: float | None = None
    """m."""
    field: tuple[float, float] | None = None
    """Left and right end of what the second camera sees, x/z in its own frame."""
    range: tuple[float, float]
    """m."""
    unit: float
    """m."""
    disparity_noise: float = 0.0
    disparity_step: float = 0.0
    """px."""
    lateral_shift: float = 0.0
    lateral_tilt: float = 0.0
    """px."""
    axial: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    """constant, linear, quadratic, start, tilt, the drawn factor included in all but start."""
    mixed: float | None = None
    """m."""
    scale_bias: float = 1.0
    dropout: float = 0.0
    grazing_deg: float = 90.0
    shadow: bool = False
    dark: float = 0.0
    specular: float = 0.0
    transparent: float = 0.0
    lost: Mapping[int, float] = {}
    """Share of the pixels of objects that shine or are transparent that is lost, by instance id."""
    noise_seed: int = 0
    """Number that all of its noise is made from."""
