"""The in-scene trial: a floating hand with limited force grasps an object where it lies, among all the others.

Everything is simulated: approach, close, lift, hold, and a shake where asked for. Results do not depend on the number
of threads or on the other candidates.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from mujoco.batch import Batch
from numpy.typing import ArrayLike, NDArray

from graspgen.errors import SceneError
from graspgen.frames import Array
from graspgen.grasps.finger_close import default_fingers
from graspgen.grasps.finger_scene import FingerSceneCourse, FingerState
from graspgen.grasps.outcomes import Outcome, Phase
from graspgen.grasps.profile import Profile
from graspgen.grasps.scene_course import SceneCourse
from graspgen.grasps.scene_model import SceneModel, scene_trial_model
from graspgen.grasps.scene_path import hand_path
from graspgen.grasps.scene_recorder import Recorder
from graspgen.grasps.scene_state import SceneState
from graspgen.grasps.suction_scene import SuctionSceneCourse, SuctionState, pressed_in_scene
from graspgen.grippers.gripper import Gripper
from graspgen.scene.world import SettledScene

#: Trials that run at once: bounds the memory, changes no result.
CHUNK = 1024


@dataclass(frozen=True, eq=False)
class SceneTrialResults:
    """What happened to each of n grasps. NaN where a trial did not get that far; the k objects are the scene's.

    Attributes:
        outcome: (n,) `Outcome`.
        phase: (n,) `Phase` that the trial reached.
        first_touch: (n,) instance id of what the hand touched on its approach, 0 the support, −1 nothing.
        time_to_failure: (n,) s from the start of the lift.
        failed_direction: (n,) number of the shake that broke it, −1 for none.
        drift_closing, rotation_closing: (n,) m and rad, motion of the target while closing, tool frame.
        drift_holding, rotation_holding: (n,) m and rad, largest motion since the close, tool frame.
        grip_force: (n,) N, mean normal force of the two fingers after closing.
        width: (n,) m, opening after closing.
        lift_height: (n,) m, largest rise of the target's centre of mass while it was held.
        peak_acceleration: (n,) m/s², largest of the hand's path since the close.
        wrench: (n, 6) N and N m, at the end of the hold: what the arm bears with, in the grasp frame, about the tool
            point. The hand's own weight is not in it, so at rest it balances the weight of what is held.
        tracking_error: (n,) m, largest distance of the tool point from its path, from the grasp on.
        displacement, rotation: (n, k) m and rad, motion of every other object, at the end of the trial; NaN for the
            target.
        steps: (n,) simulated steps.
    """

    outcome: NDArray[np.uint8]
    phase: NDArray[np.uint8]
    first_touch: NDArray[np.int64]
    time_to_failure: Array
    failed_direction: NDArray[np.int8]
    drift_closing: Array
    rotation_closing: Array
    drift_holding: Array
    rotation_holding: Array
    grip_force: Array
    width: Array
    lift_height: Array
    peak_acceleration: Array
    wrench: Array
    tracking_error: Array
    displacement: Array
    rotation: Array
    steps: NDArray[np.int64]

    @property
    def success(self) -> NDArray[np.bool_]:
        """(n,) whether each grasp held."""
        return self.outcome == Outcome.SUCCESS


def try_scene(
    settled: SettledScene,
    gripper: Gripper,
    profile: Profile,
    target: ArrayLike,
    T_world_grasp: ArrayLike,
    width: ArrayLike,
    *,
    grip_width: ArrayLike | None = None,
    fingers: Array | None = None,
    force: float | None = None,
    approach: float = 0.05,
    shake: bool = False,
    threads: int = 1,
    record: Recorder | None = None,
) -> SceneTrialResults:
    """Try n grasps in a settled scene, each from the scene as it settled.

    Args:
        settled: the scene.
        gripper: the hand.
        profile: how trials are simulated and judged.
        target: (n,) instance ids of the objects to grasp.
        T_world_grasp: (n, 4, 4) grasp frames in the world: z approach, y closing, origin at the tool point.
        width: (n,) openings before closing, m.
        grip_width: (n,) openings where the pads should meet the object, m: the grasp frame is the tool point
            there. None for `width`.
        fingers: (n, 2, d) driven joints of a multi-finger hand before closing, and at the grasp; None for those of its
            postures at the opening.
        force: grip force, N, capped at the gripper's limit; None for the gripper's usual one.
        approach: length of the straight approach, m.
        shake: whether to shake what is held.
        threads: native threads; results do not depend on it.
        record: keeps the states of the trials that it names, or None.

    Raises:
        SceneError: the scene holds no object, or not one of the targets.
    """
    T, widths = np.asarray(T_world_grasp, float).reshape(-1, 4, 4), np.asarray(width, float).reshape(-1)
    grip = widths if grip_width is None else np.asarray(grip_width, float).reshape(-1)
    fingers = default_fingers(gripper, widths) if fingers is None else fingers
    number = target_numbers(settled, target)
    k = len(settled.world.objects)
    if not len(number):
        return SceneTrialResults(**blank_results(0, k))
    scene = scene_trial_model(settled, gripper, profile, force)
    parts = []
    for start in range(0, len(number), CHUNK):
        now = slice(start, start + CHUNK)
        if record is not None:
            record.first = start
        parts.append(
            run_trials(
                settled, scene, gripper, profile, number[now], T[now], widths[now], grip[now],
                fingers=fingers[now], force=force, approach=approach, shake=shake, threads=threads, record=record,
            )
        )  # fmt: skip
    return SceneTrialResults(**{name: np.concatenate([p[name] for p in parts]) for name in parts[0]})


def target_numbers(settled: SettledScene, target: ArrayLike) -> NDArray[np.int64]:
    """Turn instance ids into (n,) numbers among the scene's objects.

    Raises:
        SceneError: an id is not in the scene.
    """
    ids = [o.plan.instance_id for o in settled.world.objects]
    wanted = np.asarray(target, np.int64).reshape(-1)
    strange = ~np.isin(wanted, ids)
    if strange.any():
        raise SceneError(
            f"scene {settled.world.plan.index} holds no object {wanted[strange][0]} to grasp; its instance ids: {ids}"
        )
    return np.searchsorted(ids, wanted)


def blank_results(n: int, k: int) -> dict[str, NDArray]:
    """Fields of `SceneTrialResults` before anything has happened, for n trials among k objects."""
    r: dict[str, NDArray] = {f.name: np.full(n, np.nan) for f in fields(SceneTrialResults)}
    r["outcome"] = np.full(n, Outcome.NOT_TRIED, np.uint8)
    r["phase"] = np.full(n, Phase.APPROACH, np.uint8)
    r["first_touch"] = np.full(n, -1, np.int64)
    r["failed_direction"] = np.full(n, -1, np.int8)
    r["wrench"] = np.full((n, 6), np.nan)
    r["tracking_error"] = np.full(n, np.nan)
    r["displacement"], r["rotation"] = np.full((n, k), np.nan), np.full((n, k), np.nan)
    r["steps"] = np.zeros(n, np.int64)
    return r


def run_trials(
    settled: SettledScene,
    scene: SceneModel,
    gripper: Gripper,
    profile: Profile,
    number: NDArray[np.int64],
    T_world_grasp: Array,
    width: Array,
    grip_width: Array,
    *,
    approach: float,
    shake: bool,
    threads: int,
    record: Recorder | None,
    linger: float = 0.0,
    fingers: Array | None = None,
    force: float | None = None,
    friction: Array | None = None,
) -> dict[str, NDArray]:
    """Run trials on a compiled model; the arguments are those of `try_scene`, but for the targets' (n,) numbers.

    Args:
        settled, scene, gripper, profile, T_world_grasp, width, grip_width, approach, shake, threads, record: see
            `try_scene`.
        number: (n,) numbers of the targets among the scene's objects.
        linger: s that the recorded trials go on after their end.
        friction: (k, 3) of the objects; None for the scene's.
        fingers, force: see `try_scene`; of no meaning for other grippers, whose force is the model's.

    Returns:
        The fields of `SceneTrialResults`.
    """
    objects, n = settled.world.objects, len(number)
    r = blank_results(n, len(objects))
    batch = Batch(scene.model, n, nthread=threads, persistent=scene.sleeps)
    if gripper.suction:
        T_world_grasp, sealed = pressed_in_scene(settled, gripper, number, T_world_grasp)
    state_of, course_of = (SuctionState, SuctionSceneCourse) if gripper.suction else (SceneState, SceneCourse)
    if gripper.fingered:
        state_of, course_of = FingerState, FingerSceneCourse
    state = state_of(
        scene,
        batch,
        gripper,
        target=number,
        friction=(np.array([o.plan.friction for o in objects]) if friction is None else friction)[number],
        com=np.array([o.asset.com for o in objects]),
        T_world_grasp=T_world_grasp,
        width=width,
        grip_width=grip_width,
        approach=approach,
    )
    course = course_of(
        scene,
        batch,
        state,
        hand_path(profile, approach, shake, scene.lead),
        gripper,
        profile,
        target=np.array([o.plan.instance_id for o in objects])[number],
        width=width,
        results=r,
        record=record,
    )
    if isinstance(course, SuctionSceneCourse):
        course.use(settled, gripper, number, sealed, T_world_grasp)
    if isinstance(course, FingerSceneCourse):
        course.use(gripper, default_fingers(gripper, width) if fingers is None else fingers, force)
    course.run()
    r["displacement"], r["rotation"] = state.displacements()
    course.linger(linger)
    return r
