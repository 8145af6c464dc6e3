"""Grasps of a view: where they are in the camera, and which of them are good ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.reader import Dataset
from graspgen.frames import Array, inverse
from graspgen.grasps.outcomes import Outcome
from graspgen.loaders.errors import LoaderError


@dataclass(frozen=True, eq=False)
class ViewGrasps:
    """The grasps of a view's scene.

    Attributes:
        rows: (n,) rows of `dataset.grasps`.
        T_camera_grasp: (n, 4, 4).
        T_camera_object: (n, 4, 4) of their objects.
        width: (n,) opening before closing, m.
        instance: (n,) id of the object in the masks.
        good: (n,) whether it is a good one (`good_grasps`).
    """

    rows: NDArray[np.int64]
    T_camera_grasp: Array
    T_camera_object: Array
    width: Array
    instance: NDArray[np.uint16]
    good: NDArray[np.bool_]


def good_grasps(dataset: Dataset, rows: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
    """Return which grasps are good: a robot that goes there holds the object.

    It held in the free trial; the open hand touches nothing in the settled scene; and where it was tried in the scene,
    it held there too.

    Args:
        dataset: open.
        rows: of `dataset.grasps`; None for all.
    """
    names = ("outcome", "collision", "outcome_in_scene")
    free, touched, here = (dataset.grasps[n] if rows is None else dataset.grasps.take(n, rows) for n in names)
    held = (here == Outcome.SUCCESS) | (here == Outcome.NOT_TRIED)
    return (free == Outcome.SUCCESS) & (touched == 0) & held


def view_grasps(dataset: Dataset, view: int) -> ViewGrasps:
    """Return the grasps of a view's scene.

    Raises:
        LoaderError: a grasp is of an object that is in no scene.
    """
    grasps, objects, views = dataset.grasps, dataset.objects, dataset.views
    scene = int(views.take("scene", view))
    rows = grasps.of_scene(scene)
    of = objects_of(dataset, scene, grasps.take("object", rows))
    T_camera_world = inverse(views.take("T_world_camera", view))
    T_camera_object = T_camera_world @ objects.take("T_world_object", of)
    return ViewGrasps(
        rows=rows,
        T_camera_grasp=T_camera_object @ grasps.take("T_object_grasp", rows),
        T_camera_object=T_camera_object,
        width=grasps.take("width", rows),
        instance=objects.take("instance_id", of),
        good=good_grasps(dataset, rows),
    )


def objects_of(dataset: Dataset, scene: int, keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows of a scene's objects by their keys.

    Raises:
        LoaderError: the scene has no such object.
    """
    rows = dataset.objects.of_scene(scene)
    known = dataset.objects.take("id", rows)
    at = np.searchsorted(known, keys)
    if len(keys) and (not len(known) or (known[np.minimum(at, len(known) - 1)] != keys).any()):
        raise LoaderError(
            f"{dataset.place} has grasps of objects that are not in their scene; `graspgen check` says more"
        )
    return rows[at]
