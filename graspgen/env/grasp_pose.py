"""The one-step task: an action is a whole grasp, judged by the very trial that labels grasps in scenes."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from graspgen.env.actions import HOME, rotation_vector, turn
from graspgen.env.errors import EnvError
from graspgen.env.gym_face import GraspEnv
from graspgen.env.task import Step
from graspgen.frames import Array, pose
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.scene_trial import run_trials
from graspgen.pipeline.scene_api import grip_widths, nearest_objects

#: Half-sides along x and y, and height, m, of the box of tool points that actions can name.
BOX = (0.3, 0.3, 0.3)

#: How far a trial that ended so has come: the dense reward.
_PROGRESS = {
    Outcome.SUCCESS: 1.0,
    Outcome.LIFTED_NEIGHBOUR: 0.8,
    Outcome.ROTATED: 0.7,
    Outcome.SLIPPED: 0.7,
    Outcome.BLOCKED: 0.6,
    Outcome.DROPPED: 0.5,
    Outcome.PEELED: 0.5,
    Outcome.ONE_FINGER: 0.3,
    Outcome.NO_SEAL: 0.2,
    Outcome.NO_CONTACT: 0.1,
}


class GraspPoseEnv(GraspEnv):
    """Task Description: name one grasp; the episode is over.

    An action is (x, y, z, a, b, c, w) in −1…1: the tool point in a box of ±0.3 m, ±0.3 m and 0…0.3 m about the origin
    (on a belt: about where the objects are at that moment); a rotation vector in units of π, by which the hand is
    turned from pointing straight down, closing along the world's y (its own axes); the opening, from 0 to the stroke.

    Randomizations, Success Conditions: as the in-scene trials that label grasps, of the object that the tool point is
    in, or nearest to. Sparse reward: 1 for success, else 0. Dense, normalised or not: how far the trial has come, 0…1.
    """

    def __init__(self, **settings: Any) -> None:
        if settings.get("arm") is not None:
            raise EnvError("the trials of GraspPose-v0 are of a floating hand; leave out arm=…")
        super().__init__(**settings)
        self.action_space = spaces.Box(-1.0, 1.0, (7,), np.float32)

    def action_of(self, T_world_grasp: ArrayLike, width: float) -> NDArray[np.float32]:
        """Return the (7,) action that names a grasp.

        Args:
            T_world_grasp: (4, 4) grasp frame in the world: z approach, y closing, origin at the tool point.
            width: opening before closing, m.

        Raises:
            EnvError: the tool point is outside the box, or the opening not within the stroke.
        """
        T = np.asarray(T_world_grasp, float)
        x = (T[:3, 3] - self._middle()) / [BOX[0], BOX[1], BOX[2] / 2]
        turned = rotation_vector((HOME.T @ T[:3, :3])[None])[0] / np.pi
        stroke = self.grasping.gripper.file.stroke  # 0 of suction, whose last number says nothing
        action = np.array([*x, *turned, 2 * width / stroke - 1 if stroke else 0.0])
        if np.abs(action).max() > 1 + 1e-6:
            raise EnvError(f"no action names this grasp: {action.round(3).tolist()} is not within -1…1")
        return np.clip(action, -1, 1).astype(np.float32)

    def grasp_of(self, action: ArrayLike) -> tuple[Array, float]:
        """Return the (4, 4) grasp frame in the world, and the opening, m, that a (7,) action names.

        Raises:
            EnvError: the action has the wrong shape or is not finite.
        """
        a = np.asarray(action, float)
        if a.shape != (7,) or not np.isfinite(a).all():
            raise EnvError(f"an action must be 7 finite numbers in -1…1, got {a.tolist()}")
        a = np.clip(a, -1, 1)
        x = self._middle() + a[:3] * [BOX[0], BOX[1], BOX[2] / 2]
        return pose(HOME @ turn(np.pi * a[None, 3:6])[0], x), float((a[6] + 1) / 2 * self.grasping.gripper.file.stroke)

    def step(self, action: ArrayLike) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Try the grasp that the action names."""
        g = self.grasping
        if g.place is None:
            raise EnvError("reset the environment before its first step")
        T, width = self.grasp_of(action)
        T[:3, 3] -= g.offset
        place = g.place
        number = int(np.searchsorted(place.ids, nearest_objects(place.settled, T[None, :3, 3])[0]))
        opening = np.array([0.0 if g.gripper.suction else max(width, 1e-4)])
        grip = grip_widths(place.settled, g.gripper, place.ids[[number]], T[None], opening)
        spec = g.recipe.grasps
        results = run_trials(
            place.settled, place.scene, g.gripper, g.profile, np.array([number]), T[None], opening, grip,
            approach=spec.approach, shake=spec.in_scene.shake, threads=1, record=None,
            friction=place.physics.friction,
        )  # fmt: skip
        outcome = Outcome(int(results["outcome"][0]))
        g.settle_attempt(number, outcome, int(results["first_touch"][0]))
        success = outcome == Outcome.SUCCESS
        reward = float(success) if g.spec.reward_mode == "sparse" else _PROGRESS.get(outcome, 0.0)
        return self._told(Step(reward, True, success))

    def _middle(self) -> Array:
        return self.grasping.offset + np.array([0.0, 0.0, BOX[2] / 2])
