"""Flying distractors in a compiled scene: shapes that are drawn in their own view only, and touch nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import mujoco
import numpy as np

from graspgen.frames import matrix_to_quat
from graspgen.objects.asset import Mesh
from graspgen.objects.unwrap import unwrap
from graspgen.scene.flying_shapes import flying_mesh
from graspgen.scene.plan import FlyingPlan, SurfacePlan, ViewPlan
from graspgen.scene.skin import add_material
from graspgen.scene.visual import add_visual_mesh

#: Groups of the geoms of flying distractors: in the view that is rendered, and in all others (not drawn).
GROUP_SHOWN, GROUP_HIDDEN = 0, 5


def add_flying(spec: mujoco.MjSpec, views: Sequence[ViewPlan]) -> None:
    """Add the flying distractors of all views, hidden; `show_flying` shows those of one."""
    for v, view in enumerate(views):
        for i, flying in enumerate(view.flying):
            name = flying_name(v, i)
            surface = view.surfaces.get(name, SurfacePlan())
            mesh = drawn_mesh(flying)
            add_visual_mesh(spec, mesh, name, mesh, textured=True)
            add_material(spec, name, surface, ())
            T = np.array(flying.T_world_flying)
            spec.worldbody.add_geom(
                name=name,
                type=mujoco.mjtGeom.mjGEOM_MESH,
                meshname=name,
                material=name,
                pos=T[:3, 3],
                quat=matrix_to_quat(T[:3, :3]),
                group=GROUP_HIDDEN,
                contype=0,
                conaffinity=0,
            )


def drawn_mesh(flying: FlyingPlan) -> Mesh:
    """Return the mesh of a flying distractor with texture coordinates."""
    return unwrap(Mesh(*flying_mesh(flying.shape, flying.size)), "box")


def flying_geoms(model: mujoco.MjModel, view: int, count: int) -> list[int]:
    """Return the geoms of the `count` flying distractors of a view."""
    return [int(model.geom(flying_name(view, i)).id) for i in range(count)]


def show_flying(model: mujoco.MjModel, views: Sequence[ViewPlan], view: int, shown: Collection[int]) -> None:
    """Show the flying distractors `shown` of a view, and no other one: only their geom groups change."""
    for v, plan in enumerate(views):
        for i, geom in enumerate(flying_geoms(model, v, len(plan.flying))):
            model.geom_group[geom] = GROUP_SHOWN if v == view and i in shown else GROUP_HIDDEN


def flying_name(view: int, number: int) -> str:
    """Return what a flying distractor's mesh, material and geom are called."""
    return f"flying_{view}_{number}"
