"""Where a jaw's joints and its tool point are at every opening: measured from its model, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from graspgen.errors import GripperError
from graspgen.frames import Array
from graspgen.quiet import no_warnings

#: Openings that are looked at between closed and open; between two of them a finger's arc is straight within 2 µm.
SAMPLES = 65
#: Newton steps, and the residual that ends them (m, rad).
_STEPS, _CLOSE_ENOUGH = 60, 1e-10
#: Steps in which springs bring joints that no coupling holds to rest.
_RELAX = 400
#: A hinge that turns by less closes no hand, rad.
_LEAST_TURN = np.radians(3)


@dataclass(frozen=True, eq=False)
class Postures:
    """A hand from closed to open.

    Attributes:
        joints: names of all joints of the hand, as the rows of `positions` have them.
        drivers: (d,) numbers of the driven joints among them.
        width: (k,) openings, ascending, m; the first is 0.
        positions: (k, joints) m or rad.
        tool: (k, 3) tool point in the base, m.
        moves: whether the tool point moves as the hand closes.
        summed: whether the opening is the sum of the driven joints, which are all there are.
    """

    joints: tuple[str, ...]
    drivers: tuple[int, ...]
    width: Array
    positions: Array
    tool: Array
    moves: bool
    summed: bool

    def at(self, width: Array) -> Array:
        """(n, joints) positions of (n,) openings."""
        if self.summed:
            return np.repeat(width[:, None] / 2, 2, axis=1)
        return np.stack([np.interp(width, self.width, column) for column in self.positions.T], axis=1)

    def tool_point(self, width: Array) -> Array:
        """(n, 3) tool point in the base at (n,) openings, m."""
        return np.stack([np.interp(width, self.width, column) for column in self.tool.T], axis=1)

    def opening(self, positions: Array) -> Array:
        """(n,) openings of (n, joints) positions, m: the mean of what each driven joint says."""
        if self.summed:
            return positions.sum(axis=1)
        told = [_interp(positions[:, d], self.positions[:, d], self.width) for d in self.drivers]
        return np.mean(told, axis=0)

    def rate(self, positions: Array, rates: Array) -> Array:
        """(n,) m/s of the opening, from (n, joints) positions and their rates."""
        if self.summed:
            return rates.sum(axis=1)
        slopes = [
            _interp(positions[:, d], self.positions[:, d], np.gradient(self.width, self.positions[:, d]))
            for d in self.drivers
        ]
        return np.mean([s * rates[:, d] for s, d in zip(slopes, self.drivers, strict=True)], axis=0)


def _interp(x: Array, at: Array, values: Array) -> Array:
    """Interpolate over rising or falling `at`; beyond its ends go on straight."""
    if at[0] > at[-1]:
        at, values = at[::-1], values[::-1]
    inside = np.interp(x, at, values)
    below, above = (values[1] - values[0]) / (at[1] - at[0]), (values[-1] - values[-2]) / (at[-1] - at[-2])
    return inside + np.minimum(x - at[0], 0) * below + np.maximum(x - at[-1], 0) * above


class Linkage:
    """A hand by itself, its base at the origin, whose driven joints can be put anywhere.

    Args:
        spec: the hand; a copy is compiled without contacts, gravity and actuators.
        base: its body.
    """

    def __init__(self, spec: mujoco.MjSpec, base: str) -> None:
        spec = spec.copy()
        for element in [*spec.actuators, *spec.keys, *spec.sensors]:
            spec.delete(element)
        spec.option.gravity = [0, 0, 0]
        spec.option.jacobian = mujoco.mjtJacobian.mjJAC_DENSE
        spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        spec.option.timestep = min(spec.option.timestep, 0.002)
        spec.option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_CONTACT)
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        self.base = base
        scalar = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))
        for j in range(self.model.njnt):
            if int(self.model.jnt_type[j]) not in scalar:
                raise GripperError(f"joint '{self.model.joint(j).name}' is neither a hinge nor a slide")
        self.joints = tuple(self.model.joint(j).name for j in range(self.model.njnt))

    def put(self, target: dict[str, float]) -> None:
        """Move joints to positions; the others follow through the model's equalities, or come to rest on its springs.

        Raises:
            GripperError: the equalities cannot be met there, or its springs are too stiff for its masses.
        """
        pins = {int(self.model.joint(name).qposadr[0]): value for name, value in target.items()}
        if self._solve(pins) < self.model.nv and (self.model.jnt_stiffness.any() or self.model.ntendon):
            self._relax(pins)
            self._solve(pins)

    def freedom(self, driver: str) -> int:
        """Return how many joints move on their own when a driven joint is held: by springs, or not at all."""
        j = self.model.joint(driver)
        q = int(j.qposadr[0])
        return int(self.model.nv) - self._solve({q: float(self.data.qpos[q])})

    def _solve(self, pins: dict[int, float]) -> int:
        """Meet equalities and pins by Newton steps of least motion; return the rank of what holds the joints."""
        model, data = self.model, self.data
        rows = np.zeros((len(pins), model.nv))
        rows[np.arange(len(pins)), list(pins)] = 1.0  # scalar joints: coordinates and velocities have the same numbers
        off, rank = np.inf, 0
        for _ in range(_STEPS):
            mujoco.mj_fwdPosition(model, data)
            equal = data.efc_type == int(mujoco.mjtConstraint.mjCNSTR_EQUALITY)
            J = np.concatenate([rows, data.efc_J.reshape(-1, model.nv)[equal]])
            residual = np.concatenate([[data.qpos[q] - v for q, v in pins.items()], data.efc_pos[equal]])
            off = float(np.abs(residual).max(initial=0.0))
            step, _, rank, _ = np.linalg.lstsq(J, residual, rcond=1e-8)
            if off < _CLOSE_ENOUGH:
                return int(rank)
            data.qpos[:] -= step * min(1.0, 0.3 / max(float(np.abs(step).max()), 1e-12))
        if not off < 1e-4:
            raise GripperError(
                f"its couplings cannot be met where the driven joints are {list(pins.values())}: {off:.2g} off"
            )
        return int(rank)

    def _relax(self, pins: dict[int, float]) -> None:
        model, data = self.model, self.data
        with no_warnings():
            for _ in range(_RELAX):
                for q, value in pins.items():
                    data.qpos[q], data.qvel[q] = value, 0.0
                mujoco.mj_step(model, data)
                data.qvel[:] *= 0.95
                if data.warning.number.any():
                    raise GripperError(
                        "it is unstable: its springs shoot its joints away; look at its stiffnesses and masses"
                    )
        data.qvel[:] = 0.0

    def positions(self) -> Array:
        """(joints,) positions of all joints."""
        return self.data.qpos.copy()

    def in_base(self, body: str, point: Array) -> Array:
        """(3,) a body's point, body frame, in the base's frame, m."""
        base, own = self.data.body(self.base), self.data.body(body)
        world = own.xpos + own.xmat.reshape(3, 3) @ point
        return base.xmat.reshape(3, 3).T @ (world - base.xpos)

    def in_body(self, body: str, point: Array) -> Array:
        """(3,) a point of the base's frame in a body's frame, m."""
        base, own = self.data.body(self.base), self.data.body(body)
        world = base.xpos + base.xmat.reshape(3, 3) @ point
        return own.xmat.reshape(3, 3).T @ (world - own.xpos)

    def places(self) -> dict[str, Array]:
        """(3,) centre of mass of every body that has a name, base frame, m."""
        model = self.model
        names = [str(model.body(i).name) for i in range(1, model.nbody)]
        return {name: self.inner(name) for name in names if name}

    def inner(self, body: str) -> Array:
        """(3,) centre of mass of a body in the base's frame, m."""
        base, own = self.data.body(self.base), self.data.body(body)
        return base.xmat.reshape(3, 3).T @ (own.xipos - base.xpos)


def driver_range(linkage: Linkage, joint: str) -> tuple[float, float]:
    """Return the limits of a joint.

    Raises:
        GripperError: it has none, or turns so little that its limits must be radians that are read as degrees.
    """
    j = linkage.model.joint(joint)
    if not linkage.model.jnt_limited[j.id]:
        raise GripperError(f"joint '{joint}' has no range, so nothing says how far the hand opens")
    low, high = (float(v) for v in linkage.model.jnt_range[j.id])
    if int(linkage.model.jnt_type[j.id]) == int(mujoco.mjtJoint.mjJNT_HINGE) and high - low < _LEAST_TURN:
        raise GripperError(
            f"joint '{joint}' turns by {np.degrees(high - low):.2g}° only; are its limits radians? Then say "
            '<compiler angle="radian"/>: without it MJCF counts in degrees'
        )
    return low, high


def separation(linkage: Linkage, fingers: Sequence[str]) -> float:
    """Return the distance of the two fingers' centres of mass along the closing direction, m."""
    return float(abs(linkage.inner(fingers[0])[1] - linkage.inner(fingers[1])[1]))


def open_end(linkage: Linkage, joint: str, fingers: Sequence[str]) -> tuple[float, float]:
    """Return where a joint is when the hand is closed, and when it is open: the fingers are farther apart there."""
    low, high = driver_range(linkage, joint)
    apart = []
    for value in (low, high):
        linkage.put({joint: value})
        apart.append(separation(linkage, fingers))
    if abs(apart[0] - apart[1]) < 1e-4:
        raise GripperError(f"joint '{joint}' moves the fingers neither together nor apart")
    return (low, high) if apart[1] > apart[0] else (high, low)


def pad_points(linkage: Linkage, fingers: Sequence[str], tcp: Array, stroke: float) -> list[Array]:
    """(3,) the middle of each finger's pad, finger frame, m: half the stroke off the open hand's tool point.

    The hand must be open. The finger that is on the +y side gets the point on that side.
    """
    ys = [linkage.inner(f)[1] for f in fingers]
    sides = [1.0, -1.0] if ys[0] >= ys[1] else [-1.0, 1.0]
    return [linkage.in_body(f, np.add(tcp, [0, side * stroke / 2, 0])) for f, side in zip(fingers, sides, strict=True)]


def measure(
    spec: mujoco.MjSpec, base: str, fingers: Sequence[str], joints: Sequence[str], tcp: Sequence[float], stroke: float
) -> Postures:
    """Measure a hand from its open end to where its pads meet.

    The point of each finger that lies half the stroke off the open hand's tool point is its pad's middle: the opening
    is their distance along the closing direction, the tool point is midway between them.

    Args:
        spec: the hand; its driven joints are coupled.
        base, fingers, joints, tcp, stroke: as the gripper's file says them.

    Raises:
        GripperError: it has no such motion.
    """
    linkage = Linkage(spec, base)
    closed, opened = open_end(linkage, joints[0], fingers)
    linkage.put({joints[0]: opened})
    side = 1.0 if linkage.inner(fingers[0])[1] >= linkage.inner(fingers[1])[1] else -1.0
    points = pad_points(linkage, fingers, tcp, stroke)
    width, positions, tool = np.zeros(SAMPLES), np.zeros((SAMPLES, len(linkage.joints))), np.zeros((SAMPLES, 3))
    for i, value in enumerate(np.linspace(opened, closed, SAMPLES)):
        linkage.put({joints[0]: float(value)})
        a, b = (linkage.in_base(f, p) for f, p in zip(fingers, points, strict=True))
        width[i], tool[i], positions[i] = side * (a[1] - b[1]), (a + b) / 2, linkage.positions()
    if (np.diff(width) >= 0).any():
        raise GripperError(
            f"joint '{joints[0]}' does not close the hand all the way from its open end to its other one"
        )
    width, positions, tool = width[::-1], positions[::-1], tool[::-1]
    if width[0] < 0:  # what lies beyond closed is cut off
        first = int(np.searchsorted(width, 0.0))
        share = -width[first - 1] / (width[first] - width[first - 1])
        width = np.concatenate([[0.0], width[first:]])
        positions, tool = (
            np.concatenate([[x[first - 1] + share * (x[first] - x[first - 1])], x[first:]]) for x in (positions, tool)
        )
    moves = bool(np.ptp(tool, axis=0).max() > 1e-6)
    drivers = tuple(linkage.joints.index(j) for j in joints)
    slides = (linkage.model.jnt_type == int(mujoco.mjtJoint.mjJNT_SLIDE)).all()
    summed = bool(
        slides and len(linkage.joints) == len(joints) == 2 and np.allclose(positions.sum(axis=1), width, atol=1e-9)
    )
    return Postures(linkage.joints, drivers, width, positions, tool, moves, summed)
