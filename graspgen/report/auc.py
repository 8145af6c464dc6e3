"""How well a score tells successes from failures: the area under the ROC curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def roc_auc(score: ArrayLike, positive: ArrayLike, group: ArrayLike | None = None) -> float:
    """Return the chance that a random positive scores higher than a random negative, a tie counting half.

    That is the area under the ROC curve, and the Mann–Whitney U of the scores over the number of pairs (Hanley and
    McNeil, 1982). Pairs are counted in integers, so it is exact.

    Args:
        score: (n,) numbers, infinite ones included; higher should mean positive.
        positive: (n,) bool.
        group: (n,) labels; if given, only pairs of the same group count.

    Returns:
        The AUC; NaN where there is no pair.

    Raises:
        ValueError: a score is NaN.
    """
    score, positive = np.asarray(score), np.asarray(positive, bool)
    if np.isnan(score).any():
        raise ValueError("NaN cannot be ranked; leave such scores out")
    _, rank = np.unique(score, return_inverse=True)
    _, of = np.unique(np.zeros(len(score)) if group is None else group, return_inverse=True)
    # Numbered by group, then by score.
    cells, cell = np.unique(of * (len(score) + 1) + rank, return_inverse=True)
    home = cells // (len(score) + 1)
    positives = np.bincount(cell[positive], minlength=len(cells))
    negatives = np.bincount(cell[~positive], minlength=len(cells))
    of_group = np.bincount(home, negatives).astype(np.int64)
    pairs = int((positives * of_group[home]).sum())
    if not pairs:
        return float("nan")
    before = np.cumsum(of_group) - of_group
    below = np.cumsum(negatives) - negatives - before[home]
    return int((positives * (2 * below + negatives)).sum()) / (2 * pairs)
