"""Guard of compressed chunks: none may unpack to more than its size.

The streams of zstd and blosc2 say what they become, and never become more.
HDF5 unpacks a deflate stream to its end, however long that is, before it looks at the size that the chunk should have:
a stream of ten megabytes can fill ten gigabytes. A stream of `UNSEEN` bytes unpacks to at most 2 GiB; longer ones are
unpacked here first, a piece at a time, which costs as much again as reading them (images of a few megapixels).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import product

import h5py

from graspgen.dataset.codecs import CODECS, codec_of, look

#: Longest compressed chunk that HDF5 is given unseen, bytes. Deflate makes at most 1032 bytes of one.
UNSEEN = 1 << 21
_PIECE = 1 << 20


def guard_chunks(dataset: h5py.Dataset, row: int | None = None) -> None:
    """Refuse a dataset, or the chunks that hold one of its rows, if one unpacks to more than its size.

    Args:
        dataset: in chunks.
        row: of an image; None for all chunks.

    Raises:
        ValueError: one does, or is no deflate stream.
    """
    codec = codec_of(dataset)
    if not dataset.chunks or codec is None:
        return
    unseen = -1 if CODECS[codec].plugin else UNSEEN
    for offset in _offsets(dataset, row):
        stored = dataset.id.get_chunk_info_by_coord(offset)
        if stored.size is None or stored.size <= unseen:
            continue
        skipped, packed = dataset.id.read_direct_chunk(offset)
        if skipped:  # some filter was not applied to this chunk: gzip, zstd and blosc2 are always
            raise ValueError("a long chunk without its filters")
        size = dataset.dtype.itemsize
        for side in dataset.chunks:
            size *= side
        if CODECS[codec].plugin:
            look(codec, packed, size)
        else:
            _unpack(packed, size)


def _offsets(dataset: h5py.Dataset, row: int | None) -> Iterator[tuple[int, ...]]:
    sides, chunk = dataset.shape, dataset.chunks
    first = range(0, sides[0], chunk[0]) if row is None else (row - row % chunk[0],)
    return product(first, *(range(0, n, c) for n, c in zip(sides[1:], chunk[1:], strict=True)))


def _unpack(packed: bytes, size: int) -> None:
    stream, left, seen = zlib.decompressobj(), packed, 0
    try:
        while not stream.eof:
            piece = stream.decompress(left, _PIECE)
            left, seen = stream.unconsumed_tail, seen + len(piece)
            if seen > size or (not piece and not left):
                break
    except zlib.error as error:
        raise ValueError(f"a damaged deflate stream, {error}") from error
    if seen != size:
        raise ValueError(f"a chunk of {size} bytes unpacks to {'more' if seen > size else seen}")
