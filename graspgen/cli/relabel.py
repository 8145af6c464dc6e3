"""`graspgen relabel`: how many labels another physics profile agrees with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from graspgen.pipeline.relabel import Agreement


def relabel(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A dataset's folder.")],
    profile: Annotated[str, typer.Option(help="Physics profile to try the grasps under.")] = "strict",
    sample: Annotated[int, typer.Option(min=1, help="How many grasps, of every outcome alike while they last.")] = 500,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="The same seed takes the same grasps.")] = 0,
    threads: Annotated[int, typer.Option(min=0, max=1024, help="Native threads; 0 takes all cores.")] = 0,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers here as well.")] = None,
) -> None:
    """Try stored grasps again under another physics profile and tell how many labels agree."""
    from graspgen.cli.damage import reading
    from graspgen.dataset.layout import write_text
    from graspgen.pipeline.relabel import relabel as run

    with reading(path):
        agreement = run(path, profile, sample, seed, threads)
    print_agreement(agreement)
    if json is not None:
        write_text(json, agreement.to_json())


def print_agreement(agreement: Agreement) -> None:
    """Print a row for each stored outcome, the totals, and what may explain a difference."""
    from rich import box
    from rich.table import Table

    from graspgen.cli.show import console

    table = Table(
        title=f"labelled with {agreement.stored_profile}, tried again with {agreement.profile}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
    )
    table.add_column("stored outcome")
    for name in ("in the dataset", "tried again", "agree", "share"):
        table.add_column(name, justify="right")
    table.add_column("the others became")
    for row in agreement.rows:
        others = sorted(((n, o) for o, n in row.became.items() if o != row.outcome), reverse=True)
        became = ", ".join(f"{_words(o.name)} {n}" for n, o in others)
        share = _percent(row.agree / row.tried) if row.tried else "n/a"
        table.add_row(_words(row.outcome.name), str(row.stored), str(row.tried), str(row.agree), share, became)
    stored = sum(row.stored for row in agreement.rows)
    share = _percent(agreement.agree / agreement.tried)
    table.add_section()
    table.add_row("all", str(stored), str(agreement.tried), str(agreement.agree), share, "")
    console().print(table)
    for label, same, success in (
        ("of the whole dataset", agreement.weighted, agreement.weighted_success),
        ("of those that do not hit their target", agreement.weighted_simulated, agreement.weighted_simulated_success),
    ):
        typer.echo(f"{label}, {_percent(same)} keep their outcome, {_percent(success)} still hold or still fail")
    rate = agreement.tried / agreement.seconds if agreement.seconds else float("nan")
    typer.echo(f"{agreement.steps} steps in {agreement.seconds:.1f} s, {rate:.0f} grasps/s")
    for note in agreement.notes:
        typer.echo(f"note: {note}")


def _words(name: str) -> str:
    return name.lower().replace("_", " ")


def _percent(share: float) -> str:
    return "n/a" if share != share else f"{100 * share:.1f} %"
