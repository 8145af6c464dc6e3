"""Candidates of suction grippers: points of the surface, approached against their normal."""

from __future__ import annotations

import numpy as np

from graspgen.frames import Array, axis_angle, cross, pose
from graspgen.grasps.candidates import Candidates
from graspgen.grasps.outcomes import Sampler
from graspgen.grasps.seal import cup_seal
from graspgen.grippers.gripper import Gripper
from graspgen.grippers.suction import SuctionFile
from graspgen.objects.asset import Asset
from graspgen.raycast import RayCaster


def propose_suction(
    asset: Asset,
    gripper: Gripper,
    count: int,
    rng: np.random.Generator,
    *,
    tilt: float,
    sealed_share: float,
    redraws: int = 8,
) -> Candidates:
    """Draw points uniformly by area, each approached within a cone about its inward normal, at any turn about it.

    Where little of an object is smooth, most uniform points do not seal, which teaches little. So every candidate of
    the share takes the first of its own point and `redraws` further ones where a cup seals, if there is one.

    Args:
        asset: the object, at its scale.
        gripper: a suction gripper.
        count: candidates.
        rng: stream of the draws; every candidate has the same number of them, whatever becomes of it.
        tilt: half-angle of the cone, rad.
        sealed_share: share of candidates that look for a point that seals, evenly spread.
        redraws: further points tried.

    Returns:
        `count` candidates, pressed on (`pressed_on`). The first contact is where the approach through the tool point
        meets the surface; the second is not known.
    """
    caster, file = RayCaster(asset.mesh.vertices, asset.mesh.faces), suction_file(gripper)
    u = rng.random((count, redraws + 1, 6))
    numbers = np.arange(count)
    seeking = np.floor((numbers + 1) * sealed_share) > np.floor(numbers * sealed_share)
    T, point, normal = surface_frames(caster, u[:, 0], tilt)
    sampler = np.where(seeking, Sampler.SURFACE_UNSEALED, Sampler.SURFACE).astype(np.uint8)
    press = cup_seal(caster, T, file.cups, file.radius, file.depth).press
    open_ = np.flatnonzero(seeking)
    for attempt in range(redraws + 1):
        if not len(open_):
            break
        options, points, normals = surface_frames(caster, u[open_, attempt], tilt)
        seal = cup_seal(caster, options, file.cups, file.radius, file.depth)
        good = (seal.score > 0).any(axis=1)
        taken = open_[good]
        T[taken], point[taken], normal[taken] = options[good], points[good], normals[good]
        press[taken] = seal.press[good]
        sampler[taken] = Sampler.SURFACE_SEALED
        open_ = open_[~good]
    return _candidates(pressed_on(T, press), point, normal, sampler)


def pressed_on(T_object_grasp: Array, press: Array) -> Array:
    """Return the (n, 4, 4) grasp frames (n,) m further along their approach."""
    ahead = np.zeros((len(press), 3))
    ahead[:, 2] = press
    return T_object_grasp @ pose(translation=ahead)


def meeting(caster: RayCaster, file: SuctionFile, T_object_grasp: Array, sampler: np.ndarray) -> Candidates:
    """Make candidates of (n, 4, 4) grasp frames by pressing them on; their contact is where the approach meets."""
    T_object_grasp = pressed_on(
        T_object_grasp, cup_seal(caster, T_object_grasp, file.cups, file.radius, file.depth).press
    )
    z, origin = T_object_grasp[:, :3, 2], T_object_grasp[:, :3, 3]
    start = origin - 0.02 * z
    face = caster.first_face(start, z)
    distance = caster.plane_distance(face, start, z)
    met = ((face >= 0) & (distance <= 0.04))[:, None]
    point = np.where(met, start + distance[:, None] * z, np.nan)
    return _candidates(T_object_grasp, point, np.where(met, caster.normals[face], np.nan), sampler)


def suction_file(gripper: Gripper) -> SuctionFile:
    """Return the file of a suction gripper.

    Raises:
        TypeError: the gripper is of another kind.
    """
    if not isinstance(gripper.file, SuctionFile):
        raise TypeError(f"{gripper.name} is no suction gripper")
    return gripper.file


def surface_frames(caster: RayCaster, u: Array, tilt: float) -> tuple[Array, Array, Array]:
    """Draw frames on a surface, uniform by area, whose z is within a cone about the inward normal.

    Args:
        caster: the object's mesh.
        u: (n, 6) numbers in [0, 1).
        tilt: half-angle of the cone, rad.

    Returns:
        (n, 4, 4) frames, (n, 3) their points and (n, 3) the outward normals there.
    """
    area = np.cumsum(caster.areas)
    face = np.minimum(np.searchsorted(area, u[:, 0] * area[-1], "right"), len(area) - 1)
    point, normal = caster.point(face, u[:, 1], u[:, 2]), caster.normals[face]
    helper = np.eye(3)[np.argmin(np.abs(normal), axis=1)]
    x = cross(helper, normal)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    inward = np.stack([x, cross(-normal, x), -normal], axis=-1)
    # Turn about the inward normal, then tilt, uniform in solid angle, about an axis across it.
    turn = axis_angle(np.broadcast_to([0.0, 0.0, 1.0], x.shape), 2 * np.pi * u[:, 3])
    side = 2 * np.pi * u[:, 4]
    axis = np.stack([np.cos(side), np.sin(side), np.zeros_like(side)], axis=-1)
    lean = axis_angle(axis, np.arccos(1 - u[:, 5] * (1 - np.cos(tilt))))
    return pose(inward @ lean @ turn, point), point, normal


def _candidates(T: Array, point: Array, normal: Array, sampler: np.ndarray) -> Candidates:
    n = len(T)
    contacts, normals = np.full((n, 2, 3), np.nan), np.full((n, 2, 3), np.nan)
    contacts[:, 0], normals[:, 0] = point, normal
    return Candidates(T, np.zeros(n), contacts, normals, np.full(n, np.nan), sampler)
