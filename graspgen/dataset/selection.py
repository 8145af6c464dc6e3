"""Chosen rows of a table: `ds.grasps(where="outcome == 'success' and drift_mm < 2")`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.dataset import joins, tabular
from graspgen.dataset.schema import TABLES
from graspgen.dataset.tables import TableReader
from graspgen.dataset.where import Field, Where


class Selection:
    """Rows of a table. `chosen["width"]` is the column at these rows; nothing is read before it is asked for.

    Attributes:
        name: of the table.
    """

    def __init__(
        self, table: TableReader, tables: Mapping[str, TableReader], where: str | None, rows: ArrayLike | None
    ) -> None:
        self.name = table.name
        self._table, self._tables = table, tables
        self._from = None if rows is None else _numbers(rows, len(table))
        self._needs: set[tuple[str, str]] = set()
        self._where = None if where is None else Where(where, self._field)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """The (n,) numbers of the chosen rows in the table, in the order in which they were given, else ascending."""
        if self._where is None:
            return self._candidates
        wanted: dict[str, set[str]] = {}
        for table, column in self._needs:
            wanted.setdefault(table, set()).add(column)
        for table, columns in wanted.items():
            self._tables[table].load(sorted(columns))
        return self._candidates[self._where.evaluate(len(self._candidates))]

    @cached_property
    def _candidates(self) -> NDArray[np.int64]:
        return np.arange(len(self._table)) if self._from is None else self._from

    def _field(self, name: str) -> Field:
        found, needs = joins.field(self._tables, self.name, name, lambda: self._candidates)
        self._needs |= needs
        return found

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"<{len(self)} of {len(self._table)} {self.name}>"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self._table.columns

    def __contains__(self, name: object) -> bool:
        return name in self._table

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __getitem__(self, name: str) -> Any:
        """Return a column of the chosen rows; of images an iterator-like list that reads them one by one."""
        if TABLES[self.name].columns.get(name) is not None and TABLES[self.name].columns[name].is_image:
            return ChosenImages(self._table[name], self.rows)
        return self._table.take(name, self.rows)

    def __call__(self, where: str | None = None, *, rows: ArrayLike | None = None) -> Selection:
        """Choose among the chosen rows; `rows` counts from the first of these.

        Raises:
            WhereError: the condition is not valid.
        """
        kept = self.rows if rows is None else self.rows[_numbers(rows, len(self))]
        return Selection(self._table, self._tables, where, kept)

    def row(self, i: int) -> dict[str, Any]:
        """Return one of the chosen rows: column name to value, images included."""
        return self._table.row(int(self.rows[i]))

    def to_pandas(self, columns: Sequence[str] | None = None) -> Any:
        """Return a `pandas.DataFrame`: codes as categories, matrices as arrays, the index is the row in the table.

        Args:
            columns: names, dotted ones of other tables too; None takes all of this table but images.

        Raises:
            DatasetError: pandas is not installed.
            KeyError: there is no such column.
        """
        return tabular.to_pandas(self._columns(columns), self.rows)

    def to_arrow(self, columns: Sequence[str] | None = None) -> Any:
        """Return a `pyarrow.Table`: codes as dictionaries of names, matrices as nested lists of fixed size.

        Unit and meaning of each column are in its field's metadata.

        Args:
            columns: as for `to_pandas`.

        Raises:
            DatasetError: pyarrow is not installed.
            KeyError: there is no such column.
        """
        return tabular.to_arrow(self._columns(columns))

    def column(self, name: str) -> NDArray[Any]:
        """Return a column of the chosen rows by a dotted name, such as "object.class_name" or "width_mm".

        Raises:
            KeyError: there is none.
        """
        return joins.field(self._tables, self.name, name, lambda: self.rows)[0].read()

    def _columns(self, names: Sequence[str] | None) -> dict[str, tabular.Given]:
        if names is None:
            names = [n for n in self.columns if not TABLES[self.name].columns[n].is_image]
        given = {}
        for name in names:
            named = joins.find(self._tables, self.name, name)
            spec = TABLES[named.table].columns[named.column]
            unit = spec.unit if named.factor == 1.0 else name[name.rindex("_") + 1 :]
            given[name] = tabular.Given(self.column(name), spec, unit)
        return given


class ChosenImages:
    """Images of chosen rows, read one by one: `images[i]` is that of the i-th."""

    def __init__(self, images: Any, rows: NDArray[np.int64]) -> None:
        self._images, self._rows = images, rows
        self.dtype = images.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, H, W[, C])."""
        return (len(self._rows), *self._images.shape[1:])

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, i: Any) -> NDArray[Any]:
        chosen = self._rows[i]
        return self._images[chosen]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self._images[int(row)] for row in self._rows)


def _numbers(rows: ArrayLike, length: int) -> NDArray[np.int64]:
    given = np.asarray(rows)
    if given.dtype == np.bool_:
        if given.shape != (length,):
            raise IndexError(f"a mask of {length} rows is needed, got shape {given.shape}")
        return np.flatnonzero(given)
    numbers = np.atleast_1d(given).astype(np.int64)
    if numbers.size and not (-length <= numbers.min() and numbers.max() < length):
        raise IndexError(f"rows must be from 0 to {length - 1}, got {numbers.min()} … {numbers.max()}")
    return numbers % length if length else numbers
