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


def test_blur_spreads_a_point_as_a_gaussian_does() -> None:
    point = np.zeros((41, 41, 3), np.uint8)
    point[16:25, 16:25] = 255  # a square's variance is (9² - 1) / 12, a blur's adds to it
    spread = graded(point, GradePlan(blur=2.0))[..., 0].astype(float)
    offset = np.arange(41) - 20
    variance = (spread.sum(0) * offset**2).sum() / spread.sum()
    assert variance == pytest.approx((81 - 1) / 12 + 4.0, rel=0.05)
    assert spread.sum() == pytest.approx(81 * 255, rel=0.02)


def test_motion_draws_a_point_into_a_line_of_its_length_and_direction() -> None:
    point = np.zeros((31, 41, 3), np.uint8)
    point[15, 20] = 255
    line = graded(point, GradePlan(motion=(8.0, 0.0)))[..., 0].astype(float)
    seen = np.flatnonzero(line[15] > 5)
    assert np.flatnonzero(line.sum(1) > 5).tolist() == [15] and line.sum() == pytest.approx(255, rel=0.1)
    assert seen.mean() == 20 and np.ptp(seen) == pytest.approx(8, abs=1)
    plain = np.full((20, 30, 3), 90, np.uint8)
    assert np.array_equal(graded(plain, GradePlan(motion=(3.0, -4.5))), plain)  # the border stays as it is


def test_noise_has_its_spread_at_the_middle_and_more_where_it_is_bright() -> None:
    grade = GradePlan(noise=4.0, noise_seed=3)
    dark, middle = (graded(np.full((200, 200, 3), v, np.uint8), grade).astype(float) for v in (20, 128))
    assert middle.mean() == pytest.approx(128, abs=0.1) and middle.std() == pytest.approx(4.0, rel=0.03)
    assert dark.std() == pytest.approx(4 * ((1 + 20 / 127.5) / 2) ** 0.5, rel=0.03)
    assert np.array_equal(graded(RGB, grade), graded(RGB, grade))
    assert not np.array_equal(graded(RGB, grade), graded(RGB, grade.model_copy(update={"noise_seed": 4})))


def test_compression_loses_more_at_a_lower_quality() -> None:
    picture = graded(np.full((64, 64, 3), 128, np.uint8), GradePlan(noise=20))
    losses = [np.abs(graded(picture, GradePlan(jpeg_quality=q)).astype(int) - picture).mean() for q in (95, 75, 30)]
    assert 0 < losses[0] < losses[1] < losses[2]


@settings(max_examples=25, deadline=None)
@given(
    st.floats(-1.5, 1.5), st.floats(-1, 1), st.floats(-1, 1), st.floats(0.5, 2), st.floats(0.5, 2),
)  # fmt: skip
def test_brighter_pixels_stay_brighter(exposure, temperature, tint, contrast, gamma) -> None:
    grey = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    grade = GradePlan(exposure=exposure, temperature=temperature, tint=tint, contrast=contrast, gamma=gamma)
    assert (np.diff(graded(grey, grade).astype(int), axis=1) >= 0).all()
