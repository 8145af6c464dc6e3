"""Where things lie in a dataset's folder, and how its files are replaced without ever being half written."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from graspgen.errors import DatasetError

MANIFEST = "dataset.json"
INDEX = "dataset.h5"
SHARDS = "shards"
OBJECTS = "objects"
PARTIAL = ".partial"
#: In the folder of a run whose shards go elsewhere: where (`graspgen.dataset.store`).
STORE = "store.url"
#: A user's own cell: its MJCF, the files that it names, and its meshes as they are drawn and collide.
ARENA = "arena"
LOOKS = "looks"
#: Packed scenes of shards that are not complete; there only while a run is unfinished.
UNFINISHED = "unfinished"

#: Everything that graspgen itself puts into a dataset's folder: `overwrite` deletes these and nothing else.
#: The manifest comes last, so that an interrupted deletion is still known as a dataset.
OWNED = (
    SHARDS,
    UNFINISHED,
    OBJECTS,
    ARENA,
    LOOKS,
    INDEX,
    ".lock",
    "run.jsonl",
    "preview.png",
    "report.html",
    "report",
    STORE,
    MANIFEST,
)


def arena_mesh(number: int) -> str:
    """Return the path of the mesh that geoms of a cell name as `number` (−1, −2, …), inside the dataset."""
    return f"{ARENA}/mesh_{-number - 1}/visual.glb"


def look_file(name: str) -> str:
    """Return the path of a user's image that views show, relative to the dataset's folder."""
    return f"{LOOKS}/{name}.jpg"


def shard_file(number: int) -> str:
    """Return the path of a shard, relative to the dataset's folder."""
    return f"{SHARDS}/shard-{number:05d}.h5"


def scene_file(scene: int) -> str:
    """Return the path of a packed scene that waits for the rest of its shard, relative to the dataset's folder."""
    return f"{UNFINISHED}/scene-{scene:09d}.pack"


def shard_scenes(number: int, scenes: int, scenes_per_shard: int, grown: Sequence[int] = ()) -> range:
    """Return the scenes that shard `number` of a run of `scenes` scenes holds.

    Args:
        number: of the shard; past the last one the range is empty.
        scenes: of the whole run.
        scenes_per_shard: of every shard, but for the last one of each stretch.
        grown: ascending, how many scenes the run had before each time that it grew: no shard reaches across these.
    """
    start = 0
    for stop in (*grown, scenes):
        count = shard_count(stop - start, scenes_per_shard)
        if number < count:
            first = start + number * scenes_per_shard
            return range(first, min(first + scenes_per_shard, stop))
        number -= count
        start = stop
    return range(scenes, scenes)


def shard_count(scenes: int, scenes_per_shard: int, grown: Sequence[int] = ()) -> int:
    """Return how many shards a run of `scenes` scenes has; arguments as `shard_scenes`."""
    bounds = (0, *grown, scenes)
    return sum(-(-(stop - start) // scenes_per_shard) for start, stop in pairwise(bounds))


def partial_of(path: Path) -> Path:
    """Return the name under which `path` is written until it is whole."""
    return path.with_name(path.name + PARTIAL)


def own_partial_of(path: Path) -> Path:
    """Return the name under which this process writes `path`: a process that is as good as dead cannot take it over.

    Machines that share a folder may have processes of one number.
    """
    return path.with_name(f"{path.name}.{socket.gethostname()}-{os.getpid()}{PARTIAL}")


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
