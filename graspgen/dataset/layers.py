"""Layers of a view on reading: what depth, ids, poses and meshes give, and what was stored. Imports no MuJoCo.

`Dataset` has a method of each name. Images are (H, W, …) of the view's own pixels, through its lens; NaN means that
there is nothing. Camera frames are OpenCV's (x right, y down, z forward), all lengths metres.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.encodings import decode_coordinates, decode_flow, decode_normals
from graspgen.frames import Array, transform_points
from graspgen.labels import layers, rle
from graspgen.labels.layers import Seen

if TYPE_CHECKING:
    from graspgen.dataset.reader import Dataset

Layer = NDArray[np.float32]


def points(dataset: Dataset, view: int, *, frame: str = "camera", sensor: bool = False) -> Layer:
    """Return the (H, W, 3) points that a view, or its sensor, saw, m, in the frame "camera" or "world"; NaN without.

    Raises:
        ValueError: the frame is another one.
    """
    if frame not in ("camera", "world"):
        raise ValueError(f"frame must be 'camera' or 'world', got '{frame}'")
    depth = dataset.depth_sensor(view) if sensor else dataset.depth(view)
    found = layers.points(depth, *_look(dataset, view))
    if frame == "world":
        found = transform_points(_pose(dataset, view), found)
    return found.astype(np.float32)


def distance(dataset: Dataset, view: int) -> Layer:
    """Return the (H, W) distance from the camera along each pixel's ray, m; NaN without depth."""
    found = layers.points(dataset.depth(view), *_look(dataset, view))
    return np.linalg.norm(found, axis=-1).astype(np.float32)


def classes(dataset: Dataset, view: int) -> NDArray[np.int32]:
    """Return the (H, W) class ids (`assets.class_id`) of a view; 0 is the background."""
    of_instance = np.zeros(256, np.int32)
    objects = _objects(dataset, view)
    assets, scene = dataset.objects.take("asset", objects), _scene(dataset, view)
    of_instance[dataset.objects.take("instance_id", objects)] = dataset.assets.look_up("class_id", assets, scene)
    return of_instance[dataset.instances(view)]


def normals(dataset: Dataset, view: int) -> Layer:
    """Return the (H, W, 3) unit normals of a view, camera's frame, towards the camera; NaN where nothing was seen.

    Raises:
        KeyError: the dataset was made without `normals` in `views.modalities`.
    """
    return decode_normals(dataset.views["normals"][view])


def object_coordinates(dataset: Dataset, view: int) -> Layer:
    """Return the (H, W, 3) object coordinates (NOCS) of a view; NaN for the background.

    0 is the low and 1 the high end of the object's box along each of its axes. They are those that are stored, else
    computed from depth, ids, poses and meshes.
    """
    if "object_coordinates" in dataset.views:
        return decode_coordinates(dataset.views["object_coordinates"][view], dataset.instances(view))
    bounds = {}
    for row in _objects(dataset, view):
        vertices, _ = dataset.mesh(dataset.objects.take("asset", row))
        placed = vertices * dataset.objects.take("scale", row)
        bounds[int(dataset.objects.take("instance_id", row))] = np.stack([placed.min(axis=0), placed.max(axis=0)])
    return layers.object_coordinates(seen(dataset, view), bounds)


def flow(dataset: Dataset, view: int, other: int | None = None, *, visible: bool = True) -> Layer:
    """Return the (H, W, 2) optical flow from a view to another: how far what is seen moves right and down, px.

    Args:
        dataset: open.
        view: row of the view.
        other: row of the other view: of the same scene, or of another one with the same instance ids. None takes the
            scene's next view.
        visible: NaN also where something hides the point in the other view.

    Raises:
        IndexError: there is no next view in the scene.
    """
    if other is None:
        other = _next(dataset, view)
        if visible and "flow" in dataset.views:
            return decode_flow(dataset.views["flow"][view])
    return layers.flow(seen(dataset, view), seen(dataset, other), visible=visible)


def scene_flow(dataset: Dataset, view: int, other: int | None = None) -> Layer:
    """Return the (H, W, 3) motion of what a view saw until another one: its point in the other camera's frame less
    that in its own, m; NaN without depth. `other` is as for `flow`.
    """
    other = _next(dataset, view) if other is None else other
    return layers.scene_flow(seen(dataset, view), seen(dataset, other))


def frame_flow(dataset: Dataset, image: int, other: int | None = None, *, visible: bool = True) -> Layer:
    """Return the (H, W, 2) optical flow from an image of a recorded trial to another one, px.

    Objects go with their poses; all else but the hand stands still. NaN on the hand, whose fingers move.

    Args:
        dataset: open, with `frame_views`.
        image: row of `frame_views`.
        other: row of the other one, of the same trial. None takes the same camera's next.
        visible: NaN also where something hides the point in the other image.

    Raises:
        IndexError: the image is its camera's last one of the trial.
    """
    other = _next_frame(dataset, image) if other is None else other
    return layers.flow(seen_in_frame(dataset, image), seen_in_frame(dataset, other), visible=visible)


def frame_scene_flow(dataset: Dataset, image: int, other: int | None = None) -> Layer:
    """Return the (H, W, 3) motion of what an image of a recorded trial saw until another one, m, as `scene_flow` has
    it; NaN on the hand and without depth. `image` and `other` are as for `frame_flow`.
    """
    other = _next_frame(dataset, image) if other is None else other
    return layers.scene_flow(seen_in_frame(dataset, image), seen_in_frame(dataset, other))


def amodal_mask(dataset: Dataset, annotation: int, *, whole: bool = False) -> NDArray[np.bool_]:
    """Return the mask of an object's silhouette in a view, hidden parts too.

    Args:
        dataset: made with `amodal_masks` in `views.modalities`.
        annotation: row of `annotations`.
        whole: the mask of the box `bbox_amodal`, which may leave the image, in place of an (H, W) one.

    Raises:
        KeyError: the dataset was made without.
    """
    text = dataset.annotations["amodal_mask"][annotation]
    x, y, w, h = dataset.annotations["bbox_amodal"][annotation].astype(int).tolist()
    mask = rle.decode(text, max(h, 0), max(w, 0))
    if whole:
        return mask
    height, width = dataset.views["instances"].shape[1:]
    found = np.zeros((height, width), bool)
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + w, width), min(y + h, height)
    if x1 > x0 and y1 > y0:
        found[y0:y1, x0:x1] = mask[y0 - y : y1 - y, x0 - x : x1 - x]
    return found


def seen(dataset: Dataset, view: int) -> Seen:
    """Return what a view saw, and from where."""
    objects, rows = dataset.objects, _objects(dataset, view)
    K, distortion = _look(dataset, view)
    return Seen(
        depth=dataset.depth(view),
        instances=dataset.instances(view),
        K=K,
        distortion=distortion,
        T_world_camera=_pose(dataset, view),
        T_world_object={int(objects.take("instance_id", r)): objects.take("T_world_object", r) for r in rows},
    )


def seen_in_frame(dataset: Dataset, image: int) -> Seen:
    """Return what an image of a recorded trial (a row of `frame_views`) saw, and from where."""
    images, things = dataset.frame_views, dataset.frame_objects
    row = images.at_row(image)
    frame = images.take("frame", row)
    near = things.of_scene(int(dataset.frames.take("scene", dataset.frames.index_of(frame))))
    of_frame = near[things.take("frame", near) == frame]
    objects = [dataset.objects.index_of(key) for key in things.take("object", of_frame).tolist()]
    ids = dataset.objects.take("instance_id", np.array(objects, np.int64))
    return Seen(
        depth=images["depth"][row] * np.float32(images["depth"].attribute(row, "depth_scale")),
        instances=images["instances"][row],
        K=images.take("K", row),
        distortion=images.take("distortion", row),
        T_world_camera=images.take("T_world_camera", row),
        T_world_object=dict(zip(ids.tolist(), things.take("T_world_object", of_frame), strict=True)),
    )


def _next_frame(dataset: Dataset, image: int) -> int:
    images, frames = dataset.frame_views, dataset.frames
    row = images.at_row(image)
    trial = frames.take("grasp", frames.index_of(images.take("frame", row)))
    for following in range(row + 1, len(images)):
        if frames.take("grasp", frames.index_of(images.take("frame", following))) != trial:
            break
        if images.take("camera", following) == images.take("camera", row):
            return following
    raise IndexError(f"image {image} is its camera's last one of the trial; name the other image")


def _look(dataset: Dataset, view: int) -> tuple[Array, Array]:
    row = dataset.views.at_row(view)
    return dataset.views.take("K", row), dataset.views.take("distortion", row)


def _pose(dataset: Dataset, view: int) -> Array:
    return dataset.views.take("T_world_camera", dataset.views.at_row(view))


def _objects(dataset: Dataset, view: int) -> NDArray[np.int64]:
    return dataset.objects.of_scene(_scene(dataset, view))


def _scene(dataset: Dataset, view: int) -> int:
    return int(dataset.views.take("scene", dataset.views.at_row(view)))


def _next(dataset: Dataset, view: int) -> int:
    if not -len(dataset.views) <= view < len(dataset.views):
        raise IndexError(f"view {view} of {len(dataset.views)}")
    view %= len(dataset.views)
    if view + 1 == len(dataset.views) or _scene(dataset, view + 1) != _scene(dataset, view):
        raise IndexError(f"view {view} is the last of its scene; name the other view")
    return view + 1
