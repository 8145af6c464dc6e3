"""`preview.png`: what a dataset looks like, drawn from its stored labels alone."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from graspgen.dataset.layout import PARTIAL, write_error
from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.dataset.schema import GripperKind, Role
from graspgen.errors import DatasetError
from graspgen.frames import inverse
from graspgen.grasps.candidates import unpacked
from graspgen.grasps.finger_outline import finger_segments
from graspgen.grasps.outcomes import Outcome
from graspgen.grippers.gripper import Gripper
from graspgen.labels.overlay import (
    RGB,
    Picture,
    colour_of,
    contact_sheet,
    draw_boxes,
    draw_cuboids,
    draw_gripper,
)
from graspgen.pipeline.overlay_sheet import depth_picture, depth_span
from graspgen.pipeline.stored import stored_gripper

PREVIEW = "preview.png"

_SCENES, _COLUMNS = 6, 4
_TILE_WIDTH = 400
_MAX_BYTES = 1_500_000
#: An object is worth showing grasps of when this share of it can be seen.
_SEEN = 0.4
#: Objects whose best and worst grasps are drawn in a tile.
_GRASPED = 3
HOLDS: RGB = (60, 220, 90)
FAILS: RGB = (240, 60, 50)
#: Objects that are no targets.
BYSTANDER: RGB = (150, 150, 155)


def write_preview(path: str | Path, into: Path | None = None) -> Path:
    """Draw `preview.png` into a dataset and return its path.

    A scene takes two tiles of the view that shows most of its objects: one with the visible boxes
    and the cuboids (grey those of distractors), one with the best (green) and the worst (red) grasp
    of its best seen objects; and a third with the depth of its sensor, if it has one.

    Args:
        path: the dataset's folder, or its URL.
        into: the folder that takes the picture; None for the dataset's.

    Raises:
        DatasetError: the path is no dataset, it holds no view, or the picture cannot be written.
    """
    with open_dataset(path) as dataset:
        tiles, captions = [], []
        for view in _chosen_views(dataset):
            tiles += [_label_tile(dataset, view), _grasp_tile(dataset, view)]
            captions += [_label_caption(dataset, view), _grasp_caption(dataset, view)]
            if "depth_sensor" in dataset.views:
                span = depth_span(dataset.depth(view))
                tiles.append(_tile(depth_picture(dataset.depth_sensor(view), span)))
                captions.append(f"depth of the sensor {dataset.views['sensor'][view]}, black where it has none")
        if not tiles:
            raise DatasetError(f"{path} holds no view to draw; give views.per_scene at least 1")
        each = len(tiles) // len(_chosen_views(dataset))
        sheet = contact_sheet(tiles, each * max(1, _COLUMNS // each) if len(tiles) > each else each, captions)
        target = (into or dataset.path) / PREVIEW
    partial = target.with_name(PREVIEW + PARTIAL)
    try:
        partial.write_bytes(_png(sheet))
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise write_error(target, error) from error
    return target


def _png(sheet: Picture) -> bytes:
    """Compress the picture, with fewer colours where it would be too large to send around."""
    buffer = io.BytesIO()
    image = Image.fromarray(sheet)
    image.save(buffer, "PNG", optimize=True)
    if buffer.tell() > _MAX_BYTES:
        buffer = io.BytesIO()
        few = image.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _chosen_views(dataset: Dataset) -> list[int]:
    """Return one view of each of some scenes, spread over the run: the one that shows the most."""
    scenes = np.unique(dataset.views["scene"])
    spread = np.unique(np.linspace(0, len(scenes) - 1, _SCENES).round().astype(int))
    return [_best_view(dataset, int(scenes[i])) for i in spread] if len(scenes) else []


def _best_view(dataset: Dataset, scene: int) -> int:
    views = dataset.scene_views(scene)
    seen = [float((labels["visibility"] * labels["in_frame"]).sum()) for labels in map(dataset.view_objects, views)]
    return int(views[int(np.argmax(seen))])


def _label_tile(dataset: Dataset, view: int) -> Picture:
    labels = dataset.view_objects(view)
    shown = labels["pixels_visible"] > 0
    colours = [
        colour_of(int(i)) if role == Role.TARGET else BYSTANDER
        for i, role in zip(labels["instance_id"][shown], labels["role"][shown], strict=True)
    ]
    width = _line_width(dataset, view)
    image = draw_cuboids(dataset.rgb(view), labels["cuboid"][shown], colours, thickness=width)
    image = draw_boxes(image, labels["bbox_visible"][shown], colours, thickness=width + 1)
    return _tile(image)


def _grasp_tile(dataset: Dataset, view: int) -> Picture:
    image = dataset.rgb(view)
    K = dataset.views["K"][view]
    T_camera_world = inverse(dataset.views["T_world_camera"][view])
    labels = dataset.view_objects(view)
    visible = np.where(labels["in_frame"] > 0.8, labels["visibility"], 0.0)
    width = _line_width(dataset, view) + 1
    hand = _hand(dataset)
    for i in np.argsort(-visible, kind="stable")[:_GRASPED]:
        if visible[i] < _SEEN:
            continue
        grasps = dataset.grasps_of(int(labels["object"][i]))
        T_camera_object = T_camera_world @ labels["T_world_object"][i]
        # The worst first, so that the best lies on top of it.
        for row in reversed(best_and_worst(grasps)):
            holds = grasps["outcome"][row] == Outcome.SUCCESS
            image = draw_gripper(
                image,
                K,
                T_camera_object @ grasps["T_object_grasp"][row],
                float(grasps["width"][row]),
                HOLDS if holds else FAILS,
                thickness=width,
                distortion=dataset.views["distortion"][view],
                segments=None if hand is None else finger_segments(hand, unpacked(grasps["fingers"][[row]])[0, 1]),
            )
    return _tile(image)


def _hand(dataset: Dataset) -> Gripper | None:
    """Return the dataset's gripper where it is a multi-finger hand, whose joints say where its fingers are."""
    if len(dataset.grippers) != 1 or int(dataset.grippers["kind"][0]) != GripperKind.MULTI_FINGER:
        return None
    return stored_gripper(dataset)


def best_and_worst(grasps: dict[str, NDArray]) -> list[int]:
    """Return the rows of the best and of the worst grasp of an object, best first.

    A grasp is better when it holds, then when the open hand touches nothing in the scene, then by
    its clearance. Objects without grasps give none, objects with a single grasp give that one.
    """
    if not len(grasps["outcome"]):
        return []
    clearance = np.nan_to_num(grasps["clearance"], nan=0.0)
    free = grasps["collision"] == 0
    order = np.lexsort((clearance, free, grasps["outcome"] == Outcome.SUCCESS))
    return list(dict.fromkeys([int(order[-1]), int(order[0])]))


def _label_caption(dataset: Dataset, view: int) -> str:
    labels = dataset.view_objects(view)
    classes = Counter(str(name) for name in labels["class_name"][labels["pixels_visible"] > 0])
    told = ", ".join(f"{n} {name}" if n > 1 else name for name, n in sorted(classes.items()))
    return f"scene {dataset.views['scene'][view]}: {told or 'nothing in sight'}"


def _grasp_caption(dataset: Dataset, view: int) -> str:
    outcomes = dataset.grasps["outcome"][dataset.grasp_rows(view)]
    holding = int((outcomes == Outcome.SUCCESS).sum())
    return f"{holding} of {len(outcomes)} grasps hold; best green, worst red where it fails"


def _line_width(dataset: Dataset, view: int) -> int:
    """Return a width, px, that is still a line after the view is made as small as a tile."""
    return max(1, round(dataset.rgb(view).shape[1] / _TILE_WIDTH))


def _tile(image: Picture) -> Picture:
    height, width = image.shape[:2]
    size = (_TILE_WIDTH, max(1, round(height * _TILE_WIDTH / width)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
