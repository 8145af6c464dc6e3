"""Read ACRONYM: HDF5, or its older JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from graspgen.dataset.hdf5 import reason
from graspgen.exports.grasp_frames import from_hand
from graspgen.imports.foreign import (
    MOST_GRASPS,
    ForeignGrasps,
    GraspFileError,
    Reading,
    check_size,
    numbers,
    positive,
    read_text,
    rigid,
    spread,
)

TRANSFORMS, HELD = "grasps/transforms", "grasps/qualities/flex/object_in_gripper"
WIDTH = "grasps/qualities/mujoco/width"


def read(path: Path, how: Reading) -> ForeignGrasps:
    """Read the grasps of a file of ACRONYM.

    Raises:
        GraspFileError: the file cannot be read, lacks a dataset, or one has another shape, NaN, or no poses.
    """
    if path.suffix.lower() == ".json":
        return _read_json(path, how)
    check_size(path, 2**31)
    try:
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise GraspFileError(f"{path} is truncated or no HDF5 file ({reason(error)})") from error
    with file:
        T = _array(file, path, TRANSFORMS, (None, 4, 4))
        held = _array(file, path, HELD, (len(T),))
        width = np.full(len(T), np.nan)
        if WIDTH in file:
            width = _array(file, path, WIDTH, (len(T),))
        elif "gripper/configuration" in file:
            width[:] = 2 * _array(file, path, "gripper/configuration", (None,))[:1].sum()
        known = {
            name: positive(_array(file, path, f"object/{name}", ()), f"{path}: object/{name}")
            if f"object/{name}" in file
            else None
            for name in ("scale", "mass", "friction")
        }
    return _made(path, T, held, width, how, known)


def _read_json(path: Path, how: Reading) -> ForeignGrasps:
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise GraspFileError(f"{path} is no JSON: {str(error)[:100] or type(error).__name__}") from None
    if not isinstance(content, dict):
        raise GraspFileError(f"{path}: expected an object with `transforms` and `quality_flex_object_in_gripper`")
    for key in ("transforms", "quality_flex_object_in_gripper"):
        if key not in content:
            raise GraspFileError(f"{path} has no `{key}`")
    T = numbers(content["transforms"], (None, 4, 4), f"{path}: transforms")
    held = numbers(content["quality_flex_object_in_gripper"], (len(T),), f"{path}: quality_flex_object_in_gripper")
    scale = positive(content["object_scale"], f"{path}: object_scale") if "object_scale" in content else None
    return _made(path, T, held, np.full(len(T), np.nan), how, {"scale": scale})


def _made(path: Path, T: Any, held: Any, width: Any, how: Reading, known: dict[str, float | None]) -> ForeignGrasps:
    few = spread(len(T), how.limit)
    poses = from_hand(rigid(T[few], str(path)), how.T_base_tcp)
    return ForeignGrasps(poses, few, width[few], held=held[few] > 0.5, **known)


def _array(file: h5py.File, path: Path, name: str, shape: tuple[int | None, ...]) -> Any:
    """Read a dataset whose bytes lie in this file and whose declared size is sane."""
    where = f"{path}: {name}"
    group: Any = file
    try:
        for part in name.split("/"):
            if not isinstance(group, h5py.Group) or part not in group:
                raise GraspFileError(f"{path} has no dataset {name}; is it ACRONYM?")
            if not isinstance(group.get(part, getlink=True), h5py.HardLink):
                raise GraspFileError(f"{where} is a link; only what lies in the file itself is read")
            group = group[part]
        if not isinstance(group, h5py.Dataset):
            raise GraspFileError(f"{where} is no dataset")
        if group.is_virtual or group.external:
            raise GraspFileError(f"{where} lies in another file; only what lies in the file itself is read")
        if group.shape is None or len(group.shape) != len(shape) or (group.shape and group.shape[0] > MOST_GRASPS):
            raise GraspFileError(
                f"{where}: expected {len(shape)} axes and at most {MOST_GRASPS} rows, got {group.shape}"
            )
        if group.size > 16 * MOST_GRASPS or group.dtype.kind not in "iufb":
            raise GraspFileError(f"{where}: expected numbers, got {group.dtype} of shape {group.shape}")
        return numbers(group[()], shape, where)
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, GraspFileError):
            raise
        raise GraspFileError(f"{where} is damaged ({reason(error)})") from error
