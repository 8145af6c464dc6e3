"""Augmentations that keep labels right: flips, turns about the optical axis, crops. Several are one resampling.

Give them to a source (`GraspRectangles(dataset, augment=[Flip(), Rotate(), Crop(320, 320)])`): labels are moved with
the camera and drawn afterwards, so they are exact, not resampled. Each draws from the sample's own generator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graspgen.frames import Array, axis_angle
from graspgen.loaders import warp
from graspgen.loaders.errors import LoaderError
from graspgen.loaders.source import Sample, Transform
from graspgen.loaders.warp import Warp


@dataclass(frozen=True)
class Flip:
    """Swap left and right.

    The picture then shows the mirror image of the world. A parallel jaw is its own mirror image, so grasps, rectangles
    and contacts stay true; an object is not, so samples that hold poses of objects refuse. cx becomes W − cx, and the
    determinant of `T_camera_view` −1.

    Attributes:
        probability: of a flip.
    """

    probability: float = 0.5

    def draw(self, now: Warp, rng: np.random.Generator) -> Warp:
        """Draw a change of a camera that `now` has led to."""
        if rng.random() >= self.probability:
            return Warp(size=now.size, K=now.K)
        width = now.size[0]
        turned = np.array([[-1.0, 0, width], [0, 1, 0], [0, 0, 1]])
        K = now.K.copy()
        K[0, 2] = width - K[0, 2]
        return Warp(turned, np.diag([-1.0, 1, 1]), now.size, K)


@dataclass(frozen=True)
class Rotate:
    """Turn the camera about its optical axis, so that the picture turns about its principal point.

    Attributes:
        max_deg: angles are uniform in ± this, degrees; a positive one turns the picture clockwise.
        step_deg: where it is not 0, angles are multiples of it.
    """

    max_deg: float = 180.0
    step_deg: float = 0.0

    def draw(self, now: Warp, rng: np.random.Generator) -> Warp:
        """Draw a change of a camera that `now` has led to."""
        angle = rng.uniform(-self.max_deg, self.max_deg)
        if self.step_deg:
            angle = round(angle / self.step_deg) * self.step_deg
        S = axis_angle([0, 0, 1], np.radians(angle))
        return Warp(now.K @ S @ np.linalg.inv(now.K), S, now.size, now.K)


@dataclass(frozen=True)
class Crop:
    """Cut a window of the proportions width : height out of the picture and bring it to that size.

    Attributes:
        width, height: of the result, px.
        scale: range of the window's size, 1 being the largest one that fits; drawn uniformly.
        centred: the window is in the middle; else anywhere inside the picture.
    """

    width: int
    height: int
    scale: tuple[float, float] = (1.0, 1.0)
    centred: bool = False

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1 or not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise LoaderError(
                f"a crop has a width and height from 1 px and a scale within 0 … 1, got {self.width} x {self.height}, "
                f"{self.scale}"
            )

    def draw(self, now: Warp, rng: np.random.Generator) -> Warp:
        """Draw a change of a camera that `now` has led to."""
        share, u, v = rng.uniform(*self.scale), rng.random(), rng.random()
        if now.size == (0, 0):
            raise LoaderError("a sample without an image cannot be cropped; use Crop on views with images")
        u, v = (0.5, 0.5) if self.centred else (u, v)
        zoom = max(self.width / now.size[0], self.height / now.size[1]) / share
        window = np.array([self.width, self.height]) / zoom
        x, y = np.array([u, v]) * (now.size - window)
        return window_warp(now, (float(x), float(y)), (zoom, zoom), (self.width, self.height))


@dataclass(frozen=True)
class Resize:
    """Bring the whole picture to another size; where the proportions differ, fx and fy then do.

    Attributes:
        width, height: px.
    """

    width: int
    height: int

    def draw(self, now: Warp, rng: np.random.Generator) -> Warp:
        """Draw a change of a camera that `now` has led to; nothing is random."""
        if now.size == (0, 0):
            raise LoaderError("a sample without an image has no size; use Resize on views with images")
        zoom = (self.width / now.size[0], self.height / now.size[1])
        return window_warp(now, (0.0, 0.0), zoom, (self.width, self.height))


Geometric = Flip | Rotate | Crop | Resize


def window_warp(now: Warp, corner: tuple[float, float], zoom: tuple[float, float], size: tuple[int, int]) -> Warp:
    """Return the warp that cuts a window from `corner`, px, and scales it by `zoom` to `size`, px."""
    A: Array = np.diag([zoom[0], zoom[1], 1.0])
    A[0, 2], A[1, 2] = -zoom[0] * corner[0], -zoom[1] * corner[1]
    return Warp(A, np.eye(3), size, A @ now.K)


def augmented(sample: Sample, steps: Sequence[Geometric | Transform], rng: np.random.Generator) -> Sample:
    """Apply augmentations and other changes in order; augmentations that follow each other resample once.

    Raises:
        LoaderError: the sample has no right image under one of them.
    """
    pending: Warp | None = None
    for step in steps:
        if isinstance(step, Geometric):
            now = warp.identity(sample) if pending is None else pending
            pending = now.then(step.draw(now, rng))
            continue
        if pending is not None:
            sample, pending = warp.apply(sample, pending), None
        sample = step(sample, rng)
    return sample if pending is None else warp.apply(sample, pending)
