"""Checks of what silhouettes, keypoints and layers say: each is made again from poses, meshes, ids and depth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.checked import Checked, read_json
from graspgen.dataset.encodings import encode_coordinates, encode_flow
from graspgen.dataset.violations import Report
from graspgen.errors import DatasetError
from graspgen.frames import Array, transform_points
from graspgen.labels import layers, rle
from graspgen.labels.annotate import union
from graspgen.labels.keypoints import KeypointState, locate, object_keypoints
from graspgen.labels.silhouette import NEAR, Silhouette, silhouette_through_lens
from graspgen.lens import LensError
from graspgen.objects.asset import Mesh

#: Pixels of a silhouette may differ by this share, and by so many whatever the number: meshes are stored in float32.
SILHOUETTE, SPARE = 0.005, 2
BOX_TOLERANCE = 1.0
KEYPOINT_TOLERANCE = 0.05
#: Share of a layer's pixels that must be as computed again, to a count.
AGREEMENT = 0.999


#: (n, 2, 3) bounds of the shard's objects in their frames, m, and which of them are known.
_Boxes = tuple[Array, NDArray[np.bool_]]


@dataclass(frozen=True, eq=False)
class _View:
    """A view of a shard: its row, key, number in its scene, lens, ids, and what it shows."""

    row: int
    key: int
    near: float
    K: tuple[tuple[float, ...], ...]
    distortion: tuple[float, ...]
    instances: NDArray[np.uint8]
    depth: NDArray[np.float32]


def check_views(report: Report, checked: Checked) -> None:
    """Check plans of cameras, silhouettes, keypoints and layers of every view of a shard."""
    boxes = checked.object_bounds()
    _check_centres(report, checked, boxes)
    meshes: dict[int, Mesh | None] = {}
    before: tuple[_View, layers.Seen] | None = None
    for view in _views(report, checked):
        try:
            _check_silhouettes(report, checked, view, meshes)
        except LensError as error:
            report.add(str(error), "views", "distortion", view.row, view.key)
            continue
        _check_keypoints(report, checked, view, boxes)
        before = _check_layers(report, checked, view, before, boxes)
    if before is not None:
        _check_last(report, checked, before[0])


def _views(report: Report, checked: Checked) -> Iterator[_View]:
    """Yield the views; compare their cameras with the plans of their scenes."""
    views = checked.tables["views"]
    of_scene = checked.rows_of("scenes", views["scene"])
    plans = {int(row): checked.plan(int(row)).get("views", []) for row in np.unique(of_scene)}
    for row, key in enumerate(views["id"].tolist()):
        number, near = key & 0xFFFF, NEAR
        planned = plans[int(of_scene[row])]
        if number < len(planned):
            near = float(planned[number].get("near", NEAR))
            for name in ("K", "T_world_camera", "T_world_camera_nominal", "distortion", "redraws", "camera"):
                if name in planned[number] and not np.array_equal(views[name][row], planned[number][name]):
                    if name != "camera" or planned[number][name]:
                        report.add("is not what the scene's plan says", "views", name, row, key)
        yield _View(
            row=row,
            key=key,
            near=near,
            K=tuple(map(tuple, views["K"][row].tolist())),
            distortion=tuple(views["distortion"][row].tolist()),
            instances=checked.images["instances"][row],
            depth=checked.images["depth"][row] * np.float32(checked.depth_scale),
        )


def _check_centres(report: Report, checked: Checked, boxes: _Boxes) -> None:
    a = checked.tables["annotations"]
    if not len(a["view"]):
        return
    bounds, known = (part[checked.rows_of("objects", a["object"])] for part in boxes)
    z = transform_points(a["T_camera_object"], bounds.mean(axis=1, keepdims=True))[:, 0, 2]
    bad = known & ~(np.abs(a["centre_depth"] - z) <= 1e-5 * np.maximum(1, np.abs(z)))
    report.rows(
        "annotations",
        "centre_depth",
        bad,
        lambda row: f"{a['centre_depth'][row]:g} m, the box's centre is at {z[row]:g} m",
        a["object"],
    )


def _check_silhouettes(report: Report, checked: Checked, view: _View, meshes: dict[int, Mesh | None]) -> None:
    a, objects = checked.tables["annotations"], checked.tables["objects"]
    height, width = view.instances.shape
    for i in range(*np.searchsorted(a["view"], [view.key, view.key + 1]).tolist()):
        row = int(checked.rows_of("objects", a["object"][i : i + 1])[0])
        if row not in meshes:
            try:
                meshes[row] = Mesh(*checked.object_mesh(row))
            except DatasetError:
                meshes[row] = None  # named once, for the asset
        mesh = meshes[row]
        if mesh is None:
            continue
        visible = _visible(view.instances == objects["instance_id"][row])
        lens = (view.K, view.distortion, width, height)
        whole = union(silhouette_through_lens(mesh, a["T_camera_object"][i], *lens, near=view.near), visible)
        counts = {
            "pixels_all": whole.pixels,
            "pixels_in_frame": int(np.count_nonzero(whole.inside(width, height)[0])),
        }
        for name, count in counts.items():
            if abs(int(a[name][i]) - count) > SILHOUETTE * count + SPARE:
                text = f"{a[name][i]} px in view {view.key}, the mesh at its pose covers {count}"
                report.add(text, "annotations", name, i, int(a["object"][i]))
        box = np.array(whole.bbox, float)
        if not (np.abs(_edges(a["bbox_amodal"][i]) - _edges(box)) <= BOX_TOLERANCE).all():
            text = f"{a['bbox_amodal'][i].tolist()} in view {view.key}, the mesh at its pose gives {box.tolist()}"
            report.add(text, "annotations", "bbox_amodal", i, int(a["object"][i]))
        elif "amodal_mask" in a:
            _check_mask(report, checked, i, whole, (width, height))


def _edges(box: Array) -> Array:
    return np.array([box[0], box[1], box[0] + box[2], box[1] + box[3]], float)


def _visible(mask: NDArray[np.bool_]) -> Silhouette:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return Silhouette(0, 0, np.zeros((0, 0), bool))
    window = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Silhouette(int(columns[0]), int(rows[0]), window)


def _check_mask(report: Report, checked: Checked, i: int, whole: Silhouette, size: tuple[int, int]) -> None:
    a = checked.tables["annotations"]
    key = int(a["object"][i])
    x, y, w, h = a["bbox_amodal"][i].astype(int).tolist()
    try:
        mask = rle.decode(a["amodal_mask"][i], max(h, 0), max(w, 0))
    except ValueError as error:
        report.add(str(error), "annotations", "amodal_mask", i, key)
        return
    stored = Silhouette(x, y, mask)
    inside = int(np.count_nonzero(stored.inside(*size)[0]))
    if stored.pixels != a["pixels_all"][i] or inside != a["pixels_in_frame"][i]:
        text = f"holds {stored.pixels} px, {inside} in the frame; pixels_all and pixels_in_frame say "
        text += f"{a['pixels_all'][i]} and {a['pixels_in_frame'][i]}"
        report.add(text, "annotations", "amodal_mask", i, key)
        return
    both = union(stored, whole).pixels
    if 2 * both - stored.pixels - whole.pixels > 2 * (SILHOUETTE * both + SPARE):
        report.add("is not the silhouette of the mesh at its pose", "annotations", "amodal_mask", i, key)


def _check_keypoints(report: Report, checked: Checked, view: _View, boxes: _Boxes) -> None:
    """Project the keypoints of every object again, and look again at what is seen before them."""
    k, a, objects, assets = (checked.tables[t] for t in ("keypoints", "annotations", "objects", "assets"))
    rows = range(*np.searchsorted(k["view"], [view.key, view.key + 1]).tolist())
    all_bounds, known = boxes
    points, ids, keys, numbers = [], [], [], []
    for i in range(*np.searchsorted(a["view"], [view.key, view.key + 1]).tolist()):
        row = int(checked.rows_of("objects", a["object"][i : i + 1])[0])
        if not known[row]:
            return  # named once, for the asset
        named = read_json(assets["keypoints"][int(checked.rows_of("assets", objects["asset"][row : row + 1])[0])])
        own = {name: np.asarray(at, float) * objects["scale"][row] for name, at in named.items()}
        each = transform_points(a["T_camera_object"][i], object_keypoints(all_bounds[row], own))
        points.append(each)
        ids += [int(objects["instance_id"][row])] * len(each)
        keys += [int(a["object"][i])] * len(each)
        numbers += range(len(each))
    stored = {name: column[rows.start : rows.stop] for name, column in k.items()}
    if not np.array_equal(stored["object"], keys) or not np.array_equal(stored["number"], numbers):
        text = f"view {view.key} has not one row for each keypoint of its objects, in their order"
        report.add(text, "keypoints", "number", rows.start if len(rows) else None)
        return
    if not points:
        return
    found = locate(np.concatenate(points), np.array(ids), view.K, view.distortion, view.depth, view.instances)
    gap = np.abs(found["pixel"] - stored["pixel"])
    far = np.isnan(found["pixel"]) != np.isnan(stored["pixel"])
    with np.errstate(invalid="ignore"):
        far |= gap > KEYPOINT_TOLERANCE + 1e-6 * np.abs(found["pixel"])
    place = np.array([rows.start + r for r in range(len(keys))])
    _add(report, "pixel", place[far.any(axis=1)], keys, rows.start, "is not where the keypoint projects to")
    deep = ~(np.abs(stored["depth"] - found["depth"]) <= 1e-5 * np.maximum(1, np.abs(found["depth"])))
    _add(report, "depth", place[deep], keys, rows.start, "is not the keypoint's planar z")
    # On the edge of a pixel, the last digit of a float32 decides which one is looked at.
    same = (np.floor(found["pixel"]) == np.floor(stored["pixel"])).all(axis=1) | np.isnan(found["pixel"]).any(axis=1)
    wrong = same & (found["state"] != stored["state"])
    for r in place[wrong].tolist():
        is_, was = (
            KeypointState(int(s)).name for s in (found["state"][r - rows.start], stored["state"][r - rows.start])
        )
        report.add(f"{was}, ids and depth say {is_}", "keypoints", "state", r, keys[r - rows.start])


def _add(report: Report, column: str, rows: NDArray[np.int64], keys: list[int], start: int, text: str) -> None:
    for row in rows[:5].tolist():
        report.add(text, "keypoints", column, row, keys[row - start])


def _check_layers(
    report: Report, checked: Checked, view: _View, before: tuple[_View, layers.Seen] | None, boxes: _Boxes
) -> tuple[_View, layers.Seen] | None:
    """Compute object coordinates, and the flow from the view before, again."""
    if not {"object_coordinates", "flow"} & set(checked.images):
        return None
    views, objects = checked.tables["views"], checked.tables["objects"]
    mine = np.flatnonzero(objects["scene"] == views["scene"][view.row]).tolist()
    seen = layers.Seen(
        depth=view.depth,
        instances=view.instances,
        K=np.array(view.K),
        distortion=np.array(view.distortion),
        T_world_camera=views["T_world_camera"][view.row],
        T_world_object={int(objects["instance_id"][r]): objects["T_world_object"][r] for r in mine},
    )
    all_bounds, known = boxes
    if "object_coordinates" in checked.images and known[mine].all():
        bounds = {int(objects["instance_id"][r]): all_bounds[r] for r in mine}
        wanted = encode_coordinates(layers.object_coordinates(seen, bounds))
        _compare(report, "object_coordinates", view, checked.images["object_coordinates"][view.row], wanted, 4)
    if "flow" in checked.images and before is not None:
        last, was = before
        if last.key >> 16 == view.key >> 16:
            _compare(report, "flow", last, checked.images["flow"][last.row], encode_flow(layers.flow(was, seen)), 1)
        else:
            _check_last(report, checked, last)
    return view, seen


def _check_last(report: Report, checked: Checked, view: _View) -> None:
    """The last view of a scene has no flow."""
    if "flow" in checked.images:
        stored = checked.images["flow"][view.row]
        _compare(report, "flow", view, stored, np.full_like(stored, -32768), 0)


def _compare(report: Report, name: str, view: _View, stored: NDArray, wanted: NDArray, counts: int) -> None:
    off = np.abs(stored.astype(np.int64) - wanted.astype(np.int64)).max(axis=-1) > counts
    if int(off.sum()) > (1 - AGREEMENT) * off.size:
        text = f"{int(off.sum())} of {off.size} pixels differ from what poses, depth and ids give"
        report.add(text, "views", name, view.row, view.key)
