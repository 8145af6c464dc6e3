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
from graspgen.labels.overlay import RGB, Picture, colour_of, contact_sheet, draw_boxes, draw_cuboids, draw_points

#: Colours of keypoints by their state; those that are not in the picture have none.
STATES: dict[KeypointState, RGB] = {
    KeypointState.VISIBLE: (60, 220, 90),
    KeypointState.SELF_OCCLUDED: (240, 228, 66),
    KeypointState.OCCLUDED: (240, 60, 50),
}
_COLUMNS = 4


def write_overlay(path: str | Path, view: int, out: str | Path, *, width: int = 320) -> Path:
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
    """Return pictures of a view by their captions: labels drawn onto its colour, and every layer that there is."""
    rgb, ids = dataset.rgb(view), dataset.instances(view)
    labels = dataset.view_objects(view)
    seen = labels["pixels_visible"] > 0
    colours = [colour_of(int(i)) for i in labels["instance_id"]]
    thick = max(1, round(rgb.shape[1] / 320))
    shown = [c for c, s in zip(colours, seen, strict=True) if s]
    boxes = draw_boxes(rgb, labels["bbox_visible"][seen], shown, thickness=2 * thick)
    tiles = {
        "visible boxes (thick), amodal boxes": draw_boxes(boxes, labels["bbox_amodal"][seen], shown, thickness=thick),
        "cuboids": draw_cuboids(rgb, labels["cuboid"][seen], shown, thickness=thick),
        "keypoints: seen, self-occluded, occluded": _keypoints(dataset, view, rgb, 2 * thick + 1),
        "instances": _tinted(rgb, ids, dict(zip(labels["instance_id"].tolist(), colours, strict=True))),
    }
    if "amodal_mask" in dataset.annotations:
        tiles["amodal masks: hidden parts lighter"] = _amodal(dataset, view, rgb, colours)
    tiles["depth"] = _grey(dataset.depth(view), ids)
    if "normals" in dataset.views:
        tiles["normals, camera frame"] = _bytes((dataset.normals(view) * [1, -1, -1] + 1) / 2)
    tiles["object coordinates"] = _bytes(dataset.object_coordinates(view))
    following = dataset.scene_views(int(dataset.views["scene"][view]))
    if view + 1 in following:
        tiles["flow to the next view"] = _flow(dataset.flow(view))
    return tiles


def _keypoints(dataset: Dataset, view: int, rgb: Picture, radius: int) -> Picture:
    k = dataset.keypoints
    low, high = np.searchsorted(k["view"], dataset.views["id"][view] + np.array([0, 1]))
    image = rgb
    for state, colour in reversed(STATES.items()):
        corner = (k["state"][low:high] == state) & (k["number"][low:high] < 9)
        named = (k["state"][low:high] == state) & (k["number"][low:high] >= 9)
        image = draw_points(image, k["pixel"][low:high][corner], colour, radius=max(1, radius // 2))
        image = draw_points(image, k["pixel"][low:high][named], colour, _names(dataset, low, named), radius=radius)
    return image


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


def _grey(depth: NDArray[np.float32], ids: NDArray[np.uint8]) -> Picture:
    """Return depth as grey, near white; the range is that of the objects and a little more."""
    there = depth > 0
    if not there.any():
        return np.zeros((*depth.shape, 3), np.uint8)
    judged = depth[ids > 0] if (ids > 0).any() else depth[there]
    near, far = judged.min(), 1.4 * judged.max() - 0.4 * judged.min()
    grey = np.where(there, 1 - 0.85 * np.clip((depth - near) / max(far - near, 1e-6), 0, 1), 0)
    return np.repeat((255 * grey).astype(np.uint8)[..., None], 3, axis=2)


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
