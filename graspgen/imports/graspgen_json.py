"""Read GraspGen's and GraspDataGen's JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from graspgen.exports.grasp_frames import from_hand
from graspgen.imports.foreign import (
    ForeignGrasps,
    GraspFileError,
    Reading,
    numbers,
    positive,
    read_text,
    rigid,
    spread,
)


def read(path: Path, how: Reading) -> ForeignGrasps:
    """Read the grasps of a JSON file of GraspGen.

    Raises:
        GraspFileError: the file is no JSON, lacks a key, or a value has another shape, NaN, or no poses.
    """
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise GraspFileError(f"{path} is no JSON: {str(error)[:100] or type(error).__name__}") from None
    grasps, thing = _section(content, "grasps", path), _section(content, "object", path)
    for key in ("transforms", "object_in_gripper"):
        if key not in grasps:
            raise GraspFileError(f"{path} has no `grasps.{key}`")
    if len(grasps["transforms"]) == 0 if isinstance(grasps["transforms"], list) else False:
        raise GraspFileError(f"{path}: `grasps.transforms` is empty")
    T = numbers(grasps["transforms"], (None, 4, 4), f"{path}: grasps.transforms")
    held = numbers(grasps["object_in_gripper"], (len(T),), f"{path}: grasps.object_in_gripper")
    scale = positive(thing["scale"], f"{path}: object.scale") if "scale" in thing else None
    few = spread(len(T), how.limit)
    poses = from_hand(rigid(T[few], str(path)), how.T_base_tcp)
    return ForeignGrasps(poses, few, np.full(len(few), np.nan), held=held[few] > 0.5, scale=scale)


def _section(content: Any, name: str, path: Path) -> dict[str, Any]:
    if not isinstance(content, dict) or not isinstance(content.get(name), dict):
        raise GraspFileError(f"{path} has no object `{name}`; is it GraspGen's JSON?")
    return content[name]
