"""Read isaac_grasp YAML, of Isaac Sim, GraspDataGen, GraspGen, or written here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from graspgen.exports.grasp_frames import from_base, from_hand
from graspgen.frames import pose, quat_to_matrix
from graspgen.imports.foreign import (
    MOST_GRASPS,
    ForeignGrasps,
    GraspFileError,
    Reading,
    numbers,
    positive,
    read_text,
    rigid,
    spread,
)

#: From this confidence on a grasp counts as one that holds.
CONFIDENT = 0.5
#: Most levels of a file; a bomb has more, or aliases, which no grasp needs.
_DEEPEST = 12
#: Joints may be this share of their way beyond its ends.
_MARGIN = 0.05

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(path: Path, how: Reading) -> ForeignGrasps:
    """Read the grasps of an isaac_grasp file.

    `closing_axis` and `approach_axis`, which this project's exports and some others state, are heeded; `how.closing`
    overrides. GraspDataGen's `position` is the pose after the close, so `pregrasp_position` is taken where it is.

    Raises:
        GraspFileError: the file is no such YAML, or a grasp lacks a field, has NaN, or no unit quaternion.
    """
    content = _load(path)
    if content.get("format") != "isaac_grasp":
        raise GraspFileError(f"{path}: expected `format: isaac_grasp`")
    grasps = content.get("grasps")
    if not isinstance(grasps, dict) or not grasps:
        raise GraspFileError(f"{path} has no `grasps`")
    if len(grasps) > MOST_GRASPS:
        raise GraspFileError(f"{path}: {len(grasps)} grasps; at most {MOST_GRASPS} are read")
    if str(content.get("approach_axis", "z")).lower().lstrip("+") != "z":
        raise GraspFileError(f"{path}: the approach is {content['approach_axis']!r}; only z is understood")
    few, names = spread(len(grasps), how.limit), list(grasps)
    position, quat = np.empty((len(few), 3)), np.empty((len(few), 4))
    width, confidence = np.full(len(few), np.nan), np.empty(len(few))
    for i, name in enumerate(names[k] for k in few):
        grasp, where = grasps[name], f"{path}: {str(name)[:40]}"
        if not isinstance(grasp, dict):
            raise GraspFileError(f"{where} is no mapping")
        before = "pregrasp_" if {"pregrasp_position", "pregrasp_orientation"} <= set(grasp) else ""
        position[i] = numbers(_field(grasp, f"{before}position", where), (3,), f"{where}.position")
        turn = _field(grasp, f"{before}orientation", where)
        if not isinstance(turn, dict):
            raise GraspFileError(f"{where}.orientation: expected w and xyz")
        quat[i, 0] = numbers(_field(turn, "w", f"{where}.orientation"), (), f"{where}.orientation.w")
        quat[i, 1:] = numbers(_field(turn, "xyz", f"{where}.orientation"), (3,), f"{where}.orientation.xyz")
        confidence[i] = numbers(_field(grasp, "confidence", where), (), f"{where}.confidence")
        width[i] = _opening(grasp.get("pregrasp_cspace_position"), how, where)
    norm = np.linalg.norm(quat, axis=1)
    bad = np.flatnonzero(np.abs(norm - 1) > 1e-3)
    if len(bad):
        raise GraspFileError(f"{path}: {names[few[bad[0]]]}: the quaternion's length is {norm[bad[0]]:.4g}, not 1")
    T = rigid(pose(quat_to_matrix(quat), position), str(path))
    notes = []
    closing = how.closing or content.get("closing_axis")
    if closing not in ("x", "y"):
        closing = "y"
        notes.append("the file does not say which axis closes: y is assumed, as the Franka hand's; GraspGen's is x")
    convert = from_hand if closing == "x" else from_base
    scale = content.get("object_scale")
    return ForeignGrasps(
        convert(T, how.T_base_tcp), few, width, held=confidence >= CONFIDENT,
        scale=None if scale is None else positive(scale, f"{path}: object_scale"), notes=notes,
    )  # fmt: skip


def _load(path: Path) -> dict[str, Any]:
    text = read_text(path)
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.AliasEvent):
                raise GraspFileError(f"{path}:{event.start_mark.line + 1}: aliases are not read; write the value out")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise GraspFileError(f"{path}:{event.start_mark.line + 1}: nested more than {_DEEPEST} deep")
        content = yaml.load(text, Loader=_LOADER)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, GraspFileError):
            raise
        raise GraspFileError(f"{path} is not valid YAML: {' '.join(str(error).split())[:160]}") from None
    if not isinstance(content, dict):
        raise GraspFileError(f"{path}: expected `format: isaac_grasp`")
    return content


def _field(mapping: dict[str, Any], name: str, where: str) -> Any:
    if name not in mapping:
        raise GraspFileError(f"{where} has no `{name}`")
    return mapping[name]


def _opening(joints: Any, how: Reading, where: str) -> float:
    """Opening that the gripper's driven joints make, m; NaN where the file has others."""
    if not isinstance(joints, dict) or not how.joints or not set(how.joints) <= set(joints):
        return float("nan")
    where = f"{where}.pregrasp_cspace_position"
    at = {name: float(numbers(joints[name], (), f"{where}.{name}")) for name in how.joints}
    if how.courses is None:
        return sum(at.values())
    told = []
    for name, value in at.items():
        position, opening = how.courses[name][np.argsort(how.courses[name][:, 0])].T
        margin = _MARGIN * (position[-1] - position[0])
        if not position[0] - margin <= value <= position[-1] + margin:
            raise GraspFileError(
                f"{where}.{name}: {value:g} is not within the {position[0]:.4g} to {position[-1]:.4g} that this "
                "joint goes (metres, radians); is the file of another gripper?"
            )
        told.append(float(np.interp(value, position, opening)))
    return float(np.mean(told))
