"""Hugging Face datasets of sources."""

from __future__ import annotations

import numpy as np
import pytest

datasets = pytest.importorskip("datasets", reason="datasets is not installed: pip install 'graspgen[hf]'")

from graspgen.loaders import GraspRectangles, LoaderError, ObjectPoses, RGBDViews  # noqa: E402
from graspgen.loaders.hf_data import to_huggingface  # noqa: E402


def check(row, sample):
    # Not in the format "numpy": it makes everything float32.
    for name, value in sample.items():
        assert np.array_equal(np.asarray(row[name]), value), name


@pytest.mark.parametrize("kind", [GraspRectangles, ObjectPoses])
def test_rows_are_the_samples(boxes_path, tmp_path, kind):
    options = {"max_tilt_deg": 90} if kind is GraspRectangles else {"size": 32}
    source = kind(boxes_path, **options)
    table = to_huggingface(source, cache_dir=str(tmp_path))
    assert len(table) == len(source)
    assert isinstance(table.features["rgb"], datasets.Image)
    for i in (0, 3):
        check(table[i], source[i])


def test_rows_stream_shard_by_shard_and_are_shared_among_workers(boxes_path):
    source = RGBDViews(boxes_path)
    table = to_huggingface(source, streaming=True)
    assert table.num_shards == 2
    rows = list(table)
    assert [int(row["view"]) for row in rows] == list(range(8))
    check(rows[6], source[6])


def test_an_empty_source_is_refused(boxes_path):
    with pytest.raises(LoaderError, match="empty"):
        to_huggingface(RGBDViews(boxes_path, views=[]))
