"""Trials of a hand on its stand: put at their start, and where hand and target are at a moment."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from mujoco.batch import Batch
from numpy.typing import NDArray

from graspgen.frames import Array, cross, matrix_to_quat, quat_to_matrix
from graspgen.grasps.scene_measures import Ids, Motion, SceneMeasures, motion_in_hand, quats, turned
from graspgen.grasps.scene_model import SceneModel
from graspgen.grasps.scene_stand import BALL, SLIDES, STAND
from graspgen.grippers.gripper import Gripper

__all__ = ["Ids", "Look", "Motion", "SceneState", "motion_in_hand", "quats"]


@dataclass(frozen=True, eq=False)
class Look(Motion):
    """What m trials are like.

    Attributes:
        turn: (m, 3, 3) rotation of the hand from the grasp.
        shift: (m, 3) displacement of the tool point from the grasp, grasp frame, m.
    """

    turn: Array
    shift: Array


class SceneState(SceneMeasures):
    """Puts n trials at their start, and measures them.

    Args:
        scene: the trial model.
        batch: one simulation a trial.
        gripper: the hand.
        target: (n,) number of each trial's target among the scene's objects.
        friction: (n, 3) friction of each target.
        com: (k, 3) centre of mass of every object, its own frame, m.
        T_world_grasp: (n, 4, 4) grasp frames.
        width: (n,) openings before closing, m.
        grip_width: (n,) openings where the pads should meet the object, m; the grasp frame is the tool point there.
            None for the tool point of the open hand, wherever the fingers are.
        approach: length of the approach, m.
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
        T_world_grasp: Array,
        width: Array,
        grip_width: Array | None = None,
        approach: float,
    ) -> None:
        # The hand turns and is driven about the open hand's tool point, which is the origin of everything here.
        grip = np.full(len(width), gripper.file.stroke) if grip_width is None else grip_width
        self._tool = gripper.tool_point(grip) - gripper.T_base_tcp[:3, 3]
        self._R_grasp = T_world_grasp[:, :3, :3].copy()
        self._origin = T_world_grasp[:, :3, 3] - turned(self._R_grasp, self._tool)
        self.up = self._R_grasp[:, 2]  # the world's z, grasp frame
        model = scene.model
        slides, ball = [model.joint(name) for name in SLIDES], model.joint(BALL)
        self._slides, self._slide_rates = [int(j.qposadr[0]) for j in slides], [int(j.dofadr[0]) for j in slides]
        self._ball, self._ball_rates = int(ball.qposadr[0]) + np.arange(4), int(ball.dofadr[0]) + np.arange(3)
        self._stand, self._mocap = int(model.body(STAND).mocapid[0]), (batch.mocap_pos, batch.mocap_quat)
        self._mocap[0][:, self._stand], self._mocap[1][:, self._stand] = self._origin, matrix_to_quat(self._R_grasp)
        super().__init__(scene, batch, gripper, target=target, friction=friction, com=com, width=width)
        self._qpos[:, self._slides[2]] = -approach

    @property
    def _kept(self) -> tuple[NDArray, ...]:
        return *super()._kept, self._R_grasp, self._origin

    def stand(self, ids: Ids) -> tuple[Array, Array]:
        """(m, 3) m and (m, 3, 3), where the stands are, world frame."""
        return self._origin[ids], self._R_grasp[ids]

    def restand(self, ids: Ids, stand: tuple[Array, Array], hand: tuple[Array, Array, Array]) -> None:
        """Put the stands elsewhere; the hands stay where they are and go on as they moved.

        Args:
            ids: (m,) which.
            stand: (m, 3) m and (m, 3, 3), where the stands are to be, world frame.
            hand: (m, 3) m and (m, 3, 3), where the hands are, and (m, 3) m/s of their tool points, world frame.
        """
        (x, R_hand, v), (origin, R) = hand, stand
        back, rows = R.swapaxes(1, 2), ids[:, None]
        self._qpos[rows, self._slides] = turned(back, x - origin)
        self._qpos[rows, self._ball] = quats(back @ R_hand)
        self._qvel[rows, self._slide_rates] = turned(back, v)
        self._R_grasp[ids], self._origin[ids] = R, origin
        self._mocap[0][ids, self._stand], self._mocap[1][ids, self._stand] = origin, quats(R)

    def rates(self, R: Array) -> tuple[Array, Array]:
        """(n, 3) m/s of the tool points and (n, 3) rad/s of the hands, turned by (n, 3, 3); world axes."""
        b = self._ball_rates[0]
        v, w = self._qvel.take(self._slide_rates, 1), self._qvel[:, b : b + 3]
        return (self._R_grasp @ v[..., None])[..., 0], (R @ w[..., None])[..., 0]

    def look(self, ids: Ids) -> Look:
        """Measure trials now."""
        ball = self._qpos[ids[:, None], self._ball]
        own = self._qpos[ids[:, None], self._object_qpos[self._target[ids]]]
        turn, R_object = quat_to_matrix(np.stack([ball, own[:, 3:]]))
        shift = self._qpos[ids[:, None], self._slides]
        v = self._qvel[ids[:, None], self._object_qvel[self._target[ids]]]
        R_grasp = self._R_grasp[ids]
        lever = turned(R_object, self._com[self._target[ids]])
        x = own[:, :3] + lever - self._origin[ids] - turned(R_grasp, shift)  # from the tool point, world axes
        spin = turned(R_object, v[:, 3:])  # MuJoCo's, of a free joint, is in the body's frame
        hand_spin = turned(R_grasp @ turn, self._qvel[ids[:, None], self._ball_rates])
        hand = turned(R_grasp, self._qvel[ids[:, None], self._slide_rates])
        moving = motion_in_hand(
            x, lever, R_object, (v[:, :3], spin - hand_spin), R_grasp @ turn, (hand, hand_spin), self._tool[ids]
        )
        moving = replace(moving, x=moving.x - self._tool[ids])
        return Look(**vars(moving), turn=turn, shift=shift)

    def wrench(self, ids: Ids) -> Array:
        """(m, 6) N and N m of the arm, along and about the axes of the grasp frame."""
        wrench = self._force[ids[:, None], self.servos]
        wrench[:, 3:] -= cross(self._tool[ids], wrench[:, :3])
        return wrench

    def normal_force(self, ids: Ids, seen: Array, look: Look) -> Array:
        """(m,) mean force of the fingers along the closing direction, N, from (m, sensors)."""
        y = turned(self._R_grasp[ids], look.turn[:, :, 1])
        return np.mean([np.abs(np.einsum("ni,ni->n", seen[:, at + 1 : at + 4], y)) for at in self._finger_at], axis=0)
