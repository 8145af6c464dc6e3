"""GraspNet-1Billion: its scenes, its dense labels, and its rows of 17 numbers (Fang, Wang, Gou, Lu, 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from graspgen.dataset.reader import Dataset
from graspgen.dataset.scene_grasps import held
from graspgen.errors import DatasetError
from graspgen.exports.folder import ExportFolder
from graspgen.exports.grasp_frames import graspnet_rows, to_graspnet
from graspgen.exports.grasped import GraspedObject, find_hand, grasped_objects, unique_names
from graspgen.exports.graspnet_labels import DEPTHS, Slots, to_slots, write_collision_labels, write_grasp_label
from graspgen.exports.graspnet_scene import write_object_list, write_scene
from graspgen.exports.images import opencv_matrix
from graspgen.exports.mesh_text import export_mesh, obj_text, ply_bytes
from graspgen.exports.readme import write_readme
from graspgen.exports.registry import Format, Options
from graspgen.exports.shots import Lens, check_lenses
from graspgen.frames import Array, inverse, project
from graspgen.grasps.outcomes import Collision

#: What GraspNet gives all its grasps, m; no finger of ours is measured by it.
HEIGHT = 0.02
#: GraspNet's largest friction, and the score of a grasp that holds without any.
MOST_FRICTION, FULL_SCORE = 1.2, 1.1
#: GraspNet's readers take a rectangle where the approach is this near to the camera's axis (cosine).
FACING = 0.99

_OWN = int(Collision.TARGET_AT_GRASP) | int(Collision.TARGET_ON_APPROACH)


class GraspNetOptions(Options):
    """Options of `graspnet`."""

    gripper: str | None = Field(None)
    """Whose grasps, where the dataset has several grippers."""
    camera: Literal["realsense", "kinect"] = Field("realsense")
    """Under which of GraspNet's cameras the images are filed."""
    depth: float = Field(0.02)
    """Distance from the grasp point to the fingertips, m: 0.01, 0.02, 0.03 or 0.04."""
    friction: Literal["auto", "simulated", "analytic"] = Field("auto")
    """Friction of the score: the smallest that held in simulation, or the smallest with force closure of grasps that
    held. auto takes the first where the dataset has it."""
    collisions: bool = Field(False)
    """Whether the rows hold grasps whose open hand touches something in the scene."""
    labels: bool = Field(True)
    """Whether the dense labels are written."""
    points: int = Field(256, ge=1)
    """Most grasps an object in the dense labels (each takes 0.25 MB when it is read)."""
    lens: Lens = Field("refuse")
    """Views with a lens: `refuse` them, or `straighten` them into pinhole pictures."""


@dataclass(frozen=True, eq=False)
class _Scored:
    """Grasps of an object that have a score: rows of `grasps`, and the friction of each."""

    rows: NDArray[np.int64]
    friction: Array


def export(dataset: Dataset, folder: ExportFolder, options: GraspNetOptions) -> None:
    """Write `scenes/`, `models/`, `dump/`, `grasp_label/` and `collision_label/`.

    Raises:
        DatasetError: there are no grasps of two jaws, no friction of the kind that is asked for, or the depth is none
            of GraspNet's.
    """
    if options.depth not in DEPTHS:
        raise DatasetError(f"--set depth={options.depth:g}: GraspNet's depths are {', '.join(map(str, DEPTHS))}")
    check_lenses(dataset, options.lens, "GraspNet")
    hand = find_hand(dataset, options.gripper)
    simulated = _simulated(dataset, options.friction)
    items = {item.key: item for item in grasped_objects(dataset, hand)}
    ids = _object_ids(dataset, items)
    scored = {key: _scored(dataset, item, simulated) for key, item in items.items()}
    _write_models(folder, dataset, items, ids)
    slots, tilts, left_out = {}, [np.zeros(0)], 0
    for key, number in ids.items() if options.labels else ():
        chosen = scored.get(key, _Scored(np.zeros(0, np.int64), np.zeros(0)))
        few = np.unique(np.linspace(0, max(len(chosen.rows) - 1, 0), min(options.points, len(chosen.rows))).astype(int))
        left_out += len(chosen.rows) - len(few)
        rows = chosen.rows[few]
        slots[key] = rows, _slots(dataset, rows, chosen.friction[few], options.depth)
        tilts.append(slots[key][1].tilt)
        hits = (dataset.grasps["collision"][rows] & _OWN) != 0
        write_grasp_label(folder.file(f"grasp_label/{number:03d}_labels.npz"), slots[key][1], hits)
    written = 0
    names = dict(zip(dataset.assets["id"].tolist(), unique_names(dataset.assets["name"].tolist()), strict=True))
    for scene in dataset.scenes["index"].tolist():
        objects = np.flatnonzero((dataset.objects["scene"] == scene) & dataset.objects["labelled"])
        keys = dataset.objects["id"][objects].tolist()
        numbers = np.array([ids[key] for key in keys], np.int64)
        write_scene(
            folder, dataset, scene, options.camera, objects, numbers,
            [names[int(a)] for a in dataset.objects["asset"][objects]],
        )  # fmt: skip
        if options.labels:
            parts = [(slots[k][1], dataset.grasps["collision"][slots[k][0]] != 0) for k in keys]
            write_collision_labels(folder.file(f"collision_label/scene_{scene:04d}/collision_labels.npz"), parts)
        written += _write_rows(folder, dataset, scene, options, scored, ids)
    frames, lost = _notes(dataset, options, simulated, np.concatenate(tilts), left_out, written)
    write_readme(folder, dataset, "Scenes and grasps in the layout of GraspNet-1Billion", frames, lost, hand)


def _simulated(dataset: Dataset, wanted: str) -> bool:
    there = bool(np.isfinite(dataset.grasps["min_friction"]).any())
    if wanted == "simulated" and not there:
        raise DatasetError(
            f"{dataset.path} has no smallest friction by simulation; generate with grasps.min_friction=true, or --set "
            "friction=analytic"
        )
    return there if wanted == "auto" else wanted == "simulated"


def _object_ids(dataset: Dataset, items: dict[int, GraspedObject]) -> dict[int, int]:
    """Number the labelled objects from 0; in a grasp database the assets."""
    if not len(dataset.objects):
        return {key: number for number, key in enumerate(items)}
    keys = dataset.objects["id"][dataset.objects["labelled"]].tolist()
    return {key: number for number, key in enumerate(keys)}


def _scored(dataset: Dataset, item: GraspedObject, simulated: bool) -> _Scored:
    grasps = dataset.grasps
    if simulated:
        friction = grasps["min_friction"][item.rows].astype(float)
        good = friction <= MOST_FRICTION  # NaN is not
    else:
        friction = grasps["min_friction_analytic"][item.rows].astype(float)
        good = (friction <= MOST_FRICTION) & held(dataset, item.rows)
    good &= friction > 0
    return _Scored(item.rows[good], friction[good])


def _slots(dataset: Dataset, rows: NDArray[np.int64], friction: Array, depth: float) -> Slots:
    return to_slots(dataset.grasps["T_object_grasp"][rows], dataset.grasps["width"][rows], friction, depth)


def _write_models(folder: ExportFolder, dataset: Dataset, items: dict[int, GraspedObject], ids: dict[int, int]) -> None:
    rows: list[dict[str, object]] = []
    for key, number in ids.items():
        if len(dataset.objects):
            i = dataset.objects.index_of(key)
            asset, scale = dataset.assets.index_of(int(dataset.objects["asset"][i])), dataset.objects["scale"][i]
        else:
            asset, scale = items[key].asset, np.ones(3)
        mesh = export_mesh(dataset, asset, scale)
        folder.write_bytes(f"models/{number:03d}/nontextured.ply", ply_bytes(*mesh))
        folder.write_text(f"models/{number:03d}/textured.obj", obj_text(*mesh))
        named = {name: str(dataset.assets[name][asset]) for name in ("name", "class_name")}
        rows.append({"id": number, "object": key, **named, "scale": np.asarray(scale).tolist()})
    write_object_list(folder, rows)


def _write_rows(
    folder: ExportFolder,
    dataset: Dataset,
    scene: int,
    options: GraspNetOptions,
    scored: dict[int, _Scored],
    ids: dict[int, int],
) -> int:
    """Write the rows of 17 and of 7 numbers of a scene's views; return how many grasps each view has."""
    mine = [
        key for key in scored if key in ids and int(dataset.objects["scene"][dataset.objects.index_of(key)]) == scene
    ]
    rows = np.concatenate([np.zeros(0, np.int64), *(scored[key].rows for key in mine)])
    friction = np.concatenate([np.zeros(0), *(scored[key].friction for key in mine)])
    if not options.collisions:
        clear = dataset.grasps["collision"][rows] == 0
        rows, friction = rows[clear], friction[clear]
    keys = dataset.grasps["object"][rows]
    T_world_object = dataset.objects["T_world_object"][np.searchsorted(dataset.objects["id"], keys)]
    T_world_grasp = T_world_object @ dataset.grasps["T_object_grasp"][rows]
    number = np.array([ids[int(key)] for key in keys], np.int64)
    width, score = dataset.grasps["width"][rows], FULL_SCORE - friction
    for i, view in enumerate(dataset.scene_views(scene).tolist()):
        T = inverse(dataset.views["T_world_camera"][view]) @ T_world_grasp
        full = graspnet_rows(
            to_graspnet(T, options.depth),
            score=score,
            width=width,
            height=HEIGHT,
            depth=options.depth,
            object_id=number,
        )
        name = f"scene_{scene:04d}/{options.camera}"
        np.save(folder.file(f"dump/{name}/{i:04d}.npy"), full, allow_pickle=False)
        flat = _rectangles(T, width, score, number, opencv_matrix(dataset.views["K"][view]))
        np.save(folder.file(f"scenes/{name}/rect/{i:04d}.npy"), flat, allow_pickle=False)
    return len(rows)


def _rectangles(T: Array, width: Array, score: Array, number: NDArray[np.int64], K: Array) -> Array:
    """(m, 7) centre, one end of the opening, height, score, id, px; of grasps along the camera's axis."""
    facing = np.flatnonzero(T[:, 2, 2] > FACING)
    T, width = T[facing], width[facing]
    centre = T[:, :3, 3]
    open_point = centre + 0.5 * width[:, None] * T[:, :3, 1]
    side = 0.5 * HEIGHT * T[:, :3, 0]
    p, q, a, b = (project(K, x) for x in (centre, open_point, centre - side, centre + side))
    height = np.linalg.norm(b - a, axis=-1)
    rows = np.concatenate([p, q, height[:, None], score[facing, None], number[facing, None]], axis=1)
    return rows[np.isfinite(rows).all(axis=1)]


def _notes(
    dataset: Dataset, options: GraspNetOptions, simulated: bool, tilt: Array, left_out: int, written: int
) -> tuple[list[str], list[str]]:
    wide = int((dataset.grasps["width"] > 0.1).sum())
    what = "the smallest sliding friction that held in simulation (`grasps.min_friction`)"
    if not simulated:
        what = "the smallest with force closure (`grasps.min_friction_analytic`), of grasps that held in simulation"
    frames = [
        "Rows of 17 in `dump/` are [score, width, height, depth, R (row-major), t, object id], OpenCV camera's "
        f"frame, metres: x approach, y closing direction; t lies {options.depth:g} m before the tool point.",
        f"Score = {FULL_SCORE} − μ, and `scores` of the labels is μ: {what}. `height` is GraspNet's constant {HEIGHT}.",
        "`width` is the opening before closing.",
        "`depth/*.png` is in millimetres (`factor_depth` 1000); `label/*.png` is the object's id + 1. In camK and meta "
        "the centre of pixel (0, 0) is (0, 0).",
        "`annotations/*.xml` and `meta` hold poses in the camera's frame; `cam0_wrt_table` is the first camera in the "
        "world, `camera_poses` the others in the first's frame. camK is the first view's, meta has each view's own.",
        "Ids count all scenes' objects from 0; `objects.json` says what each is. `models/` are scaled, in metres.",
        "`collision` in `grasp_label` is the open hand touching the object itself, in `collision_label` anything.",
    ]
    lost = [
        f"Grasps without such a friction, or with more than {MOST_FRICTION}: that is, failures. `dump/` has {written} "
        f"grasps{'' if options.collisions else ', those whose open hand touches nothing on its way'}.",
        "A scene has as many views as the dataset has, not 256.",
        f"Widths above 0.1 m, which GraspNet's evaluation clips: {wide} in the dataset, written as they are.",
        "Textures, `textured.sdf` and Dex-Net's models, which GraspNet's evaluation needs.",
    ]
    if options.labels:
        most, median = (np.degrees(f(tilt)) if len(tilt) else 0.0 for f in (np.max, np.median))
        lost.append(
            f"Labels have 300 approaches: grasps there are turned by {median:.1f}° (median), at most {most:.1f}°, "
            f"about their tool point. Slots not tried have score −1 and count as collisions. {left_out} grasps "
            f"were left out beyond {options.points} an object."
        )
    return frames, lost


FORMAT = Format(
    "graspnet",
    "scenes, dense labels and 17-number rows of GraspNet-1Billion; read by graspnetAPI",
    GraspNetOptions,
    export,
)
