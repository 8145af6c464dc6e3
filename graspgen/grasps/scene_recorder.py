"""Keep the states that chosen in-scene trials go through."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array
from graspgen.grasps.outcomes import Phase

#: What is kept of a simulation: all that its future depends on.
STATE = int(mujoco.mjtState.mjSTATE_INTEGRATION)


@dataclass
class Recorder:
    """States of some trials after every step; results do not depend on it.

    Attributes:
        trials: which trials of the call to record, by their number.
        states: (f, nstate) vectors of `mjSTATE_INTEGRATION`, by trial; the first is the start.
        phases: `Phase` of each, by trial.
        first: number of the trial that `keep` and `drop` call 0.
    """

    trials: Collection[int]
    states: dict[int, list[Array]] = field(default_factory=dict)
    phases: dict[int, list[Phase]] = field(default_factory=dict)
    first: int = 0

    def keep(self, trial: int, states: Array, phase: Phase) -> None:
        """Append (f, nstate) states of a trial, all in one phase."""
        trial += self.first
        if trial in self.trials:
            self.states.setdefault(trial, []).extend(np.array(states))
            self.phases.setdefault(trial, []).extend([phase] * len(states))

    def drop(self, trial: int, steps: int) -> None:
        """Forget the last states of a trial: it ended before them."""
        trial += self.first
        if trial in self.trials and steps:
            del self.states[trial][-steps:], self.phases[trial][-steps:]

    def of(self, trial: int) -> tuple[Array, NDArray[np.uint8]]:
        """Return the (f, nstate) states of a trial and the (f,) phases."""
        return np.array(self.states[trial]), np.array(self.phases[trial], np.uint8)
