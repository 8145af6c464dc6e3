"""The path of the hand in an in-scene trial: approach, lift and shake, as targets of the hand's servos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array
from graspgen.grasps.profile import Profile

#: Peak speed of a minimum-jerk path over its mean speed, and its peak acceleration in units of length / time².
_PEAK_SPEED, _PEAK_ACCELERATION = 15 / 8, 10 / np.sqrt(3)


@dataclass(frozen=True, eq=False)
class HandPath:
    """Displacements of the hand from the grasp, step by step, and the servo targets that make it move so.

    The approach ends at the grasp, along the approach direction; the lift goes straight up from there; each shake
    swings to and fro at the top. All start and end at rest.

    Attributes:
        approach: (a + 1, 2) displacement along the approach, m: where the hand should be, and the servo's target.
        lift: (l + 1, 2) displacement upwards, likewise.
        shake: (s + 1, 6, 2) displacement (m) and small turn (rad) in the grasp frame, likewise.
        shake_steps: steps of one shake; 0 where there is none.
        accelerations: largest acceleration of the hand on the lift and while shaking, m/s².
    """

    approach: Array
    lift: Array
    shake: Array
    shake_steps: int
    accelerations: tuple[float, float]


def hand_path(profile: Profile, approach: float, shake: bool, lead: Array, chunk: int) -> HandPath:
    """Plan the path.

    Args:
        profile: its speeds and lengths.
        approach: length of the approach, m.
        shake: whether the hand shakes.
        lead: (6,) s, how far each servo's target must run ahead of the path at its speed.
        chunk: every part of the path takes a multiple of this many steps.
    """
    s, dt = profile.scene, profile.option.timestep
    lead_z = float(lead[2])
    down = _smooth(approach, s.approach_speed, dt, chunk)
    rest = np.zeros(_rounded(s.settle, dt, chunk))
    way = np.concatenate([-approach + down, rest])
    up = _smooth(s.lift, s.lift_speed, dt, chunk)
    duration = (len(up) - 1) * dt
    swings, steps = _swings(profile, dt, chunk) if shake else (np.zeros((1, 6)), 0)
    return HandPath(
        approach=_with_target(way, lead_z, dt),
        lift=_with_target(up, float(lead[:3].max()), dt),
        shake=_with_target(swings, lead[:, None].T, dt),
        shake_steps=steps,
        accelerations=(_PEAK_ACCELERATION * s.lift / duration**2, profile.protocol.acceleration if shake else 0.0),
    )


def _rounded(duration: float, dt: float, chunk: int) -> int:
    return int(np.ceil(duration / dt / chunk - 1e-9)) * chunk


def _smooth(length: float, speed: float, dt: float, chunk: int) -> Array:
    """Minimum-jerk way from 0 to `length` with at most the given speed (Flash and Hogan, 1985)."""
    steps = max(chunk, _rounded(_PEAK_SPEED * length / speed, dt, chunk))
    t = np.linspace(0, 1, steps + 1)
    return length * t**3 * (10 - 15 * t + 6 * t**2)


def _swings(profile: Profile, dt: float, chunk: int) -> tuple[Array, int]:
    """(s + 1, 6) swings one after the other, each A (1 − cos ωt) / 2, whose peak acceleration is A ω² / 2."""
    p, s = profile.protocol, profile.scene
    steps = _rounded(s.shake_time, dt, chunk)
    omega = 2 * np.pi / (steps * dt)
    swing = (1 - np.cos(omega * dt * np.arange(1, steps + 1))) / omega**2 * p.acceleration
    directions = np.zeros((len(s.shakes) + len(s.shake_turns), 6))
    directions[: len(s.shakes), :3] = _unit(s.shakes)
    directions[len(s.shakes) :, 3:] = _unit(s.shake_turns) / p.turn_arm
    rows = (directions[:, None] * swing[:, None]).reshape(-1, 6)
    return np.concatenate([np.zeros((1, 6)), rows]), steps


def _with_target(way: Array, lead: NDArray | float, dt: float) -> Array:
    """(…, 2) the way, and the servo's target, which runs ahead by the lead times the speed."""
    speed = np.zeros_like(way)
    speed[1:] = np.diff(way, axis=0) / dt
    return np.stack([way, way + lead * speed], axis=-1)


def _unit(vectors: tuple[tuple[float, float, float], ...]) -> Array:
    v = np.asarray(vectors, float).reshape(-1, 3)
    return v / np.linalg.norm(v, axis=1, keepdims=True)
