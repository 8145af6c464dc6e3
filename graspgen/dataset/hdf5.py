"""How the schema is written into HDF5: columns, their attributes, and files opened safely."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.codecs import creation
from graspgen.dataset.guards import guard_file, inside
from graspgen.dataset.jpeg import JPEG
from graspgen.dataset.layout import SHARDS
from graspgen.dataset.schema import CONVENTIONS, DEPTH_SCALE, SCHEMA_VERSION, TABLES, Column
from graspgen.errors import DatasetError

TEXT = h5py.string_dtype("utf-8")
_TEXT_TYPE = h5py.h5t.py_create(TEXT, logical=True)
_SCALAR = h5py.h5s.create(h5py.h5s.SCALAR)

#: Scalar text dataset of a shard: content hash of each of its scenes, so that a shard that lost its manifest is known.
HASHES = "content_hashes"

#: Shared table → the per-scene table and column that refer to its `id`.
REFERENCES: dict[str, tuple[str, str]] = {
    "assets": ("objects", "asset"),
    "grippers": ("grasps", "gripper"),
    "profiles": ("trials", "profile"),
}


def open_file(path: Path, mend: str = "graspgen generate … --resume makes it again") -> h5py.File:
    """Open an HDF5 file for reading, without locking (locks fail on many network file systems).

    Raises:
        DatasetError: it is missing, truncated or no HDF5 file, and the message ends with `mend`; it begins with a user
            block; or it is a shard that is a link out of its dataset.
    """
    if not path.is_file():
        raise DatasetError(f"{path} is missing; {mend}")
    if path.parent.name == SHARDS:
        inside(path.parent.parent, f"{SHARDS}/{path.name}")
    try:
        # No chunk cache: a chunk is one whole image, and is kept by whoever asked for it.
        file = h5py.File(path, "r", locking=False, rdcc_nbytes=0)
        guard_file(file)
        return file
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f"{path} is truncated or not an HDF5 file ({reason(error)}); {mend}") from error


def reason(error: BaseException) -> str:
    """Return what HDF5 said, without its boilerplate, on one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text[text.index("(") + 1 : -1] if text.endswith(")") and "(" in text else text


def column_attributes(column: Column, name: str, coded: Sequence[int] = ()) -> dict[str, Any]:
    """Return the attributes of a column's dataset; `coded` is the shape of images that are stored as JPEG."""
    attributes: dict[str, Any] = {"unit": column.unit, "description": column.doc}
    if column.enum is not None:
        attributes["enum"] = json.dumps({member.name: int(member) for member in column.enum})
        attributes["flags"] = column.flags
    if name in ("depth", "depth_sensor"):
        attributes["depth_scale"] = DEPTH_SCALE
    if coded:
        attributes["encoding"] = JPEG
        attributes["image_shape"] = json.dumps([int(side) for side in coded])
    return attributes


def numpy_dtype(column: Column) -> Any:
    """Return the dtype under which a column is stored."""
    return TEXT if column.is_text else np.dtype(column.dtype)


def annotate(dataset: h5py.Dataset, column: Column, name: str, coded: Sequence[int] = ()) -> None:
    """Write the attributes of a column; `coded` as `column_attributes`.

    Texts go by h5py's low-level calls, which take half the time: a shard has two hundred of them.
    """
    for key, value in column_attributes(column, name, coded).items():
        if isinstance(value, str):
            attribute = h5py.h5a.create(dataset.id, key.encode(), _TEXT_TYPE, _SCALAR)
            attribute.write(np.array(value, object))
        else:
            dataset.attrs[key] = value


def write_column(group: h5py.Group, name: str, column: Column, values: NDArray[Any]) -> None:
    """Write a whole column that is not an image: contiguous, since its length is known."""
    annotate(group.create_dataset(name, data=values, dtype=numpy_dtype(column)), column, name)


def create_images(
    group: h5py.Group, name: str, column: Column, shape: tuple[int, ...], codec: str = "gzip", row: int = 0
) -> h5py.Dataset:
    """Create an empty column of images, growing along the first axis: one chunk each.

    Args:
        group: of the table.
        name, column: of the column.
        shape: of one image.
        codec: that compresses them.
        row: bytes of a row where images are JPEG, else 0.
    """
    dtype = np.dtype(column.dtype)
    sides = (row,) if row else shape
    dataset = group.create_dataset(
        name,
        shape=(0, *sides),
        maxshape=(None, *sides),
        chunks=(1, *sides),
        dtype=dtype,
        **creation(codec, dtype),
    )
    annotate(dataset, column, name, shape if row else ())
    return dataset


def no_images(column: Column) -> NDArray[Any]:
    """Return a column of images without any: their size is not known, so it is 0."""
    return np.zeros((0, *(0 if isinstance(side, str) else side for side in column.shape)), column.dtype)


def write_file_attributes(file: h5py.File, attributes: Mapping[str, Any]) -> None:
    """Write what is true of a whole file; mappings become JSON."""
    given = {"graspgen_schema": SCHEMA_VERSION, "conventions": CONVENTIONS, **attributes}
    for key in sorted(given):
        value = given[key]
        text = isinstance(value, Mapping)
        file.attrs[key] = json.dumps(value, ensure_ascii=False, sort_keys=True) if text else value


def create_tables(file: h5py.File) -> dict[str, h5py.Group]:
    """Create one group for each table."""
    groups = {}
    for name, table in TABLES.items():
        group = file.create_group(name)
        group.attrs["row"] = table.row
        groups[name] = group
    return groups


def unique_rows(table: str, parts: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Merge the rows of a shared table: one row for each id, ascending.

    Raises:
        DatasetError: two rows with the same id differ.
    """
    joined = {name: np.concatenate([part[name] for part in parts]) for name in TABLES[table].columns}
    ids, first, which = np.unique(joined["id"], return_index=True, return_inverse=True)
    for name, values in joined.items() if len(ids) else ():
        same = values == values[first][which]
        if values.dtype.kind == "f":
            same |= np.isnan(values) & np.isnan(values[first][which])
        same = same.reshape(len(values), -1).all(axis=1)
        if not same.all():
            row = int(np.argmin(same))
            raise DatasetError(
                f"{table}.{name} differs between two scenes for id {int(joined['id'][row])}: a shared table must not "
                "change within a run; generate again with --overwrite"
            )
    return {name: values[first] for name, values in joined.items()} if len(ids) else joined
