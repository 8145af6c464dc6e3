"""A pool of worker processes that outlives its workers.

Every worker is a fresh process with a pipe of its own to the parent, so one that is killed in the middle of a word
harms nobody else. A worker that dies, or that works on one item past the time limit and is killed for it, is replaced,
and its unit is made again by the next one that is free.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Generic

from graspgen.pipeline.work import (
    Done,
    J,
    Make,
    Policy,
    Refuse,
    Report,
    U,
    WorkerError,
    WorkerEvent,
    WorkerState,
    Working,
    how_it_died,
)
from graspgen.pipeline.worker import work, worker_environment

# Seconds between two looks at the clock where no worker says anything.
_POLL = 0.2
#: Deaths in a row that no item can be blamed for, and items refused in a row, after which a run is given up.
_DEATHS, _REFUSALS = 10, 5
#: A worker that starts, opens what its job names or writes may take this many seconds, if an item may not take longer.
_BETWEEN = 120.0


class _Worker:
    """A process, its pipe, and what it does."""

    def __init__(self, process: SpawnProcess, pipe: Connection, state: WorkerState) -> None:
        self.process, self.pipe, self.state = process, pipe, state
        self.ready = False
        self.unit: Any = None
        self.hung = False

    def at(self, unit: int | None, item: int | None, stage: str) -> None:
        self.state.unit, self.state.item, self.state.stage = unit, item, stage
        self.state.since = time.monotonic()


class Pool(Generic[J, U, Done]):
    """Makes units in worker processes; arguments and errors are those of `graspgen.pipeline.work.Executor`."""

    def __init__(
        self,
        job: J,
        units: Sequence[U],
        workers: int,
        report: Report,
        make: Make[J, U, Done],
        *,
        policy: Policy,
        refuse: Refuse[U] | None,
        watch: Callable[[Sequence[WorkerState]], None] | None,
    ) -> None:
        self._job, self._make, self._report, self._refuse = job, make, report, refuse
        self._policy, self._watch = policy, watch
        self._waiting: deque[U] = deque(units)
        self._places = min(workers, len(units))
        self._workers: dict[int, _Worker] = {}
        self._restarts: Counter[int] = Counter()
        self._crashes: Counter[int] = Counter()
        self._deaths = self._refusals = 0
        self._spawn = multiprocessing.get_context("spawn")

    def run(self) -> Iterator[Done]:
        """Make the units and yield each as it is done; at the end of this generator no worker is left."""
        try:
            while self._waiting or self._busy():
                self._fill()
                yield from self._listen()
                for worker in list(self._workers.values()):
                    self._look_at(worker)
                if self._watch:
                    self._watch([w.state for w in self._workers.values()])
        finally:
            self._end()

    def _busy(self) -> list[_Worker]:
        return [w for w in self._workers.values() if w.unit is not None]

    def _fill(self) -> None:
        """Start workers for what waits, and hand it out."""
        for place in range(self._places):
            if len(self._workers) < len(self._busy()) + len(self._waiting) and place not in self._workers:
                self._start(place)
        for worker in self._workers.values():
            if worker.unit is None and self._waiting:
                unit = self._waiting.popleft()
                worker.unit = unit
                worker.at(None, None, worker.state.stage if not worker.ready else "taking up")
                # A worker that has just died is found dead when its pipe is read.
                with contextlib.suppress(OSError):
                    worker.pipe.send(unit)

    def _start(self, place: int) -> None:
        ours, theirs = self._spawn.Pipe()
        process = self._spawn.Process(target=work, args=(theirs, self._make, self._job), daemon=True)
        with worker_environment():
            process.start()
        theirs.close()
        state = WorkerState(place, int(process.pid or 0), since=time.monotonic(), restarts=self._restarts[place])
        self._workers[place] = _Worker(process, ours, state)
        self._restarts[place] += 1
        self._report(WorkerEvent("started", place, state.pid))

    def _listen(self) -> Iterator[Done]:
        """Take what the workers say; yield the units that are done."""
        pipes = {w.pipe: w for w in self._workers.values()}
        ends = {w.process.sentinel: w for w in self._workers.values()}
        found = wait([*pipes, *ends], _POLL)
        for worker in {id(w): w for w in [pipes.get(f) or ends.get(f) for f in found] if w}.values():
            yield from self._take(worker)

    def _take(self, worker: _Worker) -> Iterator[Done]:
        """Take all that a worker has said; what it said last before it died counts too."""
        while True:
            try:
                if not worker.pipe.poll():
                    return
                kind, content = worker.pipe.recv()
            except (EOFError, OSError):
                worker.process.join(5)  # its pipe is closed: it is dead, or as good as
                return
            if kind == "ready":
                worker.ready = True
                worker.at(None, None, "opening")
            elif kind == "event":
                if isinstance(content, Working):
                    worker.at(content.unit, content.item, content.stage)
                    worker.state.begun += content.item is not None
                else:
                    self._deaths = self._refusals = 0
                self._report(content)
            elif kind == "error":
                error, text = content
                raise error from _Trace(text)
            else:
                worker.unit = None
                worker.at(None, None, "waiting")
                self._deaths = 0
                if worker.state.begun >= self._policy.recycle:
                    self._recycle(worker)
                yield content

    def _recycle(self, worker: _Worker) -> None:
        self._report(WorkerEvent("recycled", worker.state.worker, worker.state.pid))
        self._drop(worker)

    def _drop(self, worker: _Worker) -> None:
        """Close a worker's pipe, by which one that waits ends, and see that it has ended."""
        del self._workers[worker.state.worker]
        worker.pipe.close()
        worker.process.join(5)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()

    def _look_at(self, worker: _Worker) -> None:
        """Kill a worker that hangs; bury one that has died, and see to its unit."""
        state, limit = worker.state, self._policy.time_limit
        if state.item is None:
            limit = max(limit, _BETWEEN)
        if worker.process.is_alive():
            if worker.unit is not None and time.monotonic() - state.since > limit:
                worker.hung = True
                worker.process.kill()
                worker.process.join()
            else:
                return
        if worker.pipe.poll() and not worker.hung and not _at_end(worker.pipe):
            return  # it said something before it died: that first
        status = worker.process.exitcode
        reason = f"made no progress for {limit:g} s" if worker.hung else how_it_died(status)
        self._report(WorkerEvent("died", state.worker, state.pid, state.item, reason))
        self._drop(worker)
        if not worker.ready and not worker.hung and status is not None and status > 0:
            raise WorkerError(f"a worker process could not start (it {reason}); what it said is above")
        self._again(worker, reason)

    def _again(self, worker: _Worker, reason: str) -> None:
        """Hand the unit of a dead worker to the next one, without the item that has killed too many."""
        unit, item = worker.unit, worker.state.item
        if unit is None:
            return
        if item is None:
            self._deaths += 1
            if self._deaths > max(_DEATHS, self._policy.retries):
                raise WorkerError(
                    f"{self._deaths} worker processes died in a row before they began anything (the last one {reason});"
                    " what is complete is kept: run again with fewer --workers"
                )
        else:
            self._crashes[item] += 1
            if self._crashes[item] > self._policy.retries:
                often = f"{self._crashes[item]} time{'s' * (self._crashes[item] > 1)}"
                unit = self._without(unit, item, worker, f"its worker {reason}, {often}")
        self._waiting.appendleft(unit)

    def _without(self, unit: U, item: int, worker: _Worker, reason: str) -> U:
        self._refusals += 1
        if self._refuse is None or self._refusals > _REFUSALS:
            raise WorkerError(
                f"a worker process died: {item} cannot be made ({reason}); what is complete is kept: "
                "run again with --resume and fewer --workers"
            )
        self._report(WorkerEvent("refused", worker.state.worker, worker.state.pid, item, reason))
        return self._refuse(unit, item, reason)

    def _end(self) -> None:
        """Leave no worker: those that wait end by themselves, what the others are at is lost."""
        busy = self._busy()
        for worker in busy:
            worker.process.kill()
        for worker in list(self._workers.values()):
            self._drop(worker)


def _at_end(pipe: Connection) -> bool:
    """Whether a readable pipe has nothing but its end to say."""
    import fcntl
    import struct
    import termios

    left = fcntl.ioctl(pipe.fileno(), termios.FIONREAD, b"\0\0\0\0")
    return struct.unpack("i", left)[0] == 0


class _Trace(Exception):
    """Where a worker's error came from, shown as the cause of the error in the parent."""

    def __init__(self, text: str) -> None:
        super().__init__(f'\n"""\n{text}"""')
