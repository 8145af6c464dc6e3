import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graspgen.render.tone import LONG, SHORT, graded, tone_curve, tone_tables, white_balance


def test_two_exposures_give_the_curve_within_two_steps() -> None:
    light = np.linspace(0, 0.98 * SHORT, 5000).reshape(50, 100, 1).repeat(3, -1)
    long, short = (np.rint(255 * np.minimum(light / full, 1)).astype(np.uint8) for full in (LONG, SHORT))
    stored = graded(long, short, tone_tables(0.0, 0.0, 0.0)).astype(int)
    assert np.abs(stored - 255 * tone_curve(light)).max() <= 2
    assert (np.diff(stored.reshape(-1, 3), axis=0) >= -1).all()


def test_the_curve_is_srgb_below_the_knee_and_never_clips_a_highlight() -> None:
    assert tone_curve(np.array([0.0, 0.2140])) == pytest.approx([0, 0.5], abs=1e-3)
    top = tone_curve(np.array([0.75, 1.0, 1.5, 2.0]))
    assert (np.diff(top) > 0).all() and top[-1] < 1


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_white_balance_keeps_luminance(temperature: float, tint: float) -> None:
    gains = white_balance(temperature, tint)
    assert gains @ [0.2126, 0.7152, 0.0722] == pytest.approx(1)
    assert (gains > 0).all()


def test_white_balance_and_exposure_turn_the_way_that_their_names_say() -> None:
    warm, magenta = white_balance(0.5, 0.0), white_balance(0.0, 0.5)
    assert warm[0] > warm[1] > warm[2]
    assert magenta[1] < magenta[0] and magenta[1] < magenta[2]
    assert (tone_tables(1.0, 0.0, 0.0) >= tone_tables(0.0, 0.0, 0.0)).all()
