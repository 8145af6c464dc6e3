"""Datasets that others wrote in our schema: which files they are, and what they say of themselves."""

from __future__ import annotations

import json
from pathlib import Path

import h5py

from graspgen.dataset.guards import guarded
from graspgen.dataset.hdf5 import open_file
from graspgen.dataset.layout import INDEX, SHARDS
from graspgen.dataset.manifest import Manifest, ShardInfo
from graspgen.dataset.schema import TABLES
from graspgen.errors import DatasetError


def foreign_files(path: Path) -> list[Path]:
    """Return the HDF5 files of a dataset: the file itself, or those in a folder and in its `shards/`, by name.

    An index over other files (`dataset.h5`) is left out where there are others.
    """
    if path.is_file():
        return [path]
    found = [f for pattern in ("*.h5", "*.hdf5") for part in (path, path / SHARDS) for f in sorted(part.glob(pattern))]
    others = [file for file in found if file.name != INDEX]
    return others or found


def foreign_info(file: Path, name: str) -> tuple[ShardInfo, Manifest]:
    """Return what a file says of itself, as a shard and a manifest would.

    Args:
        file: the file.
        name: its path, relative to the dataset's folder.

    Raises:
        DatasetError: it cannot be read, or holds none of the schema's tables.
    """
    with open_file(file, "ask who wrote it for a whole copy") as opened:
        present = [table for table in TABLES if isinstance(opened.get(table, getlink=True), h5py.HardLink)]
        if not present:
            raise DatasetError(f"{file} holds none of the tables {', '.join(TABLES)}")
        try:
            scenes = guarded(opened, "scenes", "index")[()].tolist() if "scenes" in present else []
        except DatasetError:
            scenes = []
        try:
            recipe = json.loads(opened.attrs.get("recipe", "{}"))
        except (TypeError, ValueError, RecursionError):
            recipe = {}
    info = ShardInfo(name, file.stat().st_size, "", {}, dict.fromkeys(scenes, ""))
    recipe = recipe if isinstance(recipe, dict) else {}
    return info, Manifest(recipe, 0, len(scenes), max(len(scenes), 1), "", "", "")
