"""Grasps of a view: where they are in the camera, and which of them are good ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.reader import Dataset
from graspgen.frames import Array, inverse
from graspgen.grasps.outcomes import Outcome
from graspgen.loaders.errors import LoaderError
from graspgen.loaders.images import rows_of_scene


@dataclass(frozen=True, eq=False)
class ViewGrasps:
    """The grasps of a view's scene.

    Attributes:
        rows: (n,) rows of `dataset.grasps`.
        T_camera_grasp: (n, 4, 4).
        width: (n,) opening before closing, m.
        instance: (n,) id of the object in the masks.
        good: (n,) whether it is a good one (`good_grasps`).
    """

    rows: NDArray[np.int64]
    T_camera_grasp: Array
    width: Array
    instance: NDArray[np.uint16]
    good: NDArray[np.bool_]


def good_grasps(dataset: Dataset, rows: slice | NDArray[np.int64] = slice(None)) -> NDArray[np.bool_]:
    """Return which grasps are good: a robot that goes there holds the object.

    It held in the free trial; the open hand touches nothing in the settled scene; and where it was tried in the scene,
    it held there too.
    """
    grasps = dataset.grasps
    here = grasps["outcome_in_scene"][rows]
    held = (here == Outcome.SUCCESS) | (here == Outcome.NOT_TRIED)
    return (grasps["outcome"][rows] == Outcome.SUCCESS) & (grasps["collision"][rows] == 0) & held


def view_grasps(dataset: Dataset, view: int, T_camera_view: Array | None = None) -> ViewGrasps:
    """Return the grasps of a view's scene.

    Args:
        dataset: with scenes.
        view: row of the view.
        T_camera_view: (4, 4) the stored camera's frame in the one that is meant; None for the same.

    Raises:
        LoaderError: the dataset is a database of grasps of single objects.
    """
    grasps, objects = dataset.grasps, dataset.objects
    chosen = rows_of_scene(grasps["scene"], dataset.views["scene"][view])
    of = objects_of(dataset, grasps["object"][chosen])
    T_camera_world = inverse(dataset.views["T_world_camera"][view])
    if T_camera_view is not None:
        T_camera_world = T_camera_view @ T_camera_world
    return ViewGrasps(
        rows=np.arange(chosen.start, chosen.stop),
        T_camera_grasp=T_camera_world @ objects["T_world_object"][of] @ grasps["T_object_grasp"][chosen],
        width=grasps["width"][chosen],
        instance=objects["instance_id"][of],
        good=good_grasps(dataset, chosen),
    )


def objects_of(dataset: Dataset, keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows of objects by their keys."""
    known = dataset.objects["id"]
    rows = np.searchsorted(known, keys)
    if len(keys) and (len(known) == 0 or (known[np.minimum(rows, len(known) - 1)] != keys).any()):
        raise LoaderError(f"{dataset.path} has grasps of objects that are in no scene; views need scenes")
    return rows
