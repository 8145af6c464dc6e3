"""One simulation on one MjData, with the face of a `mujoco.batch.Batch` of one, so that what measures trials fits."""

from __future__ import annotations

import mujoco
import numpy as np
from mujoco.batch import Batch
from numpy.typing import NDArray

from graspgen.frames import Array

_STATE = int(mujoco.mjtState.mjSTATE_INTEGRATION)
_NO_STAGE = int(mujoco.mjtStage.mjSTAGE_NONE)


class Simulation:
    """A model and its data.

    A batch keeps the state of many simulations as rows; its sleeping objects cannot be put back asleep. A whole MjData
    can be copied and restored to the last bit.

    Args:
        model: it is this simulation's own: frictions and targets of sensors are written into it.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        self.model, self.data = model, mujoco.MjData(model)
        self.qpos, self.qvel, self.act = self.data.qpos[None], self.data.qvel[None], self.data.act[None]
        self.mocap_pos, self.mocap_quat = self.data.mocap_pos[None], self.data.mocap_quat[None]
        self._ctrl, self._sensors = self.data.ctrl, self.data.sensordata
        self._batch: Batch | None = None
        self._new, self._alone = True, False

    def bind(self, name: str) -> NDArray:
        """Return a live (1, …) array of the data."""
        return getattr(self.data, name)[None]

    def expand(self, name: str) -> NDArray:
        """Return a live (1, …) array of the model."""
        return getattr(self.model, name)[None]

    @property
    def warning(self) -> NDArray[np.int64]:
        """(1, warnings, 2) nothing, and the number of each warning."""
        number = self.data.warning.number
        told = np.zeros((1, len(number), 2), np.int64)
        told[0, :, 1] = number
        return told

    def reset(self) -> None:
        """Go back to the model's own state; what is asleep at its start sleeps again."""
        mujoco.mj_resetData(self.model, self.data)
        self._new, self._alone = True, True

    def state(self) -> Array:
        """Return the integration state, for those who make the same steps again from here."""
        state = np.empty(mujoco.mj_stateSize(self.model, _STATE))
        mujoco.mj_getState(self.model, self.data, state, _STATE)
        return state

    def rollout(self, control: Array) -> Array:
        """Step once for each row of (steps, nu) controls.

        Returns:
            (steps, sensors) what the sensors said of the state before each step.
        """
        self._alone = False
        model, data, ctrl, sensors, step = self.model, self.data, self._ctrl, self._sensors, mujoco.mj_step
        seen = np.empty((len(control), len(sensors)))
        for row, out in zip(control, seen, strict=True):
            ctrl[:] = row
            step(model, data)
            out[:] = sensors
        return seen

    def rollout_alone(self, control: Array) -> Array:
        """Do as `rollout` does, to the last bit, in one call that lets other Python threads run meanwhile.

        A batch of one, on this very model, takes these steps beside the data and hands back all of it. It knows what
        sleeps only by having stepped the whole episode, so after a call of `rollout`, or a warning of MuJoCo's, which
        would stop a batch, the rest of the episode is left to `rollout`.
        """
        if not self._alone:
            return self.rollout(control)
        if self._batch is None:
            self._batch = Batch(self.model, 1, 1, persistent=True)
        batch = self._batch
        batch.set_models(self.model)  # anew: frictions and sensors' targets change, and it only reads them here
        if self._new:
            batch.reset(stage=_NO_STAGE)
            self._new = False
        mujoco.mj_getState(self.model, self.data, batch.state[0], _STATE)
        before = batch.warning[0, :, 1].sum()
        seen = batch.rollout(len(control), control[None], record=("sensordata",))["sensordata"][0]
        if batch.warning[0, :, 1].sum() != before:
            return self.rollout(control)
        batch.get_data(0, self.data)
        return seen
