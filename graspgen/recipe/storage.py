"""What a recipe says about how images lie in the shards."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from graspgen.recipe.section import Section


class Storage(Section):
    """How images are stored. Readers, loaders and exporters give the same arrays whatever is said here.

    What they cost and give is measured in docs/storage.md.
    """

    colour: Literal["lossless", "jpeg"] = "lossless"
    """`lossless` keeps every pixel; `jpeg` keeps colour as JPEG without chroma subsampling, in about a fifth of the
    bytes. Labels never depend on it: depth, ids and layers are lossless, and what a sensor or an edge case is told by
    colour is told by the colour that is stored."""
    jpeg_quality: Annotated[int, Field(ge=50, le=100)] = 95
    """Quality of JPEG colour as libjpeg counts it, 50 … 100."""
    codec: Literal["gzip", "zstd", "blosc2"] = "gzip"
    """Compression of everything that is not JPEG. `gzip` is read by every HDF5; `zstd` and
    `blosc2` need the package hdf5plugin (`pip install 'graspgen[codecs]'`) where the
    dataset is written and wherever it is read."""

    @property
    def quality(self) -> int | None:
        """Of JPEG colour; None for lossless colour."""
        return self.jpeg_quality if self.colour == "jpeg" else None
