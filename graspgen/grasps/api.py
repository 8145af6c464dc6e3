"""`graspgen.try_grasps`: labels for a user's own grasps of a user's own object."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from graspgen.errors import GripperError, ObjectError
from graspgen.frames import Array, is_rotation
from graspgen.grasps.finger_close import finger_postures, fingers_file, pregrasp_opening
from graspgen.grasps.profile import Profile, as_profile
from graspgen.grasps.trial import TrialResults, try_asset
from graspgen.grippers.gripper import Gripper, as_gripper
from graspgen.objects.asset import Asset
from graspgen.objects.given import given_asset
from graspgen.raycast import RayCaster

if TYPE_CHECKING:
    from graspgen.objects.given import GivenObject

#: Trials that run at once: bounds the memory, changes no result.
CHUNK = 4096

#: Gap between each pad and the surface before closing, where the opening is measured, m.
CLEARANCE = 0.005

#: Rolling friction, m; trials have no rolling contacts (condim 4), so no label depends on it.
_ROLLING = 0.002


def try_grasps(
    mesh_or_asset: GivenObject,
    gripper: str | Path | Gripper,
    T_object_grasp: ArrayLike,
    *,
    width: ArrayLike | None = None,
    grip_width: ArrayLike | None = None,
    fingers: ArrayLike | None = None,
    profile: str | Profile = "standard",
    mass: ArrayLike | None = None,
    density: float | None = None,
    friction: ArrayLike = 0.6,
    torsional_friction: float = 0.005,
    force: float | None = None,
    graded: bool = True,
    threads: int = 0,
) -> TrialResults:
    """Try grasps of an object in free space by physics, thousands at a time.

    Every grasp is approached, closed, and pushed and turned in all directions, as `profile` says. The outcome is a
    code (`graspgen.grasps.outcomes.Outcome`); `results.success` says which grasps held.

    Frames and units: metres, kilograms, newtons, seconds. `T_object_grasp` takes coordinates in the grasp frame to
    coordinates in the mesh's own frame: its origin is the tool centre point, between the pads; z is the approach (into
    the object), y the closing direction, x = y × z.

    Example:
        >>> import numpy as np, trimesh, graspgen
        >>> mesh = trimesh.creation.box((0.04, 0.04, 0.10))  # metres
        >>> T = np.eye(4)
        >>> T[:3, :3] = np.diag([1, -1, -1])  # approach downwards, close along y
        >>> T[:3, 3] = [0, 0, 0.03]  # 20 mm below the top
        >>> results = graspgen.try_grasps(mesh, "panda_hand", T[None], mass=0.2)
        >>> results.success.tolist(), round(float(results.width[0]), 3)
        ([True], 0.04)

    Args:
        mesh_or_asset: path of a mesh in metres, a trimesh.Trimesh, (vertices, faces), an asset, or an asset's folder. A
            mesh is checked, repaired where that is safe, and cut into convex parts, once: the parts are cached.
        gripper: name of a shipped gripper, path of a gripper's YAML file, or a gripper.
        T_object_grasp: (n, 4, 4) grasp frames in the object's frame.
        width: opening before closing, m, of all grasps or (n,) of each. None measures it: twice the distance from
            the tool point to where the closing line leaves the object, the larger of both sides, plus 5 mm a side; the
            full stroke where the line meets nothing within it.
        grip_width: opening where the pads should meet the object, m, of all grasps or (n,) of each; it matters for
            hands whose tool point moves as they close: the grasp frame is the tool point there. None measures it.
        fingers: (n, 2, d) driven joints of a multi-finger hand before closing, and at the grasp, rad or m, in the order
            of its YAML's `joints`; None for those of its postures at `width`.
        profile: name of a physics profile, or a profile.
        mass: kg, of all grasps or (n,) of each.
        density: kg/m³, instead of a mass. With neither, an asset has its own, a mesh 600.
        friction: sliding friction between pads and object, of all grasps or (n,) of each.
        torsional_friction: m, about the diameter of the contact patch.
        force: grip force, N, capped at the gripper's limit; None for the gripper's usual one.
        graded: whether to find the largest acceleration that each grasp holds, too.
        threads: native threads, 0 for all cores; results do not depend on it.

    Returns:
        One entry for every grasp, in order.

    Raises:
        ObjectError: the mesh cannot be used, or an argument has the wrong shape or value.
        GripperError: the gripper is unknown or not valid, or a width is not within its stroke.
        RecipeError: the profile is unknown.
    """
    hand, rules = as_gripper(gripper), as_profile(profile)
    T = checked_poses(T_object_grasp, "T_object_grasp")
    asset = given_asset(mesh_or_asset)
    n = len(T)
    if hand.suction:
        if width is not None and np.any(np.asarray(width, float) != 0):
            raise GripperError(f"{hand.name} is a suction gripper, which has no opening: give no width")
        width = 0.0
    widths = opening_width(asset, hand, T) if width is None else _each("width", width, n, "m")
    bad = np.flatnonzero(((widths <= 0) & (not hand.suction)) | (widths > hand.file.stroke + 1e-9))
    if len(bad):
        raise GripperError(
            f"width of grasp {bad[0]} is {widths[bad[0]]:g} m; {hand.name} opens from 0 to {hand.file.stroke:g} m"
        )
    if grip_width is not None:
        grips = _each("grip_width", grip_width, n, "m")
    elif hand.tool_moves:
        grips = np.minimum(opening_width(asset, hand, T, clearance=0.0), widths)
    else:
        grips = widths
    joints = checked_fingers(hand, fingers, n)
    masses = _masses(asset, mass, density, n)
    frictions = np.full((n, 3), [np.nan, _single("torsional_friction", torsional_friction, "m"), _ROLLING])
    frictions[:, 0] = _each("friction", friction, n, "")
    if force is not None:
        _single("force", force, "N", zero=False)
    if not n:
        return _joined([try_asset(asset, hand, rules, T, widths, mass=1.0, inertia=np.eye(3), friction=frictions)])
    cores = threads if threads > 0 else len(os.sched_getaffinity(0))
    parts = []
    for start in range(0, n, CHUNK):
        now = slice(start, start + CHUNK)
        inertia = asset.unit_inertia * (masses[start] / asset.volume)
        parts.append(
            try_asset(
                asset, hand, rules, T[now], widths[now], grip_width=grips[now],
                fingers=None if joints is None else joints[now], mass=masses[now], inertia=inertia,
                friction=frictions[now], force=force, graded=graded, threads=cores,
            )
        )  # fmt: skip
    return _joined(parts)


def opening_width(asset: Asset, gripper: Gripper, T_object_grasp: Array, clearance: float = CLEARANCE) -> Array:
    """Measure how far the hand must open for the material between its pads.

    From the tool point, along ±y, the first face through which the line leaves the object is where a pad will touch.

    Args:
        asset: the object.
        gripper: its stroke bounds the opening.
        T_object_grasp: (n, 4, 4) grasp frames, object frame.
        clearance: gap between each pad and the surface, m.

    Returns:
        (n,) openings, m; of a multi-finger hand that of its pregrasp posture; the stroke where the line leaves
        nothing within it.
    """
    if gripper.fingered:
        return np.full(len(T_object_grasp), pregrasp_opening(gripper))
    caster, stroke, n = RayCaster(asset.mesh.vertices, asset.mesh.faces), gripper.file.stroke, len(T_object_grasp)
    centre, y = T_object_grasp[:, :3, 3], T_object_grasp[:, :3, 1]
    half = np.zeros(n)
    for along in (y, -y):
        hits = caster.all_hits(centre, along, stroke / 2)
        leaving = np.einsum("ij,ij->i", caster.normals[hits.face], along[hits.ray]) > 0
        # Hits are sorted by distance within each ray: the first is the nearest.
        rays, first = np.unique(hits.ray[leaving], return_index=True)
        half[rays] = np.maximum(half[rays], hits.distance[leaving][first])
    return np.where(half > 0, np.minimum(2 * (half + clearance), stroke), stroke)


def checked_fingers(gripper: Gripper, fingers: ArrayLike | None, n: int) -> Array | None:
    """Return (n, 2, d) driven joints of a multi-finger hand before closing and at the grasp; None where none are given.

    Raises:
        GripperError: the gripper is no multi-finger hand, the shape is wrong, or a joint is out of its range.
    """
    if fingers is None:
        return None
    if not gripper.fingered:
        raise GripperError(f"{gripper.name} is no multi-finger hand: give no fingers")
    hand, names = finger_postures(gripper), fingers_file(gripper).joints
    joints = np.asarray(fingers, float)
    if joints.shape != (n, 2, len(names)):
        raise GripperError(f"fingers must have shape ({n}, 2, {len(names)}) for {gripper.name}, got {joints.shape}")
    low, high = hand.limits.T
    bad = np.argwhere(~((joints >= low - 1e-6) & (joints <= high + 1e-6)))
    if len(bad):
        grasp, stage, joint = (int(i) for i in bad[0])
        value, within = joints[grasp, stage, joint], f"{low[joint]:g} to {high[joint]:g}"
        raise GripperError(f"fingers of grasp {grasp}: {names[joint]} at {value:g} is out of its range, {within}")
    return joints


def checked_poses(poses: ArrayLike, name: str) -> Array:
    """Return (n, 4, 4) rigid poses, or say what is wrong with the argument `name`.

    Raises:
        ObjectError: the shape or a value is wrong.
    """
    try:
        T = np.asarray(poses, float)
    except (TypeError, ValueError) as error:
        raise ObjectError(f"{name} must be numbers of shape (n, 4, 4): {error}") from error
    if T.ndim != 3 or T.shape[1:] != (4, 4):
        hint = "; for a single grasp pass T[None]" if T.shape == (4, 4) else ""
        raise ObjectError(f"{name} must have shape (n, 4, 4), got {T.shape}{hint}")
    bad = np.flatnonzero(~np.isfinite(T).all(axis=(1, 2)))
    if len(bad):
        raise ObjectError(f"{name} of grasp {bad[0]} holds NaN or infinite numbers")
    bad = np.flatnonzero(~is_rotation(T[:, :3, :3], 1e-5))
    if len(bad):
        R = T[bad[0], :3, :3]
        error = np.abs(R @ R.T - np.eye(3)).max()
        raise ObjectError(
            f"{name} of grasp {bad[0]} is no rigid pose: expected R Rᵀ = 1 within 1e-5 and determinant +1, got "
            f"{error:.2g} off and determinant {np.linalg.det(R):.4g}"
        )
    bad = np.flatnonzero((T[:, 3] != [0, 0, 0, 1]).any(axis=1))
    if len(bad):
        raise ObjectError(
            f"{name} of grasp {bad[0]}: expected the last row [0, 0, 0, 1], got {T[bad[0], 3].tolist()}; is it "
            "transposed?"
        )
    return T


def _masses(asset: Asset, mass: ArrayLike | None, density: float | None, n: int) -> Array:
    if mass is not None and density is not None:
        raise ObjectError("both a mass and a density are given; pass one of them")
    if mass is not None:
        return _each("mass", mass, n, "kg", zero=False)
    used = asset.density if density is None else _single("density", density, "kg/m³", zero=False)
    return np.full(n, used * asset.volume)


def _each(name: str, value: ArrayLike, n: int, unit: str, zero: bool = True) -> Array:
    """Return one number for each grasp."""
    array = np.asarray(value, float)
    if array.shape not in ((), (n,)):
        raise ObjectError(f"{name} must be one number or have shape ({n},), one for each grasp, got {array.shape}")
    bad = ~np.isfinite(array) | (array < 0) | ((array == 0) & (not zero))
    if bad.any():
        least = "of at least 0" if zero else "above 0"
        got = np.atleast_1d(array)[np.atleast_1d(bad)][0]
        raise ObjectError(f"{name} must be a number {least}{f' {unit}' if unit else ''}, got {got:g}")
    return np.broadcast_to(array, n).astype(float)


def _single(name: str, value: float, unit: str, zero: bool = True) -> float:
    return float(_each(name, float(value), 1, unit, zero)[0])


def _joined(parts: list[TrialResults]) -> TrialResults:
    if len(parts) == 1:
        return parts[0]
    return TrialResults(**{name: np.concatenate([vars(p)[name] for p in parts]) for name in vars(parts[0])})
