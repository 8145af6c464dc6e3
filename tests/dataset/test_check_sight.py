"""What depth says about contacts: on flat ground to a millimetre, where things curve or end to a pixel's width."""

import numpy as np
import pytest

from graspgen.dataset.check_sight import expected


@pytest.mark.parametrize(("focal", "fits"), [(100.0, True), (1000.0, False)])
def test_what_is_a_pixel_thin_may_be_nearer_than_all_pixels_about_it_by_what_one_is_wide(
    focal: float, fits: bool
) -> None:
    depth = np.full((9, 9), 0.5)
    depth[4] = 0.49  # a pencil
    allowed, sure = expected(np.array([[0.0, 0.0, 0.487]]), np.array([[4.5, 4.5]]), depth, 0.02, focal)
    assert allowed[0].tolist() == [fits, False, False] and bool(sure[0]) is fits


def test_on_flat_ground_coarse_pixels_leave_no_more_room() -> None:
    allowed, _ = expected(np.array([[0.0, 0.0, 0.497]]), np.array([[4.5, 4.5]]), np.full((9, 9), 0.5), 0.02, 100.0)
    assert not allowed[0].any()
