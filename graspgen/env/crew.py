"""Work that a few threads do while the caller does its own, and helps when it would have to wait."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


class Work:
    """A call that somebody of a crew makes.

    Args:
        call: what is to be done, once.
    """

    def __init__(self, call: Callable[[], None]) -> None:
        self._call, self._over, self._error = call, threading.Event(), None

    def do(self) -> None:
        """Make the call; what it raises is kept for whoever asks for it."""
        try:
            self._call()
        except BaseException as error:
            self._error = error
        self._over.set()

    @property
    def is_over(self) -> bool:
        """Whether the call has been made."""
        return self._over.is_set()

    def wait(self) -> None:
        """Wait until the call has been made; raise what it raised."""
        self._over.wait()
        if self._error is not None:
            raise self._error


class Crew:
    """Threads of this process, the caller's one of them; the others begin with the first work that is given.

    Args:
        threads: how many, the caller's included.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._waiting: deque[Work] = deque()
        self._pool: ThreadPoolExecutor | None = None
        self._owner = -1

    def give(self, call: Callable[[], None]) -> Work:
        """Let somebody make a call, in the order given."""
        work = Work(call)
        self._waiting.append(work)
        if self.threads > 1:
            if self._owner != os.getpid():  # threads do not survive a fork
                self._pool, self._owner = ThreadPoolExecutor(self.threads - 1, "graspgen-crew"), os.getpid()
            self._pool.submit(self._do_first)
        return work

    def finish(self, work: Work) -> None:
        """Return when a work is done; do others meanwhile, the last given first. Raises what the work raised."""
        while not work.is_over:
            try:
                other = self._waiting.pop() if self.threads > 1 else self._waiting.popleft()
            except IndexError:
                break
            other.do()
        work.wait()

    def _do_first(self) -> None:
        try:
            work = self._waiting.popleft()
        except IndexError:  # the caller has done it
            return
        work.do()

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None and self._owner == os.getpid():
            self._pool.shutdown()
        self._pool, self._owner = None, -1
