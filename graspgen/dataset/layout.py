"""Where things lie in a dataset's folder, and how its files are replaced without ever being half written."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from graspgen.errors import DatasetError

MANIFEST = "dataset.json"
INDEX = "dataset.h5"
SHARDS = "shards"
OBJECTS = "objects"
PARTIAL = ".partial"
#: A user's own cell: its MJCF, the files that it names, and its meshes as they are drawn and collide.
ARENA = "arena"
LOOKS = "looks"

#: Everything that graspgen itself puts into a dataset's folder: `overwrite` deletes these and nothing else.
#: The manifest comes last, so that an interrupted deletion is still known as a dataset.
OWNED = (SHARDS, OBJECTS, ARENA, LOOKS, INDEX, "run.jsonl", "preview.png", "report.html", "report", MANIFEST)


def arena_mesh(number: int) -> str:
    """Return the path of the mesh that geoms of a cell name as `number` (−1, −2, …), inside the dataset."""
    return f"{ARENA}/mesh_{-number - 1}/visual.glb"


def look_file(name: str) -> str:
    """Return the path of a user's image that views show, relative to the dataset's folder."""
    return f"{LOOKS}/{name}.jpg"


def shard_file(number: int) -> str:
    """Return the path of a shard, relative to the dataset's folder."""
    return f"{SHARDS}/shard-{number:05d}.h5"


def shard_scenes(number: int, scenes: int, scenes_per_shard: int) -> range:
    """Return the scenes that shard `number` of a run of `scenes` scenes holds."""
    first = number * scenes_per_shard
    return range(min(first, scenes), min(first + scenes_per_shard, scenes))


def shard_count(scenes: int, scenes_per_shard: int) -> int:
    """Return how many shards a run of `scenes` scenes has."""
    return -(-scenes // scenes_per_shard)


def partial_of(path: Path) -> Path:
    """Return the name under which `path` is written until it is whole."""
    return path.with_name(path.name + PARTIAL)


def commit(partial: Path, path: Path) -> None:
    """Move a whole file to its name: after this call it survives a power cut, under one name or the other."""
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_text(path: Path, text: str) -> None:
    """Replace a text file in one step.

    Raises:
        DatasetError: the disk is full or the folder cannot be written.
    """
    partial = partial_of(path)
    try:
        partial.write_text(text, encoding="utf-8")
        commit(partial, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise write_error(path, error) from error


def write_error(path: Path, error: BaseException) -> DatasetError:
    """Turn what the system said while `path` was written into one line that names the mend."""
    code, text = getattr(error, "errno", None), str(error)
    if code in (errno.ENOSPC, errno.EDQUOT) or "No space left" in text or "quota" in text.lower():
        return DatasetError(
            f"the disk is full: {path} was not written, everything complete is kept; "
            "free space and run again with --resume"
        )
    if code in (errno.EACCES, errno.EPERM, errno.EROFS) or "Permission denied" in text or "Read-only" in text:
        return DatasetError(f"cannot write {path}: the folder is read-only; choose another output folder")
    if code in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
        return DatasetError(f"cannot write {path}: {os.strerror(code)}; choose another output folder")
    reason = (os.strerror(code) if code else text.splitlines()[0] if text else type(error).__name__).rstrip(".")
    return DatasetError(f"cannot write {path}: {reason}; everything complete is kept, run again with --resume")
