"""A picture of the edge cases of a dataset: an example of each, with what it is of in a box."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from graspgen.dataset.edge_measures import TABLE_OF
from graspgen.dataset.layout import write_error
from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.errors import DatasetError
from graspgen.recipe.quotas import EdgeCase, Quotas

_WIDTH, _COLUMNS, _GAP, _TITLE = 320, 5, 4, 18


def write_edge_cases(path: str | Path, out: str | Path) -> Path:
    """Draw one example of each edge case of a dataset, the most telling of the first ones, in a grid.

    Args:
        path: the dataset.
        out: the picture, .jpg or .png.

    Raises:
        DatasetError: the dataset has no edge cases, or the picture cannot be written.
    """
    with open_dataset(path) as dataset:
        quotas = Quotas.model_validate(dataset.recipe.get("quotas", {}))
        if not quotas.cases:
            raise DatasetError(f"{dataset.path} has no edge cases; name some in the recipe's quotas.edge_cases")
        tiles = [_tile(dataset, name, case, quotas.bits[name]) for name, case in sorted(quotas.cases.items())]
    width, height = (max(side) for side in zip(*(tile.size for tile in tiles), strict=True))
    rows = -(-len(tiles) // _COLUMNS)
    columns = min(len(tiles), _COLUMNS)
    sheet = Image.new("RGB", (columns * (width + _GAP), rows * (height + _GAP)), "white")
    for i, tile in enumerate(tiles):
        sheet.paste(tile, (i % _COLUMNS * (width + _GAP), i // _COLUMNS * (height + _GAP)))
    target = Path(out)
    try:
        sheet.save(target, quality=85)
    except (OSError, ValueError) as error:
        raise write_error(target, error) from error
    return target


def _tile(dataset: Dataset, name: str, case: EdgeCase, bit: int) -> Image.Image:
    table = getattr(dataset, TABLE_OF[case.of])
    rows = np.flatnonzero((table["edge_cases"] & np.uint32(1 << bit)) > 0)
    size = dataset.views["rgb"].shape[1:3] if len(dataset.views) else (240, 320)
    view, box = _seen(dataset, case, table["id"][rows]) if len(rows) else (None, None)
    colour = np.zeros((*size, 3), np.uint8) if view is None else dataset.views["rgb"][view]
    image = Image.fromarray(np.asarray(colour))
    scale = _WIDTH / image.width
    if box is not None:
        x, y, w, h = (float(v) for v in box)
        ImageDraw.Draw(image).rectangle((x - 3, y - 3, x + w + 3, y + h + 3), outline=(255, 40, 40), width=2)
    image = image.resize((_WIDTH, round(image.height * scale)))
    tile = Image.new("RGB", (image.width, image.height + _TITLE), "white")
    tile.paste(image, (0, _TITLE))
    ImageDraw.Draw(tile).text((3, 3), f"{name}: {len(rows)} {case.of}s, {', '.join(case.told())}", fill="black")
    return tile


def _seen(dataset: Dataset, case: EdgeCase, keys: NDArray[np.int64]) -> tuple[int | None, Any]:
    """Return the row of a view that shows one of these keys, and the box of the object that it is about."""
    a, views = dataset.annotations, dataset.views["id"]
    if case.of == "view":
        of = np.isin(a["view"], keys) & (a["pixels_visible"] > 0)
        column = {"least_visible": "visible_in_frame", "least_in_frame": "in_frame"}.get(next(iter(case.where)))
        if column is None or not of.any():
            return int(np.searchsorted(views, keys[0])), None
        # Little of it, but enough to be seen by whoever looks at the picture.
        big = of & (a["pixels_visible"] >= np.quantile(a["pixels_visible"][of], 0.1))
        row = np.flatnonzero(big)[np.argmin(a[column][big])]
    else:
        objects = keys
        if case.of == "grasp":
            objects = dataset.grasps["object"][np.searchsorted(dataset.grasps["id"], keys)]
        pixels = np.where(np.isin(a["object"], objects), a["pixels_visible"], 0)
        row = int(np.argmax(pixels))
        if not pixels[row]:
            return None, None
    return int(np.searchsorted(views, a["view"][row])), a["bbox_visible"][row]
