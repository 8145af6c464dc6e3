"""Read GraspNet-1Billion: rows of 17 numbers (.npy), or the dense labels of an object (.npz)."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from graspgen.exports.grasp_frames import from_graspnet, graspnet_poses
from graspgen.exports.graspnet_labels import SLOTS, from_slots
from graspgen.frames import Array, inverse, pose, quat_to_matrix
from graspgen.imports.foreign import (
    ForeignGrasps,
    GraspFileError,
    Reading,
    check_size,
    numbers,
    read_text,
    rigid,
    spread,
)
from graspgen.imports.numpy_file import NpzFile, read_npy

#: GraspNet's score of a grasp that holds without friction: score = 1.1 − μ.
FULL_SCORE = 1.1
#: Most points of an object; GraspNet's have a few hundred.
_POINTS = 20_000
_XML_BYTES = 2**20


def read(path: Path, how: Reading) -> ForeignGrasps:
    """Read grasps of GraspNet, `.npz` as dense labels, anything else as rows.

    Raises:
        GraspFileError: the file is damaged, has another shape, NaN or no poses, or holds no grasp of the object.
    """
    return _read_labels(path, how) if path.suffix.lower() == ".npz" else _read_rows(path, how)


def _read_rows(path: Path, how: Reading) -> ForeignGrasps:
    rows = numbers(read_npy(path, 2**30), (None, 17), str(path))
    chosen = np.arange(len(rows))
    notes = []
    T_object_camera = np.eye(4)
    if how.annotation is not None:
        if how.object_id is None:
            raise GraspFileError("--annotation needs --object-id: which of its objects?")
        T_object_camera = inverse(read_pose(how.annotation, how.object_id))
    else:
        notes.append("rows are taken to be in the object's frame; give --annotation XML if they are in a camera's")
    if how.object_id is not None:
        chosen = np.flatnonzero(rows[:, 16] == how.object_id)
        if not len(chosen):
            raise GraspFileError(f"{path} has no grasp of object {how.object_id}")
    elif len(np.unique(rows[:, 16])) > 1:
        known = ", ".join(f"{int(i)}" for i in np.unique(rows[:, 16])[:10])
        raise GraspFileError(f"{path} has grasps of several objects ({known}); choose one with --object-id")
    chosen = chosen[spread(len(chosen), how.limit)]
    rows = rows[chosen]
    T = from_graspnet(rigid(graspnet_poses(rows), str(path)), rows[:, 3])
    return ForeignGrasps(
        T_object_camera @ T, chosen, np.where(rows[:, 1] > 0, rows[:, 1], np.nan),
        min_friction=FULL_SCORE - rows[:, 0], notes=notes,
    )  # fmt: skip


def _read_labels(path: Path, how: Reading) -> ForeignGrasps:
    """Take slots with a friction, evenly spread; `number` is the slot's place in the whole array."""
    file = NpzFile(path)
    try:
        shape = file.shape("scores")
        if not 0 < shape[0] <= _POINTS:
            raise GraspFileError(f"{path}: {shape[0]} points; 1 to {_POINTS} are read")
        found, mu = [], []
        for i, row in enumerate(file.rows("scores", SLOTS)):
            at = np.flatnonzero(row.ravel() > 0)  # NaN is not
            found.append(i * row.size + at)
            mu.append(row.ravel()[at])
        slots, friction = np.concatenate(found), np.concatenate(mu).astype(float)
        few = spread(len(slots), how.limit)
        if not len(few):
            raise GraspFileError(f"{path} has no grasp with a score above 0")
        slots, friction = slots[few], friction[few]
        point, view, *_ = np.unravel_index(slots, (shape[0], *SLOTS))
        values = np.empty((len(slots), 3))
        start = 0
        for i, row in enumerate(file.rows("offsets", (*SLOTS, 3))):
            end = start + int(np.searchsorted(slots[start:], (i + 1) * row[..., 0].size))
            values[start:end] = row.reshape(-1, 3)[slots[start:end] - i * row[..., 0].size]
            start = end
        if start != len(slots):
            raise GraspFileError(f"{path}: `offsets` has fewer points than `scores`")
        points = np.stack(list(file.rows("points", (3,))))
        if len(points) != shape[0]:
            raise GraspFileError(f"{path}: {len(points)} points, but `scores` has {shape[0]}")
    finally:
        file.close()
    values = numbers(values, (None, 3), f"{path}: offsets")
    friction = numbers(friction, (None,), f"{path}: scores")
    T, _ = from_slots(numbers(points[point], (None, 3), f"{path}: points"), view, values[:, 0], values[:, 1])
    width = np.where(values[:, 2] > 0, values[:, 2], np.nan)
    return ForeignGrasps(rigid(T, str(path)), slots, width, min_friction=friction)


def read_pose(path: Path, object_id: int) -> Array:
    """Return (4, 4) `T_camera_object` of an object in an annotation of GraspNet.

    Raises:
        GraspFileError: the file is no such XML, or it does not hold the object.
    """
    check_size(path, _XML_BYTES)
    text = read_text(path)
    if "<!" in text.replace("<!--", ""):
        raise GraspFileError(f"{path}: declarations and entities are not read")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise GraspFileError(f"{path} is no XML: {error}") from None
    seen = []
    for thing in root.iter("obj"):
        number = (thing.findtext("obj_id") or "").strip()
        seen.append(number)
        if number != str(object_id):
            continue
        where = f"{path}: object {object_id}"
        position = numbers(_floats(thing.findtext("pos_in_world")), (3,), f"{where}: pos_in_world")
        quat = numbers(_floats(thing.findtext("ori_in_world")), (4,), f"{where}: ori_in_world")
        if abs(np.linalg.norm(quat) - 1) > 1e-3:
            raise GraspFileError(f"{where}: ori_in_world is no unit quaternion")
        return pose(quat_to_matrix(quat), position)
    raise GraspFileError(f"{path} has no object {object_id}; it has {', '.join(seen[:20]) or 'none'}")


def _floats(text: str | None) -> list[float]:
    try:
        return [float(word) for word in (text or "").split()]
    except ValueError:
        return []
