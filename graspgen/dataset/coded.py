"""Colour images that are kept as they were encoded, and columns of a file that hold such images.

What is encoded is the truth: its bytes are stored, hashed and compared, and whoever looks at an image gets what they
decode to. Such a column is (n, bytes) in the file where the schema says (n, H, W, 3); the sides are those of `depth`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from graspgen.dataset import jpeg
from graspgen.dataset.codecs import storage_of
from graspgen.dataset.guards import guarded
from graspgen.dataset.schema import Column


class CodedImages:
    """(n, H, W, 3) colour images as JPEG files; `images[i]` decodes one, `np.asarray(images)` all of them.

    Attributes:
        files: one JPEG for each image.
        shape: (n, H, W, 3).
        row: bytes of a row of the column that stores them, which their quality says (`jpeg.row_bytes`).
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, files: Sequence[bytes], size: tuple[int, ...], row: int) -> None:
        self.files = tuple(files)
        self.shape = (len(self.files), *size)
        self.row = row

    @classmethod
    def of(cls, images: Sequence[NDArray[np.uint8]], size: tuple[int, ...], quality: int) -> CodedImages:
        """Encode (H, W, 3) images of `size`."""
        return cls([jpeg.encode(i, quality) for i in images], size, jpeg.row_bytes(size, quality))

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: Any) -> Any:
        """Return image i decoded; of several, the coded images."""
        if isinstance(i, int | np.integer):
            return jpeg.decode(self.files[i], self.shape[1:])
        chosen = np.arange(len(self))[i]
        return CodedImages([self.files[k] for k in chosen.tolist()], self.shape[1:], self.row)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        pixels = np.stack(list(self)) if len(self) else np.zeros(self.shape, np.uint8)
        return pixels if dtype is None else pixels.astype(dtype)

    def digest(self) -> bytes:
        """Return the SHA-256 of what is stored: every length, then every file."""
        found = hashlib.sha256()
        for file in self.files:
            found.update(len(file).to_bytes(8, "little"))
            found.update(file)
        return found.digest()


def colour_images(images: Sequence[NDArray[np.uint8]], size: tuple[int, int], quality: int | None) -> Any:
    """Return images for a column of colour: (n, H, W, 3) pixels, or coded ones.

    Args:
        images: (H, W, 3) each, sRGB.
        size: height and width, px.
        quality: of the JPEG; None for lossless.
    """
    if quality is not None:
        return CodedImages.of(images, (*size, 3), quality)
    return np.stack(images) if len(images) else np.zeros((0, *size, 3), np.uint8)


def joined(parts: Sequence[Any]) -> Any:
    """Return the rows of several parts of one column, one after the other; parts without rows say nothing of it."""
    coded = [part for part in parts if isinstance(part, CodedImages) and len(part)]
    if not coded:
        return np.concatenate(parts)
    if len(coded) < sum(len(part) > 0 for part in parts):
        raise ValueError("some images of a column are coded and others are not")
    return CodedImages([f for part in coded for f in part.files], coded[0].shape[1:], coded[0].row)


def is_coded(dataset: h5py.Dataset, column: Column) -> bool:
    """Whether a column of a file holds coded images."""
    return column.is_colour and len(dataset.shape) == 2


def image_shape(dataset: h5py.Dataset, column: Column) -> tuple[int, ...]:
    """Return (H, W[, C]) of the images of a column of a file.

    Raises:
        DatasetError: they are coded, and the table has no depth that says their size.
    """
    if not is_coded(dataset, column):
        return dataset.shape[1:]
    return (*guarded(dataset.file, dataset.name.split("/")[1], "depth").shape[1:], 3)


def stored_quality(recipe: Mapping[str, Any]) -> int | None:
    """Return the quality of the JPEG colour that a resolved recipe asks for, None for lossless colour."""
    said = storage_of(recipe)
    return int(said.get("jpeg_quality", 95)) if said.get("colour") == jpeg.JPEG else None
