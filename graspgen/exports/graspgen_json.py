"""GraspGen's and GraspDataGen's JSON: one file an object (NVIDIA, its GRASP_DATASET_FORMAT 1.0.0)."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from graspgen.dataset.reader import Dataset
from graspgen.dataset.scene_grasps import held
from graspgen.exports.folder import ExportFolder
from graspgen.exports.grasp_frames import GRASP_HAND, to_hand
from graspgen.exports.grasped import find_hand, grasped_objects
from graspgen.exports.mesh_text import export_mesh, obj_text
from graspgen.exports.readme import write_readme
from graspgen.exports.registry import Format, Options
from graspgen.frames import pose

FRAMES = (
    "`grasps.transforms` is the gripper's base in the frame of the object, which is scaled by `object.scale`: z "
    "approach, x closing direction; metres.",
    "`grasps.object_in_gripper` is whether the grasp held in its free trial.",
    "`object.file` is relative to `objects/`; the mesh is in metres, unscaled.",
    "`gripper.transform_offset_from_asset_to_graspgen_convention` turns the base by a quarter about the approach: our "
    "base closes along y.",
)
LOST = (
    "Why a grasp failed, openings, drifts, frictions, images and scenes.",
    "`splits/train.txt` and `splits/valid.txt` name every object in a fixed order, every tenth for validation; a class "
    "may be in both.",
)


class GraspGenOptions(Options):
    """Options of `graspgen_json`."""

    gripper: str | None = Field(None)
    """Whose grasps, where the dataset has several grippers."""
    valid_every: int = Field(10, ge=2)
    """Every so manieth object is for validation."""


def export(dataset: Dataset, folder: ExportFolder, options: GraspGenOptions) -> None:
    """Write `grasps/*.json`, `objects/*.obj`, `splits/*.txt` and `map_uuid_to_path.json`.

    Raises:
        DatasetError: there are no grasps of two jaws, or a mesh is missing.
    """
    hand = find_hand(dataset, options.gripper)
    turn = pose(GRASP_HAND)
    paths: dict[str, str] = {}
    written: set[str] = set()
    for item in grasped_objects(dataset, hand):
        mesh = f"{item.name}.obj"
        if mesh not in written:
            folder.write_text(f"objects/{mesh}", obj_text(*export_mesh(dataset, item.asset)))
            written.add(mesh)
        T_base_tool = hand.T_base_tool(dataset.grasps["grip_width"][item.rows])
        transforms = to_hand(dataset.grasps["T_object_grasp"][item.rows], T_base_tool)
        content = {
            "object": {"file": mesh, "scale": item.scale},
            "grasps": {
                "transforms": transforms.tolist(),
                "object_in_gripper": held(dataset, item.rows).tolist(),
            },
            "gripper": {
                "name": hand.name,
                "width": hand.stroke,
                "depth": float(np.linalg.norm(hand.T_base_tcp[:3, 3])),
                "transform_offset_from_asset_to_graspgen_convention": turn.tolist(),
            },
        }
        folder.write_json(f"grasps/{item.file_name}.json", content)
        paths[item.file_name] = mesh
    folder.write_json("map_uuid_to_path.json", paths, indent=1)
    chosen = {"valid": list(paths)[:: options.valid_every], "train": []}
    chosen["train"] = [name for name in paths if name not in set(chosen["valid"])]
    for split, names in chosen.items():
        folder.write_text(f"splits/{split}.txt", "".join(f"{name}\n" for name in names))
    write_readme(folder, dataset, "Grasps in the format of GraspGen", FRAMES, LOST, hand)


FORMAT = Format(
    "graspgen_json", "grasps of single objects as JSON, meshes as OBJ; for NVIDIA's GraspGen", GraspGenOptions, export
)
