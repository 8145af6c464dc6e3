from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import root

from graspgen.frames import project as pinhole_project
from graspgen.lens import (
    LensError,
    distort,
    field_radius,
    grid_rays,
    intrinsics,
    pinhole,
    pinhole_positions,
    project,
    rays,
    undistort,
)

K = intrinsics(320, 240, 55.0, 12.0, -7.0)
LENSES = [(-0.3, 0.1, 0.001, -0.002, 0.0), (0.25, 0.0, 0.0, 0.0, 0.0), (-0.2, 0.05, 0.0, 0.003, -0.01)]


def opencv(a: float, b: float, D: tuple[float, ...]) -> tuple[float, float]:
    """OpenCV's formula, written out."""
    k1, k2, p1, p2, k3 = D
    r = (a**2 + b**2) ** 0.5
    radial = 1 + k1 * r**2 + k2 * r**4 + k3 * r**6
    return (
        a * radial + 2 * p1 * a * b + p2 * (r**2 + 2 * a**2),
        b * radial + p1 * (r**2 + 2 * b**2) + 2 * p2 * a * b,
    )


@settings(max_examples=60, deadline=None)
@given(a=st.floats(-0.6, 0.6), b=st.floats(-0.6, 0.6), D=st.sampled_from(LENSES))
def test_the_lens_is_opencvs(a, b, D):
    assert distort([a, b], D) == pytest.approx(opencv(a, b, D), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(a=st.floats(-0.6, 0.6), b=st.floats(-0.6, 0.6), D=st.sampled_from(LENSES))
def test_undistorting_is_the_inverse_and_what_a_general_solver_finds(a, b, D):
    seen = np.array(opencv(a, b, D))
    assert undistort(seen, D) == pytest.approx([a, b], abs=1e-9)
    assert root(lambda p: np.array(opencv(*p, D)) - seen, seen).x == pytest.approx([a, b], abs=1e-6)


def test_without_distortion_projecting_is_a_pinholes():
    points = np.random.default_rng(0).uniform([-1, -1, -0.5], [1, 1, 3], (50, 3))
    assert np.array_equal(project(K, np.zeros(5), points), pinhole_project(K, points), equal_nan=True)


def test_rays_through_projected_points_lead_to_the_points():
    points = np.random.default_rng(1).uniform([-0.3, -0.2, 0.8], [0.3, 0.2, 2], (50, 3))
    for D in LENSES:
        found = rays(K, D, project(K, D, points))
        assert found == pytest.approx(points / points[:, 2:], abs=1e-9)


def test_beyond_the_radius_where_the_polynomial_turns_back_there_is_no_pixel():
    D = (-0.3, 0.0, 0.0, 0.0, 0.0)  # 1 - 0.9 r² = 0
    assert field_radius(D) == pytest.approx((1 / 0.9) ** 0.5)
    inside, outside = distort([[1.05, 0], [1.06, 0]], D)
    assert np.isfinite(inside).all() and np.isnan(outside).all()
    assert np.isnan(undistort([0.8, 0.0], D)).all()  # the lens reaches r (1 - 0.3 r²) = 0.703


@pytest.mark.parametrize("k", [5e-324, 1e-300, 1e-20, -1e-20])
def test_a_distortion_of_next_to_nothing_has_no_radius_that_matters(k):
    """The leading coefficient of the polynomial is no divisor."""
    for D in ((k, 0, 0, 0, 0), (0, k, 0, 0, 0), (0, 0, 0, 0, k)):
        assert field_radius(D) > 100


@pytest.mark.parametrize("D", LENSES)
def test_a_block_of_pixels_has_the_rays_of_its_pixels(D):
    x, y = np.meshgrid(np.arange(320) + 0.5, np.arange(240) + 0.5)
    exact = rays(K, D, np.stack([x, y], -1))[..., :2]
    assert np.abs(grid_rays(K, D, 0, 0, 320, 240) - exact).max() * K[0][0] < 1e-8
    block = grid_rays(K, D, -40, 200, 90, 70)
    inside = np.isfinite(block[:40, 40:]).all(axis=-1)
    assert np.abs(block[:40, 40:][inside] - exact[200:, :50][inside]).max() * K[0][0] < 1e-8


@pytest.mark.parametrize("D", LENSES)
def test_every_pixel_of_the_lens_lies_in_the_pinhole_image(D):
    wide = pinhole(K, D, 320, 240)
    at = pinhole_positions(K, D, 320, 240)
    assert (at >= 1).all() and (at < [wide.width - 1, wide.height - 1]).all()


def test_a_lens_that_folds_or_stretches_the_image_is_an_error_that_says_so():
    with pytest.raises(LensError, match=r"k1 -1.*turns back within the 320x240 image; make it weaker"):
        pinhole(K, (-1.0, 0.0, 0.0, 0.0, 0.0), 320, 240)
    with pytest.raises(LensError, match="stretches the 320x240 image"):
        pinhole(intrinsics(320, 240, 50.0), (-1.0, 0.4501, 0.0, 0.0, 0.0), 320, 240)
