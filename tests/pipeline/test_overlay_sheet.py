from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import graspgen
from graspgen.errors import DatasetError
from graspgen.labels.overlay import draw_gripper, draw_points
from graspgen.lens import project
from graspgen.pipeline.overlay_sheet import overlay_tiles, write_overlay
from graspgen.pipeline.run import generate
from graspgen.recipe import Recipe


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = Recipe(
        task="t",
        objects={"families": "mug", "pool": 5},
        scene={"objects": {"count": 2}},
        views={"width": 96, "height": 72, "per_scene": 2, "modalities": ["normals", "amodal_masks"]},
        grasps={"per_object": 1},
    )
    folder = tmp_path_factory.mktemp("overlay") / "data"
    generate(recipe, folder, 1, 1, 1, quiet=True)
    return folder


def test_every_label_and_layer_has_a_tile(made, tmp_path):
    with graspgen.open(made) as ds:
        tiles = overlay_tiles(ds, 0)
        assert len(tiles) == 9 and len(overlay_tiles(ds, 1)) == 8  # the last view has no flow
        assert all(t.shape == (3 * 72, 3 * 96, 3) and t.dtype == np.uint8 and t.any() for t in tiles.values())
    out = write_overlay(made, 0, tmp_path / "o.png", width=80)
    assert Image.open(out).size[0] > 4 * 80


def test_a_view_that_is_not_there_and_a_picture_that_cannot_be_written_are_errors(made, tmp_path):
    with pytest.raises(DatasetError, match="has no view 9; it has 2"):
        write_overlay(made, 9, tmp_path / "o.png")
    with pytest.raises(DatasetError, match="cannot write"):
        write_overlay(made, 0, tmp_path / "none" / "o.png")


def test_points_are_drawn_where_they_are_and_nan_is_not():
    image = draw_points(np.zeros((40, 60, 3), np.uint8), [[20.5, 10.5], [np.nan, 3]], (255, 0, 0), radius=1)
    rows, columns = np.nonzero(image[..., 0] == 255)
    assert rows.mean() == 10 and columns.mean() == 20


def test_a_gripper_is_drawn_through_the_lens():
    K, D = np.array([[100.0, 0, 80], [0, 100, 60], [0, 0, 1]]), (-0.3, 0.05, 0.0, 0.0, 0.0)
    T = np.eye(4)
    T[:3, 3] = [0.5, 0.0, 1.0]
    image = draw_gripper(np.zeros((120, 160, 3), np.uint8), K, T, 0.08, (255, 255, 255), distortion=D)
    tip = project(K, D, np.array([[0.5, 0.04, 1.0]]))[0].astype(int)
    assert image[tip[1] - 1 : tip[1] + 2, tip[0] - 1 : tip[0] + 2].any()
