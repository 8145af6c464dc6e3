"""ACRONYM: one HDF5 file an object with its grasps, meshes as OBJ (Eppner, Mousavian, Fox, 2021)."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
from pydantic import Field

from graspgen.dataset.hdf5 import TEXT
from graspgen.dataset.reader import Dataset
from graspgen.dataset.scene_grasps import held
from graspgen.exports.folder import ExportFolder
from graspgen.exports.grasp_frames import to_hand
from graspgen.exports.grasped import GraspedObject, Hand, find_hand, grasped_objects
from graspgen.exports.mesh_text import export_mesh, obj_text
from graspgen.exports.readme import write_readme
from graspgen.exports.registry import Format, Options

#: ACRONYM's names for motions, and ours.
MOTIONS = {
    "object_motion_during_closing_linear": "drift_closing",
    "object_motion_during_closing_angular": "rotation_closing",
    "object_motion_during_shaking_linear": "drift_holding",
    "object_motion_during_shaking_angular": "rotation_holding",
}

#: What is known of a grasp beyond ACRONYM: columns of `grasps`, then of its nominal trial.
GRASP_COLUMNS = (
    "outcome",
    "outcome_in_scene",
    "success_rate",
    "min_friction",
    "min_friction_analytic",
    "epsilon",
    "width",
)
TRIAL_COLUMNS = (
    "grip_force",
    "held_acceleration",
    "drift_closing",
    "drift_holding",
    "rotation_closing",
    "rotation_holding",
)

FRAMES = (
    "`grasps/transforms` is the gripper's base in the object's frame, the object being scaled by `object/scale`: "
    "z approach, x closing direction; metres.",
    "`grasps/qualities/flex/object_in_gripper` is 1 where the grasp held in its free trial in MuJoCo; the group's name "
    "is ACRONYM's, FleX took no part.",
    "The motions there are of the centre of mass, relative to the hand, m and rad; NaN where the trial did not "
    "get that far.",
    "`grasps/qualities/mujoco` holds the same under this project's names, and more; codes of outcomes are in the "
    "attribute `enum`.",
    "`object/file` is relative to this folder; the mesh is in metres, unscaled.",
)
LOST = (
    "Images, poses in scenes and collisions with neighbours: ACRONYM is a format of single objects.",
    "Openings before closing are in `grasps/qualities/mujoco/width` only: ACRONYM opens the hand fully, as "
    "`gripper/configuration`, half the stroke, says.",
    "Repeated trials, but for their success rate.",
)


class AcronymOptions(Options):
    """Options of `acronym`."""

    gripper: str | None = Field(None)
    """Whose grasps, where the dataset has several grippers."""


def export(dataset: Dataset, folder: ExportFolder, options: AcronymOptions) -> None:
    """Write `grasps/<class>_<asset>_<scale>.h5` and `meshes/<class>/<asset>.obj`.

    Raises:
        DatasetError: there are no grasps of two jaws, or a mesh is missing.
    """
    hand = find_hand(dataset, options.gripper)
    written: set[str] = set()
    for item in grasped_objects(dataset, hand):
        mesh = f"meshes/{item.class_name}/{item.name}.obj"
        if mesh not in written:
            folder.write_text(mesh, obj_text(*export_mesh(dataset, item.asset)))
            written.add(mesh)
        with h5py.File(folder.file(f"grasps/{item.file_name}.h5"), "w", track_order=False) as file:
            _write(file, dataset, item, hand, mesh)
    write_readme(folder, dataset, "Grasps in the format of ACRONYM", FRAMES, LOST, hand)


def _write(file: h5py.File, dataset: Dataset, item: GraspedObject, hand: Hand, mesh: str) -> None:
    rows = item.rows
    transforms = to_hand(dataset.grasps["T_object_grasp"][rows], hand.T_base_tool(dataset.grasps["grip_width"][rows]))
    file.create_dataset("grasps/transforms", data=transforms, compression="gzip")
    flex = file.create_group("grasps/qualities/flex")
    flex["object_in_gripper"] = held(dataset, rows).astype(np.int64)
    for theirs, ours in MOTIONS.items():
        flex[theirs] = item.trial(dataset, ours)
    own = file.create_group("grasps/qualities/mujoco")
    own.attrs["description"] = "labels by graspgen's own names and units: metres, radians, newtons, m/s²"
    for name in GRASP_COLUMNS:
        own[name] = dataset.grasps[name][rows]
    for name in TRIAL_COLUMNS:
        own[name] = item.trial(dataset, name)
    for name in ("outcome", "outcome_in_scene"):
        own[name].attrs["enum"] = str(dataset.grasps.enum(name))
    own["T_object_grasp"] = dataset.grasps["T_object_grasp"][rows]
    file["gripper/configuration"] = np.array([hand.stroke / 2])
    _text(file, "gripper/type", hand.known_as)
    file["gripper/T_base_tcp"] = hand.T_base_tcp
    _text(file, "object/file", mesh)
    file["object/scale"] = item.scale
    file["object/volume"] = item.volume
    file["object/mass"] = item.mass
    file["object/density"] = item.mass / item.volume if item.volume > 0 else float("nan")
    file["object/friction"] = item.friction
    if item.com is not None and item.inertia is not None:
        file["object/com"], file["object/inertia"] = item.com, item.inertia


def _text(file: h5py.File, name: str, value: Any) -> None:
    file.create_dataset(name, data=str(value), dtype=TEXT)


FORMAT = Format(
    "acronym", "grasps of single objects as HDF5, meshes as OBJ; read by acronym_tools", AcronymOptions, export
)
