"""PyTorch: a `DataLoader` over any source, map-style or iterable, with any number of workers and ranks.

This module imports torch; nothing else of graspgen does.
"""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing import connection
from typing import Any

import numpy as np

from graspgen.loaders.collate import Ragged
from graspgen.loaders.errors import LoaderError, need
from graspgen.loaders.order import Uneven, epoch_order, share
from graspgen.loaders.source import Sample, Source

need("torch")

import torch  # noqa: E402
from torch.utils import data  # noqa: E402

from graspgen.loaders.torch_slots import Built, Collate, SlotBatch, make_pool  # noqa: E402


class SharedEpoch:
    """A number that every worker sees: workers that live through several epochs have copies of the source."""

    def __init__(self) -> None:
        self._value = torch.zeros((), dtype=torch.int64).share_memory_()

    def set(self, epoch: int) -> None:
        """Change it for all processes."""
        self._value.fill_(epoch)

    def get(self) -> int:
        """Return it."""
        return int(self._value)


class MapDataset(data.Dataset):
    """A source as a map-style dataset. `set_epoch` reaches workers that already run.

    Args:
        source: of samples; each worker opens its own files, whether it was forked or spawned.
        collate: makes batches of tensors; None for lists of samples.
    """

    def __init__(self, source: Source, collate: Collate | None = None) -> None:
        self.source, self._collate = source, collate
        self._epoch = SharedEpoch()

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the samples' random choices."""
        self._epoch.set(epoch)

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, i: int) -> Sample:
        self.source.epoch = self._epoch.get()
        return self.source[i]

    def __getitems__(self, indices: list[int]) -> list[Sample] | Built:
        """Return several samples, read in ascending order; as a batch if that was asked for.

        `DataLoader` asks for a batch at once. It is built here, sample by sample: eight images that are kept until all
        are read lie in memory that is touched anew, which costs as much as reading them.
        """
        self.source.epoch = self._epoch.get()
        if self._collate is None:
            return self.source.__getitems__(indices)
        order = np.argsort(np.asarray(indices), kind="stable").tolist()
        return self._collate.build(len(order), ((at, self.source[indices[at]]) for at in order))


class ShardSampler(data.Sampler[int]):
    """Numbers of samples: shards shuffled, then samples within; one rank's share.

    Args:
        source: of samples.
        shuffle: else the order is that of the numbers.
        rank, world_size: this process of several.
        uneven: "pad" repeats samples until all ranks have equally many, as torch's `DistributedSampler` does; "keep"
            gives every sample exactly once; "drop" leaves some out.
    """

    def __init__(
        self, source: Source, *, shuffle: bool = True, rank: int = 0, world_size: int = 1, uneven: Uneven = "pad"
    ) -> None:
        self._shards, self._seed = source.shards(), source.seed
        self._shuffle, self._rank, self._world_size, self._uneven = shuffle, rank, world_size, uneven
        self.epoch = 0
        self._length = len(share(np.arange(len(self._shards)), rank, world_size, uneven))

    def set_epoch(self, epoch: int) -> None:
        """Choose the order."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[int]:
        order = epoch_order(self._shards, self._seed, self.epoch, shuffle=self._shuffle)
        return iter(share(order, self._rank, self._world_size, self._uneven).tolist())


class IterDataset(data.IterableDataset):
    """A source as an iterable dataset: every worker takes a run of its rank's share, so it opens few shards.

    Args:
        source: of samples.
        shuffle, rank, world_size, uneven: as for `ShardSampler`.
    """

    def __init__(
        self, source: Source, *, shuffle: bool = True, rank: int = 0, world_size: int = 1, uneven: Uneven = "pad"
    ) -> None:
        self.source = source
        self._sampler = ShardSampler(source, shuffle=shuffle, rank=rank, world_size=world_size, uneven=uneven)
        self._epoch = SharedEpoch()

    def set_epoch(self, epoch: int) -> None:
        """Choose order and random choices, in workers that already run too."""
        self._epoch.set(epoch)

    def __len__(self) -> int:
        return len(self._sampler)

    def __iter__(self) -> Iterator[Sample]:
        self.source.epoch = self._epoch.get()
        self._sampler.set_epoch(self.source.epoch)
        mine = np.array(list(self._sampler), np.int64)
        worker = data.get_worker_info()
        if worker is not None:
            mine = share(mine, worker.id, worker.num_workers, "keep")
        return (self.source[i] for i in mine.tolist())


class Loader(data.DataLoader):
    """A `DataLoader` whose every pass is the next epoch; `set_epoch` starts at any of them."""

    epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next pass is: its order and its random choices, in all workers."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        self.dataset.set_epoch(self.epoch)
        if isinstance(self.sampler, ShardSampler):
            self.sampler.set_epoch(self.epoch)
        self.epoch += 1
        self._forget_dead_workers()
        # Workers start now, not when the first batch is asked for.
        return _opened(super().__iter__())

    def _forget_dead_workers(self) -> None:
        """Let this pass start its own workers where one was killed, for memory, say: torch would ask the dead one."""
        workers = getattr(self._iterator, "_workers", ())
        if not all(worker.is_alive() for worker in workers):
            self._iterator._shutdown_workers()
            self._iterator = None


def _opened(batches: Iterator[Any]) -> Iterator[dict[str, torch.Tensor]]:
    """Yield the batches as tensors.

    Raises:
        RuntimeError: a worker has died, whether torch noticed first or only the socket with its tensors was reset.
    """
    try:
        for batch in batches:
            yield batch.open() if isinstance(batch, SlotBatch) else batch
    except (ConnectionError, EOFError, FileNotFoundError) as error:
        # Tensors outside of slots are handed over by the worker itself; one that was killed does not answer.
        if not connection.wait([worker.sentinel for worker in getattr(batches, "_workers", ())], timeout=1.0):
            raise
        raise RuntimeError(
            f"DataLoader worker died with a batch on its way ({type(error).__name__}: {error})"
        ) from error


def data_loader(
    source: Source,
    batch_size: int,
    *,
    workers: int = 0,
    shuffle: bool = True,
    iterable: bool = False,
    ragged: Ragged = "flat",
    rank: int = 0,
    world_size: int = 1,
    uneven: Uneven = "pad",
    drop_last: bool = False,
    pin_memory: bool | None = None,
    start: str | None = None,
) -> Loader:
    """Return a `DataLoader` of batches of tensors.

    Args:
        source: of samples.
        batch_size: samples in a batch.
        workers: processes that read; 0 reads in this one. They live on from epoch to epoch.
        shuffle: by shard, then within; the order depends on the source's seed and the epoch alone.
        iterable: each worker makes batches of a run of samples of its own, in place of one order for all: fewer files
            are opened, and the order depends on the number of workers.
        ragged: how grasps are put together: "flat" with offsets, or "pad" with a mask (`loaders.collate`).
        rank, world_size: this process of several that train together, as `torch.distributed` counts them.
        uneven: what to do where samples do not share out evenly among ranks (`ShardSampler`).
        drop_last: leave out a last batch that is not full.
        pin_memory: copy batches into memory that a GPU reads fast; None for where there is one.
        start: how workers start: "fork", "spawn" or "forkserver"; None for Python's default.

    Raises:
        LoaderError: a rank or a size that cannot be.
    """
    if batch_size < 1 or workers < 0:
        raise LoaderError(f"batch_size is at least 1 and workers at least 0, got {batch_size} and {workers}")
    shared = {"rank": rank, "world_size": world_size, "uneven": uneven, "shuffle": shuffle}
    pool = make_pool(source[0], batch_size, workers) if len(source) else None
    together = Collate(source.ragged, ragged, pool)
    dataset = IterDataset(source, **shared) if iterable else MapDataset(source, together)
    return Loader(
        dataset,
        batch_size,
        sampler=None if iterable else ShardSampler(source, **shared),
        num_workers=workers,
        collate_fn=together,
        pin_memory=torch.cuda.is_available() if pin_memory is None else pin_memory,
        drop_last=drop_last,
        persistent_workers=workers > 0,
        multiprocessing_context=start if workers else None,
    )
