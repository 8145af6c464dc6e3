"""What `graspgen check` found: one line for each violation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Rows named for one rule on one column of one shard; the others are counted.
NAMED = 5
#: Tables whose keys, as violations name them, are grasp keys.
_BY_GRASP = ("grasps", "grasp_views", "trials", "scene_trials", "displacements")
#: What a dataset that others wrote need not have: there it is a notice that it cannot be used.
_LENIENT = {
    ("scenes", "plan"), ("assets", "mesh"), ("assets", "content_hash"), ("grippers", "definition"),
    ("profiles", "options"), ("profiles", "engine_version"), ("views", "sensor"),
}  # fmt: skip


class MissingColumn(KeyError):
    """A column that a dataset of others does not have."""


class AbsentTable(dict[str, NDArray[Any]]):
    """A table that lacks some of its columns, or all: asking for one of these says which."""

    def __init__(self, name: str, columns: dict[str, NDArray[Any]]) -> None:
        super().__init__(columns)
        self.name = name

    def __missing__(self, column: str) -> NDArray[Any]:
        raise MissingColumn(f"{self.name}.{column}")


@dataclass(frozen=True)
class Violation:
    """Something in a dataset that is not as it should be.

    Attributes:
        where: the file, relative to the dataset's folder.
        table, column: "" where the file as a whole is meant.
        row: row in the shard's table, None for the whole column.
        key: the row's key, None where it has none.
        message: what is wrong, for people.
        severity: "error", or "notice" for what is worth knowing and no fault.
    """

    where: str
    table: str
    column: str
    row: int | None
    key: int | None
    message: str
    severity: str = "error"

    @property
    def scene(self) -> int | None:
        """The scene that the row belongs to, None where its key does not say."""
        if self.key is None or self.table in ("", "assets", "grippers", "profiles"):
            return None
        if self.table == "scenes":
            return self.key
        # Rows of frames name their frame or an object of it.
        by_grasp = self.table in _BY_GRASP or (self.table.startswith("frame") and self.key >> 32)
        return self.key >> (32 if by_grasp else 16)

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        fields = ("severity", "where", "table", "column", "row", "key", "scene", "message")
        return {name: getattr(self, name) for name in fields}

    def __str__(self) -> str:
        place = self.where
        if self.table:
            place += f" {self.table}" + (f".{self.column}" if self.column else "")
        if self.row is not None:
            place += f" row {self.row}" + (f" (key {self.key})" if self.key is not None else "")
        return f"{place}: {self.message}" if place else self.message


@dataclass
class Report:
    """Collects violations.

    Attributes:
        violations: what is wrong.
        where: the file that is being looked at.
        notices: what is no fault.
        foreign: others wrote the dataset: what only graspgen writes may be missing.
    """

    violations: list[Violation] = field(default_factory=list)
    where: str = ""
    notices: list[Violation] = field(default_factory=list)
    foreign: bool = False

    def add(
        self,
        message: str,
        table: str = "",
        column: str = "",
        row: int | None = None,
        key: int | None = None,
    ) -> None:
        """Add one violation."""
        if self.foreign and (table, column) in _LENIENT:
            self.notice(message, table, column, row, key)
            return
        self.violations.append(Violation(self.where, table, column, row, key, message))

    def notice(
        self, message: str, table: str = "", column: str = "", row: int | None = None, key: int | None = None
    ) -> None:
        """Add something that is worth knowing, and no fault; the same is told once."""
        said = Violation(self.where, table, column, row, key, message, "notice")
        if said not in self.notices:
            self.notices.append(said)

    def attempt(self, what: str, step: Callable[[], object]) -> None:
        """Run a step; where a column that it needs is missing, say that `what` was not verified."""
        try:
            step()
        except MissingColumn as error:
            self.notice(f"{what} not verified: {error.args[0]} is missing")

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
