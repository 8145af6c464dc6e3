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
from graspgen.frames import Array, transform_points
from graspgen.loaders.augment import Geometric, augmented
from graspgen.loaders.clouds import PointClouds
from graspgen.loaders.grasping import ViewGrasps, view_grasps
from graspgen.loaders.source import Sample, Transform

#: Distance that sets objects apart in the space in which neighbours are looked for, m.
_APART = 10.0


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
        contacts = camera_contacts(self.dataset, grasps)
        sample |= contact_labels(sample["points"], sample["point_instances"], grasps, contacts, self.radius)
        return augmented(sample, self.augment, rng)


def camera_contacts(dataset: Dataset, grasps: ViewGrasps) -> Array:
    """Return the (n, 2, 3) contacts of grasps in the camera's frame, m; NaN where they are not known."""
    return transform_points(grasps.T_camera_object, dataset.grasps.take("contacts", grasps.rows))


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
    on = np.flatnonzero(np.isin(instances, np.unique(grasps.instance[known])))
    of = grasps.instance
    at, _ = _nearest(points[on], instances[on], contacts, of, np.flatnonzero(known), radius)
    on = on[at]
    found["tried"][on] = True
    at, which = _nearest(points[on], instances[on], contacts, of, np.flatnonzero(known & grasps.good), radius)
    grasp, side = which >> 1, which & 1
    line = contacts[grasp, 1 - side] - contacts[grasp, side]
    width = np.linalg.norm(line, axis=1)
    labelled = on[at]
    found["success"][labelled] = True
    found["approach"][labelled] = grasps.T_camera_grasp[grasp, :3, 2]
    found["closing"][labelled] = line / np.maximum(width, 1e-9)[:, None]
    found["width"][labelled] = width
    return found


def _nearest(
    points: NDArray[np.float32],
    instances: NDArray[np.uint8],
    contacts: Array,
    of: NDArray[np.uint16],
    chosen: NDArray[np.int64],
    radius: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which points have a contact of their own object within `radius`, and 2 · grasp + side of the nearest."""
    if not len(chosen) or not len(points):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    from scipy.spatial import cKDTree  # slow to import, and only these labels need it

    # The object is a fourth coordinate that sets objects far apart.
    at = np.column_stack([contacts[chosen].reshape(-1, 3), _APART * np.repeat(of[chosen], 2).astype(float)])
    asked = np.column_stack([points, _APART * instances.astype(float)])
    distance, nearest = cKDTree(at).query(asked, distance_upper_bound=radius)
    hit = np.flatnonzero(np.isfinite(distance))
    return hit, 2 * chosen[nearest[hit] >> 1] + (nearest[hit] & 1)
