"""Where OpenGL's one shadow map is spent: over what casts shadows, and no wider.

Its texels are what makes edges jagged. A table's top would cast specks onto itself where light falls low. So a box
within it, a little below its surface, casts its shadow in its stead: without any, what lies on the table would cast
shadows through it onto the floor.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.scene.arena import CUTOFF, GROUP_ARENA
from graspgen.scene.plan import ViewPlan
from graspgen.scene.world import World

#: How far below a table's surface the box is that casts its shadow, m.
_WITHIN = 0.01
#: Shadows fall within this radius about the origin, m.
_LEAST, _MOST = 0.25, 1.2


class Reach(NamedTuple):
    """How far from the origin something casts shadows, m: objects and fixtures, and tables with them."""

    things: float
    tables: float


def reach(world: World) -> Reach:
    """Return the radii about the origin within which a world casts shadows."""
    model, tops = world.model, _tops(world)
    drawn = (world.geom_instance > 0) | (model.geom_group == GROUP_ARENA)
    solid = drawn & (model.geom_type != int(mujoco.mjtGeom.mjGEOM_PLANE))
    far = np.linalg.norm(world.data.geom_xpos, axis=1) + model.geom_rbound
    tables = far[solid].max(initial=_LEAST)
    solid[tops] = False
    things = far[solid].max(initial=_LEAST)
    return Reach(*(float(np.clip(radius, _LEAST, _MOST)) for radius in (things, tables)))


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


@contextmanager
def within_tops(world: World, scene: mujoco.MjvScene) -> Iterator[None]:
    """Let a box within each table top cast its shadow meanwhile; nothing else of the box is ever seen."""
    before, tops = scene.ngeom, _tops(world)
    shown = tops[world.model.geom_group[tops] == GROUP_ARENA]  # a backdrop may stand in for the table
    for top in shown[: scene.maxgeom - scene.ngeom]:
        size = world.model.geom_size[top] - np.minimum(_WITHIN, world.model.geom_size[top] / 2)
        pos, R = world.data.geom_xpos[top], world.data.geom_xmat[top]
        box = scene.geoms[scene.ngeom]
        mujoco.mjv_initGeom(box, mujoco.mjtGeom.mjGEOM_BOX, size, pos, R, np.array([0, 0, 0, 1], np.float32))
        box.category, box.castshadow = mujoco.mjtCatBit.mjCAT_STATIC, True
        scene.ngeom += 1
    try:
        yield
    finally:
        scene.ngeom = before


def aim(context: mujoco.MjrContext, view: ViewPlan, radii: Reach) -> None:
    """Spread the shadow map of a view over what casts shadows, about where its light shines.

    A light so near a table that the map would be wider than 90° keeps its texels for what lies on it.
    """
    for light in view.lights:
        if light.shadows:
            distance = float(np.linalg.norm(np.subtract(light.position, light.target)))
            aside = float(np.linalg.norm(light.target))
            near = radii.things + aside
            wide = max(near, min(radii.tables + aside, distance * math.sin(math.pi / 4)))
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
