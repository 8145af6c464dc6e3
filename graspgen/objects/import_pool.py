"""Runs one function over many files in processes, where a file may take its process down."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import active_children, get_context
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
    waiting, guarded = list(items), partial(_unless_stopping, function)
    others = set(active_children())
    while waiting:
        # An item that takes a process down takes the pool with it: the first one waiting is then tried alone.
        pool = _pool(workers)
        try:
            futures = [pool.submit(guarded, item) for item in waiting]
            for future in futures:
                yield future.result()
                waiting.pop(0)
        except BrokenProcessPool:
            yield _alone(function, waiting.pop(0), crashed)
        except BaseException:
            # Ctrl-C, or a caller that wants no more: what is under way ends now.
            for worker in set(active_children()) - others:
                if worker.pid is not None:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(worker.pid, signal.SIGINT)
            raise
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
    return ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin)


# In a worker

_stopping, _busy = False, False


def _begin() -> None:
    # The processes fill the machine: CoACD, which inherits this, need not start a thread for each core as well.
    os.environ["OMP_NUM_THREADS"] = "1"
    signal.signal(signal.SIGINT, _stop)


def _stop(number: int, frame: object) -> None:
    # The pool goes on with what it has been given: that must end at once, too.
    global _stopping
    _stopping = True
    if _busy:
        raise KeyboardInterrupt


def _unless_stopping(function: Callable[[Item], Done], item: Item) -> Done:
    global _busy
    if _stopping:
        raise KeyboardInterrupt
    _busy = True
    try:
        return function(item)
    finally:
        _busy = False
