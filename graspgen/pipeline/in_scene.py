"""Try some of a scene's grasps where the objects lie, and build the rows that these trials add."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.record import Columns, columns
from graspgen.dataset.schema import TrialKind, object_key
from graspgen.grasps.label import LabelledGrasps
from graspgen.grasps.profile import Profile
from graspgen.grasps.scene_trial import SceneTrialResults, try_scene
from graspgen.grippers.gripper import Gripper
from graspgen.recipe import Grasps, InScene
from graspgen.scene.world import SceneObject, SettledScene
from graspgen.streams import Purpose, stream

#: Part of the key of the stream that chooses grasps, after the instance id; the streams before it have short keys.
_CHOICE = 1 << 16

#: Columns of `trials` that `SceneTrialResults` holds under the same name.
_SAME = (
    "outcome", "phase", "time_to_failure", "failed_direction", "drift_closing", "drift_holding", "rotation_closing",
    "rotation_holding", "grip_force", "width", "peak_acceleration",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class InSceneTrials:
    """Trials of m of a scene's grasps among all its objects.

    Attributes:
        grasp: (m,) numbers of the grasps in the scene, ascending.
        target: (m,) number of the object of each among the scene's objects.
        results: what happened.
    """

    grasp: NDArray[np.int64]
    target: NDArray[np.int64]
    results: SceneTrialResults


def choose_grasps(
    held: NDArray[np.bool_], clear: NDArray[np.bool_], number: int, choose: str, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Choose which grasps of an object are tried in the scene.

    Each grasp has a number of its own from the stream, so that asking for more keeps those that were chosen before.

    Args:
        held: (n,) whether each held in free space.
        clear: (n,) whether the open hand is clear of everything in the scene.
        number: how many to choose.
        choose: "uniform", or "promising_first" to take first those that held and are clear, then those that held.
        rng: the object's stream.

    Returns:
        Indices, ascending.
    """
    draw = rng.random(len(held))
    rank = np.where(held, np.where(clear, 0, 1), 2) if choose == "promising_first" else np.zeros(len(held))
    order = np.lexsort((draw, rank))
    return np.sort(order[:number])


def try_in_scene(
    settled: SettledScene,
    gripper: Gripper,
    profile: Profile,
    spec: Grasps,
    labelled: Sequence[tuple[SceneObject, LabelledGrasps, NDArray[np.uint8]]],
    threads: int = 1,
) -> InSceneTrials:
    """Try as many grasps of every object in the scene as the recipe asks for.

    Args:
        settled: the scene.
        gripper, profile: of its grasps.
        spec: the recipe's grasps.
        labelled: objects of the scene, their grasps in the order of the grasps' numbers, and the `Collision` bits of
            these.
        threads: native threads; results do not depend on it.
    """
    plan, among = settled.world.plan, {o.plan.instance_id: i for i, o in enumerate(settled.world.objects)}
    grasp, target, T = [], [], [np.zeros((0, 4, 4))]
    width, grip_width, fingers = [np.zeros(0)], [np.zeros(0)], []
    first = 0
    for thing, g, collision in labelled:
        n, instance = len(g.candidates), thing.plan.instance_id
        rng = stream(plan.seed, Purpose.TRIALS, *plan.grasp_stream, instance, _CHOICE)
        number = wanted(spec.in_scene, n)
        chosen = choose_grasps(g.results.success, collision == 0, number, spec.in_scene.choose, rng)
        grasp += (first + chosen).tolist()
        target += [among[instance]] * len(chosen)
        T.append(settled.T_world_object[among[instance]] @ g.candidates.T_object_grasp[chosen])
        width.append(g.candidates.width[chosen])
        grip_width.append(g.candidates.grip_width[chosen])
        fingers.append(g.candidates.fingers[chosen])
        first += n
    results = try_scene(
        settled,
        gripper,
        profile,
        [settled.world.objects[t].plan.instance_id for t in target],
        np.concatenate(T),
        np.concatenate(width),
        grip_width=np.concatenate(grip_width),
        fingers=np.concatenate(fingers) if gripper.fingered and fingers else None,
        force=spec.force,
        approach=spec.approach,
        shake=spec.in_scene.shake,
        threads=threads,
    )
    return InSceneTrials(np.array(grasp, np.int64), np.array(target, np.int64), results)


def wanted(spec: InScene, n: int) -> int:
    """Return how many of an object's n grasps the recipe wants to be tried in the scene."""
    return min(n, max(spec.per_object, math.ceil(spec.share * n - 1e-9)))


def trial_rows(settled: SettledScene, tried: InSceneTrials, keys: NDArray[np.int64]) -> Columns:
    """Build the rows of `trials`; `keys` are the (m,) keys of the grasps that were tried."""
    objects = [settled.world.objects[t] for t in tried.target]
    return columns(
        "trials",
        len(keys),
        grasp=keys,
        kind=TrialKind.IN_SCENE,
        profile=0,
        draw=0,
        held_acceleration=np.nan,
        friction=np.array([o.plan.friction[0] for o in objects]),
        mass=np.array([o.mass for o in objects]),
        com_offset=np.zeros(3),
        pose_noise=np.zeros(6),
        **{name: getattr(tried.results, name) for name in _SAME},
    )


def scene_trial_rows(tried: InSceneTrials, keys: NDArray[np.int64]) -> Columns:
    """Build the rows of `scene_trials`."""
    names = ("first_touch", "lift_height", "wrench", "tracking_error", "steps")
    return columns("scene_trials", len(keys), grasp=keys, **{name: getattr(tried.results, name) for name in names})


def displacement_rows(settled: SettledScene, tried: InSceneTrials, keys: NDArray[np.int64]) -> Columns:
    """Build the rows of `displacements`: of every trial, all objects but its target."""
    ids = np.array([object_key(settled.world.plan.index, o.plan.instance_id) for o in settled.world.objects], np.int64)
    other = np.arange(len(ids)) != tried.target[:, None]
    return columns(
        "displacements",
        int(other.sum()),
        grasp=np.broadcast_to(keys[:, None], other.shape)[other],
        object=np.broadcast_to(ids, other.shape)[other],
        displacement=tried.results.displacement[other],
        rotation=tried.results.rotation[other],
    )
