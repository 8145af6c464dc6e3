"""Read one image of a column, however it is stored, by libdeflate where it is installed (`pip install deflate`).

HDF5 inflates by zlib. libdeflate takes a third of its time for colour and an eighth for depth and ids, unpacks the same
bytes, and never more of them than an image has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from graspgen.dataset import jpeg
from graspgen.dataset.chunks import guard_chunks
from graspgen.dataset.codecs import libdeflate
from graspgen.dataset.coded import CodedImages, image_shape, is_coded
from graspgen.dataset.schema import Column


def read_image(dataset: h5py.Dataset, row: int, coded: tuple[int, ...] | None = None) -> NDArray[Any]:
    """Return image `row` of a column of images.

    Args:
        dataset: the column.
        row: of the image, from 0.
        coded: shape of the image where the column holds it as JPEG, else None.

    Raises:
        OSError, RuntimeError, ValueError: it is damaged.
    """
    return _read(dataset, row) if coded is None else jpeg.decode(_read_file(dataset, row), coded)


def read_images(dataset: h5py.Dataset, rows: Sequence[int], column: Column) -> Any:
    """Return images of a column as they are stored: an (n, H, W[, C]) array, or coded images.

    Raises:
        OSError, RuntimeError, ValueError: one is damaged.
    """
    if is_coded(dataset, column):
        files = [jpeg.trimmed(_read_file(dataset, row)) for row in rows]
        return CodedImages(files, image_shape(dataset, column), dataset.shape[1])
    return np.stack([_read(dataset, row) for row in rows]) if len(rows) else dataset[:0]


class ImageColumn:
    """A column of images of one file, decoded where it is coded: `column[i]` is image i as an (H, W[, C]) array.

    Attributes:
        shape: (n, H, W[, C]).
        attrs: of the column.
    """

    def __init__(self, dataset: h5py.Dataset, column: Column) -> None:
        size = image_shape(dataset, column)
        self._dataset, self._coded = dataset, size if is_coded(dataset, column) else None
        self.shape, self.attrs = (len(dataset), *size), dataset.attrs

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, row: int) -> NDArray[Any]:
        return read_image(self._dataset, int(row), self._coded)


def _read_file(dataset: h5py.Dataset, row: int) -> bytes:
    """Return the file in row `row` of a column of JPEG images, and maybe zeros behind it."""
    if _one_deflated_chunk(dataset):
        skipped, packed = dataset.id.read_direct_chunk((row, 0))
        # A JPEG does not deflate: it lies in as many bytes as the chunk has, and the zeros need not be made.
        head = b"" if skipped else jpeg.head(packed)
        if head:
            return head
    return _read(dataset, row).tobytes()


def _read(dataset: h5py.Dataset, row: int) -> NDArray[Any]:
    """Return row `row` of a column of images as the file holds it."""
    library = libdeflate()
    if library is None or not _one_deflated_chunk(dataset):
        guard_chunks(dataset, row)
        return dataset[row]
    shape, dtype = dataset.shape[1:], dataset.dtype
    size = int(np.prod(shape)) * dtype.itemsize
    offset = (row,) + (0,) * len(shape)
    stored = dataset.id.get_chunk_info_by_coord(offset)
    if stored.byte_offset is None:  # it was never written: HDF5 knows what that means
        return dataset[row]
    if stored.filter_mask or stored.size > 2 * size + 1024:
        raise ValueError(f"a chunk of {size} bytes that unpacks to more, or is no deflate stream")
    _, packed = dataset.id.read_direct_chunk(offset)
    try:
        values = np.frombuffer(library.zlib_decompress(packed, size), np.uint8)
    except library.DeflateError as error:
        raise ValueError(f"a chunk of {size} bytes that unpacks to more, or is damaged") from error
    if len(values) != size:
        raise ValueError(f"a chunk of {size} bytes unpacks to {len(values)}")
    return _unshuffled(values, dtype).reshape(shape) if dataset.shuffle else values.view(dtype).reshape(shape)


def _one_deflated_chunk(dataset: h5py.Dataset) -> bool:
    """Whether each image is one chunk that went through deflate, after shuffling or not, and nothing else."""
    return (
        dataset.chunks == (1, *dataset.shape[1:])
        and dataset.compression == "gzip"
        and not dataset.fletcher32
        and dataset.scaleoffset is None
        and dataset.dtype.kind in "iuf"
        and dataset.dtype.isnative
    )


def _unshuffled(values: NDArray[np.uint8], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Undo HDF5's shuffle: all first bytes of the numbers, then all second ones, and so on."""
    planes = values.reshape(dtype.itemsize, -1)
    if dtype.itemsize == 1:
        return values.view(dtype)
    if dtype.itemsize == 2 and np.little_endian:
        found = planes[1].astype(np.uint16)
        found <<= 8
        found |= planes[0]
        return found.view(dtype)
    return np.ascontiguousarray(planes.T).view(dtype).reshape(-1)
