"""`graspgen video`: look at the trial of a grasp in its scene."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer


def video(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A dataset's folder.")],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="File: .mp4, .gif or .webp for a film, .png or .jpg for a sheet of frames."),
    ],
    grasp: Annotated[
        int | None, typer.Option(min=0, help="Row of the grasp in `grasps`; from 2^32 on, its key.")
    ] = None,
    outcome: Annotated[
        str | None, typer.Option(help="Instead of --grasp: the first with this outcome in the scene, lifted_neighbour.")
    ] = None,
    fps: Annotated[float, typer.Option(min=1, max=240, help="Frames a second.")] = 25.0,
    slow: Annotated[float, typer.Option(min=1, max=100, help="How many times slower than life.")] = 1.0,
    size: Annotated[str, typer.Option(metavar="WxH", help="Size of the images, px; not with --view.")] = "640x480",
    view: Annotated[
        int | None, typer.Option(min=0, help="One of the scene's own cameras; if not given, one is placed near by.")
    ] = None,
) -> None:
    """Film the trial of a grasp in its scene, simulated again."""
    if (grasp is None) == (outcome is None):
        raise typer.BadParameter("give either --grasp or --outcome")
    measures = re.fullmatch(r"(\d+)x(\d+)", size)
    if not measures or not all(64 <= int(side) <= 4096 for side in measures.groups()):
        raise typer.BadParameter(f"--size must be WIDTHxHEIGHT, each from 64 to 4096 px, got '{size}'")
    if view is not None and size != "640x480":
        raise typer.BadParameter("--size is of the camera that is placed; those of the scene have a size of their own")
    from graspgen.cli.damage import reading
    from graspgen.pipeline.video import film_trial

    with reading(path):
        made = film_trial(
            path,
            out,
            grasp=grasp,
            outcome=outcome,
            fps=fps,
            slow=slow,
            size=(int(measures[1]), int(measures[2])),
            view=view,
        )
    told = f"{out}: {made.frames} frames of grasp {made.row} (key {made.key}) in scene {made.scene}"
    typer.echo(f"{told}, {made.seconds:.2f} s: {made.outcome.name.lower()}")
    if made.stored is not made.outcome and made.stored.name != "NOT_TRIED":
        typer.echo(f"note: the dataset says {made.stored.name.lower()}; `graspgen replay` tells why", err=True)
