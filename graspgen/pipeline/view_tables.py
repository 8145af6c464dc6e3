"""Rows of the tables about views: images and layers, annotations, keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.record import Columns, columns
from graspgen.dataset.schema import DEPTH_SCALE, object_key, view_key
from graspgen.labels.annotate import annotate
from graspgen.labels.keypoints import object_keypoints, view_keypoints
from graspgen.looks.images import ImageStore
from graspgen.pipeline.look_images import view_looks
from graspgen.pipeline.sensor_layers import sensor_layers
from graspgen.pipeline.shared_tables import stack
from graspgen.pipeline.view_layers import view_layers
from graspgen.recipe import Recipe
from graspgen.render.opengl import ViewImages
from graspgen.scene.world import SettledScene

#: Depth beyond this does not fit into the stored 16 bits and counts as nothing seen, m.
MAX_DEPTH = 65535 * DEPTH_SCALE


def view_table(
    recipe: Recipe,
    settled: SettledScene,
    images: Sequence[ViewImages],
    colour: Any,
    depth: Sequence[NDArray[np.uint16]],
    pictures: ImageStore | None = None,
) -> Columns:
    """Build the rows of `views`.

    Args:
        recipe, settled: of the scene.
        images: of its views.
        colour: theirs as it is stored (`graspgen.dataset.coded.colour_images`): what sensors see is told by it.
        depth: theirs as `stored_depth` gives it.
        pictures: the user's.
    """
    plan = settled.world.plan
    n, size = len(images), (recipe.views.height, recipe.views.width)
    return columns(
        "views",
        n,
        id=[view_key(plan.index, v) for v in range(n)],
        scene=plan.index,
        camera=[v.camera or f"view_{i}" for i, v in enumerate(plan.views)],
        engine=[i.engine for i in images],
        sensor=[v.sensor.profile if v.sensor else "ideal" for v in plan.views],
        K=stack([np.array(v.K) for v in plan.views], (3, 3)),
        distortion=stack([np.array(v.distortion) for v in plan.views], (5,)),
        T_world_camera=stack([np.array(v.T_world_camera) for v in plan.views], (4, 4)),
        T_world_camera_nominal=stack([np.array(v.T_world_camera_nominal) for v in plan.views], (4, 4)),
        rgb=colour,
        depth=stack(depth, size),
        instances=stack([i.instances for i in images], size),
        preset=[v.preset for v in plan.views],
        looks=view_looks(plan, pictures),
        redraws=[v.redraws for v in plan.views],
        **view_layers(recipe.views.modalities, settled, images, depth, size),
        **sensor_layers(plan.views, images, colour, depth, size),
    )


def stored_depth(depth: np.ndarray) -> NDArray[np.uint16]:
    """Turn (H, W) metres into counts of `DEPTH_SCALE`; what does not fit into 16 bits becomes 0, nothing seen."""
    counts = np.rint(depth / DEPTH_SCALE)
    counts[depth > MAX_DEPTH] = 0
    return counts.astype(np.uint16)


def annotation_table(recipe: Recipe, settled: SettledScene, images: Sequence[ViewImages]) -> Columns:
    """Build the rows of `annotations`."""
    world, labelled = settled.world, settled.world.labelled
    objects, T_world_object = [world.objects[i] for i in labelled], settled.T_world_object[labelled]
    rows: list[dict[str, Any]] = []
    keys = [object_key(world.plan.index, o.plan.instance_id) for o in objects]
    masks = "amodal_masks" in recipe.views.modalities
    for number, (view, image) in enumerate(zip(world.plan.views, images, strict=True)):
        found = annotate(
            objects,
            T_world_object,
            view,
            image.instances,
            ignore_below=recipe.views.ignore_below,
            masks=masks,
        )
        rows.append(
            {
                **found,
                "view": np.full(len(keys), view_key(world.plan.index, number)),
                "object": np.array(keys),
            }
        )
    joined = {name: np.concatenate([r[name] for r in rows]) for name in rows[0]}
    return columns("annotations", len(rows) * len(keys), **joined)


def keypoint_table(
    settled: SettledScene, images: Sequence[ViewImages], depth: Sequence[NDArray[np.uint16]], annotations: Columns
) -> Columns:
    """Build the rows of `keypoints`, of the objects and at the poses that the rows of `annotations` say.

    What hides a keypoint is told by the depth that is stored, so that it can be told again.
    """
    world = settled.world
    objects = [world.objects[i] for i in world.labelled]
    n = len(objects)
    points = [object_keypoints(o.asset.mesh.bounds, o.asset.keypoints) for o in objects]
    ids = [o.plan.instance_id for o in objects]
    keys = np.array([object_key(world.plan.index, i) for i in ids], np.int64)
    found: list[dict[str, Any]] = []
    for number, (view, image) in enumerate(zip(world.plan.views, images, strict=True)):
        poses = annotations["T_camera_object"][number * n : (number + 1) * n]
        lens = view.K, view.distortion
        rows = view_keypoints(points, poses, ids, *lens, depth[number], image.instances, DEPTH_SCALE)
        row = rows.pop("row")
        key = view_key(world.plan.index, number)
        found.append({**rows, "view": np.full(len(row), key), "object": keys[row]})
    joined = {name: np.concatenate([f[name] for f in found]) for name in found[0]}
    return columns("keypoints", len(joined["view"]), **joined)
