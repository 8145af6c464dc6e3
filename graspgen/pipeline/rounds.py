"""What the scenes of the next round are drawn for, from what all scenes before it have given.

A round is a pure function of the recipe's quotas, the seed and the counts of the rounds before it: it depends neither
on workers, nor on interruptions, nor on how many scenes the run may have in the end.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from graspgen.dataset.tally import SceneTally, kind_of
from graspgen.recipe.presets import share_of
from graspgen.recipe.quotas import Quotas
from graspgen.streams import Purpose, stream

#: Drawn as the recipe says.
NONE = ""
#: The first round has so many scenes, or `quotas.round`, whichever is less; the next ones double what there is.
#: So a run of a dozen scenes is steered as well, and what a lever gives is known early.
_FIRST = 8
#: A round has at most this share of the scenes that there are, or `quotas.round`, whichever is more.
_GROWTH = 0.25
#: Scenes that what is expected of a lever counts for, beside what it has given.
_PRIOR = 1.0


@dataclass
class History:
    """What all scenes so far have given.

    Attributes:
        scenes: how many.
        items: as `SceneTally.items`, summed.
        drawn: (dimension, lever) → scenes that were drawn for it.
        given: (dimension, lever) → items of those.
    """

    scenes: int = 0
    items: Counter[tuple[str, str]] = field(default_factory=Counter)
    drawn: Counter[tuple[str, str]] = field(default_factory=Counter)
    given: dict[tuple[str, str], Counter[tuple[str, str]]] = field(default_factory=dict)

    def add(self, tallies: Iterable[SceneTally], dimensions: Collection[str]) -> None:
        """Count scenes."""
        for tally in tallies:
            self.scenes += 1
            self.items.update(tally.items)
            for dimension in dimensions:
                lever = dimension, tally.levers.get(dimension, NONE)
                self.drawn[lever] += 1
                self.given.setdefault(lever, Counter()).update(tally.items)

    def rate(self, target: tuple[str, str], expected: float = 0.0) -> float:
        """Return items of a target in a scene that is drawn for it; `expected` is what is thought before there is one.

        The fewer scenes there are, the more counts what is expected.
        """
        given = self.given.get(target, Counter())[target]
        return (given + _PRIOR * expected) / (self.drawn[target] + _PRIOR)

    def base_rate(self, target: tuple[str, str]) -> float:
        """Return items of a target in a scene that is not drawn for it."""
        others = self.scenes - self.drawn[target]
        return (self.items[target] - self.given.get(target, Counter())[target]) / others if others else 0.0

    def all_rate(self, target: tuple[str, str], kind: str, expected: float) -> float:
        """Return all items of a kind in a scene that is drawn for a target."""
        given = self.given.get(target, Counter())["", kind]
        return (given + _PRIOR * expected) / (self.drawn[target] + _PRIOR)

    def total_rate(self, kind: str, expected: float) -> float:
        """Return all items of a kind in a scene."""
        return (self.items["", kind] + _PRIOR * expected) / (self.scenes + _PRIOR)


@dataclass(frozen=True)
class Round:
    """The scenes `start` … `start` + len(levers) − 1; `levers` are dimension → name for each of them."""

    start: int
    levers: tuple[Mapping[str, str], ...]

    @property
    def stop(self) -> int:
        """The first scene after it."""
        return self.start + len(self.levers)


def is_met(quotas: Quotas, history: History, dimension: str, name: str) -> bool:
    """Whether a target is met."""
    wanted, have = quotas.targets[dimension][name], history.items[dimension, name]
    if isinstance(wanted, int):
        return have >= wanted
    total = history.items["", kind_of(quotas, dimension, name)]
    return total > 0 and have >= (wanted - quotas.tolerance) * total - 1e-9


def all_met(quotas: Quotas, history: History) -> bool:
    """Whether there are counts, and all targets are met: shares alone never end a run."""
    targets = [(d, n, wanted) for d, names in quotas.targets.items() for n, wanted in names.items()]
    return any(isinstance(wanted, int) for _, _, wanted in targets) and all(
        is_met(quotas, history, dimension, name) for dimension, name, _ in targets
    )


def next_round(
    quotas: Quotas, levers: Collection[tuple[str, str]], expected: Mapping[str, float], history: History,
    start: int, seed: int,
) -> Round | None:  # fmt: skip
    """Plan the next round; None where all is met.

    Args:
        quotas: what is asked for.
        levers: the targets that scenes can be drawn for.
        expected: kind (objects, grasps, views, annotations) → how many a scene should give, before there is one.
        history: what the scenes before `start` have given.
        start: the round's first scene.
        seed: the run's.
    """
    if all_met(quotas, history):
        return None
    scenes = {d: _scenes_of(quotas, d, levers, expected, history) for d in quotas.targets}
    size = _size(quotas, history)
    short = [n for n in scenes if any(isinstance(w, float) and not is_met(quotas, history, n, t)
                                      for t, w in quotas.targets[n].items())]  # fmt: skip
    counts = {d: sum(wanted.values()) for d, (wanted, _) in scenes.items()}
    ends = any(counts.values()) and all(n > 0 or not _open(quotas, history, d) for d, n in counts.items())
    if history.scenes and not short and ends:
        size = min(size, max(1, *(math.ceil(n - 1e-9) for n in counts.values())))
    dealt = [_dealt(*scenes[d], size, seed, start, number) for number, d in enumerate(quotas.targets)]
    return Round(
        start,
        tuple(
            {d: names[i] for d, names in zip(quotas.targets, dealt, strict=True) if names[i] != NONE}
            for i in range(size)
        ),
    )


def _size(quotas: Quotas, history: History) -> int:
    """Return how many scenes a round has, if they are needed."""
    return max(min(quotas.round, max(_FIRST, history.scenes)), int(_GROWTH * history.scenes))


def _open(quotas: Quotas, history: History, dimension: str) -> bool:
    return any(not is_met(quotas, history, dimension, name) for name in quotas.targets[dimension])


def _scenes_of(
    quotas: Quotas, dimension: str, levers: Collection[tuple[str, str]], expected: Mapping[str, float], history: History
) -> tuple[dict[str, float], dict[str, float]]:
    """Return, by target, the scenes that a count still needs, and the share of the round that a share asks for."""
    counts: dict[str, float] = {}
    shares: dict[str, float] = {}
    for name, wanted in quotas.targets[dimension].items():
        target = dimension, name
        if target not in levers:
            continue
        kind = kind_of(quotas, dimension, name)
        first = expected[kind] if kind == "views" else 1.0
        if isinstance(wanted, int):
            missing = wanted - history.items[target]
            if missing > 0:
                counts[name] = math.ceil(missing / max(history.rate(target, first), 1e-3) - 1e-9)
            continue
        if not history.scenes:
            shares[name] = wanted
            continue
        # The share x of the round's n scenes for which, after it, have + n (x rate + (1 − x) base) is what is asked for
        # of all, total + n (x drawn_all + (1 − x) every).
        n = _size(quotas, history)
        every = history.total_rate(kind, expected[kind])
        rate, base = history.rate(target, first), history.base_rate(target)
        # A scene that is drawn for it may hold fewer of all: a greater share of those is a gain, too.
        drawn_all = history.all_rate(target, kind, every)
        lacking = wanted * (history.items["", kind] + n * every) - history.items[target] - n * base
        gain = n * (rate - base - wanted * (drawn_all - every))
        shares[name] = min(1.0, max(0.0, lacking / gain)) if gain > 0 else 0.0
    total = sum(shares.values())
    return counts, {name: share / max(total, 1.0) for name, share in shares.items()}


def _dealt(
    counts: Mapping[str, float], shares: Mapping[str, float], size: int, seed: int, start: int, number: int
) -> list[str]:
    """Deal the levers of one dimension out to the scenes of a round: exactly by count, in an order of its own."""
    room = max(0.0, 1.0 - sum(shares.values()))
    asked = sum(counts.values())
    of_counts = {name: n / size * min(1.0, room * size / asked) for name, n in counts.items()} if asked else {}
    mix = {**of_counts, **shares}
    if sum(mix.values()) <= 0:
        return [NONE] * size
    mix[NONE] = max(0.0, 1.0 - sum(mix.values()))
    order = stream(seed, Purpose.QUOTAS, start, number).permutation(size)
    return [share_of(mix, int(place)) for place in order]
