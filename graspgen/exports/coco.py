"""COCO: one JSON of masks, boxes and keypoints beside the images, as `pycocotools` reads it.

Layout: cocodataset.org/#format-data. Masks are compressed run lengths; boxes are x, y, width, height, their right edge
x + width; keypoints count pixels likewise (the centre of pixel (0, 0) is (0.5, 0.5)). The images keep their lens:
COCO has no camera. What COCO does not know stands under keys of its own in images (`scene`, `K`, `distortion`,
`T_world_camera`) and annotations (`object`, `instance_id`, `visibility`, `bbox_amodal`, `T_camera_object`, `ignore`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal, TextIO

import numpy as np

from graspgen.dataset.reader import Dataset
from graspgen.dataset.schema import Role
from graspgen.exports.folder import ExportFolder
from graspgen.exports.pictures import ColourFormat, colour
from graspgen.exports.readme import write_readme
from graspgen.exports.registry import Format, Options
from graspgen.exports.shots import Meshes, check_views, in_image, labels_lost, number_of, objects_of, take, view_name
from graspgen.labels import rle
from graspgen.labels.keypoints import CORNERS, KeypointState

#: Visibility by `KeypointState`: 2 seen, 1 hidden, 0 not there.
_SEEN = {
    KeypointState.VISIBLE: 2,
    KeypointState.SELF_OCCLUDED: 1,
    KeypointState.OCCLUDED: 1,
    KeypointState.OUT_OF_FRAME: 0,
    KeypointState.BEHIND: 0,
}
_NAMED = 9  # number of the first named keypoint


class CocoOptions(Options):
    """What can be chosen."""

    masks: Literal["visible", "amodal"] = "visible"
    """Masks, boxes and areas: of the visible pixels, or of the whole silhouette within the image."""
    categories: Literal["class", "asset"] = "class"
    """What is a category: `assets.class_name`, or each asset by its name."""
    keypoints: Literal["named", "cuboid", "none"] = "named"
    """Keypoints: those named ones that all assets of a category have, or the corners and the centre of the box."""
    images: ColourFormat = "jpg"
    """File type of the images; JPEG of quality 95, 4:4:4."""
    distractors: Literal["crowd", "annotate", "omit"] = "crowd"
    """Labelled distractors: with `iscrowd` 1, which evaluations ignore, like all others, or not at all."""


def _export(dataset: Dataset, folder: ExportFolder, options: CocoOptions) -> None:
    check_views(dataset, "COCO")
    categories = _categories(dataset, options)
    points = {name: category["keypoints"] for name, category in categories.items() if "keypoints" in category}
    views = range(len(dataset.views))
    with folder.file("annotations/instances.json").open("w", encoding="utf-8") as out:
        head = {"info": _info(dataset, options), "licenses": [], "categories": list(categories.values())}
        out.write(_dumps(head)[:-1] + ',"images":[')
        _write_list(out, (_image(dataset, view, options) for view in views))
        out.write('],"annotations":[')
        ids = {name: category["id"] for name, category in categories.items()}
        _write_list(out, _annotations(dataset, folder, options, ids, points))
        out.write("]}\n")
    _write_readme(dataset, folder, options)


def _dumps(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"), allow_nan=False)


def _write_list(out: TextIO, rows: Iterator[dict[str, Any]]) -> None:
    for i, row in enumerate(rows):
        out.write((",\n" if i else "\n") + _dumps(row))


def _info(dataset: Dataset, options: CocoOptions) -> dict[str, Any]:
    return {
        "description": f"graspgen, task {dataset.recipe.get('task', '')}, seed {dataset.attrs['seed']}",
        "version": str(dataset.attrs["graspgen_version"]),
        "contributor": "graspgen export coco",
        "masks": options.masks,
        "pixels": "the centre of pixel (0, 0) is (0.5, 0.5); the right edge of a box is x + width",
        "poses": "T_camera_object and T_world_camera: metres, row-major, OpenCV camera (x right, y down, z forward)",
    }


def _category_of(dataset: Dataset, options: CocoOptions) -> np.ndarray:
    """Return the name of the category of every asset."""
    return dataset.assets["class_name" if options.categories == "class" else "name"]


def _categories(dataset: Dataset, options: CocoOptions) -> dict[str, dict[str, Any]]:
    """Return the categories, numbered from 1 by name, with their keypoints."""
    assets, found = dataset.assets, {}
    of = _category_of(dataset, options)
    for number, name in enumerate(sorted(set(of.tolist())), 1):
        rows = np.flatnonzero(of == name)
        category: dict[str, Any] = {"id": number, "name": name, "supercategory": assets["class_name"][rows[0]]}
        if options.keypoints == "cuboid":
            corners = ["".join("+" if v else "-" for v in corner) for corner in CORNERS]
            edges = [[i + 1, (i | bit) + 1] for bit in (4, 2, 1) for i in range(8) if not i & bit]
            category |= {"keypoints": [*corners, "centre"], "skeleton": edges}
        elif options.keypoints == "named":
            shared = set.intersection(*(set(json.loads(assets["keypoints"][row] or "{}")) for row in rows))
            if shared:
                category |= {"keypoints": sorted(shared), "skeleton": []}
        found[name] = category
    return found


def _file(dataset: Dataset, view: int, options: CocoOptions) -> str:
    return f"{view_name(dataset, view)}.{options.images}"


def _image(dataset: Dataset, view: int, options: CocoOptions) -> dict[str, Any]:
    views = dataset.views
    height, width = views["instances"].shape[1:]
    return {
        "id": view + 1,
        "file_name": _file(dataset, view, options),
        "width": width,
        "height": height,
        "scene": int(views["scene"][view]),
        "number": number_of(dataset, view),
        "camera": views["camera"][view],
        "K": views["K"][view].tolist(),
        "distortion": views["distortion"][view].tolist(),
        "T_world_camera": views["T_world_camera"][view].tolist(),
    }


def _annotations(
    dataset: Dataset,
    folder: ExportFolder,
    options: CocoOptions,
    ids: dict[str, int],
    points: dict[str, list[str]],
) -> Iterator[dict[str, Any]]:
    """Write the images, and yield what is in them."""
    meshes = Meshes(dataset) if options.masks == "amodal" else None
    category_of = _category_of(dataset, options)
    number = 0
    for view in range(len(dataset.views)):
        folder.progress("views", view, len(dataset.views))
        shot = take(dataset, view, straighten=False)
        folder.write_bytes(f"images/{_file(dataset, view, options)}", colour(shot.rgb, options.images))
        for thing in objects_of(dataset, shot, meshes):
            if thing.is_distractor and options.distractors == "omit":
                continue
            part = thing.visible if meshes is None else thing.whole
            mask = in_image(shot, part)
            x, y, width, height = _box(mask)
            if not width:
                continue
            number += 1
            row = thing.row
            category = category_of[dataset.assets.index_of(int(row["asset"]))]
            found = {
                "id": number,
                "image_id": view + 1,
                "category_id": ids[category],
                "iscrowd": int(thing.is_distractor and options.distractors == "crowd"),
                "area": int(np.count_nonzero(mask)),
                "bbox": [x, y, width, height],
                "segmentation": {"size": list(mask.shape), "counts": rle.encode(mask)},
                "object": int(row["object"]),
                "asset": row["name"],
                "instance_id": int(row["instance_id"]),
                "role": Role(int(row["role"])).name.lower(),
                "visibility": float(row["visibility"]),
                "ignore": int(row["ignore"]),
                "bbox_amodal": row["bbox_amodal"].tolist(),
                "T_camera_object": row["T_camera_object"].tolist(),
            }
            if category in points:
                found |= _keypoints(dataset, view, row, points[category], options)
            yield found


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Return x, y, width, height of the pixels of a mask; zeros for none."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        return 0, 0, 0, 0
    x, y = int(columns[0]), int(rows[0])
    return x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1


def _keypoints(
    dataset: Dataset, view: int, row: dict[str, Any], names: list[str], options: CocoOptions
) -> dict[str, Any]:
    """Return the keypoints of an object in a view: x, y and visibility of each, zeros where it is not in the image."""
    table = dataset.keypoints
    low, high = np.searchsorted(table["view"], dataset.views["id"][view] + np.array([0, 1]))
    low, high = low + np.searchsorted(table["object"][low:high], row["object"] + np.array([0, 1]))
    asset = dataset.assets.index_of(int(row["asset"]))
    if options.keypoints == "cuboid":
        numbers = list(range(_NAMED))
    else:
        own = sorted(json.loads(dataset.assets["keypoints"][asset]))
        numbers = [_NAMED + own.index(name) for name in names]
    rows = low + np.searchsorted(table["number"][low:high], numbers)
    flat: list[float] = []
    for r in rows.tolist():
        seen = _SEEN[KeypointState(int(table["state"][r]))]
        pixel = table["pixel"][r].tolist() if seen else [0.0, 0.0]
        flat += [*pixel, seen]
    return {"keypoints": flat, "num_keypoints": sum(v > 0 for v in flat[2::3])}


def _write_readme(dataset: Dataset, folder: ExportFolder, options: CocoOptions) -> None:
    frames = [
        f"{len(dataset.views)} images; masks and boxes are of the {options.masks} pixels.",
        "Pixels: the centre of pixel (0, 0) is (0.5, 0.5); the right edge of a box is x + width.",
        "Under keys of their own: `K` and `distortion` of images (OpenCV), `T_world_camera`, and `T_camera_object` of "
        "annotations: metres, row-major, OpenCV camera (x right, y down, z forward).",
        "Labelled distractors are crowds, which evaluations ignore."
        if options.distractors == "crowd"
        else "Labelled distractors are annotated like all others."
        if options.distractors == "annotate"
        else "Labelled distractors are not annotated.",
    ]
    lost = [
        *labels_lost(dataset, distractors=options.distractors != "omit"),
        "Depth images, models and grasps.",
        "Objects without a pixel in an image.",
    ]
    write_readme(folder, dataset, "Object masks, boxes and keypoints in COCO's format", frames, lost)


FORMAT = Format(
    "coco",
    "instance masks, boxes and keypoints of images; read by pycocotools and most detectors",
    CocoOptions,
    _export,
)
