"""Which looks a view has: the recipe's own, a preset's, or one of a mix, by count."""

from __future__ import annotations

import math
from collections.abc import Mapping

from graspgen.recipe.looks import Render


def share_of(mix: Mapping[str, float], number: int) -> str:
    """Return the preset of view `number` of a run, such that every beginning of the run has the shares.

    The first preset, of share p, has round(p·n) of the first n views (halves up), so it takes view n where that grows;
    what is left goes to the other presets in the same way. So two presets are never half a view off, and k presets
    never k/2 views.

    Args:
        mix: shares by name, >= 0; they need not sum to 1.
        number: of the view in its run, from 0.
    """
    left = sum(mix.values())
    for name, share in mix.items():
        if share <= 0:
            continue
        if share >= left * (1 - 1e-12):
            return name
        before, after = (math.floor(n * share / left + 0.5) for n in (number, number + 1))
        if after > before:
            return name
        number, left = number - before, left - share
    raise ValueError(f"a mix needs a share above 0, got {dict(mix)}")


def looks_of(render: Render, number: int) -> tuple[str, Render]:
    """Return the preset's name and the `render` section of view `number` of a run."""
    if not render.mix:
        return render.preset or "", render
    name = share_of(render.mix, number)
    return name, render.mixed[name]
