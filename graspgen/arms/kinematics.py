"""Where an arm's tool is, and which joints put it somewhere: differential inverse kinematics by mink.

mink (Apache-2.0, `pip install 'graspgen[arm]'`) solves one quadratic program a step: the joints' steps that bring the
tool nearest to its target, within the limits of positions and velocities.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.arms.arm import Arm
from graspgen.arms.errors import ArmError
from graspgen.frames import Array, matrix_to_quat, pose

_TOOL, _SOLVER = "tool", "daqp"
#: The tool is there when it is this near, m and rad.
NEAR, NEAR_ANGLE = 1e-4, 1e-3
#: Steps of a search from one start, and starts besides home.
_STEPS, _STARTS = 60, 23
#: Iterations of a control step.
_REFINEMENTS = 3
#: How strongly free joints are drawn home, against 1 for a metre or a radian of the tool; and by which share a step.
_POSTURE, _DRIFT = 1e-3, 0.02


class Kinematics:
    """An arm that stands somewhere, with a tool on its flange.

    Attributes:
        low, high: (n,) limits of the joints, rad.

    Args:
        arm: it.
        T_world_base: (4, 4) pose of its base.
        T_flange_tool: (4, 4) pose of the tool.

    Raises:
        ArmError: mink is not installed.
    """

    def __init__(self, arm: Arm, T_world_base: Array, T_flange_tool: Array) -> None:
        self._mink = _mink()
        self.arm = arm
        self.low, self.high = arm.model.range.T.copy()
        self._home = np.array(arm.home, float)
        spec = arm.model.bare()
        T = arm.model.T_body_flange @ T_flange_tool
        spec.body(arm.model.flange).add_site(name=_TOOL, pos=T[:3, 3], quat=matrix_to_quat(T[:3, :3]))
        base = spec.body(arm.model.base)
        T = T_world_base @ pose(_matrix(base.quat))
        base.pos, base.quat = T[:3, 3], matrix_to_quat(T[:3, :3])
        self.model = spec.compile()
        self._data, self._site = mujoco.MjData(self.model), int(self.model.site(_TOOL).id)
        order = [int(self.model.joint(name).qposadr[0]) for name in arm.model.joints]
        if order != list(range(self.model.nq)):
            raise ArmError(f"arm {arm.name}: its joints are not in the order of its chain")
        mink = self._mink
        self._configuration = mink.Configuration(self.model)
        self._tool = mink.FrameTask(_TOOL, "site", 1.0, 1.0, lm_damping=1e-3)
        self._posture = mink.PostureTask(self.model, _POSTURE, gain=_DRIFT)
        self._posture.set_target(self._home)
        self._within = mink.ConfigurationLimit(self.model)
        speeds = dict(zip(arm.model.joints, arm.speed, strict=True))
        self._speed, self._slow = np.array(arm.speed), mink.VelocityLimit(self.model, speeds)

    def tool(self, q: Array) -> tuple[Array, Array]:
        """(3,) m and (3, 3): where the tool is with (n,) joints, rad, world frame."""
        self._data.qpos[:] = q
        mujoco.mj_kinematics(self.model, self._data)
        return self._data.site_xpos[self._site].copy(), self._data.site_xmat[self._site].reshape(3, 3).copy()

    def rates(self, q: Array, qvel: Array) -> tuple[Array, Array]:
        """(3,) m/s of the tool and (3,) rad/s, world axes, with joints' rates (n,), rad/s."""
        self._data.qpos[:] = q
        mujoco.mj_kinematics(self.model, self._data)
        mujoco.mj_comPos(self.model, self._data)
        J = np.empty((2, 3, self.model.nv))
        mujoco.mj_jacSite(self.model, self._data, J[0], J[1], self._site)
        v, w = J @ qvel
        return v, w

    def toward(self, q: Array, x: Array, R: Array, period: float) -> Array:
        """Return the (n,) joints, rad, that bring the tool nearest to a pose within a period.

        Args:
            q: (n,) where they begin, rad.
            x, R: (3,) m and (3, 3), the pose, world frame.
            period: s; no joint moves farther than its speed allows.
        """
        now = self._configuration
        now.update(q)
        self._aim(x, R)
        limits = [self._within, self._slow]
        for _ in range(_REFINEMENTS):
            now.integrate_inplace(self._solve(period, limits), period)
            if self._is_there(NEAR / 10, NEAR_ANGLE / 10):
                break
        step = now.q - q
        share = np.max(np.abs(step) / (self._speed * period), initial=1.0)
        return np.clip(q + step / share, self.low, self.high)

    def reach(self, x: Array, R: Array) -> Iterator[Array]:
        """Yield (n,) joints, rad, that put the tool at a pose, (3,) m and (3, 3), world frame; the most natural first.

        Searches from home, then from a fixed sequence of other starts (Halton's); none where it finds none.
        """
        now, found = self._configuration, []
        for start in self._starts():
            now.update(start)
            self._aim(x, R)
            for _ in range(_STEPS):
                now.integrate_inplace(self._solve(1.0, [self._within]), 1.0)
                if self._is_there(NEAR / 10, NEAR_ANGLE / 10):
                    break
            q = self._unwound(now.q)
            if self._is_there(NEAR, NEAR_ANGLE) and all(np.abs(q - other).max() > 0.1 for other in found):
                found.append(q)
                yield q

    def _aim(self, x: Array, R: Array) -> None:
        self._tool.set_target(self._mink.SE3(np.concatenate([matrix_to_quat(R), x])))

    def _solve(self, dt: float, limits: list[Any]) -> NDArray[np.float64]:
        tasks = [self._tool, self._posture]
        try:
            return self._mink.solve_ik(self._configuration, tasks, dt, _SOLVER, damping=1e-9, limits=limits)
        except self._mink.NoSolutionFound:  # a joint is beyond its limit by more than it may move back
            return np.zeros(self.model.nv)

    def _is_there(self, near: float, angle: float) -> bool:
        error = self._tool.compute_error(self._configuration)
        return float(np.linalg.norm(error[:3])) < near and float(np.linalg.norm(error[3:])) < angle

    def _unwound(self, q: Array) -> Array:
        """Return the same posture with full turns taken out, as near to home as the limits allow."""
        near = q - 2 * np.pi * np.round((q - self._home) / (2 * np.pi))
        return np.where((near >= self.low) & (near <= self.high), near, q)

    def _starts(self) -> Iterator[Array]:
        yield self._home
        low, high = np.maximum(self.low, self._home - np.pi), np.minimum(self.high, self._home + np.pi)
        for i in range(1, _STARTS + 1):
            yield low + (high - low) * np.array([_halton(i, p) for p in _PRIMES[: len(low)]])


_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29)


def _halton(i: int, base: int) -> float:
    """Return the i-th number of van der Corput's sequence in a base (Halton, 1960)."""
    value, share = 0.0, 1.0
    while i:
        share /= base
        value += share * (i % base)
        i //= base
    return value


def _matrix(quat: Any) -> Array:
    R = np.empty(9)
    mujoco.mju_quat2Mat(R, np.array(quat, float))
    return R.reshape(3, 3)


def _mink() -> Any:
    try:
        import mink
    except ImportError:
        raise ArmError("an arm needs mink for inverse kinematics: pip install 'graspgen[arm]'") from None
    return mink
