"""What OpenGL gets of a world before its views are drawn, and how it is given back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import mujoco
import numpy as np

from graspgen.lens import pinhole
from graspgen.render import shadows
from graspgen.scene.build import GROUP_COLLISION
from graspgen.scene.plan import ViewPlan
from graspgen.scene.world import World


@contextmanager
def uploaded(world: World, shadow_size: int) -> Iterator[tuple[mujoco.MjvScene, mujoco.MjrContext]]:
    """Upload the meshes and textures of a world with views for the block.

    OpenGL's own context is to be current.

    Args:
        world: to be drawn.
        shadow_size: side of the shadow map, texels.
    """
    model, views = world.model, world.plan.views
    model.vis.quality.offsamples = 0  # an averaged depth or id is neither
    model.vis.quality.shadowsize = shadow_size
    wide = pinhole(views[0].K, views[0].distortion, views[0].width, views[0].height)
    model.vis.global_.offwidth, model.vis.global_.offheight = wide.width, wide.height
    _set_fog_range(model, views)
    scene = mujoco.MjvScene(model, maxgeom=model.ngeom + 8)
    with _drawn_meshes(model):
        context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50)
    try:
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, context)
        context.readDepthMap = int(mujoco.mjtDepthMap.mjDEPTH_ZEROFAR)
        with shadows.without_specks(world):
            yield scene, context
    finally:
        context.free()


@contextmanager
def _drawn_meshes(model: mujoco.MjModel) -> Iterator[None]:
    """Let only the meshes that are drawn have faces: those that collide, and their hulls, take as long to upload."""
    solid = (model.geom_type == int(mujoco.mjtGeom.mjGEOM_MESH)) & (model.geom_group != GROUP_COLLISION)
    unseen = np.ones(model.nmesh, bool)
    unseen[model.geom_dataid[solid]] = False
    faces, hulls = model.mesh_facenum.copy(), model.mesh_graphadr.copy()
    model.mesh_facenum[unseen] = 0
    model.mesh_graphadr[:] = -1
    try:
        yield
    finally:
        model.mesh_facenum[:], model.mesh_graphadr[:] = faces, hulls


def _set_fog_range(model: mujoco.MjModel, views: Sequence[ViewPlan]) -> None:
    """Fade the floor into the void, so that no edge shows where the far plane cuts it.

    MuJoCo reads the range when a context is made, in multiples of the model's extent, as the far
    plane.
    """
    distance = max(float(np.linalg.norm(np.asarray(v.T_world_camera)[:3, 3])) for v in views)
    far = float(model.vis.map.zfar)
    model.vis.map.fogstart = min((distance + 1.0) / model.stat.extent, 0.9 * far)
    model.vis.map.fogend = far
