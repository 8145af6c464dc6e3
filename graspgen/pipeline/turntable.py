"""A sheet of pictures of one object: eight views around it, its collision parts, and what it is."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from graspgen.dataset.layout import commit, partial_of, write_error
from graspgen.labels.overlay import PALETTE, Picture, contact_sheet
from graspgen.objects.asset import Asset
from graspgen.render.asset_view import turntable

_VIEWS, _SIZE, _ELEVATION = 8, 260, math.radians(25)
_TITLE = 24


def write_turntable(asset: Asset, out: str | Path) -> Path:
    """Draw an object from eight sides and its collision parts, with its size, mass, class and symmetry.

    Args:
        asset: the object.
        out: the PNG to write.

    Raises:
        RenderError: nothing can be rendered here.
        DatasetError: the picture cannot be written.
    """
    target = Path(out).expanduser()
    buffer = io.BytesIO()
    Image.fromarray(draw_turntable(asset)).save(buffer, "PNG", optimize=True)
    partial = partial_of(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(buffer.getvalue())
        commit(partial, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise write_error(target, error) from error
    return target


def draw_turntable(asset: Asset) -> Picture:
    """Return the sheet: two lines of text over three rows of three pictures.

    Raises:
        RenderError: nothing can be rendered here.
    """
    azimuths = [math.radians(30) + 2 * math.pi * k / _VIEWS for k in range(_VIEWS)]
    views, parts = turntable(asset, azimuths, _ELEVATION, PALETTE[:-1], _SIZE)
    kinds = sorted({part.kind for part in asset.parts})
    captions = [f"from {round(math.degrees(a)) % 360}°" for a in azimuths]
    captions.append(f"{len(asset.parts)} collision part{'s' * (len(asset.parts) != 1)}: {', '.join(kinds)}")
    sheet = contact_sheet([*views, parts], 3, captions)
    title = np.full((2 * _TITLE + 12, sheet.shape[1], 3), (24, 24, 27), np.uint8)
    canvas = Image.fromarray(np.concatenate([title, sheet]))
    pen = ImageDraw.Draw(canvas)
    for row, text in enumerate(describe(asset)):
        size = _TITLE - 4
        while size > 9 and ImageFont.load_default(size).getlength(text) > sheet.shape[1] - 16:
            size -= 1
        place = (8, 8 + (row + 0.5) * _TITLE)
        pen.text(place, text, (228, 228, 231), ImageFont.load_default(size), anchor="lm")
    return np.asarray(canvas)


def describe(asset: Asset) -> tuple[str, str]:
    """Return what an object is, in two lines: name, class, size and mass; symmetry, volume, friction, licence."""
    size = " x ".join(f"{1000 * side:.3g}" for side in asset.extents)
    mass = 1000 * asset.density * asset.volume
    first = f"{asset.name} ({asset.class_name}): {size} mm, {mass:.3g} g"
    second = f"symmetry: {_symmetry(asset)}; {1e6 * asset.volume:.3g} ml, friction {asset.friction:.2g}"
    return first, f"{second}, {asset.licence}" if asset.licence else second


def _symmetry(asset: Asset) -> str:
    told = [f"any turn about {_vector(axis)}" for axis in asset.symmetry.get("continuous", ())]
    told += [f"{int(turn[3])}-fold about {_vector(turn[:3])}" for turn in asset.symmetry.get("discrete", ())]
    return ", ".join(told) or "none known"


def _vector(axis: Sequence[float]) -> str:
    names = {(1.0, 0.0, 0.0): "x", (0.0, 1.0, 0.0): "y", (0.0, 0.0, 1.0): "z"}
    numbers = tuple(float(x) for x in axis)
    return names.get(numbers, f"({', '.join(f'{x:.2g}' for x in numbers)})")  # type: ignore[call-overload]
