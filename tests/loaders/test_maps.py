"""Maps of planar grasps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graspgen.loaders import Crop, Flip, LoaderError, PlanarGraspMaps, Rotate
from graspgen.loaders.maps import best_rectangles, draw_maps
from graspgen.loaders.warp import half_turn


def test_the_middle_third_of_a_rectangle_is_a_grasp():
    found = draw_maps([[50, 40, 0, 30, 12]], (80, 100))
    rows, columns = np.nonzero(found["quality"])
    assert (columns.min(), columns.max() + 1, rows.min(), rows.max() + 1) == (45, 55, 34, 46)
    assert found["quality"].sum() == 10 * 12
    assert set(np.unique(found["width"])) == {0, 30} and (found["cos2"][found["quality"] > 0] == 1).all()


@given(st.floats(20, 80), st.floats(20, 60), st.floats(-np.pi / 2, np.pi / 2), st.floats(9, 40), st.floats(4, 20))
@settings(max_examples=50, deadline=None)
def test_the_grasp_that_maps_tell_of_is_the_one_they_were_drawn_from(x, y, angle, width, jaw):
    found = draw_maps([[x, y, angle, width, jaw]], (80, 100))
    best = best_rectangles(**found, jaw=jaw)[0]
    assert half_turn(best[2] - angle) == pytest.approx(0, abs=1e-3)
    assert best[3] == pytest.approx(width, rel=1e-6) and best[4] == jaw
    c, s = np.cos(angle), np.sin(angle)
    along, across = c * (best[0] - x) + s * (best[1] - y), c * (best[1] - y) - s * (best[0] - x)
    assert abs(along) <= width / 6 + 1e-9 and abs(across) <= jaw / 2 + 1e-9
    assert found["quality"].sum() == pytest.approx(width / 3 * jaw, rel=0.5)


def test_several_guesses_are_apart_and_end_with_the_quality():
    found = draw_maps([[20, 20, 0, 30, 10], [70, 50, 1.0, 30, 10]], (80, 100))
    best = best_rectangles(**found, count=50, jaw=60)
    assert len(best) == 2 and abs(best[0, 0] - best[1, 0]) > 30
    assert not len(best_rectangles(*np.zeros((4, 8, 8))))


def test_a_rectangle_beyond_the_image_draws_what_is_inside():
    assert draw_maps([[0, 0, 0, 30, 20]], (40, 40))["quality"].sum() == 5 * 10
    assert not draw_maps([[-50, 0, 0, 30, 20]], (40, 40))["quality"].any()


def test_maps_are_those_of_the_good_rectangles_of_the_sample(boxes):
    source = PlanarGraspMaps(
        boxes, max_tilt_deg=90, images=("rgb",), augment=[Flip(), Rotate(30), Crop(40, 30, (0.9, 1.0))], seed=2
    )
    some = False
    for sample in source:
        assert sample["quality"].shape == sample["rgb"].shape[:2] == (30, 40)
        again = draw_maps(sample["rectangles"][sample["good"]], (30, 40))
        assert all((again[name] == sample[name]).all() for name in again)
        some |= bool(sample["quality"].any())
    assert some


def test_maps_need_an_image_to_be_as_large_as(boxes):
    with pytest.raises(LoaderError, match="size of an image"):
        PlanarGraspMaps(boxes, images=())[0]
