"""Shards: scenes in, one HDF5 file out, complete or absent."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.disk import DiskFile, hdf5_output, uninterrupted
from graspgen.dataset.hdf5 import (
    HASHES,
    REFERENCES,
    TEXT,
    create_images,
    create_tables,
    no_images,
    unique_rows,
    write_column,
    write_file_attributes,
)
from graspgen.dataset.layout import commit, partial_of, write_error
from graspgen.dataset.manifest import ShardInfo
from graspgen.dataset.record import SceneRecord
from graspgen.dataset.schema import TABLES, present_columns

#: Only these leave a table's columns in memory until the end of the shard; images go to the file at once.
_Columns = dict[str, list[NDArray[Any]]]


def write_shard(path: str | Path, records: Iterable[SceneRecord], attrs: Mapping[str, Any]) -> ShardInfo:
    """Write scenes to a shard. The file appears under its name only when it is whole.

    Records are taken one by one; images are written as they come, so memory holds the images of one scene.

    Args:
        path: `<dataset>/shards/shard-00007.h5`; its folder must exist.
        records: ascending scene indices, all images of one size.
        attrs: file attributes (`Manifest.attributes`); mappings are stored as JSON.

    Returns:
        What the manifest says about the shard.

    Raises:
        DatasetError: the disk is full, the folder cannot be written, or shared rows of two scenes differ.
        ValueError: scene indices do not ascend, or a record does not follow the schema.
    """
    path = Path(path)
    partial = partial_of(path)
    source = _Source(iter(records))
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
    """The records, and the error that they ended with: making a scene may fail too, which is no fault of the disk."""

    def __init__(self, records: Iterator[SceneRecord]) -> None:
        self._records = records
        self.error: BaseException | None = None

    def __iter__(self) -> Iterator[SceneRecord]:
        return self

    def __next__(self) -> SceneRecord:
        try:
            return next(self._records)
        except BaseException as error:
            self.error = error
            raise


def _fill(
    file: h5py.File, disk: DiskFile, records: Iterable[SceneRecord], attrs: Mapping[str, Any]
) -> tuple[dict[int, str], dict[str, int]]:
    kept: dict[str, _Columns] = {}
    images: dict[str, h5py.Dataset] = {}
    hashes: dict[int, str] = {}
    with uninterrupted():
        write_file_attributes(file, attrs)
        groups = create_tables(file)
    for record in records:
        if hashes and record.index <= max(hashes):
            raise ValueError(f"scenes of a shard must ascend: {record.index} came after {max(hashes)}")
        if not hashes:
            kept = {t: {n: [] for n in present_columns(t, record.tables[t])} for t in TABLES}
        hashes[record.index] = content_hash(record)
        for table, spec in TABLES.items():
            for name, column in spec.columns.items():
                if column.modality and (name in record.tables[table]) != (name in kept[table]):
                    raise ValueError(f"{table}.{name}: some scenes of the shard have it and others have not")
                if name not in kept[table]:
                    continue
                values = record.tables[table][name]
                if not column.is_image:
                    kept[table][name].append(values)
                    continue
                with uninterrupted():
                    _append(images, groups[table], table, name, values)
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


def _append(images: dict[str, h5py.Dataset], group: h5py.Group, table: str, name: str, values: NDArray[Any]) -> None:
    if not len(values):
        return  # a scene without views does not know the images' size
    key = f"{table}.{name}"
    if key not in images:
        images[key] = create_images(group, name, TABLES[table].columns[name], values.shape[1:])
    dataset = images[key]
    if values.shape[1:] != dataset.shape[1:]:
        raise ValueError(f"{key}: images of {values.shape[1:]} after images of {dataset.shape[1:]}")
    start = len(dataset)
    dataset.resize(start + len(values), axis=0)
    for i, image in enumerate(values):
        dataset[start + i] = image


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_hash(record: SceneRecord) -> str:
    """Return the SHA-256 of a scene's content, in hex.

    It covers the names, types, shapes and bytes of all columns, whatever the order of the dictionaries. Of the shared
    tables it covers the rows that the scene's own rows refer to, so it can be computed again from a dataset.
    """
    digest = hashlib.sha256()
    for table in sorted(TABLES):
        columns = record.tables[table]
        chosen: NDArray[np.int64] | None = None
        if table in REFERENCES:
            owner, key = REFERENCES[table]
            ids, first = np.unique(columns["id"], return_index=True)
            chosen = first[np.isin(ids, record.tables[owner][key])]
        for name in sorted(present_columns(table, columns)):
            column, values = TABLES[table].columns[name], columns[name]
            if chosen is not None:
                values = values[chosen]
            if column.is_text:
                data = json.dumps([str(text) for text in values], ensure_ascii=False).encode()
                dtype = "text"
            else:
                dtype = np.dtype(column.dtype).newbyteorder("<").str
                data = np.ascontiguousarray(values, dtype).reshape(-1).view(np.uint8).data
            shape = values.shape if len(values) or not column.is_image else (0,)
            digest.update(f"{table}.{name} {dtype} {shape}\n".encode())
            digest.update(data)
    return digest.hexdigest()
