"""VGN: grasps as CSV, depth images and TSDF grids as npz (Breyer, Chung, Ott, Siegwart, Nieto, 2020)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from graspgen.dataset.reader import Dataset
from graspgen.dataset.scene_grasps import good_grasps
from graspgen.dataset.tsdf import RESOLUTION, TABLE, empty_volume, fuse
from graspgen.errors import DatasetError
from graspgen.exports.folder import ExportFolder
from graspgen.exports.grasp_frames import to_xyzw
from graspgen.exports.grasped import Hand, find_hand, tried_in_scene
from graspgen.exports.images import opencv_matrix
from graspgen.exports.npz import write_npz
from graspgen.exports.readme import write_readme
from graspgen.exports.registry import Format, Options
from graspgen.exports.shots import Lens, Shot, check_lenses, check_views, take
from graspgen.frames import Array, inverse, pose, transform_points

#: VGN's cube is six fingers wide, and its truncation four voxels.
_FINGERS, _TRUNCATION = 6.0, 4.0

RAW, MADE = "raw", "dataset"


class VgnOptions(Options):
    """Options of `vgn`."""

    gripper: str | None = Field(None)
    """Whose grasps, where the dataset has several grippers."""
    size: float = Field(0.3, gt=0)
    """Side of the cube, m; VGN's networks count on 0.3."""
    raw: bool = Field(True)
    """Whether depth images and grasps in metres are written as well (`raw/`)."""
    lens: Lens = Field("refuse")
    """Views with a lens: `refuse` them, or `straighten` them into pinhole pictures."""


@dataclass(frozen=True, eq=False)
class _Grasps:
    """Grasps of a scene in the frame of the cube: quaternions x y z w, positions and widths in m, labels 0 or 1."""

    quat: Array
    position: Array
    width: Array
    label: NDArray[np.bool_]
    outside: int
    tried: int


def export(dataset: Dataset, folder: ExportFolder, options: VgnOptions) -> None:
    """Write `dataset/{grasps.csv,scenes/*.npz}` and, if asked for, `raw/{setup.json,grasps.csv,scenes/*.npz}`.

    Raises:
        DatasetError: there are no views or no grasps of two jaws, a view has a lens, or `raw` is asked for and the
            views differ in their camera matrix, of which VGN has one.
    """
    check_views(dataset, "VGN")
    check_lenses(dataset, options.lens, "VGN")
    hand = find_hand(dataset, options.gripper)
    K, size = dataset.views["K"], dataset.views["rgb"].shape[2:0:-1]
    if options.raw and np.ptp(K, axis=0).max() > 1e-6:
        raise DatasetError(
            f"{dataset.path}: views differ in their camera matrix, of which VGN's raw data has one; --set raw=false "
            "writes the grids alone"
        )
    voxel = options.size / RESOLUTION
    lines: dict[str, list[str]] = {
        RAW: ["scene_id,qx,qy,qz,qw,x,y,z,width,label"],
        MADE: ["scene_id,qx,qy,qz,qw,i,j,k,width,label"],
    }
    outside = tried = empty = 0
    for scene in dataset.scenes["index"].tolist():
        name = f"scene{scene:05d}"  # not digits alone, which pandas would make a number
        corner = _corner(dataset, scene, options.size)
        grasps = _grasps(dataset, scene, hand, corner, voxel)
        outside, tried = outside + grasps.outside, tried + grasps.tried
        shots = [take(dataset, view) for view in dataset.scene_views(scene).tolist()]
        if not len(grasps.label) or not shots:
            empty += 1
            continue
        lines[RAW] += _lines(name, grasps, 1.0)
        lines[MADE] += _lines(name, grasps, voxel)
        volume = empty_volume(corner, options.size, RESOLUTION, _TRUNCATION)
        for shot in shots:
            volume = fuse(volume, shot.depth, shot.K, dataset.views["T_world_camera"][shot.view])
        write_npz(folder.file(f"{MADE}/scenes/{name}.npz"), {"grid": volume.vgn_grid})
        if options.raw:
            write_npz(folder.file(f"{RAW}/scenes/{name}.npz"), _sensor_data(dataset, shots, corner))
    for part in (MADE, RAW) if options.raw else (MADE,):
        folder.write_text(f"{part}/grasps.csv", "\n".join(lines[part]) + "\n")
        folder.write_json(f"{part}/setup.json", _setup(K[0], size, options.size, hand), indent=4)
    _readme(folder, dataset, options, hand, outside, tried, empty)


def _corner(dataset: Dataset, scene: int, size: float) -> Array:
    """(4, 4) `T_world_task`: the cube stands over the middle of the objects, its floor below the support as VGN's."""
    mine = dataset.objects["scene"] == scene
    com = transform_points(dataset.objects["T_world_object"][mine], dataset.objects["com"][mine][:, None])[:, 0]
    middle = com[:, :2].mean(axis=0) if len(com) else np.zeros(2)
    return pose(translation=[*(middle - size / 2), -TABLE * size / 0.3])


def _grasps(dataset: Dataset, scene: int, hand: Hand, T_world_task: Array, voxel: float) -> _Grasps:
    g = dataset.grasps
    rows = np.flatnonzero((g["scene"] == scene) & (g["gripper"] == hand.key))
    objects = np.searchsorted(dataset.objects["id"], g["object"][rows])
    T = inverse(T_world_task) @ dataset.objects["T_world_object"][objects] @ g["T_object_grasp"][rows]
    voxels = np.round(T[:, :3, 3] / voxel)  # VGN's readers round so
    inside = ((voxels >= 0) & (voxels < RESOLUTION)).all(axis=1)
    T, rows = T[inside], rows[inside]
    return _Grasps(
        to_xyzw(T[:, :3, :3]), T[:, :3, 3], g["width"][rows], good_grasps(dataset, rows), int((~inside).sum()),
        tried_in_scene(dataset, rows),
    )  # fmt: skip


def _lines(name: str, grasps: _Grasps, unit: float) -> list[str]:
    table = np.column_stack([grasps.quat, grasps.position / unit, grasps.width / unit])
    return [
        f"{name},{','.join(repr(x) for x in row)},{int(label)}"
        for row, label in zip(table.tolist(), grasps.label, strict=True)
    ]


def _sensor_data(dataset: Dataset, shots: list[Shot], T_world_task: Array) -> dict[str, NDArray]:
    T = inverse(dataset.views["T_world_camera"][[shot.view for shot in shots]]) @ T_world_task
    return {
        "depth_imgs": np.stack([shot.depth for shot in shots]).astype(np.float32),
        "extrinsics": np.concatenate([to_xyzw(T[:, :3, :3]), T[:, :3, 3]], axis=1),
    }


def _setup(K: Array, size: tuple[int, int], side: float, hand: Hand) -> dict[str, object]:
    intrinsic = {"width": size[0], "height": size[1], "K": opencv_matrix(K).ravel().tolist()}
    return {
        "size": side,
        "intrinsic": intrinsic,
        "max_opening_width": hand.stroke,
        "finger_depth": side / _FINGERS,
    }


def _readme(
    folder: ExportFolder, dataset: Dataset, options: VgnOptions, hand: Hand, outside: int, tried: int, empty: int
) -> None:
    voxel = options.size / RESOLUTION
    frames = [
        f"Each scene is a cube with sides of {options.size:g} m along the world's axes, over the middle of its "
        f"objects; the origin is its corner, {TABLE * options.size / 0.3:g} m below the support.",
        "`raw/` is in metres; `dataset/`, what VGN's construct_dataset.py makes of it, in voxels of "
        f"{voxel:g} m. Quaternions are x, y, z, w; the pose is the tool point's: z approach, y closing direction.",
        "`width` is the opening before closing. `label` is 1 where the grasp works in the scene: by its trial "
        f"there ({tried} had one), else if it holds in free space and the open hand touches nothing on its way.",
        f"`grid` is (1, {RESOLUTION}, {RESOLUTION}, {RESOLUTION}): (signed distance / truncation + 1) / 2 near "
        "surfaces, 0 elsewhere; truncation 4 voxels, all views fused.",
        "`depth_imgs` is planar, m; `extrinsics` is the cube's frame in the camera's (OpenCV): quaternion, then "
        "position. In `setup.json` the centre of pixel (0, 0) is (0, 0).",
    ]
    lost = [
        f"{outside} grasps outside the cubes, {empty} scenes without a grasp inside.",
        "Colour, which object a grasp is of, why it failed, friction.",
        "`finger_depth` is a sixth of the cube, as VGN's scripts insist, not the gripper's.",
    ]
    write_readme(folder, dataset, "Scenes in the format of VGN", frames, lost, hand)


FORMAT = Format(
    "vgn", "TSDF grids, depth images and grasps of scenes as npz and CSV; for VGN and GIGA", VgnOptions, export
)
