"""Tables over the shards of a dataset: whole columns as NumPy arrays, images one by one."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import h5py
import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.guards import guarded
from graspgen.dataset.hdf5 import open_file, reason, unique_rows
from graspgen.dataset.index import read_column
from graspgen.dataset.schema import TABLES, Table, present_columns
from graspgen.errors import DatasetError, nearest

_OPEN_FILES = 64


class ShardFiles:
    """The shards of a dataset, opened when they are needed.

    A process that inherits open files by a fork forgets them and opens its own; a pickle holds paths only.

    Args:
        paths: of the shards, ascending.
        rows: rows of every table in each shard.
    """

    def __init__(self, paths: Sequence[Path], rows: Sequence[dict[str, int]]) -> None:
        self.paths = list(paths)
        self.rows = list(rows)
        self._forget()

    def _forget(self) -> None:
        self._pid = os.getpid()
        self._files: OrderedDict[int, tuple[h5py.File, dict[str, h5py.Dataset]]] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {"paths": self.paths, "rows": self.rows}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["paths"], state["rows"])

    def close(self) -> None:
        """Close all files; they open again when they are needed."""
        if self._pid == os.getpid():
            for file, _ in self._files.values():
                file.close()
        self._forget()

    def file(self, shard: int) -> h5py.File:
        """Return the open file of a shard.

        Raises:
            DatasetError: it is missing or damaged.
        """
        return self._entry(shard)[0]

    def _entry(self, shard: int) -> tuple[h5py.File, dict[str, h5py.Dataset]]:
        if self._pid != os.getpid():
            self._forget()
        if shard not in self._files:
            if len(self._files) >= _OPEN_FILES:
                self._files.popitem(last=False)[1][0].close()
            self._files[shard] = (open_file(self.paths[shard]), {})
        self._files.move_to_end(shard)
        return self._files[shard]

    def dataset(self, shard: int, name: str) -> h5py.Dataset:
        """Return the dataset `<table>/<column>` of a shard; it is kept, since looking it up costs as much as a read.

        Raises:
            DatasetError: the shard or the dataset is missing or damaged.
        """
        file, known = self._entry(shard)
        if name not in known:
            try:
                table, column = name.split("/")
                known[name] = guarded(file, table, column)
            except DatasetError as error:
                raise DatasetError(f"{error}; remove it and run `graspgen generate … --resume`") from error
        return known[name]

    def damaged(self, shard: int, what: str) -> DatasetError:
        """Return the error that says what is wrong with a shard."""
        return DatasetError(
            f"{self.paths[shard]} is damaged ({what}); remove it and run `graspgen generate … --resume`"
        )

    def column(self, table: str, name: str, shard: int) -> NDArray[Any]:
        """Read a whole column of one shard that is not an image.

        Raises:
            DatasetError: the shard is missing or damaged.
        """
        dataset = self.dataset(shard, f"{table}/{name}")
        if len(dataset) != self.rows[shard][table] and not TABLES[table].shared:
            raise self.damaged(shard, f"{table}/{name} has {len(dataset)} rows, expected {self.rows[shard][table]}")
        try:
            return read_column(dataset, TABLES[table].columns[name].is_text)
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            raise self.damaged(shard, f"{table}/{name}: {reason(error)}") from error


class Images:
    """A column of images, read one by one: `images[i]` is image i as an (H, W[, C]) array.

    Slices and lists of numbers are read by a loop and stacked: HDF5's own fancy indexing is a hundred times slower.
    """

    def __init__(self, files: ShardFiles, table: str, name: str) -> None:
        self._files, self._name = files, f"{table}/{name}"
        self._starts = np.cumsum([0, *(rows[table] for rows in files.rows)])
        self.dtype = np.dtype(TABLES[table].columns[name].dtype)

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, H, W[, C]); (0,) without images."""
        if not len(self):
            return (0,)
        shard = int(np.argmax(np.diff(self._starts) > 0))
        return (len(self), *self._files.dataset(shard, self._name).shape[1:])

    @overload
    def __getitem__(self, i: int) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, i: slice | Sequence[int] | NDArray[Any]) -> NDArray[Any]: ...
    def __getitem__(self, i: Any) -> NDArray[Any]:
        if isinstance(i, slice):
            i = range(len(self))[i]
        if not isinstance(i, int | np.integer):
            numbers = np.flatnonzero(i) if getattr(i, "dtype", None) == np.bool_ else i
            images = [self[int(k)] for k in numbers]
            return np.stack(images) if images else np.zeros((0, *self.shape[1:]), self.dtype)
        k = int(i) + (len(self) if i < 0 else 0)
        if not 0 <= k < len(self):
            raise IndexError(f"image {i} of {len(self)}")
        shard = int(np.searchsorted(self._starts, k, "right")) - 1
        dataset = self._files.dataset(shard, self._name)
        try:
            return dataset[k - int(self._starts[shard])]
        except (OSError, RuntimeError) as error:
            raise self._files.damaged(shard, f"{self._name}: {reason(error)}") from error

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[i] for i in range(len(self)))


class TableReader:
    """A table of a dataset. `table["mass"]` is a whole column as a read-only array, kept in memory.

    Columns of images give `Images`. Text is an object array of str.
    """

    def __init__(self, files: ShardFiles, name: str) -> None:
        self.name = name
        self._files = files
        self._cache: dict[str, NDArray[Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cache": {}}

    @property
    def _spec(self) -> Table:
        return TABLES[self.name]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns; those of modalities only where the dataset has them."""
        optional = any(column.modality for column in self._spec.columns.values())
        found = self._files.file(0)[self.name] if optional and self._files.paths else ()
        return tuple(present_columns(self.name, found))

    @property
    def units(self) -> dict[str, str]:
        """Unit of every column, "" for none."""
        return {name: self._spec.columns[name].unit for name in self.columns}

    def __len__(self) -> int:
        if self._spec.shared:
            return len(self["id"])
        return sum(rows[self.name] for rows in self._files.rows)

    def __repr__(self) -> str:
        return f"<{self.name}: {len(self)} rows, columns {', '.join(self.columns)}>"

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __getitem__(self, name: str) -> Any:
        column = self._spec.columns.get(name)
        if column is None or (column.modality and name not in self.columns):
            asked = f"modalities=[{column.modality}]" if column and column.modality != "sensor" else "sensor=<profile>"
            mend = f"; generate with views.{asked}" if column else nearest(name, self.columns)
            raise KeyError(f"table {self.name} has no column '{name}'{mend}")
        if self._spec.columns[name].is_image:
            return Images(self._files, self.name, name)
        if name not in self._cache:
            if self._spec.shared:
                self._read_shared()
            else:
                self._keep(name, self._concatenate(name))
        return self._cache[name]

    def _concatenate(self, name: str) -> NDArray[Any]:
        parts = [self._files.column(self.name, name, shard) for shard in range(len(self._files.paths))]
        if parts:
            return np.concatenate(parts)
        column = self._spec.columns[name]
        return np.zeros((0, *column.shape), object if column.is_text else column.dtype)

    def _read_shared(self) -> None:
        for name, values in unique_rows(self.name, [{n: self._concatenate(n) for n in self.columns}]).items():
            self._keep(name, values)

    def _keep(self, name: str, values: NDArray[Any]) -> None:
        values.flags.writeable = False
        self._cache[name] = values

    def row(self, i: int) -> dict[str, Any]:
        """Return one row: column name to value, images included."""
        if not -len(self) <= i < len(self):
            raise IndexError(f"row {i} of {len(self)} in table {self.name}")
        return {name: self[name][i] for name in self.columns}

    def rows(self, chosen: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return the chosen rows (numbers or a mask): column name to array, without images."""
        columns = self._spec.columns
        return {name: self[name][chosen] for name in self.columns if not columns[name].is_image}

    def index_of(self, key: int) -> int:
        """Return the row whose key (`id`, for scenes `index`) is `key`.

        Raises:
            KeyError: there is none.
        """
        keys = self["index" if self.name == "scenes" else "id"]
        i = int(np.searchsorted(keys, key))
        if i == len(keys) or keys[i] != key:
            raise KeyError(f"table {self.name} has no key {key}")
        return i

    def shard_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of the shard that holds each row of a table that is not shared."""
        starts = np.cumsum([rows[self.name] for rows in self._files.rows])
        return np.searchsorted(starts, rows, "right")

    def enum(self, name: str) -> dict[str, int]:
        """Return the codes of a column, name to number, as the file states them.

        Raises:
            KeyError: the column holds no codes.
        """
        column = self._spec.columns.get(name)
        if column is None or column.enum is None:
            raise KeyError(f"column '{name}' of table {self.name} holds no codes")
        if not self._files.paths:
            return {member.name: int(member) for member in column.enum}
        return json.loads(self._files.dataset(0, f"{self.name}/{name}").attrs["enum"])
