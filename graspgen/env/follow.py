"""Actions that follow a trial: approach, close, lift and hold as the trials that label grasps do it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.env.errors import EnvError
from graspgen.env.task import GraspTask
from graspgen.frames import Array, pose
from graspgen.grasps.scene_path import hand_path


def trial_start(
    task: GraspTask, T_world_grasp: ArrayLike, approach: float = 0.05, grip_width: float | None = None
) -> Array:
    """Return the (4, 4) pose, world frame, at which a trial of a grasp starts: `T_world_tool` of a reset.

    Args:
        task: that is going to be reset.
        T_world_grasp: (4, 4) grasp frame in the world; on a belt, when the episode begins.
        approach: length of the approach, m.
        grip_width: opening where the pads should meet the object, m, whose tool point the grasp frame is; None for the
            open hand's.
    """
    hand = task.gripper
    offset = hand.tool_point(hand.file.stroke if grip_width is None else grip_width) - hand.T_base_tcp[:3, 3]
    return np.asarray(T_world_grasp, float) @ pose(translation=[0.0, 0.0, -approach] - offset)


def trial_actions(task: GraspTask, T_world_grasp: ArrayLike, approach: float = 0.05) -> Iterator[NDArray[np.float32]]:
    """Yield the actions of a trial, control step by control step, to be done as they come; they never end.

    The hand must have been put at `trial_start`. It moves along the trial's own path, goes on to the lift once the task
    judges that the target is held, and tracks what rides on a belt.

    Args:
        task: in the middle of an episode, with an action mode whose first three numbers move along the world's axes.
        T_world_grasp, approach: as of `trial_start`.

    Raises:
        EnvError: the task has another action mode.
    """
    if not task.spec.action_mode.startswith("delta"):
        raise EnvError(f"a trial is followed by delta actions, this task has action_mode={task.spec.action_mode!r}")
    path = hand_path(task.profile, approach, False, np.zeros(6))  # where it is to be; the lead is its driver's
    step, z = task.limits.step, np.asarray(T_world_grasp, float)[:3, 2]
    belt = task.place.belt * task.period
    come = np.diff(path.approach[:: path.chunk, 0])[:, None] * z
    rise = np.diff(path.lift[:: path.chunk, 0])[:, None] * [0.0, 0.0, 1.0]

    def action(way: Array, fingers: float) -> NDArray[np.float32]:
        told = np.zeros(task.action_size, np.float32)
        told[:3], told[-1] = (way + belt) / step, fingers
        return told

    for way in come:
        yield action(way, 0.0)
    while not task.judge.held[0]:
        yield action(np.zeros(3), -1.0)
    for way in rise:
        yield action(way, -1.0)
    while True:
        yield action(np.zeros(3), -1.0)
