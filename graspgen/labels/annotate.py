"""The annotations of a view: boxes, pixel counts, visibility, pose and cuboid of every object.

Visible pixels are those of the id image. The whole silhouette is computed from the mesh and united
with them, because along edges the renderer rounds differently; so what is visible is always a part
of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from graspgen.frames import inverse, transform_points
from graspgen.labels.keypoints import box_points
from graspgen.labels.rle import encode
from graspgen.labels.silhouette import Silhouette, silhouettes_through_lens
from graspgen.lens import project

if TYPE_CHECKING:  # both import MuJoCo or pydantic, which labels do not need
    from graspgen.scene.plan import ViewPlan
    from graspgen.scene.world import SceneObject

#: Objects of which less than this is visible are marked `ignore`, where a recipe says nothing else.
IGNORE_BELOW = 0.1


def annotate(
    objects: Sequence[SceneObject],
    T_world_object: ArrayLike,
    view: ViewPlan,
    instances: NDArray[np.uint8],
    *,
    ignore_below: float = IGNORE_BELOW,
    masks: bool = False,
) -> dict[str, NDArray[Any]]:
    """Return the columns of `annotations`, but for the keys, of all objects of a scene in one view.

    Args:
        objects: the scene's objects, at their scale.
        T_world_object: (n, 4, 4) their poses.
        view: the camera.
        instances: (H, W) id image of the view.
        ignore_below: objects of which less than this share is visible are marked `ignore`.
        masks: whether to return `amodal_mask` as well.
    """
    T_camera_object = inverse(view.T_world_camera) @ np.asarray(T_world_object, float)
    T_camera_object = T_camera_object.reshape(-1, 4, 4)
    height, width = instances.shape
    meshes = [thing.asset.mesh for thing in objects]
    lens = view.K, view.distortion
    outlines = silhouettes_through_lens(meshes, T_camera_object, *lens, width, height, near=view.near)
    seen = _windows(instances)
    rows = [
        _counted(whole, instances, thing.plan.instance_id, seen) for whole, thing in zip(outlines, objects, strict=True)
    ]
    columns: dict[str, NDArray[Any]] = {
        name: np.array([row[name] for row in rows], dtype) for name, dtype in _COUNTED.items()
    }
    visible, whole = columns["pixels_visible"], columns["pixels_all"]
    some = np.maximum(whole, 1)
    columns["visibility"] = (visible / some).astype(np.float32)
    columns["in_frame"] = (columns["pixels_in_frame"] / some).astype(np.float32)
    inside = np.maximum(columns["pixels_in_frame"], 1)
    columns["visible_in_frame"] = (visible / inside).astype(np.float32)
    columns["ignore"] = visible / some < ignore_below
    if masks:
        columns["amodal_mask"] = np.array([encode(row["mask"]) for row in rows], object)
    columns["bbox_visible"] = columns["bbox_visible"].reshape(-1, 4)
    columns["bbox_amodal"] = columns["bbox_amodal"].reshape(-1, 4)
    columns["T_camera_object"] = T_camera_object
    boxes = np.array([mesh.bounds for mesh in meshes]).reshape(-1, 2, 3)
    corners = transform_points(T_camera_object, box_points(boxes))
    columns["cuboid"] = project(*lens, corners).astype(np.float32)
    columns["centre_depth"] = corners[:, -1, 2].astype(np.float32)
    return columns


_COUNTED = {
    "bbox_visible": np.float32,
    "bbox_amodal": np.float32,
    "pixels_visible": np.int32,
    "pixels_in_frame": np.int32,
    "pixels_all": np.int32,
}


def _windows(instances: NDArray[np.uint8]) -> list[tuple[slice, slice] | None]:
    """Return the rows and columns of each id from 1, None where it is not seen, as SciPy's `find_objects`.

    Only rows with an id are searched: most of an image is background.
    """
    rows = np.flatnonzero(instances.any(axis=1))
    if not len(rows):
        return []
    top = int(rows[0])
    found = ndimage.find_objects(instances[top : int(rows[-1]) + 1])
    return [w and (slice(w[0].start + top, w[0].stop + top), w[1]) for w in found]


def _counted(
    whole: Silhouette, instances: NDArray[np.uint8], instance_id: int, seen: Sequence[tuple[slice, slice] | None]
) -> dict[str, Any]:
    height, width = instances.shape
    window = seen[instance_id - 1] if instance_id <= len(seen) else None
    if window is None:
        visible = Silhouette(0, 0, np.zeros((0, 0), bool))
    else:
        rows, columns = window
        visible = Silhouette(columns.start, rows.start, instances[window] == instance_id)
        whole = union(whole, visible)
    return {
        "bbox_visible": visible.bbox,
        "bbox_amodal": whole.bbox,
        "pixels_visible": visible.pixels,
        "pixels_in_frame": np.count_nonzero(whole.inside(width, height)[0]),
        "pixels_all": whole.pixels,
        "mask": whole.mask,
    }


def union(a: Silhouette, b: Silhouette) -> Silhouette:
    """Return the pixels that either silhouette covers."""
    parts = [s for s in (a, b) if s.mask.size]
    if len(parts) < 2:
        return parts[0] if parts else a
    x, y = min(a.x, b.x), min(a.y, b.y)
    right = max(s.x + s.mask.shape[1] for s in parts)
    bottom = max(s.y + s.mask.shape[0] for s in parts)
    mask = np.zeros((bottom - y, right - x), bool)
    for s in parts:
        h, w = s.mask.shape
        mask[s.y - y : s.y - y + h, s.x - x : s.x - x + w] |= s.mask
    return Silhouette(x, y, mask)
