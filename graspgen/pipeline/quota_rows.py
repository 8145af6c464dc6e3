"""What became of the targets of quotas: met or not, and why."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from graspgen.dataset.tally import kind_of
from graspgen.pipeline.rounds import History, is_met
from graspgen.recipe.quotas import Quotas


@dataclass(frozen=True)
class QuotaRow:
    """A target of the quotas and what became of it.

    Attributes:
        target: "dimension.name", as the recipe has it.
        wanted: what is asked for, in words.
        have: how many there are.
        total: of how many, of the same kind.
        kind: what is counted.
        met: whether it is met.
        why: why not, "" where it is met.
    """

    target: str
    wanted: str
    have: int
    total: int
    kind: str
    met: bool
    why: str

    def cells(self) -> tuple[str, str, str, str, str]:
        """Return the cells of a table: target, wanted, have, met, why not."""
        share = f" ({self.have / self.total:.1%})" if self.total else ""
        have = f"{self.have} of {self.total} {self.kind}{share}"
        return self.target, self.wanted, have, "met" if self.met else "not met", self.why

    def line(self) -> str:
        """Say it in a line."""
        target, wanted, have, met, why = self.cells()
        return f"quota {target}: {wanted}, {have}: {met}" + (f" ({why})" if why else "")


def report(quotas: Quotas, history: History, most: int, steered: Iterable[str]) -> list[QuotaRow]:
    """Say of every target whether it is met, and why not.

    Args:
        quotas: what was asked for.
        history: what all scenes gave.
        most: the most scenes of the run.
        steered: targets, "dimension.name", that scenes can be drawn for.
    """
    known, rows = set(steered), []
    for dimension, targets in quotas.targets.items():
        for name, wanted in targets.items():
            kind = kind_of(quotas, dimension, name)
            met = is_met(quotas, history, dimension, name)
            have, total = history.items[dimension, name], history.items["", kind]
            told = "objects in views" if kind == "annotations" else kind
            asked = f"{wanted}" if isinstance(wanted, int) else f"{wanted:.0%}"
            steers = f"{dimension}.{name}" in known
            why = "" if met else _why(quotas, history, (dimension, name), most, steers)
            rows.append(QuotaRow(f"{dimension}.{name}", asked, have, total, told, met, why))
    return rows


def _why(quotas: Quotas, history: History, target: tuple[str, str], most: int, steered: bool) -> str:
    dimension, name = target
    wanted, have = quotas.targets[dimension][name], history.items[target]
    kind = kind_of(quotas, dimension, name)
    ended = f"-n {most} is reached" if history.scenes >= most else f"{history.scenes} of at most {most} scenes are made"
    drawn, given = history.drawn[target], history.given.get(target, {}).get(target, 0)
    if not steered:
        told = f"nothing in the recipe can be narrowed for it; a scene gives {history.base_rate(target):.2g}"
        rate = history.base_rate(target)
    elif not drawn:
        told, rate = "no scene was drawn for it yet", 0.0
    else:
        rate = given / drawn
        told = f"a scene drawn for it gives {rate:.2g}, another {history.base_rate(target):.2g}"
        told += f", of {drawn} and {history.scenes - drawn} scenes"
    if not rate:
        return f"{told}; {ended}"
    if isinstance(wanted, int):
        return f"{told}; {ended}, about {math.ceil((wanted - have) / rate)} more would do"
    lacking = (wanted - quotas.tolerance) * history.items["", kind] - have
    return f"{told}; {ended}, {math.ceil(lacking)} are lacking"


def plain(rows: Iterable[QuotaRow]) -> list[dict[str, Any]]:
    """Return rows as plain data, for the journal."""
    return [asdict(row) for row in rows]
