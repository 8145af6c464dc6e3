"""Grasp rectangles: what is left of a grasp in an image when the camera looks along its approach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from graspgen.dataset.planar import planar_rectangles
from graspgen.dataset.reader import Dataset
from graspgen.dataset.scene_grasps import held, view_grasps
from graspgen.exports.grasped import Hand
from graspgen.exports.registry import Options
from graspgen.frames import Array
from graspgen.labels.rectangles import corners


class RectangleOptions(Options):
    """Options of the formats of rectangles."""

    gripper: str | None = Field(None)
    """Whose grasps, where the dataset has several grippers."""
    max_tilt_deg: float = Field(15.0, gt=0, le=90)
    """Largest angle between a grasp's approach and the camera's axis; a rectangle cannot say more than 0."""
    hidden: bool = Field(False)
    """Keep grasps whose object is hidden by another where the rectangle would be."""
    label: Literal["scene", "free"] = Field("scene")
    """What makes a grasp good: that it works where the object lies, or that it holds in free space."""


@dataclass(frozen=True, eq=False)
class Rectangles:
    """The n grasps of a view that have a rectangle.

    Attributes:
        values: (n, 5) x, y, angle, width, jaw (`graspgen.labels.rectangles`), but pixels as in arrays: the centre of
            pixel (0, 0) is (0, 0).
        good: (n,) whether the grasp is a success.
    """

    values: Array
    good: NDArray[np.bool_]

    def corners(self) -> Array:
        """Return (n, 4, 2) corners x, y, px; the first edge runs along the opening."""
        return np.roll(corners(self.values), 1, axis=1)

    def take(self, index: NDArray[Any]) -> Rectangles:
        """Return the chosen ones."""
        return Rectangles(self.values[index], self.good[index])

    def resized(self, left: float, top: float, factor: float, size: int) -> Rectangles:
        """Return those in the square of `size` px that begins at `left`, `top` and is made larger by `factor`."""
        centre = (self.values[:, :2] + 0.5 - [left, top]) * factor
        values = np.column_stack([centre - 0.5, self.values[:, 2], self.values[:, 3:] * factor])
        return Rectangles(values, self.good).take(((centre >= 0) & (centre < size)).all(axis=1))


def view_rectangles(dataset: Dataset, view: int, hand: Hand, options: RectangleOptions) -> Rectangles:
    """Return the rectangles of a view's grasps (`graspgen.dataset.planar`).

    Args:
        dataset: to read from.
        view: row of the view.
        hand: whose grasps.
        options: which grasps, and what a success is.
    """
    found = view_grasps(dataset, view)
    chosen, values = planar_rectangles(
        dataset, view, found, max_tilt_deg=options.max_tilt_deg, jaw=hand.pad[0], hidden=options.hidden
    )
    mine = dataset.grasps.take("gripper", found.rows[chosen]) == hand.key
    chosen, values = chosen[mine], values[mine]
    good = found.good[chosen] if options.label == "scene" else held(dataset, found.rows[chosen])
    return Rectangles(values - [0.5, 0.5, 0, 0, 0], good)


def rectangle_notes(options: RectangleOptions) -> tuple[list[str], list[str]]:
    """Return what the READMEs of both formats say: frames, losses."""
    good = "holds in free space"
    if options.label == "scene":
        good = (
            "works where its object lies: by its trial there, or, without one, if it holds in free space and the open "
            "hand touches nothing on its way"
        )
    frames = [
        "Pixels: x right, y down, the centre of pixel (0, 0) is (0, 0). A rectangle's centre is the tool point; its "
        "opening is the distance of the pads before closing, the other side the width of a pad, both at their depth.",
        f"A grasp is good if it {good}.",
    ]
    lost = [
        *([] if options.hidden else ["Grasps whose object is hidden by another where the rectangle would be."]),
        f"Grasps whose approach is more than {options.max_tilt_deg:g}° from the camera's axis; of the others that "
        "angle, up to which a rectangle stands for a grasp from straight above.",
        "Depth and opening in metres, friction, why a grasp failed, which object it is.",
    ]
    return frames, lost
