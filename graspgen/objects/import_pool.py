"""Runs one function over many files in processes, where a file may take its process down."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

Item, Done = TypeVar("Item"), TypeVar("Done")


def run_each(
    function: Callable[[Item], Done], items: Sequence[Item], workers: int, crashed: Callable[[Item], Done]
) -> Iterator[Done]:  # fmt: skip
    """Yield `function(item)` for each item, in their order.

    Args:
        function: picklable, where there is more than one worker.
        items: what to run it over.
        workers: processes; with one everything runs here.
        crashed: makes the result of an item that ended its process.
    """
    workers = min(workers, len(items))
    if workers <= 1:
        yield from map(function, items)
        return
    waiting = list(items)
    while waiting:
        # An item that takes a process down takes the pool with it: the first one waiting is then tried alone.
        pool = _pool(workers)
        try:
            futures = [pool.submit(function, item) for item in waiting]
            for future in futures:
                yield future.result()
                waiting.pop(0)
        except BrokenProcessPool:
            yield _alone(function, waiting.pop(0), crashed)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _alone(function: Callable[[Item], Done], item: Item, crashed: Callable[[Item], Done]) -> Done:
    pool = _pool(1)
    try:
        return pool.submit(function, item).result()
    except BrokenProcessPool:
        return crashed(item)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, get_context("spawn"), initializer=_one_thread)


def _one_thread() -> None:
    # The processes fill the machine: CoACD, which inherits this, need not start a thread for each core as well.
    os.environ["OMP_NUM_THREADS"] = "1"
