"""Drawing labels onto images: boxes, cuboids, gripper outlines, and sheets of captioned tiles.

Every drawing function takes an (H, W, 3) uint8 image and returns a new one. Pixels are counted as
in the dataset: the centre of pixel (0, 0) is (0.5, 0.5).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont

from graspgen.frames import Array, transform_points
from graspgen.labels.outline import clip_segment, gripper_segments
from graspgen.lens import NONE, project

RGB = tuple[int, int, int]
Picture = NDArray[np.uint8]

#: Colours that stay apart for people who see red and green alike (Okabe and Ito, 2008).
PALETTE: tuple[RGB, ...] = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66),
    (0, 114, 178), (213, 94, 0), (204, 121, 167), (255, 255, 255),
)  # fmt: skip

#: Edges of a box between the corners of the column `cuboid`: pairs that differ in one coordinate.
CUBOID_EDGES: tuple[tuple[int, int], ...] = tuple((i, i | bit) for bit in (4, 2, 1) for i in range(8) if not i & bit)

#: Nothing nearer to the camera than this is drawn, m.
_NEAR = 0.02


def colour_of(instance_id: int) -> RGB:
    """Return the colour of an object, the same in every picture."""
    return PALETTE[(instance_id - 1) % len(PALETTE)]


def draw_boxes(
    image: Picture,
    boxes: ArrayLike,
    colours: Sequence[RGB] | RGB = PALETTE[0],
    *,
    thickness: int = 1,
) -> Picture:
    """Draw (n, 4) boxes x, y, width, height in px onto their outermost pixels; −1 draws nothing."""
    canvas, pen = _pen(image)
    boxes = np.asarray(boxes, float).reshape(-1, 4)
    for (x, y, width, height), colour in zip(boxes, _each(colours, len(boxes)), strict=True):
        if width > 0 and height > 0:
            pen.rectangle((x, y, x + width - 1, y + height - 1), outline=colour, width=thickness)
    return np.asarray(canvas)


def draw_cuboids(
    image: Picture,
    cuboids: ArrayLike,
    colours: Sequence[RGB] | RGB = PALETTE[1],
    *,
    thickness: int = 1,
) -> Picture:
    """Draw (n, 9, 2) projected cuboids, px; edges to a corner that is NaN are left out."""
    canvas, pen = _pen(image)
    cuboids = np.asarray(cuboids, float).reshape(-1, 9, 2)
    for corners, colour in zip(cuboids, _each(colours, len(cuboids)), strict=True):
        for a, b in CUBOID_EDGES:
            _line(pen, corners[a], corners[b], colour, thickness)
    return np.asarray(canvas)


def draw_points(
    image: Picture, pixels: ArrayLike, colour: RGB, names: Sequence[str] | None = None, *, radius: int = 2
) -> Picture:
    """Draw (n, 2) points, px, as dots with a dark rim, and their names beside them; NaN draws nothing."""
    canvas, pen = _pen(image)
    for x, y in (np.asarray(pixels, float).reshape(-1, 2) - 0.5).tolist():
        if not (abs(x) < 1e6 and abs(y) < 1e6):
            continue
        pen.ellipse((x - radius - 1, y - radius - 1, x + radius + 1, y + radius + 1), fill=(20, 20, 20))
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    found = np.asarray(canvas)
    return found if names is None else draw_names(found, pixels, names, radius=radius)


def draw_names(image: Picture, pixels: ArrayLike, names: Sequence[str], *, radius: int = 2) -> Picture:
    """Write the names of (n, 2) points, px, beside their dots, the first ones first, where there is room."""
    canvas, pen = _pen(image)
    font = ImageFont.load_default(max(9, 4 * radius))
    for i, at in _places(pixels, names, font, radius + 2, canvas.size):
        pen.text(at, names[i], (255, 255, 255), font, stroke_width=1, stroke_fill=0)
    return np.asarray(canvas)


def _places(
    pixels: ArrayLike,
    names: Sequence[str],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    gap: int,
    size: tuple[int, int],
) -> Iterator[tuple[int, tuple[float, float]]]:
    """Yield where names of points are written, top left, px: beside the point, where no other name is.

    A name that finds no room on any side, or is already written on the same spot, is left out.
    """
    taken: list[tuple[float, float, float, float]] = []
    height = font.getbbox("Ag")[3]
    for i, (x, y) in enumerate((np.asarray(pixels, float).reshape(-1, 2)[: len(names)] - 0.5).tolist()):
        if not (abs(x) < 1e6 and abs(y) < 1e6):
            continue
        width = font.getlength(names[i])
        right, left, middle = x + gap, x - gap - width, y - height / 2
        for at in ((right, middle), (left, middle), (right, middle - height), (right, middle + height),
                   (left, middle - height), (left, middle + height)):  # fmt: skip
            box = (at[0], at[1], at[0] + width, at[1] + height)
            clear = all(box[2] < t[0] or t[2] < box[0] or box[3] < t[1] or t[3] < box[1] for t in taken)
            if clear and 0 <= box[0] and box[2] <= size[0] and 0 <= box[1] and box[3] <= size[1]:
                taken.append(box)
                yield i, at
                break


def draw_gripper(
    image: Picture,
    K: ArrayLike,
    T_camera_grasp: ArrayLike,
    width: float,
    colour: RGB = (0, 200, 0),
    *,
    thickness: int = 2,
    finger: float = 0.045,
    stem: float = 0.05,
    distortion: ArrayLike = NONE,
    segments: Array | None = None,
) -> Picture:
    """Draw the outline of a gripper at a grasp, cut where it comes nearer than 2 cm to the camera.

    Args:
        image: (H, W, 3) uint8.
        K: (3, 3) camera matrix, px.
        T_camera_grasp: (4, 4) grasp frame in the OpenCV camera's frame.
        width: opening, m.
        colour: of the lines.
        thickness: of the lines, px.
        finger: length of the fingers, m.
        stem: length of the stem, m.
        distortion: k1, k2, p1, p2, k3 of the lens, which bends the lines.
        segments: (k, 2, 3) lines in the grasp frame, m, instead of a jaw's.
    """
    canvas, pen = _pen(image)
    steps = np.linspace(0, 1, 9 if np.any(distortion) else 2)[:, None]
    segments = gripper_segments(width, finger, stem) if segments is None else segments
    for a, b in transform_points(T_camera_grasp, segments.reshape(-1, 3)).reshape(-1, 2, 3):
        ends = clip_segment(a, b, _NEAR)
        if ends is not None:
            way = project(K, distortion, ends[0] + steps * (ends[1] - ends[0]))
            for p, q in itertools.pairwise(way):
                _line(pen, p, q, colour, thickness)
    return np.asarray(canvas)


def contact_sheet(
    tiles: Sequence[Picture], columns: int, captions: Sequence[str] | None = None, *, gap: int = 6
) -> Picture:
    """Arrange equally large tiles in rows of `columns`, with captions below them when given.

    Raises:
        ValueError: there is no tile, tiles differ in size, or captions are not one a tile.
    """
    if not len(tiles) or columns < 1:
        raise ValueError("a contact sheet needs at least one tile and one column")
    if len({tile.shape for tile in tiles}) > 1:
        raise ValueError(f"tiles differ in size: {sorted({tile.shape for tile in tiles})}")
    if captions is not None and len(captions) != len(tiles):
        raise ValueError(f"{len(tiles)} tiles need {len(tiles)} captions, got {len(captions)}")
    height, width = tiles[0].shape[:2]
    columns = min(columns, len(tiles))
    text = max(12, round(height / 26)) if captions is not None else 0
    strip = round(1.5 * text)
    rows = math.ceil(len(tiles) / columns)
    size = (gap + columns * (width + gap), gap + rows * (height + strip + gap))
    sheet = Image.new("RGB", size, (24, 24, 27))
    pen = ImageDraw.Draw(sheet)
    for i, tile in enumerate(tiles):
        x, y = gap + i % columns * (width + gap), gap + i // columns * (height + strip + gap)
        sheet.paste(Image.fromarray(tile), (x, y))
        if captions is not None:
            caption, font = _fitting(captions[i], text, width - 4)
            pen.text((x + 2, y + height + strip / 2), caption, (228, 228, 231), font, anchor="lm")
    return np.asarray(sheet)


def _fitting(text: str, size: int, width: int) -> tuple[str, ImageFont.FreeTypeFont | ImageFont.ImageFont]:
    """Return Pillow's own font at `size` px, or smaller where `text` would exceed `width` px, and what of it fits."""
    font = ImageFont.load_default(size)
    length = font.getlength(text)
    if length > width:
        font = ImageFont.load_default(max(8, 0.97 * size * width / length))
    kept = text
    while kept and font.getlength(text if kept == text else f"{kept}…") > width:
        kept = kept[:-1]
    return (text if kept == text else f"{kept}…" if kept else ""), font


def _pen(image: Picture) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    canvas = Image.fromarray(np.array(image, np.uint8))
    return canvas, ImageDraw.Draw(canvas)


def _line(pen: ImageDraw.ImageDraw, p: Array, q: Array, colour: RGB, thickness: int) -> None:
    ends = np.array([p, q], float)
    # Pillow counts pixels from their centres. Points far outside would overflow its integers.
    if np.isfinite(ends).all() and np.abs(ends).max() < 1e6:
        pen.line([tuple(end) for end in (ends - 0.5).tolist()], fill=colour, width=thickness)


def _each(colours: Sequence[RGB] | RGB, count: int) -> Iterable[RGB]:
    if len(colours) == 3 and all(isinstance(c, int) for c in colours):
        return [colours] * count  # type: ignore[list-item]
    return colours  # type: ignore[return-value]
