"""The order of an epoch: shards are shuffled, then the samples of each; and who gets which.

The order depends on (seed, epoch) alone, so ranks agree on it without speaking to each other.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.loaders.errors import LoaderError

#: What to do where the samples do not share out evenly: repeat some, as torch's DistributedSampler does; give some
#: ranks one more; or leave some out.
Uneven = Literal["pad", "keep", "drop"]


def epoch_order(shards: ArrayLike, seed: int, epoch: int, *, shuffle: bool = True) -> NDArray[np.int64]:
    """Return the (n,) order in which an epoch visits all samples, each once.

    Args:
        shards: (n,) shard of each sample. One shard is finished before the next begins, so few files are open.
        seed: of the run.
        epoch: number of the epoch.
        shuffle: else the order is that of the numbers.
    """
    of = np.asarray(shards, np.int64)
    if not shuffle:
        return np.arange(len(of))
    rng = np.random.default_rng([seed, epoch, 0x0DE2])
    names, which = np.unique(of, return_inverse=True)
    rank_of_shard = rng.permutation(len(names))
    mixed = rng.permutation(len(of))
    return mixed[np.argsort(rank_of_shard[which[mixed]], kind="stable")]


def share(order: ArrayLike, rank: int, world_size: int, uneven: Uneven = "pad") -> NDArray[np.int64]:
    """Return the part of an order that one of several processes takes: a run of it, so that it opens few shards.

    With "pad" all parts are equally long, the first samples of the order being repeated at its end; with "drop" they
    are as well, the order's last ones being left out; with "keep" every sample is taken exactly once, and parts differ
    by at most one.

    Raises:
        LoaderError: there is no such rank, or no such way.
    """
    order = np.asarray(order, np.int64)
    if not 0 <= rank < world_size:
        raise LoaderError(f"ranks of {world_size} processes are 0 … {world_size - 1}, got {rank}")
    if uneven not in ("pad", "keep", "drop"):
        raise LoaderError(f"uneven is 'pad', 'keep' or 'drop', got '{uneven}'")
    extra = -len(order) % world_size
    if uneven == "pad" and extra and len(order):
        order = np.concatenate([order, np.resize(order, extra)])
    if uneven == "drop":
        order = order[: len(order) // world_size * world_size]
    return np.array_split(order, world_size)[rank]
