import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graspgen.looks.colour import encoded, linear
from graspgen.render.grade import graded
from graspgen.scene.plan import GradePlan

RAMP = np.stack(np.meshgrid(np.arange(0, 256, 5), np.arange(0, 256, 51)), -1).astype(np.uint8)
RGB = np.concatenate([RAMP, RAMP[..., :1] // 2 + 40], -1)


def test_a_neutral_grade_changes_nothing() -> None:
    assert graded(RGB, GradePlan()) is RGB


def test_a_stop_doubles_the_light() -> None:
    out = graded(RGB, GradePlan(exposure=1.0))
    want = 255 * encoded(np.minimum(2 * linear(RGB / 255), 1))
    assert np.abs(out - want).max() <= 0.51


def test_no_saturation_is_grey_and_keeps_grey() -> None:
    out = graded(RGB, GradePlan(saturation=0.0)).astype(int)
    assert np.ptp(out, axis=-1).max() <= 1
    grey = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    assert np.abs(graded(grey, GradePlan(saturation=0.4)).astype(int) - grey).max() <= 1


def test_contrast_and_gamma_keep_what_they_turn_about() -> None:
    middle = np.full((1, 1, 3), 128, np.uint8)
    assert graded(middle, GradePlan(contrast=1.5))[0, 0] == pytest.approx(128, abs=1)
    ends = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    assert np.array_equal(graded(ends, GradePlan(gamma=1.7)), ends)


def test_white_balance_goes_from_blue_to_red_and_from_green_to_magenta() -> None:
    grey = np.full((1, 1, 3), 120, np.uint8)
    (r, _, b), (r2, _, b2) = (graded(grey, GradePlan(temperature=t))[0, 0].astype(int) for t in (0.5, -0.5))
    assert r > r2 and b < b2
    assert graded(grey, GradePlan(tint=0.5))[0, 0, 1] < 120 < graded(grey, GradePlan(tint=-0.5))[0, 0, 1]


@settings(max_examples=25, deadline=None)
@given(
    st.floats(-1.5, 1.5), st.floats(-1, 1), st.floats(-1, 1), st.floats(0.5, 2), st.floats(0.5, 2),
)  # fmt: skip
def test_brighter_pixels_stay_brighter(exposure, temperature, tint, contrast, gamma) -> None:
    grey = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    grade = GradePlan(exposure=exposure, temperature=temperature, tint=tint, contrast=contrast, gamma=gamma)
    assert (np.diff(graded(grey, grade).astype(int), axis=1) >= 0).all()
