"""A compiled scene and the names that map it back to its plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array
from graspgen.objects.asset import Asset, Part
from graspgen.scene.plan import ObjectPlan, ScenePlan


@dataclass(frozen=True, eq=False)
class SceneObject:
    """An object of a scene: its plan, and its asset at the scene's scale.

    Attributes:
        plan: the draws of this object.
        asset: the scaled asset.
        mass: kg.
        inertia: (3, 3) about the centre of mass, asset axes, kg m².
    """

    plan: ObjectPlan
    asset: Asset
    mass: float
    inertia: Array


@dataclass(frozen=True, eq=False)
class World:
    """A compiled scene.

    Attributes:
        plan, assets: what it was built from: the draws, and the unscaled assets by number, among
            them the arena's meshes (−1, −2, …).
        support: what collides in the arena, as convex parts in the world's frame.
        support_geoms: (k,) geoms of the model that these are, in the same order.
        objects: the objects in it, ascending instance ids.
        model, data: MuJoCo's model and state.
        body_ids: (n,) body of each object.
        geom_instance: (ngeom,) instance id of every geom, 0 for the arena.
        camera_ids: (v,) model camera of each planned view; empty when built without views.
    """

    plan: ScenePlan
    assets: Mapping[int, Asset]
    support: tuple[Part, ...]
    support_geoms: NDArray[np.int32]
    objects: tuple[SceneObject, ...]
    model: mujoco.MjModel
    data: mujoco.MjData
    body_ids: NDArray[np.int32]
    geom_instance: NDArray[np.uint8]
    camera_ids: NDArray[np.int32]

    @property
    def targets(self) -> NDArray[np.int64]:
        """Positions in `objects` of those that are grasped."""
        return np.flatnonzero([o.plan.role == "target" for o in self.objects])

    @property
    def labelled(self) -> NDArray[np.int64]:
        """Positions in `objects` of those that masks and annotations show."""
        return np.flatnonzero([o.plan.labelled for o in self.objects])


@dataclass(frozen=True, eq=False)
class SettledScene:
    """Poses at rest, and the evidence that they are at rest.

    Attributes:
        world: the scene with every object at rest; objects that fell off are gone from it.
        T_world_object: (n, 4, 4) pose of each asset's frame, in the order of `world.objects`.
        velocity: (n, 3) of the centres of mass, m/s, world frame: nearly 0, or that of the belt.
        angular_velocity: (n, 3) rad/s, world frame.
        settled: whether the thresholds of the recipe were met.
        refusal: kind of what was not (`graspgen.scene.refusal.Refusal`), "" when settled.
        reason: why not, "" when settled.
        settle_time: simulated time, s.
        max_speed: largest speed of a centre of mass at the end, relative to the belt where there is one, m/s.
        max_angular_speed: rad/s.
        max_penetration: deepest penetration at the end, m.
        removed: instance ids of the objects that left the arena.
        tunnelled: of these, those that went through something solid instead of over an edge.
        refused: kind and reason of every attempt that was refused before this one.
    """

    world: World
    T_world_object: Array
    velocity: Array
    angular_velocity: Array
    settled: bool
    refusal: str
    reason: str
    settle_time: float
    max_speed: float
    max_angular_speed: float
    max_penetration: float
    removed: tuple[int, ...]
    tunnelled: tuple[int, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
