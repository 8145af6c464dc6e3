"""A disk under HDF5 that does not fail.

HDF5 cannot be stopped in the middle of a write: on a full disk it goes on complaining while its
objects are freed, and the process ends with a segmentation fault. So it writes into a `DiskFile`,
which takes everything, remembers the first error of the system, and raises it when it is asked.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py


class DiskFile:
    """A new file that h5py can write to. Once the system refuses a write, what follows is kept in memory.

    Args:
        path: of the file; one that is there is emptied.

    Raises:
        OSError: it cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
        self._position = 0
        self._size = 0
        self._kept: list[tuple[int, bytes]] = []
        self.error: OSError | None = None

    def check(self) -> None:
        """Raise the first error of the system, if there was one.

        Raises:
            OSError: the disk is full, for example.
        """
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        """Give the file back to the system."""
        os.close(self._descriptor)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a place."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        """Return the place."""
        return self._position

    def write(self, data: Any) -> int:
        """Write at the place, to the disk while it takes it."""
        view = memoryview(data).cast("B")
        end = self._position + len(view)
        if self.error is None:
            try:
                done = 0
                while done < len(view):
                    done += os.pwrite(self._descriptor, view[done:], self._position + done)
            except OSError as error:
                self.error = error
        if self.error is not None:
            self._kept.append((self._position, bytes(view)))
        self._position = end
        self._size = max(self._size, end)
        return len(view)

    def read(self, count: int) -> bytes:
        """Read `count` bytes, or as many as there are."""
        data = bytearray(count)
        return bytes(data[: self.readinto(data)])

    def readinto(self, buffer: Any) -> int:
        """Read from the place what was written there."""
        view = memoryview(buffer).cast("B")
        start, count = self._position, max(0, min(len(view), self._size - self._position))
        found = os.pread(self._descriptor, count, start)
        view[:count] = found.ljust(count, b"\0")
        for place, data in self._kept:
            low, high = max(place, start), min(place + len(data), start + count)
            if low < high:
                view[low - start : high - start] = data[low - place : high - place]
        self._position += count
        return count

    def truncate(self, size: int | None = None) -> int:
        """Set the size."""
        size = self._position if size is None else size
        if self.error is None:
            try:
                os.ftruncate(self._descriptor, size)
            except OSError as error:
                self.error = error
        self._size = size
        return size

    def flush(self) -> None:
        """Do nothing: every write goes to the system at once."""


@contextmanager
def hdf5_output(path: Path) -> Iterator[tuple[h5py.File, DiskFile]]:
    """Create an HDF5 file; at the end it is whole, or the error of the system is raised.

    Everything that is done with the file belongs into `uninterrupted`.

    Raises:
        OSError: the file cannot be created or written.
    """
    disk = DiskFile(path)
    try:
        with uninterrupted():
            file = h5py.File(disk, "w", track_order=True)
        try:
            yield file, disk
        finally:
            with uninterrupted():
                file.close()
        disk.check()
    finally:
        disk.close()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM until the end of the block.

    HDF5 calls back into Python to write, and an exception there would corrupt its state.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python runs signal handlers in the main thread only
        return
    held: list[tuple[int, Any]] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {n: signal.signal(n, lambda number, frame: held.append((number, frame))) for n in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        for number, frame in held[:1]:
            handler = before[number]
            if callable(handler):
                handler(number, frame)
            elif handler == signal.SIG_DFL:
                os.kill(os.getpid(), number)
