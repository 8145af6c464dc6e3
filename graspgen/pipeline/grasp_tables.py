"""Rows of the tables `grasps` and `trials` from the labelled grasps of one object."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.record import Columns, columns
from graspgen.dataset.schema import TrialKind
from graspgen.frames import Array
from graspgen.grasps.candidates import packed
from graspgen.grasps.label import LabelledGrasps
from graspgen.grasps.outcomes import Collision, Outcome
from graspgen.grasps.quality import Quality
from graspgen.grasps.trial import TrialResults

#: Columns of `trials` that `TrialResults` holds under the same name.
_SAME = (
    "outcome",
    "phase",
    "time_to_failure",
    "failed_direction",
    "drift_closing",
    "drift_holding",
    "rotation_closing",
    "rotation_holding",
    "grip_force",
    "width",
    "peak_acceleration",
    "held_acceleration",
)


def grasp_rows(
    labelled: LabelledGrasps,
    quality: Quality,
    keys: NDArray[np.int64],
    *,
    scene: int,
    object_key: int,
    collision: NDArray[np.uint8] | int = 0,
    clearance: Array | float = np.nan,
    approach_angle: Array | float = np.nan,
    in_cone: NDArray[np.bool_] | bool = False,
) -> Columns:
    """Build the rows of `grasps`.

    Args:
        labelled: n grasps of one object.
        quality: their analytic scores.
        keys: (n,) their keys.
        scene: key of the scene, −1 for none.
        object_key: key of the object.
        collision: (n,) bits of what the open hand touches in the scene; those of the object itself are added here.
        clearance: (n,) clearance in the scene, m.
        approach_angle: (n,) between the approach and the axis of the cone of approach, rad.
        in_cone: (n,) whether the approach lies in the cone.
    """
    c, r = labelled.candidates, labelled.results
    of_cups = quality.suction
    own = (r.target_at_grasp < 0) * int(Collision.TARGET_AT_GRASP)
    own |= (r.target_on_approach < 0) * int(Collision.TARGET_ON_APPROACH)
    return columns(
        "grasps",
        len(keys),
        id=keys,
        scene=scene,
        object=object_key,
        gripper=0,
        T_object_grasp=c.T_object_grasp,
        width=c.width,
        grip_width=c.grip_width,
        contacts=c.contacts,
        normals=c.normals,
        sampler=c.sampler,
        parent=np.where(labelled.parent >= 0, keys[labelled.parent], -1) if len(keys) else keys,
        antipodal_angle=c.antipodal_angle,
        min_friction_analytic=quality.min_friction,
        epsilon=quality.epsilon,
        flatness=quality.flatness,
        patch=quality.patch,
        seal=np.nan if of_cups is None else of_cups.seal,
        cups=0 if of_cups is None else of_cups.cups,
        resists_any=np.nan if of_cups is None else of_cups.resists_any,
        resists_gravity=np.nan if of_cups is None else of_cups.resists_gravity,
        fingers=packed(c.fingers),
        hand_shape=c.hand_shape,
        collision=np.broadcast_to(collision, len(keys)) | own.astype(np.uint8),
        clearance=np.broadcast_to(clearance, len(keys)),
        approach_angle=np.broadcast_to(approach_angle, len(keys)),
        in_cone=np.broadcast_to(in_cone, len(keys)),
        outcome=r.outcome,
        success_rate=labelled.success_rate,
        min_friction=labelled.min_friction,
        outcome_in_scene=np.full(len(keys), Outcome.NOT_TRIED),
    )


def trial_rows(labelled: LabelledGrasps, keys: NDArray[np.int64], *, friction: float, mass: float) -> Columns:
    """Build the rows of `trials`, sorted by grasp, then draw.

    Args:
        labelled: n grasps of one object.
        keys: (n,) their keys.
        friction: sliding friction of the nominal trials.
        mass: of the object in the nominal trials, kg.
    """
    n, draws = len(keys), labelled.draws
    m = len(draws.grasp)
    grasp = np.concatenate([np.arange(n), draws.grasp]).astype(int)
    number = np.concatenate([np.zeros(n, int), draws.number])
    order = np.lexsort((number, grasp))

    def both(nominal: Any, drawn: Any) -> NDArray[Any]:
        return np.concatenate([nominal, drawn])[order]

    def result(name: str) -> NDArray[Any]:
        return both(getattr(labelled.results, name), getattr(draws.results, name))

    return columns(
        "trials",
        n + m,
        grasp=keys[grasp][order] if n else keys,
        kind=np.full(n + m, TrialKind.FREE),
        profile=np.zeros(n + m),
        draw=number[order],
        friction=both(np.full(n, friction), draws.friction),
        mass=both(np.full(n, mass), draws.mass),
        com_offset=both(np.zeros((n, 3)), draws.com_offset),
        pose_noise=both(np.zeros((n, 6)), draws.pose_noise),
        **{name: result(name) for name in _SAME},
    )


def count_outcomes(results: TrialResults) -> dict[str, int]:
    """Return the number of trials by outcome name."""
    codes, numbers = np.unique(results.outcome, return_counts=True)
    return {Outcome(int(code)).name: int(number) for code, number in zip(codes, numbers, strict=True)}
