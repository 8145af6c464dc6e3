"""What lies around an object that a multi-finger hand is to take where it is: ways in, and what the hand must stay off.

A hand is much wider than a jaw, and its fingertips go through an arc as they close. So it comes from where the robot
can come from, as deep as its fingertips' way leaves free of what the object stands on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array, axis_angle, cross, inverse, pose, transform_points
from graspgen.grasps.clearance import OWN_REACH, Obstacle, hand_clearance
from graspgen.grasps.finger_points import HandPoints
from graspgen.grippers.gripper import Gripper
from graspgen.objects.asset import Asset
from graspgen.raycast import RayCaster

#: The open hand keeps this far off support and neighbours, and its fingertips off the floor while they close, m.
GAP, ABOVE = 0.002, 0.003
#: Neighbours that are farther off than this are no obstacles of the search, m: a hand's reach and its approach.
NEAR = 0.3
#: Approaches that look for a way in are drawn within this of the robot's direction, rad, or within its cone.
CONE = np.radians(40.0)
#: Where they aim at, beside the middle: this share of the object's size.
ASIDE = 0.25
#: The tool point is this far before the surface to this share of the fingers' reach behind it, m and –.
BEFORE, BEHIND = 0.005, 0.4
#: Postures on the way from open to closed that are looked at.
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True, eq=False)
class Around:
    """What lies around an object, in its frame.

    Attributes:
        obstacles: what the hand must not touch.
        up: (3,) unit vector away from the floor.
        floor: height of the object's lowest point along it, m.
        axis: (3,) unit vector, the middle of the approaches that the robot can make.
        cone: how far approaches may be from it, rad.
    """

    obstacles: tuple[Obstacle, ...]
    up: Array
    floor: float
    axis: Array
    cone: float


def around(
    asset: Asset, T_world_object: Array, others: Sequence[tuple[Obstacle, float]], axis: Array, cone: float
) -> Around:
    """Say what lies around an object.

    Args:
        asset: the object, at its scale.
        T_world_object: (4, 4) its pose.
        others: what stands still in the world, and how far each reaches from the origin of its pose, m (infinite for
            a support).
        axis: (3,) middle of the approaches, world frame.
        cone: half-angle about it, rad.
    """
    T = inverse(T_world_object)
    middle, size = transform_points(T_world_object, asset.com[None])[0], float(np.linalg.norm(asset.extents))
    near = [
        Obstacle(o.parts, T @ o.T_world_obstacle)
        for o, reach in others
        if np.linalg.norm(o.T_world_obstacle[:3, 3] - middle) < NEAR + size + reach
    ]
    up = T[:3, :3] @ [0.0, 0.0, 1.0]
    way = T[:3, :3] @ (np.asarray(axis, float) / np.linalg.norm(axis))
    return Around(tuple(near), up, float((asset.mesh.vertices @ up).min()), way, min(cone, CONE))


def aimed(asset: Asset, caster: RayCaster, scene: Around, reach: float, u: Array) -> Array:
    """Draw (n, 4, 4) grasp frames that come from the robot's side, from (n, 7) numbers in [0, 1).

    The approach is uniform in the cone, its roll uniform; it aims beside the object's middle, and ends at a drawn depth
    behind the surface that it meets first.

    Args:
        asset: the object.
        caster: its mesh.
        scene: what lies around it.
        reach: of the fingers, m.
        u: (n, 7).
    """
    n = len(u)
    z = np.broadcast_to(scene.axis, (n, 3))
    x = cross(np.eye(3)[np.argmin(np.abs(scene.axis))], scene.axis)
    x = np.broadcast_to(x / np.linalg.norm(x), (n, 3))
    side = 2 * np.pi * u[:, 0]
    tilt = np.stack([np.cos(side), np.sin(side), np.zeros(n)], axis=-1)
    lean = axis_angle(tilt, np.arccos(1 - u[:, 1] * (1 - np.cos(scene.cone))))
    turn = axis_angle(np.broadcast_to([0.0, 0.0, 1.0], (n, 3)), 2 * np.pi * u[:, 2])
    R = np.stack([x, cross(z, x), z], axis=-1) @ lean @ turn
    size = float(np.linalg.norm(asset.extents))
    middle = asset.mesh.vertices.min(axis=0) / 2 + asset.mesh.vertices.max(axis=0) / 2
    aside = np.stack([u[:, 3] - 0.5, u[:, 4] - 0.5, np.zeros(n)], axis=-1) * (2 * ASIDE) * asset.extents.max()
    target = middle + (R @ aside[..., None])[..., 0]
    start = target - 2 * size * R[:, :, 2]
    face = caster.first_face(start, R[:, :, 2])
    met = np.where(face >= 0, caster.plane_distance(face, start, R[:, :, 2]), 2 * size)
    depth = met - BEFORE + u[:, 5] * (BEFORE + BEHIND * reach)
    return pose(R, start + depth[:, None] * R[:, :, 2])


def above_floor(points: HandPoints, scene: Around, T: Array, start: Array, end: Array) -> Array:
    """(n,) m that the hand is above the floor at least, while it closes straight from (n, d) `start` to `end`."""
    least = np.full(len(T), np.inf)
    for share in SHARES:
        x = points.look(start + share * (end - start))[0]
        heights = x @ (T[:, :3, :3].swapaxes(1, 2) @ scene.up)[..., None]
        least = np.minimum(least, heights[..., 0].min(axis=1) + T[:, :3, 3] @ scene.up)
    return least - scene.floor


def raised(points: HandPoints, scene: Around, T: Array, start: Array, end: Array) -> Array:
    """Draw (n, 4, 4) hands back along their approach until they are off the floor all the way of their close."""
    short = np.maximum(ABOVE - above_floor(points, scene, T, start, end), 0.0)
    down = np.maximum(-(T[:, :3, 2] @ scene.up), 0.2)
    back = np.zeros((len(T), 3))
    back[:, 2] = -short / down
    return T @ pose(translation=back)


def is_clear(
    asset: Asset,
    gripper: Gripper,
    scene: Around | None,
    T: Array,
    pregrasp: Array,
    *,
    approach: float,
    step: float,
    threads: int,
) -> NDArray[np.bool_]:
    """(n,) whether the open hand at (n, d) joints comes to the grasp without touching the object, nor what is around.

    Args:
        asset, gripper: the object and the hand.
        scene: what lies around; None for nothing.
        T: (n, 4, 4) grasp frames.
        pregrasp: (n, d) driven joints.
        approach, step, threads: see `hand_clearance`.
    """
    obstacles = [Obstacle(asset.parts, np.eye(4)), *(scene.obstacles if scene is not None else ())]
    sweep = hand_clearance(
        gripper, obstacles, T, np.full(len(T), gripper.file.stroke), pregrasp=pregrasp, approach=approach, step=step,
        reach=OWN_REACH, threads=threads,
    )  # fmt: skip
    return (sweep.on_approach[:, 0] >= 0) & (sweep.on_approach[:, 1:] >= GAP).all(axis=1)
