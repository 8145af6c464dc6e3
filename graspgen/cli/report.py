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
    from graspgen.report.in_scene import InScene


def print_report(path: Path) -> None:
    """Print outcomes, success by class and sampler, the AUC of each analytic score, and free space against scene."""
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
    if report.in_scene is not None:
        console().print(_in_scene(report.in_scene))
        console().print(_foretold(report.in_scene))


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


def _in_scene(found: InScene) -> Table:
    table = _table("free space / in the scene", *(_words(code.name) for code in found.scene), "all")
    for code, counts in zip(found.free, found.counts, strict=True):
        table.add_row(_words(code.name), *map(str, counts.tolist()), str(int(counts.sum())))
    table.add_row("all", *map(str, found.counts.sum(axis=0).tolist()), str(found.grasps))
    table.caption = f"both agree on success for {100 * found.agreement:.1f} % of {found.grasps} grasps tried in both"
    return table


def _foretold(found: InScene) -> Table:
    table = _table("collision bits say", "grasps", "hit something in the scene", "share", "hold in the scene", "share")
    for f in found.foretold:
        table.add_row(
            f.name,
            str(f.grasps),
            str(f.hits),
            _percent(f.hits, f.grasps),
            str(f.held),
            _percent(f.held, f.grasps),
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
