import numpy as np
import pytest

from graspgen.looks.colour import encoded, linear, planckian_xy, temperature_rgb

# CIE 1931 colour matching functions, the fit of Wyman, Sloan and Shirley (JCGT 2013), and Planck's law: another way.
LOBES = {
    "x": [(1.056, 599.8, 37.9, 31.0), (0.362, 442.0, 16.0, 26.7), (-0.065, 501.1, 20.4, 26.2)],
    "y": [(0.821, 568.8, 46.9, 40.5), (0.286, 530.9, 16.3, 31.1)],
    "z": [(1.217, 437.0, 11.8, 36.0), (0.681, 459.0, 26.0, 13.8)],
}


def chromaticity(kelvin: float) -> tuple[float, float]:
    wave = np.arange(360.0, 831.0)
    power = wave**-5.0 / np.expm1(1.438776877e7 / (wave * kelvin))
    X, Y, Z = (
        sum(a * np.exp(-0.5 * ((wave - m) / np.where(wave < m, s, t)) ** 2) for a, m, s, t in lobes) @ power
        for lobes in LOBES.values()
    )
    return X / (X + Y + Z), Y / (X + Y + Z)


@pytest.mark.parametrize("kelvin", [1700, 2000, 2500, 3000, 4000, 5000, 6500, 8000, 10000, 20000])
def test_temperatures_follow_plancks_law(kelvin: float) -> None:
    assert planckian_xy(kelvin) == pytest.approx(chromaticity(kelvin), abs=0.004)


def test_illuminant_a_is_a_black_body_of_2856_kelvin() -> None:
    assert planckian_xy(2856) == pytest.approx((0.44757, 0.40745), abs=0.0006)  # CIE 15


# Mitchell Charity's table of black bodies (2°, sRGB), as it is copied everywhere.
@pytest.mark.parametrize(
    ("kelvin", "known"),
    [(2000, "ff8912"), (3000, "ffb46b"), (4000, "ffd1a3"), (5000, "ffe4ce"), (8000, "e3e9ff"), (10000, "ccdbff")],
)
def test_temperatures_look_as_the_known_table_says(kelvin: float, known: str) -> None:
    want = [int(known[i : i + 2], 16) for i in (0, 2, 4)]
    assert np.abs(255 * np.array(temperature_rgb(kelvin)) - want).max() <= 8


def test_the_largest_channel_is_one_and_warm_is_red() -> None:
    for kelvin in (1700, 3000, 6500, 12000, 25000):
        rgb = temperature_rgb(kelvin)
        assert max(rgb) == pytest.approx(1) and min(rgb) >= 0
        assert (rgb[0] > rgb[2]) == (kelvin < 6600)


def test_temperatures_beyond_the_formula_are_refused() -> None:
    with pytest.raises(ValueError, match="1667"):
        planckian_xy(1000)


def test_srgb_there_and_back() -> None:
    v = np.linspace(0, 1, 256)
    assert encoded(linear(v)) == pytest.approx(v, abs=1e-6)
    assert float(linear(0.5)) == pytest.approx(0.2140, abs=1e-4)
