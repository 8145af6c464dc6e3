"""The Parquet files of a LeRobot v3 dataset, with the metadata that `datasets` and pandas look for in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from graspgen.errors import DatasetError
from graspgen.exports.folder import ExportFolder
from graspgen.exports.lerobot_stats import Stats

_FILE = "chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
DATA_PATH = f"data/{_FILE}"
_EPISODES_PATH = f"meta/episodes/{_FILE}"
MEGABYTE = 2**20
#: Files in a folder.
_CHUNK = 1000


@dataclass(frozen=True)
class Feature:
    """A column of the data.

    Attributes:
        dtype: a NumPy type's name, or "image".
        shape: of a row; (height, width, 3) of an image, (height, width, 1) of depth.
        names: of the entries of a vector, or of an image's axes.
        info: what else is said of it, as LeRobot says it of depth.
    """

    dtype: str
    shape: tuple[int, ...]
    names: list[str] | None = None
    info: dict[str, Any] | None = None

    def described(self) -> dict[str, Any]:
        """Return what `meta/info.json` says about it."""
        more = {} if self.info is None else {"info": self.info}
        return {"dtype": self.dtype, "shape": list(self.shape), "names": self.names, **more}

    def hugging_face(self) -> dict[str, Any]:
        """Return how `datasets` writes its type."""
        if self.dtype == "image":
            return {"_type": "Image"}
        value = {"dtype": self.dtype, "_type": "Value"}
        return value if self.shape == (1,) else {"feature": value, "length": self.shape[0], "_type": "List"}


def arrow() -> tuple[ModuleType, ModuleType]:
    """Return pyarrow and its Parquet module.

    Raises:
        DatasetError: pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise DatasetError("LeRobot datasets are Parquet files: `pip install 'graspgen[tables]'`") from None
    return pyarrow, pyarrow.parquet


class DataFiles:
    """The files of frames: one row group an episode, a new file when one has grown to its size."""

    def __init__(self, folder: ExportFolder, features: dict[str, Feature], file_mb: int) -> None:
        self._pa, self._parquet = arrow()
        self._folder, self._features, self._limit = folder, features, file_mb * MEGABYTE
        self._number, self._written, self._writer = -1, 0, None
        fields = [self._pa.field(name, self._type(feature)) for name, feature in features.items()]
        about = {"info": {"features": {name: feature.hugging_face() for name, feature in features.items()}}}
        self._schema = self._pa.schema(fields, metadata={"huggingface": json.dumps(about)})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def _type(self, feature: Feature) -> Any:
        pa = self._pa
        if feature.dtype == "image":
            return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        plain = pa.from_numpy_dtype(np.dtype(feature.dtype))
        return plain if feature.shape == (1,) else pa.list_(plain, feature.shape[0])

    def write(self, vectors: dict[str, NDArray[Any]], pictures: dict[str, Sequence[bytes]]) -> tuple[int, int]:
        """Write an episode, and return the numbers of the folder and the file that hold it.

        Args:
            vectors: (n, k) values of each feature that is not an image.
            pictures: n images of each that is, as files: PNG of colour, TIFF of depth.
        """
        pa = self._pa
        arrays = []
        for name, feature in self._features.items():
            kind = self._schema.field(name).type
            if feature.dtype == "image":
                kind_of = "png" if feature.info is None else "tiff"
                rows = [{"bytes": p, "path": f"frame-{i:06d}.{kind_of}"} for i, p in enumerate(pictures[name])]
                arrays.append(pa.array(rows, kind))
                continue
            flat = pa.array(np.ascontiguousarray(vectors[name], np.dtype(feature.dtype)).ravel())
            one = feature.shape == (1,)
            arrays.append(flat if one else pa.FixedSizeListArray.from_arrays(flat, feature.shape[0]))
        table = pa.Table.from_arrays(arrays, schema=self._schema)
        if self._writer is None or self._written >= self._limit:
            self._open_next()
        self._writer.write_table(table)
        self._written += table.nbytes
        return divmod(self._number, _CHUNK)

    def _open_next(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._number, self._written = self._number + 1, 0
        chunk, file = divmod(self._number, _CHUNK)
        path = self._folder.file(DATA_PATH.format(chunk_index=chunk, file_index=file))
        self._writer = self._parquet.ParquetWriter(path, self._schema, compression="snappy")


def write_episodes(folder: ExportFolder, rows: list[dict[str, Any]], stats: list[dict[str, Stats]]) -> None:
    """Write what is known of each episode, with its statistics."""
    pa, parquet = arrow()
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in rows[0]}
    columns |= {"meta/episodes/chunk_index": [0] * len(rows), "meta/episodes/file_index": [0] * len(rows)}
    for feature, found in stats[0].items():
        for key in found:
            columns[f"stats/{feature}/{key}"] = [part[feature][key].tolist() for part in stats]
    path = folder.file(_EPISODES_PATH.format(chunk_index=0, file_index=0))
    parquet.write_table(pa.table(columns), path, compression="snappy")


def write_tasks(folder: ExportFolder, tasks: list[str]) -> None:
    """Write the tasks; pandas reads their texts as the index."""
    pa, parquet = arrow()
    index = {"name": "task", "field_name": "task", "pandas_type": "unicode", "numpy_type": "object", "metadata": None}
    number = {"name": "task_index", "field_name": "task_index", "pandas_type": "int64", "numpy_type": "int64"}
    about = {
        "index_columns": ["task"],
        "column_indexes": [],
        "columns": [number | {"metadata": None}, index],
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.0.0",
    }
    table = pa.table({"task_index": pa.array(range(len(tasks)), pa.int64()), "task": pa.array(tasks, pa.string())})
    table = table.replace_schema_metadata({"pandas": json.dumps(about)})
    parquet.write_table(table, folder.file("meta/tasks.parquet"), compression="snappy")
