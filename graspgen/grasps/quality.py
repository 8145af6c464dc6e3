"""Analytic scores of grasps, from geometry alone: cheap, and to be compared with what simulation says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from graspgen.frames import Array
from graspgen.grasps.candidates import Candidates
from graspgen.grasps.patch import contact_patches
from graspgen.grasps.suction_candidates import suction_file
from graspgen.grasps.suction_quality import SuctionQuality, suction_quality
from graspgen.grasps.wrench import ferrari_canny, primitive_wrenches, smallest_friction
from graspgen.grippers.gripper import Gripper
from graspgen.raycast import RayCaster


@dataclass(frozen=True, eq=False)
class Quality:
    """Analytic scores of n grasps. NaN where a grasp's contacts are not known.

    Attributes:
        min_friction: (n,) smallest sliding friction with soft-finger force closure; infinite if there is none.
        epsilon: (n,) Ferrari–Canny ε (L1) at the object's own friction, about its centre of mass, moments divided by
            the largest distance of its surface from there; 0 without force closure.
        flatness: (n,) RMS distance of the surface from the pad's plane, the worse pad, m; NaN where a pad has none.
        patch: (n,) share of a pad's area that meets the surface, the worse pad.
        suction: scores of suction grasps, which have none of the others; None for jaws.
    """

    min_friction: Array
    epsilon: Array
    flatness: Array
    patch: Array
    suction: SuctionQuality | None = None


def grasp_quality(
    caster: RayCaster,
    candidates: Candidates,
    gripper: Gripper,
    com: ArrayLike,
    friction: ArrayLike,
    *,
    mass: float = 1.0,
    gravity: ArrayLike | None = None,
    force: float | None = None,
) -> Quality:
    """Score grasps of an object.

    A rigid motion of everything changes no score; nor does scaling, the torsional coefficient with it, change ε.

    Args:
        caster: the object's mesh, m, object frame.
        candidates: the grasps; those with NaN contacts get NaN scores.
        gripper: its pads.
        com: (3,) centre of mass, m, object frame.
        friction: sliding (–) and torsional (m) friction between pads and object; more entries are ignored.
        mass: kg; it matters to suction grippers only, as do the next two.
        gravity: (3,) m/s², object frame; None where there is no scene.
        force: of the vacuum, N; None for the gripper's own.
    """
    sliding, torsional = (float(x) for x in np.asarray(friction, float)[:2])
    n = len(candidates)
    if gripper.suction:
        scores = suction_quality(
            caster, candidates, suction_file(gripper), com, sliding, mass, gravity=gravity, force=force
        )
        return Quality(*np.full((4, n), np.nan), suction=scores)
    known = np.flatnonzero(np.isfinite(candidates.contacts).all(axis=(1, 2)))
    if not len(known):
        return Quality(*np.full((4, n), np.nan))
    of = candidates.take(known)
    min_friction = smallest_friction(of.antipodal_angle)
    closed = np.flatnonzero((min_friction < sliding) & (torsional > 0))
    # The approach is perpendicular to the closing line, so it is no normal of a contact that friction can hold.
    wrenches = primitive_wrenches(
        of.contacts[closed],
        of.normals[closed],
        of.T_object_grasp[closed, :3, 2],
        com,
        caster.furthest(com),
        sliding,
        torsional,
    )
    epsilon = np.zeros(len(known))
    epsilon[closed] = ferrari_canny(wrenches)
    patches = contact_patches(caster, of.T_object_grasp, of.contacts, gripper.file.pad)
    scores = np.full((4, n), np.nan)
    scores[:, known] = min_friction, epsilon, patches.flatness.max(axis=1), patches.share.min(axis=1)
    return Quality(*scores)
