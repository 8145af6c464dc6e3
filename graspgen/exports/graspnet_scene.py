"""A scene's folder in GraspNet-1Billion's layout: images, masks, poses of objects and cameras."""

from __future__ import annotations

import io
import json
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat

from graspgen.dataset.reader import Dataset
from graspgen.exports.folder import ExportFolder
from graspgen.exports.images import opencv_matrix
from graspgen.exports.pictures import depth_counts, png
from graspgen.exports.shots import take
from graspgen.frames import Array, inverse, matrix_to_quat

#: Where a .mat file says when and on what it was made.
_MAT_HEADER = 116


def write_scene(
    folder: ExportFolder,
    dataset: Dataset,
    scene: int,
    camera: str,
    objects: NDArray[np.int64],
    object_ids: NDArray[np.int64],
    names: list[str],
) -> None:
    """Write `scenes/scene_XXXX/` but for the rectangles.

    Args:
        folder: of the export.
        dataset: to read from.
        scene: key of the scene.
        camera: `realsense` or `kinect`, the names that readers know.
        objects: rows of the scene's labelled objects.
        object_ids: (n,) their ids in the export.
        names: of their assets.
    """
    root = f"scenes/scene_{scene:04d}"
    views = dataset.scene_views(scene)
    folder.write_text(f"{root}/object_id_list.txt", "".join(f"{i}\n" for i in object_ids))
    if not len(views):
        return
    T_world_camera = dataset.views["T_world_camera"][views]
    here = f"{root}/{camera}"
    _npy(folder, f"{here}/camera_poses.npy", inverse(T_world_camera[0]) @ T_world_camera)
    _npy(folder, f"{here}/cam0_wrt_table.npy", T_world_camera[0])
    _npy(folder, f"{here}/camK.npy", opencv_matrix(dataset.views["K"][views[0]]))
    ids = np.zeros(256, np.int64)
    ids[dataset.objects["instance_id"][objects]] = object_ids + 1
    ids = ids.astype(np.uint8 if ids.max() < 256 else np.uint16)
    for number, view in enumerate(views.tolist()):
        T_camera_object = inverse(T_world_camera[number]) @ dataset.objects["T_world_object"][objects]
        shot = take(dataset, view)
        folder.write_bytes(f"{here}/rgb/{number:04d}.png", png(shot.rgb))
        folder.write_bytes(f"{here}/depth/{number:04d}.png", png(depth_counts(shot.depth, 0.001)))
        folder.write_bytes(f"{here}/label/{number:04d}.png", png(ids[shot.instances]))
        folder.write_text(f"{here}/annotations/{number:04d}.xml", poses_xml(T_camera_object, object_ids, names))
        meta = _meta(opencv_matrix(dataset.views["K"][view]), T_camera_object, object_ids)
        folder.write_bytes(f"{here}/meta/{number:04d}.mat", meta)


def poses_xml(T_camera_object: Array, object_ids: NDArray[np.int64], names: list[str]) -> str:
    """Return an annotation: the poses of objects in the camera's frame, under GraspNet's misleading `…_in_world`."""
    lines = ["<scene>"]
    quats = matrix_to_quat(T_camera_object[:, :3, :3])
    for T, quat, number, name in zip(T_camera_object, quats, object_ids, names, strict=True):
        lines += [
            "  <obj>",
            f"    <obj_id>{number}</obj_id>",
            f"    <obj_name>{escape(name)}</obj_name>",
            f"    <obj_path>models/{number:03d}/nontextured.ply</obj_path>",
            f"    <pos_in_world>{' '.join(repr(float(x)) for x in T[:3, 3])}</pos_in_world>",
            f"    <ori_in_world>{' '.join(repr(float(x)) for x in quat)}</ori_in_world>",
            "  </obj>",
        ]
    return "\n".join([*lines, "</scene>", ""])


def write_object_list(folder: ExportFolder, rows: list[dict[str, object]]) -> None:
    """Write `objects.json`: what each id is."""
    folder.write_text("objects.json", json.dumps(rows, indent=1, allow_nan=False) + "\n")


def _meta(K: Array, T_camera_object: Array, object_ids: NDArray[np.int64]) -> bytes:
    out = io.BytesIO()
    content = {
        "intrinsic_matrix": K,
        "factor_depth": np.array([[1000]], np.uint16),
        "cls_indexes": (object_ids + 1).reshape(-1, 1).astype(np.int32),
        "poses": np.moveaxis(T_camera_object[:, :3], 0, -1),
    }
    savemat(out, content, do_compression=True)
    # SciPy writes the time of day there; the same dataset gives the same file.
    return b"MATLAB 5.0 MAT-file, written by graspgen".ljust(_MAT_HEADER) + out.getvalue()[_MAT_HEADER:]


def _npy(folder: ExportFolder, name: str, array: NDArray) -> None:
    with folder.file(name).open("wb") as file:
        np.save(file, array, allow_pickle=False)
