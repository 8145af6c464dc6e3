"""Samples to batches: equal arrays are stacked, ragged ones (grasps) joined with offsets or padded with a mask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from graspgen.loaders.errors import LoaderError
from graspgen.loaders.source import Sample

#: How ragged arrays are put together.
Ragged = Literal["flat", "pad"]
Batch = dict[str, NDArray[Any]]
#: Gives an array of a shape and type to fill.
Place = Callable[[tuple[int, ...], DTypeLike], NDArray[Any]]


def collate(
    samples: Sequence[Sample], ragged: Mapping[str, str], how: Ragged = "flat", place: Place = np.empty
) -> Batch:
    """Put samples together into a batch of NumPy arrays.

    Arrays of one shape are stacked to (B, …). For the keys of a ragged group, say `rectangles` of the group `grasps`
    with n₀, n₁, … rows:

        "flat"   rectangles (n₀ + n₁ + …, 5), and grasps_offsets (B + 1,) int64: those of sample b are the rows
                 offsets[b] … offsets[b + 1]
        "pad"    rectangles (B, max n, 5), 0 beyond n, and grasps_mask (B, max n) bool

    Args:
        samples: of one source.
        ragged: the source's `ragged`: key to group.
        how: "flat" or "pad".
        place: gives the memory of stacked arrays.

    Raises:
        LoaderError: arrays that should have one shape differ, or there is no sample.
    """
    batch = Stack(len(samples), ragged, how, place)
    for at, sample in enumerate(samples):
        batch.put(at, sample)
    return batch.finish()


class Stack:
    """A batch that is filled sample by sample, so that a sample's own memory is free before the next one is made.

    Args:
        count: samples of the batch.
        ragged, how, place: as for `collate`.

    Raises:
        LoaderError: there is no sample, or no such way.
    """

    def __init__(self, count: int, ragged: Mapping[str, str], how: Ragged = "flat", place: Place = np.empty) -> None:
        if not count:
            raise LoaderError("a batch has at least one sample")
        if how not in ("flat", "pad"):
            raise LoaderError(f"ragged arrays are put together 'flat' or 'pad', got '{how}'")
        self._count, self._ragged, self._how, self._place = count, ragged, how, place
        self._batch: Batch = {}
        self._parts: dict[str, list[NDArray[Any]]] = {}

    def put(self, at: int, sample: Sample) -> None:
        """Copy a sample to its place in the batch.

        Raises:
            LoaderError: an array has another shape than in the samples before.
        """
        if not self._batch and not self._parts:
            for name, values in sample.items():
                if name in self._ragged:
                    self._parts[name] = [values] * self._count
                else:
                    self._batch[name] = self._place((self._count, *values.shape), values.dtype)
        for name, values in sample.items():
            if name in self._ragged:
                self._parts[name][at] = values
                continue
            room = self._batch[name]
            if values.shape != room.shape[1:]:
                raise LoaderError(
                    f"'{name}' has the shapes {sorted({values.shape, room.shape[1:]})} in one batch; bring images to "
                    "one size with Crop or Resize"
                )
            room[at] = values

    def finish(self) -> Batch:
        """Return the batch, once all its samples are there."""
        for name, parts in self._parts.items():
            self._batch[name] = np.concatenate(parts) if self._how == "flat" else _padded(parts)
            group = self._ragged[name]
            counts = np.array([len(part) for part in parts])
            if self._how == "flat":
                self._batch[f"{group}_offsets"] = np.concatenate([[0], np.cumsum(counts)])
            else:
                self._batch[f"{group}_mask"] = np.arange(counts.max(initial=0)) < counts[:, None]
        return self._batch


def _padded(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    longest = max(len(part) for part in parts)
    found = np.zeros((len(parts), longest, *parts[0].shape[1:]), parts[0].dtype)
    for row, part in zip(found, parts, strict=True):
        row[: len(part)] = part
    return found
