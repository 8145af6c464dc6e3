from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from graspgen.distributions import Bounds, Distribution, parse


class Fixed:
    """A generator that gives one known uniform number and counts how often it is asked."""

    def __init__(self, u: float) -> None:
        self.u, self.asked = u, 0

    def random(self) -> float:
        self.asked += 1
        return self.u


def whole(written):
    return Bounds(integer=True).check(parse(written))


finite = st.floats(-1e6, 1e6)
positive = st.floats(1e-3, 1e3)
uniforms = st.floats(0, 1, exclude_max=True)


@st.composite
def ranges(draw, low=finite):
    a, b = sorted([draw(low), draw(low)])
    return [a, b + (1.0 if a == b else 0.0)]


written_values = st.one_of(
    finite,
    st.builds(lambda r: {"uniform": r}, ranges()),
    st.builds(lambda r: {"log_uniform": r}, ranges(positive)),
    st.builds(lambda m, s: {"normal": [m, s]}, finite, positive),
    st.builds(
        lambda m, s, a, b: {"truncated_normal": [m, s, m - a * s, m + b * s]},
        st.floats(-10, 10), positive, st.floats(0.1, 5), st.floats(0.1, 5),
    ),
    st.builds(lambda o: {"choice": o}, st.lists(finite, min_size=1, max_size=5)),
    st.builds(
        lambda m, low, n: {"poisson": [m, low, low + n]}, st.floats(0.1, 20), st.integers(0, 9), st.integers(0, 9)
    ),
)  # fmt: skip


@given(written_values, uniforms)
def test_a_draw_lies_in_the_support_and_takes_one_uniform_number(written, u):
    value, rng = parse(written), Fixed(u)
    x = value.draw(rng)
    low, high = value.support
    slack = 1e-9 * max(abs(low), abs(high)) if math.isfinite(low + high) else 0.0
    assert low - slack <= x <= high + slack
    assert rng.asked == 1


@given(written_values)
def test_a_distribution_is_read_back_from_what_it_writes(written):
    value = parse(written)
    assert parse(value.written()) == value


@given(written_values, uniforms, uniforms)
def test_a_larger_uniform_number_never_gives_a_smaller_draw(written, u, v):
    value = parse(written)
    if value.kind == "choice":
        value = Distribution("choice", tuple(sorted(value.values)))
    low, high = sorted([u, v])
    a, b = value.draw(Fixed(low)), value.draw(Fixed(high))
    assert a <= b + 1e-9 * abs(b)


@pytest.mark.parametrize(
    ("written", "frozen"),
    [
        ({"uniform": [-1, 3]}, stats.uniform(-1, 4)),
        ({"log_uniform": [0.1, 10]}, stats.loguniform(0.1, 10)),
        ({"normal": [2, 0.5]}, stats.norm(2, 0.5)),
        ({"truncated_normal": [1, 2, 0, 2]}, stats.truncnorm(-0.5, 0.5, 1, 2)),
    ],
)
@pytest.mark.parametrize("u", [0.001, 0.25, 0.5, 0.9, 0.999])
def test_draws_are_the_quantiles_that_scipy_gives(written, frozen, u):
    assert parse(written).draw(Fixed(u)) == pytest.approx(frozen.ppf(u), rel=1e-9)


@pytest.mark.parametrize("u", [0.0, 0.1, 0.5, 0.95, 0.9999])
def test_poisson_draws_are_the_quantiles_that_scipy_gives(u):
    assert parse({"poisson": 4.2}).draw(Fixed(u)) == max(stats.poisson(4.2).ppf(u), 0)


def test_a_truncated_poisson_has_the_shares_of_its_range():
    rng = np.random.default_rng(0)
    drawn = [whole({"poisson": [3, 1, 4]}).draw(rng) for _ in range(20_000)]
    shares = stats.poisson(3).pmf([1, 2, 3, 4])
    assert np.allclose(np.bincount(drawn)[1:] / len(drawn), shares / shares.sum(), atol=0.012)


def test_a_poisson_whose_range_underflows_gives_its_likelier_end():
    assert parse({"poisson": [0.001, 200, 210]}).draw(Fixed(0.5)) == 200
    assert parse({"poisson": [1e6, 0, 3]}).draw(Fixed(0.5)) == 3


def test_whole_numbers_include_both_ends_equally_often():
    rng = np.random.default_rng(0)
    drawn = [whole({"uniform": [1, 4]}).draw(rng) for _ in range(20_000)]
    assert all(isinstance(x, int) for x in drawn)
    assert np.allclose(np.bincount(drawn)[1:] / len(drawn), 0.25, atol=0.015)
    assert whole({"uniform": [1, 4]}).draw(Fixed(np.nextafter(1, 0))) == 4


def test_weights_of_a_choice_are_its_shares():
    rng = np.random.default_rng(0)
    value = parse({"choice": ["a", "b", "c"], "weights": [1, 0, 3]})
    drawn = [value.draw(rng) for _ in range(20_000)]
    assert "b" not in drawn
    assert drawn.count("c") / len(drawn) == pytest.approx(0.75, abs=0.012)


@given(st.integers(0, 2**32 - 1))
def test_turning_a_constant_into_a_distribution_moves_no_later_draw(seed):
    after = []
    for written in (0.5, {"uniform": [0, 1]}, {"choice": [1, 2]}, {"poisson": 3}, {"normal": [0, 1]}):
        rng = np.random.default_rng(seed)
        parse(written).draw(rng)
        after.append(rng.random())
    assert len(set(after)) == 1


def test_a_uniform_number_of_zero_gives_a_finite_normal():
    assert math.isfinite(parse({"normal": [0, 1]}).draw(Fixed(0.0)))


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"uniform": [2, 1]}, "uniform has an empty range: low 2 is not below high 1"),
        ({"uniform": [1, 1]}, "empty range"),
        ({"uniform": [1]}, r"uniform needs \[low, high\]"),
        ({"unifrom": [1, 2]}, "did you mean 'uniform'"),
        ({"uniform": [1, 2], "normal": [0, 1]}, "expected one distribution"),
        ({}, "expected one distribution, got nothing"),
        ({"log_uniform": [0, 1]}, "low > 0"),
        ({"truncated_normal": [0, 0, -1, 1]}, "std > 0"),
        ({"normal": [0, -1]}, "std > 0"),
        ({"uniform": {"low": 1, "hihg": 2}}, "did you mean 'high'"),
        ({"uniform": [1, "two"]}, "expected a number, got 'two'"),
        ({"uniform": [1, math.inf]}, "finite"),
        (math.nan, "finite"),
        ({"choice": []}, "at least one value"),
        ({"choice": [1, "a"]}, "mixes names and numbers"),
        ({"choice": [1, 2], "weights": [1]}, "2 weights"),
        ({"choice": [1, 2], "weights": [0, 0]}, "not all zero"),
        ({"uniform": [1, 2], "weights": [1, 1]}, "weights belong to choice"),
        ({"poisson": 0}, "mean > 0"),
        ({"poisson": [3, 5, 4]}, "empty range"),
        (True, "expected a constant or a distribution"),
        (None, "expected a constant or a distribution"),
        ([1, 2], "expected a constant or a distribution"),
    ],
)  # fmt: skip
def test_what_is_no_distribution_is_refused_with_the_reason(written, message):
    with pytest.raises(ValueError, match=message):
        parse(written)


def test_parameters_may_be_named():
    assert parse({"uniform": {"low": 1, "high": 2}}) == parse({"uniform": [1, 2]})


@pytest.mark.parametrize(
    ("bounds", "written", "message"),
    [
        (Bounds("m", 0, 1), {"uniform": [0, 2]}, r"can leave the allowed range \[0, 1\] m"),
        (Bounds("m", 0, 1), {"normal": [1.5, 0.1]}, "can leave the allowed range"),
        (Bounds("m", 0, 1), "red", "expected a number"),
        (Bounds(integer=True), 1.5, "expected whole numbers"),
        (Bounds(integer=True), {"choice": [1, 2.5]}, "expected whole numbers"),
        (Bounds(text=True), 3, "expected a name"),
        (Bounds(text=True), {"uniform": [0, 1]}, "expected a name"),
    ],
)
def test_bounds_refuse_what_could_leave_them(bounds, written, message):
    with pytest.raises(ValueError, match=message):
        bounds.check(parse(written))


def test_a_normal_and_an_open_poisson_are_truncated_to_the_bounds():
    assert Bounds("m", 0, 1).check(parse({"normal": [0.5, 0.1]})) == parse({"truncated_normal": [0.5, 0.1, 0, 1]})
    count = Bounds("", 1, 64, integer=True).check(parse({"poisson": 3}))
    drawn = [count.draw(np.random.default_rng(i)) for i in range(300)]
    assert min(drawn) == 1 and max(drawn) <= 64 and 2.5 < np.mean(drawn) < 4


def test_a_distribution_tells_itself_with_its_parameters():
    assert str(parse({"uniform": [0, 2]})) == "uniform low 0, high 2"
    assert str(parse({"choice": ["a", "b"], "weights": [1, 3]})) == "choice a 25%, b 75%"
    assert str(parse(3)) == "3"
