"""The environments of a vector in a few teams: while one is commanded or judged, which takes the interpreter's lock,
other threads simulate others.

A team is `Senses` of some of the environments, with arrays of its own; what an environment does depends on its number
alone, not on who is in its team.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.env.crew import Call
from graspgen.env.images import Shot
from graspgen.env.scenes import Place
from graspgen.env.senses import Senses
from graspgen.frames import Array

#: Most teams, and fewest environments of one: a team more takes some 100 µs of Python more in every step.
MOST, LEAST = 4, 16
#: What took more than this share of the last step's simulation goes first: else all wait for it in the end.
_LONG = 0.05


def sizes(n: int, threads: int) -> list[int]:
    """Return how many environments each team has; with a single thread there is nothing to do meanwhile."""
    teams = max(1, min(MOST, n // LEAST)) if threads > 1 else 1
    return [n // teams + (k < n % teams) for k in range(teams)]


class Team:
    """Some environments of a vector.

    Attributes:
        senses: of them.
        span: which of the vector's they are.
        going: numbers in the team of those that go on in this step.
        took: (size,) s, how long each was simulated in the last step; it says who goes first, and nothing else.
    """

    def __init__(self, senses: Senses, first: int) -> None:
        self.senses, self.tasks = senses, senses.tasks
        self.took = np.zeros(senses.tasks.n)
        self.span = slice(first, first + senses.tasks.n)
        self.going: list[int] = []

    def command(self, going: NDArray[np.bool_], actions: NDArray, whole: float) -> tuple[list[Call], int]:
        """Begin a control step; return the calls that simulate it, longest first, and how many cannot wait.

        Args:
            going: (n,) which environments of the vector go on.
            actions: (n, numbers) of all.
            whole: s, how long all were simulated in the last step.
        """
        self.going = np.flatnonzero(going[self.span]).tolist()
        self.tasks.command(self.going, actions[self.span])
        took = self.took.tolist()
        order = sorted(self.going, key=lambda i: -took[i])
        urgent = sum(took[i] > _LONG * whole for i in order)
        return [functools.partial(self._simulate, i) for i in order], urgent

    def _simulate(self, i: int) -> None:
        start = time.perf_counter()
        self.tasks.simulate(i)
        self.took[i] = time.perf_counter() - start

    def judge(self, rewards: Array, over: NDArray[np.bool_]) -> None:
        """End the control step, once it is simulated: write into (n,) rewards, and whether each episode is over."""
        rewards[self.span], over[self.span] = self.tasks.judged(self.going)
        for i in self.going:
            self.senses.next(i)


class Teams:
    """The teams of a vector; environments have their numbers in the vector.

    Attributes:
        teams: they.
        spec, period, chunk, action_size: of the tasks, which all have in common.

    Args:
        senses: makes those of a team, of so many environments, which share the scenes of the first team's, or None.
        sizes: of the teams.
    """

    def __init__(self, senses: Callable[[int, Senses | None], Senses], sizes: Sequence[int]) -> None:
        self.teams: list[Team] = []
        self._of: list[tuple[Senses, int]] = []
        for size in sizes:
            first = self.teams[0].senses if self.teams else None
            self.teams.append(Team(senses(size, first), len(self._of)))
            self._of += [(self.teams[-1].senses, i) for i in range(size)]
        self.first = self.teams[0].senses
        tasks = self.first.tasks
        self.spec, self.period, self.chunk, self.action_size = tasks.spec, tasks.period, tasks.chunk, tasks.action_size

    @property
    def places(self) -> list[Place | None]:
        """The scenes of the environments, None before the first."""
        return [place for team in self.teams for place in team.tasks.places]

    def reset(self, i: int, rng: np.random.Generator, **given: Any) -> None:
        """Begin an episode, as `GraspTasks.reset` does."""
        senses, own = self._of[i]
        senses.tasks.reset(own, rng, **given)
        senses.begin(own)

    def info(self, i: int) -> dict[str, Any]:
        """Return what is told of an episode."""
        senses, own = self._of[i]
        return senses.tasks.info(own)

    def infos(self) -> dict[str, NDArray]:
        """Return (n,) arrays of what `info` tells of each episode."""
        return _joined([team.tasks.infos() for team in self.teams])

    def description(self, i: int) -> str:
        """Return the task of an environment in words."""
        senses, own = self._of[i]
        return senses.tasks.description(own)

    def observed(self) -> Any:
        """Return the observations of all, as `Senses.observed` does."""
        return _joined([team.senses.observed() for team in self.teams])

    def observation(self, i: int) -> Any:
        """Return the observation of an environment."""
        senses, own = self._of[i]
        return senses.observation(own)

    def picture(self, i: int) -> Shot:
        """Return what the first camera of an environment sees."""
        senses, own = self._of[i]
        return senses.picture(own)

    def close(self) -> None:
        """Free what was uploaded to the renderer, and end the processes that make scenes ahead."""
        for team in self.teams:
            team.senses.close()


def _joined(parts: list[Any]) -> Any:
    """Return arrays, or dictionaries of arrays, one after the other along their first axis."""
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], dict):
        return {name: _joined([part[name] for part in parts]) for name in parts[0]}
    return np.concatenate(parts)
