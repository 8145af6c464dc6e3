"""Calls that a few threads make, the caller's one of them, which helps when it would have to wait."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

Call = Callable[[], None]


class Job:
    """Calls that a crew makes.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        self._left, self._made = count, deque[None]()
        self._over, self._error = threading.Event(), None
        if not count:
            self._over.set()

    def do(self, call: Call) -> None:
        """Make one of the calls; what it raises is kept for whoever waits for the job."""
        try:
            call()
        except BaseException as error:
            self._error = error
        self._made.append(None)  # a counter would take a lock
        if len(self._made) >= self._left:
            self._over.set()

    @property
    def is_over(self) -> bool:
        """Whether all calls have been made."""
        return self._over.is_set()

    def wait(self) -> None:
        """Wait until all calls have been made; raise what one of them raised."""
        self._over.wait()
        if self._error is not None:
            raise self._error


class Crew:
    """Threads of this process, the caller's one of them; the others begin with the first job that is given.

    Args:
        threads: how many, the caller's included.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._waiting: deque[tuple[Job, Call]] = deque()
        self._pool: ThreadPoolExecutor | None = None
        self._owner = -1

    def give(self, calls: Sequence[Call], urgent: int = 0) -> Job:
        """Let calls be made, in the order given, each by whoever is free; so many of them before all that wait."""
        job = Job(len(calls))
        self._waiting.extendleft((job, call) for call in reversed(calls[:urgent]))
        self._waiting.extend((job, call) for call in calls[urgent:])
        if self.threads > 1:
            if self._owner != os.getpid():  # threads do not survive a fork
                self._pool, self._owner = ThreadPoolExecutor(self.threads - 1, "graspgen-crew"), os.getpid()
            for _ in range(min(self.threads - 1, len(calls))):
                self._pool.submit(self._do_all)
        return job

    def finish(self, job: Job) -> None:
        """Return when a job is over; make calls meanwhile, those given first first. Raises what one of its raised."""
        while not job.is_over and self._do_next():
            pass
        job.wait()

    def _do_all(self) -> None:
        while self._do_next():
            pass

    def _do_next(self) -> bool:
        """Make the call that has waited longest; return whether there was one."""
        try:
            job, call = self._waiting.popleft()
        except IndexError:
            return False
        job.do(call)
        return True

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None and self._owner == os.getpid():
            self._pool.shutdown()
        self._pool, self._owner = None, -1
