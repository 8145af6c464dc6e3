"""Grasp the objects of a settled scene: propose, try in free space, check the open hand in the scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.record import Columns, no_rows
from graspgen.dataset.schema import grasp_key, object_key
from graspgen.errors import DatasetError
from graspgen.frames import Array
from graspgen.grasps.clearance import Obstacle, hand_clearance
from graspgen.grasps.finger_around import Around, around
from graspgen.grasps.label import LabelledGrasps, label_object
from graspgen.grasps.outcomes import Collision
from graspgen.grasps.profile import Profile
from graspgen.grasps.propose import propose_grasps
from graspgen.grasps.quality import Quality, grasp_quality
from graspgen.grippers.gripper import Gripper
from graspgen.pipeline import in_scene
from graspgen.pipeline.from_database import GraspDatabase, from_database
from graspgen.pipeline.grasp_tables import grasp_rows, trial_rows
from graspgen.pipeline.grasp_views import approach_cone
from graspgen.pipeline.in_scene import InSceneTrials
from graspgen.raycast import RayCaster
from graspgen.recipe import Grasps
from graspgen.scene.plan import ScenePlan
from graspgen.scene.world import SceneObject, SettledScene
from graspgen.streams import Purpose, stream

#: Clearance to support and neighbours is measured up to this, m.
SCENE_REACH = 0.02


@dataclass(frozen=True, eq=False)
class ObjectGrasps:
    """The grasps of one object of a scene.

    Attributes:
        thing: the object.
        labelled: n grasps and their free-space labels.
        quality: (n,) their analytic scores.
        collision: (n,) `Collision` bits of support and neighbours.
        clearance: (n,) smallest distance of the open hand to support and neighbours at the grasp and on its approach,
            up to the first touch, m, at most `SCENE_REACH`.
    """

    thing: SceneObject
    labelled: LabelledGrasps
    quality: Quality
    collision: NDArray[np.uint8]
    clearance: Array


def grasp_scene(
    settled: SettledScene,
    gripper: Gripper,
    profile: Profile,
    spec: Grasps,
    threads: int = 1,
    database: GraspDatabase | None = None,
) -> list[ObjectGrasps]:
    """Find labelled grasps of every target, and check the open hand in the scene.

    Grasps come from the database where there is one; else they are proposed and tried here.

    Raises:
        DatasetError: the database does not hold an object, or not as it is in this scene.
    """
    objects, plan, chosen = settled.world.objects, settled.world.plan, settled.world.targets
    if not len(chosen) or not spec.per_object:
        return []
    targets = [objects[i] for i in chosen]
    labelled = [
        _label(settled, int(i), gripper, profile, spec, threads)
        if database is None
        else _take(objects[i], plan, database, spec.per_object)
        for i in chosen
    ]
    number = [len(g.candidates) for g in labelled]
    owner = np.repeat(chosen, number)
    obstacles = [Obstacle(settled.world.support, np.eye(4))]
    obstacles += [Obstacle(o.asset.parts, T) for o, T in zip(objects, settled.T_world_object, strict=True)]
    seen = hand_clearance(
        gripper,
        obstacles,
        settled.T_world_object[owner] @ np.concatenate([g.candidates.T_object_grasp for g in labelled]),
        np.concatenate([g.candidates.width for g in labelled]),
        grip_width=np.concatenate([g.candidates.grip_width for g in labelled]),
        pregrasp=np.concatenate([g.candidates.fingers[:, 0] for g in labelled]),
        approach=spec.approach,
        step=profile.protocol.approach_step,
        reach=SCENE_REACH,
        ignore=owner + 1,
        threads=threads,
    )
    bits = (
        (Collision.SUPPORT_AT_GRASP, seen.at_grasp[:, :1]),
        (Collision.NEIGHBOUR_AT_GRASP, seen.at_grasp[:, 1:]),
        (Collision.SUPPORT_ON_APPROACH, seen.on_approach[:, :1]),
        (Collision.NEIGHBOUR_ON_APPROACH, seen.on_approach[:, 1:]),
    )
    collision = np.zeros(len(owner), np.uint8)
    for bit, distance in bits:
        collision |= ((distance < 0).any(axis=1) * int(bit)).astype(np.uint8)
    clearance = seen.on_approach.min(axis=1)
    ends = np.cumsum(number)[:-1]
    poses = settled.T_world_object[chosen]
    quality = [
        _quality(o, g, gripper, plan, T, spec) for o, g, T in zip(targets, labelled, poses, strict=True)
    ]  # fmt: skip
    return [
        ObjectGrasps(*row)
        for row in zip(targets, labelled, quality, np.split(collision, ends), np.split(clearance, ends), strict=True)
    ]


def scene_around(settled: SettledScene, number: int, spec: Grasps) -> Around:
    """Say what lies around an object of a scene, by its number among the scene's objects, and whence a robot comes."""
    objects = settled.world.objects
    others = [(Obstacle(settled.world.support, np.eye(4)), np.inf)]
    for i, (o, T) in enumerate(zip(objects, settled.T_world_object, strict=True)):
        if i != number:
            others.append((Obstacle(o.asset.parts, T), float(np.linalg.norm(o.asset.mesh.vertices, axis=1).max())))
    axis, cone = np.array(spec.approach_axis), np.radians(spec.approach_cone_deg)
    return around(objects[number].asset, settled.T_world_object[number], others, axis, cone)


def _label(
    settled: SettledScene, number: int, gripper: Gripper, profile: Profile, spec: Grasps, threads: int
) -> LabelledGrasps:
    thing, plan = settled.world.objects[number], settled.world.plan
    key = (*plan.grasp_stream, thing.plan.instance_id)
    candidates = propose_grasps(
        thing.asset,
        gripper,
        spec.per_object,
        stream(plan.seed, Purpose.GRASPS, *key),
        cone=np.radians(spec.cone_deg),
        tilt=np.radians(spec.tilt_deg),
        clearance=spec.clearance,
        clear_share=spec.clear_share,
        contact_share=spec.contact_share,
        scene_share=spec.scene_share,
        scene=scene_around(settled, number, spec) if gripper.fingered else None,
        approach=spec.approach,
        step=profile.protocol.approach_step,
        threads=threads,
    )
    return label_object(
        thing.asset,
        gripper,
        profile,
        candidates,
        mass=thing.mass,
        inertia=thing.inertia,
        friction=thing.plan.friction,
        rng=stream(plan.seed, Purpose.TRIALS, *key),
        draws=spec.draws,
        min_friction=spec.min_friction,
        hard_negatives=spec.hard_negatives,
        force=spec.force,
        approach=spec.approach,
        threads=threads,
    )


def _take(thing: SceneObject, plan: ScenePlan, database: GraspDatabase, count: int) -> LabelledGrasps:
    if any(thing.plan.com_offset) or thing.plan.inertia_scale != (1.0, 1.0, 1.0):
        raise DatasetError(
            f"the grasp database {database.path} tried {thing.asset.name} with its own distribution of mass, a "
            "scene draws another; leave objects.com_offset and objects.inertia_scale unset"
        )
    return from_database(
        database,
        thing.asset,
        count,
        scale=thing.plan.scale,
        mass=thing.mass,
        friction=thing.plan.friction,
        rng=stream(plan.seed, Purpose.GRASPS, *plan.grasp_stream, thing.plan.instance_id),
    )


def _quality(
    thing: SceneObject, labelled: LabelledGrasps, gripper: Gripper, plan: ScenePlan, T_world_object: Array, spec: Grasps
) -> Quality:
    caster = RayCaster(thing.asset.mesh.vertices, thing.asset.mesh.faces)
    gravity = T_world_object[:3, :3].T @ plan.gravity_vector
    return grasp_quality(
        caster, labelled.candidates, gripper, thing.asset.com, thing.plan.friction, mass=thing.mass, gravity=gravity,
        force=spec.force,
    )  # fmt: skip


def grasp_tables(
    settled: SettledScene, grasps: list[ObjectGrasps], tried: InSceneTrials, spec: Grasps
) -> dict[str, Columns]:
    """Build the rows of `grasps` and of all tables of trials of a scene."""
    poses = {o.plan.instance_id: T for o, T in zip(settled.world.objects, settled.T_world_object, strict=True)}
    scene, first = settled.world.plan.index, 0
    grasp_parts, trial_parts = [], []
    for g in grasps:
        n = len(g.labelled.candidates)
        keys = np.array([grasp_key(scene, first + i) for i in range(n)], np.int64)
        key = object_key(scene, g.thing.plan.instance_id)
        T_world_grasp = poses[g.thing.plan.instance_id] @ g.labelled.candidates.T_object_grasp
        angle, in_cone = approach_cone(T_world_grasp, spec)
        grasp_parts.append(
            grasp_rows(
                g.labelled,
                g.quality,
                keys,
                scene=scene,
                object_key=key,
                collision=g.collision,
                clearance=g.clearance,
                approach_angle=angle,
                in_cone=in_cone,
            )
        )
        trial_parts.append(trial_rows(g.labelled, keys, friction=g.thing.plan.friction[0], mass=g.thing.mass))
        first += n
    rows, keys = _concatenated("grasps", grasp_parts), np.array([grasp_key(scene, g) for g in tried.grasp], np.int64)
    rows["outcome_in_scene"][tried.grasp] = tried.results.outcome
    trials = _concatenated("trials", [*trial_parts, in_scene.trial_rows(settled, tried, keys)])
    order = np.lexsort((trials["draw"], trials["kind"], trials["grasp"]))
    return {
        "grasps": rows,
        "trials": {name: values[order] for name, values in trials.items()},
        "scene_trials": in_scene.scene_trial_rows(tried, keys),
        "displacements": in_scene.displacement_rows(settled, tried, keys),
    }


def _concatenated(table: str, parts: list[Columns]) -> Columns:
    if not parts:
        return no_rows(table)
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
