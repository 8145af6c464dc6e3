"""Jacquard grasp rectangles: a line of five numbers each, square images (Depierre, Dellandréa, Chen, 2018)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from graspgen.dataset.reader import Dataset
from graspgen.errors import DatasetError
from graspgen.exports.folder import ExportFolder
from graspgen.exports.grasped import find_hand
from graspgen.exports.images import tiff_bytes
from graspgen.exports.pictures import png
from graspgen.exports.readme import write_readme
from graspgen.exports.rectangles import RectangleOptions, Rectangles, rectangle_notes, view_rectangles
from graspgen.exports.registry import Format
from graspgen.exports.shots import check_views


class JacquardOptions(RectangleOptions):
    """Options of `jacquard`."""

    size: int = Field(1024, ge=16, le=4096)
    """Side of the images, px: readers count on 1024. The middle square of each view is made that large."""


def export(dataset: Dataset, folder: ExportFolder, options: JacquardOptions) -> None:
    """Write `<scene>/<n>_<scene>_{grasps.txt,RGB.png,perfect_depth.tiff,mask.png}` for views with a good rectangle.

    Raises:
        DatasetError: there are no views or no grasps of two jaws, or no view has a good rectangle.
    """
    check_views(dataset, "Jacquard")
    hand = find_hand(dataset, options.gripper)
    written = 0
    for view in range(len(dataset.views)):
        height, width = dataset.rgb(view).shape[:2]
        side = min(height, width)
        left, top = (width - side) // 2, (height - side) // 2
        found = view_rectangles(dataset, view, hand, options).resized(left, top, options.size / side, options.size)
        if not found.good.any():
            continue
        scene = int(dataset.views["scene"][view])
        number = int(dataset.views["id"][view]) & 0xFFFF
        name = f"scene{scene:05d}/{number}_scene{scene:05d}"
        box = (left, top, left + side, top + side)
        folder.write_text(f"{name}_grasps.txt", lines_text(found.take(found.good)))
        folder.write_bytes(f"{name}_RGB.png", png(_square(dataset.rgb(view), box, options.size, smooth=True)))
        folder.write_bytes(f"{name}_perfect_depth.tiff", tiff_bytes(_square(dataset.depth(view), box, options.size)))
        mask = (dataset.instances(view) > 0).astype(np.uint8) * 255
        folder.write_bytes(f"{name}_mask.png", png(_square(mask, box, options.size)))
        written += 1
    if not written:
        raise DatasetError(
            f"{dataset.path}: no view looks within {options.max_tilt_deg:g}° along a good grasp; use cameras that look "
            "down, or --set max_tilt_deg=…"
        )
    frames, lost = rectangle_notes(options)
    frames += [
        "A line is `x;y;angle;opening;jaw`: px, and degrees from x towards y (down), the direction of the opening.",
        f"Images are the middle square of each view, {options.size} px wide; depth is planar, float32, m.",
    ]
    lost += [
        "Grasps that are not good: Jacquard has no place for them.",
        f"{len(dataset.views) - written} of {len(dataset.views)} views, which have no good rectangle, and the margins.",
        "`stereo_depth.tiff`: no pair of cameras was simulated.",
    ]
    write_readme(folder, dataset, "Grasp rectangles in the format of Jacquard", frames, lost, hand)


def lines_text(rectangles: Rectangles) -> str:
    """Return a line a rectangle."""
    values = rectangles.values.copy()
    values[:, 2] = np.degrees(values[:, 2])
    return "".join(";".join(f"{x:.6f}" for x in line) + "\n" for line in values.tolist())


def _square(image: NDArray, box: tuple[int, int, int, int], size: int, smooth: bool = False) -> NDArray:
    method = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(image).resize((size, size), method, box=box))


FORMAT = Format(
    "jacquard",
    "grasp rectangles as text, square colour and depth images; read by GG-CNN's loaders",
    JacquardOptions,
    export,
)
