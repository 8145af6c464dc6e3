"""`graspgen report`: what a dataset's grasps came to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from graspgen.cli.show import console

if TYPE_CHECKING:
    from graspgen.report.grasps import ScoreAuc, Share


def print_report(path: Path) -> None:
    """Print outcomes by code and by class, success by sampler, and the AUC of each analytic score."""
    from graspgen.dataset.reader import open as open_dataset
    from graspgen.grasps.outcomes import Outcome
    from graspgen.report.grasps import report_grasps

    with open_dataset(path) as dataset:
        report = report_grasps(dataset)
    seen = [code for code in Outcome if code in report.total.outcomes]
    table = _table("outcome", "grasps", "share")
    for code in seen:
        number = report.total.outcomes[code]
        table.add_row(_words(code.name), str(number), _percent(number, report.total.grasps))
    table.add_row("all", str(report.total.grasps), _percent(report.total.grasps, report.total.grasps))
    console().print(table)
    console().print(_shares("class", [*report.by_class, report.total]))
    table = _table("class", *(_words(code.name) for code in seen))
    for share in report.by_class:
        table.add_row(share.name, *(str(share.outcomes.get(code, 0)) for code in seen))
    console().print(table)
    console().print(_shares("sampler", report.by_sampler))
    console().print(_aucs(report.scores))


def _shares(kind: str, shares: Sequence[Share]) -> Table:
    table = _table(kind, "grasps", "reach the object", "hold", "of all tried", "of those that reach")
    for s in shares:
        table.add_row(
            s.name,
            str(s.grasps),
            str(s.reached),
            str(s.held),
            _percent(s.held, s.tried),
            _percent(s.held, s.reached),
        )
    return table


def _aucs(scores: Sequence[ScoreAuc]) -> Table:
    table = _table("score", "better is", "AUC, reach the object", "of one object", "n", "AUC, all tried", "n")
    for s in scores:
        sense = "more" if s.higher_is_better else "less"
        near = (_number(s.auc), _number(s.auc_within), str(s.n))
        table.add_row(s.name, sense, *near, _number(s.auc_all), str(s.n_all))
    table.caption = "AUC: chance that a grasp that holds scores better than one that does not; 0.5 says nothing"
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), caption_justify="left")
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _words(name: str) -> str:
    return name.lower().replace("_", " ")


def _number(value: float) -> str:
    return "n/a" if math.isnan(value) else f"{value:.3f}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "n/a"
