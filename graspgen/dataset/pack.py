"""A finished scene, packed: images compressed as the shard will hold them, everything else as it is.

Packing is the expensive part of writing, and a pure function of the scene, so the process that made the scene does it;
a packed scene can wait on the disk for the rest of its shard, or travel to whoever writes that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset import codecs, jpeg
from graspgen.dataset.coded import CodedImages
from graspgen.dataset.hashes import content_hash
from graspgen.dataset.layout import own_partial_of, write_error
from graspgen.dataset.record import SceneRecord
from graspgen.dataset.schema import TABLES, present_columns

_MAGIC = b"graspgen scene 1\n"
_DIGEST = 32


@dataclass(frozen=True, eq=False)
class PackedImages:
    """Images of one column.

    Attributes:
        dtype: numpy's, of a pixel.
        shape: of one image.
        chunks: of each image, as HDF5 holds it.
        codec: that the chunks went through.
        row: bytes of a row where it is a JPEG and zeros, else 0.
    """

    dtype: str
    shape: tuple[int, ...]
    chunks: Sequence[bytes]
    codec: str = "gzip"
    row: int = 0


@dataclass(frozen=True, eq=False)
class PackedScene:
    """A scene that is ready to be written.

    Attributes:
        index: the scene's number.
        digest: its content hash.
        columns: table → column → values, for all columns but images.
        images: table → column → images; columns without any are not in it.
    """

    index: int
    digest: str
    columns: Mapping[str, Mapping[str, NDArray[Any]]]
    images: Mapping[str, Mapping[str, PackedImages]]

    def present(self, table: str) -> list[str]:
        """Return the table's columns that this scene has, in the schema's order."""
        return present_columns(table, {*self.columns[table], *self.images[table]})


def pack_scene(record: SceneRecord, codec: str = "gzip") -> PackedScene:
    """Pack a scene: compute its content hash and compress its images.

    Raises:
        MissingCodec: the codec needs a package that is not installed.
    """
    columns: dict[str, dict[str, NDArray[Any]]] = {}
    images: dict[str, dict[str, PackedImages]] = {}
    for table, spec in TABLES.items():
        columns[table], images[table] = {}, {}
        for name in present_columns(table, record.tables[table]):
            values = record.tables[table][name]
            if spec.columns[name].is_image:
                images[table][name] = pack_images(values, codec)
            else:
                columns[table][name] = values
    return PackedScene(record.index, content_hash(record), columns, images)


def pack_images(values: NDArray[Any] | CodedImages, codec: str = "gzip") -> PackedImages:
    """Compress (n, …) images, one chunk each; coded ones are stored as they are, and any HDF5 reads them."""
    if isinstance(values, CodedImages):
        chunks = [jpeg.to_chunk(file, values.row) for file in values.files]
        return PackedImages(values.dtype.str, values.shape[1:], chunks, row=values.row)
    dtype = values.dtype.newbyteorder("<")
    return PackedImages(dtype.str, values.shape[1:], codecs.compress(np.asarray(values, dtype), codec), codec)


def unpack_images(packed: PackedImages) -> NDArray[Any] | CodedImages:
    """Return the (n, …) images.

    Raises:
        ValueError: a chunk is damaged.
    """
    shape = (packed.row,) if packed.row else packed.shape
    values = codecs.decompress(packed.chunks, np.dtype(packed.dtype), shape, packed.codec)
    if packed.row:
        return CodedImages([jpeg.trimmed(row.tobytes()) for row in values], packed.shape, packed.row)
    return values


def to_bytes(scene: PackedScene) -> bytes:
    """Return a packed scene as bytes that end with their own SHA-256; `from_bytes` reads them. No pickle."""
    parts: list[bytes] = []
    columns: list[list[Any]] = []
    images: list[list[Any]] = []
    for table, found in scene.columns.items():
        for name, values in found.items():
            if TABLES[table].columns[name].is_text:
                data = json.dumps([str(text) for text in values], ensure_ascii=False).encode()
                columns.append([table, name, "text", len(values), len(data)])
            else:
                data = np.ascontiguousarray(values).tobytes()
                columns.append([table, name, values.dtype.str, values.shape, len(data)])
            parts.append(data)
    for table, pictures in scene.images.items():
        for name, packed in pictures.items():
            lengths = [len(chunk) for chunk in packed.chunks]
            images.append([table, name, packed.dtype, packed.shape, packed.codec, packed.row, lengths])
            parts.extend(packed.chunks)
    header = {"index": scene.index, "digest": scene.digest, "columns": columns, "images": images}
    text = json.dumps(header, separators=(",", ":")).encode()
    body = b"".join([_MAGIC, len(text).to_bytes(8, "little"), text, *parts])
    return body + hashlib.sha256(body).digest()


def from_bytes(data: bytes) -> PackedScene:
    """Return the packed scene that `to_bytes` made.

    Raises:
        ValueError: the bytes are not whole.
    """
    body, digest = memoryview(data)[:-_DIGEST], data[-_DIGEST:]
    if data[: len(_MAGIC)] != _MAGIC or hashlib.sha256(body).digest() != digest:
        raise ValueError("no whole packed scene")
    place = len(_MAGIC) + 8
    size = int.from_bytes(body[len(_MAGIC) : place], "little")
    header = json.loads(bytes(body[place : place + size]))
    place += size
    columns: dict[str, dict[str, NDArray[Any]]] = {table: {} for table in TABLES}
    images: dict[str, dict[str, PackedImages]] = {table: {} for table in TABLES}
    for table, name, dtype, shape, length in header["columns"]:
        piece = body[place : place + length]
        place += length
        if dtype == "text":
            values = np.empty(shape, object)
            values[:] = json.loads(bytes(piece))
        else:
            values = np.frombuffer(piece, np.dtype(dtype)).reshape(shape).copy()
        columns[table][name] = values
    for table, name, dtype, shape, codec, row, lengths in header["images"]:
        chunks = []
        for length in lengths:
            chunks.append(bytes(body[place : place + length]))
            place += length
        images[table][name] = PackedImages(dtype, tuple(shape), chunks, codec, row)
    return PackedScene(int(header["index"]), str(header["digest"]), columns, images)


def save_packed(path: Path, scene: PackedScene) -> None:
    """Store a packed scene; the file appears whole. Its folder is made where it is missing.

    Raises:
        DatasetError: the disk is full or the folder cannot be written.
    """
    # A process that was given up for dead may still be writing the same scene: each has its own partial file.
    partial = own_partial_of(path)
    try:
        path.parent.mkdir(exist_ok=True)
        partial.write_bytes(to_bytes(scene))
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise write_error(path, error) from error


def load_packed(path: Path) -> PackedScene | None:
    """Return a stored packed scene, None where there is none or it is damaged."""
    try:
        return from_bytes(path.read_bytes())
    except (OSError, ValueError, KeyError, TypeError):
        return None
