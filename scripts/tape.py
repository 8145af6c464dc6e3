"""Records the native calls of a stage, so that a benchmark can make them again bare."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

import mujoco
import numpy as np
from mujoco.batch import Batch

from graspgen.grasps import clearance, trial


class Tape:
    """Native calls, each of which returns the time that it took when it is made again, s."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], float]] = []
        self.steps = 0

    def replay(self) -> float:
        """Make all calls again and return the time that they took, s."""
        return sum(call() for call in self.calls)


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


@contextmanager
def recorded_batches(tape: Tape) -> Iterator[None]:
    """Record every `Batch.step` and `Batch.forward` of trials and clearances, with the state that each started from."""

    class Recorder(Batch):
        def _keep(self, name: str, ids: np.ndarray, *args: object) -> None:
            state, gravity = self.state[ids].copy(), self.expanded("opt.gravity")
            gravity = None if gravity is None else gravity[ids].copy()

            def again() -> float:
                self.state[ids] = state
                if gravity is not None:
                    self.expand("opt.gravity")[ids] = gravity
                return timed(lambda: getattr(Batch, name)(self, ids, *args))

            tape.calls.append(again)

        def step(self, ids=None, nstep=1, stage=0):
            self._keep("step", ids, nstep, stage)
            tape.steps += len(ids) * nstep
            Batch.step(self, ids, nstep, stage)

        def forward(self, ids=None, stage=int(mujoco.mjtStage.mjSTAGE_ACC)):
            self._keep("forward", ids, stage)
            Batch.forward(self, ids, stage)

    with mock.patch.object(trial, "Batch", Recorder), mock.patch.object(clearance, "Batch", Recorder):
        yield
