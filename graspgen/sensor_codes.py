"""What files say about depth sensors, apart from their models, so that reading a file needs none of these."""

from __future__ import annotations

from enum import IntEnum

#: What a recipe calls having no sensor.
OFF = "off"


class Reason(IntEnum):
    """Why a pixel of a depth sensor has no value."""

    OK = 0
    OUT_OF_RANGE = 1
    """Nothing is there, or nearer or further than the sensor reports."""
    SHADOW = 2
    """The second camera, or the projector, does not see it; or a time-of-flight pixel mixes two surfaces."""
    GRAZING = 3
    DARK = 4
    SPECULAR = 5
    """Its material shines or is transparent."""
    RANDOM = 6
