"""NumPy files of others: what a header declares is checked before memory is given for it, and pickles are refused."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from graspgen.imports.foreign import GraspFileError, check_size


def read_npy(path: Path, most: int) -> NDArray[Any]:
    """Return the array of a .npy file of at most `most` bytes.

    Raises:
        GraspFileError: it is missing, larger, damaged, or holds no numbers.
    """
    check_size(path, most)
    try:
        with path.open("rb") as file:
            shape, dtype = _header(file, str(path))
            size = int(np.prod(shape, dtype=object)) * dtype.itemsize
            data = file.read()
    except OSError as error:
        raise GraspFileError(f"{path}: {error.strerror or error}") from error
    if size != len(data):
        raise GraspFileError(f"{path} is damaged: {len(data)} bytes where its header declares {size}")
    return np.frombuffer(data, dtype).reshape(shape)


class NpzFile:
    """A .npz whose arrays are read a row at a time.

    Raises:
        GraspFileError: it is missing or no archive.
    """

    def __init__(self, path: Path) -> None:
        check_size(path, 2**33)
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, ValueError) as error:
            raise GraspFileError(f"{path} is no .npz ({error})") from error

    def close(self) -> None:
        """Close the file."""
        self._archive.close()

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of an array."""
        with self._member(name) as member:
            return _header(member, f"{self.path}: {name}")[0]

    def rows(self, name: str, shape: tuple[int, ...]) -> Iterator[NDArray[Any]]:
        """Yield the rows of an array, all of which have `shape`.

        Raises:
            GraspFileError: it is missing, damaged or has another shape.
        """
        where = f"{self.path}: {name}"
        with self._member(name) as member:
            declared, dtype = _header(member, where)
            if declared[1:] != shape:
                raise GraspFileError(f"{where}: expected shape {('n', *shape)}, got {declared}".replace("'", ""))
            size = int(np.prod(shape, dtype=object)) * dtype.itemsize
            for _ in range(declared[0]):
                try:
                    data = member.read(size)
                except (OSError, zipfile.BadZipFile, EOFError, ValueError, RuntimeError) as error:
                    raise GraspFileError(f"{where} is damaged ({error})") from error
                except Exception as error:  # zlib.error is no subclass of anything above
                    raise GraspFileError(f"{where} is damaged ({type(error).__name__}: {error})") from error
                if len(data) != size:
                    raise GraspFileError(f"{where} is truncated")
                yield np.frombuffer(data, dtype).reshape(shape)

    def _member(self, name: str) -> IO[bytes]:
        try:
            return self._archive.open(f"{name}.npy")
        except KeyError:
            raise GraspFileError(f"{self.path} has no array `{name}`") from None
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError) as error:
            raise GraspFileError(f"{self.path}: {name} is damaged ({error})") from error


def _header(file: IO[bytes], where: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    try:
        version = npy_format.read_magic(file)
        if version == (1, 0):
            shape, fortran, dtype = npy_format.read_array_header_1_0(file)
        else:
            shape, fortran, dtype = npy_format.read_array_header_2_0(file)
    except Exception as error:  # its parser raises whatever a broken header leads to
        raise GraspFileError(f"{where} has no NumPy header ({str(error)[:80] or type(error).__name__})") from None
    if dtype.kind not in "iufb" or fortran or len(shape) < 1:
        raise GraspFileError(f"{where}: expected rows of numbers in C order, got {dtype} of shape {shape}")
    return shape, dtype
