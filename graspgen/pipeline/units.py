"""Work units: a unit is the scenes of one shard, a pure function of the job and its number.

Any scheduler can make units in any order on any machine that sees the dataset's folder; what a unit
writes does not depend on who else runs. Every scene is put by as soon as it is made, so a unit that
is made again goes on where it was.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from graspgen.dataset.manifest import ShardInfo
from graspgen.dataset.pack import PackedScene, pack_scene
from graspgen.errors import ObjectError
from graspgen.objects.selection import selection_of
from graspgen.pipeline.memory import give_back
from graspgen.pipeline.scene import SceneContext, SceneResult, make_scene
from graspgen.pipeline.shelf import shelf_of
from graspgen.pipeline.work import Report, Working
from graspgen.recipe import Recipe

#: Shards that every run has at least, if it has the scenes: enough units to keep some sixteen workers busy.
_FEWEST = 16
#: Most scenes of a shard, and most bytes of their images before they are compressed (about a third on the disk).
_MOST_SCENES, _MOST_BYTES = 256, 1 << 31
#: Of colour, depth and ids, and about that of one more layer.
_PIXEL_BYTES, _LAYER_BYTES = 6, 4


@dataclass(frozen=True)
class Job:
    """What all units of a run share; small and picklable.

    Attributes:
        recipe: the recipe as JSON.
        seed: the run's seed.
        folder: the dataset's folder.
        attributes: file attributes of every shard.
        objects: digest of the objects that the run draws from, "" for all procedural ones.
        store: URL that the shards go to, "" for the folder, which all workers see then.
    """

    recipe: str
    seed: int
    folder: str
    attributes: Mapping[str, Any]
    objects: str = ""
    store: str = ""


@dataclass(frozen=True)
class Unit:
    """The scenes of one shard.

    Attributes:
        number: of the shard.
        scenes: indices, ascending.
        refused: index → reason of those that cannot be made.
        levers: index → what a scene is drawn for (`graspgen.pipeline.scene.make_scene`), where the run has quotas.
    """

    number: int
    scenes: tuple[int, ...]
    refused: Mapping[int, str] = field(default_factory=dict)
    levers: Mapping[int, Mapping[str, str]] = field(default_factory=dict)

    def without(self, scene: int, reason: str) -> Unit:
        """Return the unit without one of its scenes, for a reason."""
        return replace(self, refused={**self.refused, scene: reason})


@dataclass(frozen=True)
class SceneDone:
    """A scene was made and put by for its shard.

    Attributes:
        unit: number of the unit.
        scene: index of the scene.
        views, grasps: how many rows it has.
        outcomes: number of grasps by outcome name.
        seconds: wall-clock time by stage.
        refused: kind and reason of every attempt that was refused before it settled.
        lost: objects that left the arena, of these those that went through something, and those that found no room.
        kept: it was made before, by a process that did not live to finish its shard.
    """

    unit: int
    scene: int
    views: int
    grasps: int
    outcomes: Mapping[str, int]
    seconds: Mapping[str, float]
    refused: tuple[tuple[str, str], ...] = ()
    lost: tuple[int, int, int] = (0, 0, 0)
    kept: bool = False


@dataclass(frozen=True)
class UnitDone:
    """A unit's shard is complete.

    Attributes:
        unit: number of the unit.
        shard: what the manifest says about it; None where all of its scenes were refused.
        refused: index → reason of the scenes that are not in it.
        write_seconds: wall-clock time spent on writing.
    """

    unit: int
    shard: ShardInfo | None
    refused: Mapping[int, str] = field(default_factory=dict)
    write_seconds: float = field(compare=False, default=0.0)


def scenes_per_shard(scenes: int, scene_bytes: int = 0) -> int:
    """Return how many scenes a shard of a run of `scenes` scenes holds.

    It depends on nothing else but the size of a scene's images, so that a run is the same with any number of workers.

    Args:
        scenes: of the run.
        scene_bytes: of one scene's images, before they are compressed.
    """
    fits = _MOST_BYTES // max(scene_bytes, 1)
    return max(1, min(_MOST_SCENES, fits, scenes // _FEWEST, max(16, math.isqrt(scenes))))


def image_bytes(recipe: Recipe) -> int:
    """Return about how many bytes the images of one scene take before they are compressed."""
    views = recipe.views
    count = sum(len(camera.view_names()) for camera in views.cameras) if views.cameras else views.per_scene
    return count * views.width * views.height * (_PIXEL_BYTES + _LAYER_BYTES * len(views.modalities))


def make_unit(job: Job, unit: Unit, report: Report) -> UnitDone:
    """Make the scenes of a unit and write its shard.

    Args:
        job: the run.
        unit: the unit.
        report: called before (`Working`) and after (`SceneDone`) every scene.

    Raises:
        GraspgenError: a scene cannot be made, or the shard cannot be written.
    """
    shelf = shelf_of(job.folder, job.store)
    wanted = [index for index in unit.scenes if index not in unit.refused]
    context: SceneContext | None = None
    for index in wanted:
        kept = shelf.kept(index)
        if kept is not None and kept.index == index:
            report(_kept(unit.number, kept))
            continue
        if context is None:
            report(Working(unit.number, None, "opening"))
            context = _context(job, shelf.folder)
        report(Working(unit.number, index))
        levers = unit.levers.get(index)
        result = make_scene(context, index, levers) if levers else make_scene(context, index)
        start = time.perf_counter()
        shelf.put_by(pack_scene(result.record, context.recipe.storage.codec))
        report(_done(unit.number, result, time.perf_counter() - start))
        del result
        give_back()
    report(Working(unit.number, None, "writing"))
    start = time.perf_counter()
    shard = shelf.write(unit.number, wanted, job.attributes) if wanted else None
    shelf.clear(unit.scenes)
    give_back(circles=True)
    return UnitDone(unit.number, shard, dict(unit.refused), time.perf_counter() - start)


def _done(unit: int, result: SceneResult, packing: float) -> SceneDone:
    tables = result.record.tables
    return SceneDone(
        unit=unit,
        scene=result.record.index,
        views=len(tables["views"]["id"]),
        grasps=len(tables["grasps"]["id"]),
        outcomes=dict(result.outcomes),
        seconds={**result.seconds, "pack": packing},
        refused=result.refused,
        lost=tuple(int(tables["scenes"][c][0]) for c in ("removed", "tunnelled", "left_out")),
    )


def _kept(unit: int, scene: PackedScene) -> SceneDone:
    views, grasps = (len(scene.columns[table]["id"]) for table in ("views", "grasps"))
    return SceneDone(unit, scene.index, views, grasps, {}, {}, kept=True)


def _context(job: Job, folder: Path) -> SceneContext:
    """Open the run's context, once per process, and see that its objects are those that it was begun with."""
    context = _open_context(job.recipe, job.seed, str(folder))
    selection = selection_of(context.catalogue)
    if job.objects and selection is not None and selection.digest != job.objects:
        raise ObjectError(
            f"{selection.source} was changed while the run went on: its workers would draw from different objects; "
            "run again, and leave the library alone meanwhile"
        )
    return context


@lru_cache(maxsize=1)
def _open_context(recipe: str, seed: int, folder: str) -> SceneContext:
    """Keep the context of the run that this process works on: it compiles grippers once."""
    return SceneContext.open(Recipe.model_validate_json(recipe), seed, Path(folder))
