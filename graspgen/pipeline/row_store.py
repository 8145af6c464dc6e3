"""A folder of labelled objects, one file each, complete or absent: a database in the making, and the cache.

A file is named by its key, the hash of everything that its rows depend on, so what is found is never stale.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from graspgen.dataset.layout import PARTIAL, write_error
from graspgen.dataset.schema import present_columns
from graspgen.pipeline.object_labels import ObjectRows

#: The tables that an object's rows belong to.
ROW_TABLES = ("grasps", "trials")

_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True)
class RowInfo:
    """What a stored object holds: rows of each table, simulated steps, and grasps by outcome name."""

    rows: Mapping[str, int]
    steps: int
    outcomes: Mapping[str, int]


def cache_store() -> RowStore:
    """Return the cache: `$XDG_CACHE_HOME/graspgen/grasps`, by default below `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return RowStore((Path(base) if base else Path.home() / ".cache") / "graspgen" / "grasps")


@dataclass(frozen=True)
class RowStore:
    """Labelled objects in a folder, which is made when the first one is stored."""

    folder: Path

    def path(self, key: str) -> Path:
        """Return where the rows of `key` lie, or would."""
        return self.folder / f"{key}.npz"

    def info(self, key: str) -> RowInfo | None:
        """Return what is stored under `key`; None where nothing is, or it is damaged."""
        with contextlib.suppress(*_DAMAGED), np.load(self.path(key)) as saved:
            told = json.loads(str(saved["info"]))
            return RowInfo(told["rows"], int(told["steps"]), told["outcomes"])
        return None

    def load(self, key: str) -> ObjectRows | None:
        """Return the rows of `key`; None where there are none, or they are damaged."""
        with contextlib.suppress(*_DAMAGED), np.load(self.path(key)) as saved:
            told = json.loads(str(saved["info"]))
            held = {t: [n.removeprefix(f"{t}.") for n in saved.files if n.startswith(f"{t}.")] for t in ROW_TABLES}
            tables = {t: {name: saved[f"{t}.{name}"] for name in present_columns(t, held[t])} for t in ROW_TABLES}
            if all(len(values) == told["rows"][t] for t in ROW_TABLES for values in tables[t].values()):
                return ObjectRows(tables, int(told["steps"]), told["outcomes"])
        return None

    def save(self, key: str, rows: ObjectRows) -> None:
        """Store rows in one go.

        Raises:
            DatasetError: the disk is full or the folder cannot be written.
        """
        told = {
            "rows": {t: len(next(iter(rows.tables[t].values()))) for t in ROW_TABLES},
            "steps": rows.steps,
            "outcomes": dict(rows.outcomes),
        }
        arrays: dict[str, Any] = {f"{t}.{name}": v for t in ROW_TABLES for name, v in rows.tables[t].items()}
        path = self.path(key)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # Several processes may store the same object in the cache at once: each has its own partial file.
            handle, partial = tempfile.mkstemp(prefix=f"{key[:8]}-", suffix=PARTIAL, dir=self.folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    np.savez(file, info=np.array(json.dumps(told, sort_keys=True)), **arrays)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(partial, path)
            except BaseException:
                Path(partial).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise write_error(path, error) from error
