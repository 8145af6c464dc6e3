"""One scene, view, object or grasp of a dataset: its columns by name, and what belongs to it. All are lazy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graspgen.dataset.clouds import PointCloud
from graspgen.dataset.selection import Selection
from graspgen.frames import Array

if TYPE_CHECKING:
    from graspgen.dataset.reader import Dataset


@dataclass(frozen=True, eq=False)
class _Row:
    """A row of a table: `item["column"]` is its value. It opens the one shard that holds it.

    Attributes:
        dataset: open.
        row: number of the row in its table.
    """

    dataset: Dataset
    row: int

    _table = ""
    _key = "id"

    def __getitem__(self, column: str) -> Any:
        return self.dataset.tables[self._table].take(column, self.row)

    @property
    def key(self) -> int:
        """Its key."""
        return int(self[self._key])

    def _of_scene(self, table: str, column: str, key: int) -> Selection:
        """Return the rows of a table in this item's scene whose `column` is `key`."""
        found = self.dataset.tables[table]
        rows = found.of_scene(self.scene_key)
        return found(rows=rows[found.take(column, rows) == key] if len(rows) else rows)

    @property
    def scene_key(self) -> int:
        """Key of its scene; −1 for none."""
        return int(self["scene"])


class Scene(_Row):
    """A scene. `scene["settle_time"]` is a column of `scenes`."""

    _table, _key = "scenes", "index"

    @property
    def scene_key(self) -> int:
        """Its own key."""
        return self.key

    def table(self, name: str) -> Selection:
        """Return the rows of any table that belong to the scene."""
        found = self.dataset.tables[name]
        return found(rows=found.of_scene(self.key))

    @property
    def views(self) -> Selection:
        """Its rows of `views`."""
        return self.table("views")

    @property
    def objects(self) -> Selection:
        """Its rows of `objects`."""
        return self.table("objects")

    @property
    def grasps(self) -> Selection:
        """Its rows of `grasps`."""
        return self.table("grasps")

    def cloud(self, **options: Any) -> PointCloud:
        """Return the points of all its views, world frame; options as for `Dataset.scene_cloud`."""
        return self.dataset.scene_cloud(self.key, **options)


class View(_Row):
    """A view. `view["K"]` is a column of `views`, `view["rgb"]` its image as it is stored."""

    _table = "views"

    @property
    def scene(self) -> Scene:
        """Its scene."""
        return self.dataset.scene(self.scene_key)

    @property
    def annotations(self) -> Selection:
        """Its rows of `annotations`: one for each labelled object."""
        return self._of_scene("annotations", "view", self.key)

    @property
    def objects(self) -> Selection:
        """The rows of `objects` of its scene, seen or not."""
        return self.scene.objects

    @property
    def grasps(self) -> Selection:
        """The rows of `grasps` of its scene."""
        return self.scene.grasps

    @property
    def grasp_views(self) -> Selection:
        """Its rows of `grasp_views`: how it sees each grasp."""
        return self._of_scene("grasp_views", "view", self.key)

    def cloud(self, **options: Any) -> PointCloud:
        """Return its point cloud; options as for `Dataset.cloud`."""
        return self.dataset.cloud(self.row, **options)


class Object(_Row):
    """An object of a scene. `item["mass"]` is a column of `objects`."""

    _table = "objects"

    def asset(self, column: str) -> Any:
        """Return a column of `assets` of what it is made from."""
        return self.dataset.assets.look_up(column, np.array([self["asset"]]), self.scene_key)[0]

    @property
    def scene(self) -> Scene:
        """Its scene."""
        return self.dataset.scene(self.scene_key)

    @property
    def grasps(self) -> Selection:
        """Its rows of `grasps`."""
        return self._of_scene("grasps", "object", self.key)

    @property
    def annotations(self) -> Selection:
        """Its rows of `annotations`: one for each view."""
        return self._of_scene("annotations", "object", self.key)


class Grasp(_Row):
    """A grasp. `grasp["outcome"]` is a column of `grasps`."""

    _table = "grasps"

    @property
    def object(self) -> Object:
        """The object that it grasps.

        Raises:
            KeyError: it belongs to no scene.
        """
        return self.dataset.object(int(self["object"]))

    @property
    def trials(self) -> Selection:
        """Its rows of `trials`, in free space and in the scene."""
        table = self.dataset.trials
        rows = table.of_scene(self.key >> 32)
        return table(rows=rows[table.take("grasp", rows) == self.key] if len(rows) else rows)

    @property
    def T_world_grasp(self) -> Array:
        """(4, 4) pose of the grasp frame in the world.

        Raises:
            KeyError: it belongs to no scene.
        """
        return self.dataset.T_world_grasp(self.row)[0]
