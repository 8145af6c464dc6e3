"""BOP, scene-wise: images, poses, masks, models and test targets, as `bop_toolkit` reads them.

Layout: docs/bop_datasets_format.md of github.com/thodan/bop_toolkit. A model is an asset at one scale, since poses are
rigid. Millimetres, OpenCV camera, `cam_R_m2c`/`cam_t_m2c` of the frame that the asset's mesh came in. Ids come from the
id image, not from a depth tolerance as the toolkit's own masks do.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

import numpy as np
from pydantic import Field

from graspgen.dataset.reader import Dataset
from graspgen.dataset.schema import Role
from graspgen.exports.bop_models import MM, evaluation_mesh, model_info, parse_symmetry, ply
from graspgen.exports.folder import ExportFolder
from graspgen.exports.images import opencv_matrix
from graspgen.exports.pictures import colour, depth_counts, png
from graspgen.exports.readme import write_readme
from graspgen.exports.registry import Format, Options
from graspgen.exports.shots import (
    Lens,
    Meshes,
    Seen,
    Shot,
    check_lenses,
    check_views,
    in_image,
    labels_lost,
    objects_of,
    take,
)
from graspgen.frames import inverse

#: A target of a test has at least this share visible (`enumerate_test_targets.py` of the toolkit).
_TARGET_VISIBLE = 0.1
_ABSENT = [-1, -1, -1, -1]


class BopOptions(Options):
    """What can be chosen."""

    split: Literal["train", "val", "test"] = "train"
    """Name of the split; `test` writes the test targets as well."""
    type: Literal["none", "pbr", "synt", "real", "primesense", "kinect"] = "pbr"
    """What follows the split in the name of its folder, such as `train_pbr`; `none` for nothing."""
    rgb: Literal["auto", "png", "jpg"] = "auto"
    """Colour images; `auto` is jpg for pbr, which the toolkit expects, and else png."""
    depth_scale: float = Field(0.1, ge=0.1, le=10)
    """Millimetres for each count of the depth images; 0.1 loses nothing."""
    pixels: Literal["edge", "center"] = "edge"
    """Where pixel coordinates are whole in `cam_K`: at the pixels' edges (a centred camera has cx = width / 2, as the
    toolkit's renderer draws), or at their centres (OpenCV's habit: cx is smaller by 0.5)."""
    distractors: bool = False
    """Whether labelled distractors are annotated as well."""
    lens: Lens = "refuse"
    """Views with distortion: refuse them, or straighten them into pinhole pictures."""


def _export(dataset: Dataset, folder: ExportFolder, options: BopOptions) -> None:
    check_views(dataset, "BOP")
    check_lenses(dataset, options.lens, "BOP")
    meshes = Meshes(dataset)
    models = _models(dataset, options)
    _write_models(dataset, folder, models, meshes)
    root = options.split if options.type == "none" else f"{options.split}_{options.type}"
    counts: Counter[str] = Counter()
    targets: list[dict[str, int]] = []
    images: list[dict[str, int]] = []
    for scene in np.unique(dataset.views["scene"]).tolist():
        files: dict[str, dict[str, Any]] = {"scene_camera": {}, "scene_gt": {}, "scene_gt_info": {}}
        for view in dataset.scene_views(scene).tolist():
            shot = take(dataset, view)
            # What is behind the camera has no pixel anywhere, and BOP no way to say so.
            seen = [s for s in objects_of(dataset, shot, meshes) if _has_model(s, models) and s.whole.pixels]
            _write_images(folder, f"{root}/{scene:06d}", shot, seen, options)
            im = str(shot.number)
            files["scene_camera"][im] = _camera(dataset, shot, options)
            files["scene_gt"][im] = [_ground_truth(s, models) for s in seen]
            files["scene_gt_info"][im] = [_info(s, shot) for s in seen]
            folder.progress("views", counts["images"] + 1, len(dataset.views))
            counts.update(images=1, poses=len(seen), hidden=sum(s.visible.pixels == 0 for s in seen))
            there = Counter(_model_of(s, models) for s in seen if s.visibility >= _TARGET_VISIBLE)
            targets += [
                {"im_id": shot.number, "inst_count": n, "obj_id": model, "scene_id": scene}
                for model, n in sorted(there.items())
            ]
            images.append({"im_id": shot.number, "scene_id": scene})
        for name, content in files.items():
            folder.write_json(f"{root}/{scene:06d}/{name}.json", content)
    if options.split == "test":
        folder.write_json("test_targets_bop19.json", targets)
        folder.write_json("test_targets_bop24.json", images)
    _write_about(dataset, folder, options, models, counts)


_Models = dict[tuple[int, tuple[float, ...]], int]


def _scale_key(row: dict[str, Any]) -> tuple[float, ...]:
    return tuple(np.asarray(row["scale"], float).tolist())


def _models(dataset: Dataset, options: BopOptions) -> _Models:
    """Number assets at their scales from 1: by the asset's key, then by size."""
    objects = dataset.objects
    used = np.asarray(objects["labelled"], bool)
    if not options.distractors:
        used = used & (objects["role"] != int(Role.DISTRACTOR))
    rows = np.flatnonzero(used)
    keys = sorted({(int(objects["asset"][r]), tuple(objects["scale"][r].tolist())) for r in rows})
    return {key: number for number, key in enumerate(keys, 1)}


def _write_models(dataset: Dataset, folder: ExportFolder, models: _Models, meshes: Meshes) -> None:
    infos, names = {}, {}
    for (asset, scale), number in models.items():
        mesh = meshes.textured(asset, np.array(scale))
        row = dataset.assets.index_of(asset)
        name = f"obj_{number:06d}"
        texture = ""
        if mesh.texture is not None and mesh.uv is not None:
            texture = f"{name}.png"
            folder.write_bytes(f"models/{texture}", png(mesh.texture))
        folder.write_bytes(f"models/{name}.ply", ply(mesh, texture))
        info = model_info(mesh, parse_symmetry(dataset.assets["symmetry"][row]), np.array(scale))
        folder.write_bytes(f"models_eval/{name}.ply", ply(evaluation_mesh(mesh, info["diameter"] / MM)))
        infos[str(number)] = info
        folder.progress("models", number, len(models))
        names[str(number)] = {
            "name": dataset.assets["name"][row],
            "class_name": dataset.assets["class_name"][row],
            "scale": list(scale),
            "licence": dataset.assets["licence"][row],
        }
    for where in ("models", "models_eval"):
        folder.write_json(f"{where}/models_info.json", infos, indent=1)
    folder.write_json("models/names.json", names, indent=1)


def _write_images(folder: ExportFolder, scene: str, shot: Shot, seen: list[Seen], options: BopOptions) -> None:
    im = f"{shot.number:06d}"
    kind = _kind(options)
    folder.write_bytes(f"{scene}/rgb/{im}.{kind}", colour(shot.rgb, kind))
    folder.write_bytes(f"{scene}/depth/{im}.png", png(depth_counts(shot.depth, options.depth_scale / MM)))
    for k, thing in enumerate(seen):
        for what, part in (("mask", thing.whole), ("mask_visib", thing.visible)):
            folder.write_bytes(f"{scene}/{what}/{im}_{k:06d}.png", png(in_image(shot, part).astype(np.uint8) * 255))


def _kind(options: BopOptions) -> Literal["png", "jpg"]:
    if options.rgb != "auto":
        return options.rgb
    return "jpg" if options.type == "pbr" else "png"


def _K(shot: Shot, options: BopOptions) -> np.ndarray:
    return opencv_matrix(shot.K) if options.pixels == "center" else shot.K


def _camera(dataset: Dataset, shot: Shot, options: BopOptions) -> dict[str, Any]:
    T_camera_world = inverse(dataset.views["T_world_camera"][shot.view])
    return {
        "cam_K": _K(shot, options).ravel().tolist(),
        "depth_scale": options.depth_scale,
        "cam_R_w2c": T_camera_world[:3, :3].ravel().tolist(),
        "cam_t_w2c": (T_camera_world[:3, 3] * MM).tolist(),
    }


def _has_model(thing: Seen, models: _Models) -> bool:
    return (int(thing.row["asset"]), _scale_key(thing.row)) in models


def _model_of(thing: Seen, models: _Models) -> int:
    return models[int(thing.row["asset"]), _scale_key(thing.row)]


def _ground_truth(thing: Seen, models: _Models) -> dict[str, Any]:
    T = thing.row["T_camera_object"]
    return {
        "cam_R_m2c": T[:3, :3].ravel().tolist(),
        "cam_t_m2c": (T[:3, 3] * MM).tolist(),
        "obj_id": _model_of(thing, models),
    }


def _info(thing: Seen, shot: Shot) -> dict[str, Any]:
    inside = in_image(shot, thing.whole)
    return {
        "bbox_obj": _box(thing.whole.bbox),
        "bbox_visib": _box(thing.visible.bbox),
        "px_count_all": thing.whole.pixels,
        "px_count_valid": int(np.count_nonzero(inside & (shot.depth > 0))),
        "px_count_visib": thing.visible.pixels,
        "visib_fract": thing.visibility,
    }


def _box(bbox: tuple[int, int, int, int]) -> list[int]:
    """Return a box as the toolkit counts: its width is the largest column less the smallest."""
    x, y, w, h = bbox
    return [x, y, w - 1, h - 1] if w > 0 else list(_ABSENT)


def _write_about(
    dataset: Dataset, folder: ExportFolder, options: BopOptions, models: _Models, counts: Counter[str]
) -> None:
    first = take(dataset, 0)
    K, (width, height) = _K(first, options), first.size
    camera = {"cx": K[0, 2], "cy": K[1, 2], "fx": K[0, 0], "fy": K[1, 1], "width": width, "height": height}
    folder.write_json("camera.json", dict(sorted((camera | {"depth_scale": options.depth_scale}).items())))
    centre = "(0.5, 0.5)" if options.pixels == "edge" else "(0, 0)"
    frames = [
        f"{counts['images']} images of {len(np.unique(dataset.views['scene']))} scenes, {len(models)} models, "
        f"{counts['poses']} poses, {counts['hidden']} of them of objects without a visible pixel.",
        "A folder is a scene of the dataset, an image the view of that number in it, from 0.",
        "A model is an asset at one scale, in the frame of the asset's mesh; `models/names.json` names them. "
        "`models_eval` is the same surface with evenly spread vertices, without texture.",
        "Millimetres; `cam_R_m2c`, `cam_t_m2c` from the model's to the OpenCV camera's frame (x right, y down, z "
        "forward), `cam_R_w2c`, `cam_t_w2c` from the world's.",
        f"The centre of pixel (0, 0) is {centre} in `cam_K`.",
        "`mask_visib` comes from the id image, `mask` is the whole silhouette, computed from the mesh. Boxes in "
        "`scene_gt_info` are largest less smallest pixel, as the toolkit counts.",
        "Symmetries are those of the shape; colours may break them.",
    ]
    taken_out = int(np.count_nonzero(np.any(dataset.views["distortion"], axis=1)))
    lost = [*labels_lost(dataset, distractors=options.distractors), "Grasps."]
    if taken_out:
        lost.append(f"The lenses of {taken_out} images, which are straightened.")
    write_readme(folder, dataset, "Object poses in BOP's scene-wise format", frames, lost)


FORMAT = Format(
    "bop",
    "6D object poses, scene-wise: images, masks, models, targets; read by bop_toolkit",
    BopOptions,
    _export,
)
