"""Name what the hand of an in-scene trial touches first."""

from __future__ import annotations

import mujoco
import numpy as np

from graspgen.frames import Array
from graspgen.grasps.scene_model import SceneModel


def first_touch(scene: SceneModel, state: Array, control: Array) -> int | None:
    """Step a trial until its hand is inside anything, and name what it is.

    Args:
        scene: the trial model.
        state: the trial's state vector before the first step (`mjSTATE_INTEGRATION`).
        control: (steps, nu) controls of the steps that lead to the touch; none where it is there already.

    Returns:
        The instance id of what the hand is deepest in, 0 for the support, or None where it touches only itself.
    """
    model, data = scene.model, mujoco.MjData(scene.model)
    mujoco.mj_setState(model, data, state, int(mujoco.mjtState.mjSTATE_INTEGRATION))
    for row in control:
        data.ctrl[:] = row
        mujoco.mj_step(model, data)
    mujoco.mj_forward(model, data)
    owner = scene.instance[model.geom_bodyid[data.contact.geom]].reshape(-1, 2)
    hand = owner == -1
    mine = np.flatnonzero(hand.any(axis=1) & ~hand.all(axis=1) & (data.contact.dist < 0))
    if not len(mine):
        return None
    deepest = mine[np.argmin(data.contact.dist[mine])]
    return int(owner[deepest][~hand[deepest]][0])
