"""Run a recipe: hand out work units, collect their shards, and leave a dataset that is whole."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import mujoco

from graspgen.dataset.create import complete_shards, create_dataset
from graspgen.dataset.index import finalize
from graspgen.dataset.layout import MANIFEST, PARTIAL, SHARDS
from graspgen.dataset.lock import only_run
from graspgen.dataset.manifest import Manifest, add_shard, load_manifest, save_manifest
from graspgen.errors import DatasetError, GraspgenError
from graspgen.objects.selection import Selection, selection_of
from graspgen.pipeline.arena_copy import save_arena
from graspgen.pipeline.executors import run_here, run_processes, stop_on_sigterm
from graspgen.pipeline.journal import Journal, machine
from graspgen.pipeline.look_images import check_images
from graspgen.pipeline.preview import write_preview
from graspgen.pipeline.progress import Display, print_note, print_selection
from graspgen.pipeline.scene import SceneContext
from graspgen.pipeline.summary import Summary
from graspgen.pipeline.units import Job, SceneDone, scenes_per_shard
from graspgen.recipe import Recipe
from graspgen.render.gl import make_current
from graspgen.render.views import check_engines


def generate(
    recipe: Recipe,
    out: str | Path,
    scenes: int,
    seed: int = 0,
    workers: int = 1,
    *,
    overwrite: bool = False,
    resume: bool = False,
    preview: bool = True,
    quiet: bool = False,
) -> Summary:
    """Make a dataset of `scenes` scenes in the folder `out`.

    The content depends on recipe, scenes and seed only. Ctrl-C, an error or a dying worker leave a
    dataset of the complete shards, which `resume` takes up.

    Args:
        recipe: what to make.
        out: the dataset's folder.
        scenes: how many scenes, >= 1.
        seed: the run's seed, >= 0.
        workers: processes; 1 works in this one.
        overwrite: delete the dataset that is there first.
        resume: keep the complete shards that are there.
        preview: draw `preview.png` at the end.
        quiet: show no progress.

    Returns:
        What was made; `interrupted` is set when Ctrl-C ended it.

    Raises:
        GraspgenError: the run cannot start, a scene cannot be made, or a file cannot be written.
    """
    folder = Path(out)
    # What is wrong with the recipe's gripper, profile or objects, or with OpenGL, is said before a dataset is deleted.
    selection = selection_of(SceneContext.open(recipe, seed, folder).catalogue)
    check_images(recipe.render)
    make_current()
    with contextlib.ExitStack() as held:
        there = folder.is_dir()
        if there:
            held.enter_context(only_run(folder))
        journal = Journal(folder)
        if resume:
            _same_objects(journal, selection, folder)
        manifest = create_dataset(
            folder,
            recipe=recipe.model_dump(mode="json"),
            seed=seed,
            scenes=scenes,
            scenes_per_shard=_layout(folder, scenes, resume),
            mujoco_version=mujoco.__version__,
            overwrite=overwrite,
            resume=resume,
        )
        if not there:
            held.enter_context(only_run(folder))
        save_arena(recipe, folder)
        if selection is not None and not quiet:
            print_selection(selection)
        note = check_engines(recipe.render)
        if note and not quiet:
            print_note(note)
        units = manifest.missing()
        made = Summary(kept=len(manifest.hashes))
        chosen = {} if selection is None else {"objects": selection.plain()}
        journal.write("start", scenes=scenes, seed=seed, workers=workers, units=len(units), **chosen, **machine())
        start = time.perf_counter()
        try:
            with stop_on_sigterm():
                _make(recipe, manifest, folder, units, workers, made, journal, quiet, selection)
            finalize(folder)
        except KeyboardInterrupt:
            made.interrupted = True
            _save_what_is_complete(folder)
        except BaseException as error:
            # The first error is what the user must see, say the full disk that stops this as well.
            with contextlib.suppress(GraspgenError, OSError):
                journal.write("error", error=str(error))
                _save_what_is_complete(folder)
            raise
        made.wall = time.perf_counter() - start
        if preview and not made.interrupted:
            write_preview(folder)
        journal.write(
            "interrupted" if made.interrupted else "end",
            scenes=made.scenes,
            views=made.views,
            grasps=made.grasps,
            refused=dict(made.refused),
            removed=made.removed,
            tunnelled=made.tunnelled,
            left_out=made.left_out,
            seconds=_rounded(made.seconds),
            wall=round(made.wall, 3),
        )
        return made


def _same_objects(journal: Journal, selection: Selection | None, folder: Path) -> None:
    """Refuse to go on with a run whose library has changed: its scenes would draw from other objects."""
    before = next((line["objects"]["digest"] for line in journal.events("start") if line.get("objects")), None)
    if selection is not None and before is not None and before != selection.digest:
        raise DatasetError(
            f"cannot resume {folder}: it was begun with other objects of {selection.source} (assets were added, "
            "removed or checked since); start anew with --overwrite, or restore the library"
        )


def _layout(folder: Path, scenes: int, resume: bool) -> int:
    """Return the scenes of a shard; a run that is resumed keeps its own, though it may grow."""
    if resume and (folder / MANIFEST).is_file():
        return load_manifest(folder).scenes_per_shard
    return scenes_per_shard(scenes)


def _make(
    recipe: Recipe,
    manifest: Manifest,
    folder: Path,
    units: list[int],
    workers: int,
    made: Summary,
    journal: Journal,
    quiet: bool,
    selection: Selection | None,
) -> None:
    """Make the units; `made` grows with every scene of a complete shard."""
    job = Job(
        recipe=recipe.model_dump_json(),
        seed=manifest.seed,
        scenes=manifest.scenes,
        scenes_per_shard=manifest.scenes_per_shard,
        folder=str(folder.resolve()),
        attributes=manifest.attributes,
        objects="" if selection is None else selection.digest,
    )
    seen = Summary()
    unwritten: dict[int, list[SceneDone]] = {}
    total = sum(len(manifest.expected(unit)) for unit in units)
    with Display(total, quiet=quiet) as display:

        def report(event: SceneDone) -> None:
            unwritten.setdefault(event.unit, []).append(event)
            seen.add(event)
            display.update(seen)

        processes = min(workers, len(units))
        if processes > 1:
            finished = run_processes(job, units, processes, report)
        else:
            finished = run_here(job, units, report)
        with contextlib.closing(finished):
            for unit in finished:
                add_shard(folder, unit.shard)
                seen.add(unit)
                made.add(unit)
                for event in unwritten.pop(unit.unit, []):
                    made.add(event)
                    journal.write(
                        "scene",
                        scene=event.scene,
                        seconds=_rounded(event.seconds),
                        refused=event.refused,
                    )
                journal.write("shard", shard=unit.shard.file, seconds=round(unit.write_seconds, 4))


def _save_what_is_complete(folder: Path) -> None:
    """Make a dataset of the complete shards after workers were ended at an arbitrary point."""
    for leftover in [*folder.glob(f"*{PARTIAL}"), *(folder / SHARDS).glob(f"*{PARTIAL}")]:
        leftover.unlink(missing_ok=True)
    # A shard may be complete although nobody was left to record it.
    manifest = load_manifest(folder)
    save_manifest(folder, replace(manifest, shards=complete_shards(folder, manifest)))
    finalize(folder)


def _rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    return {stage: round(s, 4) for stage, s in seconds.items()}
