"""`graspgen.open`: a dataset as NumPy arrays. Imports neither MuJoCo nor OpenGL."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset import layers
from graspgen.dataset.guards import guarded
from graspgen.dataset.hdf5 import REFERENCES, open_file, reason
from graspgen.dataset.layout import INDEX, MANIFEST, SHARDS
from graspgen.dataset.manifest import check_version, load_manifest
from graspgen.dataset.mesh import read_mesh
from graspgen.dataset.record import SceneRecord
from graspgen.dataset.schema import TABLES
from graspgen.dataset.sequence import Sequence, read_sequence
from graspgen.dataset.tables import Images, ShardFiles, TableReader
from graspgen.errors import DatasetError
from graspgen.frames import Array
from graspgen.grasps.outcomes import Outcome

MEND = "`graspgen generate … --resume` makes it again"


def open(path: str | Path) -> Dataset:
    """Open a dataset for reading.

    Args:
        path: the dataset's folder, its `dataset.h5` or `dataset.json`, or a single shard.

    Raises:
        DatasetError: it is no dataset, a shard is missing or truncated, or the schema is another version.
    """
    given = Path(path)
    if given.is_dir():
        return _open_folder(given)
    if given.name in (INDEX, MANIFEST):
        return _open_folder(given.parent)
    if not given.exists():
        raise DatasetError(f"{given} does not exist; make a dataset with `graspgen generate`")
    return _open_shard(given)


def _open_folder(folder: Path) -> Dataset:
    manifest = load_manifest(folder)
    paths = [folder / shard.file for shard in manifest.shards]
    for path, shard in zip(paths, manifest.shards, strict=True):
        if not path.is_file():
            raise DatasetError(f"{path} is missing; {MEND}")
        if path.stat().st_size != shard.bytes:
            state = "truncated" if path.stat().st_size < shard.bytes else "changed"
            raise DatasetError(f"{path} is {state} ({path.stat().st_size} of {shard.bytes} bytes); {MEND}")
    attrs = {
        "schema_version": manifest.schema_version,
        "created": manifest.created,
        **manifest.attributes,
    }
    return Dataset(folder, ShardFiles(paths, [dict(shard.rows) for shard in manifest.shards]), attrs)


def _open_shard(path: Path) -> Dataset:
    with open_file(path) as file:
        if "graspgen_schema" not in file.attrs:
            raise DatasetError(f"{path} is no shard of a graspgen dataset (no attribute graspgen_schema)")
        check_version(path, int(file.attrs["graspgen_schema"]))
        try:
            rows = {table: len(guarded(file, table, next(iter(spec.columns)))) for table, spec in TABLES.items()}
            attrs = {
                "schema_version": int(file.attrs["graspgen_schema"]),
                "graspgen_version": str(file.attrs["graspgen_version"]),
                "mujoco_version": str(file.attrs["mujoco_version"]),
                "seed": int(file.attrs["seed"]),
                "recipe": json.loads(file.attrs["recipe"]),
            }
        except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
            raise DatasetError(f"{path} is damaged ({reason(error)}); {MEND}") from error
    folder = path.parent.parent if path.parent.name == SHARDS else path.parent
    return Dataset(folder, ShardFiles([path], [rows]), attrs)


class Dataset:
    """A dataset, read-only. Views are named by their row in `views`, everything else by its key.

    It holds no open file in a pickle and opens its own after a fork, so it can be handed to worker processes.

    Attributes:
        path: the dataset's folder.
        attrs: versions, seed, recipe and, of a folder, when it was created.
        scenes, assets, objects, views, annotations, keypoints, flying, grippers, profiles, grasps, grasp_views, trials,
            scene_trials, displacements, frames, frame_objects, frame_contacts, frame_views: the tables.
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

    def __init__(self, path: Path, files: ShardFiles, attrs: dict[str, Any]) -> None:
        self.path = path
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
        return f"<graspgen dataset {self.path}: {counts}>"

    @property
    def recipe(self) -> dict[str, Any]:
        """The resolved recipe of the run."""
        return self.attrs["recipe"]

    @property
    def conventions(self) -> dict[str, str]:
        """Frames, units and orders, as the file states them."""
        if not self._files.paths:
            raise DatasetError(f"{self.path} has no complete shard yet; {MEND}")
        return json.loads(self._files.file(0).attrs["conventions"])

    @cached_property
    def depth_scale(self) -> float:
        """Metres per count of the stored depth."""
        return float(self._files.dataset(0, "views/depth").attrs["depth_scale"])

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
        return images[view] * np.float32(self.depth_scale)

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
    amodal_mask = layers.amodal_mask

    def scene_views(self, scene: int) -> NDArray[np.int64]:
        """Return the rows of a scene's views."""
        return np.flatnonzero(self.views["scene"] == scene)

    def view_objects(self, view: int) -> dict[str, NDArray[Any]]:
        """Return one entry for each object of a view: the columns of `annotations`, then those of `objects`.

        `name` and `class_name` of the asset are added.
        """
        low, high = np.searchsorted(self.annotations["view"], self.views["id"][view] + np.array([0, 1]))
        rows = np.arange(low, high)
        joined = self.annotations.rows(rows)
        objects = np.searchsorted(self.objects["id"], joined["object"])
        joined |= self.objects.rows(objects)
        assets = np.searchsorted(self.assets["id"], joined["asset"])
        return joined | {name: self.assets[name][assets] for name in ("name", "class_name")}

    def grasps_of(self, object_key: int) -> dict[str, NDArray[Any]]:
        """Return the columns of an object's grasps."""
        return self.grasps.rows(np.flatnonzero(self.grasps["object"] == object_key))

    def grasp_rows(self, view: int, outcome: int | str | None = None) -> NDArray[np.int64]:
        """Return the rows of the grasps of a view's scene, all or those with a free-trial outcome ("success").

        Raises:
            KeyError: there is no outcome of that name.
        """
        if isinstance(outcome, str):
            outcome = Outcome[outcome.upper()]
        chosen = self.grasps["scene"] == self.views["scene"][view]
        if outcome is not None:
            chosen = chosen & (self.grasps["outcome"] == int(outcome))
        return np.flatnonzero(chosen)

    def grasps_in_camera(self, view: int, outcome: int | str | None = None) -> Array:
        """Return (n, 4, 4) `T_camera_grasp` of the grasps of a view's scene, in the order of `grasp_rows`.

        The camera frame is OpenCV's, the grasp frame has z along the approach and y along the closing direction.
        """
        rows = self.grasp_rows(view, outcome)
        objects = np.searchsorted(self.objects["id"], self.grasps["object"][rows])
        T_camera_world = np.linalg.inv(self.views["T_world_camera"][view])
        return T_camera_world @ self.objects["T_world_object"][objects] @ self.grasps["T_object_grasp"][rows]

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

    def mesh(self, asset: int) -> tuple[Array, NDArray[np.int64]]:
        """Return the visual mesh of an asset: (n, 3) vertices, m, in the asset's frame, and (m, 3) faces.

        Raises:
            KeyError: there is no such asset.
            DatasetError: the mesh is missing or damaged.
        """
        return read_mesh(self.path, self.assets["mesh"][self.assets.index_of(asset)])

    def record(self, scene: int) -> SceneRecord:
        """Return everything about one scene, as it was written.

        Raises:
            KeyError: there is no such scene.
        """
        chosen = {
            "scenes": np.array([self.scenes.index_of(scene)]),
            "annotations": np.flatnonzero(self.annotations["view"] >> 16 == scene),
            "flying": np.flatnonzero(self.flying["view"] >> 16 == scene),
            "grasp_views": np.flatnonzero(self.grasp_views["view"] >> 16 == scene),
            "keypoints": np.flatnonzero(self.keypoints["view"] >> 16 == scene),
        }
        for name in ("trials", "scene_trials", "displacements"):
            chosen[name] = np.flatnonzero(self.tables[name]["grasp"] >> 32 == scene)
        for name in ("frame_objects", "frame_contacts", "frame_views"):
            chosen[name] = np.flatnonzero(self.tables[name]["frame"] >> 32 == scene)
        for name in ("objects", "views", "grasps", "frames"):
            chosen[name] = np.flatnonzero(self.tables[name]["scene"] == scene)
        for shared, (owner, key) in REFERENCES.items():
            used = np.isin(self.tables[shared]["id"], self.tables[owner][key][chosen[owner]])
            chosen[shared] = np.flatnonzero(used)
        tables = {
            name: {column: table[column][chosen[name]] for column in table.columns}
            for name, table in self.tables.items()
        }
        return SceneRecord(scene, tables)
