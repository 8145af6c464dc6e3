"""Point clouds with a grasp at every point: the labels that Contact-GraspNet learns (Sundermeyer et al., ICRA 2021).

A good grasp has two contacts. Every point of its object within `radius` of one of them (5 mm there) gets the grasp: its
approach, the closing direction from this contact to the other, and their distance. The grasp that a point tells of has
its tool point at

    point + (width / 2) · closing

and the base of its hand `grippers.T_base_tcp` behind that (0.1034 m against the approach for the Panda hand, the number
in their code). The tool point is in the middle of the contacts: the stored one may lie up to a jaw's play beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.dataset.reader import Dataset
from graspgen.dataset.scene_grasps import ViewGrasps, view_grasps
from graspgen.frames import Array
from graspgen.loaders.augment import Geometric, augmented
from graspgen.loaders.clouds import PointClouds
from graspgen.loaders.source import Sample, Transform

#: Distances between points and contacts that are held at once.
_AT_ONCE = 1 << 18


class ContactGrasps(PointClouds):
    """One sample for each view: points that it saw, and the grasp that each of them belongs to.

    Beside what `PointClouds` gives:

        success (N,) bool           a good grasp touches here
        tried (N,) bool             some grasp does, good or bad: where it is false, nothing is known
        approach (N, 3) float32     unit vector, camera's frame; 0 without success
        closing (N, 3) float32      unit vector to the other contact, camera's frame; 0 without success
        width (N,) float32          distance of the contacts, m; 0 without success

    Where several good grasps touch near a point, the nearest contact counts.

    Args:
        dataset: open, or its path.
        radius: distance to a contact within which a point belongs to it, m.
        views, points, colours, max_depth, augment, seed: as for `PointClouds`.
    """

    def __init__(
        self,
        dataset: Dataset | str | Path,
        *,
        radius: float = 0.005,
        views: ArrayLike | None = None,
        points: int = 20_000,
        colours: bool = False,
        max_depth: float = np.inf,
        augment: Sequence[Geometric | Transform] = (),
        seed: int = 0,
    ) -> None:
        super().__init__(
            dataset, views=views, points=points, colours=colours, max_depth=max_depth, augment=augment, seed=seed
        )
        self.radius = radius

    def sample(self, row: int, rng: np.random.Generator) -> Sample:
        """Make the sample of a view."""
        sample = self.cloud(row, rng)
        grasps = view_grasps(self.dataset, row)
        contacts = grasps.contacts(self.dataset)
        sample |= contact_labels(sample["points"], sample["point_instances"], grasps, contacts, self.radius)
        return augmented(sample, self.augment, rng)


def contact_labels(
    points: NDArray[np.float32], instances: NDArray[np.uint8], grasps: ViewGrasps, contacts: Array, radius: float
) -> Sample:
    """Return the labels of points: success, tried, approach, closing, width (`ContactGrasps`).

    Args:
        points: (N, 3) camera's frame, m.
        instances: (N,) ids of their objects.
        grasps: n grasps of the view.
        contacts: (n, 2, 3) camera's frame, m.
        radius: m.
    """
    found: Sample = {
        "success": np.zeros(len(points), bool),
        "tried": np.zeros(len(points), bool),
        "approach": np.zeros((len(points), 3), np.float32),
        "closing": np.zeros((len(points), 3), np.float32),
        "width": np.zeros(len(points), np.float32),
    }
    known = np.isfinite(contacts).all(axis=(1, 2))
    for instance in np.unique(grasps.instance[known]).tolist():
        of = np.flatnonzero(known & (grasps.instance == instance))
        of = of[np.argsort(~grasps.good[of], kind="stable")]  # good ones first
        on = np.flatnonzero(instances == instance)
        good = int(grasps.good[of].sum())
        tried, labelled, nearest = _nearest(points[on], contacts[of].reshape(-1, 3), 2 * good, radius)
        found["tried"][on] = tried
        grasp, side, on = of[nearest >> 1], nearest & 1, on[labelled]
        line = contacts[grasp, 1 - side] - contacts[grasp, side]
        width = np.linalg.norm(line, axis=1)
        found["success"][on] = True
        found["approach"][on] = grasps.T_camera_grasp[grasp, :3, 2]
        found["closing"][on] = line / np.maximum(width, 1e-9)[:, None]
        found["width"][on] = width
    return found


def _nearest(
    points: NDArray[np.float32], contacts: Array, good: int, radius: float
) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    """Return which points have a contact within `radius`; which one of the first `good`, and the nearest of these.

    All distances at once, |p|² − 2 p·c + |c|² about the object's middle: for the hundreds of points and contacts of an
    object half the time of a tree.
    """
    middle = contacts.mean(axis=0)
    c = (contacts - middle).astype(np.float32)
    p = points - middle.astype(np.float32)
    own, least = (c * c).sum(axis=1), radius**2 - (p * p).sum(axis=1)
    tried = np.zeros(len(p), bool)
    labelled, nearest = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    step = max(1, _AT_ONCE // len(c))
    for start in range(0, len(p), step):
        block = slice(start, start + step)
        distance = p[block] @ (-2 * c.T)
        distance += own
        hit = distance.min(axis=1) <= least[block]
        tried[block] = hit
        if good:
            at = np.flatnonzero(hit)
            best = distance[at, :good].argmin(axis=1)
            near = distance[at, best] <= least[block][at]
            labelled.append(start + at[near])
            nearest.append(best[near])
    return tried, np.concatenate(labelled), np.concatenate(nearest)
