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
    if not samples:
        raise LoaderError("a batch has at least one sample")
    if how not in ("flat", "pad"):
        raise LoaderError(f"ragged arrays are put together 'flat' or 'pad', got '{how}'")
    batch: Batch = {}
    for name in samples[0]:
        parts = [sample[name] for sample in samples]
        if name in ragged:
            batch[name] = np.concatenate(parts) if how == "flat" else _padded(parts)
            group = ragged[name]
            key = f"{group}_offsets" if how == "flat" else f"{group}_mask"
            if key not in batch:
                counts = np.array([len(part) for part in parts])
                offsets = np.concatenate([[0], np.cumsum(counts)])
                batch[key] = offsets if how == "flat" else np.arange(counts.max(initial=0)) < counts[:, None]
            continue
        shapes = {part.shape for part in parts}
        if len(shapes) > 1:
            raise LoaderError(
                f"'{name}' has the shapes {sorted(shapes)} in one batch; bring images to one size with Crop or Resize"
            )
        first = parts[0]
        batch[name] = np.stack(parts, out=place((len(parts), *first.shape), first.dtype))
    return batch


def _padded(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    longest = max(len(part) for part in parts)
    found = np.zeros((len(parts), longest, *parts[0].shape[1:]), parts[0].dtype)
    for row, part in zip(found, parts, strict=True):
        row[: len(part)] = part
    return found
