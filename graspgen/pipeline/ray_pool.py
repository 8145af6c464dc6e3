"""Units on a Ray cluster: a task makes a unit, on whichever node has a core for it.

Ray brings the work to the nodes, says which tasks are lost, and replaces the workers. What a lost worker was at, and
so which scene has cost how many workers, comes from events, which an actor beside the parent collects. A unit goes on
after the last scene that was put by, on whatever node, so a node that is lost costs the scenes that it was making.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

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
)

# Seconds between two looks at the clock, and that a task without an item may take.
_POLL, _BETWEEN = 0.2, 300.0
#: Losses in a row that no item can be blamed for, and items refused in a row, after which a run is given up.
_LOSSES, _REFUSALS = 20, 5


def require_ray() -> Any:
    """Return Ray.

    Raises:
        WorkerError: it is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise WorkerError("--executor ray needs Ray: pip install 'graspgen[ray]', here and on all nodes") from error
    return ray


@dataclass
class _Task:
    """A unit that Ray was given, and what is known of who makes it."""

    number: int
    unit: Any
    state: WorkerState
    node: str = ""


class _Inbox:
    """An actor: keeps what tasks report until the parent asks for it."""

    def __init__(self) -> None:
        self._kept: list[tuple[int, Any]] = []

    def put(self, task: int, event: Any) -> None:
        self._kept.append((task, event))

    def take(self) -> list[tuple[int, Any]]:
        kept, self._kept = self._kept, []
        return kept


def _task(make: Make[J, U, Done], job: J, unit: U, task: int, inbox: Any) -> Done:
    """Make a unit on a node."""
    import ray

    inbox.put.remote(task, ("at", ray.get_runtime_context().get_node_id(), socket.gethostname(), os.getpid()))
    return make(job, unit, lambda event: inbox.put.remote(task, event))


def run_ray(
    ray: Any,
    address: str | None,
    workers: int,
    job: J,
    units: Sequence[U],
    report: Report,
    make: Make[J, U, Done],
    *,
    policy: Policy = Policy(),  # noqa: B008
    refuse: Refuse[U] | None = None,
    watch: Callable[[Sequence[WorkerState]], None] | None = None,
) -> Iterator[Done]:
    """Make the units on a Ray cluster and yield each as it is done, in any order.

    Args:
        ray: the module.
        address: of the cluster; None for the one that this machine belongs to, or that RAY_ADDRESS names.
        workers: most units at once; 0 for as many as the cluster has cores for.
        job, units, report, make, policy, refuse, watch: as of `graspgen.pipeline.work.Executor`.

    Raises:
        GraspgenError: a unit could not be made.
        WorkerError: there is no cluster, or workers are lost and that cannot be blamed on an item.
    """
    with _connected(ray, address):
        pool = _RayPool(ray, workers, job, units, report, make, policy=policy, refuse=refuse, watch=watch)
        try:
            yield from pool.run()
        finally:
            pool.end()


@contextlib.contextmanager
def _connected(ray: Any, address: str | None) -> Iterator[None]:
    """Join a cluster that runs; one that this process has joined before is kept."""
    if ray.is_initialized():
        yield
        return
    where = address or os.environ.get("RAY_ADDRESS") or "auto"
    try:
        _knock(where)
        ray.init(address=where, log_to_driver=False, logging_level="ERROR")
    except (OSError, RuntimeError, ValueError) as error:
        what = "no Ray cluster runs here" if where == "auto" else f"no Ray cluster answers at {where}"
        raise WorkerError(f"{what}: start one with `ray start --head`, or give its --address HOST:PORT") from error
    try:
        yield
    finally:
        ray.shutdown()


def _knock(where: str) -> None:
    """See that somebody listens: Ray itself would try for minutes."""
    host, _, port = where.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()


class _RayPool:
    """Keeps Ray busy; see `run_ray`."""

    def __init__(
        self,
        ray: Any,
        workers: int,
        job: Any,
        units: Sequence[Any],
        report: Report,
        make: Make[Any, Any, Any],
        *,
        policy: Policy,
        refuse: Refuse[Any] | None,
        watch: Callable[[Sequence[WorkerState]], None] | None,
    ) -> None:
        self._ray, self._workers, self._policy = ray, workers, policy
        self._report, self._refuse, self._watch = report, refuse, watch
        self._waiting: deque[Any] = deque(units)
        self._tasks: dict[Any, _Task] = {}
        self._numbers: dict[int, _Task] = {}
        self._crashes: Counter[int] = Counter()
        self._losses = self._refusals = self._begun = 0
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        self._inbox = ray.remote(_Inbox).options(num_cpus=0, scheduling_strategy=here).remote()
        self._job, self._make = ray.put(job), ray.put(make)
        # A worker is replaced after some units: what OpenGL drivers leak is given back.
        each = max((len(getattr(unit, "scenes", ())) for unit in units), default=1)
        calls = max(1, policy.recycle // max(each, 1))
        # One rendering thread each, as the local workers have; scenes lost are counted here, not by Ray.
        self._remote = ray.remote(
            num_cpus=1, max_retries=0, max_calls=calls, runtime_env={"env_vars": {"LP_NUM_THREADS": "1"}}
        )(_task)

    def run(self) -> Iterator[Any]:
        while self._waiting or self._tasks:
            self._fill()
            ready, _ = self._ray.wait(list(self._tasks), num_returns=1, timeout=_POLL)
            self._listen()
            for ref in ready:
                yield from self._take(ref)
            self._stop_hanging()
            if self._watch:
                self._watch([task.state for task in self._tasks.values() if task.state.pid])

    def end(self) -> None:
        """Leave no task: what they are at is lost."""
        for ref in self._tasks:
            with contextlib.suppress(Exception):
                self._ray.cancel(ref, force=True)
        with contextlib.suppress(Exception):
            self._ray.kill(self._inbox)

    def _fill(self) -> None:
        """Hand out units; a few more than there are cores, so that no node waits for this process."""
        most = self._workers or 2 * int(self._ray.cluster_resources().get("CPU", 1)) + 2
        while self._waiting and len(self._tasks) < most:
            unit = self._waiting.popleft()
            number, self._begun = self._begun, self._begun + 1
            places = {task.state.worker for task in self._tasks.values()}
            place = next(n for n in range(len(places) + 1) if n not in places)
            task = _Task(number, unit, WorkerState(place, 0, stage="waiting", since=time.monotonic()))
            ref = self._remote.remote(self._make, self._job, unit, number, self._inbox)
            self._tasks[ref] = self._numbers[number] = task

    def _listen(self) -> None:
        """Take what tasks have reported."""
        for number, event in self._ray.get(self._inbox.take.remote()):
            task = self._numbers.get(number)
            if task is None:
                continue  # it was given up for lost
            state = task.state
            if isinstance(event, tuple):
                _, task.node, host, state.pid = event
                state.host = "" if host == socket.gethostname() else host
                state.stage, state.since = "opening", time.monotonic()
                self._report(WorkerEvent("started", state.worker, state.pid, reason=f"on {host}"))
            elif isinstance(event, Working):
                state.unit, state.item, state.stage, state.since = event.unit, event.item, event.stage, time.monotonic()
                state.begun += event.item is not None
                self._report(event)
            else:
                self._losses = self._refusals = 0
                self._report(event)

    def _take(self, ref: Any) -> Iterator[Any]:
        """Yield what a task has made, or hand its unit out again."""
        task = self._tasks.pop(ref)
        errors = self._ray.exceptions
        try:
            done = self._ray.get(ref)
        except errors.RayTaskError as error:
            raise error.cause from None
        except (errors.RayError, errors.RaySystemError) as error:
            self._listen()
            del self._numbers[task.number]
            self._again(task, error)
            return
        del self._numbers[task.number]
        self._losses = 0
        yield done

    def _again(self, task: _Task, error: Exception) -> None:
        state = task.state
        lost = isinstance(error, self._ray.exceptions.NodeDiedError) or not self._alive(task.node)
        reason = "lost its node" if lost else f"died ({type(error).__name__})"
        if isinstance(error, self._ray.exceptions.TaskCancelledError):
            reason = f"made no progress for {self._policy.time_limit:g} s"
        self._report(WorkerEvent("died", state.worker, state.pid, state.item, reason))
        if state.item is None or lost:
            # A node that goes is no scene's fault.
            self._losses += 1
            if self._losses > max(_LOSSES, self._policy.retries):
                raise WorkerError(
                    f"{self._losses} tasks in a row were lost (the last one {reason}); what is complete is kept: "
                    "see that the nodes have memory for as many tasks as cores, and run the same command again"
                )
        else:
            self._crashes[state.item] += 1
            if self._crashes[state.item] > self._policy.retries:
                often = f"{self._crashes[state.item]} time{'s' * (self._crashes[state.item] > 1)}"
                task.unit = self._without(task, f"its worker {reason}, {often}")
        self._waiting.appendleft(task.unit)

    def _without(self, task: _Task, reason: str) -> Any:
        item = task.state.item
        assert item is not None
        self._refusals += 1
        if self._refuse is None or self._refusals > _REFUSALS:
            raise WorkerError(f"{item} cannot be made ({reason}); what is complete is kept: run the same command again")
        self._report(WorkerEvent("refused", task.state.worker, task.state.pid, item, reason))
        return self._refuse(task.unit, item, reason)

    def _alive(self, node: str) -> bool:
        return not node or any(n["NodeID"] == node and n["Alive"] for n in self._ray.nodes())

    def _stop_hanging(self) -> None:
        for ref, task in self._tasks.items():
            state, limit = task.state, self._policy.time_limit
            if state.item is None:
                limit = max(limit, _BETWEEN)
            if state.pid and time.monotonic() - state.since > limit:
                state.since = time.monotonic()
                self._ray.cancel(ref, force=True)
