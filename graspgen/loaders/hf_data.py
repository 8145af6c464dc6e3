"""Hugging Face `datasets`: any source as an Arrow dataset, or as one that streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from graspgen.loaders.errors import LoaderError, need
from graspgen.loaders.source import Sample, Source

_IMAGE = "rgb"


def to_huggingface(source: Source, *, streaming: bool = False, cache_dir: str | None = None) -> Any:
    """Return a `datasets.Dataset` with one row for each sample, or a `datasets.IterableDataset`.

    `rgb` becomes an `Image`, everything else arrays of their own shape and type; ragged arrays have a free first axis.
    Without `streaming` samples are made once and written to Arrow files in the cache of `datasets`, so augmentations
    are drawn once; a dataset that was made before is found again by its source.

    Args:
        source: of samples, at least one.
        streaming: make samples as they are asked for, shard by shard.
        cache_dir: where Arrow files go; None for the default of `datasets`.

    Raises:
        LoaderError: `datasets` is not installed, or the source is empty.
    """
    datasets = need("datasets")
    if not len(source):
        raise LoaderError("an empty source makes no dataset")
    features = features_of(source[0], source.ragged)
    shards = source.shards()
    parts = [np.flatnonzero(shards == shard).tolist() for shard in np.unique(shards)]
    given = {"features": features, "gen_kwargs": {"source": source, "parts": parts}}
    if streaming:
        # Its workers share out the one argument that is a list: the parts.
        return datasets.IterableDataset.from_generator(rows, **given)
    return datasets.Dataset.from_generator(rows, cache_dir=cache_dir, **given)


def rows(source: Source, parts: Sequence[Sequence[int]]) -> Iterator[dict[str, Any]]:
    """Make the samples of lists of numbers."""
    for part in parts:
        for i in part:
            yield {name: _plain(value) for name, value in source[i].items()}


def features_of(sample: Sample, ragged: Any) -> Any:
    """Return the `datasets.Features` of a source's samples."""
    datasets = need("datasets")
    found = {}
    for name, value in sample.items():
        shape = (None, *value.shape[1:]) if name in ragged else value.shape
        if name == _IMAGE:
            found[name] = datasets.Image()
        elif value.ndim == 0:
            found[name] = datasets.Value(str(value.dtype))
        elif value.ndim == 1:
            found[name] = datasets.List(datasets.Value(str(value.dtype)), length=-1 if name in ragged else len(value))
        elif value.ndim <= 5:
            found[name] = getattr(datasets, f"Array{value.ndim}D")(shape=shape, dtype=str(value.dtype))
    return datasets.Features(found)


def _plain(value: Any) -> Any:
    return value.item() if value.ndim == 0 else value
