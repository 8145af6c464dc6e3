"""The settle test of an object: dropped on the table from several orientations, by the physics that scenes have.

All copies fall in one world, far enough apart not to meet. What is watched: that each comes to rest, that no contact at
rest is deep, that no copy ever gains energy (a sign of parts that push each other or the table away), and that the mesh
neither sinks through the table nor hovers over it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array, axis_angle, pose, qpos_to_pose, random_rotation, transform_points
from graspgen.objects.asset import Asset
from graspgen.recipe import Settle
from graspgen.scene.arena_fit import table_arena
from graspgen.scene.build import build_world
from graspgen.scene.drawing import matrix4
from graspgen.scene.motion import STEPS_PER_LOOK, deepest_penetration, divergence, motion
from graspgen.scene.plan import ObjectPlan, ScenePlan
from graspgen.scene.world import World

GRAVITY, TABLE_FRICTION = 9.81, 0.8
#: Torsional and rolling friction, m: the defaults of recipes.
TORSIONAL, ROLLING = 0.005, 0.002
#: Clearance between an object's lowest point and the table when it is let go, m.
DROP = 0.01
#: Energy that an object may gain after its least, as a share of m g (DROP + PUSH + its radius about the centre of
#: mass): an impact sinks in by up to a step's way (0.9 mm) and is pushed out again; contacts give back a little more.
ENERGY, PUSH = 0.1, 0.02
#: Of the six orientations this many may not come to rest, if what goes on is slower than ROCKING (m/s, rad/s): now and
#: then a contact chatters for ever between two sets of points (in 1 of 60 drops of pybullet's random objects, in two
#: orientations of 1 of 100 of them). A scene in which that happens is drawn again, so such an object can be used.
RESTLESS, ROCKING = 2, (0.05, 1.0)
#: How far the mesh's lowest point may lie from the table's top at rest: a share of its largest extent, and at least
#: some metres. The convex parts touch; the mesh may differ from them by this much.
LIFT, LIFT_LEAST = 0.05, 0.003


@dataclass(frozen=True)
class DropResult:
    """What became of the dropped copies.

    Attributes:
        rested: how many came to rest in time.
        diverged: what diverged, "" when nothing did.
        time: simulated until then, s.
        speed, angular_speed: the largest at the end, m/s and rad/s.
        penetration: the deepest contact at the end, m.
        energy_gain: the largest gain of a copy above its least energy before, share (see `ENERGY`).
        lift: signed height of the mesh's lowest point over the table at rest, of the copy where it is farthest from 0.
        orientations: how many copies.
    """

    rested: int
    diverged: str
    time: float
    speed: float
    angular_speed: float
    penetration: float
    energy_gain: float
    lift: float
    orientations: int

    def reason(self, extent: float, spec: Settle) -> str:
        """Say what is wrong, "" when nothing is; `extent` is the object's largest, m."""
        if self.diverged:
            return self.diverged
        if self.energy_gain > ENERGY:
            return f"it gains energy on the table: {self.energy_gain:.0%} of what it falls with"
        moving = self.orientations - self.rested
        if moving > RESTLESS or (moving and (self.speed > ROCKING[0] or self.angular_speed > ROCKING[1])):
            speeds = f"{self.speed:.2g} m/s, {self.angular_speed:.2g} rad/s"
            return (
                f"still moving {self.time:g} s after it was dropped in {moving} of {self.orientations} ways: {speeds}"
            )
        if self.penetration > spec.max_penetration:
            return f"it overlaps the table by {self.penetration * 1000:.2g} mm at rest"
        most = max(LIFT * extent, LIFT_LEAST)
        if abs(self.lift) > most:
            where = "above" if self.lift > 0 else "below"
            return f"its mesh ends {abs(self.lift) * 1000:.2g} mm {where} the table at rest, at most {most * 1000:.2g}"
        return ""


def orientations() -> Array:
    """Return (6, 3, 3) rotations: as it is, upside down, on two sides, and two askew, always the same."""
    x, y = np.array([1.0, 0, 0]), np.array([0, 1.0, 0])
    rng = np.random.Generator(np.random.Philox(key=7))
    sides = [axis_angle(x, math.pi), axis_angle(x, math.pi / 2), axis_angle(y, math.pi / 2)]
    return np.stack([np.eye(3), *sides, random_rotation(rng), random_rotation(rng)])


def drop(asset: Asset, spec: Settle | None = None) -> DropResult:
    """Drop copies of an asset on the table and watch them until they rest or time runs out.

    Args:
        asset: the object, with its own density and friction.
        spec: when a copy counts as at rest; the recipe's defaults if None.

    Raises:
        SceneError: MuJoCo refuses the model.
    """
    spec = spec or Settle()
    world = build_world(_plan(asset), {0: asset}, views=False)
    radius = _radius(asset)
    unit = np.array([o.mass for o in world.objects]) * GRAVITY * (DROP + PUSH + radius)
    period = STEPS_PER_LOOK * world.model.opt.timestep
    needed = math.ceil(spec.rest_time / period - 1e-9)
    least = _energy(world)
    gain, looks, diverged = 0.0, 0, ""
    calm, most_calm = np.zeros(len(least), int), np.zeros(len(least), int)
    while (most_calm < needed).any() and looks * period < spec.time_limit - 1e-9:
        mujoco.mj_step(world.model, world.data, nstep=STEPS_PER_LOOK)
        looks += 1
        if diverged := divergence(world):
            break
        now = motion(world)
        energy = _energy(world)
        gain = max(gain, float(((energy - least) / unit).max()))
        least = np.minimum(least, energy)
        resting = (now.speed < spec.max_speed) & (now.angular_speed < spec.max_angular_speed)
        calm = np.where(resting, calm + 1, 0)
        most_calm = np.maximum(most_calm, calm)
    if diverged:
        return DropResult(0, diverged, looks * period, np.inf, np.inf, np.inf, gain, 0.0, len(world.objects))
    now = motion(world)
    return DropResult(
        rested=int((most_calm >= needed).sum()),
        diverged="",
        time=round(looks * period, 6),
        speed=float(now.speed.max()),
        angular_speed=float(now.angular_speed.max()),
        penetration=deepest_penetration(world),
        energy_gain=gain,
        lift=_lift(world, asset),
        orientations=len(world.objects),
    )


def _plan(asset: Asset) -> ScenePlan:
    turns = orientations()
    pitch = 4 * _radius(asset) + 0.1
    columns = 3
    side = pitch * (columns + 2)
    objects = []
    for i, R in enumerate(turns):
        place = np.array([(i % columns - 1) * pitch, (i // columns - 0.5) * pitch, 0.0])
        t = place - R @ asset.com
        t[2] = DROP - asset.lowest_point(R)
        objects.append(
            ObjectPlan(
                instance_id=i + 1, asset=0, scale=1.0, density=asset.density,
                friction=(asset.friction, TORSIONAL, ROLLING),
                T_world_object_dropped=matrix4(pose(R, t)),
            )
        )  # fmt: skip
    return ScenePlan(
        seed=0, index=0, attempt=0, task="check", gravity=GRAVITY,
        arena=table_arena((side, side, max(0.04, 0.1 * side)), TABLE_FRICTION),
        objects=tuple(objects), views=(), grasp_stream=(),
    )  # fmt: skip


def _radius(asset: Asset) -> float:
    return float(np.linalg.norm(asset.mesh.vertices - asset.com, axis=1).max())


def _energy(world: World) -> NDArray[np.float64]:
    """Return each object's kinetic and potential energy, J, at the present coordinates."""
    now = motion(world)
    mass = np.array([o.mass for o in world.objects])
    inertia = np.stack([o.inertia for o in world.objects])
    turning = world.data.qvel.reshape(-1, 6)[:, 3:]
    kinetic = 0.5 * mass * now.speed**2 + 0.5 * np.einsum("ni,nij,nj->n", turning, inertia, turning)
    return kinetic + mass * GRAVITY * now.com[:, 2]


def _lift(world: World, asset: Asset) -> float:
    T = qpos_to_pose(world.data.qpos.reshape(-1, 7))
    lowest = np.array([transform_points(t, asset.mesh.vertices)[:, 2].min() for t in T])
    return float(lowest[np.abs(lowest).argmax()])
