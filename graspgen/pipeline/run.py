"""Run a recipe: hand out work units, collect their shards, and leave a dataset that is whole."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import mujoco

from graspgen.dataset.create import clear_partial, create_dataset
from graspgen.dataset.index import finalize
from graspgen.dataset.layout import INDEX, MANIFEST, UNFINISHED, write_error
from graspgen.dataset.lock import only_run
from graspgen.dataset.manifest import load_manifest
from graspgen.dataset.mend import distrusted
from graspgen.dataset.store import Store, begin, claim, publish
from graspgen.errors import DatasetError, GraspgenError, RecipeError
from graspgen.objects.selection import Selection, selection_of
from graspgen.pipeline.arena_copy import save_arena
from graspgen.pipeline.executors import executor_of, stop_on_sigterm
from graspgen.pipeline.journal import Journal, machine
from graspgen.pipeline.look_images import check_images
from graspgen.pipeline.preview import PREVIEW, write_preview
from graspgen.pipeline.progress import Display, print_note, print_selection
from graspgen.pipeline.quota_rows import plain
from graspgen.pipeline.quota_run import QuotaRun
from graspgen.pipeline.records import Records
from graspgen.pipeline.scene import SceneContext
from graspgen.pipeline.steering import focused
from graspgen.pipeline.summary import Summary
from graspgen.pipeline.units import Job, Unit, image_bytes, make_unit, scenes_per_shard
from graspgen.pipeline.watch import Watch, rounded
from graspgen.pipeline.work import Executor, Policy, WorkerError
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
    executor: str = "auto",
    policy: Policy | None = None,
    part: tuple[int, int] | None = None,
    address: str | None = None,
    store: str | None = None,
) -> Summary:
    """Make a dataset of `scenes` scenes in the folder `out`.

    The content depends on recipe, scenes and seed only. Whatever ends a run, Ctrl-C, an error, `kill -9`, a full disk,
    the same call again finishes what it has begun; what it has finished it leaves as it is.

    Args:
        recipe: what to make.
        out: the dataset's folder.
        scenes: how many scenes, >= 1.
        seed: the run's seed, >= 0.
        workers: processes; of Ray the most units at once, 0 for as many as the cluster has cores.
        overwrite: delete the dataset that is there first.
        resume: go on also with a complete dataset, which may so grow to more scenes.
        preview: draw `preview.png` at the end.
        quiet: show no progress.
        executor: "inline" works in this process, where a crash ends the run; "local" in processes that are replaced
            when they crash; "auto" inline for one worker; "ray" on a Ray cluster.
        policy: how patient to be with workers.
        part: (k, n) makes the k-th of n parts of the run, 1 <= k <= n, which `graspgen.dataset.merge` puts together.
        address: of the Ray cluster; None for the one that this machine belongs to.
        store: URL that the shards go to; None for the folder, which all workers must see then.

    Returns:
        What was made; `interrupted` is set when Ctrl-C ended it.

    Raises:
        GraspgenError: the run cannot start, a scene cannot be made, or a file cannot be written.
    """
    folder = Path(out)
    # What is wrong with the recipe's gripper, profile or objects, or with OpenGL, is said before a dataset is deleted.
    catalogue = SceneContext.open(recipe, seed, folder).catalogue
    selection = selection_of(catalogue)
    steering = QuotaRun(recipe, catalogue, seed, scenes) if recipe.quotas.targets else None
    if steering is not None and part is not None:
        raise RecipeError("--part and quotas exclude each other: quotas steer by what all scenes of a run hold")
    if steering is not None and store is not None:
        raise RecipeError("--store and quotas exclude each other: quotas count what the run's own folder holds")
    for key in recipe.focus.density:
        focused(recipe, key)
    check_images(recipe.render)
    executor_of(executor, workers, address)
    make_current()
    with contextlib.ExitStack() as held:
        journal = Journal(folder)
        held.enter_context(_claimed(folder, journal))
        resume = not overwrite and (resume or _goes_on(folder, scenes))
        notes = []
        if resume:
            _same_objects(journal, selection, folder)
            if why := distrusted(folder):
                notes.append(f"{folder / MANIFEST} {why}: every shard is read again, and it is rewritten")
        run = {
            "recipe": recipe.model_dump(mode="json"),
            "seed": seed,
            "scenes_per_shard": _layout(folder, scenes, recipe, resume),
            "mujoco_version": mujoco.__version__,
        }
        to = claim(store, folder, run, overwrite=overwrite, resume=resume)
        find = None if to is None else to.complete_shards
        manifest = create_dataset(
            folder,
            **run,
            scenes=scenes if steering is None else steering.first,
            most=None if steering is None else scenes,
            overwrite=overwrite,
            resume=resume,
            part=part,
            find=find,
        )
        if to is not None:
            begin(to, folder)
        save_arena(recipe, folder)
        if selection is not None and not quiet:
            print_selection(selection)
        notes.append(check_engines(recipe.render))
        for note in filter(None, notes):
            if not quiet:
                print_note(note)
        made = Summary(kept=len(manifest.hashes))
        records = Records(folder, manifest, find)
        whole = [Unit(number, tuple(manifest.expected(number))) for number in manifest.missing()]
        total = sum(len(unit.scenes) for unit in whole) if steering is None else scenes - made.kept
        batches = [whole] if steering is None else steering.rounds(records)
        chosen = {} if selection is None else {"objects": selection.plain()}
        told = {"scenes": scenes, "seed": seed, "workers": workers, "units": len(whole), "kept": made.kept}
        journal.write("start", pid=os.getpid(), host=socket.gethostname(), **told, **chosen, **machine())
        start = time.perf_counter()
        try:
            with stop_on_sigterm():
                job = _job(recipe, records, selection, to)
                with Display(total, quiet=quiet) as display:
                    watch = Watch(made, total, journal, display)
                    for units in batches:
                        few = workers if executor == "ray" else min(workers, len(units))
                        _make(job, records, units, watch, executor_of(executor, few, address), policy or Policy())
                        if steering is not None:
                            made.quotas = steering.report()
                if steering is not None:
                    made.quotas = steering.report()
                    journal.write("quotas", rows=plain(made.quotas))
                watch.last()
            _complete(folder, records, to)
        except KeyboardInterrupt:
            made.interrupted = True
            _save_what_is_complete(folder, records, to)
        except BaseException as error:
            # The first error is what the user must see, say the full disk that stops this as well.
            with contextlib.suppress(GraspgenError, OSError):
                journal.write("error", error=str(error))
            with contextlib.suppress(GraspgenError, OSError):
                _save_what_is_complete(folder, records, to)
            raise
        made.wall = time.perf_counter() - start
        some = bool(records.manifest.hashes)
        if some and preview and not made.interrupted and (made.done or not (folder / PREVIEW).is_file()):
            write_preview(folder, folder)
            if to is not None:
                to.put(PREVIEW, folder / PREVIEW)
        journal.write(
            "interrupted" if made.interrupted else "end",
            scenes=made.scenes,
            views=made.views,
            grasps=made.grasps,
            refused=dict(made.refused),
            given_up={str(scene): why for scene, why in made.given_up.items()},
            removed=made.removed,
            tunnelled=made.tunnelled,
            left_out=made.left_out,
            seconds=rounded(made.seconds),
            wall=round(made.wall, 3),
            content=records.manifest.content_hash,
        )
        refused = list(records.manifest.refused.values())
        if refused and not some and not made.interrupted:
            raise WorkerError(
                f"{folder} holds no scene: all {len(refused)} were refused (the last one: {refused[-1]}); mend what "
                "their workers died of, or give them more --time-limit, and start anew with --overwrite"
            )
        return made


@contextlib.contextmanager
def _claimed(folder: Path, journal: Journal) -> Iterator[None]:
    """Hold the folder from before anything is put there; one that was made for nothing is removed again."""
    if folder.exists() and not folder.is_dir():
        raise DatasetError(f"{folder} is a file; choose another output folder")
    new = not folder.exists()
    with contextlib.ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(only_run(folder, journal.holder))
        except OSError as error:
            raise write_error(folder, error) from error
        try:
            yield
        finally:
            if new:
                with contextlib.suppress(OSError):
                    folder.rmdir()


def _goes_on(folder: Path, scenes: int) -> bool:
    """Whether the folder holds a run that is not finished, the very one that is asked for, or one to be mended."""
    if distrusted(folder):
        return True
    try:
        found = load_manifest(folder)
    except DatasetError:
        return False
    return not found.complete or (found.most or found.scenes) == scenes


def _same_objects(journal: Journal, selection: Selection | None, folder: Path) -> None:
    """Refuse to go on with a run whose library has changed: its scenes would draw from other objects."""
    before = next((line["objects"]["digest"] for line in journal.events("start") if line.get("objects")), None)
    if selection is not None and before is not None and before != selection.digest:
        raise DatasetError(
            f"cannot resume {folder}: it was begun with other objects of {selection.source} (assets were added, "
            "removed or checked since); start anew with --overwrite, or restore the library"
        )


def _layout(folder: Path, scenes: int, recipe: Recipe, resume: bool) -> int:
    """Return the scenes of a shard; a run that is resumed keeps its own, though it may grow."""
    if resume and distrusted(folder) in ("", "was edited by hand") and (folder / MANIFEST).is_file():
        return load_manifest(folder).scenes_per_shard
    return scenes_per_shard(scenes, image_bytes(recipe))


def _job(recipe: Recipe, records: Records, selection: Selection | None, store: Store | None) -> Job:
    """Return what all units of the run share."""
    return Job(
        recipe=recipe.model_dump_json(),
        seed=records.manifest.seed,
        folder=str(records.folder.resolve()),
        attributes=records.manifest.attributes,
        objects="" if selection is None else selection.digest,
        store="" if store is None else store.url,
    )


def _make(job: Job, records: Records, units: list[Unit], watch: Watch, run: Executor, policy: Policy) -> None:
    """Make units; `watch` is told of every scene that is put by."""
    if not units:
        return
    finished = run(job, units, watch.report, make_unit, policy=policy, refuse=Unit.without, watch=watch.states)
    with contextlib.closing(finished):
        for unit in finished:
            records.add(unit.shard, unit.refused)
            watch.done(unit)


def _complete(folder: Path, records: Records, store: Store | None) -> None:
    """Write the index and the manifest over all shards, and clear away what waited for them."""
    if not (records.manifest.complete and (folder / INDEX).is_file()):
        records.save()
        records.manifest = finalize(folder, None if store is None else store.open)
        clear_partial(folder)
        for leftover in (folder / UNFINISHED).glob("*"):
            leftover.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            (folder / UNFINISHED).rmdir()
    if store is not None:
        publish(store, folder)
        store.delete([UNFINISHED])


def _save_what_is_complete(folder: Path, records: Records, store: Store | None) -> None:
    """Make a dataset of the complete shards after workers were ended at an arbitrary point."""
    clear_partial(folder)
    records.find()
    finalize(folder, None if store is None else store.open)
    if store is not None:
        publish(store, folder)
