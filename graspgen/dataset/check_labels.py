"""Checks of annotations: pixels counted again in the masks, boxes, visibility, poses against poses, cuboids."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.checked import Checked
from graspgen.dataset.violations import Report
from graspgen.frames import Array, inverse, transform_points
from graspgen.lens import project_each

POSE_TOLERANCE = 1e-9
CUBOID_TOLERANCE = 0.05
#: A box drawn from pixels covers the projected outline to within a pixel.
AMODAL_TOLERANCE = 1.0


def check_labels(report: Report, checked: Checked) -> None:
    """Check the annotations of every view of a shard."""
    for each in (_check_ratios, _check_poses, _check_cuboids, _check_masks):
        report.attempt(each.__name__.removeprefix("_check_"), partial(each, report, checked))


def _check_ratios(report: Report, checked: Checked) -> None:
    a = checked.tables["annotations"]
    visible, inside, whole = a["pixels_visible"], a["pixels_in_frame"], a["pixels_all"]
    report.rows(
        "annotations",
        "pixels_in_frame",
        visible > inside,
        "fewer pixels than are visible",
        a["object"],
    )
    report.rows(
        "annotations",
        "pixels_all",
        inside > whole,
        "fewer pixels than are in the frame",
        a["object"],
    )
    shares = (("visibility", visible, whole), ("in_frame", inside, whole), ("visible_in_frame", visible, inside))
    for name, part, of in shares:
        ratio = np.divide(part, of, out=np.zeros(len(of)), where=of > 0)
        bad = ~(np.abs(a[name] - ratio) <= 1e-6)
        report.rows(
            "annotations",
            name,
            bad,
            lambda row, n=name, r=ratio: f"{a[n][row]:g}, its pixels give {r[row]:g}",
            a["object"],
        )
    limit = float(checked.recipe.get("views", {}).get("ignore_below", 0.1))
    clear = np.abs(a["visibility"] - limit) > 1e-6
    bad = clear & (a["ignore"] != (a["visibility"] < limit))
    report.rows("annotations", "ignore", bad, f"is not visibility < {limit:g}", a["object"])


def _check_poses(report: Report, checked: Checked) -> None:
    a, objects, views = (checked.tables[t] for t in ("annotations", "objects", "views"))
    T_world_camera = views["T_world_camera"][checked.rows_of("views", a["view"])]
    T_world_object = objects["T_world_object"][checked.rows_of("objects", a["object"])]
    error = np.abs(inverse(T_world_camera) @ T_world_object - a["T_camera_object"]).reshape(len(a["view"]), 16)
    worst = error.max(axis=1) if len(error) else np.zeros(0)
    report.rows(
        "annotations",
        "T_camera_object",
        ~(worst <= POSE_TOLERANCE),
        lambda row: f"differs by {worst[row]:.3g} from inverse(views.T_world_camera) @ objects.T_world_object",
        a["object"],
    )


def _check_cuboids(report: Report, checked: Checked) -> None:
    """Project the corners of every object's box, and its centre, again."""
    a, views = checked.tables["annotations"], checked.tables["views"]
    if not len(a["view"]):
        return
    row = checked.rows_of("objects", a["object"])
    bounds, known = (part[row] for part in checked.object_bounds())
    corners = np.array(list(product((0, 1), repeat=3)))
    points = np.concatenate([bounds[:, corners, np.arange(3)], bounds.mean(axis=1, keepdims=True)], axis=1)
    view = checked.rows_of("views", a["view"])
    pixels = project_each(views["K"][view], views["distortion"][view], transform_points(a["T_camera_object"], points))
    # float32 cannot hold a far-away pixel to 0.05.
    error = np.abs(pixels - a["cuboid"]) - 1e-6 * np.abs(pixels)
    both = np.isnan(pixels) & np.isnan(a["cuboid"])
    worst = np.where(both, 0, np.where(np.isnan(error), np.inf, error)).max(axis=(1, 2))
    report.rows(
        "annotations",
        "cuboid",
        known & (worst > CUBOID_TOLERANCE),
        lambda r: f"is {worst[r]:.3g} px from the projected box of the mesh, more than {CUBOID_TOLERANCE}",
        a["object"],
    )


def _check_masks(report: Report, checked: Checked) -> None:
    views, a, objects = (checked.tables[t] for t in ("views", "annotations", "objects"))
    first, last = (np.searchsorted(a["view"], views["id"] + k) for k in (0, 1))
    for row, key in enumerate(views["id"].tolist()):
        mask, depth = checked.images["instances"][row], checked.images["depth"][row]
        rows = np.arange(first[row], last[row])
        ids = objects["instance_id"][checked.rows_of("objects", a["object"][rows])]
        counts = np.bincount(mask.ravel(), minlength=256)
        foreign = sorted(set(np.flatnonzero(counts).tolist()) - {0} - set(ids.tolist()))
        if foreign:
            report.add(
                f"the mask holds ids {foreign} that no object of the scene has",
                "views",
                "instances",
                row,
                key,
            )
        if ((depth == 0) & (mask > 0)).any():
            report.add("pixels of an object have no depth", "views", "depth", row, key)
        for i, instance in zip(rows.tolist(), ids.tolist(), strict=True):
            _check_object_pixels(report, a, i, mask == instance, int(counts[instance]))


def _check_object_pixels(
    report: Report, a: dict[str, NDArray[Any]], row: int, mask: NDArray[np.bool_], count: int
) -> None:
    key = int(a["object"][row])
    if "pixels_visible" in a and int(a["pixels_visible"][row]) != count:
        text = f"{a['pixels_visible'][row]} px, the mask of view {a['view'][row]} has {count}"
        report.add(text, "annotations", "pixels_visible", row, key)
    box = mask_box(mask)
    if "bbox_visible" in a and not np.array_equal(a["bbox_visible"][row], box):
        text = f"{a['bbox_visible'][row].tolist()}, the mask of view {a['view'][row]} gives {box.tolist()}"
        report.add(text, "annotations", "bbox_visible", row, key)
    if "bbox_amodal" not in a:
        return
    outer = a["bbox_amodal"][row]
    if count and not (
        (outer[:2] <= box[:2] + AMODAL_TOLERANCE).all()
        and (outer[:2] + outer[2:] >= box[:2] + box[2:] - AMODAL_TOLERANCE).all()
    ):
        text = f"{outer.tolist()} does not hold the visible box {box.tolist()}"
        report.add(text, "annotations", "bbox_amodal", row, key)


def mask_box(mask: NDArray[np.bool_]) -> Array:
    """Return (4,) x, y, w, h of the pixels of a mask, px; −1 when it is empty."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        return np.full(4, -1.0)
    return np.array([columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1], float)
