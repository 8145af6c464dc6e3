"""Grasp rectangles: what is left of a grasp in an image when the camera looks along its approach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from graspgen.dataset.reader import Dataset
from graspgen.exports.grasped import Hand, held, held_in_scene
from graspgen.exports.registry import Options
from graspgen.frames import Array, transform_points
from graspgen.lens import project


class RectangleOptions(Options):
    """Options of the formats of rectangles."""

    gripper: str | None = Field(None)
    """Whose grasps, where the dataset has several grippers."""
    max_tilt_deg: float = Field(15.0, gt=0, le=90)
    """Largest angle between a grasp's approach and the camera's axis; a rectangle cannot say more than 0."""
    label: Literal["scene", "free"] = Field("scene")
    """What makes a grasp good: that it works where the object lies, or that it holds in free space."""


@dataclass(frozen=True, eq=False)
class Rectangles:
    """Grasps of a view as rectangles; pixels as in arrays, the centre of pixel (0, 0) is (0, 0).

    Attributes:
        rows: (n,) rows in `grasps`.
        centre: (n, 2) x, y, px.
        angle: (n,) direction of the opening, rad, from x to y (down): clockwise as seen; within (−π/2, π/2].
        opening: (n,) distance of the pads, px.
        jaw: (n,) width of a pad, px.
        good: (n,) whether the grasp is a success.
    """

    rows: NDArray[np.int64]
    centre: Array
    angle: Array
    opening: Array
    jaw: Array
    good: NDArray[np.bool_]

    def corners(self) -> Array:
        """Return (n, 4, 2) corners x, y, px; the first edge runs along the opening."""
        along = 0.5 * self.opening[:, None] * np.stack([np.cos(self.angle), np.sin(self.angle)], -1)
        across = 0.5 * self.jaw[:, None] * np.stack([-np.sin(self.angle), np.cos(self.angle)], -1)
        c = self.centre
        return np.stack([c - along - across, c + along - across, c + along + across, c - along + across], axis=1)

    def inside(self, width: int, height: int) -> Rectangles:
        """Return those whose centre lies in an image."""
        x, y = self.centre.T
        return self.take(np.flatnonzero((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)))

    def take(self, index: NDArray[Any]) -> Rectangles:
        """Return the chosen ones."""
        return Rectangles(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    def resized(self, left: float, top: float, factor: float) -> Rectangles:
        """Return them in an image that is cut at `left`, `top` and made larger by `factor`."""
        centre = (self.centre + 0.5 - [left, top]) * factor - 0.5
        return Rectangles(self.rows, centre, self.angle, self.opening * factor, self.jaw * factor, self.good)


def view_rectangles(dataset: Dataset, view: int, hand: Hand, options: RectangleOptions) -> Rectangles:
    """Project the grasps of a view's scene whose approach is near the camera's axis.

    Args:
        dataset: to read from.
        view: row of the view.
        hand: whose grasps.
        options: how near, and what a success is.
    """
    rows = dataset.grasp_rows(view)
    T = dataset.grasps_in_camera(view)
    near = (dataset.grasps["gripper"][rows] == hand.key) & (T[:, 2, 2] >= np.cos(np.radians(options.max_tilt_deg)))
    near &= T[:, 2, 3] > 0
    rows, T = rows[near], T[near]
    half, side = 0.5 * dataset.grasps["width"][rows], 0.5 * hand.pad[0]
    local = np.zeros((len(rows), 4, 3))
    local[:, 0, 1], local[:, 1, 1], local[:, 2, 0], local[:, 3, 0] = -half, half, -side, side
    points = transform_points(T, local)
    uv = project(dataset.views["K"][view], dataset.views["distortion"][view], points) - 0.5
    along = uv[:, 1] - uv[:, 0]
    angle = np.arctan2(along[:, 1], along[:, 0])
    angle = np.pi / 2 - np.mod(np.pi / 2 - angle, np.pi)  # jaws are their own image after half a turn
    judge = held_in_scene if options.label == "scene" else held
    made = Rectangles(
        rows, uv[:, :2].mean(axis=1), angle, np.linalg.norm(along, axis=-1),
        np.linalg.norm(uv[:, 3] - uv[:, 2], axis=-1), judge(dataset, rows),
    )  # fmt: skip
    return made.take(np.flatnonzero(np.isfinite(made.centre).all(axis=1) & (made.opening > 0)))


def rectangle_notes(options: RectangleOptions) -> tuple[list[str], list[str]]:
    """Return what the READMEs of both formats say: frames, losses."""
    good = "holds in free space"
    if options.label == "scene":
        good = (
            "works where its object lies: by its trial there, or, without one, if it holds in free space and the open "
            "hand touches nothing on its way"
        )
    frames = [
        "Pixels: x right, y down, the centre of pixel (0, 0) is (0, 0). The opening is the distance of the pads before "
        "closing, the other side the width of a pad, both at the depth of the grasp.",
        f"A grasp is good if it {good}.",
    ]
    lost = [
        f"Grasps whose approach is more than {options.max_tilt_deg:g}° from the camera's axis; of the others that "
        "angle, up to which a rectangle stands for a grasp from straight above.",
        "Depth and opening in metres, friction, why a grasp failed, which object it is.",
    ]
    return frames, lost
