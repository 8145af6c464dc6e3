"""Hashes: of a file as it lies on the disk, and of a scene's content, however it is stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.coded import CodedImages
from graspgen.dataset.hdf5 import REFERENCES
from graspgen.dataset.record import SceneRecord
from graspgen.dataset.schema import TABLES, present_columns


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_hash(record: SceneRecord) -> str:
    """Return the SHA-256 of a scene's content, in hex.

    It covers the names, types, shapes and bytes of all columns, whatever the order of the dictionaries. Of the shared
    tables it covers the rows that the scene's own rows refer to, so it can be computed again from a dataset. Of JPEG
    colour it covers the files, not what they decode to: libraries may decode them differently in the last bit.
    """
    digest = hashlib.sha256()
    for table in sorted(TABLES):
        columns = record.tables[table]
        chosen: NDArray[np.int64] | None = None
        if table in REFERENCES:
            owner, key = REFERENCES[table]
            ids, first = np.unique(columns["id"], return_index=True)
            chosen = first[np.isin(ids, record.tables[owner][key])]
        for name in sorted(present_columns(table, columns)):
            column, values = TABLES[table].columns[name], columns[name]
            if chosen is not None:
                values = values[chosen]
            if column.is_text:
                data = json.dumps([str(text) for text in values], ensure_ascii=False).encode()
                dtype = "text"
            elif isinstance(values, CodedImages):
                data, dtype = values.digest(), "jpeg"
            else:
                dtype = np.dtype(column.dtype).newbyteorder("<").str
                data = np.ascontiguousarray(values, dtype).reshape(-1).view(np.uint8).data
            shape = values.shape if len(values) or not column.is_image else (0,)
            digest.update(f"{table}.{name} {dtype} {shape}\n".encode())
            digest.update(data)
    return digest.hexdigest()


def dataset_hash(scenes: Mapping[int, str]) -> str:
    """Return the content hash of a dataset, in hex: of its scenes' numbers and content hashes, in ascending order.

    It does not depend on how scenes lie in shards, on workers, resumes or clocks.
    """
    text = "".join(f"{scene} {scenes[scene]}\n" for scene in sorted(scenes))
    return hashlib.sha256(text.encode()).hexdigest()
