"""`graspgen knobs`: turn every knob of a recipe and tell what it changes."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from graspgen.pipeline.knobs import Effect


def knobs(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A shipped recipe, or a YAML file.")],
    only: Annotated[str, typer.Option("--only", help="Only this key, or those below it: render.lights.")] = "",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the scene.")] = 0,
) -> None:
    """Turn every knob from low to high in one scene and tell what changes: pixels or labels."""
    from graspgen.pipeline.knobs import try_knobs
    from graspgen.recipe_file import load_recipe

    dead, tried, left_out = 0, 0, 0
    for effect in try_knobs(load_recipe(recipe), only, seed):
        typer.echo(_line(effect))
        dead, tried = dead + effect.dead, tried + (not effect.knob.left_out)
        left_out += bool(effect.knob.left_out)
    typer.echo(f"{tried} knobs tried, {dead} without effect, {left_out} left out")
    if dead:
        raise typer.Exit(1)


def _line(effect: Effect) -> str:
    knob = effect.knob
    if knob.left_out:
        return f"{knob.key}: left out: {knob.left_out}"
    if knob.unknown:
        return f"{knob.key}: NOT TRIED: {knob.unknown}"
    between = f"{knob.key}: {_told(knob.low)} … {_told(knob.high)}"
    if effect.dead:
        return f"{between}: NO EFFECT"
    if effect.note:
        return f"{between}: {effect.note}"
    pixels = "other images" if math.isnan(effect.rgb) else f"{effect.rgb:.1f} of 255 on {effect.share:.0%} of pixels"
    columns = [c for c in effect.columns if c != "views.rgb"]
    more = f" and {len(columns) - 4} more" if len(columns) > 4 else ""
    labels = f"; {', '.join(columns[:4])}{more}" if columns else ""
    return f"{between}: {pixels}{labels}"


def _told(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
