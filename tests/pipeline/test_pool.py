"""The pool outlives its workers: they crash, hang, end and fail, and every unit is made or refused with its reason."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from graspgen.pipeline.executors import run_processes
from graspgen.pipeline.work import Policy, WorkerError, WorkerEvent, Working


@dataclass(frozen=True)
class Load:
    """A unit of three items."""

    number: int
    refused: dict[int, str] = field(default_factory=dict)

    def without(self, item, reason):
        return Load(self.number, {**self.refused, item: reason})


def make(folder, unit, report):
    """Make three items; some of them are deadly, for the first time or always."""
    made = []
    for item in range(3 * unit.number, 3 * unit.number + 3):
        if item in unit.refused:
            continue
        report(Working(unit.number, item))
        once = Path(folder) / f"{item}"
        first = not once.exists()
        once.touch()
        if item == 1 and first:
            os.kill(os.getpid(), signal.SIGSEGV)
        if item == 4 and first:
            os.kill(os.getpid(), signal.SIGSTOP)
        if item == 7:
            os._exit(3)
        made.append(item)
        report(("made", item))
    return unit.number, tuple(made), dict(unit.refused), os.getpid()


def run(tmp_path, units, *, workers=2, policy=Policy(retries=2, time_limit=3), refuse=Load.without):  # noqa: B008
    events = []
    done = list(run_processes(str(tmp_path), units, workers, events.append, make, policy=policy, refuse=refuse))
    return done, events


def test_crashed_and_hung_workers_cost_their_item_once_and_a_deadly_item_is_refused(tmp_path):
    done, events = run(tmp_path, [Load(n) for n in range(4)])
    made = {number: items for number, items, _, _ in done}
    assert made == {0: (0, 1, 2), 1: (3, 4, 5), 2: (6, 8), 3: (9, 10, 11)}
    refused = {item: reason for _, _, found, _ in done for item, reason in found.items()}
    assert refused == {7: "its worker ended with status 3, 3 times"}
    died = Counter((e.item, e.reason) for e in events if isinstance(e, WorkerEvent) and e.kind == "died")
    assert died == {
        (1, "was killed by SIGSEGV"): 1,
        (4, "made no progress for 3 s"): 1,
        (7, "ended with status 3"): 3,
    }
    pids = [e.pid for e in events if isinstance(e, WorkerEvent) and e.kind == "started"]
    assert len(set(pids)) == len(pids) >= 5
    assert not any(Path(f"/proc/{pid}/stat").exists() for pid in pids)


def test_without_a_way_to_refuse_a_deadly_item_ends_the_run_in_one_line(tmp_path):
    with pytest.raises(WorkerError, match=r"a worker process died: 7 cannot be made") as error:
        run(tmp_path, [Load(2)], refuse=None)
    assert "\n" not in str(error.value)


def test_a_worker_is_replaced_after_its_share_of_items(tmp_path):
    done, events = run(tmp_path, [Load(n) for n in (3, 4, 5)], workers=1, policy=Policy(recycle=3))
    assert len({pid for _, _, _, pid in done}) == 3
    assert sum(isinstance(e, WorkerEvent) and e.kind == "recycled" for e in events) == 3


def fail(job, unit, report):
    report(Working(unit, unit))
    raise ValueError(f"no {unit}")


def test_an_error_in_a_worker_is_the_same_error_with_its_place(tmp_path):
    with pytest.raises(ValueError, match="no 3") as error:
        list(run_processes(None, [3], 1, lambda _: None, fail))
    assert "in fail" in str(error.value.__cause__)


def sleep(job, unit, report):
    report(Working(unit, unit))
    time.sleep(60)


def test_stopping_early_leaves_no_worker_behind():
    pids = []

    def report(event):
        if isinstance(event, WorkerEvent):
            pids.append(event.pid)
        if isinstance(event, Working):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run_processes(None, [0, 1], 2, report, sleep))
    assert pids and not any(Path(f"/proc/{pid}/stat").exists() for pid in pids)
