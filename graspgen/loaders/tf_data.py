"""TensorFlow: any source as a `tf.data.Dataset`, through a generator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graspgen.loaders.errors import LoaderError, need
from graspgen.loaders.order import Uneven, epoch_order, share
from graspgen.loaders.source import Sample, Source


def to_tf_data(
    source: Source, *, shuffle: bool = True, rank: int = 0, world_size: int = 1, uneven: Uneven = "pad"
) -> Any:
    """Return a `tf.data.Dataset` of dicts of tensors, one for each sample; every pass over it is the next epoch.

    Ragged arrays have a free first axis: batch with `padded_batch`, or `ragged_batch` for ragged tensors.

    Args:
        source: of samples, at least one.
        shuffle: by shard, then within (`loaders.order`).
        rank, world_size, uneven: this process of several (`loaders.order.share`).

    Raises:
        LoaderError: TensorFlow is not installed, the source is empty, or there is no such rank.
    """
    tf = need("tensorflow")
    if not len(source):
        raise LoaderError("an empty source makes no dataset")
    share([], rank, world_size, uneven)
    signature = {
        name: tf.TensorSpec((None, *value.shape[1:]) if name in source.ragged else value.shape, value.dtype)
        for name, value in source[0].items()
    }
    following = source.epoch

    def samples() -> Iterator[Sample]:
        nonlocal following
        source.epoch, following = following, following + 1
        order = epoch_order(source.shards(), source.seed, source.epoch, shuffle=shuffle)
        return (source[i] for i in share(order, rank, world_size, uneven).tolist())

    count = len(share(range(len(source)), rank, world_size, uneven))
    found = tf.data.Dataset.from_generator(samples, output_signature=signature)
    return found.apply(tf.data.experimental.assert_cardinality(count))
