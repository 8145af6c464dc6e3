"""A grasp database: one HDF5 file with the tables of a dataset, whose grasps belong to assets instead of scenes.

`scenes`, `objects`, `views` and `annotations` have no rows. A grasp has scene −1, its `object` is the key of its asset,
and its key is asset · 2³² + number, so that a grasp's asset can be told from either.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.disk import hdf5_output, uninterrupted
from graspgen.dataset.guards import guarded
from graspgen.dataset.hdf5 import (
    TEXT,
    annotate,
    create_tables,
    no_images,
    open_file,
    write_column,
    write_file_attributes,
)
from graspgen.dataset.layout import commit, partial_of, write_error
from graspgen.dataset.record import Columns
from graspgen.dataset.schema import TABLES, grasp_key, present_columns

#: File attribute `kind` of a grasp database.
KIND = "grasp database"
#: Scalar text dataset: asset key → hash of everything that its rows depend on.
KEYS = "object_keys"

_ROWS = ("grasps", "trials")

Load = Callable[[int], Mapping[str, Columns]]


def write_grasp_file(
    path: Path,
    attributes: Mapping[str, Any],
    shared: Mapping[str, Columns],
    keys: Mapping[int, str],
    counts: Sequence[Mapping[str, int]],
    load: Load,
) -> None:
    """Write a grasp database. The file appears under its name only when it is whole.

    Memory holds the rows of one object at a time.

    Args:
        path: of the file.
        attributes: of the file: versions, seed, recipe.
        shared: rows of the shared tables.
        keys: for every asset, ascending by key, the hash of what its rows depend on.
        counts: rows of `grasps` and `trials` of every asset, in the same order.
        load: returns the rows of an asset, keyed as if it were asset 0.

    Raises:
        DatasetError: the disk is full or the folder cannot be written.
    """
    partial = partial_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with hdf5_output(partial) as (file, disk):
            with uninterrupted():
                write_file_attributes(file, {"kind": KIND, **attributes})
                groups = create_tables(file)
                for table in TABLES:
                    _create(groups[table], table, shared.get(table), sum(c.get(table, 0) for c in counts))
                file.create_dataset(KEYS, data=json.dumps({str(k): v for k, v in keys.items()}), dtype=TEXT)
            start = dict.fromkeys(_ROWS, 0)
            for asset, count in zip(keys, counts, strict=True):
                tables = _keyed(load(asset), asset)
                with uninterrupted():
                    for table in _ROWS:
                        end = start[table] + count[table]
                        for name, values in tables[table].items():
                            if count[table]:
                                groups[table][name][start[table] : end] = values
                        start[table] = end
                disk.check()
        commit(partial, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise write_error(path, error) from error
        raise


def _create(group: h5py.Group, table: str, values: Columns | None, rows: int) -> None:
    for name in present_columns(table, values or ()):
        column = TABLES[table].columns[name]
        if values is not None:
            write_column(group, name, column, values[name])
        elif column.is_image or column.is_text:
            # A table with text or images is shared, or has no rows here.
            write_column(group, name, column, np.zeros(0, object) if column.is_text else no_images(column))
        else:
            dataset = group.create_dataset(name, shape=(rows, *column.shape), dtype=np.dtype(column.dtype))
            annotate(dataset, column, name)


def _keyed(tables: Mapping[str, Columns], asset: int) -> dict[str, dict[str, NDArray[Any]]]:
    """Turn the rows of asset 0 into those of `asset`."""
    first = grasp_key(asset, 0)
    grasps, trials = dict(tables["grasps"]), dict(tables["trials"])
    grasps["id"] = grasps["id"] + first
    grasps["object"] = np.full(len(grasps["id"]), asset, np.int64)
    grasps["parent"] = np.where(grasps["parent"] >= 0, grasps["parent"] + first, -1)
    trials["grasp"] = trials["grasp"] + first
    return {"grasps": grasps, "trials": trials}


def unkeyed(tables: Mapping[str, Columns], asset: int) -> dict[str, dict[str, NDArray[Any]]]:
    """Turn the rows of `asset`, as read from a database, back into those of asset 0."""
    first = grasp_key(asset, 0)
    grasps, trials = dict(tables["grasps"]), dict(tables["trials"])
    grasps["id"] = grasps["id"] - first
    grasps["object"] = np.zeros(len(grasps["id"]), np.int64)
    grasps["parent"] = np.where(grasps["parent"] >= 0, grasps["parent"] - first, -1)
    trials["grasp"] = trials["grasp"] - first
    return {"grasps": grasps, "trials": trials}


def read_keys(path: Path) -> dict[int, str] | None:
    """Return asset key → hash of what its rows depend on; None where the file is no readable grasp database."""
    try:
        with open_file(path) as file:
            if file.attrs.get("kind") != KIND:
                return None
            return {int(k): str(v) for k, v in json.loads(guarded(file, "", KEYS).asstr()[()]).items()}
    except (TypeError, OSError, KeyError, ValueError, AttributeError, RuntimeError):
        return None
