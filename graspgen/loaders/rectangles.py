"""Grasp rectangles: grasps as oriented rectangles in the image, as Cornell, Jacquard and GG-CNN have them.

A rectangle is x, y, angle, width, jaw: the centre, px; the direction of the closing line, rad, in [-π/2, π/2), from the
image's x towards its y (clockwise on the screen); the opening along that line and the jaw's breadth across it, px.

A rectangle tells a planar grasp: one that comes down along the optical axis. So a grasp has a rectangle only if

    its approach is within `max_tilt_deg` of the optical axis,
    its tool point is inside the image, and
    what is seen there, within 2 px, is its object (it is not hidden behind another one).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen import lens
from graspgen.dataset.reader import Dataset
from graspgen.frames import Array, transform_points
from graspgen.loaders.augment import Geometric, augmented
from graspgen.loaders.errors import LoaderError
from graspgen.loaders.fields import groups
from graspgen.loaders.grasping import view_grasps
from graspgen.loaders.images import RGBDViews
from graspgen.loaders.source import Sample, Transform
from graspgen.loaders.warp import half_turn

#: Neighbourhood of the centre in which the object must be seen, px to each side.
_NEAR = 2


class GraspRectangles(RGBDViews):
    """One sample for each view: its images, and its planar grasps as rectangles.

    Beside what `RGBDViews` gives, for the n grasps of the view that are planar (module's docstring), bad ones first:

        rectangles (n, 5) float32       x, y, angle, width, jaw: px, rad
        good (n,) bool                  held in free space and in the scene, touching nothing else (`good_grasps`)
        grasp (n,) int64                key of the grasp
        grasp_width (n,) float32        opening, m
        T_camera_grasp (n, 4, 4)        float64

    Args:
        dataset: open, or its path.
        views: rows of views, or a mask; None for all.
        images: which of rgb, depth, instances.
        max_tilt_deg: largest angle between approach and optical axis.
        jaw: breadth of the jaw, m.
        only_good: leave out rectangles of bad grasps.
        min_grasps: leave out views with fewer good rectangles.
        augment: as for `RGBDViews`; rectangles whose centre leaves the image are dropped.
        seed: of what is random.

    Raises:
        LoaderError: there is no such view or image, or the tilt is not within 0 … 90°.
    """

    ragged = groups(("rectangles", "good", "grasp", "grasp_width", "T_camera_grasp"))

    def __init__(
        self,
        dataset: Dataset | str | Path,
        *,
        views: ArrayLike | None = None,
        images: Sequence[str] = ("rgb", "depth"),
        max_tilt_deg: float = 30.0,
        jaw: float = 0.02,
        only_good: bool = False,
        min_grasps: int = 0,
        augment: Sequence[Geometric | Transform] = (),
        seed: int = 0,
    ) -> None:
        super().__init__(dataset, views=views, images=images, augment=augment, seed=seed)
        if not 0 <= max_tilt_deg <= 90:
            raise LoaderError(f"max_tilt_deg is an angle within 0 … 90, got {max_tilt_deg:g}")
        self.max_tilt_deg, self.jaw, self.only_good = max_tilt_deg, jaw, only_good
        if min_grasps:
            enough = [int(self.labels(row, None)["good"].sum()) >= min_grasps for row in self.rows.tolist()]
            self.rows = self.rows[np.array(enough, bool)]

    def sample(self, row: int, rng: np.random.Generator) -> Sample:
        """Make the sample of a view."""
        sample = self.view_sample(row)
        return augmented(sample | self.labels(row, sample.get("instances")), self.augment, rng)

    def labels(self, row: int, instances: NDArray[np.uint8] | None) -> Sample:
        """Return the rectangles of a view; `instances` saves reading its ids again."""
        views, grasps = self.dataset.views, self.dataset.grasps
        found = view_grasps(self.dataset, row)
        K, D = views.take("K", row), views.take("distortion", row)
        planar = np.flatnonzero(found.T_camera_grasp[:, 2, 2] >= np.cos(np.radians(self.max_tilt_deg)))
        if self.only_good:
            planar = planar[found.good[planar]]
        rectangles = grasp_rectangles(found.T_camera_grasp[planar], found.width[planar], K, D, self.jaw)
        if len(planar):
            ids = self.dataset.instances(row) if instances is None else instances
            shown = sees(ids, rectangles[:, :2], found.instance[planar])
            planar, rectangles = planar[shown], rectangles[shown]
        order = np.argsort(found.good[planar], kind="stable")
        planar = planar[order]
        return {
            "rectangles": rectangles[order].astype(np.float32),
            "good": found.good[planar],
            "grasp": grasps.take("id", found.rows[planar]),
            "grasp_width": found.width[planar].astype(np.float32),
            "T_camera_grasp": found.T_camera_grasp[planar],
        }


def grasp_rectangles(
    T_camera_grasp: ArrayLike, width: ArrayLike, K: ArrayLike, distortion: ArrayLike = lens.NONE, jaw: float = 0.02
) -> Array:
    """Project grasps to rectangles.

    The closing line is that between the projections of the two pads; the jaw's breadth is that at the tool point's
    depth.

    Args:
        T_camera_grasp: (n, 4, 4) grasp frames, z approach, y closing, in the OpenCV camera's frame.
        width: (n,) openings, m.
        K: (3, 3) camera matrix, px.
        distortion: k1, k2, p1, p2, k3.
        jaw: breadth of the jaw, m.

    Returns:
        (n, 5) x, y, angle, width, jaw; NaN behind the camera.
    """
    T = np.asarray(T_camera_grasp, float).reshape(-1, 4, 4)
    half = np.asarray(width, float).reshape(-1) / 2
    pads = np.zeros((len(T), 3, 3))
    pads[:, 1, 1], pads[:, 2, 1] = half, -half
    pixels = lens.project(K, distortion, transform_points(T, pads))
    line = pixels[:, 1] - pixels[:, 2]
    across = jaw * float(np.sqrt(abs(np.linalg.det(np.asarray(K, float)[:2, :2])))) / T[:, 2, 3]
    angle = half_turn(np.arctan2(line[:, 1], line[:, 0]))
    return np.column_stack([pixels[:, 0], angle, np.linalg.norm(line, axis=1), across])


def sees(instances: NDArray[np.uint8], pixels: ArrayLike, wanted: ArrayLike) -> NDArray[np.bool_]:
    """Return whether an id is seen within 2 px of each of (n, 2) pixels; false outside the image."""
    height, width = instances.shape
    pixels, wanted = np.asarray(pixels, float), np.asarray(wanted)
    inside = ((pixels >= 0) & (pixels < [width, height])).all(axis=1)  # false for NaN
    found = np.zeros(len(pixels), bool)
    for i in np.flatnonzero(inside).tolist():
        x, y = int(pixels[i, 0]), int(pixels[i, 1])
        patch = instances[max(y - _NEAR, 0) : y + _NEAR + 1, max(x - _NEAR, 0) : x + _NEAR + 1]
        found[i] = bool((patch == wanted[i]).any())
    return found


def corners(rectangles: ArrayLike) -> Array:
    """Return the (n, 4, 2) corners of (n, 5) rectangles, px; the first two are the ends of one jaw plate."""
    x, y, angle, width, jaw = np.asarray(rectangles, float).reshape(-1, 5).T
    u = np.stack([np.cos(angle), np.sin(angle)], -1)[:, None]
    v = np.stack([-np.sin(angle), np.cos(angle)], -1)[:, None]
    signs = np.array([[1, -1], [1, 1], [-1, 1], [-1, -1]]) / 2
    along, across = signs[:, 0] * width[:, None], signs[:, 1] * jaw[:, None]
    return np.stack([x, y], -1)[:, None] + along[..., None] * u + across[..., None] * v


def rectangle_iou(a: ArrayLike, b: ArrayLike) -> float:
    """Return the intersection over union of two rectangles (5,), px.

    By clipping one at the four sides of the other (Sutherland and Hodgman, 1974).
    """
    shape, clip = corners(a)[0], corners(b)[0]
    if _area(clip) < 0:
        clip = clip[::-1]
    for p, q in zip(clip, np.roll(clip, -1, axis=0), strict=True):
        if len(shape) < 3:
            return 0.0
        shape = _clipped(shape, p, q)
    both = abs(_area(shape)) if len(shape) >= 3 else 0.0
    union = abs(_area(corners(a)[0])) + abs(_area(corners(b)[0])) - both
    return both / union if union > 0 else 0.0


def _clipped(shape: Array, p: Array, q: Array) -> Array:
    edge = q - p
    side = edge[0] * (shape[:, 1] - p[1]) - edge[1] * (shape[:, 0] - p[0])
    kept = []
    for i in range(len(shape)):
        j = (i + 1) % len(shape)
        if side[i] >= 0:
            kept.append(shape[i])
        if (side[i] >= 0) != (side[j] >= 0):
            kept.append(shape[i] + side[i] / (side[i] - side[j]) * (shape[j] - shape[i]))
    return np.array(kept).reshape(-1, 2)


def _area(shape: Array) -> float:
    x, y = shape.T
    return float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) / 2)


def matches(predicted: ArrayLike, labelled: ArrayLike, iou: float = 0.25, angle_deg: float = 30.0) -> bool:
    """Tell whether a predicted rectangle is right: within an angle of a labelled one, and overlapping it enough.

    The rectangle metric of Jiang, Moseson and Saxena (ICRA 2011): intersection over union above 0.25 and angles within
    30° of at least one label.
    """
    guess = np.asarray(predicted, float).reshape(5)
    for label in np.asarray(labelled, float).reshape(-1, 5):
        if abs(half_turn(guess[2] - label[2])) <= np.radians(angle_deg) and rectangle_iou(guess, label) > iou:
            return True
    return False
