"""What the steps of `graspgen check` look at: one shard, and the meshes that its objects are made from."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.guards import inside
from graspgen.dataset.mesh import read_mesh
from graspgen.dataset.unpack import ImageColumn
from graspgen.errors import DatasetError, ObjectError
from graspgen.frames import Array
from graspgen.objects.asset import Asset, Mesh

_KEPT_MESHES = 256
_NO_MESH = Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64))


class Meshes:
    """The meshes of a dataset, read once and kept while there is room."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: OrderedDict[str, tuple[Array, NDArray[np.int64]] | DatasetError] = OrderedDict()
        self._hashes: dict[str, str] = {}
        self._assets: dict[str, Asset | None] = {}

    def read(self, name: str) -> tuple[Array, NDArray[np.int64]]:
        """Return vertices, m, in the asset's frame, and faces.

        Raises:
            DatasetError: the mesh is missing or damaged.
        """
        if name not in self._kept:
            if len(self._kept) >= _KEPT_MESHES:
                self._kept.popitem(last=False)
            try:
                self._kept[name] = read_mesh(self._folder, name)
            except DatasetError as error:
                self._kept[name] = error
        self._kept.move_to_end(name)
        found = self._kept[name]
        if isinstance(found, DatasetError):
            raise found
        return found

    def content_hash(self, name: str) -> str:
        """Return the hash of the asset whose mesh `name` is, "" where only the mesh is there, else what is wrong.

        An asset is more than its mesh: without its convex parts and its mass no scene can be made again.
        """
        if name not in self._hashes:
            from graspgen.objects.asset_files import META, content_hash, load_asset  # scipy; only check needs it

            folder = (self._folder / name).parent
            try:
                inside(self._folder, name)
                asset = load_asset(folder) if (folder / META).is_file() else None
                self._hashes[name] = "" if asset is None else content_hash(asset)
                self._assets[name] = None if asset is None else replace(asset, mesh=_NO_MESH, parts=())
            except (DatasetError, ObjectError) as error:
                self._hashes[name] = " ".join(str(error).split())
        return self._hashes[name]

    def asset(self, name: str) -> Asset | None:
        """Return the asset whose mesh `name` is, without meshes and parts; None where it cannot be read."""
        self.content_hash(name)
        return self._assets.get(name)


def read_json(text: str) -> dict[str, Any]:
    """Return the object that a text holds, empty where it holds none: the check of its column says so."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


@dataclass
class Checked:
    """One shard.

    Attributes:
        tables: table name to column name to whole column, without images.
        images: the image columns of `views`.
        recipe: of the run.
        meshes: of the dataset.
        depth_scale: metres per count of the stored depth.
        engine: MuJoCo's version, "" where the file does not say.
    """

    tables: dict[str, dict[str, NDArray[Any]]]
    images: Mapping[str, ImageColumn]
    recipe: Mapping[str, Any]
    meshes: Meshes
    depth_scale: float
    engine: str = ""

    def plan(self, row: int) -> dict[str, Any]:
        """Return the plan of a scene, empty where it is not JSON."""
        return read_json(self.tables["scenes"]["plan"][row])

    def rows_of(self, table: str, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row of each key, which must be there."""
        return np.searchsorted(self.tables[table]["index" if table == "scenes" else "id"], keys)

    def object_mesh(self, row: int) -> tuple[Array, NDArray[np.int64]]:
        """Return the mesh of an object at its scale: vertices in the object's frame, m, and faces.

        Raises:
            DatasetError: the mesh is missing or damaged.
        """
        objects = self.tables["objects"]
        asset = int(self.rows_of("assets", objects["asset"][row]))
        vertices, faces = self.meshes.read(self.tables["assets"]["mesh"][asset])
        return vertices * objects["scale"][row], faces

    def object_bounds(self) -> tuple[Array, NDArray[np.bool_]]:
        """Return (n, 2, 3) bounds of all objects in their frames, m, and which of them are known."""
        count = len(self.tables["objects"]["id"])
        bounds, known = np.full((count, 2, 3), np.nan), np.zeros(count, bool)
        for row in range(count):
            try:
                vertices, _ = self.object_mesh(row)
            except DatasetError:
                continue  # named once, for the asset
            bounds[row] = vertices.min(axis=0), vertices.max(axis=0)
            known[row] = True
        return bounds, known
