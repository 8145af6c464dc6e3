"""Which assets of a catalogue a run draws from: what the check refused stays out, and a split or classes narrow it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from graspgen.errors import ObjectError, nearest
from graspgen.objects.asset import Asset
from graspgen.objects.catalogue import Catalogue, grouped
from graspgen.objects.library_index import Entry, Index
from graspgen.objects.procedural import ProceduralCatalogue
from graspgen.objects.splits import SALT, SHARES, Split
from graspgen.recipe import Objects

#: The split of procedural objects: by asset number.
PROCEDURAL_SPLIT = Split("object", tuple(SHARES.items()), SALT)
# Refused assets named in the line that tells of them.
_NAMED = 12


@dataclass(frozen=True)
class Selection:
    """What a run uses of its catalogue, and what it leaves out.

    Attributes:
        source: the library's folder, or "procedural objects".
        total: assets that are there.
        used: how many the run draws from.
        refused: names of the assets that the check refused.
        refused_used: they are used all the same (`objects.refused: use`).
        unchecked: how many of those used were never checked.
        split, classes: what the recipe restricts the run to.
        digest: SHA-256 of the names and contents that are used, in order.
    """

    source: str
    total: int
    used: int
    refused: tuple[str, ...]
    refused_used: bool
    unchecked: int
    split: str | None
    classes: tuple[str, ...] | None
    digest: str

    def line(self) -> str:
        """Tell it in a line, for people."""
        told = f"objects: {self.used} of {self.total} from {self.source}"
        if self.split:
            told += f", split {self.split}"
        if self.classes:
            told += f", classes {', '.join(self.classes)}"
        if self.refused:
            names = ", ".join(self.refused[:_NAMED])
            if len(self.refused) > _NAMED:
                names += f" and {len(self.refused) - _NAMED} more"
            what = "used all the same" if self.refused_used else "left out"
            told += f"; refused by the check and {what}: {len(self.refused)} ({names})"
        if self.unchecked:
            told += f"; not checked: {self.unchecked}"
        return told

    def plain(self) -> dict[str, object]:
        """Return it as plain data, with all names."""
        return {**vars(self), "refused": list(self.refused), "classes": list(self.classes) if self.classes else None}


def select(index: Index, spec: Objects) -> tuple[list[Entry], Selection]:
    """Choose the assets of a library that a recipe asks for, in the order of their names.

    Args:
        index: the library's.
        spec: the recipe's section.

    Raises:
        ObjectError: an asset's files are damaged and not known to be, an unknown class or part of the split is asked
            for, something was refused and the recipe takes that as an error, or nothing is left.
    """
    where, entries = index.path, list(index.entries.values())
    damaged = next((e for e in entries if e.damage and not e.refused), None)
    if damaged is not None:
        raise ObjectError(f"{damaged.damage} (`graspgen objects check {where}` marks it, and runs leave it out)")
    if spec.classes is not None:
        known = {e.class_name for e in entries if e.class_name}
        for name in spec.classes:
            if name not in known:
                raise ObjectError(f"objects.classes: {where} has no class '{name}'{nearest(name, known)}")
    if spec.split is not None:
        if index.split is None:
            raise ObjectError(
                f"objects.split: {where} is not split; run `graspgen objects split {where} --by object` first"
            )
        index.split.check_part(spec.split)
    wanted = [
        e for e in entries
        if (spec.classes is None or e.class_name in spec.classes or e.damage)
        and (spec.split is None or index.part_of(e) == spec.split)
    ]  # fmt: skip
    refused = tuple(e.name for e in wanted if e.refused)
    if refused and spec.refused == "error":
        raise ObjectError(
            f"objects.library: the check refused {len(refused)} of {where}: {', '.join(refused[:_NAMED])}"
            f"{', …' if len(refused) > _NAMED else ''}; mend or remove them, or set objects.refused to skip or use"
        )
    used = [e for e in wanted if not e.damage and (spec.refused == "use" or not e.refused)]
    if not used:
        raise ObjectError(_nothing_left(index, spec, len(wanted), len(refused)))
    digest = _digest(f"{e.name} {e.digest}" for e in used)
    unchecked = sum(e.check is None for e in used)
    kept = spec.refused == "use"
    classes = tuple(spec.classes) if spec.classes is not None else None
    told = Selection(str(where), len(entries), len(used), refused, kept, unchecked, spec.split, classes, digest)
    return used, told


def _nothing_left(index: Index, spec: Objects, wanted: int, refused: int) -> str:
    if wanted == 0:
        asked = " and ".join(
            told for told, given in (
                (f"objects.split={spec.split}", spec.split), (f"objects.classes={spec.classes}", spec.classes)
            ) if given
        )  # fmt: skip
        return f"objects.library: no asset of {index.path} is in {asked}; ask for another, or add objects"
    return (
        f"objects.library: the check refused all {refused} assets of {index.path} that are asked for; "
        f"`graspgen objects list {index.path}` says why; mend them, or set objects.refused=use"
    )


class SubsetCatalogue:
    """Some of the assets of another catalogue, in its order and under their own names."""

    def __init__(self, whole: Catalogue, numbers: Sequence[int], selection: Selection) -> None:
        self._whole, self._numbers, self.selection = whole, numbers, selection

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def class_names(self) -> Sequence[str]:
        """All class names of the whole catalogue, so that a class id is the same in every part of it."""
        return self._whole.class_names

    @cached_property
    def by_class(self) -> Mapping[str, Sequence[int]]:
        """Numbers of its assets by class."""
        of = {number: name for name, numbers in self._whole.by_class.items() for number in numbers}
        return grouped([of[number] for number in self._numbers])

    def asset(self, number: int) -> Asset:
        """Return asset `number` of the subset.

        Raises:
            ObjectError: there is no such number, or it cannot be made.
        """
        if not 0 <= number < len(self):
            raise ObjectError(f"asset {number} is not among the {len(self)} that the recipe asks for")
        return self._whole.asset(self._numbers[number])


def procedural_subset(whole: ProceduralCatalogue, spec: Objects) -> Catalogue:
    """Narrow procedural objects to a part of their split and to classes; asset k is the same as in the whole pool.

    The split is by the asset's number, with the shares 0.8, 0.1, 0.1 of train, val and test.

    Raises:
        ObjectError: an unknown class or part is asked for, or nothing is left.
    """
    if spec.split is None and spec.classes is None:
        return whole
    if spec.split is not None:
        PROCEDURAL_SPLIT.check_part(spec.split)
    for name in spec.classes or ():
        if name not in whole.class_names:
            raise ObjectError(
                f"objects.classes: there are no procedural objects of class '{name}'{nearest(name, whole.class_names)}"
            )
    numbers = [
        k for k in range(len(whole))
        if (spec.split is None or PROCEDURAL_SPLIT.of(str(k), "") == spec.split)
        and (spec.classes is None or whole.class_of(k) in spec.classes)
    ]  # fmt: skip
    if not numbers:
        raise ObjectError(
            f"none of the {len(whole)} procedural objects (objects.pool) is in objects.split={spec.split}, "
            f"objects.classes={spec.classes}; raise objects.pool, or add the class's family to objects.families"
        )
    classes = tuple(spec.classes) if spec.classes is not None else None
    selection = Selection(
        "procedural objects", len(whole), len(numbers), (), False, 0, spec.split, classes, _digest(map(str, numbers))
    )
    return SubsetCatalogue(whole, numbers, selection)


def selection_of(catalogue: Catalogue) -> Selection | None:
    """Return what a catalogue leaves out; None where it is all of the procedural objects."""
    return getattr(catalogue, "selection", None)


def _digest(lines: object) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()  # type: ignore[call-overload]
