"""Propose grasps for a gripper of any kind, and make candidates of poses that are given."""

from __future__ import annotations

import numpy as np

from graspgen.frames import Array
from graspgen.grasps.candidates import Candidates, closing_contacts, propose
from graspgen.grasps.finger_around import Around
from graspgen.grasps.finger_candidates import finger_grasps, propose_fingers
from graspgen.grasps.finger_close import default_fingers
from graspgen.grasps.suction_candidates import meeting, propose_suction, suction_file
from graspgen.grippers.gripper import Gripper
from graspgen.objects.asset import Asset
from graspgen.raycast import RayCaster


def propose_grasps(
    asset: Asset,
    gripper: Gripper,
    count: int,
    rng: np.random.Generator,
    *,
    cone: float,
    tilt: float,
    clearance: float,
    clear_share: float,
    approach: float,
    step: float,
    contact_share: float = 0.5,
    scene_share: float = 0.0,
    scene: Around | None = None,
    threads: int = 1,
) -> Candidates:
    """Draw candidates: antipodal ones for jaws (`propose`), points of the surface for cups (`propose_suction`), both
    approaches and optimised contacts for multi-finger hands (`propose_fingers`).

    Args:
        asset, gripper, count, rng, approach, step, threads: see `propose`.
        cone, clearance: of jaws, see `propose`.
        tilt: of cups, see `propose_suction`.
        clear_share: share of candidates that look for a clear approach (jaws), or for a point that seals (cups).
        contact_share: share of candidates by contact optimisation (multi-finger hands).
        scene_share, scene: share of candidates that look for a way in among what lies around (multi-finger hands).
    """
    if gripper.fingered:
        return propose_fingers(
            asset, gripper, count, rng, contact_share=contact_share, clear_share=clear_share, scene_share=scene_share,
            scene=scene, approach=approach, step=step, threads=threads,
        )  # fmt: skip
    if gripper.suction:
        return propose_suction(asset, gripper, count, rng, tilt=tilt, sealed_share=clear_share)
    return propose(
        asset, gripper, count, rng, cone=cone, clearance=clearance, clear_share=clear_share, approach=approach,
        step=step, threads=threads,
    )  # fmt: skip


def candidates_at(
    caster: RayCaster,
    gripper: Gripper,
    T_object_grasp: Array,
    width: Array,
    sampler: np.ndarray,
    grip_width: Array | None = None,
    fingers: Array | None = None,
    hand_shape: np.ndarray | None = None,
) -> Candidates:
    """Make candidates of poses, with the contacts that the hand would make there (NaN where it makes none).

    Args:
        caster: the object's mesh, m.
        gripper: the hand.
        T_object_grasp: (n, 4, 4) grasp frames, object frame; those of cups are pressed on.
        width: (n,) openings, m; of no meaning for cups.
        sampler: (n,) `Sampler`.
        grip_width: (n,) openings where the pads should meet the object, m; None for where the contacts are.
        fingers: (n, 2, d) driven joints of a multi-finger hand before closing, and at the grasp; None for those of its
            postures at the opening.
        hand_shape: (n,) number of its way to hold; None for none.
    """
    if gripper.fingered:
        joints = default_fingers(gripper, width) if fingers is None else fingers
        shape = np.zeros(len(joints), np.uint8) if hand_shape is None else hand_shape
        return finger_grasps(gripper, T_object_grasp, joints, shape, sampler)
    if gripper.suction:
        return meeting(caster, suction_file(gripper), T_object_grasp, sampler)
    contacts = closing_contacts(caster, T_object_grasp, width)
    return Candidates(T_object_grasp, width, *contacts, sampler, grip_width)  # type: ignore[arg-type]
