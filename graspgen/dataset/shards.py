"""The shards of a dataset: opened when they are needed, a bounded number at once, by every process for itself."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.dataset.codecs import MissingCodec
from graspgen.dataset.guards import guarded
from graspgen.dataset.hdf5 import reason
from graspgen.dataset.index import read_column
from graspgen.dataset.place import Place
from graspgen.dataset.schema import TABLES
from graspgen.errors import DatasetError

Columns = dict[str, NDArray[Any]]
_Entry = tuple[h5py.File, dict[str, h5py.Dataset], Columns]


class ShardFiles:
    """The shards of a dataset. A process that inherits open files by a fork forgets them; a pickle holds names only.

    Attributes:
        place: the dataset's folder.
        names: of the shards, relative to it, ascending.
        columns: table → whole columns, over all shards, that are in memory.

    Args:
        place: the dataset's folder.
        names: of the shards, relative to it, ascending.
        rows: table → rows in each shard.
        scenes: (shards, 2) first and last key of the scenes in each shard.
        sizes: bytes of each shard; None if nothing says so.
    """

    def __init__(
        self,
        place: Place,
        names: Sequence[str],
        rows: Mapping[str, ArrayLike],
        scenes: ArrayLike,
        sizes: Sequence[int] | None = None,
    ) -> None:
        self.place, self.names = place, list(names)
        self._sizes = None if sizes is None else list(sizes)
        self._scenes = np.asarray(scenes, np.int64).reshape(-1, 2)
        self._starts = {
            table: np.concatenate([[0], np.cumsum(np.asarray(rows[table], np.int64), dtype=np.int64)])
            for table in TABLES
        }
        self.columns: dict[str, Columns] = {table: {} for table in TABLES}
        self._forget()

    def _forget(self) -> None:
        self._pid = os.getpid()
        self._files: OrderedDict[int, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self.names)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_files", "_pid", "columns")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, columns={table: {} for table in TABLES})
        self._forget()

    def close(self) -> None:
        """Close all files; they open again when they are needed."""
        if self._pid == os.getpid():
            for file, _, _ in self._files.values():
                file.close()
        self._forget()

    def starts(self, table: str) -> NDArray[np.int64]:
        """Return the (shards + 1,) first rows of a table in each shard; the last is the number of all."""
        return self._starts[table]

    def shard_of(self, table: str, row: int) -> int:
        """Return the shard that holds a row of a table."""
        return int(np.searchsorted(self._starts[table], row, "right")) - 1

    def shards_of_scene(self, scene: int) -> list[int]:
        """Return the shards that may hold a scene."""
        return np.flatnonzero((self._scenes[:, 0] <= scene) & (scene <= self._scenes[:, 1])).tolist()

    def file(self, shard: int) -> h5py.File:
        """Return the open file of a shard.

        Raises:
            DatasetError: it is missing or damaged.
        """
        return self._entry(shard)[0]

    def any_file(self) -> h5py.File:
        """Return an open file of a shard: the one that was used last, else the first. All have the same columns.

        Raises:
            DatasetError: it is missing or damaged.
        """
        used = self._pid == os.getpid() and self._files
        return self.file(next(reversed(self._files)) if used else 0)

    def _entry(self, shard: int) -> _Entry:
        if self._pid != os.getpid():
            self._forget()
        if shard not in self._files:
            while len(self._files) >= self.place.most_open:
                self._files.popitem(last=False)[1][0].close()
            size = None if self._sizes is None else self._sizes[shard]
            self._files[shard] = (self.place.open(self.names[shard], size), {}, {})
        self._files.move_to_end(shard)
        return self._files[shard]

    def dataset(self, shard: int, name: str) -> h5py.Dataset:
        """Return the dataset `<table>/<column>` of a shard; it is kept, since looking it up costs as much as a read.

        Raises:
            DatasetError: the shard or the dataset is missing or damaged.
        """
        file, known, _ = self._entry(shard)
        if name not in known:
            try:
                table, column = name.split("/")
                known[name] = guarded(file, table, column)
            except MissingCodec:
                raise
            except DatasetError as error:
                raise DatasetError(f"{error}; remove it and run `graspgen generate … --resume`") from error
        return known[name]

    def damaged(self, shard: int, what: str) -> DatasetError:
        """Return the error that says what is wrong with a shard."""
        return DatasetError(
            f"{self.place.where(self.names[shard])} is damaged ({what}); remove it and run "
            "`graspgen generate … --resume`"
        )

    def column(self, table: str, name: str, shard: int) -> NDArray[Any]:
        """Read a whole column of one shard that is not an image.

        Raises:
            DatasetError: the shard is missing or damaged, or has more or fewer rows than the manifest says.
        """
        dataset = self.dataset(shard, f"{table}/{name}")
        rows = int(np.diff(self._starts[table][shard : shard + 2])[0])
        if len(dataset) != rows:
            raise self.damaged(shard, f"{table}/{name} has {len(dataset)} rows, expected {rows}")
        try:
            return read_column(dataset, TABLES[table].columns[name].is_text)
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            raise self.damaged(shard, f"{table}/{name}: {reason(error)}") from error

    def kept_column(self, table: str, name: str, shard: int) -> NDArray[Any]:
        """Return a column of one shard, kept as long as its file is open; read-only.

        Raises:
            DatasetError: as `column`.
        """
        kept, key = self._entry(shard)[2], f"{table}/{name}"
        if key not in kept:
            kept[key] = self.column(table, name, shard)
            kept[key].flags.writeable = False
        return kept[key]
