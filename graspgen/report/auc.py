"""How well a score tells successes from failures: the area under the ROC curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def roc_auc(score: ArrayLike, positive: ArrayLike) -> float:
    """Return the chance that a random positive scores higher than a random negative, a tie counting half.

    That is the area under the ROC curve, and the Mann–Whitney U of the scores over the number of pairs (Hanley and
    McNeil, 1982). Pairs are counted in integers, so it is exact.

    Args:
        score: (n,) numbers, infinite ones included; higher should mean positive.
        positive: (n,) bool.

    Returns:
        The AUC; NaN where all are positive or none is.

    Raises:
        ValueError: a score is NaN.
    """
    score, positive = np.asarray(score), np.asarray(positive, bool)
    if np.isnan(score).any():
        raise ValueError("NaN cannot be ranked; leave such scores out")
    _, rank = np.unique(score, return_inverse=True)
    total = np.bincount(rank)
    positives = np.bincount(rank[positive], minlength=len(total))
    negatives = total - positives
    pairs = int(positives.sum()) * int(negatives.sum())
    if not pairs:
        return float("nan")
    below = np.cumsum(negatives) - negatives
    return int((positives * (2 * below + negatives)).sum()) / (2 * pairs)
