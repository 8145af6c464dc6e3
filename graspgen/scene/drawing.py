"""What all draws of a scene share: their streams, and numbers as plans hold them."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence

import numpy as np

from graspgen.distributions import Distribution
from graspgen.frames import Array
from graspgen.recipe import Colour
from graspgen.scene.plan import Matrix4, Vector
from graspgen.streams import Purpose, stream

# What draws belong to, in the key of a stream after (index, attempt): part of every seed's meaning.
SCENE, OBJECT, VIEW, LIGHT = 0, 1, 2, 3
CONTEXTUAL, FLYING, ARENA = 20, 21, 30


def scene_stream(seed: int, purpose: Purpose, key: tuple[int, int], *below: int) -> np.random.Generator:
    """Return the stream of a purpose in the scene and attempt `key`, of the whole scene or of what `below` names."""
    return stream(seed, purpose, *key, *(below or (SCENE,)))


def number(value: Distribution | None, rng: np.random.Generator, default: float = 0.0) -> float:
    """Draw a number; where the recipe says none, skip the draw and take the default."""
    if value is None:
        rng.random()
        return float(default)
    return float(value.draw(rng))


def rgb(colour: Colour, rng: np.random.Generator) -> Vector:
    """Draw a colour, RGB in 0…1."""
    hue, saturation, value = (number(d, rng) for d in (colour.hue, colour.saturation, colour.value))
    return vector(colorsys.hsv_to_rgb(hue, saturation, value))


def on_shell(radius: float, elevation_deg: float, azimuth_deg: float) -> Array:
    """Return the (3,) point at `radius`, m, in the direction that the angles give."""
    elevation, azimuth = math.radians(elevation_deg), math.radians(azimuth_deg)
    return radius * np.array(
        [
            math.cos(elevation) * math.cos(azimuth),
            math.cos(elevation) * math.sin(azimuth),
            math.sin(elevation),
        ]
    )


def vector(v: Sequence[float] | Array) -> Vector:
    """Return three numbers as a plan holds them."""
    x, y, z = (float(c) for c in v)
    return x, y, z


def matrix4(T: Array) -> Matrix4:
    """Return a (4, 4) pose as a plan holds it."""
    return tuple(tuple(float(c) for c in row) for row in T)  # type: ignore[return-value]
