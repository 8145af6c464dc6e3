"""Compressed .npz files written row by row, without a time of day: larger than memory, and the same every time."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import DTypeLike, NDArray


@dataclass(frozen=True)
class Rows:
    """An array that is made row by row.

    Attributes:
        shape: of the whole.
        dtype: of the numbers.
        rows: makes the rows, `shape[0]` of them.
    """

    shape: tuple[int, ...]
    dtype: DTypeLike
    rows: Callable[[], Iterable[NDArray[Any]]]


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any] | Rows]) -> None:
    """Write what `numpy.load` reads without pickles.

    Raises:
        ValueError: an array holds objects, or a row has the wrong shape.
        OSError: the file cannot be written.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in arrays.items():
            info = zipfile.ZipInfo(f"{name}.npy")  # dated 1980
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as member:
                if not isinstance(array, Rows):
                    npy_format.write_array(member, np.asanyarray(array), allow_pickle=False)
                    continue
                dtype = np.dtype(array.dtype)
                header = {"descr": npy_format.dtype_to_descr(dtype), "fortran_order": False, "shape": array.shape}
                npy_format.write_array_header_1_0(member, header)
                written = 0
                for row in array.rows():
                    if row.shape != array.shape[1:]:
                        raise ValueError(f"{name}: expected rows of shape {array.shape[1:]}, got {row.shape}")
                    member.write(np.ascontiguousarray(row, dtype).tobytes())
                    written += 1
                if written != array.shape[0]:
                    raise ValueError(f"{name}: expected {array.shape[0]} rows, got {written}")
