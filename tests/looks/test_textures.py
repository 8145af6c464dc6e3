import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graspgen.looks import KINDS, PATTERNS
from graspgen.looks.textures import SEEDS, heights, normals, painted

BLACK, WHITE, RED = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (1.0, 0.0, 0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pattern_is_the_same_every_time_and_uses_both_colours(kind: str) -> None:
    image = painted(kind, 12345, (BLACK, WHITE), 128)
    assert image.shape == (128, 128, 3) and image.dtype == np.uint8
    assert np.array_equal(image, painted(kind, 12345, (BLACK, WHITE), 128))
    assert image.std() > 5 or kind == "flat"


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, PATTERNS - 1), *[st.tuples(*[st.floats(0, 1)] * 3)] * 2)
def test_every_pixel_lies_between_the_two_colours(kind, pattern, first, second) -> None:
    image = painted(kind, pattern, (first, second), 64).reshape(-1, 3) / 255
    low, high = np.minimum(first, second), np.maximum(first, second)
    assert (image >= low - 0.003).all() and (image <= high + 0.003).all()


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("checker", "stripes", "dots", "flat")])
def test_tiles_meet_without_a_seam(kind: str) -> None:
    # The step across the edge of a tile is as large as steps inside it, for every seed.
    for seed in range(SEEDS):
        h = heights(kind, seed, 128).astype(float)
        for axis in (0, 1):
            inner = np.abs(np.diff(h, axis=axis)).mean(axis=1 - axis)
            edge = np.abs(np.take(h, 0, axis) - np.take(h, -1, axis)).mean()
            assert edge <= 1.3 * inner.max() + 3


def test_different_numbers_give_different_patterns() -> None:
    for kind in set(KINDS) - {"flat"}:
        made = {heights(kind, n, 64).tobytes() for n in range(0, PATTERNS, PATTERNS // 40)}
        assert len(made) >= 16


def test_a_checker_of_two_colours_is_half_and_half() -> None:
    image = painted("checker", 0, (BLACK, RED), 64)
    assert image[..., 1:].max() == 0 and np.mean(image[..., 0] == 255) == pytest.approx(0.5)


def test_normals_point_out_and_lean_as_steeply_as_asked() -> None:
    flat = normals("flat", 0, 0.5, 64)
    assert np.array_equal(np.unique(flat.reshape(-1, 3), axis=0), [[128, 128, 255]])
    n = normals("noise", 3, 0.5, 64).astype(float) / 127.5 - 1
    slope = np.hypot(n[..., 0], n[..., 1]) / n[..., 2]
    assert np.percentile(slope, 99) == pytest.approx(0.5, abs=0.03) and (n[..., 2] > 0).all()


def test_normals_lean_away_from_rising_ground() -> None:
    # Brightness of the gradient rises along x in one half of the tile: there the normal leans towards -x.
    h = heights("gradient", 2, 64).astype(int)
    n = normals("gradient", 2, 0.5, 64).astype(int) - 128
    rising = np.sign(np.roll(h, -1, 1) - np.roll(h, 1, 1))
    assert (np.sign(n[..., 0]) * rising <= 0).all() and (n[..., 0] != 0).any()


def test_an_unknown_pattern_is_named() -> None:
    with pytest.raises(ValueError, match="no pattern 'plaid'"):
        painted("plaid", 0, (BLACK, WHITE), 64)
