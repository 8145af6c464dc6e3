"""Statistics that LeRobot keeps of every feature, of an episode and of all: min, max, mean, std, count and quantiles.

Those of all episodes are put together as by LeRobot's `aggregate_stats`: means and variances exactly, quantiles as the
mean weighted by frames, since exact ones would need every value at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
Stats = dict[str, Array]


def of_values(values: NDArray[np.generic]) -> Stats:
    """Return the statistics of (n, k) values: (k,) each, and a (1,) count."""
    x = np.asarray(values, np.float64)
    found = {"min": x.min(axis=0), "max": x.max(axis=0), "mean": x.mean(axis=0), "std": x.std(axis=0)}
    found |= {name: np.quantile(x, q, axis=0) for name, q in QUANTILES.items()}
    return found | {"count": np.array([len(x)])}


class ImageStats:
    """Statistics of the images of an episode, gathered one by one from how often each count occurs.

    Args:
        channels: of the images; statistics have the shape (channels, 1, 1).
        counts: how many there are of a channel.
        per_unit: how many counts make 1: colours are in 0 … 1.
    """

    def __init__(self, channels: int = 3, counts: int = 256, per_unit: float = 255) -> None:
        self._histogram, self._per_unit = np.zeros((channels, counts), np.int64), per_unit
        self._images = 0

    def add(self, image: NDArray[np.unsignedinteger]) -> None:
        """Count an (H, W) or (H, W, channels) image."""
        channels, counts = self._histogram.shape
        flat = image.reshape(-1, channels)
        self._histogram += np.stack([np.bincount(flat[:, c], minlength=counts) for c in range(channels)])
        self._images += 1

    def result(self) -> Stats:
        """Return the statistics of the images so far; there must be one."""
        channels, counts = self._histogram.shape
        levels = np.arange(counts) / self._per_unit
        share = self._histogram / self._histogram.sum(axis=1, keepdims=True)
        mean = share @ levels
        below = np.cumsum(share, axis=1)
        found = {
            "min": levels[(share > 0).argmax(axis=1)],
            "max": levels[counts - 1 - (share[:, ::-1] > 0).argmax(axis=1)],
            "mean": mean,
            "std": np.sqrt(np.maximum(share @ levels**2 - mean**2, 0)),
        }
        found |= {name: levels[(below >= q - 1e-12).argmax(axis=1)] for name, q in QUANTILES.items()}
        return {name: v.reshape(channels, 1, 1) for name, v in found.items()} | {"count": np.array([self._images])}


def together(parts: Sequence[Stats]) -> Stats:
    """Return the statistics of several episodes; `parts` must not be empty."""
    counts = np.array([part["count"][0] for part in parts], float)
    weights = counts / counts.sum()

    def weighted(values: Sequence[Array]) -> Array:
        return np.tensordot(weights, np.stack(values), axes=1)

    mean = weighted([part["mean"] for part in parts])
    variance = weighted([part["std"] ** 2 + (part["mean"] - mean) ** 2 for part in parts])
    found = {
        "min": np.min([part["min"] for part in parts], axis=0),
        "max": np.max([part["max"] for part in parts], axis=0),
        "mean": mean,
        "std": np.sqrt(variance),
        "count": np.array([int(counts.sum())]),
    }
    return found | {name: weighted([part[name] for part in parts]) for name in QUANTILES}
