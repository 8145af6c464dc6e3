"""Whatever compresses images, they come out the same, and nothing of it is believed before it was looked at."""

from __future__ import annotations

import zlib

import h5py
import numpy as np
import pytest
from dataset_builder import make_record
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_datasets import make_stored

import graspgen
from graspgen.dataset import codecs
from graspgen.dataset.check import check
from graspgen.dataset.codecs import CODECS, MissingCodec, compress, decompress
from graspgen.dataset.hashes import content_hash
from graspgen.dataset.manifest import load_manifest
from graspgen.dataset.merge import merge, split
from graspgen.dataset.verify import verify
from graspgen.errors import DatasetError
from graspgen.loaders import RGBDViews

needs_plugins = pytest.mark.skipif(codecs.plugins() is None, reason="hdf5plugin is not installed")
NAMES = [pytest.param(n, marks=needs_plugins if CODECS[n].plugin else ()) for n in CODECS]
PLUGINS = [pytest.param(n, marks=needs_plugins) for n in CODECS if CODECS[n].plugin]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None)
@given(
    shape=st.tuples(st.integers(0, 3), st.integers(1, 40), st.integers(1, 40)),
    kind=st.sampled_from(["u1", "u2", "f4"]),
    noise=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_images_come_out_as_they_went_in(name, shape, kind, noise, seed):
    rng = np.random.default_rng(seed)
    values = (rng.integers(0, 255, shape) * noise).astype(kind)
    chunks = compress(values, name)
    np.testing.assert_array_equal(decompress(chunks, values.dtype, shape[1:], name), values)


@pytest.mark.parametrize("name", PLUGINS)
def test_a_dataset_has_the_same_content_under_every_codec(name, tmp_path):
    folder = make_stored(tmp_path / name, codec=name)
    manifest = load_manifest(folder)
    assert manifest.hashes == {scene: content_hash(make_record(scene)) for scene in range(2)}
    assert check(folder) == []
    assert verify(folder, content=True).problems == ()
    with graspgen.open(folder) as dataset:
        for table in ("views", "frame_views", "step_views"):
            for column in ("rgb", "depth", "instances"):
                stored = np.concatenate([make_record(scene).tables[table][column] for scene in range(2)])
                np.testing.assert_array_equal(dataset.tables[table][column][:], stored)
        assert (RGBDViews(dataset)[1]["rgb"] == dataset.rgb(1)).all()
    with h5py.File(folder / "dataset.h5", locking=False) as file:  # hdf5plugin was imported: plain h5py reads it too
        np.testing.assert_array_equal(file["views/rgb"][0], make_record(0).tables["views"]["rgb"][0])
    parts = split(folder, {tmp_path / "a": 0.5, tmp_path / "b": 0.5})
    again = merge(list(parts), tmp_path / "again")
    assert again.content_hash == manifest.content_hash
    assert verify(tmp_path / "again", content=True).problems == ()


@pytest.mark.parametrize("name", NAMES)
def test_large_images_come_out_as_they_went_in(name):
    """blosc2 fills them up to whole blocks."""
    values = np.random.default_rng(0).integers(0, 50, (1, 480, 640, 3)).astype(np.uint8)
    chunks = compress(values, name)
    np.testing.assert_array_equal(decompress(chunks, values.dtype, values.shape[1:], name), values)


@needs_plugins
def test_lossless_images_that_are_not_stored_as_the_recipe_says_are_named(tmp_path):
    folder = make_stored(tmp_path / "data")
    text = (folder / "dataset.json").read_text().replace('"storage": {}', '"storage": {"codec": "zstd"}')
    (folder / "dataset.json").write_text(text)
    assert any("storage.codec says zstd" in str(v) for v in check(folder))


@pytest.mark.parametrize("name", PLUGINS)
def test_without_the_package_one_line_says_what_is_needed(name, tmp_path, monkeypatch):
    folder = make_stored(tmp_path / "data", codec=name)
    monkeypatch.setattr(codecs, "plugins", lambda: None)
    needed = rf"needs the codec {name} of the package hdf5plugin.*pip install 'graspgen\[codecs\]'$"
    with graspgen.open(folder) as dataset:
        assert len(dataset.objects["mass"]) == 4  # tables need nothing
        with pytest.raises(MissingCodec, match=needed):
            dataset.rgb(0)
        with pytest.raises(MissingCodec, match=needed):
            RGBDViews(dataset)[0]
    for act in (
        lambda: check(folder),
        lambda: verify(folder, content=True),
        lambda: split(folder, {tmp_path / "a": 1.0}),
        lambda: merge([folder], tmp_path / "b"),
        lambda: make_stored(tmp_path / "new", codec=name),
    ):
        with pytest.raises(MissingCodec, match=needed):
            act()
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", PLUGINS)
def test_a_stream_that_says_it_becomes_more_is_refused_before_it_does(name, tmp_path):
    """A bomb: what is in the chunk is sound, and 64 MiB."""
    bomb = compress(np.zeros((1, 1 << 13, 1 << 13), np.uint8), name)[0]
    assert len(bomb) < 1 << 17
    folder = make_stored(tmp_path / "data", codec=name)
    with h5py.File(folder / "shards/shard-00000.h5", "r+") as file:
        file["views/instances"].id.write_direct_chunk((0, 0, 0), bomb)
    shard = folder / "shards/shard-00000.h5"
    with graspgen.open(shard) as dataset, pytest.raises(DatasetError, match=f"whose {name} stream says {1 << 26}"):
        dataset.instances(0)
    assert check(folder)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20, deadline=None)
@given(cut=st.integers(0, 60))
def test_truncated_chunks_are_errors(name, cut):
    values = np.arange(30 * 40, dtype=np.uint16).reshape(1, 30, 40)
    chunk = compress(values, name)[0][:cut]
    with pytest.raises(ValueError):
        decompress([chunk], values.dtype, values.shape[1:], name)


def test_packed_gzip_is_what_zlib_reads():
    values = np.random.default_rng(0).integers(0, 9, (2, 20, 30, 3)).astype(np.uint8)
    assert [zlib.decompress(chunk) for chunk in compress(values, "gzip")] == [v.tobytes() for v in values]
