"""What the arrays of samples are, by name: how they move when the camera or the pixels do, and what they share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """How an array changes with the camera (S, 3×3), or with the pixels (A, 2×3)."""

    FIXED = auto()
    """Not at all: keys, scores, lengths."""
    COLOUR = auto()
    """An image, resampled by bilinear interpolation."""
    CODES = auto()
    """An image, resampled by taking the nearest pixel."""
    CAMERA_MATRIX = auto()
    DISTORTION = auto()
    CAMERA = auto()
    """(4, 4): the stored camera's frame in this one's."""
    POINTS = auto()
    VECTORS = auto()
    POSES = auto()
    """Poses of objects: there is none after a reflection."""
    GRASP_POSES = auto()
    """Poses of jaws, which are their own mirror images."""
    RECTANGLES = auto()


@dataclass(frozen=True)
class Field:
    """An array of a sample.

    Attributes:
        kind: how it changes.
        group: what its first axis counts, where that differs from sample to sample; else "".
    """

    kind: Kind = Kind.FIXED
    group: str = ""


FIELDS: dict[str, Field] = {
    "view": Field(),
    "K": Field(Kind.CAMERA_MATRIX),
    "distortion": Field(Kind.DISTORTION),
    "T_camera_view": Field(Kind.CAMERA),
    "rgb": Field(Kind.COLOUR),
    "depth": Field(Kind.CODES),
    "instances": Field(Kind.CODES),
    "mask": Field(Kind.CODES),
    # grasps
    "rectangles": Field(Kind.RECTANGLES, "grasps"),
    "T_camera_grasp": Field(Kind.GRASP_POSES, "grasps"),
    "grasp_width": Field(group="grasps"),
    "grasp": Field(group="grasps"),
    "good": Field(group="grasps"),
    # volumes; `QuarterTurns` moves them, a camera does not
    "T_volume_grasp": Field(group="grasps"),
    "voxels": Field(group="grasps"),
    "quaternions": Field(group="grasps"),
    # clouds
    "points": Field(Kind.POINTS),
    "colours": Field(),
    "point_instances": Field(),
    "success": Field(),
    "tried": Field(),
    "approach": Field(Kind.VECTORS),
    "closing": Field(Kind.VECTORS),
    "width": Field(),
    # objects
    "T_camera_object": Field(Kind.POSES),
    "instance_id": Field(),
    "object": Field(),
    "class_id": Field(),
    "extents": Field(),
    "model_points": Field(),
    "symmetries": Field(group="symmetries"),
    "symmetry_axes": Field(),
    "visibility": Field(),
}


def groups(names: tuple[str, ...]) -> dict[str, str]:
    """Return the group of every one of the names that has one."""
    return {name: FIELDS[name].group for name in names if FIELDS[name].group}
