"""Images come out of their chunks the same by libdeflate as by HDF5, and damaged ones never come out."""

from __future__ import annotations

import zlib

import h5py
import numpy as np
import pytest

from graspgen.dataset import unpack
from graspgen.dataset.codecs import libdeflate
from graspgen.dataset.unpack import read_image

pytestmark = pytest.mark.skipif(libdeflate() is None, reason="libdeflate is not installed: pip install deflate")
SHAPE = (3, 17, 23)


@pytest.fixture
def file(tmp_path):
    with h5py.File(tmp_path / "images.h5", "w") as held:
        yield held


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "f4", "f8"])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("colours", [(), (3,)])
def test_it_is_what_hdf5_reads(file, dtype, shuffle, colours):
    values = np.random.default_rng(0).integers(0, 255, (*SHAPE, *colours)).astype(dtype) * 3
    images = file.create_dataset(
        "x", data=values, chunks=(1, *values.shape[1:]), compression="gzip", compression_opts=1, shuffle=shuffle
    )
    assert unpack._one_deflated_chunk(images)
    for row in range(len(values)):
        found = read_image(images, row)
        assert found.dtype == images.dtype and found.flags.writeable
        np.testing.assert_array_equal(found, images[row])
        np.testing.assert_array_equal(found, values[row])


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"chunks": (1, 17, 23)},
        {"chunks": (3, 17, 23), "compression": "gzip"},
        {"chunks": (1, 17, 5), "compression": "gzip"},
        {"chunks": (1, 17, 23), "compression": "lzf"},
        {"chunks": (1, 17, 23), "compression": "gzip", "fletcher32": True},
        {"chunks": (1, 17, 23), "compression": "gzip", "dtype": ">u2"},
    ],
)
def test_all_else_is_left_to_hdf5(file, stored):
    values = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    images = file.create_dataset("x", SHAPE, **{"dtype": "u2", **stored})
    images[...] = values
    assert not unpack._one_deflated_chunk(images)
    np.testing.assert_array_equal(read_image(images, 2), values[2])


def test_without_the_library_hdf5_reads(file, monkeypatch):
    monkeypatch.setattr(unpack, "libdeflate", lambda: None)
    values = np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)
    images = file.create_dataset("x", data=values, chunks=(1, 17, 23), compression="gzip", shuffle=True)
    np.testing.assert_array_equal(read_image(images, 1), values[1])


@pytest.mark.parametrize(
    "packed",
    [
        zlib.compress(bytes(17 * 23 + 1)),  # more than an image
        zlib.compress(bytes(17 * 23 - 1)),
        zlib.compress(bytes(17 * 23))[:-5],  # cut off
        zlib.compress(bytes(17 * 23))[:-1] + b"\xff",  # another checksum
        b"no deflate",
        bytes(10_000),  # longer than any packed image of this size
    ],
)
def test_a_damaged_chunk_is_an_error(file, packed):
    images = file.create_dataset("x", SHAPE, "u1", chunks=(1, 17, 23), compression="gzip")
    images.id.write_direct_chunk((0, 0, 0), packed)
    with pytest.raises((ValueError, OSError)):
        read_image(images, 0)


def test_a_chunk_that_was_never_written_is_what_hdf5_says_it_is(file):
    images = file.create_dataset("x", SHAPE, "u1", chunks=(1, 17, 23), compression="gzip", fillvalue=7)
    np.testing.assert_array_equal(read_image(images, 1), images[1])
