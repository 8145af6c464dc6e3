"""Work units: a unit is a range of scenes, a pure function of the job and its number, one shard.

Any scheduler can make units in any order on any machine that sees the dataset's folder; what a unit
writes does not depend on who else runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from graspgen.dataset.layout import shard_file, shard_scenes
from graspgen.dataset.manifest import ShardInfo
from graspgen.dataset.record import SceneRecord
from graspgen.dataset.writer import write_shard
from graspgen.errors import ObjectError
from graspgen.objects.selection import selection_of
from graspgen.pipeline.scene import SceneContext, make_scene
from graspgen.recipe import Recipe

#: Large runs have shards of this many scenes (some 50 MB of images at 640x480 and four views).
_LARGEST = 16


@dataclass(frozen=True)
class Job:
    """What all units of a run share; small and picklable.

    Attributes:
        recipe: the recipe as JSON.
        seed: the run's seed.
        scenes: scenes of the whole run.
        scenes_per_shard: scenes of every unit but the last.
        folder: the dataset's folder.
        attributes: file attributes of every shard.
        objects: digest of the objects that the run draws from, "" for all procedural ones.
    """

    recipe: str
    seed: int
    scenes: int
    scenes_per_shard: int
    folder: str
    attributes: Mapping[str, Any]
    objects: str = ""


@dataclass(frozen=True)
class SceneDone:
    """A scene was made and handed to its shard.

    Attributes:
        unit: number of the unit.
        scene: index of the scene.
        views, grasps: how many rows it has.
        outcomes: number of grasps by outcome name.
        seconds: wall-clock time by stage.
        refused: kind and reason of every attempt that was refused before it settled.
        lost: objects that left the arena, of these those that went through something, and those that found no room.
    """

    unit: int
    scene: int
    views: int
    grasps: int
    outcomes: Mapping[str, int]
    seconds: Mapping[str, float]
    refused: tuple[tuple[str, str], ...] = ()
    lost: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True)
class UnitDone:
    """A unit's shard is complete.

    Attributes:
        unit: number of the unit.
        shard: what the manifest says about it.
        write_seconds: wall-clock time spent on writing.
    """

    unit: int
    shard: ShardInfo
    write_seconds: float = field(compare=False, default=0.0)


def scenes_per_shard(scenes: int) -> int:
    """Return how many scenes a shard of a run of `scenes` scenes holds.

    It depends on nothing else, so that a run is the same with any number of workers; small runs
    still have enough units to keep some sixteen workers busy.
    """
    return max(1, min(_LARGEST, scenes // 16))


def make_unit(job: Job, unit: int, report: Callable[[SceneDone], None]) -> UnitDone:
    """Make the scenes of a unit and write its shard.

    Args:
        job: the run.
        unit: number of the unit.
        report: called after every scene.

    Raises:
        GraspgenError: a scene cannot be made, or the shard cannot be written.
    """
    context = _open_context(job.recipe, job.seed, job.folder)
    selection = selection_of(context.catalogue)
    if job.objects and selection is not None and selection.digest != job.objects:
        raise ObjectError(
            f"{selection.source} was changed while the run went on: its workers would draw from different objects; "
            "run again, and leave the library alone meanwhile"
        )
    making = 0.0

    def records() -> Iterator[SceneRecord]:
        nonlocal making
        for index in shard_scenes(unit, job.scenes, job.scenes_per_shard):
            start = time.perf_counter()
            result = make_scene(context, index)
            making += time.perf_counter() - start
            tables = result.record.tables
            report(
                SceneDone(
                    unit=unit,
                    scene=index,
                    views=len(tables["views"]["id"]),
                    grasps=len(tables["grasps"]["id"]),
                    outcomes=dict(result.outcomes),
                    seconds=dict(result.seconds),
                    refused=result.refused,
                    lost=tuple(int(tables["scenes"][c][0]) for c in ("removed", "tunnelled", "left_out")),
                )
            )
            yield result.record

    start = time.perf_counter()
    shard = write_shard(Path(job.folder) / shard_file(unit), records(), job.attributes)
    return UnitDone(unit, shard, time.perf_counter() - start - making)


@lru_cache(maxsize=1)
def _open_context(recipe: str, seed: int, folder: str) -> SceneContext:
    """Keep the context of the run that this process works on: it compiles grippers once."""
    return SceneContext.open(Recipe.model_validate_json(recipe), seed, Path(folder))
