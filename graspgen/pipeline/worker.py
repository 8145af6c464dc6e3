"""A worker process: what it inherits, how it works, and that it ends with its parent."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection

from graspgen.dataset.disk import uninterrupted
from graspgen.pipeline.work import Done, J, Make, U


@contextlib.contextmanager
def worker_environment() -> Iterator[None]:
    """Set what worker processes inherit: one rendering thread each, and a deaf ear for Ctrl-C, which is the parent's.

    The parent's own Ctrl-C waits until the end of the block, so that no process is left half started.
    """
    resource_tracker.ensure_running()  # it is started with the first process otherwise, and takes the mask off
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


def work(pipe: Connection, make: Make[J, U, Done], job: J) -> None:
    """Make units until the parent closes the pipe."""
    _end_with_parent()
    send = pipe.send
    send(("ready", None))
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            unit = pipe.recv()
            try:
                done = make(job, unit, lambda event: send(("event", event)))
            except BaseException as error:
                text = traceback.format_exc()
                try:
                    send(("error", (error, text)))
                except (TypeError, AttributeError, ValueError):  # some exceptions cannot be pickled
                    send(("error", (RuntimeError(f"{type(error).__name__}: {error}"), text)))
                return
            send(("done", done))


def _end_with_parent() -> None:
    """End this worker when its parent is killed: nobody else would. On Linux the system does it at once."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    if sys.platform == "linux":
        death_signal = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None).prctl(death_signal, signal.SIGKILL)
        if os.getppid() != parent.pid:
            os._exit(1)

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
