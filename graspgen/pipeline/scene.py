"""Make one scene: settle, capture, annotate, grasp, and gather everything in a record."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from graspgen.dataset.coded import colour_images
from graspgen.dataset.layout import OBJECTS
from graspgen.dataset.record import Columns, SceneRecord, columns
from graspgen.dataset.schema import Role, object_key
from graspgen.demos.tables import episode_tables
from graspgen.grasps.profile import Profile, load_profile
from graspgen.grippers.gripper import Gripper, load_gripper
from graspgen.looks.images import ImageStore
from graspgen.objects.catalogue import Catalogue
from graspgen.objects.library import content_hash, run_catalogue, save_asset
from graspgen.pipeline.flying_table import flying_table
from graspgen.pipeline.from_database import GraspDatabase, open_database
from graspgen.pipeline.grasp_tables import count_outcomes
from graspgen.pipeline.grasp_views import grasp_view_table
from graspgen.pipeline.grasping import grasp_scene, grasp_tables
from graspgen.pipeline.in_scene import try_in_scene
from graspgen.pipeline.look_images import open_images
from graspgen.pipeline.sequences import frame_tables, tried_grasps
from graspgen.pipeline.shared_tables import asset_table, gripper_table, profile_table, stack
from graspgen.pipeline.steering import Steering, is_steered, steer
from graspgen.pipeline.steering_columns import with_steering
from graspgen.pipeline.view_tables import annotation_table, keypoint_table, stored_depth, view_table
from graspgen.recipe import Recipe
from graspgen.render.opengl import ViewImages
from graspgen.render.views import check_engines, render_scene
from graspgen.scene.make import fixtures, settled_scene
from graspgen.scene.world import SettledScene


@dataclass(frozen=True, eq=False)
class SceneContext:
    """Everything that the scenes of a run share. Build it with `open`, once per process.

    Attributes:
        recipe, seed: of the run.
        catalogue: its objects.
        gripper, profile: of its grasps.
        dataset: folder that the meshes are saved to, or None to save none.
        threads: native threads of the trials; results do not depend on it.
        database: where grasps come from, or None to propose and try them.
        images: the user's images that views show.
    """

    recipe: Recipe
    seed: int
    catalogue: Catalogue
    gripper: Gripper
    profile: Profile
    dataset: Path | None
    threads: int = 1
    database: GraspDatabase | None = None
    images: ImageStore = field(default_factory=lambda: ImageStore(None))
    _saved: dict[int, str] = field(default_factory=dict)

    @classmethod
    def open(cls, recipe: Recipe, seed: int, dataset: str | Path | None, *, threads: int = 1) -> SceneContext:
        """Load what the recipe names.

        Raises:
            GraspgenError: the library, the gripper, the profile, the grasp database or a family does not exist or is
                not valid.
        """
        gripper, profile, spec = load_gripper(recipe.gripper), load_profile(recipe.grasps.profile), recipe.grasps
        check_engines(recipe.render)
        fixtures(recipe)  # what is wrong with a user's arena is said before anything is made
        return cls(
            recipe,
            seed,
            run_catalogue(recipe, seed),
            gripper,
            profile,
            None if dataset is None else Path(dataset),
            threads,
            None if spec.database is None else open_database(spec.database, gripper, profile, spec),
            open_images(recipe.render, None if dataset is None else Path(dataset)),
        )

    def save(self, number: int) -> str:
        """Save an asset's mesh to the dataset, once per process, and return its content hash."""
        if number not in self._saved:
            asset = self.catalogue.asset(number)
            if self.dataset is not None:
                save_asset(asset, self.dataset / "objects")
            self._saved[number] = content_hash(asset)
        return self._saved[number]


@dataclass(frozen=True, eq=False)
class SceneResult:
    """A scene and what it took.

    Attributes:
        record: its rows.
        seconds: wall-clock time of each stage.
        refused: kind and reason of every attempt that was refused before.
        outcomes: number of grasps by the name of their nominal free trial's outcome.
    """

    record: SceneRecord
    seconds: dict[str, float]
    refused: tuple[tuple[str, str], ...]
    outcomes: dict[str, int]


def make_scene(context: SceneContext, index: int, levers: Mapping[str, str] | None = None) -> SceneResult:
    """Make scene `index` of the run, a pure function of the context's recipe, its seed and the arguments.

    Args:
        context: what the scenes of the run share.
        index: number of the scene.
        levers: dimension of the recipe's quotas → the target that the scene is drawn for; None for none.

    Raises:
        GraspgenError: an object cannot be made, the scene does not settle, or nothing can be rendered.
    """
    seconds: dict[str, float] = {}
    run, catalogue, seed = context.recipe, context.catalogue, context.seed
    if not is_steered(run):
        with _timed(seconds, "settle"):
            settled = settled_scene(run, catalogue, seed, index)
        return finish_scene(context, settled, seconds)

    def steering(attempt: int) -> Steering:
        return steer(run, catalogue, seed, index, attempt, levers or {})

    with _timed(seconds, "settle"):
        settled = settled_scene(run, catalogue, seed, index, lambda attempt: steering(attempt).recipe(run))
    return finish_scene(context, settled, seconds, steering(settled.world.plan.attempt))


def finish_scene(
    context: SceneContext, settled: SettledScene, seconds: dict[str, float], steering: Steering | None = None
) -> SceneResult:
    """Capture, annotate and grasp a settled scene, which was drawn as `steering` says, None for as the recipe does."""
    run = context.recipe
    if steering is not None:
        context = replace(context, recipe=steering.recipe(run))
    with _timed(seconds, "render"):
        render = context.recipe.render
        images = render_scene(
            settled.world, shadow_size=render.shadow_size, images=context.images, fallback=render.fallback
        )
        settled = _as_rendered(settled, images)
        size = (context.recipe.views.height, context.recipe.views.width)
        colour = colour_images([image.rgb for image in images], size, run.storage.quality)
    with _timed(seconds, "annotate"):
        depth = [stored_depth(image.depth) for image in images]
        annotations = annotation_table(context.recipe, settled, images)
        keypoints = keypoint_table(settled, images, depth, annotations)
    with _timed(seconds, "grasp"):
        grasps = grasp_scene(
            settled, context.gripper, context.profile, context.recipe.grasps, context.threads, context.database
        )
    with _timed(seconds, "in_scene"):
        tried = try_in_scene(
            settled,
            context.gripper,
            context.profile,
            context.recipe.grasps,
            [(g.thing, g.labelled, g.collision) for g in grasps],
            context.threads,
        )
    with _timed(seconds, "tables"):
        of_grasps = grasp_tables(settled, grasps, tried, context.recipe.grasps)
    with _timed(seconds, "sequences"):
        frames = frame_tables(
            settled,
            context.gripper,
            context.profile,
            context.recipe,
            tried_grasps(settled, tried, of_grasps["grasps"]),
            context.images,
        )
    with _timed(seconds, "demos"):
        episodes = episode_tables(settled, context.recipe, settled.world.plan.seed, of_grasps["grasps"])
    with _timed(seconds, "save"):
        tables: dict[str, Columns] = {
            "scenes": _scene_table(settled),
            "assets": _asset_table(context, settled),
            "objects": _object_table(settled),
            "views": view_table(context.recipe, settled, images, colour, depth, context.images),
            "annotations": annotations,
            "flying": flying_table(settled.world.plan, images),
            "keypoints": keypoints,
            "grippers": gripper_table(context.gripper),
            "profiles": profile_table(context.profile),
            **of_grasps,
            "grasp_views": grasp_view_table(settled, of_grasps["grasps"], images),
            **frames,
            **episodes,
        }
    if steering is not None:
        with _timed(seconds, "edge_cases"):
            tables = with_steering(run, steering, tables, {n: a.mesh for n, a in settled.world.assets.items()})
    outcomes: Counter[str] = Counter()
    for g in grasps:
        outcomes.update(count_outcomes(g.labelled.results))
    plan = settled.world.plan
    record = SceneRecord(plan.index, tables)
    return SceneResult(record, seconds, settled.refused, dict(outcomes))


def _as_rendered(settled: SettledScene, images: Sequence[ViewImages]) -> SettledScene:
    """Return the scene with the engine in its plan that rendered each view, which may have fallen back to OpenGL."""
    plan = settled.world.plan
    views = tuple(v.model_copy(update={"engine": i.engine}) for v, i in zip(plan.views, images, strict=True))
    return replace(settled, world=replace(settled.world, plan=plan.model_copy(update={"views": views})))


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - start


def _scene_table(settled: SettledScene) -> Columns:
    plan = settled.world.plan
    return columns(
        "scenes",
        1,
        index=plan.index,
        seed=plan.seed,
        attempt=plan.attempt,
        task=plan.task,
        plan=plan.model_dump_json(),
        gravity=plan.gravity_vector,
        settled=settled.settled,
        settle_time=settled.settle_time,
        max_speed=settled.max_speed,
        max_angular_speed=settled.max_angular_speed,
        max_penetration=settled.max_penetration,
        arena=plan.arena.name,
        arrangement=plan.arrangement.kind,
        belt_velocity=plan.arena.belt_velocity,
        removed=len(settled.removed),
        tunnelled=len(settled.tunnelled),
        left_out=plan.arrangement.left_out,
    )


def _asset_table(context: SceneContext, settled: SettledScene) -> Columns:
    # Also of objects that fell off: the scene is made again with them.
    numbers = sorted({o.asset for o in settled.world.plan.objects})
    return asset_table(
        numbers,
        [context.catalogue.asset(n) for n in numbers],
        [context.save(n) for n in numbers],
        context.catalogue.class_names,
        OBJECTS,
    )


def _object_table(settled: SettledScene) -> Columns:
    objects, scene = settled.world.objects, settled.world.plan.index
    return columns(
        "objects",
        len(objects),
        id=[object_key(scene, o.plan.instance_id) for o in objects],
        scene=scene,
        asset=[o.plan.asset for o in objects],
        instance_id=[o.plan.instance_id for o in objects],
        T_world_object=settled.T_world_object,
        velocity=settled.velocity,
        angular_velocity=settled.angular_velocity,
        scale=stack([np.full(3, o.plan.scale) for o in objects], (3,)),
        mass=[o.mass for o in objects],
        com=stack([o.asset.com for o in objects], (3,)),
        inertia=stack([o.inertia for o in objects], (3, 3)),
        friction=stack([o.plan.friction for o in objects], (3,)),
        role=[Role[o.plan.role.upper()] for o in objects],
        labelled=[o.plan.labelled for o in objects],
    )
