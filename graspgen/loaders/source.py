"""The source of samples: what every framework's loader is made from, and which none of them has to be installed for.

A source has a length, gives a dict of NumPy arrays for a number, and several of them for a list of numbers. That is a
map-style dataset of PyTorch, a source of grain, and a list for a plain loop. A sample depends on (seed, epoch, number)
only: not on the order, the worker or the framework that asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.loaders.errors import LoaderError

#: One sample: NumPy arrays by name.
Sample = dict[str, NDArray[Any]]
#: A change of a sample: takes it and the sample's own generator.
Transform = Callable[[Sample, np.random.Generator], Sample]


@runtime_checkable
class Source(Protocol):
    """What loaders need of a source. It can be pickled, and opens its own files in every process."""

    ragged: Mapping[str, str]
    """Keys whose first axis differs from sample to sample, and the group that they share it with."""
    seed: int
    epoch: int

    def __len__(self) -> int: ...
    def __getitem__(self, i: int) -> Sample: ...
    def __getitems__(self, indices: Sequence[int]) -> list[Sample]: ...
    def shards(self) -> NDArray[np.int64]:
        """Return the shard that holds each sample: loaders shuffle shards, then samples within them."""
        ...


class DatasetSource:
    """Base of the sources that read a dataset: numbers to rows, one generator a sample, ascending reads.

    Args:
        dataset: open, or its path.
        rows: the row of the table `table` that each sample stands for.
        seed: of what is random in samples.
    """

    ragged: Mapping[str, str] = {}
    table: ClassVar[str] = "views"

    def __init__(self, dataset: Dataset | str | Path, seed: int = 0) -> None:
        if seed < 0:
            raise LoaderError(f"a seed is a number from 0, got {seed}")
        self.dataset = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
        self.seed = seed
        self.epoch = 0
        self.rows: NDArray[np.int64] = np.zeros(0, np.int64)

    def sample(self, row: int, rng: np.random.Generator) -> Sample:
        """Make the sample of a row of `table`; everything random comes from `rng`."""
        raise NotImplementedError(f"{type(self).__name__} makes no samples")

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> Sample:
        if not -len(self) <= i < len(self):
            raise IndexError(f"sample {i} of {len(self)}")
        number = int(i) % len(self)
        return self.sample(int(self.rows[number]), np.random.default_rng([self.seed, self.epoch, number]))

    def __getitems__(self, indices: Sequence[int]) -> list[Sample]:
        """Return the samples of several numbers, in the order given; read in ascending order, one by one."""
        order = np.argsort(np.asarray(indices, int), kind="stable")
        found: list[Sample] = [{}] * len(order)
        for k in order.tolist():
            found[k] = self[indices[k]]
        return found

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(len(self)))

    def shards(self) -> NDArray[np.int64]:
        """Return the (n,) number of the shard that holds each sample."""
        return self.dataset.tables[self.table].shard_of(self.rows)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)} samples of {self.dataset.place}>"


def chosen_rows(length: int, chosen: ArrayLike | None, what: str) -> NDArray[np.int64]:
    """Return rows that a user chose: numbers or a mask; all where None.

    Raises:
        LoaderError: there is no such row.
    """
    if chosen is None:
        return np.arange(length)
    rows = np.asarray(chosen)
    if rows.dtype == np.bool_:
        if len(rows) != length:
            raise LoaderError(f"a mask of {what} has one value for each of the {length} {what}, got {len(rows)}")
        return np.flatnonzero(rows)
    rows = rows.astype(np.int64).reshape(-1)
    if len(rows) and not (0 <= rows.min() and rows.max() < length):
        raise LoaderError(f"{what} are numbered 0 … {length - 1}, got {rows.min()} … {rows.max()}")
    return rows
