"""Procedural textures: tileable patterns of two colours, made from a number.

A pattern is a map of bytes, 0 the first colour and 255 the second, that repeats without a seam. It serves as height as
well (`normals`). Making one takes some milliseconds, so few are made and kept, and each use shifts, turns and colours
one of them anew: a drawn number chooses among 16 seeds, 8 orientations and 512 shifts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import irfft2

from graspgen.looks import KINDS

Bytes = NDArray[np.uint8]
Field = NDArray[np.float32]

#: Different patterns of a kind; the rest of a pattern's number moves and turns it.
SEEDS = 16


def painted(
    kind: str, pattern: int, colours: tuple[tuple[float, ...], tuple[float, ...]], size: int = 256
) -> NDArray[np.uint8]:
    """Return the (size, size, 3) uint8 sRGB image of a pattern in two colours.

    Args:
        kind: one of `graspgen.looks.KINDS`.
        pattern: number of the pattern, 0 … `PATTERNS` - 1.
        colours: sRGB in 0…1, of the pattern's 0 and of its 255.
        size: side, px, a multiple of 8.
    """
    first, second = (np.asarray(c, np.float32) for c in colours)
    share = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    table = np.clip(np.rint(255 * (first + share * (second - first))), 0, 255).astype(np.uint8)
    # Pillow looks a palette up several times faster than numpy indexes.
    image = Image.fromarray(heights(kind, pattern, size))
    image.putpalette(table.tobytes())
    return np.asarray(image.convert("RGB"))


def heights(kind: str, pattern: int, size: int = 256) -> Bytes:
    """Return the (size, size) uint8 map of a pattern; the arguments are those of `painted`."""
    base = _made(kind, pattern % SEEDS, size)
    turn, shift = pattern // SEEDS % 8, pattern // SEEDS // 8 % 512
    out = np.roll(base, (shift % 23 * size // 23, shift // 23 * size // 23), (0, 1)) if shift else base
    # A grain, a weave or a flute lies along the tile: turned by quarters at most.
    out = out.T if turn & 1 else out
    return np.ascontiguousarray(out[:: -1 if turn & 2 else 1, :: -1 if turn & 4 else 1])


def normals(kind: str, pattern: int, slope: float, size: int = 256) -> NDArray[np.uint8]:
    """Return the (size, size, 3) uint8 normal map of a pattern's heights: x right, y up, z out, 128 for 0.

    Args:
        kind, pattern, size: as in `painted`.
        slope: tangent of the steepest angle of the relief (99th percentile); 0 gives a flat map.
    """
    h = heights(kind, pattern, size).astype(np.float32)
    dx = 0.5 * (np.roll(h, -1, 1) - np.roll(h, 1, 1))
    dy = 0.5 * (np.roll(h, 1, 0) - np.roll(h, -1, 0))  # rows run downwards, y up
    steep = float(np.percentile(np.hypot(dx, dy), 99))
    factor = slope / steep if steep > 0 else 0.0
    n = np.stack([-dx * factor, -dy * factor, np.ones_like(dx)], -1)
    n /= np.linalg.norm(n, axis=-1, keepdims=True)
    return np.rint(127.5 + 127.5 * n).astype(np.uint8)


@lru_cache(maxsize=192)
def _made(kind: str, seed: int, size: int) -> Bytes:
    if kind not in _MAKERS:
        raise ValueError(f"there is no pattern '{kind}'; known: {', '.join(KINDS)}")
    rng = np.random.Generator(np.random.Philox(key=[seed, KINDS.index(kind)]))
    made = np.clip(np.rint(255 * _MAKERS[kind](rng, size)), 0, 255).astype(np.uint8)
    made.flags.writeable = False
    return made


# Parts of patterns


def _grid(size: int) -> tuple[Field, Field]:
    """Return (1, n) x and (n, 1) y of the pixels' centres, 0 … 1."""
    t = (np.arange(size, dtype=np.float32) + 0.5) / size
    return t[None, :], t[:, None]


def _spread(field: Field) -> Field:
    """Stretch a field to 0 … 1, the middle at its mean and the ends at 2.3 standard deviations."""
    mean, std = float(field.mean()), float(field.std())
    return np.clip((field - np.float32(mean)) * np.float32(1 / max(4.6 * std, 1e-12)) + np.float32(0.5), 0, 1)


def _fbm(rng: np.random.Generator, size: int, slope: float, low: float = 1.0, stretch: float = 1.0) -> Field:
    """Return periodic fractal noise: amplitude falls with frequency as f^-slope from `low` cycles a tile on.

    Made in the frequency domain, where it is periodic by itself and costs one transform. `stretch` > 1 draws it out
    along y, below 1 along x.
    """
    wave = rng.standard_normal((size, size // 2 + 1, 2), np.float32).view(np.complex64)[..., 0]
    return _spread(irfft2(_amplitude(size, slope, low, stretch) * wave, s=(size, size)))


@lru_cache(maxsize=32)
def _amplitude(size: int, slope: float, low: float, stretch: float) -> Field:
    """Return the amplitude of every wave of a fractal noise; patterns have few kinds, and powers take long."""
    fx = np.fft.rfftfreq(size, 1 / size).astype(np.float32)[None, :] / np.sqrt(stretch)
    fy = np.fft.fftfreq(size, 1 / size).astype(np.float32)[:, None] * np.sqrt(stretch)
    f = np.hypot(fx, fy)
    amplitude = np.where(f < 0.5 * low, 0, np.maximum(f, np.float32(low)) ** np.float32(-slope))
    amplitude[0, 0] = 0
    amplitude.flags.writeable = False
    return amplitude


def _perlin(rng: np.random.Generator, size: int, cells: int) -> Field:
    """Return Perlin's gradient noise (2002, fade 6t⁵ - 15t⁴ + 10t³) on a periodic lattice of `cells` a side."""
    angle = rng.random((cells, cells), np.float32) * np.float32(2 * np.pi)
    gx, gy = np.cos(angle), np.sin(angle)
    t = (np.arange(size, dtype=np.float32) + 0.5) * cells / size
    i, f = t.astype(int), t % 1
    j = (i + 1) % cells
    fade = f * f * f * (f * (f * 6 - 15) + 10)
    x, y = f[None, :], f[:, None]

    def corner(row: NDArray, column: NDArray, dx: Field, dy: Field) -> Field:
        at = np.ix_(row, column)
        return gx[at] * dx + gy[at] * dy

    top = corner(i, i, x, y) * (1 - fade) + corner(i, j, x - 1, y) * fade
    bottom = corner(j, i, x, y - 1) * (1 - fade) + corner(j, j, x - 1, y - 1) * fade
    return _spread(top * (1 - fade[:, None]) + bottom * fade[:, None])


def _whole(rng: np.random.Generator, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def _smooth(edge: Field, width: float) -> Field:
    """Return 0 below -width, 1 above +width, and a soft step between."""
    t = np.clip(edge / (2 * width) + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def _warped(rng: np.random.Generator, size: int, amount: float) -> tuple[Field, Field]:
    """Return x and y of every pixel, moved about by smooth noise; still periodic."""
    x, y = _grid(size)
    return x + amount * (_fbm(rng, size, 2.4) - 0.5), y + amount * (_fbm(rng, size, 2.4) - 0.5)


# Patterns


def _flat(rng: np.random.Generator, size: int) -> Field:
    return np.zeros((size, size), np.float32)


def _gradient(rng: np.random.Generator, size: int) -> Field:
    x, y = _grid(size)
    if rng.random() < 0.3:
        return np.clip(np.hypot(x - 0.5, y - 0.5) * 2, 0, 1)
    # There and back, so that tiles meet.
    return 1 - np.abs(2 * x - 1) + 0 * y


def _checker(rng: np.random.Generator, size: int) -> Field:
    n = 2 * _whole(rng, 1, 4)
    x, y = _grid(size)
    return ((np.floor(x * n) + np.floor(y * n)) % 2).astype(np.float32)


def _stripes(rng: np.random.Generator, size: int) -> Field:
    n, slant, share = _whole(rng, 2, 10), _whole(rng, 0, 2), 0.25 + 0.5 * rng.random()
    x, y = _grid(size)
    phase = (n * x + slant * n * y) % 1
    return _smooth(0.5 * share - np.abs(phase - 0.5), n * (1 + slant) / size).astype(np.float32)


def _dots(rng: np.random.Generator, size: int) -> Field:
    n, radius, stagger = _whole(rng, 2, 8), 0.18 + 0.22 * rng.random(), rng.random() < 0.5
    x, y = _grid(size)
    row = np.floor(y * n)
    u = (x * n + (0.5 * (row % 2) if stagger and n % 2 == 0 else 0)) % 1
    return _smooth(radius - np.hypot(u - 0.5, y * n - row - 0.5), n / size)


def _noise(rng: np.random.Generator, size: int) -> Field:
    return _perlin(rng, size, _whole(rng, 3, 16))


def _fractal(rng: np.random.Generator, size: int) -> Field:
    return _fbm(rng, size, 1.2 + 0.9 * rng.random(), low=1 + 3 * rng.random())


def _wood(rng: np.random.Generator, size: int) -> Field:
    # A plank cut along the grain: year rings seen from the side, bent by knots, and fine fibres.
    x, y = _grid(size)
    bend = _fbm(rng, size, 2.6, stretch=8.0)
    rings = _whole(rng, 4, 9)
    across = (rings * x + 2.2 * bend + 0.25 * np.sin(2 * np.pi * y)) % 1
    ring = np.where(across < 0.82, across / 0.82, (1 - across) / 0.18) ** 1.6
    fibre = _fbm(rng, size, 0.5, low=12, stretch=60.0)
    pores = _smooth(_fbm(rng, size, 0.15, low=30, stretch=25.0) - 0.86, 0.06)
    return np.clip(0.5 * ring + 0.32 * fibre + 0.18 * _fbm(rng, size, 2.0, stretch=4.0) + 0.25 * pores, 0, 1)


def _marble(rng: np.random.Generator, size: int) -> Field:
    x, y = _warped(rng, size, 0.55)
    a, b = _whole(rng, 1, 2), _whole(rng, 1, 2)
    turbulence = _fbm(rng, size, 1.7)
    vein = 1 - np.abs(np.sin(np.pi * (a * x + b * y + 1.1 * turbulence)))
    fine = 1 - np.abs(2 * _fbm(rng, size, 1.7, low=2) - 1)
    return np.clip(0.85 * vein**5 + 0.35 * fine**7 + 0.22 * _fbm(rng, size, 2.0), 0, 1)


def _brushed(rng: np.random.Generator, size: int) -> Field:
    strokes = _fbm(rng, size, 0.35, low=2, stretch=3000.0)
    return 0.8 * strokes + 0.2 * _fbm(rng, size, 2.2)


def _cloth(rng: np.random.Generator, size: int) -> Field:
    # Plain weave or twill: at each crossing the warp or the weft lies on top and is rounded like a thread.
    n = 8 * _whole(rng, 4, 7)
    twill = rng.random() < 0.4
    x, y = _grid(size)
    i, j = np.floor(x * n), np.floor(y * n)
    over = ((i + j) % 4 < 2) if twill else ((i + j) % 2 == 0)
    u, v = (x * n) % 1, (y * n) % 1
    thread = np.where(over, np.sin(np.pi * u) + 0 * v, np.sin(np.pi * v) + 0 * u)
    yarn = (
        0.6 * rng.random((1, n), np.float32)[:, i[0].astype(int)] * over
        + 0.6 * rng.random((n, 1), np.float32)[j[:, 0].astype(int)] * ~over
    )
    return np.clip(0.55 * thread + 0.35 * yarn + 0.2 * _fbm(rng, size, 1.5, low=2), 0, 1).astype(np.float32)


def _cardboard(rng: np.random.Generator, size: int) -> Field:
    # Kraft paper over flutes: faint bands, short fibres, blotches.
    x, y = _grid(size)
    bands = 0.5 + 0.5 * np.sin(2 * np.pi * _whole(rng, 20, 36) * x + 0 * y)
    fibres = _fbm(rng, size, 0.6, low=10, stretch=0.15)
    specks = _smooth(_fbm(rng, size, 0.1, low=20) - 0.93, 0.04)
    return np.clip(0.14 * bands + 0.4 * fibres + 0.3 * _fbm(rng, size, 1.6) + 0.35 * specks, 0, 1)


def _speckle(rng: np.random.Generator, size: int) -> Field:
    # Granite, terrazzo, foam: grains of two sizes.
    coarse = _smooth(_perlin(rng, size, _whole(rng, 20, 32)) - 0.6, 0.08)
    fine = _smooth(_perlin(rng, size, 64) - 0.62, 0.1)
    return np.clip(0.6 * coarse + 0.5 * fine + 0.2 * _fbm(rng, size, 1.0), 0, 1)


_MAKERS: dict[str, Callable[[np.random.Generator, int], Field]] = {
    "flat": _flat, "gradient": _gradient, "checker": _checker, "stripes": _stripes, "dots": _dots, "noise": _noise,
    "fbm": _fractal, "wood": _wood, "marble": _marble, "brushed": _brushed, "cloth": _cloth, "cardboard": _cardboard,
    "speckle": _speckle,
}  # fmt: skip
