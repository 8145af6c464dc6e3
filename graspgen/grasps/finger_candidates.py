"""Candidates of multi-finger hands: approaches to points of the surface, and poses whose fingertips are led onto it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array, pose
from graspgen.grasps.candidates import Candidates
from graspgen.grasps.clearance import OWN_REACH, Obstacle, hand_clearance
from graspgen.grasps.finger_close import finger_postures, fingers_file
from graspgen.grasps.finger_contact import optimise_contacts
from graspgen.grasps.finger_points import HandPoints, meet
from graspgen.grasps.outcomes import Sampler
from graspgen.grasps.suction_candidates import surface_frames
from graspgen.grippers.gripper import Gripper
from graspgen.objects.asset import Asset
from graspgen.objects.distance_grid import DistanceGrid
from graspgen.raycast import RayCaster

#: Half-angle of the cone about the inward normal in which approaches are drawn, rad.
TILT = np.radians(25.0)
#: The tool point goes from this far before the surface to this share of the fingers' reach behind it, m and –.
BEFORE, BEHIND = 0.01, 0.6
#: Further draws of a candidate that looks for a clear one.
REDRAWS = 12
#: Starts of the optimisation of each candidate, of which the best is kept.
STARTS = 4
#: Fingers that are still short of the surface go on to this multiple of the way from the opening.
FARTHER = 1.5
#: Openings at which an optimised hand looks for a way in, as shares of the way from the grasp back to open.
OPENINGS = (0.2, 0.35, 0.55, 0.8, 1.0)


def propose_fingers(
    asset: Asset,
    gripper: Gripper,
    count: int,
    rng: np.random.Generator,
    *,
    contact_share: float,
    clear_share: float,
    approach: float,
    step: float,
    threads: int = 1,
) -> Candidates:
    """Draw candidates of a multi-finger hand, a share of them by contact optimisation (`optimise_contacts`).

    Args:
        asset: the object, at its scale.
        gripper: the hand.
        count: candidates.
        rng: stream of the draws; every candidate has the same number of them, whatever becomes of it.
        contact_share: share of candidates that are optimised, evenly spread.
        clear_share: share of the others that are drawn again until the open hand is clear of the object.
        approach, step: length and resolution of the approach, m.
        threads: native threads; results do not depend on it.

    Returns:
        `count` candidates; their contacts are not known.
    """
    caster, hand = RayCaster(asset.mesh.vertices, asset.mesh.faces), finger_postures(gripper)
    surface, points = DistanceGrid(asset.mesh.vertices, asset.mesh.faces), HandPoints(gripper)
    u = rng.random((count, REDRAWS + 1, 9))
    starts = rng.random((count, STARTS, 9))
    numbers = np.arange(count)
    optimised = np.floor((numbers + 1) * contact_share) > np.floor(numbers * contact_share)
    plain = np.flatnonzero(~optimised)
    order = np.arange(len(plain))
    seeking = np.floor((order + 1) * clear_share) > np.floor(order * clear_share)

    def clear(T: Array, pregrasp: Array) -> NDArray[np.bool_]:
        sweep = hand_clearance(
            gripper, [Obstacle(asset.parts, np.eye(4))], T, np.full(len(T), gripper.file.stroke), pregrasp=pregrasp,
            approach=approach, step=step, reach=OWN_REACH, threads=threads,
        )  # fmt: skip
        return sweep.on_approach[:, 0] >= 0

    d = len(hand.driven)
    T, fingers, shape = np.zeros((count, 4, 4)), np.zeros((count, 2, d)), np.zeros(count, np.int64)
    sampler = np.full(count, Sampler.APPROACH, np.uint8)
    drawn = [x.reshape(count, REDRAWS + 1, *x.shape[1:]) for x in _drawn(caster, gripper, u.reshape(-1, 9))]
    T[plain], fingers[plain], shape[plain] = (x[plain, 0] for x in drawn)
    looking = plain[seeking]
    if len(looking):
        options = [x[looking] for x in drawn]
        good = clear(options[0].reshape(-1, 4, 4), options[1][:, :, 0].reshape(-1, d)).reshape(len(looking), -1)
        first, row = good.argmax(axis=1), np.arange(len(looking))
        T[looking], fingers[looking], shape[looking] = (x[row, first] for x in options)
        sampler[looking] = np.where(good.any(axis=1), Sampler.APPROACH_CLEAR, Sampler.APPROACH_BLOCKED)
    fingers[plain, 1] = meet(surface, points, T[plain], fingers[plain, 0], fingers[plain, 1])
    wanted = np.flatnonzero(optimised)
    if len(wanted):
        T0, given, shape0 = _drawn(caster, gripper, starts[wanted].reshape(-1, 9))
        half = given[:, 0] + 0.5 * (given[:, 1] - given[:, 0])
        found = optimise_contacts(surface, points, asset, T0, half)
        back = hand.stage(0, shape0)
        closed = found.joints[:, None]
        shares = np.array(OPENINGS)[None, :, None]
        opened = np.where(hand.closers, closed + shares * (back[:, None] - closed), closed)
        k, m = len(OPENINGS), len(T0)
        free = clear(np.repeat(found.T_object_grasp, k, axis=0), opened.reshape(-1, d)).reshape(m, k)
        at = np.where(free.any(axis=1), free.argmax(axis=1), k // 2)
        start = opened[np.arange(m), at]
        # The optimised fingertips are near the surface; here each finger goes to where it is, or beyond.
        joints = meet(surface, points, found.T_object_grasp, start, start + FARTHER * (found.joints - start))
        # The best of each candidate's starts: those that have a way in come first.
        score = found.energy + np.where(free.any(axis=1), 0.0, 1e6)
        best = np.arange(len(wanted)) * STARTS + score.reshape(-1, STARTS).argmin(axis=1)
        T[wanted], shape[wanted] = found.T_object_grasp[best], shape0[best]
        fingers[wanted] = np.stack([start[best], joints[best]], axis=1)
        sampler[wanted] = np.where(free.any(axis=1)[best], Sampler.CONTACT, Sampler.CONTACT_BLOCKED)
    return finger_grasps(gripper, T, fingers, shape.astype(np.uint8), sampler)


def finger_grasps(
    gripper: Gripper, T_object_grasp: Array, fingers: Array, shape: NDArray[np.uint8], sampler: NDArray[np.uint8]
) -> Candidates:
    """Make candidates of (n, 4, 4) grasp frames and (n, 2, d) driven joints before closing, and at the grasp."""
    n, hand = len(T_object_grasp), finger_postures(gripper)
    width, grip = (np.clip(hand.opening(hand.full(fingers[:, i])), 0.0, gripper.file.stroke) for i in (0, 1))
    unknown = np.full((n, 2, 3), np.nan)
    return Candidates(
        T_object_grasp, width, unknown, unknown.copy(), np.full(n, np.nan), sampler, np.minimum(grip, width), fingers,
        shape,
    )  # fmt: skip


def _drawn(caster: RayCaster, gripper: Gripper, u: Array) -> tuple[Array, Array, NDArray[np.int64]]:
    """(n, 4, 4) grasp frames, (n, 2, d) driven joints and (n,) shapes of (n, 9) numbers in [0, 1)."""
    hand = finger_postures(gripper)
    T, _, _ = surface_frames(caster, u[:, :6], TILT)
    reach = float(np.linalg.norm(fingers_file(gripper).tcp))
    ahead = np.zeros((len(u), 3))
    ahead[:, 2] = -BEFORE + u[:, 6] * (BEFORE + BEHIND * reach / 2)
    shape = np.minimum((u[:, 7] * len(hand.shapes)).astype(np.int64), len(hand.shapes) - 1)
    opened, pre = hand.stage(0, shape), hand.stage(1, shape)
    start = opened + u[:, 8, None] * (pre - opened)
    return T @ pose(translation=ahead), np.stack([start, hand.stage(2, shape)], axis=1), shape
