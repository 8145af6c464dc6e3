"""Tables over the shards of a dataset: whole columns as NumPy arrays, images one by one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.dataset.coded import is_coded
from graspgen.dataset.hdf5 import reason, unique_rows
from graspgen.dataset.schema import OPTIONAL, TABLES, Table, present_columns
from graspgen.dataset.shards import ShardFiles
from graspgen.dataset.unpack import read_image, read_images
from graspgen.errors import nearest

if TYPE_CHECKING:
    from graspgen.dataset.selection import Selection

#: Table → the column that says which scene a row belongs to, and by how many bits its keys are above the scene's.
SCENE_OF: dict[str, tuple[str, int]] = {
    "scenes": ("index", 0),
    **dict.fromkeys(("objects", "views", "grasps", "frames", "episodes"), ("scene", 0)),
    **dict.fromkeys(("annotations", "keypoints", "flying", "grasp_views"), ("view", 16)),
    **dict.fromkeys(("trials", "scene_trials", "displacements"), ("grasp", 32)),
    **dict.fromkeys(("frame_objects", "frame_contacts", "frame_views"), ("frame", 32)),
    "steps": ("episode", 32),
    **dict.fromkeys(("step_objects", "step_views"), ("step", 32)),
}
#: Table whose keys hold their scene → by how many bits.
_KEY_BITS = {
    "scenes": 0, "objects": 16, "views": 16, "grasps": 32, "frames": 32, "episodes": 32, "steps": 32,
}  # fmt: skip


class Images:
    """A column of images, read one by one: `images[i]` is image i as an (H, W[, C]) array.

    Slices and lists of numbers are read by a loop and stacked: HDF5's own fancy indexing is a hundred times slower.
    """

    def __init__(self, files: ShardFiles, table: str, name: str) -> None:
        self._files, self._table, self._name = files, table, f"{table}/{name}"
        self._column = TABLES[table].columns[name]
        self.dtype = np.dtype(self._column.dtype)

    def __len__(self) -> int:
        return int(self._files.starts(self._table)[-1])

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, H, W[, C]); (0,) without images."""
        if not len(self):
            return (0,)
        return (len(self), *self.shape_of(0))

    def shape_of(self, i: int) -> tuple[int, ...]:
        """Return (H, W[, C]) of image i, counted from 0, without reading it."""
        shard = self._files.shard_of(self._table, i)
        return self._coded(shard) or self._files.dataset(shard, self._name).shape[1:]

    def _coded(self, shard: int) -> tuple[int, ...] | None:
        """Return the shape of an image of a shard that holds them as JPEG, None of one that does not."""
        if not is_coded(self._files.dataset(shard, self._name), self._column):
            return None
        return (*self._files.dataset(shard, f"{self._table}/depth").shape[1:], 3)

    def stored(self, rows: NDArray[np.int64]) -> Any:
        """Return images as they are stored: an array, or `CodedImages`; those of one scene are in one shard."""
        shard = self._files.shard_of(self._table, int(rows[0])) if len(rows) else -1
        if shard < 0 or not is_coded(self._files.dataset(shard, self._name), self._column):
            return self[rows]
        numbers = (rows - int(self._files.starts(self._table)[shard])).tolist()
        try:
            return read_images(self._files.dataset(shard, self._name), numbers, self._column)
        except (OSError, RuntimeError, ValueError) as error:
            raise self._files.damaged(shard, f"{self._name}: {reason(error)}") from error

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
        shard = self._files.shard_of(self._table, k)
        dataset = self._files.dataset(shard, self._name)
        row = k - int(self._files.starts(self._table)[shard])
        try:
            return read_image(dataset, row, self._coded(shard))
        except (OSError, RuntimeError, ValueError) as error:
            raise self._files.damaged(shard, f"{self._name}: {reason(error)}") from error

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[i] for i in range(len(self)))

    def attribute(self, i: int, name: str) -> Any:
        """Return an attribute of the column, as the shard that holds image i states it.

        Raises:
            DatasetError: the shard does not.
        """
        shard = self._files.shard_of(self._table, i % len(self))
        try:
            return self._files.dataset(shard, self._name).attrs[name]
        except (KeyError, OSError, RuntimeError) as error:
            raise self._files.damaged(shard, f"{self._name} has no attribute {name}") from error


class TableReader:
    """A table of a dataset. `table["mass"]` is a whole column as a read-only array, kept in memory.

    Columns of images give `Images`. Text is an object array of str. `table(where="mass > 0.1")` chooses rows
    (`graspgen.dataset.where` says what can be written); `take` reads rows from the one shard that holds them.
    """

    def __init__(self, files: ShardFiles, name: str) -> None:
        self.name = name
        self._files = files

    @property
    def _cache(self) -> dict[str, NDArray[Any]]:
        return self._files.columns[self.name]

    @property
    def _spec(self) -> Table:
        return TABLES[self.name]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns; those of modalities only where the dataset has them."""
        optional = any(column.modality for column in self._spec.columns.values())
        found = self._files.any_file()[self.name] if optional and len(self._files) else ()
        return tuple(present_columns(self.name, found))

    @property
    def units(self) -> dict[str, str]:
        """Unit of every column, "" for none."""
        return {name: self._spec.columns[name].unit for name in self.columns}

    def __len__(self) -> int:
        if self._spec.shared:
            return len(self["id"])
        return int(self._files.starts(self.name)[-1])

    def __repr__(self) -> str:
        return f"<{self.name}: {len(self)} rows, columns {', '.join(self.columns)}>"

    def __contains__(self, name: object) -> bool:
        column = self._spec.columns.get(str(name))
        # Only what a dataset may lack has to be looked for in a file.
        return column is not None and (not column.modality or name in self.columns)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __call__(self, where: str | None = None, *, rows: ArrayLike | None = None) -> Selection:
        """Choose rows. The condition is read now, and evaluated when the rows are first used.

        Args:
            where: a condition, such as "outcome == 'success' and drift_mm < 2"; None takes all.
            rows: numbers or a mask of the rows to choose from; None for all.

        Raises:
            WhereError: the condition is not valid, or names what is not there.
        """
        from graspgen.dataset.selection import Selection

        return Selection(self, {name: TableReader(self._files, name) for name in TABLES}, where, rows)

    def __getitem__(self, name: str) -> Any:
        self._check(name)
        if self._spec.columns[name].is_image:
            return Images(self._files, self.name, name)
        if name not in self._cache:
            self.load([name])
        return self._cache[name]

    def _check(self, name: str) -> None:
        column = self._spec.columns.get(name)
        if column is None or (column.modality and name not in self.columns):
            mend = nearest(name, self.columns)
            if column:
                asked = OPTIONAL.get(column.modality)
                mend = (
                    f"; it is there where {asked}" if asked else f"; generate with views.modalities=[{column.modality}]"
                )
            raise KeyError(f"table {self.name} has no column '{name}'{mend}")

    def load(self, names: Iterable[str]) -> None:
        """Read columns that are not images into memory, in one pass over the shards."""
        wanted = list(self.columns) if self._spec.shared else [n for n in names if n not in self._cache]
        if not wanted or all(name in self._cache for name in wanted):
            return
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in wanted}
        for shard in range(len(self._files)):
            for name in wanted:
                parts[name].append(self._files.column(self.name, name, shard))
        found = {name: self._joined(name, parts[name]) for name in wanted}
        if self._spec.shared:
            found = unique_rows(self.name, [found])
        for values in found.values():
            values.flags.writeable = False
        self._cache.update(found)

    def _joined(self, name: str, parts: list[NDArray[Any]]) -> NDArray[Any]:
        if parts:
            return np.concatenate(parts)
        column = self._spec.columns[name]
        return np.zeros((0, *column.shape), object if column.is_text else column.dtype)

    def take(self, name: str, rows: Any) -> Any:
        """Return a column at a row or at (n,) rows, from 0: of the shard that holds them, if it is one.

        It gives what `table[name][rows]` gives, but where a dataset has many shards it opens one of them, not all.
        """
        self._check(name)
        numbers = np.asarray(rows)
        whole = self._spec.shared or self._spec.columns[name].is_image or name in self._cache
        if whole or not numbers.size or numbers.dtype.kind not in "iu" or numbers.min() < 0:
            return self[name][rows]
        low, high = int(numbers.min()), int(numbers.max())
        starts = self._files.starts(self.name)
        shard = self._files.shard_of(self.name, low)
        if not high < int(starts[-1]) or high >= int(starts[shard + 1]):
            return self[name][rows]
        return self._files.kept_column(self.name, name, shard)[numbers - int(starts[shard])]

    def at_row(self, row: int) -> int:
        """Return a row from 0 of one that may count from the end."""
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row} of {len(self)} in table {self.name}")
        return int(row) % len(self)

    def of_scene(self, scene: int) -> NDArray[np.int64]:
        """Return the rows that belong to a scene, ascending; only shards that may hold it are opened."""
        column, bits = SCENE_OF[self.name]
        found = [np.zeros(0, np.int64)]
        for shard in self._files.shards_of_scene(scene):
            keys = self._files.kept_column(self.name, column, shard)
            low, high = np.searchsorted(keys, [scene << bits, (scene + 1) << bits])
            found.append(np.arange(low, high) + self._files.starts(self.name)[shard])
        return np.concatenate(found)

    def row(self, i: int) -> dict[str, Any]:
        """Return one row: column name to value, images included."""
        return {name: self.take(name, self.at_row(i)) for name in self.columns}

    def rows(self, chosen: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return the chosen rows (numbers or a mask): column name to array, without images."""
        columns = self._spec.columns
        return {name: self.take(name, chosen) for name in self.columns if not columns[name].is_image}

    def index_of(self, key: int) -> int:
        """Return the row whose key (`id`, for scenes `index`) is `key`.

        Raises:
            KeyError: there is none.
        """
        column = "index" if self.name == "scenes" else "id"
        if self.name in _KEY_BITS and column not in self._cache:
            near = self.of_scene(int(key) >> _KEY_BITS[self.name])
            found = near[self.take(column, near) == key]
            if len(found):
                return int(found[0])
        keys = self[column]
        i = int(np.searchsorted(keys, key))
        if i == len(keys) or keys[i] != key:
            raise KeyError(f"table {self.name} has no key {key}")
        return i

    def look_up(self, name: str, keys: NDArray[Any], scene: int) -> NDArray[Any]:
        """Return a column of a shared table (`assets`, `grippers`, `profiles`) for ids that a scene refers to.

        A shard holds all that its scenes refer to, so one is enough.
        """
        near = [] if "id" in self._cache else self._files.shards_of_scene(scene)
        for shard in near[:1]:
            ids = self._files.kept_column(self.name, "id", shard)
            at = np.searchsorted(ids, keys)
            if len(ids) and (ids[np.minimum(at, len(ids) - 1)] == keys).all():
                return self._files.kept_column(self.name, name, shard)[at]
        return self[name][np.searchsorted(self["id"], keys)]

    def shard_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of the shard that holds each row of a table that is not shared."""
        return np.searchsorted(self._files.starts(self.name)[1:], rows, "right")

    def enum(self, name: str) -> dict[str, int]:
        """Return the codes of a column, name to number, as the file states them.

        Raises:
            KeyError: the column holds no codes.
        """
        column = self._spec.columns.get(name)
        if column is None or column.enum is None:
            raise KeyError(f"column '{name}' of table {self.name} holds no codes")
        if not len(self._files):
            return {member.name: int(member) for member in column.enum}
        return json.loads(self._files.dataset(0, f"{self.name}/{name}").attrs["enum"])

    def to_pandas(self, columns: Sequence[str] | None = None) -> Any:
        """Return a `pandas.DataFrame`; as `Selection.to_pandas`."""
        return self().to_pandas(columns)

    def to_arrow(self, columns: Sequence[str] | None = None) -> Any:
        """Return a `pyarrow.Table`; as `Selection.to_arrow`."""
        return self().to_arrow(columns)
