"""The path of the hand in an in-scene trial: approach, lift and shake, as targets of the hand's servos."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array, axis_angle
from graspgen.grasps.profile import Profile

#: Peak speed of a minimum-jerk path over its mean speed, and its peak acceleration in lengths over time squared.
_PEAK_SPEED, _PEAK_ACCELERATION = 15 / 8, 10 / np.sqrt(3)


class Stage(IntEnum):
    """Where a running trial is, in order."""

    APPROACH = 0
    CLOSE = 1
    LIFT = 2
    HOLD = 3
    SHAKE = 4
    ENDED = 5


@dataclass(frozen=True, eq=False)
class HandPath:
    """Displacements of the hand from the grasp, step by step, and the servo targets that make it move so.

    The approach ends at the grasp, along the approach direction; the lift goes straight up from there; each shake
    swings to and fro at the top. All start and end at rest, and take a whole number of chunks of steps.

    Attributes:
        approach: (a + 1, 2) displacement along the approach, m: where the hand should be, and the servo's target.
        lift: (l + 1, 2) displacement upwards, likewise.
        shake: (s + 1, 6, 2) displacement (m) and small turn (rad), grasp frame, likewise.
        shakes: number of shakes.
        chunk: steps of a sample.
        lift_acceleration: largest acceleration of the hand on the lift, m/s².
    """

    approach: Array
    lift: Array
    shake: Array
    shakes: int
    chunk: int
    lift_acceleration: float

    def samples(self, stage: Stage) -> int:
        """Return how many samples of `chunk` steps the path of a stage takes."""
        way = {Stage.APPROACH: self.approach, Stage.LIFT: self.lift, Stage.SHAKE: self.shake}[stage]
        return (len(way) - 1) // self.chunk

    def targets(self, stage: NDArray[np.int64], samples: NDArray[np.int64], up: Array) -> Array:
        """Return the (m, chunk, 6) targets of the servos in the next sample.

        Args:
            stage: (m,) stage of each trial.
            samples: (m,) samples since it began.
            up: (m, 3) the world's z in the grasp frame.
        """
        steps = samples[:, None] * self.chunk + np.arange(1, self.chunk + 1)
        return self._at(stage[:, None], steps, up[:, None], 1)

    def planned(self, stage: NDArray[np.int64], samples: NDArray[np.int64], up: Array) -> tuple[Array, Array]:
        """Return where the hand should be after so many samples: (m, 3) m from the grasp, and (m, 3, 3) turned."""
        place = self._at(stage, samples * self.chunk, up, 0)
        angle = np.linalg.norm(place[:, 3:], axis=1)
        axis = np.where(angle[:, None] > 0, place[:, 3:] / np.maximum(angle, 1e-300)[:, None], [0.0, 0.0, 1.0])
        return place[:, :3], axis_angle(axis, angle)

    def _at(self, stage: NDArray[np.int64], step: NDArray[np.int64], up: Array, which: int) -> Array:
        a, b, c = len(self.approach) - 1, len(self.lift) - 1, len(self.shake) - 1
        place = self.shake[np.where(stage == Stage.SHAKE, np.minimum(step, c), 0), :, which]
        lift = np.where(stage == Stage.LIFT, np.minimum(step, b), np.where(stage < Stage.LIFT, 0, b))
        place[..., :3] += self.lift[lift, which, None] * up
        place[..., 2] += self.approach[np.where(stage == Stage.APPROACH, np.minimum(step, a), a), which]
        return place


def hand_path(profile: Profile, approach: float, shake: bool, lead: Array) -> HandPath:
    """Plan the path.

    Args:
        profile: its speeds and lengths.
        approach: length of the approach, m.
        shake: whether the hand shakes.
        lead: (6,) s, how far each servo's target must run ahead of the path at its speed; the slides' are equal.
    """
    s, dt = profile.scene, profile.option.timestep
    chunk = max(1, round(s.sample_period / dt))
    way = _smooth(approach, s.approach_speed, dt, chunk) - approach
    way = np.concatenate([way, np.zeros(_rounded(s.settle, dt, chunk))])
    up = _smooth(s.lift, s.lift_speed, dt, chunk)
    swings = _swings(profile, dt, chunk) if shake else np.zeros((1, 6))
    return HandPath(
        approach=_with_target(way, lead[0], dt),
        lift=_with_target(up, lead[0], dt),
        shake=_with_target(swings, lead, dt),
        shakes=len(s.shakes) + len(s.shake_turns) if shake else 0,
        chunk=chunk,
        lift_acceleration=float(_PEAK_ACCELERATION * s.lift / ((len(up) - 1) * dt) ** 2),
    )


def _rounded(duration: float, dt: float, chunk: int) -> int:
    return int(np.ceil(duration / dt / chunk - 1e-9)) * chunk


def _smooth(length: float, speed: float, dt: float, chunk: int) -> Array:
    """Minimum-jerk way from 0 to `length` with at most the given speed (Flash and Hogan, 1985)."""
    steps = max(chunk, _rounded(_PEAK_SPEED * length / speed, dt, chunk))
    t = np.linspace(0, 1, steps + 1)
    return length * t**3 * (10 - 15 * t + 6 * t**2)


def _swings(profile: Profile, dt: float, chunk: int) -> Array:
    """(s + 1, 6) swings one after the other, each A (1 − cos ωt) / 2, whose peak acceleration is A ω² / 2."""
    p, s = profile.protocol, profile.scene
    steps = _rounded(s.shake_time, dt, chunk)
    omega = 2 * np.pi / (steps * dt)
    swing = (1 - np.cos(omega * dt * np.arange(1, steps + 1))) / omega**2 * p.acceleration
    directions = np.zeros((len(s.shakes) + len(s.shake_turns), 6))
    directions[: len(s.shakes), :3] = _unit(s.shakes)
    directions[len(s.shakes) :, 3:] = _unit(s.shake_turns) / p.turn_arm
    rows = (directions[:, None] * swing[:, None]).reshape(-1, 6)
    return np.concatenate([np.zeros((1, 6)), rows])


def _with_target(way: Array, lead: Array | float, dt: float) -> Array:
    """(…, 2) the way, and the servo's target, which runs ahead by the lead times the speed."""
    speed = np.zeros_like(way)
    speed[1:] = np.diff(way, axis=0) / dt
    return np.stack([way, way + lead * speed], axis=-1)


def _unit(vectors: tuple[tuple[float, float, float], ...]) -> Array:
    v = np.asarray(vectors, float).reshape(-1, 3)
    return v / np.linalg.norm(v, axis=1, keepdims=True)
