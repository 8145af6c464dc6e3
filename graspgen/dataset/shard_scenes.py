"""Scenes out of a shard: their rows, and their images still compressed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.codecs import codec_of, same_filters
from graspgen.dataset.coded import image_shape, is_coded
from graspgen.dataset.guards import guarded
from graspgen.dataset.hashes import content_hash
from graspgen.dataset.hdf5 import HASHES, open_file, reason
from graspgen.dataset.index import read_column
from graspgen.dataset.pack import PackedImages, PackedScene, pack_images, unpack_images
from graspgen.dataset.record import SceneRecord
from graspgen.dataset.schema import TABLES, Column, present_columns
from graspgen.dataset.unpack import read_images
from graspgen.errors import DatasetError

#: Table → the column and the bits by which its key is shifted to give the scene; others have a column `scene`.
OWNER = {
    "scenes": ("index", 0),
    "annotations": ("view", 16),
    "keypoints": ("view", 16),
    "flying": ("view", 16),
    "grasp_views": ("view", 16),
    "trials": ("grasp", 32),
    "scene_trials": ("grasp", 32),
    "displacements": ("grasp", 32),
    "frame_objects": ("frame", 32),
    "frame_contacts": ("frame", 32),
    "frame_views": ("frame", 32),
    "steps": ("episode", 32),
    "step_objects": ("step", 32),
    "step_views": ("step", 32),
}

_Columns = dict[str, NDArray[Any]]


def rows_of_scene(table: str, columns: _Columns, scene: int) -> NDArray[np.int64]:
    """Return the rows of a table that belong to a scene; of shared tables all of them."""
    if TABLES[table].shared:
        return np.arange(len(columns["id"]))
    name, bits = OWNER.get(table, ("scene", 0))
    return np.flatnonzero(columns[name] >> bits == scene)


def read_scenes(path: Path, wanted: Collection[int] | None = None) -> Iterator[PackedScene]:
    """Read the scenes of a shard one by one, ascending; every one with all rows of the shard's shared tables.

    Args:
        path: the shard.
        wanted: the scenes; None for all.

    Raises:
        DatasetError: the shard is missing or damaged.
    """
    try:
        with open_file(path) as file:
            hashes = json.loads(guarded(file, "", HASHES).asstr()[()])
            tables: dict[str, _Columns] = {}
            images: dict[str, dict[str, h5py.Dataset]] = {}
            for table, spec in TABLES.items():
                tables[table], images[table] = {}, {}
                for name in present_columns(table, file[table]):
                    dataset = guarded(file, table, name)
                    if spec.columns[name].is_image:
                        images[table][name] = dataset
                    else:
                        tables[table][name] = read_column(dataset, spec.columns[name].is_text)
            for scene in sorted(int(key) for key in hashes):
                if wanted is None or scene in wanted:
                    rows = {table: rows_of_scene(table, tables[table], scene) for table in TABLES}
                    yield PackedScene(
                        scene,
                        str(hashes[str(scene)]),
                        {t: {n: values[rows[t]] for n, values in tables[t].items()} for t in TABLES},
                        {
                            t: {n: _images(d, rows[t], TABLES[t].columns[n]) for n, d in images[t].items()}
                            for t in TABLES
                        },
                    )
    except (OSError, KeyError, ValueError, RuntimeError, TypeError) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f"{path} is damaged ({reason(error)}); graspgen generate … makes it again") from error


def _images(dataset: h5py.Dataset, rows: NDArray[np.int64], column: Column) -> PackedImages:
    """Return images as the file holds them, where it holds them as graspgen packs them."""
    sides, numbers, codec = dataset.shape[1:], rows.tolist(), codec_of(dataset)
    if not numbers or codec is None or not same_filters(dataset, codec):
        return pack_images(read_images(dataset, numbers, column), codec or "gzip")
    place = tuple(0 for _ in sides)
    chunks = [dataset.id.read_direct_chunk((row, *place))[1] for row in numbers]
    width = sides[0] if is_coded(dataset, column) else 0
    return PackedImages(dataset.dtype.newbyteorder("<").str, image_shape(dataset, column), chunks, codec, width)


def packed_hash(scene: PackedScene) -> str:
    """Compute the content hash of a packed scene again, from all of its values.

    Raises:
        ValueError: an image is damaged.
    """
    images = {t: {n: unpack_images(p) for n, p in found.items()} for t, found in scene.images.items()}
    return content_hash(SceneRecord(scene.index, {t: {**scene.columns[t], **images[t]} for t in TABLES}))
