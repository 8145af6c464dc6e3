"""Where hand and objects of n simulations are at a moment, and how they move: read once, used by all that need it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.env.scenes import Place
from graspgen.frames import Array
from graspgen.grasps.scene_stand import HAND
from graspgen.grasps.scene_state import Motion, motion_in_hand
from graspgen.grippers.gripper import Gripper


@dataclass(frozen=True, eq=False)
class Moment:
    """Measures of n simulations of a scene of k objects, in the frame of the simulation.

    Attributes:
        x, R, quat: (n, 3) m, (n, 3, 3) and (n, 4): the tool point and the hand.
        v, w: (n, 3) m/s of the tool point, and rad/s of the hand, world axes.
        opening, rate: (n,) m of the fingers, and m/s.
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
    x_object: Array
    R_object: Array
    v_object: Array
    spin_object: Array
    centre: Array

    def com(self, number: int, com: Array) -> Array:
        """(n, 3) m, where the point `com`, (3,) in its frame, of an object is."""
        return self.x_object[:, number] + self.R_object[:, number] @ com

    def motion(self, number: int, com: Array, tool: Array) -> Motion:
        """Return how an object moves in the hand.

        Args:
            number: of the object.
            com: (3,) m, its centre of mass, its frame.
            tool: (n, 3) m, the tool point from the open hand's, hand frame.
        """
        R = self.R_object[:, number]
        lever, spin = R @ com, (R @ self.spin_object[:, number, :, None])[..., 0]
        x = self.x_object[:, number] + lever - self.x
        return motion_in_hand(x, lever, R, (self.v_object[:, number], spin - self.w), self.R, (self.v, self.w), tool)


class Meter:
    """Reads moments of a scene; made once for every place.

    Args:
        place: the scene.
        gripper: the hand.
    """

    def __init__(self, place: Place, gripper: Gripper) -> None:
        model = place.scene.model
        self._gripper = gripper
        self._hand = model.body(HAND + gripper.base).id
        self._tool, self._centre = gripper.T_base_tcp[:3, 3], place.centre[:, :, None]
        self._objects = place.scene.object_bodies
        joints = model.body_jntadr[self._objects]
        self._object_rates = model.jnt_dofadr[joints][:, None] + np.arange(6)
        fingers = [model.joint(HAND + j) for j in gripper.joints]
        self._fingers = np.array([int(j.qposadr[0]) for j in fingers])
        self._finger_rates = np.array([int(j.dofadr[0]) for j in fingers])
        data = place.sim.data
        self._model, self._data = model, data
        self._qpos, self._qvel = data.qpos[None], data.qvel[None]
        self._xpos, self._xquat = data.xpos[None], data.xquat[None]
        self._xmat = data.xmat.reshape(1, -1, 3, 3)

    def read(self, rates_of: Callable[[Array], tuple[Array, Array]]) -> Moment:
        """Measure the simulation as it stands; its derived poses are brought up to its coordinates.

        Args:
            rates_of: returns (n, 3) m/s of the tool points and rad/s of the hands, from their (n, 3, 3) rotations.
        """
        mujoco.mj_kinematics(self._model, self._data)
        R, qvel = self._xmat[:, self._hand].copy(), self._qvel
        v, w = rates_of(R)
        fingers = self._qpos.take(self._fingers, 1)
        R_object, x_object = self._xmat.take(self._objects, 1), self._xpos.take(self._objects, 1)
        rates = qvel.take(self._object_rates, 1)
        return Moment(
            x=self._xpos[:, self._hand] + R @ self._tool,
            R=R,
            quat=self._xquat[:, self._hand].copy(),
            v=v,
            w=w,
            opening=self._gripper.opening(fingers),
            rate=self._gripper.opening_rate(fingers, qvel.take(self._finger_rates, 1)),
            x_object=x_object,
            R_object=R_object,
            v_object=rates[..., :3],
            spin_object=rates[..., 3:],
            centre=x_object + (R_object @ self._centre)[..., 0],
        )


def nearest_box(moment: Moment, half: Array) -> NDArray[np.int64]:
    """(n,) number of the object whose box the tool point is in, or nearest to; `half` are (k, 3) half-sizes, m."""
    own = (moment.R_object.swapaxes(-1, -2) @ (moment.x[:, None] - moment.centre)[..., None])[..., 0]
    beyond = np.abs(own) - half
    outside = np.sqrt((np.maximum(beyond, 0) ** 2).sum(axis=-1))
    return (outside + np.minimum(beyond.max(axis=-1), 0)).argmin(axis=-1)
