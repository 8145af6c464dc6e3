"""A camera that looks at a grasp: near, across the closing direction, and where nothing stands in the way."""

from __future__ import annotations

import itertools
import math

import mujoco
import numpy as np

from graspgen.frames import Array, inverse, look_at, transform_points
from graspgen.grippers.gripper import Gripper, opening_to_joints
from graspgen.lens import Matrix3, intrinsics
from graspgen.scene.world import SettledScene

_AZIMUTHS = np.radians(np.arange(0.0, 360.0, 15.0))
_ELEVATIONS = np.radians([15.0, 28.0, 40.0, 55.0, 70.0])
#: Steeper is worse, from here.
_BEST_ELEVATION = math.radians(28.0)
#: What a unit of each costs, against the share of the opening that the hand hides: the share of the target that others
#: hide, the share that the hand hides, looking along the closing direction, a radian away from the best elevation.
_OTHERS, _OWN, _ALONG, _STEEP = 1.5, 0.5, 0.35, 0.25
#: Share of the image, from its centre, that the hand and the target fill; the least distance, m.
_MARGIN, _NEAREST = 0.92, 0.25
#: Points of the target's surface that should be seen.
_POINTS = 40


def closeup(
    settled: SettledScene,
    gripper: Gripper,
    target: int,
    T_world_grasp: Array,
    width: float,
    *,
    grip_width: float | None = None,
    lift: float,
    travel: Array | None = None,
    size: tuple[int, int],
    fovy_deg: float = 38.0,
    pregrasp: Array | None = None,
) -> tuple[Matrix3, Array]:
    """Place a camera that shows a trial from its start to its end.

    Args:
        settled: the scene.
        gripper: the hand.
        target: instance id of the object that it takes.
        T_world_grasp: (4, 4) grasp frame.
        width: opening before closing, m.
        grip_width: opening where the pads should meet the object, m; None for `width`.
        lift: how far the hand goes up, m.
        travel: (3,) how far a belt carries all of it from start to end, m; None where it stands.
        size: width and height of the image, px.
        fovy_deg: vertical field of view.
        pregrasp: (d,) driven joints of a multi-finger hand before closing; None for those at the opening.

    Returns:
        K, px, and the (4, 4) `T_world_camera`.
    """
    world = settled.world
    number = [o.plan.instance_id for o in world.objects].index(target)
    vertices = world.objects[number].asset.mesh.vertices
    surface = vertices[np.linspace(0, len(vertices) - 1, min(_POINTS, len(vertices))).astype(int)]
    surface = transform_points(settled.T_world_object[number], surface)
    # Within the opening, where the pads will meet the object.
    tips = transform_points(T_world_grasp, [[0, s * width / 2, 0] for s in (-0.9, -0.5, 0.0, 0.5, 0.9)])
    T_world_base = T_world_grasp @ gripper.T_tool_base(width if grip_width is None else grip_width)
    hand, open_hand = _open_hand(gripper, width, pregrasp)
    corners = transform_points(T_world_base, _corners(hand, open_hand))
    up = np.array([0.0, 0.0, lift])
    framed = np.concatenate([surface, surface + up, corners, tips + up])
    if travel is not None:
        framed = np.concatenate([framed, framed + travel])
    wanted = np.concatenate([surface, tips, tips + up])
    focus = (framed.min(axis=0) + framed.max(axis=0)) / 2
    K = intrinsics(*size, fovy_deg, 0.0, 0.0)
    best, found = np.inf, look_at(focus + np.array([0.6, 0.0, 0.4]), focus)
    for elevation, azimuth in itertools.product(_ELEVATIONS, _AZIMUTHS):
        level = math.cos(elevation)
        way = np.array([level * math.cos(azimuth), level * math.sin(azimuth), math.sin(elevation)])
        T_world_camera = _backed_off(framed, focus, way, np.array(K), size)
        along = abs(float(way @ T_world_grasp[:3, 1]))
        eye = T_world_camera[:3, 3]
        cost = _OTHERS * _hidden(world.model, world.data, int(world.body_ids[number]), eye, wanted)
        in_base = transform_points(inverse(T_world_base), np.concatenate([[eye], surface, tips]))
        cost += _OWN * _hidden(hand, open_hand, -1, in_base[0], in_base[1 : 1 + len(surface)])
        cost += _hidden(hand, open_hand, -1, in_base[0], in_base[1 + len(surface) :])
        cost += _ALONG * along + _STEEP * abs(elevation - _BEST_ELEVATION)
        if cost < best - 1e-9:
            best, found = cost, T_world_camera
    return K, found


def _open_hand(gripper: Gripper, width: float, pregrasp: Array | None) -> tuple[mujoco.MjModel, mujoco.MjData]:
    """The hand by itself, its base at the origin, open."""
    model = gripper.spec().compile()
    data = mujoco.MjData(model)
    driven = None if pregrasp is None else pregrasp[None]
    for name, opening in zip(gripper.joints, opening_to_joints(gripper, np.array([width]), driven)[0], strict=True):
        data.joint(name).qpos[:] = opening
    mujoco.mj_kinematics(model, data)
    return model, data


def _corners(model: mujoco.MjModel, data: mujoco.MjData) -> Array:
    """(n, 3) corners of the boxes around the geoms, m."""
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
    local = model.geom_aabb[:, None, :3] + signs * model.geom_aabb[:, None, 3:]
    placed = np.einsum("gij,gcj->gci", data.geom_xmat.reshape(-1, 3, 3), local) + data.geom_xpos[:, None]
    return placed.reshape(-1, 3)


def _backed_off(points: Array, focus: Array, way: Array, K: Array, size: tuple[int, int]) -> Array:
    """(4, 4) camera that looks at the focus, from as near in the direction `way` as shows all of (n, 3) points."""
    T = look_at(focus + way, focus)
    seen = (points - focus) @ T[:3, :3]  # camera axes
    slopes = _MARGIN * np.array([size[0] / 2 / K[0, 0], size[1] / 2 / K[1, 1]])
    distance = (np.abs(seen[:, :2]) / slopes - seen[:, 2:]).max()
    return look_at(focus + max(distance, _NEAREST) * way, focus)


def _hidden(model: mujoco.MjModel, data: mujoco.MjData, target: int, eye: Array, points: Array) -> float:
    """Share of (n, 3) points that something else than the body `target` hides from an eye."""
    ways = points - eye
    distance, geom = np.zeros(len(points)), np.zeros(len(points), np.int32)
    shown = np.array([1, 1, 1, 0, 0, 0], np.uint8)
    mujoco.mj_multiRay(model, data, eye, ways.ravel(), shown, 1, target, geom, distance, None, len(points), 100.0)
    return float(((geom >= 0) & (distance < 0.995)).mean())
