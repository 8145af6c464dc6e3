"""Loads of lips against closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graspgen.grasps.suction_wrench import all_directions, resisted

RADIUS, FORCE, MU = 0.01, 18.0, 0.5
ONE = np.zeros((1, 2))


def weights(lever, direction, weight=1.0, cups=ONE, sealed=None, mu=MU):
    sealed = np.ones((1, len(cups)), bool) if sealed is None else np.array([sealed])
    return resisted(
        cups, RADIUS, FORCE, sealed, np.array([mu]), np.array([lever], float), np.array([[direction]], float),
        np.array([weight]),
    )[0, 0]  # fmt: skip


def test_a_straight_pull_is_borne_up_to_the_force_of_the_vacuum():
    assert weights([0, 0, 0.05], [0, 0, 1]) == pytest.approx(FORCE)
    assert np.isinf(weights([0, 0, 0.05], [0, 0, -1]))


def test_a_shear_is_borne_up_to_friction():
    assert weights([0, 0, 0], [1, 0, 0]) == pytest.approx(MU * FORCE)


def test_a_moment_is_borne_up_to_half_the_force_times_the_radius():
    # A shear at a long lever: the moment tips the cup long before it slides.
    assert weights([0, 0, 1.0], [0, 1, 0], mu=100) == pytest.approx(FORCE * RADIUS / 2, rel=1e-6)


def test_pull_and_moment_add():
    lever, pull = 0.03, 1 / (1 + 2 * 0.03 / RADIUS)
    assert weights([lever, 0, 0], [0, 0, 1], mu=100) == pytest.approx(FORCE * pull, rel=5e-3)


def test_a_twist_is_borne_up_to_friction_at_the_lip():
    # A shear beside the cup, in the plane of its lip: mostly twist.
    assert weights([1.0, 0, 0], [0, 1, 0]) == pytest.approx(MU * FORCE * RADIUS, rel=1e-3)


def test_four_cups_bear_four_times_the_pull_and_tip_about_the_array():
    cups = 0.02 * np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    assert weights([0, 0, 0], [0, 0, 1], cups=cups) == pytest.approx(4 * FORCE)
    # Second moment of the lips about an axis, per point: d² + r² / 2; the farthest lies d + r off.
    limit = 4 * FORCE * (0.02**2 + RADIUS**2 / 2) / (0.02 + RADIUS)
    assert weights([0, 0, 1.0], [0, 1, 0], cups=cups, mu=100) == pytest.approx(limit, rel=1e-6)


def test_without_a_seal_nothing_is_borne():
    assert weights([0, 0, 0], [0, 0, 1], sealed=[False]) == 0


@given(st.floats(0.1, 100), st.floats(-0.1, 0.1), st.integers(0, 255))
def test_a_weight_twice_as_large_is_borne_half_as_often(weight, lever, number):
    direction = all_directions()[number]
    once = weights([lever, 0.01, 0.03], direction, weight)
    assert weights([lever, 0.01, 0.03], direction, 2 * weight) == pytest.approx(once / 2)


def test_directions_are_unit_vectors_spread_evenly():
    d = all_directions()
    np.testing.assert_allclose(np.linalg.norm(d, axis=1), 1)
    np.testing.assert_allclose(d.T @ d / len(d), np.eye(3) / 3, atol=0.01)
