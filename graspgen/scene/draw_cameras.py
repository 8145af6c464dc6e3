"""Draw cameras: where each is, its lens, and what a calibration would report of it.

The numbers of a camera come from streams of its own: that of its pose (and field of view), that of its lens, and one
for each time that it is drawn again because it showed nothing or was too near.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graspgen.distributions import Distribution
from graspgen.frames import Array, axis_angle, look_at, pose
from graspgen.lens import NONE, Five, Matrix3, intrinsics
from graspgen.recipe.cameras import Camera, EyeInHand, Fixed, Pose, Shell, TopDown
from graspgen.recipe.views import Views
from graspgen.scene.drawing import VIEW, number, on_shell, scene_stream
from graspgen.streams import Purpose

#: Streams below that of a camera: part of every seed's meaning.
_LENS, _REDRAW = 1, 2
#: Cameras of a group at most, plus room: number of a camera = group · this + its number in the group.
_PER_GROUP = 1024


@dataclass(frozen=True, eq=False)
class CameraDraw:
    """A camera as it was drawn.

    Attributes:
        number: what its streams are keyed by.
        name: of its view.
        K: camera matrix, px.
        distortion: k1, k2, p1, p2, k3.
        T_world_camera: (4, 4) true pose.
        T_world_camera_nominal: (4, 4) what a calibration would report.
    """

    number: int
    name: str
    K: Matrix3
    distortion: Five
    T_world_camera: Array
    T_world_camera_nominal: Array


@dataclass(frozen=True, eq=False)
class Slot:
    """A camera of a recipe: its group (None for the shell of `views` itself), number, name and stated pose."""

    camera: Camera | None
    number: int
    name: str
    stated: Pose | None = None

    @property
    def movable(self) -> bool:
        """Whether it can be drawn again."""
        return self.stated is None


@dataclass(frozen=True, eq=False)
class Aim:
    """What a hand may hang over: the top of an object's box.

    Attributes:
        top: (3,) point, m, world frame.
        target: whether the object is to be grasped.
    """

    top: Array
    target: bool = True


def slots(views: Views) -> list[Slot]:
    """Return the cameras of a recipe in the order of their views, without the right ones of stereo pairs."""
    if not views.cameras:
        return [Slot(None, v, f"shell_{v}") for v in range(views.per_scene)]
    found = []
    for g, group in enumerate(views.cameras):
        poses: Sequence[Pose | None] = group.poses if isinstance(group, Fixed) else [None] * group.count
        found += [
            Slot(group, g * _PER_GROUP + i, name, p)
            for i, (name, p) in enumerate(zip(group.camera_names(), poses, strict=True))
        ]
    return found


def draw_camera(
    views: Views, slot: Slot, seed: int, key: tuple[int, int], aims: Sequence[Aim] = (), redraw: int = 0
) -> list[CameraDraw]:
    """Draw a camera, and the right one of its pair where it has one.

    Args:
        views: the recipe's section.
        slot: which camera.
        seed: of the run.
        key: scene and attempt.
        aims: what a hand may hang over; over the table's centre where there is none.
        redraw: how often the camera was refused; its lens stays as it was drawn first.
    """
    first = _draw(views, slot, seed, key, aims, 0)
    if redraw:
        again = _draw(views, slot, seed, key, aims, redraw)
        first = replace(first, T_world_camera=again.T_world_camera, T_world_camera_nominal=again.T_world_camera_nominal)
    if slot.camera is None or slot.camera.baseline is None:
        return [first]
    lens = scene_stream(seed, Purpose.CAMERA, key, VIEW, slot.number, _LENS)
    lens.random(_LENS_DRAWS)
    shift = pose(translation=[number(slot.camera.baseline, lens), 0.0, 0.0])
    right = replace(
        first,
        name=f"{first.name}_right",
        T_world_camera=first.T_world_camera @ shift,
        T_world_camera_nominal=first.T_world_camera_nominal @ shift,
    )
    return [first, right]


#: Numbers that a lens takes before the baseline of a pair: two offsets, five coefficients.
_LENS_DRAWS = 7


def _draw(views: Views, slot: Slot, seed: int, key: tuple[int, int], aims: Sequence[Aim], redraw: int) -> CameraDraw:
    below = (_REDRAW, redraw) if redraw else ()
    rng = scene_stream(seed, Purpose.CAMERA, key, VIEW, slot.number, *below)
    lens, camera = views.lens(slot.camera, slot.stated), slot.camera
    fovy = number(lens.fovy, rng)
    if slot.stated is not None:
        T = _stated(slot.stated)
    elif camera is None or isinstance(camera, Shell):
        T = _on_shell(views, camera, rng)
    elif isinstance(camera, TopDown):
        T = _top_down(camera, rng)
    else:
        assert isinstance(camera, EyeInHand)
        T = _eye_in_hand(camera, aims, rng)
    position = _or(camera and camera.position_error, views.position_error)
    rotation = _or(camera and camera.rotation_error_deg, views.rotation_error_deg)
    position_error = np.array([number(position, rng) for _ in range(3)])
    rotation_error = np.radians([number(rotation, rng) for _ in range(3)])

    rng = scene_stream(seed, Purpose.CAMERA, key, VIEW, slot.number, _LENS)
    cx, cy = number(lens.cx, rng), number(lens.cy, rng)
    share = scene_stream(seed, Purpose.CAMERA, key, VIEW, slot.number, _LENS, 1)
    cx, cy = (offset + views.width * number(d, share) for offset, d in ((cx, lens.cx_share), (cy, lens.cy_share)))
    d = lens.distortion
    k1, k2, p1, p2, k3 = (number(value, rng) for value in (d.k1, d.k2, d.p1, d.p2, d.k3))
    return CameraDraw(
        number=slot.number,
        name=slot.name,
        K=lens.K or intrinsics(views.width, views.height, fovy, cx, cy),
        distortion=(k1, k2, p1, p2, k3) if any((k1, k2, p1, p2, k3)) else NONE,
        T_world_camera=T,
        T_world_camera_nominal=T @ _error(rotation_error, position_error),
    )


def _or(own: Distribution | None, shared: Distribution | None) -> Any:
    return shared if own is None else own


def _on_shell(views: Views, shell: Shell | None, rng: np.random.Generator) -> Array:
    def of(name: str) -> Distribution:
        return _or(getattr(shell, name, None), getattr(views, name))

    radius, elevation, azimuth, roll = (
        number(of(name), rng) for name in ("radius", "elevation_deg", "azimuth_deg", "roll_deg")
    )
    jitter = of("target_jitter")
    height = _or(getattr(shell, "target_jitter_z", None), views.target_jitter_z)
    target = np.array([number(d, rng) for d in (jitter, jitter, jitter if height is None else height)])
    return look_at(target + on_shell(radius, elevation, azimuth), target, math.radians(roll))


def _top_down(camera: TopDown, rng: np.random.Generator) -> Array:
    height, tilt, azimuth, turn = (
        number(d, rng) for d in (camera.height, camera.tilt_deg, camera.tilt_azimuth_deg, camera.turn_deg)
    )
    x, y = (number(camera.jitter, rng) for _ in range(2))
    return _downwards([x, y, height], tilt, azimuth, turn)


def _eye_in_hand(camera: EyeInHand, aims: Sequence[Aim], rng: np.random.Generator) -> Array:
    chosen = rng.random()
    standoff, tilt, azimuth, turn = (
        number(d, rng) for d in (camera.standoff, camera.tilt_deg, camera.tilt_azimuth_deg, camera.turn_deg)
    )
    x, y = (number(camera.jitter, rng) for _ in range(2))
    wanted = [a for a in aims if a.target] or list(aims)
    aim = np.zeros(3)
    if camera.above == "object" and wanted:
        aim = wanted[min(int(chosen * len(wanted)), len(wanted) - 1)].top
    hand = _downwards([0, 0, 0], tilt, azimuth, turn)
    hand[:3, 3] = aim + np.array([x, y, 0.0]) - standoff * hand[:3, 2]
    return hand @ pose(_rotation(np.radians(camera.rotation_deg)), camera.translation)


def _downwards(position: Sequence[float], tilt_deg: float, azimuth_deg: float, turn_deg: float) -> Array:
    """Return the (4, 4) pose of a frame whose z looks down, leaning by `tilt_deg`; without it, x is the world's."""
    down = np.diag([1.0, -1.0, -1.0])
    azimuth = math.radians(azimuth_deg)
    lean = axis_angle([-math.sin(azimuth), math.cos(azimuth), 0.0], math.radians(tilt_deg))
    return pose(lean @ down @ axis_angle([0.0, 0.0, 1.0], math.radians(turn_deg)), position)


def _stated(stated: Pose) -> Array:
    if stated.T_world_camera is not None:
        T = np.array(stated.T_world_camera)
        u, _, vh = np.linalg.svd(T[:3, :3])  # numbers of a file are rounded; the dataset wants a true rotation
        return pose(u @ vh, T[:3, 3])
    assert stated.eye is not None
    return look_at(stated.eye, stated.target, math.radians(stated.roll_deg))


def _error(rotation_vector: Array, translation: Array) -> Array:
    """Return the (4, 4) calibration error in the camera's frame, from a rotation vector, rad."""
    return pose(_rotation(rotation_vector), translation)


def _rotation(vector: Array) -> Array:
    angle = float(np.linalg.norm(vector))
    return axis_angle(vector / angle if angle > 0 else np.array([0.0, 0.0, 1.0]), angle)
