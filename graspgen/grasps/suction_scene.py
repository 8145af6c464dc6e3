"""In-scene trials of suction grippers: what differs from those of jaws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array, inverse, pose, rotation_angle
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.scene_course import SceneCourse, pick
from graspgen.grasps.scene_model import SceneModel
from graspgen.grasps.scene_stand import HAND
from graspgen.grasps.scene_state import Ids, Look, SceneState
from graspgen.grasps.suction_candidates import pressed_on, suction_file
from graspgen.grasps.suction_course import EVACUATION
from graspgen.grasps.suction_trial import conformed_lips, press_on
from graspgen.grippers.gripper import Gripper
from graspgen.grippers.suction import SEGMENTS
from graspgen.scene.world import SettledScene


def pressed_in_scene(
    settled: SettledScene, gripper: Gripper, number: NDArray[np.int64], T_world_grasp: Array
) -> tuple[Array, NDArray[np.bool_]]:
    """Press the cups of trials onto their targets.

    Args:
        settled: the scene.
        gripper: a suction gripper.
        number: (n,) numbers of the targets among the scene's objects.
        T_world_grasp: (n, 4, 4) grasp frames.

    Returns:
        (n, 4, 4) grasp frames of the pressed cups, world, and (n, cups) which cups seal.
    """
    T = T_world_grasp.copy()
    sealed = np.zeros((len(T), len(suction_file(gripper).cups)), bool)
    for target in np.unique(number).tolist():
        mine, asset = np.flatnonzero(number == target), settled.world.objects[target].asset
        _, seal = press_on(asset, gripper, inverse(settled.T_world_object[target]) @ T[mine])
        T[mine], sealed[mine] = pressed_on(T[mine], seal.press), seal.score > 0
    return T, sealed


class SuctionState(SceneState):
    """`SceneState` of a suction gripper. Its lips touch nothing until they are let (`let_lips`)."""

    def _bind_grip(self, scene: SceneModel, width: Array) -> None:
        names = [HAND + name for name in self._gripper.joints]
        self.valves = [int(scene.model.actuator(name).id) for name in names]
        self.cup_force = SEGMENTS * float(scene.model.actuator_gainprm[self.valves[0], 0])  # N
        self._lip_geoms = [int(scene.model.geom(name).id) for name in names]
        self._solid = (self._batch.expand("geom_contype"), self._batch.expand("geom_conaffinity"))
        self._spring = self._batch.expand("qpos_spring")

    def let_lips(self, ids: Ids, lips: Array) -> None:
        """Lay (m, segments) lips on the surface, m along the approach, and let them touch it."""
        rows = ids[:, None]
        for solid in self._solid:
            solid[rows, self._lip_geoms] = 1
        self._qpos[rows, self._fingers] = lips
        self._qvel[rows, self._finger_rates] = 0.0
        self._spring[rows, self._fingers] = lips  # a lip that has conformed is at rest


class SuctionSceneCourse(SceneCourse):
    """`SceneCourse` of a suction gripper: at the grasp its lips are laid on the surface and the vacuum comes.

    A cup holds while every segment of its lip touches the target; once one has lifted, its valve closes for good.
    """

    _state: SuctionState

    def use(
        self,
        settled: SettledScene,
        gripper: Gripper,
        number: NDArray[np.int64],
        sealed: NDArray[np.bool_],
        T_world_grasp: Array,
    ) -> None:
        """Say what the trials begin with.

        Args:
            settled, gripper, number: see `pressed_in_scene`.
            sealed: what it returned.
            T_world_grasp: (n, 4, 4) grasp frames.
        """
        objects = settled.world.objects
        self._file, self._number = suction_file(gripper), number
        self._assets = [o.asset for o in objects]
        self._sucking = sealed.copy()
        self._pull = np.array([o.mass for o in objects])[number] * (
            T_world_grasp[:, :3, 2] @ settled.world.plan.gravity_vector
        )

    def _close_time(self, gripper: Gripper, width: Array) -> Array:
        return np.full(len(width), EVACUATION)

    def _grip(self, control: Array, ids: Ids, closing: NDArray[np.bool_]) -> None:
        open_ = np.repeat(self._sucking[ids] & closing[:, None], SEGMENTS, axis=1)
        control[..., self._state.valves] = open_[:, None]

    def _arrive(self, ids: Ids, look: Look) -> None:
        super()._arrive(ids, look)
        held = self._sucking[ids].any(axis=1)
        self._end_unsealed(ids[~held])
        for target in np.unique(self._number[ids[held]]).tolist():
            mine = np.flatnonzero(held & (self._number[ids] == target))
            asset = self._assets[target]
            # Where the target is now, tool frame: the hand may be a little beside its grasp.
            T = pose(look.R[mine], look.x[mine] - look.R[mine] @ asset.com)
            self._state.let_lips(ids[mine], conformed_lips(asset.parts, inverse(T), self._file))

    def _end_unsealed(self, ids: Ids) -> None:
        """End trials whose cups do not seal where they are pressed on."""
        r = self._results
        for name in ("drift_closing", "rotation_closing", "width", "grip_force"):
            r[name][ids] = 0.0
        self._end(ids, Outcome.NO_SEAL)

    def _watch_close(self, ids: Ids, look: Look, seen: Array, blocked: NDArray[np.bool_]) -> None:
        r, due = self._results, self._samples[ids] >= self._close_samples[ids]
        if not due.any():
            return
        ids, seen = ids[due], seen[due]
        look = pick(look, due)
        self._vent(ids, seen)
        r["drift_closing"][ids] = np.linalg.norm(look.x - self._x_open[ids], axis=1)
        r["rotation_closing"][ids] = rotation_angle(look.R @ np.swapaxes(self._R_open[ids], 1, 2))
        r["width"][ids] = 0.0
        r["grip_force"][ids] = self._state.cup_force * self._sucking[ids].sum(axis=1)
        holds = self._sucking[ids].any(axis=1)
        self._end(ids[~holds], Outcome.NO_SEAL)
        self._hold(ids[holds], pick(look, holds))

    def _lost(self, ids: Ids, seen: Array) -> NDArray[np.int64]:
        before = self._state.cup_force * self._sucking[ids].sum(axis=1)
        self._vent(ids, seen)
        # A pull that alone is more than the vacuum's force takes the cup straight off; else a moment has lifted a part.
        how = np.where(self._pull[ids] >= before, int(Outcome.DROPPED), int(Outcome.PEELED))
        return np.where(self._sucking[ids].any(axis=1), int(Outcome.NOT_TRIED), how)

    def _vent(self, ids: Ids, seen: Array) -> None:
        """Close the valves of cups with a part of the lip off the surface for the profile's touch time."""
        touching = self._state.touching(seen[:, -self._touch_steps :])
        self._sucking[ids] &= touching.reshape(len(ids), -1, SEGMENTS).all(axis=2)
        # Steps take their controls from `_grip`; these are for what goes on after the end.
        self._batch.ctrl[ids[:, None], self._state.valves] = np.repeat(self._sucking[ids], SEGMENTS, axis=1)
