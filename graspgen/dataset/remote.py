"""A dataset behind a URL, through fsspec: HTTP(S), S3 and whatever else fsspec has a protocol for.

Only the parts of a file that are asked for are fetched, in blocks, and some blocks are kept.
"""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import Any

import h5py

from graspgen.dataset.guards import guard_file
from graspgen.dataset.hdf5 import reason
from graspgen.errors import DatasetError

#: Bytes that are fetched at once, and how many such blocks of each open file are kept.
BLOCK, KEPT = 1 << 18, 32


class RemoteFolder:
    """A folder behind a URL. Each process makes its own connection.

    Attributes:
        url: of the folder, without "/" at its end.
    """

    most_open = 16

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._pid = 0

    def __getstate__(self) -> dict[str, Any]:
        return {"url": self.url, "_pid": 0}

    def __str__(self) -> str:
        return self.url

    def where(self, name: str) -> str:
        """Return the URL of a file."""
        return f"{self.url}/{name}"

    def read(self, name: str) -> bytes:
        """Return a whole file.

        Raises:
            DatasetError: it cannot be fetched, or its name leads out of the folder.
        """
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or "::" in name:
            raise DatasetError(f"the path {name[:100]!r} leaves the dataset {self.url}; restore what names it")
        fs, path = self._connect(name)
        try:
            return fs.cat_file(path)
        except Exception as error:  # each protocol raises errors of its own
            raise self._error(name, error) from error

    def open(self, name: str, size: int | None = None) -> h5py.File:
        """Open an HDF5 file; only what is read of it is fetched.

        Raises:
            DatasetError: it cannot be fetched, is not `size` bytes long, or is no HDF5 file.
        """
        fs, path = self._connect(name)
        try:
            file = fs.open(path, "rb", block_size=BLOCK, cache_type="blockcache", cache_options={"maxblocks": KEPT})
            found = file.seek(0, os.SEEK_END)
            file.seek(0)
        except Exception as error:  # each protocol raises errors of its own
            raise self._error(name, error) from error
        if size is not None and found != size:
            state = "truncated" if found < size else "changed"
            raise DatasetError(f"{self.where(name)} is {state} ({found} of {size} bytes); upload it again")
        try:
            opened = h5py.File(file, "r", rdcc_nbytes=0)
            guard_file(opened)
            return opened
        except DatasetError:
            raise
        except Exception as error:  # what the protocol raised passes through HDF5
            raise DatasetError(
                f"{self.where(name)} is truncated or not an HDF5 file ({reason(error)}); upload it again"
            ) from error

    def _connect(self, name: str) -> tuple[Any, str]:
        if self._pid != os.getpid():
            self._fs, self._root = filesystem(self.url)
            self._pid = os.getpid()
        return self._fs, f"{self._root.rstrip('/')}/{name}"

    def _error(self, name: str, error: Exception) -> DatasetError:
        if isinstance(error, FileNotFoundError):
            return DatasetError(f"{self.where(name)} is not there; check the URL, or upload the dataset again")
        return DatasetError(f"{self.where(name)} cannot be read ({type(error).__name__}: {reason(error)}); try again")


def filesystem(url: str) -> tuple[Any, str]:
    """Return fsspec's file system for a URL, and the path in it.

    Raises:
        DatasetError: fsspec, or what it needs for the URL, is not installed.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise DatasetError(f"{url} needs fsspec: pip install 'graspgen[remote]'") from error
    extra = "s3" if url.startswith(("s3:", "s3a:")) else "remote"
    try:
        return url_to_fs(url)
    except ImportError as error:  # fsspec names the package that the protocol needs
        raise DatasetError(f"{url} needs another package ({reason(error)}): pip install 'graspgen[{extra}]'") from error
    except ValueError as error:
        raise DatasetError(f"{url} cannot be opened: {reason(error)}") from error
