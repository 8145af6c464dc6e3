"""What whoever makes the units of a run, in this process, on this machine or on a cluster, tells and is told."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from graspgen.errors import GraspgenError

J = TypeVar("J")
U = TypeVar("U")
Done = TypeVar("Done")
#: What is reported while a unit is made: events of the job itself, and those of this module.
Report = Callable[[Any], None]
#: Makes a unit of a job; for processes a function of a module, since it is pickled by name.
Make = Callable[[J, U, Report], Done]
#: Returns the unit without an item that cannot be made, for a reason.
Refuse = Callable[[U, int, str], U]


class WorkerError(GraspgenError, RuntimeError):
    """Worker processes die, and no unit can be made."""


@dataclass(frozen=True)
class Policy:
    """How patient a run is with its workers.

    Attributes:
        retries: how often an item that a worker died of, or hung at, is tried again before it is refused.
        time_limit: a worker that works on one item for longer than this hangs, s; between items it has two minutes.
        recycle: a worker that has begun this many items is replaced by a fresh one after its unit.
    """

    retries: int = 2
    time_limit: float = 900.0
    recycle: int = 1000


@dataclass(frozen=True)
class Working:
    """A worker begins an item of its unit (a scene), or what comes before or after them.

    Attributes:
        unit: number of the unit.
        item: number of the item; None for what is of no item.
        stage: what it is, in a word.
    """

    unit: int
    item: int | None
    stage: str = "scene"


@dataclass(frozen=True)
class WorkerEvent:
    """Something happened to a worker.

    Attributes:
        kind: "started", "recycled", "died" or "refused" (an item, after it was tried too often).
        worker: its place, from 0; a replacement takes the place of the one before.
        pid: of the process.
        item: what it was at; None for nothing in particular.
        reason: why it died.
    """

    kind: str
    worker: int
    pid: int
    item: int | None = None
    reason: str = ""


@dataclass
class WorkerState:
    """What a worker does at this moment.

    Attributes:
        worker, pid: as in `WorkerEvent`.
        unit, item, stage: what it is at, as in `Working`; unit None while it starts or waits.
        since: when it began that, on the monotonic clock, s.
        begun: items that this process has begun.
        restarts: processes that had this place before.
        host: the machine that it runs on, "" for this one.
    """

    worker: int
    pid: int
    unit: int | None = None
    item: int | None = None
    stage: str = "starting"
    since: float = 0.0
    begun: int = 0
    restarts: int = 0
    host: str = ""


class Executor(Protocol):
    """Whoever makes units: `run_here`, `run_processes`, or a cluster's."""

    def __call__(
        self,
        job: Any,
        units: Sequence[Any],
        report: Report,
        make: Callable[..., Any],
        *,
        policy: Policy = ...,
        refuse: Refuse[Any] | None = None,
        watch: Callable[[Sequence[WorkerState]], None] | None = None,
    ) -> Iterator[Any]:
        """Make the units and yield what `make` returns of each as it is done, in any order.

        Args:
            job: what all units share.
            units: what is made; small and picklable, as the job is.
            report: called in this process with what `make` reports, with `Working` and with `WorkerEvent`.
            make: makes a unit; it reports `Working` before every item.
            policy: how patient to be.
            refuse: gives the unit that is made in place of one with an item that cannot be; None ends the run then.
            watch: called several times a second with the state of all workers.

        Raises:
            GraspgenError: a unit could not be made.
            WorkerError: workers die, and that cannot be blamed on an item.
        """
        ...


def how_it_died(status: int | None) -> str:
    """Say what an exit status means, as `multiprocessing` gives it: a negative one is a signal."""
    if status is None:
        return "was lost"
    if status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        return f"was killed by {name}" + (", most often for want of memory" if name == "SIGKILL" else "")
    return f"ended with status {status}"
