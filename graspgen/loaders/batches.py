"""Batches for a plain loop, NumPy or JAX: no framework, no worker process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from graspgen.loaders.collate import Batch, Ragged, Stack
from graspgen.loaders.errors import LoaderError, need
from graspgen.loaders.order import Uneven, epoch_order, share
from graspgen.loaders.source import Source

#: Keys that do not fit into 32 bits.
_WIDE_KEYS = ("grasp", "object", "scene")


class Batches:
    """The batches of an epoch, again and again: `for batch in Batches(source, 32): …`.

    Every pass is the next epoch, with another order and other augmentations; `set_epoch` starts at any of them.

    Args:
        source: of samples.
        batch_size: samples in a batch.
        shuffle: by shard, then within (`loaders.order`).
        drop_last: leave out a last batch that is not full.
        ragged: how ragged arrays are put together: "flat" or "pad" (`loaders.collate`).
        rank, world_size: this process of several; each takes its share.
        uneven: what to do where the samples do not share out evenly.
    """

    def __init__(
        self,
        source: Source,
        batch_size: int,
        *,
        shuffle: bool = True,
        drop_last: bool = False,
        ragged: Ragged = "flat",
        rank: int = 0,
        world_size: int = 1,
        uneven: Uneven = "pad",
    ) -> None:
        if batch_size < 1:
            raise LoaderError(f"a batch has at least one sample, got batch_size={batch_size}")
        self.source, self.batch_size = source, batch_size
        self.shuffle, self.drop_last, self.ragged = shuffle, drop_last, ragged
        self.rank, self.world_size, self.uneven = rank, world_size, uneven
        self.epoch = 0
        share([], rank, world_size, uneven)  # refuse now what could not be shared out later

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next pass is."""
        self.epoch = epoch

    def __len__(self) -> int:
        n = len(share(range(len(self.source)), self.rank, self.world_size, self.uneven))
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        source, size = self.source, self.batch_size
        source.epoch, self.epoch = self.epoch, self.epoch + 1
        order = epoch_order(source.shards(), source.seed, source.epoch, shuffle=self.shuffle)
        mine = share(order, self.rank, self.world_size, self.uneven).tolist()
        for start in range(0, len(self) * size, size):
            numbers = mine[start : start + size]
            batch = Stack(len(numbers), source.ragged, self.ragged)
            for at in np.argsort(numbers, kind="stable").tolist():  # files are read in ascending order
                batch.put(at, source[numbers[at]])
            yield batch.finish()


class JaxBatches(Batches):
    """As `Batches`, with arrays of JAX on its default device.

    Unless JAX has x64 enabled, float64 becomes float32, and keys of grasps and objects, which have more than 32 bits,
    stay NumPy arrays. Padding is the default here: shapes that differ from batch to batch make `jax.jit` compile again.

    Raises:
        LoaderError: JAX is not installed.
    """

    def __init__(self, source: Source, batch_size: int, *, ragged: Ragged = "pad", **options: Any) -> None:
        need("jax")
        super().__init__(source, batch_size, ragged=ragged, **options)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        put, narrow = need("jax.numpy").asarray, not need("jax").config.jax_enable_x64
        for batch in super().__iter__():
            yield {name: a if narrow and name in _WIDE_KEYS else put(a) for name, a in batch.items()}
