"""Who makes the units: this process, or a pool of processes on this machine.

Both are `graspgen.pipeline.work.Executor`s, once `run_processes` is given its number of workers; so is a cluster's.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from graspgen.pipeline.pool import Pool
from graspgen.pipeline.ray_pool import require_ray, run_ray
from graspgen.pipeline.units import make_unit
from graspgen.pipeline.work import (
    Done,
    Executor,
    J,
    Make,
    Policy,
    Refuse,
    Report,
    U,
    WorkerError,
    WorkerState,
    Working,
)


def run_here(
    job: J,
    units: Sequence[U],
    report: Report,
    make: Make[J, U, Done] = make_unit,
    *,
    policy: Policy = Policy(),  # noqa: B008
    refuse: Refuse[U] | None = None,
    watch: Callable[[Sequence[WorkerState]], None] | None = None,
) -> Iterator[Done]:
    """Make the units in this process, one after the other: what crashes, crashes it."""
    state = WorkerState(0, os.getpid(), since=time.monotonic())

    def tell(event: Any) -> None:
        if isinstance(event, Working):
            state.unit, state.item, state.stage, state.since = event.unit, event.item, event.stage, time.monotonic()
            state.begun += event.item is not None
        report(event)
        if watch:
            watch([state])

    for unit in units:
        yield make(job, unit, tell)


def run_processes(
    job: J,
    units: Sequence[U],
    workers: int,
    report: Report,
    make: Make[J, U, Done] = make_unit,
    *,
    policy: Policy = Policy(),  # noqa: B008
    refuse: Refuse[U] | None = None,
    watch: Callable[[Sequence[WorkerState]], None] | None = None,
) -> Iterator[Done]:
    """Make the units in `workers` processes and yield each as it is done, in any order.

    When the caller stops early, or an error or Ctrl-C comes, the workers are ended at once: what they had not finished
    is lost, and shards are complete or absent. A worker that dies or hangs is replaced.

    Raises:
        GraspgenError: a unit could not be made.
        WorkerError: workers die, and that cannot be blamed on an item of a unit, or nothing can do without that.
    """
    return Pool(job, units, workers, report, make, policy=policy, refuse=refuse, watch=watch).run()


def executor_of(name: str, workers: int, address: str | None = None) -> Executor:
    """Return who makes the units.

    Args:
        name: "inline" for this process, "local" for `workers` processes, "auto" for inline where there is one worker,
            "ray" for a Ray cluster.
        workers: processes; of Ray the most units at once, 0 for as many as the cluster has cores.
        address: of the Ray cluster; None for the one that this machine belongs to.

    Raises:
        WorkerError: the name is another one, or there is no Ray.
    """
    if name == "ray":
        return partial(run_ray, require_ray(), address, workers)
    if address is not None:
        raise WorkerError("--address is of a Ray cluster: give --executor ray as well")
    if name == "inline" or (name == "auto" and workers <= 1):
        return run_here
    if name not in ("auto", "local"):
        raise WorkerError(f"there is no executor '{name}'; choose auto, inline, local or ray")

    def run(job: Any, units: Sequence[Any], report: Report, make: Callable[..., Any], **more: Any) -> Iterator[Any]:
        return run_processes(job, units, workers, report, make, **more)

    return run


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
