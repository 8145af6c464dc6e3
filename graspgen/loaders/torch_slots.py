"""Batches in memory that is used again, shared with the workers.

A batch of images is some 20 MB. PyTorch gives each batch of a worker new shared memory, and touching new memory costs
more than reading the images does. Here a worker fills a slot of memory that it shares with the main process; the
batch's tensors are views of it, and the slot is free again once none of them is left. Where no slot is free, since the
caller keeps batches, or the batch is larger than expected, it goes PyTorch's usual way.
"""

from __future__ import annotations

import itertools
import os
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch.utils.data import get_worker_info

from graspgen.loaders.collate import Batch, Place, Ragged, Stack
from graspgen.loaders.source import Sample

#: Arrays of a batch that are smaller than this are sent as they are, bytes.
_SMALL = 1 << 16
_ALIGN = 64
#: Slots of a worker: two batches that wait, one that is used, one that is filled.
_SLOTS = 4
_SHARED_MEMORY = "/dev/shm"

_numbers = itertools.count()
#: Pools of this process by number: what comes back from a worker finds its pool here.
_pools: weakref.WeakValueDictionary[int, Pool] = weakref.WeakValueDictionary()


class Pool:
    """Slots of memory, some for each worker.

    Args:
        workers: processes; 0 for this one.
        size: of a slot, bytes.
    """

    def __init__(self, workers: int, size: int) -> None:
        count = max(workers, 1) * _SLOTS
        self.number, self.size = next(_numbers), size
        shared = torch.UntypedStorage._new_shared if workers else torch.UntypedStorage
        self.memory = torch.empty(0, dtype=torch.uint8).set_(shared(count * size)).view(count, size)
        # A worker alone sets its slots' flags, the main process alone clears them.
        self.busy = torch.empty(0, dtype=torch.uint8).set_(shared(count)).zero_()
        _pools[self.number] = self

    def take(self, worker: int) -> int | None:
        """Return a free slot of a worker, marked as busy; None if it has none."""
        for slot in range(worker * _SLOTS, (worker + 1) * _SLOTS):
            if not self.busy[slot]:
                self.busy[slot] = 1
                return slot
        return None

    def release(self, slot: int) -> None:
        """Mark a slot as free."""
        self.busy[slot] = 0


def make_pool(sample: Sample, batch_size: int, workers: int) -> Pool | None:
    """Return a pool for batches of samples like one; None where they are small or shared memory is scarce."""
    large = [a.nbytes for a in sample.values() if a.nbytes * batch_size >= _SMALL]
    size = sum(-(-n * batch_size // _ALIGN) * _ALIGN for n in large)
    if not size:
        return None
    if workers:
        try:
            room = os.statvfs(_SHARED_MEMORY)
        except OSError:
            return None
        if size * _SLOTS * workers > room.f_bavail * room.f_frsize // 2:
            return None
    return Pool(workers, size)


class _Hold:
    """What the arrays of a slot are views of; the slot is free when it is gone."""

    def __init__(self, pool: Pool, slot: int) -> None:
        self._pool, self._slot = pool, slot
        self.__array_interface__ = pool.memory[slot].numpy().__array_interface__

    def __del__(self) -> None:
        self._pool.release(self._slot)


class SlotBatch:
    """A batch on its way: which slot of which pool, where its arrays lie in it, and what does not.

    Args:
        pool: number of the pool.
        slot: of the pool.
        layout: offset, shape and type of each array in the slot.
        rest: tensors that are not in the slot.
    """

    def __init__(
        self, pool: int, slot: int, layout: dict[str, tuple[int, tuple[int, ...], str]], rest: dict[str, torch.Tensor]
    ) -> None:
        self._pool, self._slot, self._layout, self._rest = pool, slot, layout, rest
        self._waits = False

    def __getstate__(self) -> dict[str, Any]:
        # Whoever receives it has to open it or to give the slot back.
        return {**self.__dict__, "_waits": True}

    def __del__(self) -> None:
        pool = _pools.get(self._pool)
        if self._waits and pool is not None:
            pool.release(self._slot)

    def open(self) -> dict[str, torch.Tensor]:
        """Return the batch; its large tensors are views of the slot."""
        self._waits = False
        memory = np.asarray(_Hold(_pools[self._pool], self._slot))
        found = dict(self._rest)
        for name, (offset, shape, dtype) in self._layout.items():
            size = int(np.prod(shape)) * np.dtype(dtype).itemsize
            found[name] = torch.from_numpy(memory[offset : offset + size].view(dtype).reshape(shape))
        return found

    def pin_memory(self, device: str | None = None) -> dict[str, torch.Tensor]:
        """Return the batch copied into pinned memory; `DataLoader`'s thread calls this."""
        return {name: tensor.pin_memory() for name, tensor in self.open().items()}


#: A batch, or where to find it.
Built = dict[str, torch.Tensor] | SlotBatch


class Collate:
    """Samples to a batch of tensors (`loaders.collate`), in a slot of memory where there is one.

    Args:
        ragged: the source's `ragged`.
        how: "flat" or "pad".
        pool: of slots; None for new memory every time.
    """

    def __init__(self, ragged: Mapping[str, str], how: Ragged = "flat", pool: Pool | None = None) -> None:
        self._ragged, self._how, self._pool = dict(ragged), how, pool

    def __call__(self, samples: Sequence[Sample] | Built) -> Built:
        """Return the batch, or where to find it; one that is built already as it is."""
        if isinstance(samples, SlotBatch | dict):
            return samples
        return self.build(len(samples), enumerate(samples))

    def build(self, count: int, samples: Iterable[tuple[int, Sample]]) -> Built:
        """Put together samples that come with their places in the batch, one after the other."""
        worker = get_worker_info()
        slot = None if self._pool is None else self._pool.take(0 if worker is None else worker.id)
        if self._pool is None or slot is None:
            return _tensors(self._filled(count, samples, np.empty))
        memory = self._pool.memory[slot].numpy()
        placed: dict[int, tuple[int, NDArray[Any]]] = {}
        try:
            batch = self._filled(count, samples, _placer(memory, placed))
        except BaseException:
            self._pool.release(slot)
            raise
        layout = {name: (placed[id(a)][0], a.shape, a.dtype.str) for name, a in batch.items() if id(a) in placed}
        rest = _tensors({name: a for name, a in batch.items() if id(a) not in placed})
        found = SlotBatch(self._pool.number, slot, layout, rest)
        return found if worker is not None else found.open()

    def _filled(self, count: int, samples: Iterable[tuple[int, Sample]], place: Place) -> Batch:
        stack = Stack(count, self._ragged, self._how, place)
        for at, sample in samples:
            stack.put(at, sample)
        return stack.finish()


def _placer(memory: NDArray[np.uint8], placed: dict[int, Any]) -> Callable[[tuple[int, ...], DTypeLike], NDArray[Any]]:
    """Return what gives an array in the slot, one after the other, and elsewhere once it is full."""
    end = 0

    def place(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        nonlocal end
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if size < _SMALL or end + size > len(memory):
            return np.empty(shape, dtype)
        found = memory[end : end + size].view(dtype).reshape(shape)
        placed[id(found)] = (end, found)
        end += -(-size // _ALIGN) * _ALIGN
        return found

    return place


def _tensors(batch: Mapping[str, NDArray[Any]]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(values) for name, values in batch.items()}
