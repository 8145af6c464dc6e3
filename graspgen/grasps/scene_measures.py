"""What trials in a scene are like at a moment, whatever carries the hand: fingers, target, neighbours, contacts."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from mujoco.batch import Batch
from numpy.typing import NDArray

from graspgen.frames import Array, cross, quat_to_matrix, rotation_angle
from graspgen.grasps.course import WILD_SPEED
from graspgen.grasps.scene_model import FINGER_TOUCH, HAND_TOUCH, SceneModel
from graspgen.grasps.scene_stand import HAND
from graspgen.grippers.gripper import Gripper, opening_to_joints

Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Motion:
    """Where m targets are in the tool frame, which moves with the hand, and how they move in it.

    Attributes:
        x, R: (m, 3) m centre of mass and (m, 3, 3) rotation of the target.
        com_speed: (m,) m/s, of the target's centre of mass.
        slide_speed: (m,) m/s, of the target's point at the tool point: an object that pivots there turns, it does not
            slide.
        spin: (m,) rad/s, of the target.
    """

    x: Array
    R: Array
    com_speed: Array
    slide_speed: Array
    spin: Array


def motion_in_hand(
    x: Array,
    lever: Array,
    R: Array,
    rates: tuple[Array, Array],
    R_hand: Array,
    hand: tuple[Array, Array],
    tool: Array,
) -> Motion:
    """Return how targets move in the hand; vectors along the world's axes.

    Args:
        x: (m, 3) m, centre of mass from the open hand's tool point, as is the `x` of what is returned.
        lever: (m, 3) m, centre of mass from the origin of the object's frame.
        R: (m, 3, 3) of the object.
        rates: (m, 3) m/s of that origin, and rad/s of the object relative to the hand.
        R_hand: (m, 3, 3).
        hand: (m, 3) m/s of the open hand's tool point, and rad/s.
        tool: (m, 3) m, the tool point from the open hand's, hand frame.
    """
    to_hand = R_hand.swapaxes(1, 2)
    (v, spin), (v_hand, hand_spin) = rates, hand
    velocity = v + cross(spin + hand_spin, lever) - v_hand - cross(hand_spin, x)
    return Motion(
        x=turned(to_hand, x),
        R=to_hand @ R,
        com_speed=length(velocity),
        slide_speed=length(velocity - cross(spin, x - turned(R_hand, tool))),
        spin=length(spin),
    )


class SceneMeasures:
    """Puts fingers and objects of n simulations at their start, and measures them.

    Args:
        scene: the trial model.
        batch: one simulation a trial.
        gripper: the hand.
        target: (n,) number of each trial's target among the scene's objects.
        friction: (n, 3) friction of each target.
        com: (k, 3) centre of mass of every object, its own frame, m.
        width: (n,) openings before closing, m.
    """

    def __init__(
        self,
        scene: SceneModel,
        batch: Batch,
        gripper: Gripper,
        *,
        target: Ids,
        friction: Array,
        com: Array,
        width: Array,
    ) -> None:
        self._batch, self._com, self._target, self._gripper = batch, com, np.array(target), gripper
        model, self._bodies, self._hand_geoms = scene.model, scene.object_bodies, scene.hand_geoms
        self._qpos, self._qvel, self._force = batch.qpos, batch.qvel, batch.bind("actuator_force")
        self.sensors = batch.bind("sensordata")  # a field that is bound only after a call reads zero until the next
        fingers = [model.joint(HAND + j) for j in gripper.joints]
        self._fingers = [int(j.qposadr[0]) for j in fingers]
        self._finger_rates = [int(j.dofadr[0]) for j in fingers]
        self.servos = [int(model.actuator(name).id) for name in scene.servos]
        joints = model.body_jntadr[scene.object_bodies]
        self._object_qpos = model.jnt_qposadr[joints][:, None] + np.arange(7)
        self._object_qvel = model.jnt_dofadr[joints][:, None] + np.arange(6)
        sensors = [model.sensor(FINGER_TOUCH + f) for f in gripper.touching]
        self._finger_at, self._hand_at = [int(s.adr[0]) for s in sensors], int(model.sensor(HAND_TOUCH).adr[0])

        self._qpos[:] = scene.qpos
        self._qpos[:, self._fingers] = opening_to_joints(gripper, width)
        self._bind_grip(scene, width)
        self._of_sensor, self._friction = batch.expand("sensor_refid"), batch.expand("geom_friction")
        self._touch_sensors = np.array([int(s.id) for s in sensors])
        self.retarget(np.arange(len(self._target)), self._target, friction)
        self._warnings = batch.warning[:, :, 1].sum(axis=1)
        self._com0, self._R0 = self._objects()

    def _bind_grip(self, scene: SceneModel, width: Array) -> None:
        """Look up what closes the hand, and put it where it begins."""
        grip = scene.model.actuator(HAND + self._gripper.actuator)
        self.grip, self.squeeze_limit = int(grip.id), float(grip.forcerange[1])
        self._batch.act[:, int(grip.actadr[0])] = width + self._gripper.zero_length

    def retarget(self, ids: Ids, target: Ids, friction: Array) -> None:
        """Make other objects the targets of trials, by their (m,) numbers; (m, 3) their frictions are the hand's."""
        self._target[ids] = target
        self._of_sensor[np.ix_(ids, self._touch_sensors)] = self._bodies[target][:, None]
        self._friction[np.ix_(ids, self._hand_geoms)] = friction[:, None]

    def saved(self) -> tuple[NDArray, ...]:
        """Return copies of what this keeps beside the simulations' own states."""
        return tuple(x.copy() for x in self._kept)

    def restore(self, saved: tuple[NDArray, ...], friction: Array) -> None:
        """Go back to what `saved` returned; (n, 3) are the frictions of these targets."""
        for own, value in zip(self._kept, saved, strict=True):
            own[...] = value
        self.retarget(np.arange(len(self._target)), self._target, friction)

    @property
    def _kept(self) -> tuple[NDArray, ...]:
        return self._target, self._com0, self._R0

    def mark(self, ids: Ids) -> None:
        """Measure `rise` and `displacements` from now on."""
        x, R = self._objects()
        self._com0[ids], self._R0[ids] = x[ids], R[ids]

    def opening(self, ids: Ids) -> tuple[Array, Array]:
        """(m,) m opening of the fingers, and its rate, m/s."""
        positions, rates = self._qpos[ids[:, None], self._fingers], self._qvel[ids[:, None], self._finger_rates]
        return self._gripper.opening(positions), self._gripper.opening_rate(positions, rates)

    def squeezing(self, ids: Ids) -> NDArray[np.bool_]:
        """(m,) whether the grip is at its limit of force."""
        return np.abs(self._force[ids, self.grip]) >= 0.99 * self.squeeze_limit

    def rise(self, ids: Ids) -> tuple[Array, Array]:
        """(m,) rise of the target's centre of mass since the start, m, and the largest of any other object's."""
        q = self._qpos[ids[:, None, None], self._object_qpos]
        w, x, y, z = (q[..., i] for i in range(3, 7))
        a, b, c = self._com.T
        height = 2 * (x * z - w * y) * a + 2 * (y * z + w * x) * b + (1 - 2 * (x * x + y * y)) * c
        rise = q[..., 2] + height - self._com0[ids, :, 2]
        row = np.arange(len(ids))
        own = rise[row, self._target[ids]]
        rise[row, self._target[ids]] = -np.inf
        return own, rise.max(axis=1)

    def hand_hits(self, seen: Array) -> NDArray[np.bool_]:
        """(…,) whether the hand is inside anything, from (…, sensors)."""
        return (seen[..., self._hand_at] > 0) & (seen[..., self._hand_at + 1] < 0)

    def any_near(self, seen: Array) -> bool:
        """Return whether the hand is anywhere within contact of anything, from (n, steps, sensors)."""
        return bool(np.count_nonzero(seen[:, :, self._hand_at]))

    def contacts(self, seen: Array) -> NDArray[np.bool_]:
        """(…, fingers) whether each finger, or part of a lip, touches the target, from (…, sensors)."""
        return seen.take(self._finger_at, -1) > 0

    def touching(self, seen: Array) -> NDArray[np.bool_]:
        """(m, fingers) whether each finger, or part of a lip, touches the target in any of (m, steps, sensors)."""
        return self.contacts(seen).any(axis=1)

    def unstable(self, ids: Ids) -> NDArray[np.bool_]:
        """(m,) whether an object is shot away, or the simulation has diverged."""
        if (np.abs(self._qvel[ids]) < WILD_SPEED).all():
            wild = np.zeros(len(ids), bool)
        else:
            velocity = self._qvel[ids[:, None, None], self._object_qvel[None, :, :3]]
            wild = ~(np.abs(velocity) < WILD_SPEED).all(axis=(1, 2))  # NaN is wild
        return wild | (self._batch.warning[ids, :, 1].sum(axis=1) > self._warnings[ids])

    def displacements(self) -> tuple[Array, Array]:
        """(n, k) m and rad by which every object has moved since the start; NaN for each trial's target."""
        x, R = self._objects()
        moved, turned = length(x - self._com0), rotation_angle(R @ np.swapaxes(self._R0, 2, 3))
        row = np.arange(len(self._target))
        moved[row, self._target] = turned[row, self._target] = np.nan
        return moved, turned

    def _objects(self) -> tuple[Array, Array]:
        """(n, k, 3) centres of mass and (n, k, 3, 3) rotations of all objects, world frame."""
        q = self._qpos[:, self._object_qpos]
        R = quat_to_matrix(q[..., 3:])
        return q[..., :3] + np.einsum("nkij,kj->nki", R, self._com), R


def quats(R: Array) -> Array:
    """Turn (m, 3, 3) rotations into (m, 4) quaternions (w, x, y, z); for few, faster than `frames.matrix_to_quat`."""
    q = np.empty((len(R), 4))
    for out, each in zip(q, R.reshape(-1, 9), strict=True):
        mujoco.mju_mat2Quat(out, each)
    return q


def turned(R: Array, v: Array) -> Array:
    """Turn (…, 3) vectors by (…, 3, 3) rotations."""
    return (R @ v[..., None])[..., 0]


def length(v: Array) -> Array:
    """(…,) lengths of (…, 3) vectors."""
    return np.sqrt((v**2).sum(axis=-1))
