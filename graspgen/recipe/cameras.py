"""What a recipe says about single cameras: groups of them, where they are, and their lenses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, model_validator

from graspgen.distributions import Number
from graspgen.frames import is_rotation
from graspgen.lens import Five, Matrix3
from graspgen.recipe.section import Section, default

Vector = tuple[float, float, float]
Row4 = tuple[float, float, float, float]
Matrix4 = tuple[Row4, Row4, Row4, Row4]
_ViewName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-]{1,64}$")]


class Distortion(Section):
    """Distortion of the lens as OpenCV defines it; all images and labels have it."""

    k1: Number("", -2, 2) = default(0.0)
    """Radial, times r²; negative bends lines outwards (barrel)."""
    k2: Number("", -4, 4) = default(0.0)
    """Radial, times r⁴."""
    p1: Number("", -0.2, 0.2) = default(0.0)
    """Tangential."""
    p2: Number("", -0.2, 0.2) = default(0.0)
    """Tangential."""
    k3: Number("", -8, 8) = default(0.0)
    """Radial, times r⁶."""

    @classmethod
    def of(cls, D: Five) -> Distortion:
        """Return the constants k1, k2, p1, p2, k3 as a section."""
        return cls(**dict(zip(("k1", "k2", "p1", "p2", "k3"), map(default, D), strict=True)))


class Pose(Section):
    """Where one fixed camera is: an eye and a target, or a whole matrix; and its lens, where it has its own."""

    name: _ViewName | None = None
    """Name of the view; none counts <group>_0, <group>_1, …"""
    eye: Vector | None = None
    """Where the camera is, world frame, m."""
    target: Vector = (0.0, 0.0, 0.0)
    """What it looks at, world frame, m."""
    roll_deg: float = 0.0
    """Rotation about the optical axis, deg."""
    T_world_camera: Matrix4 | None = None
    """Pose of the OpenCV camera (x right, y down, z forward) in place of eye and target."""
    K: Matrix3 | None = None
    """Camera matrix, px."""
    distortion: Five | None = None
    """k1, k2, p1, p2, k3."""
    width: int | None = None
    """Image width, px; it must be that of the views."""
    height: int | None = None
    """Image height, px; it must be that of the views."""

    @model_validator(mode="after")
    def _one_pose(self) -> Pose:
        if (self.eye is None) == (self.T_world_camera is None):
            raise ValueError("a fixed camera needs an eye (and a target), or T_world_camera, not both")
        if self.eye is not None and self.eye == self.target:
            raise ValueError(f"eye and target coincide at {list(self.eye)}")
        if self.T_world_camera is not None:
            R = [row[:3] for row in self.T_world_camera[:3]]
            if not is_rotation(R, 1e-4) or self.T_world_camera[3] != (0.0, 0.0, 0.0, 1.0):
                raise ValueError("T_world_camera is no rigid pose: a rotation, a translation, last row 0 0 0 1")
        return self


class Camera(Section):
    """What every group of cameras may say. What is left out is taken from `views`."""

    name: _ViewName
    """Name of the view; of several, they are called <name>_0, <name>_1, …"""
    count: Annotated[int, Field(ge=1, le=1000)] = 1
    """Cameras of the group (unit: cameras)."""
    fovy_deg: Number("deg", 5, 150) | None = None
    """Vertical field of view; ignored when K is given."""
    K: Matrix3 | None = None
    """Camera matrix, px."""
    cx_offset: Number("px", -4096, 4096) | None = None
    """Offset of the principal point to the right of the image's centre."""
    cy_offset: Number("px", -4096, 4096) | None = None
    """Offset of the principal point below the image's centre."""
    cx_share: Number("", -0.5, 0.5) | None = None
    """The same to the right as a share of the image's width, on top."""
    cy_share: Number("", -0.5, 0.5) | None = None
    """The same downwards, as a share of the image's width too."""
    distortion: Distortion | None = None
    """Distortion of the lens."""
    position_error: Number("m", -0.1, 0.1) | None = None
    """Calibration error of the position, drawn per axis."""
    rotation_error_deg: Number("deg", -10, 10) | None = None
    """Calibration error of the orientation, drawn per axis."""
    baseline: Number("m", 0.001, 1) | None = None
    """Makes stereo pairs: a second camera this far to the right, with the same lens, called <view>_right."""

    def camera_names(self) -> list[str]:
        """Return the names of the cameras, without the right ones of stereo pairs."""
        return [self.name] if self.count == 1 else [f"{self.name}_{i}" for i in range(self.count)]

    def view_names(self) -> list[str]:
        """Return the names of all views, in their order."""
        ends = ("", "_right") if self.baseline is not None else ("",)
        return [name + end for name in self.camera_names() for end in ends]

    def stated(self) -> Sequence[tuple[str, Pose]]:
        """Return the names and stated poses of cameras that stand still."""
        return ()


class Shell(Camera):
    """Cameras on a shell around the table's centre, looking at it."""

    kind: Literal["shell"]
    """On a shell."""
    radius: Number("m", 0.1, 5) | None = None
    """Distance of the camera from its target."""
    elevation_deg: Number("deg", -90, 90) | None = None
    """Height of the camera above the table's plane, seen from the target."""
    azimuth_deg: Number("deg", -360, 360) | None = None
    """Direction of the camera seen from above."""
    roll_deg: Number("deg", -180, 180) | None = None
    """Rotation about the optical axis."""
    target_jitter: Number("m", -1, 1) | None = None
    """Offset of the target from the table's centre, drawn for x, for y and for z."""
    target_jitter_z: Number("m", -1, 1) | None = None
    """Offset of its height; none is as `target_jitter`."""


class TopDown(Camera):
    """Cameras above the table that look down."""

    kind: Literal["top_down"]
    """From above."""
    height: Number("m", 0.1, 5) = default({"uniform": [0.5, 0.8]})
    """Height above the table's top."""
    jitter: Number("m", -1, 1) = default(0.0)
    """Offset from the table's centre, drawn for x and for y."""
    tilt_deg: Number("deg", 0, 60) = default(0.0)
    """Angle between the optical axis and the vertical."""
    tilt_azimuth_deg: Number("deg", -360, 360) = default({"uniform": [0, 360]})
    """Direction in which it is tilted."""
    turn_deg: Number("deg", -360, 360) = default(0.0)
    """Rotation about the optical axis; at 0 the image's right is the world's x."""


class EyeInHand(Camera):
    """Cameras on the hand, which hangs over an object before it grasps. The hand itself is not drawn."""

    kind: Literal["eye_in_hand"]
    """On the hand."""
    translation: Vector = (0.07, 0.0, -0.06)
    """Where the camera is in the grasp frame (tool point, z approach, y closing), m."""
    rotation_deg: Vector = (0.0, 0.0, 0.0)
    """Rotation vector of the camera in the grasp frame, deg; at 0 it looks along the approach, its right along x."""
    above: Literal["object", "centre"] = "object"
    """What the hand hangs over: an object, drawn for each camera, or the table's centre."""
    standoff: Number("m", 0.0, 1) = default({"uniform": [0.1, 0.25]})
    """Distance of the tool point from the top of the object, or of the table's centre."""
    jitter: Number("m", -0.5, 0.5) = default({"uniform": [-0.02, 0.02]})
    """Offset of the point that the hand aims at, drawn for x and for y."""
    tilt_deg: Number("deg", 0, 80) = default({"uniform": [0, 20]})
    """Angle between the approach and the vertical."""
    tilt_azimuth_deg: Number("deg", -360, 360) = default({"uniform": [0, 360]})
    """Direction in which the hand leans."""
    turn_deg: Number("deg", -360, 360) = default({"uniform": [0, 360]})
    """Rotation of the hand about the approach."""


class Fixed(Camera):
    """Cameras that stand still, as calibrated. `count` is the number of poses."""

    kind: Literal["fixed"]
    """At stated poses."""
    poses: tuple[Pose, ...] = ()
    """One entry a camera: eye and target, or T_world_camera; and K and distortion, where it has its own."""
    file: str | None = None
    """YAML or JSON file with a list of such entries; it is read once, and the recipe of the run holds its content."""

    @model_validator(mode="before")
    @classmethod
    def _read_file(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        content = dict(content)
        if content.get("file") is not None:
            if content.get("poses"):
                raise ValueError("give poses or a file, not both")
            content["poses"] = _read_rig(str(content["file"]))
            content["file"] = None
        if isinstance(content.get("poses"), list | tuple) and content["poses"]:
            content["count"] = len(content["poses"])
        return content

    @model_validator(mode="after")
    def _some(self) -> Fixed:
        if not self.poses:
            raise ValueError("fixed cameras need poses, or a file of them")
        return self

    def camera_names(self) -> list[str]:
        """Return the names of the cameras, without the right ones of stereo pairs."""
        return [p.name or name for p, name in zip(self.poses, super().camera_names(), strict=True)]

    def stated(self) -> Sequence[tuple[str, Pose]]:
        """Return the names and stated poses of the cameras."""
        return list(zip(self.camera_names(), self.poses, strict=True))


CameraGroup = Annotated[Shell | TopDown | EyeInHand | Fixed, Field(discriminator="kind")]
Cameras = tuple[CameraGroup, ...]


def _read_rig(name: str) -> list[Any]:
    """Read the cameras of a rig: a list, or a mapping with the list under `cameras`."""
    path = Path(name)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"the rig {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"the rig {path} is not a text file in UTF-8") from None
    try:
        content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        kind = "JSON" if path.suffix == ".json" else "YAML"
        raise ValueError(f"the rig {path} is not valid {kind}: {' '.join(str(error).split())}") from None
    cameras = content.get("cameras") if isinstance(content, dict) else content
    if not isinstance(cameras, list) or not cameras:
        raise ValueError(f"the rig {path} holds no list of cameras")
    return cameras
