"""A scene on its way to rest: stepping it, removing what leaves the arena, and building it again."""

from __future__ import annotations

import math
from collections.abc import Mapping

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen import recipe
from graspgen.frames import Array, qpos_to_pose
from graspgen.objects.asset import Asset
from graspgen.scene.build import build_world
from graspgen.scene.lost import lost, unheld, went_through
from graspgen.scene.motion import STEPS_PER_LOOK, Motion, divergence, motion
from graspgen.scene.refusal import Refusal
from graspgen.scene.world import World

#: An object that is faster than a fall from where the highest one was dropped by this factor, and by this many m/s
#: more, was thrown by an overlap.
THROWN_FACTOR, THROWN_EXTRA = 3.0, 2.0
_SLEEP = int(mujoco.mjtEnableBit.mjENBL_SLEEP)


class Settling:
    """What is known while a scene settles. Its world changes when an object is removed.

    Attributes:
        world: the scene as it is now.
        spec: thresholds.
        looks: how often the speeds were looked at.
        period: simulated time between two looks, s.
        removed, tunnelled: instance ids of objects that left the arena; of these, those that went through something.
        refusal, reason: why the scene is refused, "" while it is not.
        parked: instance ids of objects that are not let go yet: they are neither moving nor lost.
    """

    def __init__(self, world: World, spec: recipe.Settle, assets: Mapping[int, Asset]) -> None:
        self.world, self.spec, self._assets = world, spec, assets
        self.period = STEPS_PER_LOOK * world.model.opt.timestep
        self.looks = 0
        self.removed: list[int] = []
        self.tunnelled: list[int] = []
        self.refusal, self.reason = "", ""
        self.parked: set[int] = set()
        self._calm = 0
        self._walls = bool(world.plan.arrangement.walls)
        self._com: dict[int, Array] = {}
        top = max((o.T_world_object_dropped[2][3] for o in world.plan.objects), default=0.0)
        fall = math.sqrt(2 * world.plan.gravity * (max(top, 0.0) + 1.0))
        self._thrown = THROWN_FACTOR * fall + THROWN_EXTRA

    @property
    def ids(self) -> list[int]:
        """Instance ids of the objects in the world, in its order."""
        return [o.plan.instance_id for o in self.world.objects]

    def refuse(self, kind: Refusal, reason: str) -> None:
        """Refuse the scene; the first reason counts."""
        self._let_sleep(False)
        if not self.reason:
            self.refusal, self.reason = str(kind), reason

    def rest(self) -> None:
        """Go on until all objects rest, or the scene is refused because time is up."""
        limit = self.looks * self.period + self.spec.time_limit
        needed = math.ceil(self.spec.rest_time / self.period - 1e-9)
        self._calm = 0
        while not self.reason and self._calm < needed:
            now = self.look()
            if self.reason or now is None:
                return
            late = self.looks * self.period >= limit - 1e-9
            if self._calm >= needed:
                hovering = self._unheld()
                if not hovering:
                    return
                self._calm = needed - 1  # a contact that opens and closes may be open just now: look again
                if late:
                    names = ", ".join(self.world.objects[i].asset.name for i in hovering)
                    self.refuse(Refusal.UNHELD, f"nothing holds {names} after {self.spec.time_limit:g} s")
            elif not self._calm and late:
                told = f"still moving after {self.spec.time_limit:g} s: {_fastest(self.world, now)}"
                self.refuse(Refusal.MOVING, told)

    def look(self) -> Motion | None:
        """Step on to the next look, remove what is lost, count whether all is calm; None once the scene is refused."""
        world = self.world
        self._let_sleep(self._calm == 0)
        mujoco.mj_step(world.model, world.data, nstep=STEPS_PER_LOOK)
        self.looks += 1
        if told := divergence(world):
            self.refuse(Refusal.UNSTABLE, told)
            return None
        now = motion(world)
        free = self._free()
        gone = lost(world, now.com, self.spec.fallen) & free
        thrown = (now.speed > self._thrown) & free
        if thrown.any():
            who = int(np.flatnonzero(thrown)[0])
            told = f"the simulation throws {world.objects[who].asset.name} at {now.speed[who]:.2g} m/s"
            self.refuse(Refusal.UNSTABLE, told)
            return None
        if gone.any():
            self._remove(gone, now)
            if self.reason:
                return None
            now, free = motion(self.world), free[~gone]
        else:
            self._com = dict(zip(self.ids, now.com, strict=True))
        calm = (now.speed < self.spec.max_speed) & (now.angular_speed < self.spec.max_angular_speed)
        self._calm = self._calm + 1 if calm[free].all() else 0
        return now

    def _free(self) -> NDArray[np.bool_]:
        """(n,) which objects have been let go."""
        if not self.parked:
            return np.ones(len(self.world.objects), bool)
        return np.array([i not in self.parked for i in self.ids], bool)

    @property
    def calm_for(self) -> float:
        """How long all objects that are let go have been slower than the thresholds, s."""
        return self._calm * self.period

    def start_anew(self) -> None:
        """Count calm from now on: something has just been let go."""
        self._calm = 0

    def rebuild(self, gone: NDArray[np.bool_], *, walls: bool | None = None) -> None:
        """Build the scene again without the objects that are `gone`, the others as they are now."""
        if walls is not None:
            self._walls = walls
        world = self.world
        kept = np.flatnonzero(~gone)
        qpos = world.data.qpos.reshape(-1, 7)[kept]
        ids = [world.objects[i].plan.instance_id for i in kept]
        again = build_world(
            world.plan,
            self._assets,
            T_world_object=dict(zip(ids, qpos_to_pose(qpos), strict=True)),
            instances=ids,
            views=len(world.camera_ids) > 0,
            walls=self._walls,
        )
        again.data.qpos[:] = qpos.ravel()
        again.data.qvel[:] = world.data.qvel.reshape(-1, 6)[kept].ravel()
        again.data.time = world.data.time
        self.world = again

    def _let_sleep(self, on: bool) -> None:
        """Let islands of objects at rest sleep while others still move; turning it off wakes them all.

        The stretch of calm that counts as rest is simulated awake, so it is evidence for every object.
        """
        option = self.world.model.opt
        option.enableflags = (option.enableflags & ~_SLEEP) | (_SLEEP if on else 0)

    def _remove(self, gone: NDArray[np.bool_], now: Motion) -> None:
        ids = self.ids
        for i in np.flatnonzero(gone):
            self.removed.append(ids[i])
            if went_through(self.world, self._com.get(ids[i], now.com[i]), now.com[i]):
                self.tunnelled.append(ids[i])
        self.rebuild(gone)
        if gone.all():
            name = self.world.plan.arena.name
            self.refuse(Refusal.REMOVED, f"every object fell off the {name}")
        dropped = len(self.world.plan.objects)
        if len(self.removed) > self.spec.max_removed * dropped:
            self.refuse(Refusal.REMOVED, f"{len(self.removed)} of {dropped} objects left the arena")

    def _unheld(self) -> list[int]:
        mujoco.mj_fwdPosition(self.world.model, self.world.data)
        return unheld(self.world, self.parked)


def _fastest(world: World, now: Motion) -> str:
    moves = [
        f"{kind} {speed.max():.2g} {unit} ({world.objects[int(speed.argmax())].asset.name})"
        for kind, speed, unit in (
            ("fastest", now.speed, "m/s"),
            ("fastest turn", now.angular_speed, "rad/s"),
        )
    ]
    return ", ".join(moves)
