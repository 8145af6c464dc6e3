"""The grasps of a scene and of its views: where they are, and which of them are good ones."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from graspgen.errors import DatasetError
from graspgen.frames import Array, inverse, transform_points
from graspgen.grasps.outcomes import Outcome

if TYPE_CHECKING:
    from graspgen.dataset.reader import Dataset

#: Scenes of a dataset whose grasps are kept: the views of a scene are mostly asked for one after the other.
_MOST = 16


@dataclass(eq=False)
class SceneGrasps:
    """The n grasps of a scene.

    Attributes:
        rows: (n,) rows of `dataset.grasps`.
        T_world_grasp: (n, 4, 4).
        T_world_object: (n, 4, 4) of their objects.
        width: (n,) opening before closing, m.
        instance: (n,) id of the object in the masks.
        good: (n,) whether it is a good one (`good_grasps`).
    """

    rows: NDArray[np.int64]
    T_world_grasp: Array
    T_world_object: Array
    width: Array
    instance: NDArray[np.uint16]
    good: NDArray[np.bool_]
    _contacts: Array | None = field(default=None, repr=False)

    def contacts(self, dataset: Dataset) -> Array:
        """Return the (n, 2, 3) contacts, m, world frame; NaN where they are not known."""
        if self._contacts is None:
            self._contacts = transform_points(self.T_world_object, dataset.grasps.take("contacts", self.rows))
        return self._contacts


@dataclass(frozen=True, eq=False)
class ViewGrasps:
    """The n grasps of a view's scene, in the OpenCV camera's frame.

    Attributes:
        scene: the same in the world.
        T_camera_world: (4, 4).
        T_camera_grasp: (n, 4, 4).
    """

    scene: SceneGrasps
    T_camera_world: Array
    T_camera_grasp: Array

    @property
    def rows(self) -> NDArray[np.int64]:
        """(n,) rows of `dataset.grasps`."""
        return self.scene.rows

    @property
    def width(self) -> Array:
        """(n,) opening before closing, m."""
        return self.scene.width

    @property
    def instance(self) -> NDArray[np.uint16]:
        """(n,) id of the object in the masks."""
        return self.scene.instance

    @property
    def good(self) -> NDArray[np.bool_]:
        """(n,) whether it is a good one."""
        return self.scene.good

    def contacts(self, dataset: Dataset) -> Array:
        """Return the (n, 2, 3) contacts, m, camera's frame; NaN where they are not known."""
        return transform_points(self.T_camera_world, self.scene.contacts(dataset))


_kept: WeakKeyDictionary[Dataset, OrderedDict[int, SceneGrasps]] = WeakKeyDictionary()


def held(dataset: Dataset, rows: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
    """Return (n,) whether each grasp held in its free trial; `rows` of `dataset.grasps`, None for all."""
    return _column(dataset, "outcome", rows) == Outcome.SUCCESS


def good_grasps(dataset: Dataset, rows: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
    """Return (n,) whether each grasp is good: it works where its object lies.

    What its trial in the scene says, where it had one; else whether it held in free space and the open hand touches
    neither support nor neighbours on its way.

    Args:
        dataset: open.
        rows: of `dataset.grasps`; None for all.
    """
    tried = _column(dataset, "outcome_in_scene", rows)
    free = held(dataset, rows) & (_column(dataset, "collision", rows) == 0)
    return np.where(tried == Outcome.NOT_TRIED, free, tried == Outcome.SUCCESS)


def _column(dataset: Dataset, name: str, rows: NDArray[np.int64] | None) -> NDArray:
    return dataset.grasps[name] if rows is None else dataset.grasps.take(name, rows)


def scene_grasps(dataset: Dataset, scene: int) -> SceneGrasps:
    """Return the grasps of a scene, by its key; those of the last scenes are kept.

    Raises:
        DatasetError: a grasp is of an object that is in no scene.
    """
    kept = _kept.setdefault(dataset, OrderedDict())
    found = kept.pop(scene, None) or _scene_grasps(dataset, scene)
    kept[scene] = found
    while len(kept) > _MOST:
        kept.popitem(last=False)
    return found


def _scene_grasps(dataset: Dataset, scene: int) -> SceneGrasps:
    grasps, objects = dataset.grasps, dataset.objects
    rows = grasps.of_scene(scene)
    of = objects_of(dataset, scene, grasps.take("object", rows))
    T_world_object = objects.take("T_world_object", of)
    return SceneGrasps(
        rows=rows,
        T_world_grasp=T_world_object @ grasps.take("T_object_grasp", rows),
        T_world_object=T_world_object,
        width=grasps.take("width", rows),
        instance=objects.take("instance_id", of),
        good=good_grasps(dataset, rows),
    )


def view_grasps(dataset: Dataset, view: int) -> ViewGrasps:
    """Return the grasps of a view's scene; `view` is a row.

    Raises:
        DatasetError: a grasp is of an object that is in no scene.
    """
    found = scene_grasps(dataset, int(dataset.views.take("scene", view)))
    T_camera_world = inverse(dataset.views.take("T_world_camera", view))
    return ViewGrasps(found, T_camera_world, T_camera_world @ found.T_world_grasp)


def objects_of(dataset: Dataset, scene: int, keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows of a scene's objects by their keys.

    Raises:
        DatasetError: the scene has no such object.
    """
    rows = dataset.objects.of_scene(scene)
    known = dataset.objects.take("id", rows)
    at = np.searchsorted(known, keys)
    if len(keys) and (not len(known) or (known[np.minimum(at, len(known) - 1)] != keys).any()):
        raise DatasetError(
            f"{dataset.place} has grasps of objects that are not in their scene; `graspgen check` says more"
        )
    return rows[at]
