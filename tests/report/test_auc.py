import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graspgen.report.auc import roc_auc

SCORES = st.lists(
    st.tuples(st.sampled_from([-math.inf, -1.5, 0.0, 0.25, 1.0, 2.0, math.inf]) | st.floats(-3, 3), st.booleans()),
    max_size=40,
)


def by_pairs(rows):
    """Of (score, positive, group) rows."""
    pairs = [(a, b) for a, p, g in rows if p for b, q, h in rows if not q and g == h]
    return sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs) if pairs else math.nan


@given(SCORES)
def test_it_is_the_share_of_pairs_that_are_in_order(rows):
    auc = roc_auc(np.array([r[0] for r in rows], float), [r[1] for r in rows])
    assert auc == pytest.approx(by_pairs([(*r, 0) for r in rows]), nan_ok=True, abs=1e-15)


@given(SCORES, st.integers(1, 4))
def test_within_groups_only_pairs_of_one_group_count(rows, groups):
    rows = [(*row, 7 - i % groups) for i, row in enumerate(rows)]
    score, positive, group = (np.array([r[k] for r in rows]) for k in range(3))
    auc = roc_auc(score.astype(float), positive.astype(bool), group)
    assert auc == pytest.approx(by_pairs(rows), nan_ok=True, abs=1e-15)


@given(SCORES)
def test_turning_the_score_or_the_label_round_turns_it_round(rows):
    score, positive = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows], bool)
    auc = roc_auc(score, positive)
    assert roc_auc(-score, positive) == pytest.approx(1 - auc, nan_ok=True)
    assert roc_auc(score, ~positive) == pytest.approx(1 - auc, nan_ok=True)
    # Ranks alone matter: any growing function of the score has the same.
    assert roc_auc(np.arctan(score) * 2**0.5, positive) == pytest.approx(auc, nan_ok=True)


def test_known_values():
    assert roc_auc([1, 2, 3, 4], [False, False, True, True]) == 1
    assert roc_auc([4, 3, 2, 1], [False, False, True, True]) == 0
    assert roc_auc([7, 7, 7], [True, False, True]) == 0.5
    assert roc_auc([0.1, 0.4, 0.35, 0.8], [False, False, True, True]) == 0.75
    assert math.isnan(roc_auc([1, 2], [True, True])) and math.isnan(roc_auc([], []))


def test_pairs_beyond_double_precision_are_counted_exactly():
    n = 200_000
    score = np.zeros(2 * n)
    score[0] = 1
    positive = np.arange(2 * n) < n
    assert roc_auc(score, positive) == (n * n + n) / (2 * n * n)


def test_nan_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        roc_auc([1.0, np.nan], [True, False])
