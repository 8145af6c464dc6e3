"""Where OpenGL's one shadow map is spent: over what casts shadows, and no wider.

Its texels are what makes edges jagged. A table's top would cast specks onto itself where light falls low; it stands
still and flat, so it casts no shadow with OpenGL, at the price of none under the table.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.scene.arena import CUTOFF, GROUP_ARENA
from graspgen.scene.plan import ViewPlan
from graspgen.scene.world import World

#: Shadows fall within this radius about the origin, m.
_LEAST, _MOST = 0.25, 1.2


def reach(world: World) -> float:
    """Return the radius, m, about the origin within which objects and fixtures cast shadows."""
    model, tops = world.model, _tops(world)
    drawn = (world.geom_instance > 0) | (model.geom_group == GROUP_ARENA)
    solid = drawn & (model.geom_type != int(mujoco.mjtGeom.mjGEOM_PLANE))
    solid[tops] = False
    far = np.linalg.norm(world.data.geom_xpos[solid], axis=1) + model.geom_rbound[solid]
    return float(np.clip(far.max(initial=_LEAST), _LEAST, _MOST))


@contextmanager
def without_specks(world: World) -> Iterator[None]:
    """Let table tops cast no shadow meanwhile."""
    model, tops = world.model, _tops(world)
    before = model.geom_castshadow[tops].copy()
    model.geom_castshadow[tops] = False
    try:
        yield
    finally:
        model.geom_castshadow[tops] = before


def aim(context: mujoco.MjrContext, view: ViewPlan, radius: float) -> None:
    """Spread the shadow map of a view over a radius, m, about where its light shines."""
    for light in view.lights:
        if light.shadows:
            distance = float(np.linalg.norm(np.subtract(light.position, light.target)))
            wide = radius + float(np.linalg.norm(light.target))
            context.shadowScale = math.degrees(math.asin(min(wide / distance, 0.95))) / CUTOFF
            context.shadowClip = wide


def _tops(world: World) -> NDArray[np.intp]:
    """Return the geoms that are table tops with nothing but the floor below."""
    model = world.model
    if world.plan.arena.name == "shelf":
        return np.zeros(0, np.intp)
    names = [model.material(int(m)).name if m >= 0 else "" for m in model.geom_matid]
    boxes = model.geom_type == int(mujoco.mjtGeom.mjGEOM_BOX)
    return np.flatnonzero(boxes & np.array([name == "table" for name in names], bool))
