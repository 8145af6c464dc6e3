"""Candidates of multi-finger hands: approaches to points of the surface, and poses whose fingertips are led onto it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array, pose
from graspgen.grasps.candidates import Candidates
from graspgen.grasps.finger_around import ABOVE, Around, aimed, is_clear, raised
from graspgen.grasps.finger_close import finger_postures, fingers_file
from graspgen.grasps.finger_contact import POINTS, STEPS, Optimised, optimise_contacts
from graspgen.grasps.finger_points import grips, hand_points, meet
from graspgen.grasps.outcomes import Sampler
from graspgen.grasps.suction_candidates import surface_frames
from graspgen.grippers.gripper import Gripper
from graspgen.objects.asset import Asset
from graspgen.objects.distance_grid import DistanceGrid
from graspgen.raycast import RayCaster

#: n grasp frames, driven joints before closing and at the grasp, shapes, and samplers.
Found = tuple[Array, Array, NDArray[np.int64], NDArray[np.int64]]
#: Half-angle of the cone about the inward normal in which approaches are drawn, rad.
TILT = np.radians(25.0)
#: The tool point goes from this far before the surface to this share of the fingers' reach behind it, m and –.
BEFORE, BEHIND = 0.01, 0.6
#: Further draws of a candidate that looks for a clear one.
REDRAWS = 12
#: Clear draws of a candidate that are looked at for whether the fingers meet the object, where it stands on something.
LOOKED = 6
#: Starts of the optimisation of each candidate, all for `FIRST` steps, the `KEPT` best for the others.
STARTS, FIRST, KEPT = 4, 12, 2
#: Fingers that are still short of the surface go on to this multiple of the way from the opening.
FARTHER = 1.5
#: Openings at which an optimised hand looks for a way in, as shares of the way from the grasp back to open.
OPENINGS = (0.2, 0.35, 0.55, 0.8, 1.0)
#: Samplers of what looks for a way in and finds one, or none: without a scene, and in one.
_APPROACH = ((Sampler.APPROACH_CLEAR, Sampler.APPROACH_BLOCKED), (Sampler.SCENE_CLEAR, Sampler.SCENE_BLOCKED))
_CONTACT = ((Sampler.CONTACT, Sampler.CONTACT_BLOCKED), (Sampler.SCENE_CONTACT, Sampler.SCENE_CONTACT_BLOCKED))


def propose_fingers(
    asset: Asset,
    gripper: Gripper,
    count: int,
    rng: np.random.Generator,
    *,
    contact_share: float,
    clear_share: float,
    scene_share: float = 0.0,
    scene: Around | None = None,
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
        clear_share: share of the approaches that do not know the scene that are drawn again until the open hand is
            clear of the object.
        scene_share: share of both kinds that look for a way in which is clear of `scene` as well.
        scene: what lies around the object; None for nothing: then there are no such candidates.
        approach, step: length and resolution of the approach, m.
        threads: native threads; results do not depend on it.

    Returns:
        `count` candidates; their contacts are not known.
    """
    hand = finger_postures(gripper)
    work = _Work(asset, gripper, approach, step, threads)
    u = rng.random((count, REDRAWS + 1, 9))
    starts = rng.random((count, STARTS, 9))
    optimised = _evenly(np.arange(count), contact_share)
    known = np.zeros(count, bool)
    if scene is not None:
        for kind in (optimised, ~optimised):
            known[kind] = _evenly(np.arange(kind.sum()), scene_share)
    d = len(hand.driven)
    T, fingers, shape = np.zeros((count, 4, 4)), np.zeros((count, 2, d)), np.zeros(count, np.int64)
    sampler = np.full(count, Sampler.APPROACH, np.uint8)
    for around in (None, scene) if scene is not None else (None,):
        mine = known == (around is not None)
        plain, wanted = np.flatnonzero(mine & ~optimised), np.flatnonzero(mine & optimised)
        if len(plain):
            seeking = np.ones(len(plain), bool) if around else _evenly(np.arange(len(plain)), clear_share)
            T[plain], fingers[plain], shape[plain], sampler[plain] = work.approaches(u[plain], seeking, around)
        if len(wanted):
            T[wanted], fingers[wanted], shape[wanted], sampler[wanted] = work.contacts(starts[wanted], around)
    return finger_grasps(gripper, T, fingers, shape.astype(np.uint8), sampler)


class _Work:
    """Both ways to find candidates of one object, with what they share."""

    def __init__(self, asset: Asset, gripper: Gripper, approach: float, step: float, threads: int) -> None:
        self._asset, self._gripper, self._hand = asset, gripper, finger_postures(gripper)
        self._way = {"approach": approach, "step": step, "threads": threads}
        self._caster = RayCaster(asset.mesh.vertices, asset.mesh.faces)
        self._surface = DistanceGrid(asset.mesh.vertices, asset.mesh.faces)
        self._points, self._coarse = hand_points(gripper), hand_points(gripper, POINTS)

    def approaches(self, u: Array, seeking: NDArray[np.bool_], scene: Around | None) -> Found:
        """Approach n points of the surface, from (n, draws, 9) numbers; those that seek take the first clear draw."""
        n, draws, d = len(u), u.shape[1], len(self._hand.driven)
        used = u if seeking.any() else u[:, :1]
        T, fingers, shape = self._drawn(used.reshape(-1, 9), scene)
        options = [x.reshape(n, -1, *x.shape[1:]) for x in (T, fingers, shape)]
        first, good = np.zeros(n, np.int64), np.zeros(n, bool)
        if seeking.any():
            looked = [x[seeking] for x in options]
            ways = self._clear(looked[0].reshape(-1, 4, 4), looked[1][:, :, 0].reshape(-1, d), scene)
            ways = ways.reshape(-1, draws)
            good[seeking] = ways.any(axis=1)
            # The floor may keep a hand so far off that its fingers close above the object: another draw, then.
            first[seeking] = ways.argmax(axis=1) if scene is None else self._gripping(looked, ways)
        T, fingers, shape = (x[np.arange(n), first] for x in options)
        fingers[:, 1] = meet(self._surface, self._points, T, fingers[:, 0], fingers[:, 1])
        clear, blocked = _APPROACH[scene is not None]
        return T, fingers, shape, np.where(seeking, np.where(good, clear, blocked), Sampler.APPROACH)

    def contacts(self, u: Array, scene: Around | None) -> Found:
        """Optimise n candidates, each from several starts of (n, starts, 9) numbers, of which the best is kept."""
        n, hand = len(u), self._hand
        T, given, shape = self._drawn(u.reshape(-1, 9), scene)
        half = given[:, 0] + 0.5 * (given[:, 1] - given[:, 0])
        floor = None if scene is None else (scene.up, scene.floor + ABOVE)

        def led(T: Array, joints: Array, steps: int) -> Optimised:
            return optimise_contacts(self._surface, self._coarse, self._asset, T, joints, floor=floor, steps=steps)

        found = led(T, half, FIRST)
        order = found.energy.reshape(n, -1).argsort(axis=1, kind="stable")[:, :KEPT]
        kept = (np.arange(n)[:, None] * u.shape[1] + order).ravel()
        found, shape = led(found.T_object_grasp[kept], found.joints[kept], STEPS - FIRST), shape[kept]
        # A way in: the hand as little open as it may be.
        back, closed = hand.stage(0, shape), found.joints[:, None]
        shares = np.array(OPENINGS)[None, :, None]
        opened = np.where(hand.closers, closed + shares * (back[:, None] - closed), closed)
        m, k = len(shape), len(OPENINGS)
        T_all, rows = np.repeat(found.T_object_grasp, k, axis=0), opened.reshape(m * k, -1)
        cost = np.broadcast_to(np.arange(k), (m, k))
        if scene is not None:
            # Fingertips go through an arc: what would meet the floor stays so much farther off.
            before, T_all = T_all, raised(self._coarse, scene, T_all, rows, np.repeat(found.joints, k, axis=0))
            cost = np.linalg.norm((T_all - before)[:, :3, 3], axis=1).reshape(m, k)
        free = self._clear(T_all, rows, scene).reshape(m, k)
        at = np.where(free.any(axis=1), np.where(free, cost, np.inf).argmin(axis=1), k // 2)
        T, start, good = T_all.reshape(m, k, 4, 4)[np.arange(m), at], opened[np.arange(m), at], free.any(axis=1)
        # The optimised fingertips are near the surface; here each finger goes to where it is, or beyond.
        farther = np.clip(start + FARTHER * (found.joints - start), *hand.limits.T)
        closed = meet(self._surface, self._points, T, start, farther)
        # Those that have a way in come first, then those that grip from opposite sides.
        score = found.energy + np.where(good, 0.0, 1e6)
        if scene is not None:
            score += np.where(grips(self._surface, self._points, T, closed), 0.0, 1e3)
        best = np.arange(n) * KEPT + score.reshape(n, KEPT).argmin(axis=1)
        T, start, closed, good = T[best], start[best], closed[best], good[best]
        clear, blocked = _CONTACT[scene is not None]
        return T, np.stack([start, closed], axis=1), shape[best], np.where(good, clear, blocked)

    def _gripping(self, options: list[Array], ways: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(n,) the first clear draw of each in which fingers close on the object from opposite sides, if one does."""
        rank = np.where(ways, np.arange(ways.shape[1]), ways.shape[1])
        order = rank.argsort(axis=1, kind="stable")[:, :LOOKED]
        row = np.arange(len(ways))[:, None]
        T, fingers = (options[i][row, order] for i in (0, 1))
        T, fingers = T.reshape(-1, 4, 4), fingers.reshape(-1, *fingers.shape[2:])
        closed = meet(self._surface, self._coarse, T, fingers[:, 0], fingers[:, 1])
        holds = grips(self._surface, self._coarse, T, closed).reshape(order.shape) & ways[row, order]
        return order[np.arange(len(ways)), np.where(holds.any(axis=1), holds.argmax(axis=1), 0)]

    def _clear(self, T: Array, pregrasp: Array, scene: Around | None) -> NDArray[np.bool_]:
        return is_clear(self._asset, self._gripper, scene, T, pregrasp, **self._way)

    def _drawn(self, u: Array, scene: Around | None) -> tuple[Array, Array, NDArray[np.int64]]:
        """(n, 4, 4) grasp frames, (n, 2, d) driven joints and (n,) shapes of (n, 9) numbers in [0, 1)."""
        hand = self._hand
        reach = float(np.linalg.norm(fingers_file(self._gripper).tcp)) / 2
        shape = np.minimum((u[:, 7] * len(hand.shapes)).astype(np.int64), len(hand.shapes) - 1)
        opened, pre = hand.stage(0, shape), hand.stage(1, shape)
        start, end = opened + u[:, 8, None] * (pre - opened), hand.stage(2, shape)
        if scene is not None:
            T = raised(self._coarse, scene, aimed(self._asset, self._caster, scene, reach, u[:, :7]), start, end)
        else:
            ahead = np.zeros((len(u), 3))
            ahead[:, 2] = -BEFORE + u[:, 6] * (BEFORE + BEHIND * reach)
            T = surface_frames(self._caster, u[:, :6], TILT)[0] @ pose(translation=ahead)
        return T, np.stack([start, end], axis=1), shape


def _evenly(numbers: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Whether each of the numbers 0, 1, … is of a share that is spread evenly over them."""
    return np.floor((numbers + 1) * share) > np.floor(numbers * share)


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
