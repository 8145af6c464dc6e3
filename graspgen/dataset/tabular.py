"""Columns as pandas and pyarrow tables. Both are imported here only, when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.schema import Column
from graspgen.errors import DatasetError


@dataclass(frozen=True)
class Given:
    """A column: (n, …) values, what the schema says of it, and the unit that the values have."""

    values: NDArray[Any]
    spec: Column
    unit: str


def to_pandas(columns: Mapping[str, Given], index: NDArray[np.int64]) -> Any:
    """Return a `pandas.DataFrame`: codes as categories of lower-case names, matrices as objects.

    Raises:
        DatasetError: pandas is not installed.
    """
    pandas = _needed("pandas")
    content: dict[str, Any] = {}
    for name, given in columns.items():
        if _names(given):
            codes, names = _coded(given)
            content[name] = pandas.Categorical.from_codes(codes, categories=names)
        else:
            content[name] = given.values if given.values.ndim == 1 else list(given.values)
    return pandas.DataFrame(content, index=pandas.Index(index, name="row"))


def to_arrow(columns: Mapping[str, Given]) -> Any:
    """Return a `pyarrow.Table`: codes as dictionaries of lower-case names, matrices as nested lists of fixed size.

    Raises:
        DatasetError: pyarrow is not installed.
    """
    pa = _needed("pyarrow")
    arrays, fields = [], []
    for name, given in columns.items():
        values = given.values
        if _names(given):
            codes, names = _coded(given)
            array = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int16(), mask=codes < 0), pa.array(names))
        elif given.spec.is_text:
            array = pa.array(values.tolist(), pa.string())
        else:
            array = pa.array(np.ascontiguousarray(values).reshape(-1))
            for side in reversed(values.shape[1:]):
                array = pa.FixedSizeListArray.from_arrays(array, side)
        told = {"unit": given.unit, "description": given.spec.doc, "shape": json.dumps(values.shape[1:])}
        arrays.append(array)
        fields.append(pa.field(name, array.type, metadata=told))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _names(given: Given) -> bool:
    return given.spec.enum is not None and not given.spec.flags


def _coded(given: Given) -> tuple[NDArray[np.int16], list[str]]:
    """Return the position of each code's name, −1 for none, and the names."""
    members = list(given.spec.enum or ())
    codes, found = np.array([int(member) for member in members]), given.values.astype(np.int64)
    order = np.argsort(codes)
    at = order[np.minimum(np.searchsorted(codes[order], found), len(codes) - 1)]
    return np.where(codes[at] == found, at, -1).astype(np.int16), [member.name.lower() for member in members]


def _needed(package: str) -> Any:
    try:
        return import_module(package)
    except ImportError as error:
        raise DatasetError(f"{package} is not installed: pip install 'graspgen[tables]'") from error
