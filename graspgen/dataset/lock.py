"""One run at a time in a dataset's folder."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graspgen.errors import DatasetError


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Hold the folder for this run: two of them would clear away each other's unfinished shards.

    The lock is the system's, on the folder itself: it leaves no file, and ends with the process, however that ends. A
    file system that knows no locks is taken as it is.

    Raises:
        DatasetError: another run holds the folder.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                raise DatasetError(
                    f"another run is writing to {folder} at this moment; wait for its end, or choose another folder"
                ) from None
        yield
    finally:
        os.close(descriptor)
