"""The free-space trial: close on a free object, then accelerate the hand in every direction and watch the object.

The hand's base stands still, so its frame is the world; an acceleration of the hand is a gravity of the simulation.
Results do not depend on the number of threads or on the other candidates.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import mujoco
import numpy as np
from mujoco.batch import Batch
from numpy.typing import ArrayLike, NDArray

from graspgen.contact_sensor import ContactData, Reduce, add_contact_sensor
from graspgen.frames import Array
from graspgen.grasps.clearance import OWN_REACH, Obstacle, hand_clearance
from graspgen.grasps.course import TOUCH, FreeCourse
from graspgen.grasps.finger_close import default_fingers
from graspgen.grasps.finger_course import FingerCourse
from graspgen.grasps.outcomes import Outcome, Phase
from graspgen.grasps.profile import Profile
from graspgen.grasps.suction_trial import press_on, refuse_unsealed, run_suction, suction_model
from graspgen.grippers.gripper import Gripper
from graspgen.objects.asset import Asset
from graspgen.objects.geoms import add_parts, set_inertial


@dataclass(frozen=True, eq=False)
class TrialResults:
    """What happened to each of n grasps. NaN where a trial did not get that far.

    Attributes:
        outcome: (n,) `Outcome`.
        phase: (n,) `Phase` that the trial reached.
        time_to_failure: (n,) s from the start of the disturbances.
        failed_direction: (n,) number of the disturbance that broke it, −1 for none.
        drift_closing, rotation_closing: (n,) m and rad, motion of the object while closing, hand frame.
        drift_holding, rotation_holding: (n,) m and rad, largest motion since the close.
        grip_force: (n,) N, mean normal force of the two fingers after closing.
        width: (n,) m, opening after closing.
        peak_acceleration: (n,) m/s², largest acceleration that was applied.
        held_acceleration: (n,) m/s², largest acceleration that held; 0 if none did.
        target_at_grasp, target_on_approach: (n,) m, clearance of the open hand to the object.
        steps: (n,) simulated steps.
    """

    outcome: NDArray[np.uint8]
    phase: NDArray[np.uint8]
    time_to_failure: Array
    failed_direction: NDArray[np.int8]
    drift_closing: Array
    rotation_closing: Array
    drift_holding: Array
    rotation_holding: Array
    grip_force: Array
    width: Array
    peak_acceleration: Array
    held_acceleration: Array
    target_at_grasp: Array
    target_on_approach: Array
    steps: NDArray[np.int64]

    @property
    def success(self) -> NDArray[np.bool_]:
        """(n,) whether each grasp held."""
        return self.outcome == Outcome.SUCCESS


def try_asset(
    asset: Asset,
    gripper: Gripper,
    profile: Profile,
    T_object_grasp: ArrayLike,
    width: ArrayLike,
    *,
    grip_width: ArrayLike | None = None,
    fingers: Array | None = None,
    mass: ArrayLike,
    inertia: Array,
    friction: ArrayLike,
    com_offset: ArrayLike | None = None,
    force: float | None = None,
    approach: float = 0.05,
    graded: bool = True,
    threads: int = 1,
) -> TrialResults:
    """Try n grasps of an object in free space.

    Args:
        asset: the object, at its scale.
        gripper: the hand.
        profile: how it is simulated and judged.
        T_object_grasp: (n, 4, 4) grasp frames in the object's frame: z approach, y closing, origin at the tool point.
        width: (n,) opening before closing, m.
        grip_width: (n,) opening where the pads should meet the object, m: the grasp frame is the tool point there. None
            for `width`.
        fingers: (n, 2, d) driven joints of a multi-finger hand before closing, and at the grasp; None for those of its
            postures at the opening. Of no meaning for other grippers.
        mass: kg, of all trials or (n,) of each.
        inertia: (3, 3) about the centre of mass, object axes, kg m², of the first trial; of the others it grows with
            the mass.
        friction: (3,) or (n, 3) sliding (–), torsional (m) and rolling (m) friction between pads and object.
        com_offset: (n, 3) offset of the centre of mass from the asset's, object frame, m; None for none.
        force: grip force, N, capped at the gripper's limit; None for the gripper's usual one.
        approach: length of the straight approach that must be free of the object, m.
        graded: whether to find the largest acceleration of the profile's ladder that holds, not only the outcome.
        threads: native threads; results do not depend on it.
    """
    T_object_grasp = np.asarray(T_object_grasp, float).reshape(-1, 4, 4)
    width = np.asarray(width, float)
    grip = width if grip_width is None else np.asarray(grip_width, float)
    n = len(width)
    fingers = default_fingers(gripper, width) if fingers is None else fingers
    r: dict[str, NDArray] = {f.name: np.full(n, np.nan) for f in fields(TrialResults)}
    r["outcome"] = np.full(n, Outcome.NOT_TRIED, np.uint8)
    r["phase"] = np.full(n, Phase.APPROACH, np.uint8)
    r["failed_direction"] = np.full(n, -1, np.int8)
    r["steps"] = np.zeros(n, np.int64)
    if gripper.suction:
        T_object_grasp, seal = press_on(asset, gripper, T_object_grasp)
    sweep = hand_clearance(
        gripper,
        [Obstacle(asset.parts, np.eye(4))],
        T_object_grasp,
        width,
        grip_width=grip,
        pregrasp=fingers[:, 0],
        approach=approach,
        step=profile.protocol.approach_step,
        reach=OWN_REACH,
        threads=threads,
    )
    r["target_at_grasp"], r["target_on_approach"] = sweep.at_grasp[:, 0], sweep.on_approach[:, 0]
    r["outcome"][r["target_on_approach"] < 0] = Outcome.HITS_TARGET
    if gripper.suction:
        refuse_unsealed(r, seal)
    if (r["outcome"] == Outcome.NOT_TRIED).any():
        masses = np.broadcast_to(np.asarray(mass, float), n)
        frictions = np.broadcast_to(np.asarray(friction, float), (n, 3))
        offsets = np.zeros((n, 3)) if com_offset is None else np.asarray(com_offset, float)
        compiled = suction_model if gripper.suction else trial_model
        model = compiled(asset, gripper, profile, masses[0], inertia, frictions[0], force)
        batch = Batch(model, n, nthread=threads)
        _vary(batch, masses, frictions, offsets)
        com = asset.com + offsets
        if gripper.suction:
            run_suction(
                asset, gripper, profile, T_object_grasp, seal, batch, com, r, force=force, graded=graded
            )  # fmt: skip
        elif gripper.fingered:
            FingerCourse(
                batch, gripper, profile, T_object_grasp, width, com, r, fingers=fingers, force=force, graded=graded
            ).run()
        else:
            FreeCourse(batch, gripper, profile, T_object_grasp, width, grip, com, r, graded=graded).run()
    return TrialResults(**r)


def _vary(batch: Batch, mass: Array, friction: Array, com_offset: Array) -> None:
    """Give every simulation its (n,) mass, (n, 3) friction and (n, 3) offset of the centre of mass."""
    thing = batch.model.body("object")
    if (friction != friction[0]).any():
        geoms = slice(thing.geomadr[0], thing.geomadr[0] + thing.geomnum[0])
        batch.expand("geom_friction")[:, geoms] = friction[:, None]
    if (mass != mass[0]).any():
        batch.expand("body_mass")[:, thing.id] = mass
        batch.expand("body_inertia")[:, thing.id] = thing.inertia * (mass / mass[0])[:, None]
    if com_offset.any():
        batch.expand("body_ipos")[:, thing.id] = thing.ipos + com_offset
    if (mass != mass[0]).any() or com_offset.any():
        batch.set_const()


def trial_model(
    asset: Asset,
    gripper: Gripper,
    profile: Profile,
    mass: float,
    inertia: Array,
    friction: ArrayLike,
    force: float | None = None,
) -> mujoco.MjModel:
    """Compile the model of a trial: the hand, its base fixed at the origin, and the free body "object"."""
    spec = gripper.trial_spec()
    profile.apply(spec)
    if not gripper.fingered:  # its servos get their targets by the force
        grip = spec.actuator(gripper.actuator)
        limit = gripper.file.force if force is None else min(force, gripper.file.max_force)
        grip.forcerange = [-limit, limit]
    body = spec.worldbody.add_body(name="object")
    body.add_freejoint(name="object")
    body.simple = False  # a "simple" body's centre of mass could not be moved in repeated trials
    set_inertial(body, mass, asset.com, inertia)
    add_parts(spec, body, asset.parts, "object", friction=np.asarray(friction, float), **profile.geom())
    for finger in gripper.touching:
        add_contact_sensor(
            spec,
            TOUCH + finger,
            finger,
            "object",
            ContactData.FOUND | ContactData.FORCE,
            Reduce.NET_FORCE,
            alone=finger == gripper.file.base,
        )
    return spec.compile()
