"""Colour as JPEG: without chroma subsampling, baseline, and never believed before its header was looked at.

A row of a column that is stored so is the file of one image, then zeros, `row_bytes` in all, so that every HDF5 reads
it as an array of bytes. As a chunk the file is stored and the zeros are deflated, which costs a copy.
"""

from __future__ import annotations

import io
import zlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

#: The encoding, as columns and `content_hash` name it.
JPEG = "jpeg"
_START, _END = b"\xff\xd8", b"\xff\xd9"
#: What a JPEG of the smallest image takes, and more, bytes.
_HEADER = 4096
_PIECE = 1 << 16
#: Up to this quality no image takes more than it has bytes; above, two times that (noise of full contrast: 1.6).
_MODERATE = 95
#: Markers of frames: baseline and extended are read, progressive and all others are not.
_FRAMES = {0xC0 + i for i in range(16)} - {0xC4, 0xC8, 0xCC}
_READ = {0xC0, 0xC1}


def row_bytes(shape: tuple[int, ...], quality: int) -> int:
    """Return how many bytes the row of an image of `shape`, (H, W, 3), has in a column of that quality."""
    return int(np.prod(shape)) * (1 if quality <= _MODERATE else 2) + _HEADER


def encode(image: NDArray[np.uint8], quality: int) -> bytes:
    """Return an (H, W, 3) sRGB image as JPEG."""
    from PIL import Image  # half of the time that opening a dataset takes

    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", quality=quality, subsampling=0)
    return out.getvalue()


def decode(data: bytes, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the (H, W, 3) image of a JPEG.

    Args:
        data: the file; zeros may follow it.
        shape: that the image must have.

    Raises:
        ValueError: it is no baseline colour JPEG, truncated, damaged, or of another size.
    """
    from PIL import Image

    data = trimmed(data)
    found = frame_shape(data)
    if found != tuple(shape):
        raise ValueError(f"a JPEG of {_sides(found)}, expected {_sides(shape)}")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            if image.mode != "RGB":
                raise ValueError(f"a JPEG of mode {image.mode}, expected RGB")
            return np.array(image)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"a damaged JPEG ({error})") from error


def _sides(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def trimmed(row: bytes) -> bytes:
    """Return the file in a row, without the zeros behind it.

    Raises:
        ValueError: it is no JPEG, or its end is missing.
    """
    data = bytes(row).rstrip(b"\0")
    if not data.startswith(_START):
        raise ValueError("no JPEG")
    if not data.endswith(_END):
        raise ValueError("a truncated JPEG")
    return data


def frame_shape(data: bytes) -> tuple[int, int, int]:
    """Return (H, W, channels) that the header of a JPEG states, without decoding it.

    Raises:
        ValueError: it has none, or is progressive: many scans over one image can take any time.
    """
    place = 2
    while place + 9 < len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker in _FRAMES:
            if marker not in _READ:
                raise ValueError(f"a JPEG of a kind that is not read (marker {marker:#x}), expected a baseline one")
            height, width = (int.from_bytes(data[place + n : place + n + 2], "big") for n in (5, 7))
            return height, width, data[place + 9]
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    raise ValueError("a JPEG without a header")


def head(packed: bytes) -> bytes:
    """Return the file at the beginning of a deflated row, b"" where its end is not found in as many bytes.

    Raises:
        ValueError: the stream is damaged.
    """
    try:
        data = zlib.decompressobj().decompress(packed, len(packed))
    except zlib.error as error:
        raise ValueError(f"a damaged deflate stream ({error})") from error
    file = data.rstrip(b"\0")
    return file if len(file) < len(data) and file.endswith(_END) else b""


def to_chunk(data: bytes, row: int) -> bytes:
    """Return the deflated chunk of a row: the file stored as it is, `row` − its length zeros behind it deflated.

    Raises:
        ValueError: the file is longer than the row.
    """
    zeros = row - len(data)
    if zeros < 0:
        raise ValueError(f"a JPEG of {len(data)} bytes does not fit into a row of {row}")
    stored = zlib.compressobj(0, zlib.DEFLATED, -15)
    # Raw deflate streams, of which only the last ends, are one; the frame around them is zlib's.
    body = stored.compress(data) + stored.flush(zlib.Z_FULL_FLUSH)
    body += _zeros(_PIECE) * (zeros // _PIECE) + _zeros(zeros % _PIECE, last=True)
    # Adler-32 is two sums (RFC 1950, 9); a zero adds nothing to the first, and the first to the second.
    adler = zlib.adler32(data)
    first, second = adler & 0xFFFF, ((adler >> 16) + zeros * (adler & 0xFFFF)) % 65521
    return b"\x78\x01" + body + (second << 16 | first).to_bytes(4, "big")


@lru_cache(maxsize=8)
def _zeros(count: int, *, last: bool = False) -> bytes:
    """Return zeros as raw deflate that can be followed by more, or ends the stream."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(bytes(count)) + stream.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)
