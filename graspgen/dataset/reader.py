"""`graspgen.open`: a dataset as NumPy arrays. Imports neither MuJoCo nor OpenGL, and needs NumPy and h5py only."""

from __future__ import annotations

import json
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset import clouds, crops, layers, projection, tsdf
from graspgen.dataset.episode import Episode, read_episode
from graspgen.dataset.hdf5 import REFERENCES
from graspgen.dataset.mesh import read_mesh
from graspgen.dataset.opening import find_shards
from graspgen.dataset.place import MEND, Folder, Place
from graspgen.dataset.record import SceneRecord
from graspgen.dataset.schema import TABLES
from graspgen.dataset.sequence import Sequence, read_sequence
from graspgen.dataset.shards import ShardFiles
from graspgen.dataset.slices import Grasp, Object, Scene, View
from graspgen.dataset.tables import Images, TableReader
from graspgen.errors import DatasetError, nearest
from graspgen.frames import Array
from graspgen.grasps.outcomes import Outcome


def open(path: str | PathLike[str], *, careful: bool = False) -> Dataset:
    """Open a dataset for reading. It is lazy: shards are opened when something in them is asked for.

    Args:
        path: the dataset's folder, its `dataset.h5` or `dataset.json`, or a single shard; a path, or a URL that fsspec
            knows (https://…, s3://…, file://…). Of a URL, only what is read is fetched.
        careful: for files that you do not trust: each shard is read to its end in a process of its own, with limits of
            memory and time, before it is first opened here, since damaged files can crash HDF5 (Linux and macOS).

    Raises:
        DatasetError: it is no dataset, a shard is missing or truncated, the schema is another version, or a URL cannot
            be read. Missing and truncated shards behind a URL show themselves when they are first read.
    """
    return Dataset(*find_shards(path, careful))


class Dataset:
    """A dataset, read-only. Views are named by their row in `views`, everything else by its key.

    It holds no open file in a pickle and opens its own after a fork, so it can be handed to worker processes.

    Attributes:
        attrs: versions, seed, recipe and, of a folder, when it was created.
        scenes, assets, objects, views, annotations, keypoints, flying, grippers, profiles, grasps, grasp_views, trials,
            scene_trials, displacements, frames, frame_objects, frame_contacts, frame_views, episodes, steps,
            step_objects, step_views: the tables.
    """

    scenes: TableReader
    assets: TableReader
    objects: TableReader
    views: TableReader
    annotations: TableReader
    flying: TableReader
    keypoints: TableReader
    grippers: TableReader
    profiles: TableReader
    grasps: TableReader
    grasp_views: TableReader
    trials: TableReader
    scene_trials: TableReader
    displacements: TableReader
    frames: TableReader
    frame_objects: TableReader
    frame_contacts: TableReader
    frame_views: TableReader
    episodes: TableReader
    steps: TableReader
    step_objects: TableReader
    step_views: TableReader

    def __init__(self, files: ShardFiles, attrs: dict[str, Any]) -> None:
        self.attrs = attrs
        self._files = files
        self.tables = {name: TableReader(files, name) for name in TABLES}
        for name, table in self.tables.items():
            setattr(self, name, table)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all files. What was read stays; reading more opens them again."""
        self._files.close()

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(self.tables[t])} {t}" for t in ("scenes", "objects", "views", "grasps"))
        return f"<graspgen dataset {self.place}: {counts}>"

    @property
    def place(self) -> Place:
        """Where it lies: a folder or a URL."""
        return self._files.place

    @property
    def path(self) -> Path:
        """The dataset's folder.

        Raises:
            DatasetError: it lies behind a URL.
        """
        if not isinstance(self.place, Folder):
            raise DatasetError(f"{self.place} is not on this machine; copy the dataset here first")
        return self.place.path

    @property
    def recipe(self) -> dict[str, Any]:
        """The resolved recipe of the run."""
        return self.attrs["recipe"]

    @property
    def conventions(self) -> dict[str, str]:
        """Frames, units and orders, as the file states them."""
        if not len(self._files):
            raise DatasetError(f"{self.place} has no complete shard yet; {MEND}")
        return json.loads(self._files.file(0).attrs["conventions"])

    @cached_property
    def depth_scale(self) -> float:
        """Metres per count of the stored depth."""
        return float(self.views["depth"].attribute(0, "depth_scale"))

    def rgb(self, view: int) -> NDArray[np.uint8]:
        """Return the (H, W, 3) uint8 colour image of a view, sRGB."""
        return self.views["rgb"][view]

    def depth(self, view: int) -> NDArray[np.float32]:
        """Return the (H, W) float32 planar depth of a view, m; 0 where nothing was seen."""
        return self._metres("depth", view)

    def depth_sensor(self, view: int) -> NDArray[np.float32]:
        """Return the (H, W) float32 planar depth that the view's sensor reports, m; 0 where it reports none.

        Raises:
            KeyError: the dataset was made without a sensor (`views.sensor`).
        """
        return self._metres("depth_sensor", view)

    def depth_reason(self, view: int) -> NDArray[np.uint8]:
        """Return the (H, W) reasons why the view's sensor reports no depth: `views.enum("depth_reason")`; 0 where it
        does.

        Raises:
            KeyError: the dataset was made without a sensor (`views.sensor`).
        """
        return self.views["depth_reason"][view]

    def _metres(self, column: str, view: int) -> NDArray[np.float32]:
        images: Images = self.views[column]
        return images[view] * np.float32(images.attribute(view, "depth_scale"))

    def instances(self, view: int) -> NDArray[np.uint8]:
        """Return the (H, W) instance ids of a view; 0 is the background."""
        return self.views["instances"][view]

    points = layers.points
    distance = layers.distance
    classes = layers.classes
    normals = layers.normals
    object_coordinates = layers.object_coordinates
    flow = layers.flow
    scene_flow = layers.scene_flow
    frame_flow = layers.frame_flow
    frame_scene_flow = layers.frame_scene_flow
    amodal_mask = layers.amodal_mask
    camera = projection.camera
    T_world_grasp = projection.T_world_grasp
    T_camera_grasp = projection.T_camera_grasp
    project_grasps = projection.project_grasps
    cloud = clouds.cloud
    scene_cloud = clouds.scene_cloud
    tsdf = tsdf.tsdf
    grasp_crop = crops.grasp_crop
    grasp_cloud = crops.grasp_cloud

    def scene(self, key: int) -> Scene:
        """Return a scene by its key.

        Raises:
            KeyError: there is none.
        """
        return Scene(self, self.scenes.index_of(key))

    def view(self, row: int) -> View:
        """Return a view by its row.

        Raises:
            IndexError: there is none.
        """
        if not -len(self.views) <= row < len(self.views):
            raise IndexError(f"view {row} of {len(self.views)}")
        return View(self, row % len(self.views))

    def object(self, key: int) -> Object:
        """Return an object by its key.

        Raises:
            KeyError: there is none.
        """
        return Object(self, self.objects.index_of(key))

    def grasp(self, key: int) -> Grasp:
        """Return a grasp by its key.

        Raises:
            KeyError: there is none.
        """
        return Grasp(self, self.grasps.index_of(key))

    def scene_views(self, scene: int) -> NDArray[np.int64]:
        """Return the rows of a scene's views."""
        return self.views.of_scene(scene)

    def view_objects(self, view: int) -> dict[str, NDArray[Any]]:
        """Return one entry for each object of a view: the columns of `annotations`, then those of `objects`.

        `name` and `class_name` of the asset are added.
        """
        view = self.views.at_row(view)
        scene, key = int(self.views.take("scene", view)), self.views.take("id", view)
        rows = self.annotations.of_scene(scene)
        joined = self.annotations.rows(rows[self.annotations.take("view", rows) == key])
        near = self.objects.of_scene(scene)
        joined |= self.objects.rows(near[np.searchsorted(self.objects.take("id", near), joined["object"])])
        return joined | {n: self.assets.look_up(n, joined["asset"], scene) for n in ("name", "class_name")}

    def grasps_of(self, object_key: int) -> dict[str, NDArray[Any]]:
        """Return the columns of an object's grasps."""
        return self.grasps.rows(np.flatnonzero(self.grasps["object"] == object_key))

    def grasp_rows(self, view: int, outcome: int | str | None = None) -> NDArray[np.int64]:
        """Return the rows of the grasps of a view's scene, all or those with a free-trial outcome ("success").

        Raises:
            KeyError: there is no outcome of that name.
        """
        if isinstance(outcome, str):
            known = [member.name.lower() for member in Outcome]
            if outcome.lower() not in known:
                raise KeyError(f"there is no outcome '{outcome}'{nearest(outcome, known)}")
            outcome = Outcome[outcome.upper()]
        rows = self.grasps.of_scene(int(self.views.take("scene", self.views.at_row(view))))
        return rows if outcome is None else rows[self.grasps.take("outcome", rows) == int(outcome)]

    def grasps_in_camera(self, view: int, outcome: int | str | None = None) -> Array:
        """Return (n, 4, 4) `T_camera_grasp` of the grasps of a view's scene, in the order of `grasp_rows`.

        The camera frame is OpenCV's, the grasp frame has z along the approach and y along the closing direction.
        """
        return self.T_camera_grasp(self.grasp_rows(view, outcome), view)

    def sequence(self, grasp: int) -> Sequence:
        """Return the recorded trial of a grasp as arrays; `sequences` says which there are.

        Args:
            grasp: key of the grasp.

        Raises:
            KeyError: the trial of the grasp was not recorded.
        """
        return read_sequence(self.tables, grasp)

    def sequences(self) -> NDArray[np.int64]:
        """Return the keys of the grasps whose trials in the scene were recorded, ascending."""
        return np.unique(self.frames["grasp"])

    def episode(self, episode: int) -> Episode:
        """Return an episode that the expert played, by its key, as arrays; `episodes["id"]` says which there are.

        Raises:
            KeyError: there is no such episode.
        """
        return read_episode(self.tables, episode)

    def mesh(self, asset: int) -> tuple[Array, NDArray[np.int64]]:
        """Return the visual mesh of an asset: (n, 3) vertices, m, in the asset's frame, and (m, 3) faces.

        Raises:
            KeyError: there is no such asset.
            DatasetError: the mesh is missing or damaged.
        """
        return read_mesh(self.place, self.assets["mesh"][self.assets.index_of(asset)])

    def record(self, scene: int) -> SceneRecord:
        """Return everything about one scene, as it was written.

        Raises:
            KeyError: there is no such scene.
        """
        self.scenes.index_of(scene)
        chosen = {name: table.of_scene(scene) for name, table in self.tables.items() if not TABLES[name].shared}
        for shared, (owner, key) in REFERENCES.items():
            used = np.isin(self.tables[shared]["id"], self.tables[owner].take(key, chosen[owner]))
            chosen[shared] = np.flatnonzero(used)
        tables = {
            name: {column: _stored(table, column, chosen[name]) for column in table.columns}
            for name, table in self.tables.items()
        }
        return SceneRecord(scene, tables)


def _stored(table: TableReader, column: str, rows: NDArray[np.int64]) -> Any:
    """Return a column of a record: images as they are stored, JPEG as JPEG."""
    image = TABLES[table.name].columns[column].is_image
    return table[column].stored(rows) if image else table.take(column, rows)
