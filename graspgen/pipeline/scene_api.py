"""`graspgen.try_in_scene`: a user's own grasps, say a network's, tried in a scene of a dataset."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.errors import GripperError, SceneError
from graspgen.frames import Array, inverse, transform_points
from graspgen.grasps.api import checked_fingers, checked_poses, opening_width
from graspgen.grasps.profile import Profile, as_profile
from graspgen.grasps.scene_trial import SceneTrialResults, try_scene
from graspgen.grippers.gripper import Gripper, as_gripper
from graspgen.objects.surface_distance import Surface, signed_distance
from graspgen.pipeline.stored import stored_gripper, stored_profile
from graspgen.pipeline.stored_scene import stored_scene
from graspgen.scene.world import SettledScene


def try_in_scene(
    dataset: str | Path | Dataset,
    scene: int,
    T_world_grasp: ArrayLike,
    *,
    width: ArrayLike | None = None,
    target: ArrayLike | None = None,
    fingers: ArrayLike | None = None,
    gripper: str | Path | Gripper | None = None,
    profile: str | Profile | None = None,
    force: float | None = None,
    approach: float | None = None,
    shake: bool = False,
    threads: int = 0,
) -> SceneTrialResults:
    """Try grasps in a stored scene by physics, each from the scene as it settled; the dataset is only read.

    The floating hand approaches along its z, closes, lifts and holds among all objects of the scene, all of which can
    move. The outcome is a code (`graspgen.grasps.outcomes.Outcome`).

    Frames and units: metres, newtons, seconds. `T_world_grasp` takes coordinates in the grasp frame (origin at the tool
    centre point, z approach, y closing direction) to the world (z up). For grasps in a camera's frame, multiply with
    that view's `T_world_camera` from the left; for grasps in an object's frame, with its `T_world_object`.

    Args:
        dataset: a dataset of scenes, or its folder.
        scene: number of the scene (`scenes.index`).
        T_world_grasp: (n, 4, 4) grasp frames.
        width: opening before closing, m, of all grasps or (n,) of each. None measures it on the target, as
            `try_grasps`.
        target: instance id of the object to grasp, of all grasps or (n,) of each. None takes the object that
            the tool point lies in, or else is nearest to.
        fingers: (n, 2, d) driven joints of a multi-finger hand, as `try_grasps` takes them.
        gripper: name of a shipped gripper, path of a gripper's YAML file, or a gripper; None for the dataset's own.
        profile: name of a physics profile, or a profile; None for the dataset's own.
        force: grip force, N, capped at the gripper's limit; None for the one of the dataset's recipe.
        approach: length of the straight approach, m; None for the recipe's.
        shake: whether to shake what is held.
        threads: native threads, 0 for all cores; results do not depend on it.

    Returns:
        One entry for every grasp, in order.

    Raises:
        DatasetError: there is no such dataset or scene, or it is damaged.
        ObjectError: an object's files are gone, or an argument has the wrong shape or value.
        SceneError: a target is not in the scene.
        GripperError: the gripper is unknown, or a width is not within its stroke.
        RecipeError: the profile is unknown.
    """
    if not isinstance(dataset, Dataset):
        with open_dataset(dataset) as opened:
            return try_in_scene(
                opened, scene, T_world_grasp, width=width, target=target, fingers=fingers, gripper=gripper,
                profile=profile, force=force, approach=approach, shake=shake, threads=threads,
            )  # fmt: skip
    hand = stored_gripper(dataset) if gripper is None else as_gripper(gripper)
    rules = stored_profile(dataset) if profile is None else as_profile(profile)
    grasps = dataset.recipe["grasps"]
    settled = stored_scene(dataset, scene)
    T = checked_poses(T_world_grasp, "T_world_grasp")
    ids = nearest_objects(settled, T[:, :3, 3]) if target is None else _targets(target, len(T))
    widths = measured_widths(settled, hand, ids, T, width)
    return try_scene(
        settled,
        hand,
        rules,
        ids,
        T,
        widths,
        fingers=checked_fingers(hand, fingers, len(T)),
        grip_width=grip_widths(settled, hand, ids, T, widths),
        force=grasps["force"] if force is None else force,
        approach=grasps["approach"] if approach is None else approach,
        shake=shake,
        threads=threads if threads > 0 else len(os.sched_getaffinity(0)),
    )


def nearest_objects(settled: SettledScene, points: Array) -> NDArray[np.int64]:
    """Return the (n,) instance ids of the objects that (n, 3) points, m, world frame, lie in or else are nearest to.

    Raises:
        SceneError: the scene holds no object.
    """
    if not settled.world.objects:
        raise SceneError(f"scene {settled.world.plan.index} holds no object to grasp")
    distances = [
        signed_distance(transform_points(inverse(T), points), Surface(o.asset.mesh.vertices, o.asset.mesh.faces))
        for o, T in zip(settled.world.objects, settled.T_world_object, strict=True)
    ]
    ids = np.array([o.plan.instance_id for o in settled.world.objects])
    return ids[np.argmin(distances, axis=0)]


def measured_widths(
    settled: SettledScene, gripper: Gripper, target: NDArray[np.int64], T_world_grasp: Array, width: ArrayLike | None
) -> Array:
    """Return (n,) openings, m: those given, or where None, what the target needs between the pads.

    Raises:
        GripperError: a width is not within the stroke, or there are too few or too many.
    """
    n = len(T_world_grasp)
    if gripper.suction:
        if width is not None and np.any(np.asarray(width, float) != 0):
            raise GripperError(f"{gripper.name} is a suction gripper, which has no opening: give no width")
        return np.zeros(n)
    if width is None:
        widths = np.full(n, gripper.file.stroke)
        for o, T in zip(settled.world.objects, settled.T_world_object, strict=True):
            own = target == o.plan.instance_id
            widths[own] = opening_width(o.asset, gripper, inverse(T) @ T_world_grasp[own])
        return widths
    widths = np.asarray(width, float)
    if widths.shape not in ((), (n,)):
        raise GripperError(f"width must be one number or have shape ({n},), one for each grasp, got {widths.shape}")
    widths = np.broadcast_to(widths, n).astype(float)
    bad = np.flatnonzero(~((widths > 0) & (widths <= gripper.file.stroke + 1e-9)))
    if len(bad):
        raise GripperError(
            f"width of grasp {bad[0]} is {widths[bad[0]]:g} m; {gripper.name} opens from 0 to {gripper.file.stroke:g} m"
        )
    return widths


def _targets(target: ArrayLike, n: int) -> NDArray[np.int64]:
    ids = np.asarray(target)
    if ids.shape not in ((), (n,)) or not np.issubdtype(ids.dtype, np.integer):
        raise SceneError(f"target must be one instance id or {n} of them, one for each grasp, got {target!r}")
    return np.broadcast_to(ids, n).astype(np.int64)


def grip_widths(
    settled: SettledScene, gripper: Gripper, target: NDArray[np.int64], T_world_grasp: Array, width: Array
) -> Array:
    """Return the (n,) openings where the pads should meet their targets, m, at most `width`.

    They are measured on the targets where the hand's tool point moves as it closes; else nothing depends on them.
    """
    if not gripper.tool_moves:
        return width
    grips = width.copy()
    for o, T in zip(settled.world.objects, settled.T_world_object, strict=True):
        own = np.flatnonzero(target == o.plan.instance_id)
        measured = opening_width(o.asset, gripper, inverse(T) @ T_world_grasp[own], clearance=0.0)
        grips[own] = np.minimum(measured, width[own])
    return grips
