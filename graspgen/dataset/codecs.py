"""How images are compressed in HDF5: which filters, what they need, and what is looked at before HDF5 unpacks them.

gzip is part of HDF5. zstd and blosc2 are filters of the package hdf5plugin, which registers them when it is
imported: nothing is ever loaded from a plugin folder that a file or the environment could name. h5py's own lzf is not
read: a truncated stream of it gives an image whose rest is whatever was in memory.
"""

from __future__ import annotations

import itertools
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from graspgen.errors import DatasetError

GZIP_LEVEL = 1
_NUMBER = itertools.count()
#: A chunk of blosc2 unpacks to at most this many times an image and this many bytes.
_FILLED, _BLOCK = 4, 1 << 16


class MissingCodec(DatasetError):
    """A dataset is sound, but what unpacks its images is not installed."""


@dataclass(frozen=True)
class Codec:
    """A way to compress images.

    Attributes:
        filter: HDF5's number of it.
        expansion: most bytes that one compressed byte can become.
        plugin: it is a filter of hdf5plugin's.
    """

    filter: int
    expansion: int
    plugin: bool = False


#: zstd repeats a byte 128 KiB times for four; blosc2 says of a whole chunk in some 100 bytes that it is all zeros.
CODECS: dict[str, Codec] = {
    "gzip": Codec(h5py.h5z.FILTER_DEFLATE, 1032),
    "zstd": Codec(32015, 1 << 15, plugin=True),
    "blosc2": Codec(32026, 1 << 17, plugin=True),
}
_BY_FILTER = {codec.filter: name for name, codec in CODECS.items()}


@cache
def libdeflate() -> ModuleType | None:
    """Return the package deflate, which packs and unpacks what zlib does in a third of the time; None without it."""
    try:
        import deflate
    except ImportError:
        return None
    return deflate


@cache
def plugins() -> ModuleType | None:
    """Return hdf5plugin, which registers its filters as it is imported; None where it is not installed."""
    try:
        import hdf5plugin
    except ImportError:
        return None
    return hdf5plugin


def need(name: str, where: str) -> None:
    """Refuse a codec that does not work here.

    Args:
        name: of the codec.
        where: what needs it, for the message.

    Raises:
        MissingCodec: hdf5plugin is not installed.
    """
    if CODECS[name].plugin and plugins() is None:
        raise MissingCodec(
            f"{where} needs the codec {name} of the package hdf5plugin, which is not installed; "
            "pip install 'graspgen[codecs]'"
        )


def need_stored(recipe: Mapping[str, Any], where: str) -> None:
    """Refuse a dataset whose resolved recipe says that images went through a codec that does not work here.

    Raises:
        MissingCodec: hdf5plugin is not installed.
    """
    name = storage_of(recipe).get("codec")
    if isinstance(name, str) and name in CODECS:
        need(name, where)


def storage_of(recipe: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a resolved recipe says of storage; nothing where it is from before that, or damaged."""
    said = recipe.get("storage", {})
    return said if isinstance(said, Mapping) else {}


def codec_of_filter(number: int) -> str | None:
    """Return the name of the codec that HDF5 knows by a number, None for none."""
    return _BY_FILTER.get(number)


def codec_of(dataset: h5py.Dataset) -> str | None:
    """Return the name of the codec of a dataset, None where it has none."""
    plist = dataset.id.get_create_plist()
    numbers = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
    return next((_BY_FILTER[number] for number in numbers if number in _BY_FILTER), None)


def creation(name: str, dtype: np.dtype[Any]) -> Mapping[str, Any]:
    """Return the arguments of `create_dataset` for a codec.

    Shuffling the bytes halves depth and does nothing for one-byte pixels; blosc2 has a shuffle of its own.
    """
    need(name, "the dataset")
    shuffle = dtype.itemsize > 1
    if name == "gzip":
        return {"compression": "gzip", "compression_opts": GZIP_LEVEL, "shuffle": shuffle}
    library = plugins()
    assert library is not None
    if name == "zstd":
        return {**library.Zstd(clevel=3), "shuffle": shuffle}
    own = library.Blosc2.SHUFFLE if shuffle else library.Blosc2.NOFILTER
    return dict(library.Blosc2(cname="zstd", clevel=1, filters=own))


@contextmanager
def one_image(name: str, dtype: np.dtype[Any], shape: Sequence[int]) -> Iterator[h5py.Dataset]:
    """Give a dataset of one image of `shape` in memory, as a shard would hold it: HDF5 does the work of its filters."""
    file_name = f"graspgen-{os.getpid()}-{next(_NUMBER)}"
    whole = (1, *shape)
    with h5py.File(file_name, "w", driver="core", backing_store=False, rdcc_nbytes=0) as file:
        yield file.create_dataset("image", shape=whole, chunks=whole, dtype=dtype, **creation(name, dtype))


def compress(values: NDArray[Any], name: str) -> list[bytes]:
    """Return the chunk of each of (n, …) images, as HDF5 reads it."""
    if name == "gzip":
        return [_deflated(image) for image in values]
    with one_image(name, values.dtype, values.shape[1:]) as dataset:
        place = (0,) * values.ndim
        chunks = []
        for image in values:
            dataset[0] = image
            skipped, data = dataset.id.read_direct_chunk(place)
            if skipped:
                raise MissingCodec(f"the codec {name} of hdf5plugin does not work here; install that package again")
            chunks.append(bytes(data))
    return chunks


def decompress(chunks: Sequence[bytes], dtype: np.dtype[Any], shape: Sequence[int], name: str) -> NDArray[Any]:
    """Return the (n, …) images whose chunks these are.

    Raises:
        ValueError: a chunk is damaged.
    """
    out = np.empty((len(chunks), *shape), dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    if name == "gzip":
        for row, chunk in enumerate(chunks):
            out[row] = _inflated(chunk, dtype, size).reshape(shape)
        return out
    with one_image(name, dtype, shape) as dataset:
        place = (0,) * out.ndim
        for row, chunk in enumerate(chunks):
            look(name, chunk, size)
            try:
                dataset.id.write_direct_chunk(place, chunk)
                out[row] = dataset[0]
            except (OSError, RuntimeError) as error:
                raise ValueError(f"a damaged image ({error})") from error
    return out


def _deflated(image: NDArray[Any]) -> bytes:
    """Shuffle an image where an item has several bytes, then deflate it, by libdeflate where it is installed.

    libdeflate makes other bytes than zlib, smaller ones in half of the time, of the same content.
    """
    data = np.ascontiguousarray(image)
    if data.dtype.itemsize > 1:
        data = np.ascontiguousarray(data.reshape(-1).view(np.uint8).reshape(-1, data.dtype.itemsize).T)
    library = libdeflate()
    return zlib.compress(data, GZIP_LEVEL) if library is None else bytes(library.zlib_compress(data, GZIP_LEVEL))


def _inflated(chunk: bytes, dtype: np.dtype[Any], size: int) -> NDArray[Any]:
    library = libdeflate()
    damaged = zlib.error if library is None else library.DeflateError
    try:
        if library is None:
            data = np.frombuffer(zlib.decompressobj().decompress(chunk, size + 1), np.uint8)
        else:
            data = np.frombuffer(library.zlib_decompress(chunk, size), np.uint8)
    except damaged as error:
        raise ValueError(f"a damaged image ({error})") from error
    if len(data) != size:
        raise ValueError(f"an image of {size} bytes unpacks to {'more' if len(data) > size else len(data)}")
    if dtype.itemsize > 1:
        data = np.ascontiguousarray(data.reshape(dtype.itemsize, -1).T)
    return data.reshape(-1).view(dtype)


def same_filters(dataset: h5py.Dataset, name: str) -> bool:
    """Whether a dataset's chunks are compressed as graspgen compresses images with a codec."""
    with one_image(name, dataset.dtype.newbyteorder("<"), dataset.shape[1:]) as mine:
        return dataset.chunks == mine.chunks and _filters(dataset) == _filters(mine)


def _filters(dataset: h5py.Dataset) -> list[tuple[int, tuple[int, ...]]]:
    plist = dataset.id.get_create_plist()
    found = (plist.get_filter(i) for i in range(plist.get_nfilters()))
    return [(number, values) for number, _, values, _ in found]


def look(name: str, chunk: bytes, size: int) -> None:
    """Refuse a chunk that says itself that it becomes more or less than an image; deflate does not say.

    Raises:
        ValueError: it does.
    """
    if name == "zstd":
        said = _zstd_size(chunk)
    elif name == "blosc2":
        # A frame of blosc2: magic, length of the file from byte 16, of what it unpacks to from byte 30, big endian.
        whole = chunk[2:10] == b"b2frame\0" and int.from_bytes(chunk[16:24], "big") == len(chunk)
        said = int.from_bytes(chunk[30:38], "big") if whole else -1
    else:
        return
    # blosc2 fills chunks up to whole blocks.
    if not size <= said <= (_FILLED * size + _BLOCK if name == "blosc2" else size):
        raise ValueError(f"an image of {size} bytes, whose {name} stream says {'nothing of it' if said < 0 else said}")


def _zstd_size(chunk: bytes) -> int:
    """Return the content size in the header of a zstd frame (RFC 8878, 3.1.1.1), −1 where there is none."""
    if chunk[:4] != b"\x28\xb5\x2f\xfd" or len(chunk) < 9:
        return -1
    flag, single = chunk[4] >> 6, chunk[4] >> 5 & 1
    count = (1 if single else 0, 2, 4, 8)[flag]
    start = 5 + (0 if single else 1) + (0, 1, 2, 4)[chunk[4] & 3]
    value = int.from_bytes(chunk[start : start + count], "little")
    return value + 256 if flag == 1 else value if count else -1
