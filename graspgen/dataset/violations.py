"""What `graspgen check` found: one line for each violation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Rows named for one rule on one column of one shard; the others are counted.
NAMED = 5


@dataclass(frozen=True)
class Violation:
    """Something in a dataset that is not as it should be.

    Attributes:
        where: the file, relative to the dataset's folder.
        table, column: "" where the file as a whole is meant.
        row: row in the shard's table, None for the whole column.
        key: the row's key, None where it has none.
        message: what is wrong, for people.
    """

    where: str
    table: str
    column: str
    row: int | None
    key: int | None
    message: str

    def __str__(self) -> str:
        place = self.where
        if self.table:
            place += f" {self.table}" + (f".{self.column}" if self.column else "")
        if self.row is not None:
            place += f" row {self.row}" + (f" (key {self.key})" if self.key is not None else "")
        return f"{place}: {self.message}"


@dataclass
class Report:
    """Collects violations; `where` is the file that is being looked at."""

    violations: list[Violation] = field(default_factory=list)
    where: str = ""

    def add(
        self,
        message: str,
        table: str = "",
        column: str = "",
        row: int | None = None,
        key: int | None = None,
    ) -> None:
        """Add one violation."""
        self.violations.append(Violation(self.where, table, column, row, key, message))

    def rows(
        self,
        table: str,
        column: str,
        bad: ArrayLike,
        message: str | Callable[[int], str],
        keys: NDArray[Any] | None = None,
    ) -> bool:
        """Add a violation for each row where the mask `bad` is set; say whether there was one.

        Args:
            table, column: where.
            bad: (n,) mask of the table's rows.
            message: what is wrong, or a function of the row that says it.
            keys: (n,) keys of the rows.
        """
        found = np.flatnonzero(np.asarray(bad))
        for row in found[:NAMED].tolist():
            text = message if isinstance(message, str) else message(row)
            self.add(text, table, column, row, None if keys is None else int(keys[row]))
        if len(found) > NAMED:
            what = message if isinstance(message, str) else "the same"
            self.add(f"{len(found) - NAMED} more rows: {what}", table, column)
        return bool(len(found))
