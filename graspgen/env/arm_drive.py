"""An arm drives the hand: joint actions, or the tool's, through inverse kinematics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.arms.kinematics import NEAR, NEAR_ANGLE, Kinematics
from graspgen.arms.mount import Mounted
from graspgen.env.actions import NAMES, Limits, commanded
from graspgen.env.errors import EnvError
from graspgen.env.moment import Moment
from graspgen.env.scenes import Place
from graspgen.frames import Array, rotation_angle
from graspgen.grasps.scene_measures import SceneMeasures
from graspgen.grippers.gripper import Gripper

#: Modes of actions that name joints.
JOINT_MODES = ("joint_delta", "joint_position")
#: A joint is told to move at most so fast by these, rad/s, and to be at most so far from where it is, rad.
JOINT_SPEED, JOINT_LEASH = 1.0, 0.2


class Arms:
    """Drives hands by arms, one after the other (`graspgen.env.drive.Driver`).

    Args:
        carrier: the arm, where it stands.
        gripper: the hand.
        mode: of actions: one of `JOINT_MODES`, or of `graspgen.env.actions.NAMES`.
        n: how many.

    Raises:
        ArmError: mink is not installed.
    """

    def __init__(self, carrier: Mounted, gripper: Gripper, mode: str, n: int) -> None:
        self.kinematics = Kinematics(carrier.arm, carrier.T_world_base, gripper.T_base_tcp)
        self.joints = len(carrier.joints)
        self.action_size = self.joints + 1 if mode in JOINT_MODES else len(NAMES[mode])
        self._arms = [_Arm(carrier, gripper, mode, self.kinematics) for _ in range(n)]
        self._entered: set[int] = set()
        self.told = np.zeros((n, 3)), np.tile(np.eye(3), (n, 1, 1))

    def enter(self, i: int, place: Place, target: int, T: Array, local: Array, width: float) -> SceneMeasures:
        """Put the tool point at its start, by joints with which the arm touches nothing, where there are some.

        Raises:
            EnvError: the arm does not reach it, or would stand in a moving frame.
        """
        state = self._arms[i].enter(place, target, T, width)
        self._note(i)
        return state

    def again(self, i: int, place: Place, target: int) -> SceneMeasures:
        """Return what measures a hand."""
        self._entered.add(i)
        return self._arms[i].again(place, target)

    def watched(self, i: int) -> list[tuple[NDArray, NDArray]]:
        """Return nothing: joints are looked up where they are needed."""
        return []

    def rates(self, R: Array) -> tuple[Array, Array]:
        """Turn the joints' rates into the tools'."""
        found = np.zeros((2, len(R), 3))
        for i in self._entered:
            found[:, i] = self._arms[i].rates()
        return found[0], found[1]

    def control(
        self, out: Array, going: Sequence[int], action: Array, now: Moment, frames: tuple[Array, Array], limits: Limits
    ) -> None:
        """Move the servos' targets evenly from where the joints were told to be to where they are to be."""
        for i in going:
            own = replace(limits, low=limits.low[i], high=limits.high[i])
            self._arms[i].control(out[i], action[i : i + 1], (now.x[i : i + 1] + frames[0][i], now.R[i : i + 1]), own)
            self._note(i)

    def posture(self) -> NDArray[np.float64]:
        """(n, 2 joints) where the joints are, rad, and their rates, rad/s."""
        return np.array([arm.posture() for arm in self._arms])

    def saved(self, i: int) -> Any:
        """Return where joints and hand were told to be."""
        return self._arms[i].saved()

    def put_back(self, i: int, saved: Any) -> None:
        """Go on from there."""
        self._arms[i].put_back(saved)
        self._note(i)

    def _note(self, i: int) -> None:
        self._entered.add(i)
        self.told[0][i], self.told[1][i] = self._arms[i].told[0][0], self._arms[i].told[1][0]


class _Arm:
    """One of them."""

    def __init__(self, carrier: Mounted, gripper: Gripper, mode: str, kinematics: Kinematics) -> None:
        self._carrier, self._gripper, self._mode, self.kinematics = carrier, gripper, mode, kinematics
        self._speed = np.minimum(JOINT_SPEED, carrier.arm.speed)
        self._place: Place | None = None

    def enter(self, place: Place, target: int, T: Array, width: float) -> SceneMeasures:
        if place.belt.any():
            raise EnvError("an arm cannot be simulated in the frame of a moving belt; leave out arm=… for this recipe")
        state = self.again(place, target, width)
        best = None
        for q in self.kinematics.reach(T[:3, 3], T[:3, :3]):
            hits = self._hits(place, state, q)
            if best is None or hits < best[0]:
                best = hits, q
            if not hits:
                break
        if best is None:
            x, y, z = T[:3, 3]
            raise EnvError(
                f"the arm {self._carrier.arm.name} cannot put the tool point at x {x:.3f}, y {y:.3f}, z {z:.3f} m, "
                "turned so; start within its reach, or move it by arm_base=…"
            )
        self._q = best[1]
        place.sim.qpos[0, self._at] = self._q
        self.told = self._tool()
        return state

    def again(self, place: Place, target: int, width: float = 0.0) -> SceneMeasures:
        self._place, model = place, place.scene.model
        joints = [model.joint(name) for name in self._carrier.joints]
        self._at, self._rate = [int(j.qposadr[0]) for j in joints], [int(j.dofadr[0]) for j in joints]
        self._servos, self._lead = [int(model.actuator(s).id) for s in self._carrier.servos], place.scene.lead
        return SceneMeasures(
            place.scene, place.sim, self._gripper, target=np.array([target]), friction=place.physics.friction[[target]],
            com=place.com, width=np.array([width]),
        )  # fmt: skip

    def rates(self) -> tuple[Array, Array]:
        sim = self._place.sim
        return self.kinematics.rates(sim.qpos[0, self._at], sim.qvel[0, self._rate])

    def control(self, out: Array, action: Array, hand: tuple[Array, Array], limits: Limits) -> None:
        k, old, period = self.kinematics, self._q, limits.period
        if self._mode in JOINT_MODES:
            step, numbers = self._speed * period, action[0, :-1]
            if self._mode == "joint_delta":
                new = old + numbers * step
            else:
                middle, half = (k.low + k.high) / 2, (k.high - k.low) / 2
                new = old + np.clip(middle + numbers * half - old, -step, step)
            here = self._place.sim.qpos[0, self._at]
            new = here + np.clip(new - here, -JOINT_LEASH, JOINT_LEASH)
            self._q = np.clip(new, k.low, k.high)
            self.told = self._tool()
        else:
            x, R, _ = commanded(self._mode, action, self.told, hand, limits)
            self._q = k.toward(old, x[0], R[0], period)
            x_there, R_there = self._tool()
            off, turned = np.linalg.norm(x_there - x), rotation_angle(R_there.swapaxes(1, 2) @ R)[0]
            # What cannot be reached does not add up.
            self.told = (x, R) if off < NEAR and turned < NEAR_ANGLE else (x_there, R_there)
        share = np.arange(1, len(out) + 1)[:, None] / len(out)
        out[:, self._servos] = old + self._lead * (self._q - old) / period + share * (self._q - old)

    def posture(self) -> NDArray[np.float64]:
        sim = self._place.sim
        return np.concatenate([sim.qpos[0, self._at], sim.qvel[0, self._rate]])

    def saved(self) -> Any:
        return self.told, self._q.copy()

    def put_back(self, saved: Any) -> None:
        self.told, self._q = saved[0], saved[1].copy()

    def _tool(self) -> tuple[Array, Array]:
        x, R = self.kinematics.tool(self._q)
        return x[None], R[None]

    def _hits(self, place: Place, state: SceneMeasures, q: Array) -> int:
        """Return how many contacts arm and hand would have with these joints, but for those between fingers."""
        model, data = place.scene.model, mujoco.MjData(place.scene.model)
        data.qpos[:] = place.sim.qpos[0]
        data.qpos[self._at] = q
        mujoco.mj_kinematics(model, data)
        mujoco.mj_collision(model, data)
        inside = data.contact.geom[data.contact.dist < 0]
        owner = place.scene.instance[model.geom_bodyid[inside]].reshape(-1, 2) == -1
        hand = np.isin(inside, place.scene.hand_geoms).all(axis=1)
        return int((owner.any(axis=1) & ~hand).sum())
