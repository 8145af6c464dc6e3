"""A depth sensor as a plan holds it: every number that its depth follows from, beside what the view saw."""

from __future__ import annotations

from collections.abc import Mapping

from graspgen.scene.plain import Plain


class SensorPlan(Plain):
    """The depth sensor of one view. `graspgen.sensor_profiles.SensorProfile` says what the values mean."""

    profile: str
    """Name of a file of `models/sensors`, or of one of the user's."""
    version: int
    """Of the profile."""
    focal: float | None = None
    """Focal length that disparity is counted in, px; None where the sensor has no disparity."""
    baseline: float | None = None
    """Between the two cameras, or camera and projector, m."""
    field: tuple[float, float] | None = None
    """Left and right end of what the second camera sees, x/z in its own frame."""
    range: tuple[float, float]
    """Smallest and largest depth that is reported, m."""
    unit: float
    """Step of the depth that is reported, m."""
    disparity_noise: float = 0.0
    """Standard deviation of the disparity, px."""
    disparity_step: float = 0.0
    """Step of the disparity, px."""
    lateral_shift: float = 0.0
    """Standard deviation of where a pixel looks, along each axis, px."""
    lateral_tilt: float = 0.0
    """What is added to it times θ / (π/2 − θ) at the angle of incidence θ, px."""
    axial: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    """Noise along the optical axis: constant, linear, quadratic, start, tilt, the drawn factor included in all but
    start."""
    mixed: float | None = None
    """Time of flight: a pixel whose 3 × 3 neighbours span more than this is lost, m; None for others."""
    scale_bias: float = 1.0
    """Factor on all depths."""
    dropout: float = 0.0
    """Share of pixels that are lost at random."""
    grazing_deg: float = 90.0
    """Surfaces seen at a larger angle of incidence are lost, deg."""
    shadow: bool = False
    """Whether what the second camera or the projector does not see is lost."""
    dark: float = 0.0
    """Pixels whose grey is below are lost, of 255."""
    specular: float = 0.0
    """Share of a perfect mirror's pixels that is lost."""
    transparent: float = 0.0
    """Share of glass's pixels that is lost."""
    lost: Mapping[int, float] = {}
    """Share of the pixels of objects that shine or are transparent that is lost, by instance id."""
    noise_seed: int = 0
    """Number that all of its noise is made from."""
