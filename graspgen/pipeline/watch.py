"""Watching a run: what its workers do, how fast it goes, what it takes; for the display and for the journal."""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from graspgen.pipeline.journal import Journal
from graspgen.pipeline.progress import Display, counted, duration
from graspgen.pipeline.summary import Summary
from graspgen.pipeline.units import SceneDone, UnitDone
from graspgen.pipeline.work import WorkerEvent, WorkerState, Working

#: Seconds between two lines of the journal that say how far the run is.
TICK = 5.0


class Watch:
    """Takes what workers report, counts it, shows it, and writes it down.

    Args:
        made: what it counts in.
        total: scenes that are to be made.
        journal: what it writes to.
        display: what it shows on.
    """

    def __init__(self, made: Summary, total: int, journal: Journal, display: Display) -> None:
        self._made, self._total, self._journal, self._display = made, total, journal, display
        self._seen: set[int] = set()
        self._states: Sequence[WorkerState] = ()
        self._start = time.monotonic()
        self._last = -TICK
        self._deaths: Counter[str] = Counter()

    def report(self, event: object) -> None:
        """Take what a worker reports."""
        if isinstance(event, SceneDone):
            # A unit that is made again tells of its scenes again.
            if event.scene not in self._seen:
                self._seen.add(event.scene)
                self._made.add(event)
                if not event.kept:
                    seconds = rounded(event.seconds)
                    self._journal.write("scene", scene=event.scene, seconds=seconds, refused=event.refused)
        elif isinstance(event, WorkerEvent):
            told = {"worker": event.worker, "pid": event.pid}
            if event.kind in ("died", "refused"):
                self._deaths[event.kind] += 1
                told |= {"scene": event.item, "reason": event.reason}
            if event.kind == "refused" and event.item is not None:
                self._made.given_up[event.item] = event.reason
            self._journal.write(event.kind, **told)
        elif isinstance(event, Working):
            return
        self._show()

    def done(self, unit: UnitDone) -> None:
        """Take a finished unit."""
        self._made.add(unit)
        if unit.shard is not None:
            self._journal.write("shard", shard=unit.shard.file, seconds=round(unit.write_seconds, 4))

    def states(self, states: Sequence[WorkerState]) -> None:
        """Take what the workers are at."""
        self._states = states
        if time.monotonic() - self._start - self._last >= TICK:
            self.last()
            self._show()

    def last(self) -> None:
        """Write down how far the run is; also at its end, since what comes after the last time is not yet told."""
        self._last = time.monotonic() - self._start
        self._journal.write("tick", **self._tick(self._last))

    def _tick(self, elapsed: float) -> dict[str, Any]:
        made = self._made
        rate = made.scenes / max(elapsed, 1e-6)
        left = (self._total - made.done) / rate if rate else None
        return {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "elapsed": round(elapsed, 1),
            "done": made.done,
            "total": self._total,
            "left": None if left is None else round(left, 1),
            "scenes": made.scenes,
            "views": made.views,
            "grasps": made.grasps,
            "refused": dict(made.refused),
            "given_up": len(made.given_up),
            "deaths": self._deaths["died"],
            "seconds": rounded(made.seconds),
            "memory_mb": memory_mb(os.getpid()),
            "workers": [self._worker(state) for state in self._states],
        }

    def _worker(self, state: WorkerState) -> dict[str, Any]:
        return {
            "worker": state.worker,
            "pid": state.pid,
            "stage": state.stage,
            "scene": state.item,
            "for": round(time.monotonic() - state.since, 1),
            "begun": state.begun,
            "restarts": state.restarts,
            "memory_mb": None if state.host else memory_mb(state.pid),
            **({"host": state.host} if state.host else {}),
        }

    def _show(self) -> None:
        refused, died = self._made.refused.total(), self._deaths["died"]
        here = {os.getpid(), *(state.pid for state in self._states if not state.host)}
        memory = sum(memory_mb(pid) or 0 for pid in here)
        told = [
            f"{refused} refused" if refused else "",
            f"{counted(died, 'worker')} died" if died else "",
            f"{memory} MB",
        ]
        lines = [worker_line(self._worker(state)) for state in self._states]
        self._display.update(self._made, "  ".join(filter(None, told)), lines)


def worker_line(state: dict[str, Any]) -> str:
    """Say in a line what a worker does, of an entry of a tick's `workers`."""
    at = f"scene {state['scene']}" if state["scene"] is not None else state["stage"]
    on = f" on {state['host']}" if state.get("host") else ""
    text = f"worker {state['worker']} (process {state['pid']}{on}): {at}, {duration(state['for'])}"
    text += "" if state["memory_mb"] is None else f", {state['memory_mb']} MB"
    return text + (f", restarted {counted(state['restarts'], 'time')}" if state["restarts"] else "")


def memory_mb(pid: int) -> int | None:
    """Return a process's resident memory, MB; None where the system does not say."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") // 1_000_000


def rounded(seconds: dict[str, float] | Any) -> dict[str, float]:
    """Round times to 0.1 ms."""
    return {stage: round(s, 4) for stage, s in seconds.items()}
