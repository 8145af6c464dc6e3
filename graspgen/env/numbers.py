"""What agents are told in numbers, put together in one table with a row for each of n hands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graspgen.env.moment import Moment
from graspgen.env.observe import AGENT, EPISODE, OBJECT, agent_bounds, environment_bounds
from graspgen.env.sums import sum_of_squares
from graspgen.frames import Array

#: A sum of squares below this holds no number that single precision has no room for, and none that is not finite.
_SURELY_FINITE = 1e30


class Numbers:
    """Writes `agent_pos` and `environment_state` (`graspgen.env.observe`) of n hands.

    The table and views of its columns are made once; only copies of it are given away.

    Args:
        half: (n, k, 3) half-sizes of the objects' boxes, m; −∞ where there is no object; `enter` reads it.
        rows: of objects that are told.
        joints: of the arms.
    """

    def __init__(self, half: Array, rows: int, joints: int) -> None:
        n, self._k, self._half = len(half), min(half.shape[1], rows), half
        self._agent = agent = len(AGENT) + 2 * joints
        most = np.concatenate([agent_bounds(joints), environment_bounds(rows)]).astype(float)
        self._low, self._high = -most, most
        self._table = table = np.zeros((n, len(most)))
        self._hand = [table[:, a:b] for a, b in ((0, 3), (3, 7), (7, 10), (10, 13), (15, 17), (17, agent))]
        self._fingers = table[:, 13], table[:, 14]
        at = agent + len(EPISODE)
        self._episode = table[:, agent], table[:, agent + 1]
        own = table[:, at : at + self._k * len(OBJECT)].reshape(n, self._k, len(OBJECT), copy=False)
        self._own = own
        self._target, self._way, self._speed = own[..., 1], own[..., 2:5], own[..., 11:14]
        self._columns = own[..., 5:8], own[..., 8:11]
        self._each, self._absent = np.arange(self._k), np.zeros((n, self._k), bool)
        self._all_there = False

    def enter(self, i: int) -> None:
        """Take note of what does not change in the place of a hand."""
        half = self._half[i, : self._k]
        there = half[:, 0] >= 0
        self._absent[i] = ~there
        self._all_there = not self._absent.any()
        self._own[i, :, 0], self._own[i, :, 14:17] = there, np.where(there[:, None], half, 0.0)

    def write(
        self,
        now: Moment,
        episode: tuple[NDArray[np.bool_], NDArray[np.bool_], Array],
        target: NDArray[np.int64],
        frame: tuple[Array, Array],
        posture: Array | None,
    ) -> None:
        """Write how things are.

        Args:
            now: measures of the simulations.
            episode: (n, 2) whether each finger touches the target, (n,) whether it is held, and its rise, m.
            target: (n,) number of the target among the objects, −1 for none.
            frame: (n, 3) m, of the world's frame from the simulation's, and m/s, velocity of the latter.
            posture: (n, 2 joints) angles of the arms' joints, rad, and rates, rad/s; None where there are no arms.
        """
        (touching, held, rise), (offset, belt), k = episode, frame, self._k
        x, quat, v, w, touch, joints = self._hand
        np.add(now.x, offset, out=x)
        quat[...] = now.quat
        np.add(now.v, belt, out=v)
        w[...], touch[...] = now.w, touching
        self._fingers[0][...], self._fingers[1][...] = now.opening, now.rate
        if posture is not None:
            joints[...] = posture
        self._episode[0][...], self._episode[1][...] = held, rise
        self._target[...] = self._each == target[:, None]
        np.subtract(now.centre[:, :k], now.x[:, None], out=self._way)
        R = now.R_object[:, :k]
        self._columns[0][...], self._columns[1][...] = R[..., 0], R[..., 1]
        np.add(now.v_object[:, :k], belt[:, None], out=self._speed)
        if not self._all_there:
            self._own[self._absent] = 0.0

    def agent(self) -> NDArray[np.float32]:
        """(n, 17 + 2 joints) `agent_pos`, as was written last."""
        return self._told(slice(0, self._agent))

    def around(self) -> NDArray[np.float32]:
        """(n, 2 + 17 rows) `environment_state`, as was written last."""
        return self._told(slice(self._agent, None))

    def all(self) -> NDArray[np.float32]:
        """(n, numbers) both, one after the other."""
        return self._told(slice(None))

    def _told(self, of: slice) -> NDArray[np.float32]:
        """Bound numbers; one that is not finite, after a simulation has diverged, is 0."""
        told, low, high = self._table[:, of], self._low[of], self._high[of]
        if not sum_of_squares(told) < _SURELY_FINITE:
            with np.errstate(over="ignore"):
                told = np.nan_to_num(told.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0).astype(float)
        told = np.maximum(told, low)
        return np.minimum(told, high, out=told).astype(np.float32)
