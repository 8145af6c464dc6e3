"""The scripted expert: goes above a planned grasp, down its approach, closes, lifts; looks, and tries again."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from graspgen.demos.alike import alike
from graspgen.demos.labels import Labels
from graspgen.demos.plan import APPROACH, Plan, Planner, object_poses
from graspgen.demos.steer import reachable, steer
from graspgen.env.task import GraspTask
from graspgen.frames import Array, rotation_angle
from graspgen.grasps.scene_path import Stage, hand_path

#: The hand is there within this, m and rad.
THERE, TURNED = 0.003, 0.03
#: And cups, which reach no further than a lip is drawn.
LAID, LEVEL = 0.0007, 0.01
#: And above it, where it need not be exact.
ABOVE = 0.02
#: A hand that closes within this of the planned grasp may go on, m; one is open from this share of its stroke on.
NEAR, OPEN = 0.01, 0.95
#: Control steps after which it chooses anew what to grasp, from where another has turned the hand to.
AFRESH = 8
#: Control steps that it waits to get to where it is told, and for a close.
PATIENCE, CLOSING = 15, 40
#: And for a multi-finger hand's, whose squeeze may go on for long; the judge ends it before.
SQUEEZING = 120
#: A hand that moves and turns by less than this in each of so many control steps, and is not where it was to go, is
#: blocked, m, rad.
STILL, UNTURNED, BLOCKED = 0.0005, 0.005, 10


class Doing(IntEnum):
    """What the expert does."""

    OVER = 0
    """Goes high, to above the approach."""
    APPROACH = 1
    """Goes down to the grasp."""
    CLOSE = 2
    LIFT = 3
    RETREAT = 4
    """Opens and goes up, to try again."""


@dataclass
class Expert:
    """Plays an episode of a task that lifts one object.

    Attributes:
        task: reset before.
        labels: of the scene's grasps.
        central: whether it prefers grasps that can be told from the state (`Planner`).
        plan: that it follows, None where it knows none.
        doing: what it does.
        attempts: grasps that it has begun to follow.
    """

    task: GraspTask
    labels: Labels
    central: bool = False
    plan: Plan | None = None
    doing: Doing = Doing.OVER
    attempts: int = 0
    _steps: int = 0
    _x_lift: Array = field(default_factory=lambda: np.zeros(3))
    _wait: int = 0
    _blocked: int = 0
    _was: tuple[Array, Array] = field(default_factory=lambda: (np.full(3, np.inf), np.eye(3)))

    def __post_init__(self) -> None:
        task, hand = self.task, self.task.gripper
        self._planner = Planner(task, self.labels, self.central)
        self._turns = alike(hand)
        self._closing = SQUEEZING if hand.fingered else CLOSING
        self._near = (LAID, LEVEL) if hand.suction else (THERE, TURNED)
        # What starts abruptly is pulled off a cup: all but jaws lift as trials do, evenly accelerated.
        path = hand_path(task.profile, APPROACH, False, np.zeros(6))
        self._lift = path.lift[:: path.chunk, 0] if hand.suction or hand.fingered else None
        self._high = float(self.task.moment.x[0, 2])
        self._think()

    def act(self) -> NDArray[np.float32]:
        """Return the next action."""
        task = self.task
        if self.plan is not None:
            self._advance()
        if self.plan is None:
            return np.zeros(task.action_size, np.float32)
        self._steps += 1
        carried = task.place.belt
        T, x, _ = self._goal()
        if self.doing is Doing.OVER:
            return steer(task, *self._over(T, x), 1.0, carried)
        if self.doing is Doing.APPROACH:
            return steer(task, T[:3, 3], T[:3, :3], 1.0, carried)
        if self.doing is Doing.CLOSE:
            return steer(task, task.told[0][0], task.told[1][0], -1.0, carried)
        rise = self._steps * task.limits.step
        if self.doing is Doing.LIFT and self._lift is not None:
            rise = self._lift[min(self._steps, len(self._lift) - 1)]
        up = self._x_lift + rise * np.array([0.0, 0.0, 1.0])
        if self.doing is Doing.LIFT:
            return steer(task, up, task.told[1][0], -1.0, carried)
        return steer(task, up, task.told[1][0], 1.0, carried)

    def _goal(self) -> tuple[Array, Array, Array]:
        """(4, 4) where the hand grasps what it plans to, as that lies now; where the hand is, and how turned."""
        task = self.task
        T = object_poses(task)[self.plan.target] @ self.plan.T_object_tool
        T[:3, 3] += task.offset
        T[:3, :3] = reachable(task.spec.action_mode, T[:3, :3], task.moment.R[0], self._turns)
        return T, task.moment.x[0] + task.offset, task.moment.R[0]

    def _over(self, T: Array, x: Array) -> tuple[Array, Array]:
        """Where to go next on the way to the start of the approach: across at a height above everything, then down."""
        start = T[:3, 3] - APPROACH * T[:3, 2]
        far = float(np.linalg.norm((start - x)[:2]))
        turn = float(rotation_angle((self.task.moment.R[0].T @ T[:3, :3])[None])[0])
        if far > ABOVE or turn > 0.3:
            # Lower than it started only as far as the way and the turn that are left take anyway.
            start = start.copy()
            start[2] = max(start[2], self._high)
        return start, T[:3, :3]

    def _advance(self) -> None:
        task = self.task
        judge, stage = task.judge, int(task.judge.stage[0])
        T, x, R = self._goal()
        if self.central and self._driven(T, x, stage):
            return
        if self.doing in (Doing.OVER, Doing.APPROACH):
            goal = T[:3, 3] - (APPROACH * T[:3, 2] if self.doing is Doing.OVER else 0.0)
            near, level = self._near if self.doing is Doing.APPROACH else (THERE, TURNED)
            there = np.linalg.norm(goal - x) < near
            there &= rotation_angle((R.T @ T[:3, :3])[None])[0] < level
            told = np.linalg.norm(goal - task.told[0][0]) < 1e-6 + np.linalg.norm(task.place.belt) * task.period
            waited = told and self._steps > PATIENCE
            if not told and self._is_blocked(x, R):
                self._do(Doing.RETREAT)
                return
            if there or (waited and self._wait > PATIENCE):
                self._do(Doing.APPROACH if self.doing is Doing.OVER else Doing.CLOSE)
            self._wait = self._wait + 1 if told else 0
        elif self.doing is Doing.CLOSE:
            if judge.held[0]:
                self._do(Doing.LIFT)
            elif stage == Stage.ENDED or self._steps > self._closing:
                self._do(Doing.RETREAT)
        elif self.doing is Doing.LIFT:
            if not judge.held[0] and not task.success:
                self._do(Doing.RETREAT)
        elif (
            x[2] >= min(self._high, task.limits.high[2]) - THERE
            or self._steps > CLOSING
            # What it does next is to be told from the state: from where it opened, not from where it has been.
            or (self.central and task.moment.opening[0] > OPEN * task.gripper.file.stroke)
        ):
            self._think()

    def _is_blocked(self, x: Array, R: Array) -> bool:
        """Whether the hand has stood still on its way for a while: something is in it, and it is pressed no harder.

        Nothing tells this from a single state, so an expert that others learn from does not look.
        """
        still = np.linalg.norm(x - self._was[0]) < STILL
        still = still and rotation_angle((self._was[1].T @ R)[None])[0] < UNTURNED
        self._was = x.copy(), R.copy()
        self._blocked = self._blocked + 1 if still and not self.central else 0
        return self._blocked >= BLOCKED

    def _driven(self, T: Array, x: Array, stage: int) -> bool:
        """Go on from where another has driven the hand to, and return whether that is elsewhere than it had planned.

        Who learns from it sees how things are, not what it did before.
        """
        off = float(np.linalg.norm(T[:3, 3] - x))
        if self.doing is Doing.OVER and self.plan.key < 0 and self._steps % AFRESH == AFRESH - 1:
            self.plan = self._planner.best() or self.plan
        if self.doing in (Doing.OVER, Doing.APPROACH):
            if self.task.judge.held[0]:
                self._do(Doing.LIFT)
            elif stage == Stage.ENDED and self.task.moment.opening[0] < OPEN * self.task.gripper.file.stroke:
                self._do(Doing.RETREAT)
            elif stage == Stage.CLOSE and off < NEAR:
                self._do(Doing.CLOSE)
            elif self.doing is Doing.APPROACH and off > 2 * APPROACH:
                self._do(Doing.OVER)
            else:
                return False
            return True
        if self.doing is Doing.CLOSE and stage != Stage.CLOSE and not self.task.judge.held[0]:
            if off > NEAR and self._steps > 2:
                self._do(Doing.APPROACH)
                return True
            # Nobody closes: that is no failure yet.
            self._steps = min(self._steps, CLOSING - 1) if stage != Stage.ENDED else self._steps
        return False

    def _do(self, doing: Doing) -> None:
        self.doing, self._steps, self._wait, self._blocked = doing, 0, 0, 0
        self._x_lift = self.task.told[0][0].copy()

    def _think(self) -> None:
        """Plan anew, from how things lie now."""
        self.plan = self._planner.best()
        self.attempts += self.plan is not None
        self._do(Doing.OVER)
