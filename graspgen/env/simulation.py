"""One simulation on one MjData, with the face of a `mujoco.batch.Batch` of one, so that what measures trials fits."""

from __future__ import annotations

import mujoco
import numpy as np
from mujoco.batch import Batch
from numpy.typing import NDArray

from graspgen.frames import Array

_STATE = int(mujoco.mjtState.mjSTATE_INTEGRATION)
_NO_STAGE = int(mujoco.mjtStage.mjSTAGE_NONE)
_SENSORS = ("sensordata",)


class Simulation:
    """A model and its data.

    A batch keeps the state of many simulations as rows; its sleeping objects cannot be put back asleep. A whole MjData
    can be copied and restored to the last bit.

    Attributes:
        model, data: MuJoCo's.
        warned: whether MuJoCo has warned since the last reset: the simulation has diverged, or memory is full.

    Args:
        model: it is this simulation's own: frictions and targets of sensors are written into it.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        self.model, self.data = model, mujoco.MjData(model)
        self.qpos, self.qvel, self.act = self.data.qpos[None], self.data.qvel[None], self.data.act[None]
        self.mocap_pos, self.mocap_quat = self.data.mocap_pos[None], self.data.mocap_quat[None]
        self._ctrl, self._sensors = self.data.ctrl, self.data.sensordata
        self._size = mujoco.mj_stateSize(model, _STATE)
        self._batch: Batch | None = None
        self._new, self._alone, self.warned = True, False, False

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
        self._new, self._alone, self.warned = True, True, False

    def state(self) -> Array:
        """Return the integration state, for those who make the same steps again from here."""
        state = np.empty(self._size)
        mujoco.mj_getState(self.model, self.data, state, _STATE)
        return state

    def saved(self) -> mujoco.MjData:
        """Return a copy of all there is."""
        data = mujoco.MjData(self.model)
        mujoco.mj_copyData(data, self.model, self.data)
        return data

    def restore(self, saved: mujoco.MjData) -> None:
        """Go back to what `saved` returned."""
        mujoco.mj_copyData(self.data, self.model, saved)
        self._alone, self.warned = False, bool(self.data.warning.number.any())

    def rollout(self, control: Array, seen: Array, at_once: bool) -> None:
        """Step once for each row of (steps, nu) controls.

        The steps are made in the data itself, one after the other; or all at once, in a single call that lets other
        Python threads run meanwhile: a batch of one, on this very model, takes them beside the data and hands back all
        of it. A batch knows what sleeps only by having stepped the whole episode, so after a `restore`, or a warning
        of MuJoCo's, which would stop a batch, the rest of the episode is stepped in the data. Both are the same to the
        last bit.

        Args:
            control: of the steps.
            seen: (steps, sensors), contiguous: what the sensors say of the state before each step is written here.
            at_once: whether the steps are to be made in a single call, which takes some 10 µs more.
        """
        if not (at_once and self._alone):
            self._stepped(control, seen)
            return
        batch = self._batch
        if batch is None:
            batch = self._batch = Batch(self.model, 1, 1, persistent=True)
            self._row, self._warnings = batch.state[0], batch.warning[0, :, 1]
        batch.set_models(self.model)  # anew: frictions and sensors' targets change, and it only reads them here
        if self._new:
            batch.reset(stage=_NO_STAGE)
            self._new, self._before = False, self._warnings.tobytes()
        mujoco.mj_getState(self.model, self.data, self._row, _STATE)
        batch.rollout(len(control), control[None], record=_SENSORS, out={"sensordata": seen[None]})
        if self._warnings.tobytes() != self._before:
            self._stepped(control, seen)
        else:
            batch.get_data(0, self.data)

    def _stepped(self, control: Array, seen: Array) -> None:
        self._alone = False
        model, data, ctrl, sensors, step = self.model, self.data, self._ctrl, self._sensors, mujoco.mj_step
        for row, out in zip(control, seen, strict=True):
            ctrl[:] = row
            step(model, data)
            out[:] = sensors
        self.warned = bool(np.count_nonzero(data.warning.number))
