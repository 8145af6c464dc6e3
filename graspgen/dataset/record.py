"""Scene records: what a scene contributes to every table. From here on nothing imports MuJoCo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.coded import CodedImages
from graspgen.dataset.schema import TABLES

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class SceneRecord:
    """All rows of one scene.

    Attributes:
        index: the scene's number in the run.
        tables: table name to column name to array, the first axis being the table's rows; text columns are object
            arrays of str, colour that is stored as JPEG is `CodedImages`.
            Tables without rows hold empty columns. Shared tables hold the rows that the scene refers to.
    """

    index: int
    tables: Mapping[str, Columns]


def columns(table: str, rows: int, **values: Any) -> dict[str, NDArray[Any]]:
    """Build the columns of `rows` rows of a table, cast to the schema's types.

    Args:
        table: name of the table.
        rows: number of rows.
        values: one entry for every column (those of modalities may be left out): an array whose first axis is the
            rows, or a value shared by all rows.

    Raises:
        KeyError: a column is missing or unknown.
        ValueError: a shape does not fit.
    """
    spec = TABLES[table].columns
    needed = set(TABLES[table].required)
    if not needed <= set(values) <= set(spec):
        missing, unknown = sorted(needed - set(values)), sorted(set(values) - set(spec))
        raise KeyError(f"table {table}: missing columns {missing}, unknown columns {unknown}")
    out: dict[str, NDArray[Any]] = {}
    for name, column in spec.items():
        if name not in values:
            continue
        given = values[name]
        if column.is_text:
            texts = [given] * rows if isinstance(given, str) else list(given)
            if len(texts) != rows:
                raise ValueError(f"{table}.{name}: expected {rows} rows, got {len(texts)}")
            array = np.empty(rows, object)
            array[:] = texts
        else:
            coded = column.is_colour and isinstance(given, CodedImages)
            array = given if coded else np.asarray(given, column.dtype)
            if column.is_image:
                if array.shape[0] != rows or len(array.shape) != 1 + len(column.shape):
                    raise ValueError(f"{table}.{name}: expected {rows} images, got shape {array.shape}")
            elif array.shape in ((), column.shape) and array.shape != (rows, *column.shape):
                array = np.broadcast_to(array, (rows, *column.shape)).copy()
            elif array.shape != (rows, *column.shape):
                raise ValueError(f"{table}.{name}: expected shape {(rows, *column.shape)}, got {array.shape}")
        out[name] = array
    return out


def no_rows(table: str, height: int = 0, width: int = 0) -> dict[str, NDArray[Any]]:
    """Return the columns of a table without rows, whose images would have that size, px.

    Columns of modalities are not there, as in a table whose rows were made without them.
    """
    sides = {"H": height, "W": width}
    shapes = {
        name: tuple(sides[side] if isinstance(side, str) else side for side in column.shape)
        for name, column in TABLES[table].required.items()
    }
    return columns(table, 0, **{name: np.zeros((0, *shape)) for name, shape in shapes.items()})
