"""What a run shows while it runs, and the table at its end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Protocol

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from graspgen.grasps.outcomes import Outcome
from graspgen.objects.selection import Selection
from graspgen.pipeline.quota_rows import QuotaRow
from graspgen.pipeline.summary import Summary

# Seconds between two lines where the output is no terminal.
_LINE_EVERY = 10.0
# Width of the bar, so that what is beside it fits into the 80 columns of a small terminal.
_BAR = 16
# Stages that took less of the time are left out of lines.
_LEAST = 0.005


class Progressing(Protocol):
    """What a run has made so far."""

    @property
    def done(self) -> int:
        """How many of the things that are counted."""
        ...

    @property
    def new(self) -> int:
        """How many of them were made since the start; the others were there."""
        ...

    @property
    def counts(self) -> str:
        """How much of what is in them, in a few words."""
        ...

    @property
    def seconds(self) -> Mapping[str, float]:
        """Wall-clock time by stage, summed over workers."""
        ...


class Display:
    """Shows progress on stderr: a live bar in a terminal, a plain line now and then elsewhere.

    Args:
        total: how many things are made.
        console: where it is shown; stderr if None.
        quiet: show nothing.
        what: the things' name, in the plural.
    """

    def __init__(self, total: int, console: Console | None = None, quiet: bool = False, what: str = "scenes") -> None:
        self._console = console or Console(stderr=True)
        self._total, self._quiet, self._what = total, quiet, what
        self._start = self._last_line = time.monotonic()
        self._ended = False
        self._bar: Progress | None = None
        if self._console.is_terminal and not quiet:
            self._bar = _Lines(
                SpinnerColumn(),
                TextColumn(what),
                BarColumn(bar_width=_BAR),
                MofNCompleteColumn(),
                TextColumn("{task.fields[told]}"),
                console=self._console,
                transient=True,
            )
            self._task = self._bar.add_task(what, total=total, told="starting")

    def __enter__(self) -> Display:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def update(self, made: Progressing, more: str = "", lines: Sequence[str] = ()) -> None:
        """Show what has been made so far.

        Args:
            made: that.
            more: what else there is to say in the same line.
            lines: what a terminal shows below it.
        """
        rate, stages = self._rate(made), stage_shares(made.seconds)
        if self._bar:
            self._bar.lines = [*filter(None, ("  ".join(filter(None, (made.counts, more))), stages)), *lines]
            self._bar.update(self._task, completed=made.done, told=rate)
        elif not self._quiet:
            now = time.monotonic()
            if now - self._last_line >= _LINE_EVERY or (made.done == self._total and not self._ended):
                self._last_line, self._ended = now, made.done == self._total
                text = [f"{self._what} {made.done}/{self._total}", made.counts, rate, stages, more]
                self._console.print("  ".join(filter(None, text)), soft_wrap=True, highlight=False)

    def _rate(self, made: Progressing) -> str:
        elapsed = max(time.monotonic() - self._start, 1e-6)
        rate = f"{made.new / elapsed:.2f} {self._what}/s"
        if not made.new and made.done < self._total:
            return rate  # nothing was made yet that a time could follow from
        return f"{rate}  {duration((self._total - made.done) * elapsed / max(made.new, 1))} left"


class _Lines(Progress):
    """A bar with lines below it."""

    lines: Sequence[str] = ()

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        yield from (Text(f"  {line}", style="dim", no_wrap=True, overflow="ellipsis") for line in self.lines)


def stage_shares(seconds: Mapping[str, float]) -> str:
    """Return in a line what share of the time each stage took, without those that took next to nothing."""
    spent = sum(seconds.values()) or 1.0
    return "  ".join(f"{stage} {s / spent:.0%}" for stage, s in seconds.items() if s / spent >= _LEAST)


def print_selection(selection: Selection) -> None:
    """Say on stderr, in a run's first line, what it draws from and what it leaves out."""
    Console(stderr=True).print(selection.line(), soft_wrap=True, highlight=False, markup=False)


def summary_table(made: Summary, title: str) -> Table:
    """Return the table that ends a run."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(justify="right")
    table.add_row("scenes", str(made.scenes), _per_second(made.scenes, made.wall))
    if made.taken_up:
        table.add_row("  taken up, unfinished", str(made.taken_up), "")
    for scene, why in sorted(made.given_up.items()):
        table.add_row(f"  scene {scene} refused", why, "")
    table.add_row("views", str(made.views), _per_second(made.views, made.wall))
    table.add_row("grasps", str(made.grasps), _per_second(made.grasps, made.wall))
    add_outcomes(table, made.outcomes)
    add_refused(table, made)
    add_times(table, made.seconds, made.wall)
    return table


def _per_second(count: int, wall: float) -> str:
    rate = count / max(wall, 1e-9)
    return f"{rate:.0f}/s" if rate >= 100 else f"{rate:.1f}/s" if rate >= 10 else f"{rate:.2f}/s"


def quota_table(rows: Sequence[QuotaRow]) -> Table:
    """Return the table that says of every target of the quotas what there is, whether it is met, and why not."""
    table = Table("quota", "wanted", "have", "", "why not", title="quotas", title_justify="left")
    for row in rows:
        target, wanted, have, met, why = row.cells()
        table.add_row(target, wanted, have, Text(met, style="green" if row.met else "red"), why)
    return table


def add_refused(table: Table, made: Summary) -> None:
    """Add how many attempts were refused and why, and the objects that are not in their scenes."""
    refused = made.refused.total()
    table.add_row("refused attempts", str(refused), f"{refused / max(refused + made.scenes, 1):.1%}")
    for kind, count in made.refused.most_common():
        table.add_row(f"  {kind}", str(count), "")
    for told, count in (
        ("objects that left the arena", made.removed),
        ("  through something solid", made.tunnelled),
        ("objects that found no room", made.left_out),
    ):
        if count:
            table.add_row(told, str(count), "")


def add_outcomes(table: Table, outcomes: Mapping[str, int]) -> None:
    """Add a row for each outcome: its name, its count, its share."""
    total = max(sum(outcomes.values()), 1)
    for name, count in sorted(outcomes.items(), key=lambda item: Outcome[item[0]]):
        table.add_row(f"  {name.lower().replace('_', ' ')}", str(count), f"{count / total:.1%}")


def add_times(table: Table, seconds: Mapping[str, float], wall: float) -> None:
    """Add a section of the time that each stage took, summed over workers, and of the wall clock."""
    table.add_section()
    spent = sum(seconds.values()) or 1.0
    for stage, taken in seconds.items():
        if taken < 0.05 and taken / spent < _LEAST:
            continue
        table.add_row(f"{stage}, all workers", f"{taken:.1f} s", f"{taken / spent:.0%}")
    table.add_row("wall clock", duration(wall), "")


def counted(count: int, what: str) -> str:
    """Return a count of things as people write it: "1 time", "2 times"."""
    return f"{count} {what}" + ("" if count == 1 else "s")


def duration(seconds: float) -> str:
    """Return a duration as people write it: "42 s", "3 min 05 s", "2 h 10 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def print_note(line: str) -> None:
    """Tell the user something that changes what is made, on standard error."""
    Console(stderr=True).print(f"note: {line}", soft_wrap=True, highlight=False, markup=False)
