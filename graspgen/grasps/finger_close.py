"""How a multi-finger hand closes: pregrasp, grasp, squeeze, as targets of its servos; and what counts as held.

All joints go to the grasp in the same time, and wait where something blocks them: their targets stay on a leash. When
all have arrived or wait, the targets go on, from where the joints are, by what the squeeze is beyond the grasp, until
the hand stands still.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array
from graspgen.grippers.finger_postures import FingerPostures
from graspgen.grippers.fingers import BRUSH, OPPOSED, FingersFile
from graspgen.grippers.gripper import Gripper

Ids = NDArray[np.int64]

#: While closing a joint presses with at most this share of the usual force.
LEASH = 0.15
#: The squeeze takes this long, s.
SQUEEZE_TIME = 0.15
#: A joint slower than this share of its closing speed stands still.
SLOW = 0.03
#: A squeeze that what is held gives way to may go on for this long, s.
FOLLOW = 1.0
#: What is not where it should be this long after the path's end is squeezed from where it is, s.
LATE = 0.3


class FingerClose:
    """The targets of n closes, from look to look.

    Args:
        gripper: a multi-finger hand.
        fingers: (n, 2, d) driven joints before closing, and at the grasp.
        force: of each fingertip, N; None for the gripper's usual one.
        period: time between two looks, s.

    Attributes:
        target: (n, d) of the servos until the next look.
        longest: (n,) looks that a close takes at most, without what the profile grants besides.
    """

    def __init__(self, gripper: Gripper, fingers: Array, force: float | None, period: float) -> None:
        file, hand = fingers_file(gripper), finger_postures(gripper)
        self._file, self._squeeze, self._period = file, hand.squeeze, period
        self._closers = hand.closers
        self._leash = np.where(np.abs(hand.squeeze) > 1e-6, LEASH * np.abs(hand.squeeze), np.inf)
        speed = np.abs(hand.stages[2] - hand.stages[0]) / file.closing_time
        self._speed = np.where(speed > 1e-6, speed, max(float(speed.max()), 1e-6))
        self._lead = servo_lag(gripper)
        self._late, self._ramp = round(LATE / period), max(1, round(SQUEEZE_TIME / period))
        n, _, d = fingers.shape
        self._pre, self._grasp, self._beyond, self._pace, self.target, self._from = np.zeros((6, n, d))
        self._looks, self.longest, self._began = np.zeros(n), np.zeros(n), np.full(n, -1)
        self.restart(np.arange(n), fingers, force)

    def restart(self, ids: Ids, fingers: Array, force: float | None) -> None:
        """Begin (m,) closes anew, from and to (m, 2, d) driven joints; `force` as above."""
        file = self._file
        usual = file.force if force is None else min(force, file.max_force)
        pre, grasp = fingers[:, 0], fingers[:, 1]
        looks = np.maximum(np.ceil((np.abs(grasp - pre) / self._speed).max(axis=1) / self._period), 1)
        self._pre[ids], self._grasp[ids], self._looks[ids] = pre, grasp, looks
        self._beyond[ids] = self._squeeze * (usual / file.force)
        # All joints arrive together, so the fingers touch together what they are to touch. A servo that moves lags
        # behind its target by its damping over its stiffness times its speed.
        self._pace[ids] = (grasp - pre) / (looks * self._period)[:, None]
        self.longest[ids] = looks + self._late + self._ramp + round(FOLLOW / self._period)
        self.target[ids], self._from[ids], self._began[ids] = pre, pre, -1

    def towards(self, ids: Ids, joints: Array) -> None:
        """Move the targets of (m,) hands towards (m, d) joints for a look, as fast as hands close."""
        most = self._speed * self._period
        self.target[ids] += np.clip(joints - self.target[ids], -most, most)

    def saved(self, i: int) -> tuple[NDArray, ...]:
        """Return copies of all that changes of a close."""
        return tuple(x[i].copy() for x in self._changing)

    def restore(self, i: int, saved: tuple[NDArray, ...]) -> None:
        """Go back to what `saved` returned."""
        for own, value in zip(self._changing, saved, strict=True):
            own[i] = value

    @property
    def _changing(self) -> tuple[NDArray, ...]:
        return (
            self._pre, self._grasp, self._beyond, self._pace, self._looks, self._began, self._from, self.target,
            self.longest,
        )  # fmt: skip

    def advance(self, ids: Ids, number: Ids, q: Array, rate: Array) -> NDArray[np.bool_]:
        """Set the targets of trials for what follows their present look.

        Args:
            ids: (m,) which.
            number: (m,) looks since the close began, this one included.
            q, rate: (m, d) driven joints, and how fast they are.

        Returns:
            (m,) whether the squeeze is complete and the hand stands still.
        """
        still = (np.abs(rate) < SLOW * self._speed).all(axis=1)
        squeezing = self._began[ids] >= 0
        share = np.minimum(1.0, number / self._looks[ids])
        want = self._pre[ids] + share[:, None] * (self._grasp[ids] - self._pre[ids])
        waits = (np.abs(want - q) >= self._leash) | ~self._closers
        begin = still & ((share >= 1) | (waits.all(axis=1) & (number >= 3)))
        begin |= number >= self._looks[ids] + self._late
        begin &= ~squeezing
        ahead = np.where(share[:, None] < 1, self._lead * self._pace[ids], 0.0)
        held = np.clip(want, q - self._leash, q + self._leash) + ahead
        self.target[ids[~squeezing]] = held[~squeezing]
        self._began[ids[begin]] = number[begin]
        self._from[ids[begin]] = np.where(self._closers, q, self._grasp[ids])[begin]
        # What gives way is followed: the motors press on until the hand stands still, and then hold where they are.
        beyond = self._beyond[ids]
        further = np.where((q - self._from[ids]) * beyond > 0, q, self._from[ids])
        self._from[ids[squeezing]] = further[squeezing]
        squeezing |= begin
        ramp = np.clip((number - self._began[ids] + 1) / self._ramp, 0, 1)
        pressed = self._from[ids] + ramp[:, None] * beyond
        self.target[ids[squeezing]] = pressed[squeezing]
        return squeezing & still & (number - self._began[ids] > self._ramp)


def servo_lag(gripper: Gripper) -> Array:
    """(d,) s by which the servos of a multi-finger hand lag behind a target that moves: damping over stiffness."""
    model = gripper.spec().compile()
    servos = [model.actuator(s).id for s in gripper.servos]
    joints = [int(model.joint(j).dofadr[0]) for j in fingers_file(gripper).joints]
    return (model.dof_damping[joints] - model.actuator_biasprm[servos, 2]) / model.actuator_gainprm[servos, 0]


def pressing(gripper: Gripper, force: Array) -> NDArray[np.bool_]:
    """(m, k) which links press on the object and do not only brush it, from their (m, k, 3) forces, N."""
    return np.linalg.norm(force, axis=2) > BRUSH * gripper.file.force


def opposing(gripper: Gripper, force: Array) -> NDArray[np.bool_]:
    """(m,) whether two links press on the object from opposite sides: their forces are at more than 90°.

    What rests between links without weight is pressed so: forces whose sum is zero cannot all be within 90°.

    Args:
        gripper: the hand.
        force: (m, k, 3) N of each link on the object.
    """
    size = np.linalg.norm(force, axis=2)
    unit = np.where(pressing(gripper, force)[..., None], force / np.maximum(size, 1e-12)[..., None], 0.0)
    return (np.einsum("mki,mli->mkl", unit, unit) < -OPPOSED).any(axis=(1, 2))


def mean_force(gripper: Gripper, force: Array) -> Array:
    """(m,) mean force of the links that press on the object, N, from (m, k, 3)."""
    size, on = np.linalg.norm(force, axis=2), pressing(gripper, force)
    return (size * on).sum(axis=1) / np.maximum(on.sum(axis=1), 1)


def default_fingers(gripper: Gripper, width: Array) -> Array:
    """(n, 2, d) driven joints before closing, where the hand is (n,) m open, and at its grasp: of no shape.

    Of grippers that are no multi-finger hands d is 0.
    """
    n = len(width)
    if not gripper.fingered:
        return np.zeros((n, 2, 0))
    hand = finger_postures(gripper)
    pre = hand.at(np.asarray(width, float))[:, hand.driven]
    return np.stack([pre, np.broadcast_to(hand.stages[2], pre.shape)], axis=1)


def pregrasp_opening(gripper: Gripper) -> float:
    """Return the opening of a multi-finger hand in its pregrasp posture, m."""
    hand = finger_postures(gripper)
    return float(np.clip(hand.opening(hand.full(hand.stages[1:2]))[0], 0.0, gripper.file.stroke))


def fingers_file(gripper: Gripper) -> FingersFile:
    """Return the file of a multi-finger hand.

    Raises:
        TypeError: the gripper is of another kind.
    """
    if not isinstance(gripper.file, FingersFile):
        raise TypeError(f"{gripper.name} is no multi-finger hand")
    return gripper.file


def finger_postures(gripper: Gripper) -> FingerPostures:
    """Return the postures of a multi-finger hand.

    Raises:
        TypeError: the gripper is of another kind.
    """
    if not isinstance(gripper.postures, FingerPostures):
        raise TypeError(f"{gripper.name} is no multi-finger hand")
    return gripper.postures
