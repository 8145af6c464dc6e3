from __future__ import annotations

import os
import signal
import time

from graspgen.pipeline.executors import run_processes


def look(job, unit, report):
    """Tell what a worker inherited."""
    time.sleep(0.2)  # so that both workers get something to do
    blocked = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    return os.getpid(), os.environ.get("LP_NUM_THREADS"), blocked


def test_every_worker_renders_with_one_thread_and_leaves_ctrl_c_to_its_parent():
    before = os.environ.get("LP_NUM_THREADS"), signal.pthread_sigmask(signal.SIG_BLOCK, ())
    seen = list(run_processes(None, range(8), 2, print, look))
    assert len({pid for pid, _, _ in seen}) == 2
    assert {(threads, blocked) for _, threads, blocked in seen} == {("1", True)}
    assert before == (os.environ.get("LP_NUM_THREADS"), signal.pthread_sigmask(signal.SIG_BLOCK, ()))
