"""`graspgen grippers`: list and show grippers, check one, write the YAML of one's own."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from graspgen.grippers.gripper import Gripper
    from graspgen.pipeline.finger_check import FingerReport
    from graspgen.pipeline.gripper_report import GripperReport
    from graspgen.pipeline.suction_check import SuctionReport

app = typer.Typer(no_args_is_help=True, help="List and show grippers; check one; write the YAML of your own.")

FAILED = 1
#: So many pairs of links that are in each other are told one by one.
SHOWN = 4

Which = Annotated[
    str,
    typer.Argument(metavar="GRIPPER", help="A shipped gripper, a YAML, an MJCF (.xml), or menagerie:NAME."),
]
PictureFile = Annotated[
    Path | None, typer.Option("--picture", "-p", help="Where the picture goes; NAME.png in this folder if not given.")
]
NoPicture = Annotated[bool, typer.Option("--no-picture", help="Make no picture; needs no OpenGL.")]


@app.command("list")
def list_() -> None:
    """List the shipped grippers."""
    from rich import box
    from rich.table import Table

    from graspgen.cli.show import console
    from graspgen.grippers.gripper import list_grippers, load_gripper

    table = Table(
        "gripper",
        "kind",
        "opens to, mm",
        "force, N",
        "largest, N",
        "tool point, mm",
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
    )
    for name in list_grippers():
        file = (gripper := load_gripper(name)).file
        table.add_row(
            name, file.kind.replace("_", " "), f"{file.stroke * 1e3:g}" if file.stroke else "", f"{file.force:.3g}",
            f"{file.max_force:.3g}",
            _tool(gripper),
        )  # fmt: skip
    console().print(table)
    typer.echo(
        "a recipe takes one with --set gripper=NAME, or a YAML of your own (`graspgen grippers add my_hand.xml`)"
    )


@app.command()
def show(gripper: Which, picture: PictureFile = None, no_picture: NoPicture = False) -> None:
    """Show what a gripper's file says, its tool point at every opening, and a picture open, half open and closed."""
    from rich import box
    from rich.table import Table

    from graspgen.cli.show import console
    from graspgen.grippers.gripper import load_gripper

    hand = load_gripper(gripper)
    table = Table("key", "value", box=box.SIMPLE_HEAD, padding=(0, 1))
    for key, value in hand.file.model_dump(mode="json", exclude_none=True).items():
        table.add_row(key, ", ".join(map(str, value)) if isinstance(value, list) else str(value))
    console().print(table)
    if not hand.suction:
        console().print(_openings(hand))
    if not no_picture:
        _draw(hand, picture)


@app.command()
def check(
    gripper: Which,
    picture: PictureFile = None,
    no_picture: NoPicture = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON instead of the table.")] = False,
) -> None:
    """Measure stroke, times, force, payload, stability and self-collision of a gripper; fail with reasons (exit 1).

    Of a multi-finger hand: on a bar at its tool point.

    Of a suction gripper: pull, shear and moment that it bears on a plate, and on what it seals.
    """
    from graspgen.grippers.gripper import load_gripper
    from graspgen.pipeline.finger_check import check_fingers
    from graspgen.pipeline.gripper_check import check_gripper
    from graspgen.pipeline.suction_check import check_suction_gripper
    from graspgen.quiet import no_warnings

    hand = load_gripper(gripper)
    checks = {"suction": check_suction_gripper, "multi_finger": check_fingers}
    with no_warnings():
        report = checks.get(hand.file.kind, check_gripper)(hand)
    if as_json:
        typer.echo(json.dumps(_plain(vars(report) | {"ok": report.ok})))
    else:
        _print_report(hand, report)
        if not no_picture:
            _draw(hand, picture)
    for reason in report.failures:
        typer.echo(f"failed: {reason}", err=True)
    if not report.ok:
        raise typer.Exit(FAILED)
    if not as_json:
        typer.echo(f"{hand.name}: sound")


@app.command()
def add(
    mjcf: Annotated[str, typer.Argument(metavar="MJCF", help="The hand's MJCF (.xml), or menagerie:NAME.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The YAML; beside the MJCF, with its name, if not given.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a YAML that is there.")] = False,
) -> None:
    """Write a first YAML for a hand by looking at its MJCF, and say what was guessed."""
    from graspgen.errors import GripperError
    from graspgen.grippers.gripper import guess_gripper
    from graspgen.grippers.guess_text import yaml_text
    from graspgen.grippers.menagerie import MENAGERIE, menagerie_mjcf

    _, guess = guess_gripper(mjcf)
    source = menagerie_mjcf(mjcf.removeprefix(MENAGERIE)) if mjcf.startswith(MENAGERIE) else Path(mjcf)
    fallback = Path(f"{guess.file.name}.yaml") if mjcf.startswith(MENAGERIE) else source.with_suffix(".yaml")
    target = output or fallback
    if target.exists() and not overwrite:
        raise GripperError(f"{target} exists; give another name with -o, or --overwrite to replace it")
    text = yaml_text(guess, source, target.parent)
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GripperError(f"cannot write {target}: {error.strerror or error}") from None
    typer.echo(text.rstrip())
    typer.echo(f"written to {target}; look through it, then: graspgen grippers check {shlex.quote(str(target))}")


def _openings(hand: Gripper) -> Any:
    import numpy as np
    from rich import box
    from rich.table import Table

    table = Table("opening, mm", "tool point in the base, mm", box=box.SIMPLE_HEAD, padding=(0, 1))
    for width in np.linspace(0, hand.file.stroke, 5):
        x, y, z = np.round(hand.T_body_tool(width)[:3, 3] * 1e3, 1) + 0.0  # no "-0.0"
        table.add_row(f"{width * 1e3:.1f}", f"{x:.1f}, {y:.1f}, {z:.1f}")
    return table


def _tool(hand: Gripper) -> str:
    near, far = (float(hand.tool_point(w)[2]) * 1e3 for w in (hand.file.stroke, 0.0))
    return f"{near:.1f}" if abs(near - far) < 0.05 else f"{near:.1f} open, {far:.1f} closed"


def _print_report(hand: Gripper, report: GripperReport | SuctionReport | FingerReport) -> None:
    from rich import box
    from rich.table import Table

    from graspgen.cli.show import console
    from graspgen.pipeline.finger_check import FingerReport
    from graspgen.pipeline.suction_check import SuctionReport

    if isinstance(report, FingerReport):
        _print_fingers(hand, report)
        return
    if isinstance(report, SuctionReport):
        table = Table("measured", "", "expected", box=box.SIMPLE_HEAD, padding=(0, 1))
        table.add_row("pull at which it lets go, over ΔP·A", f"{report.payload:.3f}", f"1 ({report.force:.1f} N)")
        table.add_row("shear at which it slips, over μ·ΔP·A", f"{report.shear:.3f}", "1")
        table.add_row("moment at which the lip lifts, over its statics", f"{report.moment:.3f}", "1 to 1.2")
        for name, (score, should) in report.seals.items():
            table.add_row(f"seal on {name}", f"{score:.3f}", "above 0" if should else "0")
        console().print(table)
        for told in report.notes:
            typer.echo(f"note: {told}")
        return
    file = hand.file
    table = Table("measured", "", "the file says", box=box.SIMPLE_HEAD, padding=(0, 1))
    table.add_row("gap between the open pads", f"{report.stroke * 1e3:.2f} mm", f"{file.stroke * 1e3:g} mm")
    expected = (file.stroke - report.least) / file.closing_speed
    table.add_row(
        "closing, opening time", f"{report.closing_time:.2f} s, {report.opening_time:.2f} s", f"{expected:.2f} s"
    )
    for i, force in enumerate(report.forces):
        table.add_row("force of each pad", f"{report.pad_forces[i]:.1f} N", f"{force:g} N")
        out, into = report.payload_along[i]
        table.add_row("  payload across, over 2·μ·F", f"{report.payload[i]:.3f}", "1")
        a, b = report.payload_along_expected
        table.add_row("  payload along the approach, outwards, inwards", f"{out:.2f}, {into:.2f}", f"{a:.2f}, {b:.2f}")
        table.add_row("  motion of the pads while they hold", f"{report.chatter[i] * 1e3:.4f} mm", "< 0.1 mm")
    console().print(table)
    console().print(_openings(hand))
    for told in [*report.collisions, *report.notes]:
        typer.echo(f"note: {told}")


def _print_fingers(hand: Gripper, report: FingerReport) -> None:
    from rich import box
    from rich.table import Table

    from graspgen.cli.show import console
    from graspgen.grasps.finger_close import fingers_file

    file, times = fingers_file(hand), f"{report.closing_time:.2f} s, {report.opening_time:.2f} s"
    table = Table("measured", "", "expected", box=box.SIMPLE_HEAD, padding=(0, 1))
    table.add_row("fingertips apart, open, grasp", f"{report.stroke * 1e3:.0f}, {report.least * 1e3:.0f} mm",
                  f"{file.stroke * 1e3:g} mm")  # fmt: skip
    table.add_row("closing, opening time", times, f"{file.closing_time:.2f} s")
    for i, force in enumerate(report.forces):
        held = f"on a bar of {2 * report.radius * 1e3:.0f} mm, {report.links[i]} links"
        table.add_row(f"mean force {held}", f"{report.tip_forces[i]:.1f} N", f"{force:g} N")
        table.add_row("  it slips along at", f"{report.payload[i]:.1f} N", "")
        table.add_row("  that over μ·ΣN", f"{report.payload_ratio[i]:.3f}", "1")
        table.add_row("  motion of the fingertips while they hold", f"{report.chatter[i] * 1e3:.4f} mm", "< 0.1 mm")
    console().print(table)
    left = len(report.collisions) - SHOWN
    more = [f"{left} more pairs of links are in each other; --json tells all"] if left > 0 else []
    for told in [*report.collisions[:SHOWN], *more, *report.notes]:
        typer.echo(f"note: {told}")


def _draw(hand: Gripper, picture: Path | None) -> None:
    from PIL import Image

    from graspgen.errors import GripperError
    from graspgen.render.gripper_view import gripper_picture

    target = picture or Path(f"{hand.name}.png")
    image = Image.fromarray(gripper_picture(hand))
    try:
        image.save(target)
    except (OSError, ValueError) as error:
        raise GripperError(f"cannot write the picture {target}: {error}") from None
    typer.echo(f"picture: {target}")


def _plain(value: Any) -> Any:
    """Return a value as JSON takes it: arrays as lists, NaN as null."""
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and value != value else value
