"""Record some of a scene's trials frame by frame, and build the rows of the tables of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.coded import colour_images, joined
from graspgen.dataset.record import Columns, columns, no_rows
from graspgen.dataset.schema import Toucher, frame_key, grasp_key, object_key, view_key
from graspgen.frames import Array
from graspgen.grasps.candidates import unpacked
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import Profile
from graspgen.grasps.scene_record import Trajectory, record_trial
from graspgen.grippers.gripper import Gripper
from graspgen.looks.images import ImageStore
from graspgen.pipeline.in_scene import InSceneTrials
from graspgen.pipeline.shared_tables import stack
from graspgen.pipeline.trial_images import render_trial, trial_world, with_views
from graspgen.pipeline.view_tables import stored_depth
from graspgen.recipe import Recipe
from graspgen.render.opengl import ViewImages
from graspgen.scene.world import SettledScene

TABLES = ("frames", "frame_objects", "frame_contacts", "frame_views")


@dataclass(frozen=True, eq=False)
class Tried:
    """m of a scene's grasps that were tried in it.

    Attributes:
        grasp: (m,) numbers of the grasps in the scene, ascending.
        target: (m,) numbers of their objects among the scene's.
        outcome: (m,) `Outcome`.
        T_world_grasp: (m, 4, 4).
        width: (m,) m.
        grip_width: (m,) m.
        fingers: (m, 2, d) driven joints of a multi-finger hand before closing, and at the grasp; else d is 0.
    """

    grasp: NDArray[np.int64]
    target: NDArray[np.int64]
    outcome: NDArray[np.uint8]
    T_world_grasp: Array
    width: Array
    grip_width: Array
    fingers: Array


@dataclass(frozen=True, eq=False)
class Recorded:
    """A recorded trial: number of its grasp, what it went through, and what each of the cameras saw in each frame."""

    grasp: int
    trajectory: Trajectory
    images: Sequence[Sequence[ViewImages]]


def tried_grasps(settled: SettledScene, tried: InSceneTrials, grasps: Columns) -> Tried:
    """Return the grasps that were tried in a scene, with their rows of `grasps`."""
    T_object_grasp, pairs = grasps["T_object_grasp"], zip(tried.target.tolist(), tried.grasp.tolist(), strict=True)
    return Tried(
        tried.grasp,
        tried.target,
        tried.results.outcome,
        # One by one, as they were multiplied for the trials: to the last bit.
        stack([settled.T_world_object[o] @ T_object_grasp[g] for o, g in pairs], (4, 4)),
        grasps["width"][tried.grasp],
        grasps["grip_width"][tried.grasp],
        unpacked(grasps["fingers"][tried.grasp]),
    )


def choose_trials(outcome: NDArray[np.uint8], target: NDArray[np.int64], number: int, choose: str) -> NDArray[np.int64]:
    """Choose which of m trials are recorded; nothing is random.

    Args:
        outcome: (m,) `Outcome` of each.
        target: (m,) object of each.
        number: how many to choose.
        choose: as the recipe's `views.sequence.choose`.

    Returns:
        Indices, ascending.
    """
    late = outcome != Outcome.SUCCESS if choose == "success" else np.zeros(len(outcome), bool)
    group = outcome if choose == "outcomes" else target
    turn = np.zeros(len(outcome), int)
    for kind in np.unique(np.stack([late, group], axis=1), axis=0):
        own = (late == kind[0]) & (group == kind[1])
        turn[own] = np.arange(own.sum())
    order = np.lexsort((np.arange(len(outcome)), group, turn, late))
    return np.sort(order[:number])


def frame_tables(
    settled: SettledScene, gripper: Gripper, profile: Profile, recipe: Recipe, tried: Tried, images: ImageStore
) -> dict[str, Columns]:
    """Run the trials that the recipe chooses again, one by one, and build the rows of their frames.

    Raises:
        RenderError: no OpenGL backend works here.
    """
    spec = recipe.views.sequence
    chosen = choose_trials(tried.outcome, tried.target, spec.per_scene, spec.choose)
    seen = with_views(settled, tuple(settled.world.plan.views[v] for v in spec.cameras))
    empty = {table: no_rows(table, recipe.views.height, recipe.views.width) for table in TABLES}
    parts, first = [empty], 0
    for i in chosen.tolist():
        trajectory = record_trial(
            seen,
            gripper,
            profile,
            settled.world.objects[int(tried.target[i])].plan.instance_id,
            tried.T_world_grasp[i],
            float(tried.width[i]),
            grip_width=float(tried.grip_width[i]),
            force=recipe.grasps.force,
            approach=recipe.grasps.approach,
            shake=recipe.grasps.in_scene.shake,
            period=1 / spec.fps,
            views=bool(spec.cameras),
            fingers=tried.fingers[i] if gripper.fingered else None,
        )
        shots: list[list[ViewImages]] = []
        if spec.cameras:
            world = trial_world(seen, trajectory)
            shots = [
                list(render_trial(world, trajectory.states, view, shadow_size=recipe.render.shadow_size, images=images))
                for view in range(len(spec.cameras))
            ]
        parts.append(_rows(settled, recipe, Recorded(int(tried.grasp[i]), trajectory, shots), first))
        first += len(trajectory)
    return {table: {name: joined([p[table][name] for p in parts]) for name in parts[0][table]} for table in TABLES}


def _rows(settled: SettledScene, recipe: Recipe, trial: Recorded, first: int) -> dict[str, Columns]:
    scene, t = settled.world.plan.index, trial.trajectory
    frames = np.array([frame_key(scene, first + i) for i in range(len(t))], np.int64)
    ids = [o.plan.instance_id for o in settled.world.objects]
    keys = np.array([object_key(scene, i) for i in ids], np.int64)
    f, k = len(frames), len(keys)
    between = np.where(t.contact_between > 0, (scene << 16) + t.contact_between, int(Toucher.SUPPORT))
    between = np.where(t.contact_between < 0, int(Toucher.HAND) - 1 - t.contact_fingers, between)
    return {
        "frames": columns(
            "frames",
            f,
            id=frames,
            scene=scene,
            grasp=grasp_key(scene, trial.grasp),
            time=t.time,
            phase=t.phase,
            T_world_tool=t.T_world_tool,
            opening=t.opening,
            velocity=t.tool_velocity,
            angular_velocity=t.tool_spin,
        ),
        "frame_objects": columns(
            "frame_objects",
            f * k,
            frame=np.repeat(frames, k),
            object=np.tile(keys, f),
            T_world_object=t.T_world_object.reshape(-1, 4, 4),
            velocity=t.object_velocity.reshape(-1, 3),
            angular_velocity=t.object_spin.reshape(-1, 3),
        ),
        "frame_contacts": columns(
            "frame_contacts",
            len(t.contact_frame),
            frame=frames[t.contact_frame],
            first=between[:, 0],
            second=between[:, 1],
            position=t.contact_position,
            normal=t.contact_normal,
            force=np.maximum(t.contact_force, 0.0),
        ),
        "frame_views": _view_rows(settled, recipe, trial, frames),
    }


def _view_rows(settled: SettledScene, recipe: Recipe, trial: Recorded, frames: NDArray[np.int64]) -> Columns:
    plan, cameras = settled.world.plan, recipe.views.sequence.cameras
    views, f = [plan.views[v] for v in cameras], len(frames)
    size = (recipe.views.height, recipe.views.width)
    images = [shots[i] for i in range(f) for shots in trial.images]
    names = [v.camera or f"view_{number}" for number, v in zip(cameras, views, strict=True)]
    return columns(
        "frame_views",
        f * len(views),
        frame=np.repeat(frames, len(views)),
        view=np.tile(np.array([view_key(plan.index, v) for v in cameras], np.int64), f),
        camera=names * f,
        K=stack([np.array(v.K) for v in views] * f, (3, 3)),
        distortion=stack([np.array(v.distortion) for v in views] * f, (5,)),
        T_world_camera=stack([np.array(v.T_world_camera) for v in views] * f, (4, 4)),
        rgb=colour_images([i.rgb for i in images], size, recipe.storage.quality),
        depth=stack([stored_depth(i.depth) for i in images], size),
        instances=stack([i.instances for i in images], size),
    )
