"""One run at a time in a dataset's folder."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from graspgen.errors import DatasetError

#: A second look at the folder, by `graspgen status`, takes no longer than this many seconds.
_GRACE = 0.5
#: Where the folder itself cannot be locked (NFS wants a file that is open for writing).
LOCK = ".lock"


@contextmanager
def only_run(folder: Path, holder: Callable[[], str] = str) -> Iterator[None]:
    """Hold the folder for this run: two of them would clear away each other's unfinished shards.

    The lock is the system's, on the folder itself: it leaves no file, and ends with the process, however that ends. A
    file system that cannot lock a folder gets a file `.lock` to lock; one that knows no locks is taken as it is.

    Args:
        folder: what to hold; it must exist.
        holder: says who holds it, if somebody else does, for the message.

    Raises:
        DatasetError: another run holds the folder.
    """
    until = time.monotonic() + _GRACE
    while (descriptor := _lock(folder, fcntl.LOCK_EX)) is None:
        if time.monotonic() > until:
            who = holder()
            raise DatasetError(
                f"another run is writing to {folder} at this moment{f' ({who})' if who else ''}; wait for its end, or "
                "choose another folder"
            )
        time.sleep(0.05)
    try:
        yield
    finally:
        os.close(descriptor)


def is_held(folder: Path) -> bool:
    """Whether a run holds the folder at this moment."""
    descriptor = _lock(folder, fcntl.LOCK_SH)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def _lock(folder: Path, kind: int) -> int | None:
    """Return a descriptor that holds the folder until it is closed; None where somebody else holds it."""
    flags = os.O_RDWR | os.O_CREAT if (folder / LOCK).exists() else os.O_RDONLY
    descriptor = os.open(folder / LOCK if flags else folder, flags, 0o666)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            os.close(descriptor)
            return None
        if not flags and kind == fcntl.LOCK_EX:
            os.close(descriptor)
            with suppress(OSError):
                (folder / LOCK).touch()
                return _lock(folder, kind)
            return os.open(folder, os.O_RDONLY)
    return descriptor
