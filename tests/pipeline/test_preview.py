from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from graspgen.errors import DatasetError
from graspgen.pipeline.preview import FAILS, HOLDS, best_and_worst, write_preview


def grasps(outcome, collision, clearance):
    return {
        "outcome": np.array(outcome, np.uint8),
        "collision": np.array(collision, np.uint8),
        "clearance": np.array(clearance, np.float32),
    }


def test_a_holding_grasp_without_collision_and_with_most_room_is_best():
    rows = grasps([0, 0, 0, 6, 1], [0, 0, 3, 0, 3], [0.01, 0.02, -0.01, 0.03, -0.02])
    assert best_and_worst(rows) == [1, 4]


def test_single_grasps_and_objects_without_any_are_no_trouble():
    assert best_and_worst(grasps([6], [0], [np.nan])) == [0]
    assert best_and_worst(grasps([], [], [])) == []


def test_the_preview_is_a_picture_of_a_size_to_send_around(tiny_dataset):
    path = write_preview(tiny_dataset)
    assert path == tiny_dataset / "preview.png"
    assert path.stat().st_size < 1_500_000
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert pixels.shape[1] > 800
    near = [np.abs(pixels - colour).max(axis=-1) < 60 for colour in (HOLDS, FAILS)]
    assert near[0].any()
    assert near[1].any()


def test_the_same_dataset_gives_the_same_picture(tiny_dataset):
    first = write_preview(tiny_dataset).read_bytes()
    assert write_preview(tiny_dataset).read_bytes() == first


def test_what_is_no_dataset_has_no_preview(tmp_path):
    with pytest.raises(DatasetError):
        write_preview(tmp_path)
