"""Catalogues: numbered collections of assets that a run draws its objects from."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from graspgen.objects.asset import Asset


class Catalogue(Protocol):
    """Assets numbered 0 … len − 1. The same number always gives the same asset, in every process."""

    def __len__(self) -> int: ...

    @property
    def class_names(self) -> Sequence[str]:
        """All class names that can occur, sorted; `class_id` is the position in it, from 1."""
        ...

    @property
    def by_class(self) -> Mapping[str, Sequence[int]]:
        """Numbers of the assets that targets are drawn from, by class, ascending; found without making any."""
        ...

    def asset(self, number: int) -> Asset:
        """Return asset `number`.

        Raises:
            ObjectError: it cannot be made or read.
        """
        ...


def grouped(classes: Sequence[str]) -> dict[str, list[int]]:
    """Return the places of each class in a sequence of classes."""
    found: dict[str, list[int]] = {}
    for number, name in enumerate(classes):
        found.setdefault(name, []).append(number)
    return found


class KeptCatalogue:
    """A catalogue that keeps assets once they are made.

    Args:
        catalogue: whose assets they are.
        most: how many, those that were asked for last; None for all.
    """

    def __init__(self, catalogue: Catalogue, most: int | None = None) -> None:
        self._catalogue, self._most = catalogue, most
        self._assets: OrderedDict[int, Asset] = OrderedDict()

    def __len__(self) -> int:
        return len(self._catalogue)

    @property
    def distractors(self) -> range | None:
        """Numbers of the distractors, None where there are none."""
        return getattr(self._catalogue, "distractors", None)

    @property
    def class_names(self) -> Sequence[str]:
        """Those of the catalogue."""
        return self._catalogue.class_names

    @property
    def by_class(self) -> Mapping[str, Sequence[int]]:
        """Those of the catalogue."""
        return self._catalogue.by_class

    def asset(self, number: int) -> Asset:
        """Return asset `number`, made at most once while it is kept."""
        if number not in self._assets:
            self._assets[number] = self._catalogue.asset(number)
            if self._most is not None and len(self._assets) > self._most:
                self._assets.popitem(last=False)
        self._assets.move_to_end(number)
        return self._assets[number]


class JoinedCatalogue:
    """The catalogue of a run, then that of its distractors, whose assets have names of their own.

    Attributes:
        distractors: the numbers of the second catalogue's assets.
        selection: what the first catalogue leaves out, None where nothing.
    """

    def __init__(self, main: Catalogue, distractors: Catalogue) -> None:
        self._main, self._others = main, distractors
        self.distractors = range(len(main), len(main) + len(distractors))
        self.selection = getattr(main, "selection", None)
        self._names = sorted({*main.class_names, *distractors.class_names})

    def __len__(self) -> int:
        return self.distractors.stop

    @property
    def class_names(self) -> Sequence[str]:
        """All class names of both, sorted."""
        return self._names

    @property
    def by_class(self) -> Mapping[str, Sequence[int]]:
        """Those of the first catalogue."""
        return self._main.by_class

    def asset(self, number: int) -> Asset:
        """Return asset `number`, of the first catalogue or, with a name that begins with `distractor-`, of the second.

        Raises:
            ObjectError: there is no such number, or it cannot be made.
        """
        if number not in self.distractors:
            return self._main.asset(number)
        asset = self._others.asset(number - self.distractors.start)
        return replace(asset, name=f"distractor-{asset.name}")


def numbers_of(catalogue: Catalogue, role: str) -> range:
    """Return the numbers of the assets that objects of a role are drawn from."""
    distractors = getattr(catalogue, "distractors", None)
    if distractors is None:
        return range(len(catalogue))
    return range(distractors.start) if role == "target" else distractors
