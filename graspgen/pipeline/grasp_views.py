"""Grasps seen from the cameras of their scene: rows of the table `grasp_views`, and the cone of approach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.record import Columns, columns
from graspgen.dataset.schema import Seen, object_key, view_key
from graspgen.frames import Array, inverse, transform_points
from graspgen.labels.sight import Sight, sight
from graspgen.lens import project
from graspgen.recipe import Grasps
from graspgen.render.opengl import ViewImages
from graspgen.scene.world import SettledScene

#: Bits of `grasp_views.seen` by `Sight`, of the first and of the second contact.
_BITS = np.zeros((4, 2), np.uint8)
_BITS[Sight.VISIBLE] = Seen.FIRST_VISIBLE, Seen.SECOND_VISIBLE
_BITS[Sight.OCCLUDED] = Seen.FIRST_OCCLUDED, Seen.SECOND_OCCLUDED
_BITS[Sight.OUT_OF_FRAME] = Seen.FIRST_OUT_OF_FRAME, Seen.SECOND_OUT_OF_FRAME


def approach_cone(T_world_grasp: Array, spec: Grasps) -> tuple[Array, NDArray[np.bool_]]:
    """Return the (n,) angles, rad, between approaches and the recipe's axis, and which lie in its cone."""
    axis = np.array(spec.approach_axis) / np.linalg.norm(spec.approach_axis)
    approach = T_world_grasp[:, :3, 2]
    angle = np.arctan2(np.linalg.norm(np.cross(approach, axis), axis=1), approach @ axis)
    return angle, angle <= np.radians(spec.approach_cone_deg)


def grasp_view_table(settled: SettledScene, grasps: Columns, images: Sequence[ViewImages]) -> Columns:
    """Build the rows of `grasp_views`, sorted by grasp, then view.

    Args:
        settled: the scene, its poses in the data of its world.
        grasps: the scene's rows of `grasps`.
        images: what its views saw.
    """
    world = settled.world
    keys = np.array([object_key(world.plan.index, o.plan.instance_id) for o in world.objects], np.int64)
    T_world_object = settled.T_world_object[np.searchsorted(keys, grasps["object"])]
    contacts = transform_points(T_world_object, grasps["contacts"].astype(float))
    tool = (T_world_object @ grasps["T_object_grasp"])[:, :3, 3]
    seen, pixels, depth = [], [], []
    for v, (view, image) in enumerate(zip(world.plan.views, images, strict=True)):
        codes = sight(world, v, np.flatnonzero(image.flying.shown).tolist(), contacts.reshape(-1, 3)).reshape(-1, 2)
        seen.append(_BITS[codes[:, 0], 0] | _BITS[codes[:, 1], 1])
        in_camera = transform_points(inverse(view.T_world_camera), tool)
        pixels.append(project(view.K, view.distortion, in_camera))
        depth.append(in_camera[:, 2])
    n, m = len(grasps["id"]), len(images)
    views = [view_key(world.plan.index, v) for v in range(m)]
    if not n or not m:
        return columns("grasp_views", 0, grasp=[], view=[], seen=[], tool_pixel=np.zeros((0, 2)), tool_depth=[])
    return columns(
        "grasp_views",
        n * m,
        grasp=np.repeat(grasps["id"], m),
        view=np.tile(views, n),
        seen=np.stack(seen, axis=1).ravel(),
        tool_pixel=np.stack(pixels, axis=1).reshape(-1, 2),
        tool_depth=np.stack(depth, axis=1).ravel(),
    )
