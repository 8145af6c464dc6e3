"""Grasp the objects of a settled scene: propose, try in free space, check the open hand in the scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.record import Columns, columns
from graspgen.dataset.schema import TrialKind, grasp_key, object_key
from graspgen.frames import Array, pose
from graspgen.grasps.candidates import Candidates, propose
from graspgen.grasps.clearance import Clearance, Obstacle, hand_clearance
from graspgen.grasps.outcomes import Collision, Outcome
from graspgen.grasps.profile import Profile
from graspgen.grasps.trial import TrialResults, try_asset
from graspgen.grippers.gripper import Gripper
from graspgen.objects.asset import Part
from graspgen.recipe import Grasps
from graspgen.scene.plan import ScenePlan
from graspgen.scene.world import SceneObject, SettledScene
from graspgen.streams import Purpose, stream


#: Clearance to support and neighbours is measured up to this, m.
SCENE_REACH = 0.02


@dataclass(frozen=True, eq=False)
class SceneGrasps:
    """The grasps of a scene.

    Attributes:
        by_object: for every object of the scene, in order: the object, its candidates, their trials.
        support: (n,) clearance of the open hand to the support at the grasp, m, all candidates in order.
        support_approach: (n,) smallest clearance to the support on the approach, m.
        neighbour, neighbour_approach: (n,) the same for the nearest other object.
    """

    by_object: tuple[tuple[SceneObject, Candidates, TrialResults], ...]
    support: Array
    support_approach: Array
    neighbour: Array
    neighbour_approach: Array


def grasp_scene(
    settled: SettledScene, gripper: Gripper, profile: Profile, spec: Grasps, threads: int = 1
) -> SceneGrasps:
    """Propose grasps of every object, try each in free space, and check the open hand in the scene."""
    plan = settled.world.plan
    by_object = tuple(
        _grasp_object(o, plan, gripper, profile, spec, threads) for o in settled.world.objects
    )
    T_world_grasp, width, owner = _placed(by_object, settled.T_world_object)
    length, thickness = plan.table_size[:2], plan.table_size[2]
    table = Part("box", [length[0] / 2, length[1] / 2, thickness / 2])
    obstacles = [Obstacle([table], pose(translation=[0, 0, -thickness / 2]))]
    obstacles += [
        Obstacle(o.asset.parts, T)
        for o, T in zip(settled.world.objects, settled.T_world_object, strict=True)
    ]
    seen = hand_clearance(
        gripper,
        obstacles,
        T_world_grasp,
        width,
        approach=spec.approach,
        step=profile.protocol.approach_step,
        reach=SCENE_REACH,
        ignore=owner + 1,
        threads=threads,
    )
    return SceneGrasps(by_object, *_nearest(seen))


def _grasp_object(
    thing: SceneObject,
    plan: ScenePlan,
    gripper: Gripper,
    profile: Profile,
    spec: Grasps,
    threads: int,
) -> tuple[SceneObject, Candidates, TrialResults]:
    rng = stream(plan.seed, Purpose.GRASPS, *plan.grasp_stream, thing.plan.instance_id)
    candidates = propose(
        thing.asset,
        gripper,
        spec.per_object,
        rng,
        cone=np.radians(spec.cone_deg),
        clearance=spec.clearance,
        clear_share=spec.clear_share,
        approach=spec.approach,
        step=profile.protocol.approach_step,
        threads=threads,
    )
    trials = try_asset(
        thing.asset,
        gripper,
        profile,
        candidates.T_object_grasp,
        candidates.width,
        mass=thing.mass,
        inertia=thing.inertia,
        friction=thing.plan.friction,
        force=spec.force,
        approach=spec.approach,
        threads=threads,
    )
    return thing, candidates, trials


def _placed(
    by_object: tuple[tuple[SceneObject, Candidates, TrialResults], ...], T_world_object: Array
) -> tuple[Array, Array, NDArray[np.int64]]:
    """Grasp frames in the world, openings, and the position of each grasp's object in the scene."""
    T = [T_world_object[i] @ c.T_object_grasp for i, (_, c, _) in enumerate(by_object)]
    width = [c.width for _, c, _ in by_object]
    owner = [np.full(len(c), i) for i, (_, c, _) in enumerate(by_object)]
    return np.concatenate(T), np.concatenate(width), np.concatenate(owner)


def _nearest(seen: Clearance) -> tuple[Array, Array, Array, Array]:
    """Support and nearest neighbour, at the grasp and on the approach; obstacle 0 is the support."""
    at, way = seen.at_grasp, seen.on_approach
    return at[:, 0], way[:, 0], at[:, 1:].min(axis=1), way[:, 1:].min(axis=1)


def grasp_table(settled: SettledScene, grasps: SceneGrasps) -> Columns:
    """Build the rows of `grasps`."""
    scene = settled.world.plan.index
    candidates, trials, owner = _joined(grasps)
    n = len(owner)
    angle = candidates["antipodal_angle"]
    at, way = trials["target_at_grasp"] < 0, trials["target_on_approach"] < 0
    bits = (
        (Collision.SUPPORT_AT_GRASP, grasps.support < 0),
        (Collision.NEIGHBOUR_AT_GRASP, grasps.neighbour < 0),
        (Collision.TARGET_AT_GRASP, at),
        (Collision.SUPPORT_ON_APPROACH, grasps.support_approach < 0),
        (Collision.NEIGHBOUR_ON_APPROACH, grasps.neighbour_approach < 0),
        (Collision.TARGET_ON_APPROACH, way),
    )
    return columns(
        "grasps",
        n,
        id=[grasp_key(scene, i) for i in range(n)],
        scene=scene,
        object=[object_key(scene, o.plan.instance_id) for o in owner],
        gripper=0,
        T_object_grasp=candidates["T_object_grasp"],
        width=candidates["width"],
        contacts=candidates["contacts"],
        normals=candidates["normals"],
        sampler=candidates["sampler"],
        parent=-1,
        antipodal_angle=angle,
        min_friction_analytic=np.tan(angle),
        epsilon=np.nan,
        collision=sum((int(bit) * hit for bit, hit in bits), np.zeros(n, np.uint8)),
        clearance=np.minimum(grasps.support_approach, grasps.neighbour_approach),
        outcome=trials["outcome"],
        success_rate=(trials["outcome"] == Outcome.SUCCESS).astype(float),
        min_friction=np.nan,
        outcome_in_scene=Outcome.NOT_TRIED,
    )


def trial_table(settled: SettledScene, grasps: SceneGrasps) -> Columns:
    """Build the rows of `trials`: one free trial of every grasp."""
    scene = settled.world.plan.index
    _, trials, owner = _joined(grasps)
    n = len(owner)
    same = (
        "outcome", "phase", "time_to_failure", "failed_direction", "drift_closing", "drift_holding", "rotation_closing",
        "rotation_holding", "grip_force", "width", "peak_acceleration", "held_acceleration",
    )  # fmt: skip
    return columns(
        "trials",
        n,
        grasp=[grasp_key(scene, i) for i in range(n)],
        kind=TrialKind.FREE,
        profile=0,
        draw=0,
        friction=[o.plan.friction[0] for o in owner],
        mass=[o.mass for o in owner],
        com_offset=np.zeros(3),
        pose_noise=np.zeros(6),
        **{name: trials[name] for name in same},
    )


def _joined(
    grasps: SceneGrasps,
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]], list[SceneObject]]:
    """All objects' candidates and trials end to end, and the object of each."""
    parts = grasps.by_object
    candidates = {k: np.concatenate([vars(c)[k] for _, c, _ in parts]) for k in vars(parts[0][1])}
    trials = {k: np.concatenate([vars(t)[k] for _, _, t in parts]) for k in vars(parts[0][2])}
    return candidates, trials, [o for o, c, _ in parts for _ in range(len(c))]
