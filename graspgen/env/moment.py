"""Where hands and objects of n simulations are at a moment, and how they move: read once, used by all that need it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.env.scenes import Place
from graspgen.env.sums import sum_of_squares
from graspgen.frames import Array
from graspgen.grasps.course import WILD_SPEED
from graspgen.grasps.scene_measures import Motion, motion_in_hand, turned
from graspgen.grasps.scene_stand import HAND
from graspgen.grippers.gripper import Gripper


@dataclass(eq=False, slots=True)
class Moment:
    """Measures of n simulations of up to k objects each, in the frame of each simulation.

    It is a `Meter`'s own and always tells what was read last: what is to outlast the next reading must be copied.

    Where a simulation has fewer objects, they are followed by zeros and unit rotations.

    Attributes:
        x, R, quat: (n, 3) m, (n, 3, 3) and (n, 4): the tool point and the hand.
        v, w: (n, 3) m/s of the tool point, and rad/s of the hand, world axes.
        opening, rate: (n,) m of the fingers, and m/s.
        force: (n,) N, of the grip of a jaw; 0 of other grippers.
        x_object, R_object: (n, k, 3) m and (n, k, 3, 3), frames of the objects.
        v_object: (n, k, 3) m/s of these frames' origins.
        spin_object: (n, k, 3) rad/s of the objects, about their own axes.
        centre: (n, k, 3) m, centres of the objects' boxes.
    """

    x: Array
    R: Array
    quat: Array
    v: Array
    w: Array
    opening: Array
    rate: Array
    force: Array
    x_object: Array
    R_object: Array
    v_object: Array
    spin_object: Array
    centre: Array

    def height(self, rows: NDArray[np.int64], com: Array) -> Array:
        """(m, k) m, how high the points `com`, (n, k, 3) in their frames, of all objects of some simulations are."""
        return self.x_object[rows, :, 2] + (self.R_object[rows, :, 2] * com[rows]).sum(axis=-1)

    def in_hand(self, rows: NDArray[np.int64], number: NDArray[np.int64], com: Array) -> tuple[Array, Array]:
        """Return where an object of each of some simulations is in the hand, as `motion` does."""
        R, to_hand = self.R_object[rows, number], self.R[rows].swapaxes(1, 2)
        return turned(to_hand, self.x_object[rows, number] + turned(R, com) - self.x[rows]), to_hand @ R

    def motion(self, rows: NDArray[np.int64], number: NDArray[np.int64], com: Array, tool: Array) -> Motion:
        """Return how an object of each of some simulations moves in the hand.

        Args:
            rows: (m,) which simulations.
            number: (m,) of the objects.
            com: (m, 3) m, their centres of mass, their frames.
            tool: (m, 3) m, the tool point from the open hand's, hand frame.
        """
        R, R_hand = self.R_object[rows, number], self.R[rows]
        lever = (R @ com[..., None])[..., 0]
        spin = (R @ self.spin_object[rows, number][..., None])[..., 0]
        x, w = self.x_object[rows, number] + lever - self.x[rows], self.w[rows]
        return motion_in_hand(x, lever, R, (self.v_object[rows, number], spin - w), R_hand, (self.v[rows], w), tool)


class Meter:
    """Reads moments of n simulations, each of a place of its own.

    Arrays are made once and written into: making them anew would take longer than what is computed.

    Attributes:
        time: (n,) s, of the simulations when they were last copied.
        moment: what was read last.

    Args:
        gripper: the hand.
        n: of simulations.
        rows: of objects that there is room for.
    """

    def __init__(self, gripper: Gripper, n: int, rows: int) -> None:
        self._gripper = gripper
        self._fingers, self._finger_rates = np.zeros((2, n, len(gripper.joints)))
        # The hand, then the objects: frames, in each of them the point that is asked for, and that point in the world.
        self._origins, self._R = np.zeros((n, 1 + rows, 3)), np.tile(np.eye(3), (n, 1 + rows, 1, 1))
        self._own, self._turned = np.zeros((2, n, 1 + rows, 3, 1))
        self._own[:, 0, :, 0] = gripper.T_base_tcp[:3, 3]
        self._points = np.zeros((n, 1 + rows, 3))
        self._object_rates = np.zeros((n, rows, 6))
        self.time = np.zeros(n)
        self.moment = Moment(
            x=self._points[:, 0],
            R=self._R[:, 0],
            quat=np.zeros((n, 4)),
            v=np.zeros((n, 3)),
            w=np.zeros((n, 3)),
            opening=np.zeros(n),
            rate=np.zeros(n),
            force=np.zeros(n),
            x_object=self._origins[:, 1:],
            R_object=self._R[:, 1:],
            v_object=self._object_rates[..., :3],
            spin_object=self._object_rates[..., 3:],
            centre=self._points[:, 1:],
        )
        self._places: list[Place | None] = [None] * n
        self._copies: list[list[tuple[NDArray, NDArray]]] = [[] for _ in range(n)]

    def enter(self, i: int, place: Place, more: list[tuple[NDArray, NDArray]]) -> None:
        """Let simulation `i` be that of a place; `more` is copied with it, each second array to the first."""
        model, data, bodies = place.scene.model, place.sim.data, place.scene.object_bodies
        k, now = len(bodies), self.moment
        self._places[i] = place
        now.x_object[i], now.R_object[i], self._object_rates[i], self._own[i, 1:] = 0.0, np.eye(3), 0.0, 0.0
        self._own[i, 1 : 1 + k, :, 0] = place.centre
        xmat = data.xmat.reshape(-1, 3, 3)
        rates = model.jnt_dofadr[model.body_jntadr[bodies]][:, None] + np.arange(6)
        hand = [model.body(HAND + self._gripper.base).id]
        fingers = [model.joint(HAND + j) for j in self._gripper.joints]
        self._copies[i] = [
            *runs(now.x_object[i, :k], data.xpos, bodies),
            *runs(now.R_object[i, :k], xmat, bodies),
            *runs(self._object_rates[i, :k].reshape(-1), data.qvel, rates.ravel()),
            *runs(self._origins[i, :1], data.xpos, hand),
            *runs(self._R[i, :1], xmat, hand),
            *runs(now.quat[i : i + 1], data.xquat, hand),
            *runs(self._fingers[i], data.qpos, [int(j.qposadr[0]) for j in fingers]),
            *runs(self._finger_rates[i], data.qvel, [int(j.dofadr[0]) for j in fingers]),
            *more,
        ]  # fmt: skip
        if not (self._gripper.suction or self._gripper.fingered):
            grip = [model.actuator(HAND + self._gripper.actuator).id]
            self._copies[i] += runs(now.force[i : i + 1], data.actuator_force, grip)

    def copy(self, i: int) -> None:
        """Copy what is measured of simulation `i`, its derived poses brought up to its coordinates."""
        place = self._places[i]
        data = place.sim.data
        mujoco.mj_kinematics(place.scene.model, data)
        for into, source in self._copies[i]:
            into[...] = source
        self.time[i] = data.time

    def read(self, rates: Callable[[Array], tuple[Array, Array]]) -> Moment:
        """Measure the simulations as they were last copied.

        Args:
            rates: returns (n, 3) m/s of the tool points and rad/s of the hands, which are turned by (n, 3, 3).
        """
        now = self.moment
        np.matmul(self._R, self._own, out=self._turned)
        np.add(self._origins, self._turned[..., 0], out=self._points)
        now.v, now.w = rates(now.R)
        now.opening = self._gripper.opening(self._fingers)
        now.rate = self._gripper.opening_rate(self._fingers, self._finger_rates)
        return now

    def joints(self, ids: NDArray[np.int64], which: NDArray[np.int64]) -> tuple[Array, Array]:
        """Return (m, d) some of the joints of some hands, by their numbers among the gripper's, and their rates."""
        at = np.ix_(ids, which)
        return self._fingers[at], self._finger_rates[at]

    def wild(self) -> NDArray[np.bool_] | None:
        """(n,) whether an object is shot away, or MuJoCo has warned, in the simulations; None where in none."""
        rates, warned = self._object_rates, [place is not None and place.sim.warned for place in self._places]
        if sum_of_squares(rates) < WILD_SPEED**2 and True not in warned:
            return None
        return ~(np.abs(self.moment.v_object) < WILD_SPEED).all(axis=(1, 2)) | warned  # NaN is wild


def runs(into: NDArray, source: NDArray, at: NDArray | list[int]) -> list[tuple[NDArray, NDArray]]:
    """Return views such that to copy each second one to the first puts `source[at]` into `into`."""
    at = np.asarray(at)
    ends = np.flatnonzero(np.diff(at, append=-2) != 1) + 1
    starts = [0, *ends[:-1]]
    return [(into[a:b], source[at[a] : at[a] + b - a]) for a, b in zip(starts, ends, strict=True)]


def nearest_box(moment: Moment, half: Array) -> NDArray[np.int64]:
    """(n,) number of the object whose box the tool point is in, or nearest to.

    Args:
        moment: measures.
        half: (n, k, 3) half-sizes, m; −∞ where there is no object.
    """
    if half.shape[1] == 1:
        return np.zeros(len(half), np.int64)
    own = (moment.R_object.swapaxes(-1, -2) @ (moment.x[:, None] - moment.centre)[..., None])[..., 0]
    beyond = np.abs(own) - half
    far = np.maximum(beyond, 0)
    outside = np.sqrt((far * far).sum(axis=-1))
    return (outside + np.minimum(beyond.max(axis=-1), 0)).argmin(axis=-1)
