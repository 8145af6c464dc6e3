"""Procedural surroundings for image-based light: what mirrors reflect, and what lights everything from all around.

An environment is a smooth gradient from the ground over the horizon to the zenith, and a handful of bright lobes
(softboxes, windows, lamps, the sun's haze). Lobes are spherical Gaussians a · exp(λ (d · μ − 1)), so blurring them for
rough surfaces is closed-form: the blur of one by another is again one, with 1/λ = 1/λ₁ + 1/λ₂ and the same integral
(Wang et al. 2009, "All-frequency rendering of dynamic, spatially-varying reflectance", §4). No image is stored.
"""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graspgen.errors import RenderError
from graspgen.frames import Array

#: Names of environments.
KINDS: tuple[str, ...] = ("studio", "sky", "room")

_SIDE, _LEVELS = 64, 4


@dataclass(frozen=True, eq=False)
class Environment:
    """Radiance from every direction, scaled so that a horizontal white surface below it reflects 1.

    Attributes:
        ground, horizon, zenith: (3,) linear RGB of the gradient.
        axes: (n, 3) unit vectors to the centres of the lobes, world frame.
        sharpness: (n,) λ of the lobes.
        colours: (n, 3) linear RGB at their centres.
    """

    ground: Array
    horizon: Array
    zenith: Array
    axes: Array
    sharpness: Array
    colours: Array

    def radiance(self, directions: Array, alpha: float = 0.0) -> Array:
        """Return the (..., 3) radiance from (..., 3) unit directions, blurred as by a mirror of GGX roughness alpha."""
        z = directions[..., 2:]
        width = np.sqrt(0.04 + 0.7 * alpha**2)
        above = 1 / (1 + np.exp(-4 * z / width))
        high = np.clip(z, 0, 1) ** (1 / (1 + alpha))
        value = self.ground * (1 - above) + above * (self.horizon + (self.zenith - self.horizon) * high)
        # GGX around the mirror direction is close to a lobe of λ = 1 / (2 α²).
        sharpness = self.sharpness / (1 + 2 * alpha**2 * self.sharpness)
        strength = _integral(self.sharpness) / _integral(sharpness)
        cosine = directions @ self.axes.T
        return value + (strength * np.exp(sharpness * (cosine - 1))) @ self.colours


def environment(kind: str, pattern: int = 0, rotation: float = 0.0) -> Environment:
    """Return a procedural environment.

    Args:
        kind: one of `KINDS`.
        pattern: its seed.
        rotation: turn about the world's z, rad.

    Raises:
        RenderError: there is no such kind.
    """
    makers = {"studio": _studio, "sky": _sky, "room": _room}
    if kind not in makers:
        raise RenderError(f"there is no environment '{kind}'; say {', '.join(KINDS)}")
    rng = np.random.Generator(np.random.Philox(key=pattern))
    ground, horizon, zenith, lobes = makers[kind](rng)
    elevation, azimuth, sharpness, *colours = np.array(lobes).T
    azimuth = azimuth + rotation
    axes = np.stack([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)], -1)
    made = Environment(*(np.array(c, float) for c in (ground, horizon, zenith)), axes, sharpness, np.stack(colours, -1))
    scale = 1 / max(float(_harmonics(made)[[0, 2, 6]].mean(1) @ [1, 1, 2]), 1e-6)
    return Environment(
        made.ground * scale, made.horizon * scale, made.zenith * scale, axes, sharpness, made.colours * scale
    )


@functools.lru_cache(maxsize=64)
def environment_ktx(kind: str, pattern: int, rotation: float) -> bytes:
    """Return an environment as Filament reads it: a KTX 1 cube map, pre-blurred level by level, with its irradiance.

    Level l of n holds the perceptual roughness p with p (2 − p) = l / (n − 1), and α = p²; the irradiance is in the
    file's `sh`, nine polynomial coefficients a colour, pre-convolved and divided by π (Filament's documentation of
    `IndirectLight::Builder::irradiance`). The cube's y is the world's z, as `mjrf` turns it.

    Raises:
        RenderError: there is no such kind.
    """
    made = environment(kind, pattern, rotation)
    sh = "".join(" ".join(f"{v:.6g}" for v in row) + "\n" for row in _turned(_harmonics(made)))
    pair = b"sh\0" + sh.encode() + b"\0"
    metadata = struct.pack("<I", len(pair)) + pair + b"\0" * (-len(pair) % 4)
    half_rgba = (0x140B, 2, 0x1908, 0x881A, 0x1908)  # GL_HALF_FLOAT, its size, GL_RGBA, GL_RGBA16F, GL_RGBA
    header = struct.pack("<13I", 0x04030201, *half_rgba, _SIDE, _SIDE, 0, 0, 6, _LEVELS, len(metadata))
    parts = [b"\xabKTX 11\xbb\r\n\x1a\n", header, metadata]
    for level in range(_LEVELS):
        side = _SIDE >> level
        roughness = 1 - np.sqrt(1 - level / (_LEVELS - 1))
        texels = np.ones((6, side, side, 4), np.float16)
        texels[..., :3] = np.minimum(made.radiance(_cube(side), roughness**2), 6e4)
        parts += [struct.pack("<I", texels[0].nbytes), texels.tobytes()]
    return b"".join(parts)


def _integral(sharpness: Array) -> Array:
    return 2 * np.pi * (1 - np.exp(-2 * sharpness)) / sharpness


@functools.cache
def _cube(side: int) -> Array:
    """Return the (6, side, side, 3) world directions of the texels of a cube map whose y is the world's z."""
    v, u = (2 * (np.mgrid[0:side, 0:side] + 0.5) / side) - 1
    one = np.ones_like(u)
    faces = [(one, -v, -u), (-one, -v, u), (u, one, v), (u, -one, -v), (u, -v, one), (-u, -v, -one)]
    d = np.stack([np.stack(f, -1) for f in faces])
    d /= np.linalg.norm(d, axis=-1, keepdims=True)
    return np.stack([d[..., 0], -d[..., 2], d[..., 1]], -1)


@functools.cache
def _sphere() -> tuple[Array, float]:
    """Return (n, 3) directions spread evenly over the sphere (a Fibonacci spiral), and the solid angle of each, sr."""
    n = 4000
    z = 1 - (2 * np.arange(n) + 1) / n
    turn = np.arange(n) * np.pi * (3 - np.sqrt(5))
    r = np.sqrt(1 - z * z)
    return np.stack([r * np.cos(turn), r * np.sin(turn), z], -1), 4 * np.pi / n


def _polynomials(d: Array) -> Array:
    x, y, z = np.moveaxis(d, -1, 0)
    return np.stack([np.ones_like(x), y, z, x, x * y, y * z, 3 * z * z - 1, z * x, x * x - y * y], -1)


_BASIS = np.array([0.282095, *[0.488603] * 3, 1.092548, 1.092548, 0.315392, 1.092548, 0.546274]) ** 2
#: A clamped cosine's share of each band of spherical harmonics, over π (Ramamoorthi and Hanrahan 2001).
_COSINE = np.array([1.0, *[2 / 3] * 3, *[1 / 4] * 5])


def _harmonics(made: Environment) -> Array:
    """Return (9, 3) coefficients of irradiance / π as a polynomial of the normal, world frame."""
    d, share = _sphere()
    return (_BASIS * _COSINE)[:, None] * (_polynomials(d).T @ made.radiance(d)) * share


def _turned(coefficients: Array) -> Array:
    """Return the coefficients for normals in the frame of the cube, whose y is the world's z."""
    d = _sphere()[0][::40]
    cube = np.stack([d[:, 0], d[:, 2], -d[:, 1]], -1)
    return np.linalg.lstsq(_polynomials(cube), _polynomials(d) @ coefficients, rcond=None)[0]


def _grey(value: float, warmth: float) -> NDArray[np.float64]:
    """Return linear RGB of a brightness, warm where `warmth` > 0."""
    return value * np.array([1 + 0.35 * warmth, 1.0, 1 - 0.45 * warmth])


_Made = tuple[Array, Array, Array, list[list[float]]]


def _lobe(elevation_deg: float, azimuth: float, sharpness: float, colour: Array) -> list[float]:
    return [np.radians(elevation_deg), azimuth, sharpness, *colour]


def _studio(rng: np.random.Generator) -> _Made:
    """Grey walls, a key light, and softboxes around it."""
    wall = rng.uniform(0.25, 0.6)
    start = rng.uniform(0, 2 * np.pi)
    lobes = [_lobe(rng.uniform(40, 70), start, rng.uniform(12, 30), _grey(rng.uniform(4, 7), rng.uniform(-0.1, 0.3)))]
    for i in range(1, 4):
        colour = _grey(rng.uniform(0.8, 2.5), rng.uniform(-0.3, 0.3))
        azimuth = start + i * np.pi / 2 + rng.uniform(-0.5, 0.5)
        lobes.append(_lobe(rng.uniform(15, 60), azimuth, rng.uniform(8, 30), colour))
    return _grey(0.5 * wall, 0.1), _grey(0.8 * wall, 0.0), _grey(wall, 0.0), lobes


def _sky(rng: np.random.Generator) -> _Made:
    """A sky with some clouds, and the glow around the sun."""
    haze = rng.uniform(0.0, 1.0)
    zenith = (1 - haze) * np.array([0.25, 0.45, 0.95]) + haze * np.array([0.75, 0.8, 0.9])
    horizon = np.array([0.75, 0.85, 1.0]) * rng.uniform(0.9, 1.3)
    sun = rng.uniform(0, 2 * np.pi)
    lobes = [_lobe(rng.uniform(25, 65), sun, rng.uniform(10, 40), _grey(rng.uniform(3, 8), rng.uniform(0.1, 0.6)))]
    for _ in range(3):
        cloud = _grey(rng.uniform(0.2, 0.7), 0.0)
        lobes.append(_lobe(rng.uniform(10, 60), rng.uniform(0, 2 * np.pi), rng.uniform(4, 15), cloud))
    return _grey(rng.uniform(0.15, 0.4), 0.25), horizon, zenith, lobes


def _room(rng: np.random.Generator) -> _Made:
    """Warm walls, a window or two, and a lamp under the ceiling."""
    wall = _grey(rng.uniform(0.35, 0.7), rng.uniform(0.05, 0.35))
    window = rng.uniform(0, 2 * np.pi)
    daylight = _grey(rng.uniform(3, 8), rng.uniform(-0.35, 0.0))
    lobes = [_lobe(rng.uniform(10, 35), window, rng.uniform(15, 40), daylight)]
    if rng.random() < 0.5:
        lobes.append(_lobe(rng.uniform(10, 35), window + rng.uniform(0.6, 1.2), rng.uniform(15, 40), 0.7 * daylight))
    lamp = _grey(rng.uniform(2, 6), rng.uniform(0.1, 0.5))
    lobes.append(_lobe(rng.uniform(65, 88), rng.uniform(0, 2 * np.pi), rng.uniform(20, 60), lamp))
    return 0.5 * wall * rng.uniform(0.5, 1), wall, 1.2 * wall, lobes
