"""Where a dataset lies: a folder of this machine, or one that a URL names. Both give whole files and HDF5 files."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import h5py

from graspgen.dataset.guards import inside
from graspgen.dataset.hdf5 import open_file
from graspgen.errors import DatasetError

MEND = "`graspgen generate … --resume` makes it again"

_URL = re.compile(r"^[a-z][a-z0-9+.-]+:(//|:)", re.IGNORECASE)


class Place(Protocol):
    """A folder that datasets are read from. It can be pickled, and used after a fork."""

    @property
    def most_open(self) -> int:
        """How many of its files to keep open at once."""

    def where(self, name: str) -> str:
        """Return the full name of a file, for messages."""

    def read(self, name: str) -> bytes:
        """Return a whole file.

        Raises:
            DatasetError: it is missing or cannot be read.
        """

    def open(self, name: str, size: int | None = None) -> h5py.File:
        """Open an HDF5 file; `size` is what it should have, bytes.

        Raises:
            DatasetError: it is missing, truncated or no HDF5 file.
        """


class Folder:
    """A folder of this machine.

    Attributes:
        path: of the folder.
        careful: read each HDF5 file to its end in a process of its own before it is first opened in this one.
    """

    most_open = 64

    def __init__(self, path: Path, careful: bool = False) -> None:
        self.path, self.careful = path, careful
        self._read: set[str] = set()

    def __str__(self) -> str:
        return str(self.path)

    def where(self, name: str) -> str:
        """Return the path of a file."""
        return str(self.path / name)

    def read(self, name: str) -> bytes:
        """Return a whole file; symbolic links must not leave the folder.

        Raises:
            DatasetError: it is missing, cannot be read, or lies outside.
        """
        path = inside(self.path, name)
        try:
            return path.read_bytes()
        except OSError as error:
            what = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
            raise DatasetError(f"{self.path / name} {what}; restore it, or generate again with --overwrite") from error

    def open(self, name: str, size: int | None = None) -> h5py.File:
        """Open an HDF5 file without locking; its size was compared when the dataset was opened.

        Raises:
            DatasetError: it is missing, truncated or no HDF5 file; if `careful`, also if it cannot be read to its end.
        """
        if self.careful and name not in self._read:
            from graspgen.dataset.probe import probe  # POSIX only

            path = self.path / name
            for mistake in probe([path], images=True).values():
                raise DatasetError(f"{path}: {mistake}; `graspgen check` names everything that is wrong")
            self._read.add(name)
        return open_file(self.path / name)

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the sizes, bytes, of the files of a folder, by their names: "<folder>/<name>".

        One listing and one `stat` each: ten thousand take some hundredths of a second on a local disk.
        """
        try:
            with os.scandir(self.path / folder) as entries:
                return {f"{folder}/{e.name}".lstrip("/"): e.stat().st_size for e in entries if e.is_file()}
        except OSError:
            return {}


def is_url(given: str) -> bool:
    """Whether a text names a place by a URL such as https://…, s3://… or file://…."""
    return _URL.match(given) is not None


def local_path(given: str | os.PathLike[str]) -> Path | None:
    """Return the path that a text or a file:// URL names; None for another URL."""
    text = os.fspath(given)
    if not is_url(text):
        return Path(text)
    parts = urlsplit(text)
    if parts.scheme.lower() in ("file", "local") and "::" not in text:
        return Path(unquote(parts.path))
    return None
