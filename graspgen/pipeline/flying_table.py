"""Rows of the table `flying`: the flying distractors of a scene's views."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graspgen.dataset.record import Columns, columns
from graspgen.dataset.schema import Shape, view_key
from graspgen.pipeline.shared_tables import stack
from graspgen.render.opengl import ViewImages
from graspgen.scene.plan import ScenePlan


def flying_table(plan: ScenePlan, images: Sequence[ViewImages]) -> Columns:
    """Build the rows of `flying`: all that were drawn, also those that hid too much to be shown."""
    drawn = [f for view in plan.views for f in view.flying]
    seen = [i.flying for i in images]
    return columns(
        "flying",
        len(drawn),
        view=[view_key(plan.index, v) for v, view in enumerate(plan.views) for _ in view.flying],
        shape=[Shape[f.shape.upper()] for f in drawn],
        size=stack([f.size for f in drawn], (3,)),
        T_world_flying=stack([np.array(f.T_world_flying) for f in drawn], (4, 4)),
        shown=np.concatenate([s.shown for s in seen]) if drawn else [],
        pixels=np.concatenate([s.pixels for s in seen]) if drawn else [],
        hides=np.concatenate([s.hides for s in seen]) if drawn else [],
    )
