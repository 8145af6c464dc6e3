"""isaac_grasp: one YAML an object, as Isaac Sim's grasp editor and Isaac ROS read it."""

from __future__ import annotations

import math
from typing import Any

import yaml
from pydantic import Field

from graspgen.dataset.reader import Dataset
from graspgen.dataset.scene_grasps import held
from graspgen.exports.folder import ExportFolder
from graspgen.exports.grasp_frames import to_base
from graspgen.exports.grasped import GraspedObject, Hand, find_hand, grasped_objects
from graspgen.exports.mesh_text import export_mesh, obj_text
from graspgen.exports.readme import write_readme
from graspgen.exports.registry import Format, Options
from graspgen.frames import Array, matrix_to_quat

FRAMES = (
    "`position` and `orientation` (w, xyz) are the gripper's base body in the frame of the object, which is scaled by "
    "`object_scale`: z approach, y closing direction; metres. That is the commanded pose, before the fingers close.",
    "`confidence` is the share of the repeated free trials that held; 0 where the nominal one failed.",
    "`pregrasp_cspace_position` is the open hand, `cspace_position` the hand after closing in simulation, m a finger; "
    "a grasp whose trial never got to the close has no `cspace_position`.",
    "`object_file` is relative to this folder; the mesh is in metres, unscaled.",
)
LOST = ("Why a grasp failed, drifts, frictions, images and scenes.",)


class IsaacOptions(Options):
    """Options of `isaac_grasp`."""

    gripper: str | None = Field(None)
    """Whose grasps, where the dataset has several grippers."""
    failures: bool = Field(True)
    """Whether grasps that failed are written, with confidence 0."""


def export(dataset: Dataset, folder: ExportFolder, options: IsaacOptions) -> None:
    """Write `grasps/<object>.yaml` and `meshes/<asset>.obj`.

    Raises:
        DatasetError: there are no grasps of two jaws, or a mesh is missing.
    """
    hand = find_hand(dataset, options.gripper)
    written: set[str] = set()
    for item in grasped_objects(dataset, hand):
        mesh = f"meshes/{item.name}.obj"
        if mesh not in written:
            folder.write_text(mesh, obj_text(*export_mesh(dataset, item.asset)))
            written.add(mesh)
        content = {
            "format": "isaac_grasp",
            "format_version": 1.0,
            "object_frame_link": item.name,
            "gripper_frame_link": hand.base,
            "gripper": hand.name,
            "object_file": mesh,
            "object_scale": item.scale,
            "approach_axis": "z",
            "closing_axis": "y",
            "grasps": _grasps(dataset, item, hand, options.failures),
        }
        text = yaml.dump(content, Dumper=_DUMPER, default_flow_style=None, sort_keys=False, width=200)
        folder.write_text(f"grasps/{item.file_name}.yaml", text)
    lost = list(LOST) if options.failures else [*LOST, "Grasps that failed."]
    write_readme(folder, dataset, "Grasps in the format isaac_grasp", FRAMES, lost, hand)


def _grasps(dataset: Dataset, item: GraspedObject, hand: Hand, failures: bool) -> dict[str, Any]:
    T = to_base(dataset.grasps["T_object_grasp"][item.rows], hand.T_base_tool(dataset.grasps["grip_width"][item.rows]))
    quat = matrix_to_quat(T[:, :3, :3])
    rate, opening = dataset.grasps["success_rate"][item.rows], dataset.grasps["width"][item.rows]
    closed, ok = item.trial(dataset, "width"), held(dataset, item.rows)
    grasps = {}
    for i in range(len(T)):
        if not (ok[i] or failures):
            continue
        grasp: dict[str, Any] = {
            "confidence": float(rate[i]) if ok[i] and math.isfinite(rate[i]) else float(ok[i]),
            "position": T[i, :3, 3].tolist(),
            "orientation": {"w": float(quat[i, 0]), "xyz": quat[i, 1:].tolist()},
        }
        if math.isfinite(closed[i]):
            grasp["cspace_position"] = _joints(hand, float(closed[i]))
        grasp["pregrasp_cspace_position"] = _joints(hand, float(opening[i]))
        grasps[f"grasp_{i}"] = grasp
    return grasps


def _joints(hand: Hand, opening: float | Array) -> dict[str, float]:
    """Driven finger joints at an opening."""
    return {joint: round(value, 9) for joint, value in hand.positions(float(opening)).items()}


#: libyaml's writer where there is one: several times as fast.
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

FORMAT = Format(
    "isaac_grasp", "grasps of single objects as YAML, meshes as OBJ; for Isaac Sim and Isaac ROS", IsaacOptions, export
)
