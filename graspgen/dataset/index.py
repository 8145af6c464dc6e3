"""`dataset.h5`: one file that opens all shards, for anybody with an HDF5 reader."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.chunks import guard_chunks
from graspgen.dataset.coded import image_shape
from graspgen.dataset.disk import hdf5_output, uninterrupted
from graspgen.dataset.guards import guarded, read_text
from graspgen.dataset.hdf5 import (
    annotate,
    create_tables,
    numpy_dtype,
    open_file,
    reason,
    unique_rows,
    write_column,
    write_file_attributes,
)
from graspgen.dataset.layout import INDEX, commit, partial_of, write_error
from graspgen.dataset.manifest import Manifest, load_manifest, save_manifest
from graspgen.dataset.schema import TABLES, present_columns
from graspgen.errors import DatasetError

#: Table and column → shape of an image, and of a row as it is stored.
_Sizes = dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
#: Shared table → its columns in every shard.
_Shared = dict[str, list[dict[str, NDArray[Any]]]]


def finalize(path: str | Path, opened: Callable[[str], h5py.File] | None = None) -> Manifest:
    """Write `dataset.h5` over the complete shards, mark the manifest complete if none is missing, and return it.

    Columns of scenes are HDF5 virtual datasets over the shards, by relative path; the rows of shared tables are
    written for real, once for each id. A dataset without any shard gets no `dataset.h5`.

    Args:
        path: the dataset's folder.
        opened: opens a shard by its name where they are not in the folder.

    Raises:
        DatasetError: a shard is missing or damaged, or the file cannot be written.
    """
    folder = Path(path)
    manifest = load_manifest(folder)
    if manifest.shards:
        target = folder / INDEX
        partial = partial_of(target)
        shared, sizes, present = _read_shards(folder, manifest, opened or (lambda name: open_file(folder / name)))
        try:
            with hdf5_output(partial) as (index, _), uninterrupted():
                _fill(index, manifest, shared, sizes, present)
            commit(partial, target)
        except BaseException as error:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise write_error(target, error) from error
            raise
    manifest = replace(manifest, complete=not manifest.missing())
    save_manifest(folder, manifest)
    return manifest


#: Table → the columns that the shards have.
_Present = dict[str, list[str]]


def _read_shards(
    folder: Path, manifest: Manifest, opened: Callable[[str], h5py.File]
) -> tuple[_Shared, list[_Sizes], _Present]:
    """Read the shared tables and the image size of every shard, and which columns they have."""
    present: _Present = {}
    shared: _Shared = {table: [] for table, spec in TABLES.items() if spec.shared}
    sizes: list[_Sizes] = []
    for shard in manifest.shards:
        path = folder / shard.file
        try:
            with opened(shard.file) as file:
                for table, parts in shared.items():
                    columns = TABLES[table].columns
                    parts.append({n: read_column(guarded(file, table, n), c.is_text) for n, c in columns.items()})
                sizes.append(_sizes(file))
                found = {table: present_columns(table, file[table]) for table in TABLES}
        except (OSError, KeyError, ValueError) as error:
            raise DatasetError(
                f"{path} is damaged ({reason(error)}); graspgen generate … --resume makes it again"
            ) from error
        if present and found != present:
            raise DatasetError(f"{path} has other layers than the shards before it; generate with --overwrite")
        present = found
    return shared, sizes, present


def _fill(index: h5py.File, manifest: Manifest, shared: _Shared, sizes: list[_Sizes], present: _Present) -> None:
    write_file_attributes(index, manifest.attributes)
    groups = create_tables(index)
    for table, spec in TABLES.items():
        if spec.shared:
            for name, values in unique_rows(table, shared[table]).items():
                write_column(groups[table], name, spec.columns[name], values)
            continue
        for name in present[table]:
            _virtual(groups[table], table, name, manifest, sizes)


def _sizes(file: h5py.File) -> _Sizes:
    """Return of each column of images that a shard has the shape of an image, and of a row as it is stored."""
    found: _Sizes = {}
    for table, spec in TABLES.items():
        for name in present_columns(table, file[table]):
            if spec.columns[name].is_image:
                dataset = guarded(file, table, name)
                found[f"{table}/{name}"] = (image_shape(dataset, spec.columns[name]), dataset.shape[1:])
    return found


def _virtual(group: h5py.Group, table: str, name: str, manifest: Manifest, sizes: list[_Sizes]) -> None:
    column = TABLES[table].columns[name]
    counts = [shard.rows[table] for shard in manifest.shards]
    shape: tuple[int, ...] = tuple(side for side in column.shape if isinstance(side, int))
    coded: tuple[int, ...] = ()
    if column.is_image:
        seen = {size[f"{table}/{name}"] for size, count in zip(sizes, counts, strict=True) if count}
        if len(seen) > 1:
            raise DatasetError(f"shards hold images of different sizes {sorted(seen)}; generate with --overwrite")
        image, shape = next(iter(seen)) if seen else ((0, 0, *shape),) * 2
        coded = image if image != shape else ()
    total = sum(counts)
    if not total:
        annotate(group.create_dataset(name, shape=(0, *shape), dtype=numpy_dtype(column)), column, name)
        return
    layout = h5py.VirtualLayout((total, *shape), numpy_dtype(column))
    start = 0
    for shard, count in zip(manifest.shards, counts, strict=True):
        if count:
            layout[start : start + count] = h5py.VirtualSource(shard.file, f"{table}/{name}", (count, *shape))
        start += count
    annotate(group.create_virtual_dataset(name, layout), column, name, coded)


def read_column(dataset: h5py.Dataset, text: bool) -> NDArray[Any]:
    """Read a whole column that is not an image; text becomes an object array of str."""
    guard_chunks(dataset)
    if not text:
        return dataset[()]
    out = np.empty(len(dataset), object)
    out[:] = read_text(dataset)
    return out
