"""Who makes the units: this process, or a pool of processes on this machine."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from graspgen.dataset.disk import uninterrupted
from graspgen.errors import GraspgenError
from graspgen.pipeline.units import make_unit

J = TypeVar("J")
#: What is reported while a unit is made, and what a finished unit returns.
Event, Done = TypeVar("Event"), TypeVar("Done")
#: Makes a unit of a job; for processes a function of a module, since it is pickled by name.
Make = Callable[[J, int, Callable[[Event], None]], Done]

# Seconds between two looks at what the workers report.
_POLL = 0.1


class WorkerError(GraspgenError, RuntimeError):
    """A worker process died."""


def run_here(
    job: J, units: Sequence[int], report: Callable[[Event], None], make: Make[J, Event, Done] = make_unit
) -> Iterator[Done]:
    """Make the units in this process, one after the other."""
    for unit in units:
        yield make(job, unit, report)


def run_processes(
    job: J,
    units: Sequence[int],
    workers: int,
    report: Callable[[Event], None],
    make: Make[J, Event, Done] = make_unit,
) -> Iterator[Done]:
    """Make the units in `workers` processes and yield each as it is done, in any order.

    When the caller stops early, or an error or Ctrl-C comes, the workers are ended at once: what
    they had not finished is lost, and shards are complete or absent.

    Raises:
        GraspgenError: a unit could not be made.
        WorkerError: a worker died, most often for want of memory.
    """
    spawn = multiprocessing.get_context("spawn")
    events = spawn.SimpleQueue()
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, spawn, initializer=_begin, initargs=(events,))
    waiting = list(reversed(units))
    running: set[Future[Done]] = set()
    finished = False
    try:
        while running or waiting:
            with _worker_environment():  # any of the first submissions may start a process
                while waiting and len(running) < 2 * workers:
                    running.add(pool.submit(_make_unit, make, job, waiting.pop()))
            done, running = wait(running, timeout=_POLL, return_when=FIRST_COMPLETED)
            while not events.empty():
                report(events.get())
            for future in done:
                yield future.result()
        finished = True
    except BrokenProcessPool:
        raise WorkerError(
            "a worker process died, most often because memory ran out; what is complete is kept: "
            "run again with --resume and fewer --workers"
        ) from None
    finally:
        if not finished:
            for process in set(multiprocessing.active_children()) - before:
                process.terminate()
        pool.shutdown(wait=True, cancel_futures=True)
        events.close()


@contextlib.contextmanager
def _worker_environment() -> Iterator[None]:
    """Set what worker processes inherit: one rendering thread each, and a deaf ear for Ctrl-C, which is the parent's.

    The parent's own Ctrl-C waits until the end of the block, so that no process is left half started.
    """
    threads = os.environ.get("LP_NUM_THREADS")
    os.environ["LP_NUM_THREADS"] = "1"
    with uninterrupted():
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            if threads is None:
                del os.environ["LP_NUM_THREADS"]
            else:
                os.environ["LP_NUM_THREADS"] = threads


@contextlib.contextmanager
def stop_on_sigterm() -> Iterator[None]:
    """Let SIGTERM end a run as cleanly as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


# In a worker

_events: Any = None


def _begin(events: Any) -> None:
    global _events
    _events = events
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker when its parent is killed: nobody else would."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _make_unit(make: Make[J, Event, Done], job: J, unit: int) -> Done:
    return make(job, unit, _events.put)
