"""tf.data of sources."""

from __future__ import annotations

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed: pip install 'graspgen[tf]'")

from graspgen.loaders import GraspRectangles, LoaderError, RGBDViews  # noqa: E402
from graspgen.loaders.tf_data import to_tf_data  # noqa: E402


def test_elements_are_the_samples_and_every_pass_is_another_epoch(boxes_path):
    source = GraspRectangles(boxes_path, max_tilt_deg=90)
    table = to_tf_data(source)
    passes = [list(table.as_numpy_iterator()) for _ in range(2)]
    orders = [[int(e["view"]) for e in p] for p in passes]
    assert orders[0] != orders[1] and all(sorted(o) == list(range(8)) for o in orders)
    assert len(table) == 8
    for element in passes[0]:
        for name, value in source[int(element["view"])].items():
            assert np.array_equal(element[name], value), name


def test_ragged_grasps_are_batched_as_ragged_tensors(boxes_path):
    source = GraspRectangles(boxes_path, max_tilt_deg=90)
    batch = next(iter(to_tf_data(source, shuffle=False).ragged_batch(4)))
    assert batch["rectangles"].row_lengths().numpy().tolist() == [len(source[i]["good"]) for i in range(4)]


def test_an_empty_source_is_refused(boxes_path):
    with pytest.raises(LoaderError, match="empty"):
        to_tf_data(RGBDViews(boxes_path, views=[]))
