"""Shards: scenes in, one HDF5 file out, complete or absent."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.codecs import codec_of
from graspgen.dataset.disk import DiskFile, hdf5_output, uninterrupted
from graspgen.dataset.hashes import file_sha256
from graspgen.dataset.hdf5 import (
    HASHES,
    TEXT,
    create_images,
    create_tables,
    no_images,
    unique_rows,
    write_column,
    write_file_attributes,
)
from graspgen.dataset.layout import commit, own_partial_of, write_error
from graspgen.dataset.manifest import ShardInfo
from graspgen.dataset.pack import PackedImages, PackedScene, pack_scene
from graspgen.dataset.record import SceneRecord
from graspgen.dataset.schema import TABLES

#: Only these leave a table's columns in memory until the end of the shard; images go to the file at once.
_Columns = dict[str, list[NDArray[Any]]]


def write_shard(path: str | Path, scenes: Iterable[SceneRecord | PackedScene], attrs: Mapping[str, Any]) -> ShardInfo:
    """Write scenes to a shard. The file appears under its name only when it is whole.

    Scenes are taken one by one; images are written as they come, so memory holds the images of one scene. Those of
    packed scenes go to the file as they are.

    Args:
        path: `<dataset>/shards/shard-00007.h5`; its folder must exist.
        scenes: ascending scene indices, all images of one size.
        attrs: file attributes (`Manifest.attributes`); mappings are stored as JSON.

    Returns:
        What the manifest says about the shard.

    Raises:
        DatasetError: the disk is full, the folder cannot be written, or shared rows of two scenes differ.
        ValueError: scene indices do not ascend, or a record does not follow the schema.
    """
    path = Path(path)
    partial = own_partial_of(path)
    source = _Source(iter(scenes))
    try:
        with hdf5_output(partial) as (file, disk):
            hashes, rows = _fill(file, disk, source, attrs)
        commit(partial, path)
        name = f"{path.parent.name}/{path.name}"
        return ShardInfo(name, path.stat().st_size, file_sha256(path), rows, hashes)
    except BaseException as error:
        # What can be done about it was done; the error itself is what the user must see.
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error is not source.error:
            raise write_error(path, error) from error
        raise


class _Source:
    """The scenes, and the error that they ended with: making a scene may fail too, which is no fault of the disk."""

    def __init__(self, scenes: Iterator[SceneRecord | PackedScene]) -> None:
        self._scenes = scenes
        self.error: BaseException | None = None

    def __iter__(self) -> Iterator[PackedScene]:
        return self

    def __next__(self) -> PackedScene:
        try:
            scene = next(self._scenes)
            return scene if isinstance(scene, PackedScene) else pack_scene(scene)
        except StopIteration:
            raise  # kept, it would keep itself, and with it the last scene, until Python looks for such circles
        except BaseException as error:
            self.error = error
            raise


def _fill(
    file: h5py.File, disk: DiskFile, scenes: Iterable[PackedScene], attrs: Mapping[str, Any]
) -> tuple[dict[int, str], dict[str, int]]:
    kept: dict[str, _Columns] = {}
    images: dict[str, h5py.Dataset] = {}
    hashes: dict[int, str] = {}
    with uninterrupted():
        write_file_attributes(file, attrs)
        groups = create_tables(file)
    for scene in scenes:
        if hashes and scene.index <= max(hashes):
            raise ValueError(f"scenes of a shard must ascend: {scene.index} came after {max(hashes)}")
        if not hashes:
            kept = {t: {n: [] for n in scene.present(t)} for t in TABLES}
        hashes[scene.index] = scene.digest
        for table, found in kept.items():
            differing = set(found) ^ set(scene.present(table))
            if differing:
                name = min(differing)
                raise ValueError(f"{table}.{name}: some scenes of the shard have it and others have not")
            for name, values in scene.columns[table].items():
                found[name].append(values)
            for name, packed in scene.images[table].items():
                with uninterrupted():
                    _append(images, groups[table], table, name, packed)
                disk.check()
    if not hashes:
        raise ValueError("a shard needs at least one scene")
    with uninterrupted():
        rows = _write_tables(groups, kept)
        texts = json.dumps({str(k): v for k, v in hashes.items()})
        file.create_dataset(HASHES, data=texts, dtype=TEXT)
    return hashes, rows


def _write_tables(groups: Mapping[str, h5py.Group], kept: Mapping[str, _Columns]) -> dict[str, int]:
    """Write all columns but images; return the rows of every table."""
    rows: dict[str, int] = {}
    for table, spec in TABLES.items():
        columns = {name: np.concatenate(parts) for name, parts in kept[table].items() if parts}
        if spec.shared:
            columns = unique_rows(table, [columns])
        for name, values in columns.items():
            write_column(groups[table], name, spec.columns[name], values)
        for name in kept[table]:
            if name not in groups[table]:
                write_column(groups[table], name, spec.columns[name], no_images(spec.columns[name]))
        rows[table] = len(next(iter(columns.values())))
    return rows


def _append(images: dict[str, h5py.Dataset], group: h5py.Group, table: str, name: str, packed: PackedImages) -> None:
    if not packed.chunks:
        return  # a scene without views does not know the images' size
    key = f"{table}.{name}"
    if key not in images:
        column = TABLES[table].columns[name]
        images[key] = create_images(group, name, column, packed.shape, packed.codec, packed.row)
    dataset = images[key]
    sides = (packed.row,) if packed.row else packed.shape
    if sides != dataset.shape[1:] or codec_of(dataset) != packed.codec:
        raise ValueError(f"{key}: images of {sides} by {packed.codec} after images of {dataset.shape[1:]}")
    start = len(dataset)
    dataset.resize(start + len(packed.chunks), axis=0)
    for row, chunk in enumerate(packed.chunks, start):
        dataset.id.write_direct_chunk((row, *(0 for _ in sides)), chunk)
