"""All labels and layers of one view as pictures, side by side, drawn from what the dataset stores."""

from __future__ import annotations

import colorsys
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from graspgen.dataset.layout import write_error
from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.errors import DatasetError
from graspgen.labels.keypoints import KeypointState
from graspgen.labels.overlay import (
    RGB,
    Picture,
    colour_of,
    contact_sheet,
    draw_boxes,
    draw_cuboids,
    draw_names,
    draw_points,
)
from graspgen.sensor_codes import Reason

#: Colours of keypoints by their state; those that are not in the picture have none.
STATES: dict[KeypointState, RGB] = {
    KeypointState.VISIBLE: (60, 220, 90),
    KeypointState.SELF_OCCLUDED: (240, 228, 66),
    KeypointState.OCCLUDED: (240, 60, 50),
}
#: Colours of the reasons why a sensor has no value.
_REASONS: dict[Reason, RGB] = {
    Reason.OUT_OF_RANGE: (20, 20, 22),
    Reason.SHADOW: (0, 114, 178),
    Reason.GRAZING: (240, 228, 66),
    Reason.DARK: (160, 100, 60),
    Reason.SPECULAR: (213, 94, 0),
    Reason.RANDOM: (255, 255, 255),
}
REASON_CAPTION = "lost: shadow blue, grazing yellow, dark brown, shine orange"
_COLUMNS = 4
#: Width of a tile, px.
_WIDTH = 320


def write_overlay(path: str | Path, view: int, out: str | Path, *, width: int = _WIDTH) -> Path:
    """Draw a view's labels and layers into a picture and return its path.

    Args:
        path: the dataset's folder.
        view: row of the view.
        out: the picture; its ending says the format.
        width: of a tile, px.

    Raises:
        DatasetError: the path is no dataset, it has no such view, or the picture cannot be written.
    """
    with open_dataset(path) as dataset:
        if not 0 <= view < len(dataset.views):
            raise DatasetError(f"{path} has no view {view}; it has {len(dataset.views)}, counted from 0")
        tiles = overlay_tiles(dataset, view)
    sheet = contact_sheet([_tile(t, width) for t in tiles.values()], _COLUMNS, list(tiles))
    try:
        Image.fromarray(sheet).save(out, quality=85)
    except (OSError, ValueError) as error:
        raise write_error(Path(out), OSError(str(error))) from error
    return Path(out)


def overlay_tiles(dataset: Dataset, view: int) -> dict[str, Picture]:
    """Return pictures of a view by their captions: labels drawn onto its colour, and every layer that there is.

    They have a whole number of pixels for each of a small view's, else one.
    """
    rgb, ids = dataset.rgb(view), dataset.instances(view)
    labels = dataset.view_objects(view)
    # In a small image every pixel is a block, so that lines and points are finer than pixels.
    block = max(1, round(_WIDTH / rgb.shape[1]))
    large = _blocks(rgb, block)
    seen = labels["pixels_visible"] > 0
    visible, amodal = (block * labels[f"bbox_{kind}"][seen] for kind in ("visible", "amodal"))
    colours = [colour_of(int(i)) for i in labels["instance_id"]]
    thick = max(1, round(rgb.shape[1] / _WIDTH))
    shown = [c for c, s in zip(colours, seen, strict=True) if s]
    boxes = draw_boxes(large, visible, shown, thickness=2 * thick)
    tiles = {
        "visible boxes (thick), amodal boxes": draw_boxes(boxes, amodal, shown, thickness=thick),
        "cuboids": draw_cuboids(large, block * labels["cuboid"][seen], shown, thickness=thick),
        "keypoints: seen, self-occluded, occluded": _keypoints(dataset, view, large, block, 2 * thick + 1),
        "instances": _tinted(rgb, ids, dict(zip(labels["instance_id"].tolist(), colours, strict=True))),
    }
    if "amodal_mask" in dataset.annotations:
        tiles["amodal masks: hidden parts lighter"] = _amodal(dataset, view, rgb, colours)
    span = depth_span(dataset.depth(view))
    tiles["depth"] = depth_picture(dataset.depth(view), span)
    if "depth_sensor" in dataset.views:
        tiles[f"depth of the sensor {dataset.views['sensor'][view]}"] = depth_picture(dataset.depth_sensor(view), span)
        tiles[REASON_CAPTION] = reason_picture(dataset.depth_reason(view))
    if "normals" in dataset.views:
        tiles["normals, camera frame"] = _bytes((dataset.normals(view) * [1, -1, -1] + 1) / 2)
    tiles["object coordinates"] = _bytes(dataset.object_coordinates(view))
    following = dataset.scene_views(int(dataset.views["scene"][view]))
    if view + 1 in following:
        tiles["flow to the next view"] = _flow(dataset.flow(view))
    return {caption: tile if len(tile) == len(large) else _blocks(tile, block) for caption, tile in tiles.items()}


def _blocks(image: Picture, block: int) -> Picture:
    return image.repeat(block, axis=0).repeat(block, axis=1)


def _keypoints(dataset: Dataset, view: int, rgb: Picture, block: int, radius: int) -> Picture:
    k = dataset.keypoints
    low, high = np.searchsorted(k["view"], dataset.views["id"][view] + np.array([0, 1]))
    image, pixels, names, located = rgb, [], [], block * k["pixel"][low:high]
    for state, colour in reversed(STATES.items()):
        corner = (k["state"][low:high] == state) & (k["number"][low:high] < 9)
        named = (k["state"][low:high] == state) & (k["number"][low:high] >= 9)
        image = draw_points(image, located[corner], colour, radius=max(1, radius // 2))
        image = draw_points(image, located[named], colour, radius=radius)
        pixels, names = [*located[named], *pixels], [*_names(dataset, low, named), *names]
    return draw_names(image, pixels, names, radius=radius)


def _names(dataset: Dataset, low: int, chosen: NDArray[np.bool_]) -> list[str]:
    k = dataset.keypoints
    names = []
    for i in low + np.flatnonzero(chosen):
        row = dataset.objects.index_of(int(k["object"][i]))
        asset = dataset.assets.index_of(int(dataset.objects["asset"][row]))
        names.append(sorted(json.loads(dataset.assets["keypoints"][asset]))[int(k["number"][i]) - 9])
    return names


def _tinted(rgb: Picture, ids: NDArray[np.uint8], colours: dict[int, RGB]) -> Picture:
    table = np.zeros((256, 3))
    for instance, colour in colours.items():
        table[instance] = colour
    mixed = np.where(ids[..., None] > 0, 0.35 * rgb + 0.65 * table[ids], 0.5 * rgb)
    return mixed.astype(np.uint8)


def _amodal(dataset: Dataset, view: int, rgb: Picture, colours: list[RGB]) -> Picture:
    low, high = np.searchsorted(dataset.annotations["view"], dataset.views["id"][view] + np.array([0, 1]))
    ids, image = dataset.instances(view), 0.45 * rgb
    for row, colour in zip(range(low, high), colours, strict=True):
        mask = dataset.amodal_mask(row)
        hidden = mask & (ids != dataset.annotations["object"][row] & 0xFFFF)
        image[mask & ~hidden] = 0.5 * image[mask & ~hidden] + 0.5 * np.array(colour)
        image[hidden] = 0.3 * image[hidden] + 0.35 * np.array(colour) + 0.35 * 255
    return np.clip(image, 0, 255).astype(np.uint8)


def depth_span(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the depths, m, that a picture tells apart: those of all that was seen, each a share of the pixels."""
    there = depth[depth > 0]
    return np.quantile(there, np.linspace(0, 1, 65)) if len(there) else np.zeros(65)


def depth_picture(depth: NDArray[np.float32], span: NDArray[np.float32]) -> Picture:
    """Return depth as colours from near, yellow, to far, blue; black where there is none.

    Half of the scale is linear, half goes by the share of the pixels that are nearer, so that neither a far wall nor
    the table takes all of it.
    """
    near, far = float(span[0]), float(span[-1])
    linear = np.clip((depth - near) / max(far - near, 1e-6), 0, 1)
    share = (linear + np.interp(depth, span, np.linspace(0, 1, len(span)))) / 2
    stops = np.array([[253, 231, 37], [94, 201, 98], [33, 145, 140], [59, 82, 139], [68, 1, 84]], float)  # viridis
    colour = np.stack([np.interp(share, np.linspace(0, 1, 5), stops[:, c]) for c in range(3)], axis=-1)
    return np.where(depth[..., None] > 0, colour, 0).astype(np.uint8)


def reason_picture(why: NDArray[np.uint8]) -> Picture:
    """Return the reasons of a sensor's holes as colours; dark grey where it has a value."""
    return np.array([_REASONS.get(Reason(code), (60, 60, 64)) for code in range(len(Reason))], np.uint8)[why]


def _flow(flow: NDArray[np.float32]) -> Picture:
    """Return the direction as hue and the length as strength; black where there is none."""
    length = np.hypot(flow[..., 0], flow[..., 1])
    strength = np.clip(
        length / max(float(np.nanpercentile(length, 95)) if np.isfinite(length).any() else 1, 1e-6), 0, 1
    )
    hue = np.arctan2(flow[..., 1], flow[..., 0]) / (2 * np.pi) % 1
    wheel = np.array([colorsys.hsv_to_rgb(h / 360, 1, 1) for h in range(360)])
    colour = wheel[np.nan_to_num(hue * 360).astype(int) % 360]
    return _bytes(np.where(np.isnan(length)[..., None], np.nan, 1 - (1 - colour) * np.nan_to_num(strength)[..., None]))


def _bytes(values: NDArray[np.floating]) -> Picture:
    return (255 * np.clip(np.nan_to_num(values, nan=0.0), 0, 1)).astype(np.uint8)


def _tile(image: Picture, width: int) -> Picture:
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))
