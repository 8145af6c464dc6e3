"""Make a grasp database: many labelled grasps of every object of a library, in one file.

Objects are labelled one by one, in any number of processes. Each one's rows are stored in one go in `<file>.parts/`,
from which the file is written when all are there, so that a run that was killed goes on where it was. What was labelled
before, with whatever library, comes from the cache.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import mujoco

from graspgen import __version__
from graspgen.dataset.create import first_difference
from graspgen.dataset.grasp_file import read_keys, write_grasp_file
from graspgen.dataset.layout import partial_of, write_error
from graspgen.dataset.lock import only_run
from graspgen.dataset.reader import open as open_dataset
from graspgen.dataset.record import Columns
from graspgen.errors import DatasetError, GraspgenError
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import Profile, load_profile
from graspgen.grippers.gripper import Gripper, load_gripper
from graspgen.objects.catalogue import Catalogue
from graspgen.objects.library import content_hash, open_catalogue, save_asset
from graspgen.objects.selection import selection_of
from graspgen.pipeline.executors import run_here, run_processes, stop_on_sigterm
from graspgen.pipeline.object_labels import ROLLING, TORSIONAL, ObjectRows, label_asset, label_key, rows_of
from graspgen.pipeline.progress import Display, print_selection
from graspgen.pipeline.row_store import RowInfo, RowStore, cache_store
from graspgen.pipeline.shared_tables import asset_table, gripper_table, profile_table
from graspgen.pipeline.work import Report, Working
from graspgen.recipe import Grasps, Objects


@dataclass(frozen=True)
class LabelJob:
    """What all objects of a run share; small and picklable.

    Attributes:
        objects: the recipe's section, as JSON.
        gripper: name or path.
        grasps: the recipe's section, as JSON.
        seed: of the database.
        parts: folder of the objects that are done.
        cache: folder of the cache, None for none.
        threads: native threads of each process.
    """

    objects: str
    gripper: str
    grasps: str
    seed: int
    parts: Path
    cache: Path | None
    threads: int


@dataclass(frozen=True)
class ObjectDone:
    """An object is labelled and stored: its number, what it holds, and the wall-clock time of each stage, s."""

    number: int
    info: RowInfo
    seconds: Mapping[str, float]


@dataclass
class DatabaseSummary:
    """What a database holds, and what it took.

    Attributes:
        objects, grasps, trials, steps: how many.
        outcomes: grasps by outcome name.
        seconds: wall-clock time by stage, summed over workers.
        wall: wall-clock time of the run, s.
        kept, cached: objects that were there before, and that came from the cache.
        empty: names of objects that offer no grasp.
        interrupted: whether Ctrl-C ended the run.
    """

    objects: int = 0
    grasps: int = 0
    trials: int = 0
    steps: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    wall: float = 0.0
    kept: int = 0
    cached: int = 0
    empty: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def done(self) -> int:
        """Objects."""
        return self.objects

    @property
    def new(self) -> int:
        """Objects."""
        return self.objects

    @property
    def counts(self) -> str:
        """Grasps, trials and the share of grasps that hold."""
        held = self.outcomes[Outcome.SUCCESS.name] / max(self.grasps, 1)
        return f"{self.grasps} grasps ({held:.0%} hold)  {self.trials} trials"

    def add(self, info: RowInfo, seconds: Mapping[str, float] | None = None) -> None:
        """Count an object."""
        self.objects += 1
        self.grasps += info.rows["grasps"]
        self.trials += info.rows["trials"]
        self.steps += info.steps
        self.outcomes.update(info.outcomes)
        for stage, taken in (seconds or {}).items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + taken


def make_database(
    objects: Objects,
    out: str | Path,
    *,
    gripper: str = "panda_hand",
    grasps: Grasps | None = None,
    seed: int = 0,
    workers: int = 1,
    overwrite: bool = False,
    resume: bool = False,
    cache: bool = True,
    quiet: bool = False,
) -> DatabaseSummary:
    """Label grasps of every object of a library, or of the first `pool` procedural ones, at their own size.

    The content depends on the objects, the gripper, `grasps` and the seed only, not on workers, resumes or the cache.
    The meshes are saved beside the file, in `<name>.objects/`, so that it can be read, checked and drawn alone.

    Args:
        objects: the library, or families and how many (`pool`).
        out: the file to write.
        gripper: name of a shipped gripper, or path of a gripper's YAML file.
        grasps: how many candidates an object (`per_object`), and how they are proposed and tried.
        seed: of the draws.
        workers: processes, or threads where there are fewer objects.
        overwrite: replace the database that is there.
        resume: keep the objects that are done.
        cache: take objects from the cache, and put them there.
        quiet: show no progress.

    Returns:
        What the database holds; `interrupted` is set when Ctrl-C ended the run, then no file is written.

    Raises:
        GraspgenError: an argument is not valid, an object cannot be read, or a file cannot be written.
    """
    start = time.perf_counter()
    spec, path = grasps or Grasps(), Path(out)
    hand, profile = load_gripper(gripper), load_profile(spec.profile)
    catalogue = open_catalogue(objects, seed)
    if not quiet and (selection := selection_of(catalogue)) is not None:
        print_selection(selection)
    recipe = _recipe(hand, spec)
    parts = RowStore(path.with_name(path.name + ".parts"))
    _begin(path, parts.folder, recipe, seed, overwrite, resume)
    cached = cache_store() if cache else None
    job = LabelJob(
        objects.model_dump_json(), gripper, spec.model_dump_json(), seed, parts.folder.resolve(),
        cached.folder.resolve() if cached else None, 1,
    )  # fmt: skip
    made = DatabaseSummary()
    folder = path.parent / f"{path.stem}.objects"
    try:
        with _held(parts.folder), stop_on_sigterm():
            hashes, keys = {}, {}
            for number in range(len(catalogue)):
                asset = catalogue.asset(number)
                hashes[number] = content_hash(asset)
                keys[number] = label_key(hashes[number], hand, profile, spec, seed)
                save_asset(asset, folder, overwrite=overwrite or resume)
            missing = _take_what_is_there(keys, path if resume else None, parts, cached, made)
            _label(job, missing, workers, made, quiet)
            infos = _infos(keys, parts, catalogue)
            shared = {
                "assets": _assets(hashes, catalogue, folder.name),
                "grippers": gripper_table(hand),
                "profiles": profile_table(profile),
            }
            attributes = {
                "graspgen_version": __version__,
                "mujoco_version": mujoco.__version__,
                "seed": seed,
                "recipe": recipe,
            }
            counts = [infos[n].rows for n in keys]
            write_grasp_file(path, attributes, shared, keys, counts, lambda n: _load(parts, keys[n]).tables)
            shutil.rmtree(parts.folder, ignore_errors=True)
    except KeyboardInterrupt:
        made.interrupted = True
    else:
        made.objects = made.grasps = made.trials = made.steps = 0
        made.outcomes.clear()
        for number, info in infos.items():
            made.add(info)
            if not info.rows["grasps"]:
                made.empty.append(catalogue.asset(number).name)
    made.wall = time.perf_counter() - start
    return made


def make_object(job: LabelJob, number: int, report: Report) -> ObjectDone:
    """Label one object and store its rows.

    Raises:
        GraspgenError: the object cannot be read, or its rows cannot be written.
    """
    report(Working(number, None, "opening"))
    catalogue, gripper, profile, spec = _open_job(job)
    report(Working(number, number, "object"))
    asset = catalogue.asset(number)
    rows, seconds = label_asset(asset, gripper, profile, spec, job.seed, threads=job.threads)
    start = time.perf_counter()
    key = label_key(content_hash(asset), gripper, profile, spec, job.seed)
    store = RowStore(job.parts)
    store.save(key, rows)
    if job.cache is not None:
        # Without a cache the next run takes longer, nothing else: a full or read-only disk is no error here.
        with contextlib.suppress(GraspgenError):
            RowStore(job.cache).save(key, rows)
    info = store.info(key)
    assert info is not None
    return ObjectDone(number, info, {**seconds, "write": time.perf_counter() - start})


@lru_cache(maxsize=1)
def _open_job(job: LabelJob) -> tuple[Catalogue, Gripper, Profile, Grasps]:
    """Open what a run shares, once per process."""
    spec = Grasps.model_validate_json(job.grasps)
    catalogue = open_catalogue(Objects.model_validate_json(job.objects), job.seed)
    return catalogue, load_gripper(job.gripper), load_profile(spec.profile), spec


def _recipe(gripper: Gripper, spec: Grasps) -> dict[str, Any]:
    """Return what the file says about how it was made, in the form of a recipe."""
    return {
        "task": "grasps",
        "description": "Labelled grasps of single objects, in free space.",
        "gripper": gripper.name,
        "objects": {"scale": 1.0, "torsional_friction": TORSIONAL, "rolling_friction": ROLLING},
        "grasps": spec.model_dump(mode="json"),
    }


def _begin(path: Path, parts: Path, recipe: Mapping[str, Any], seed: int, overwrite: bool, resume: bool) -> None:
    """Make room for a new database, or see that the one that is there is the one to go on with."""
    if path.is_dir():
        raise DatasetError(f"{path} is a folder; give the name of a file, such as {path / 'grasps.h5'}")
    known = read_keys(path) if path.exists() else None
    if path.exists() and known is None:
        raise DatasetError(f"{path} exists and is no grasp database; choose another name")
    if resume:
        if known is not None:
            with open_dataset(path) as old:
                now = {"seed": seed, "recipe": json.loads(json.dumps(recipe))}
                difference = first_difference({"seed": old.attrs["seed"], "recipe": old.recipe}, now, "database")
            if difference:
                raise DatasetError(
                    f"cannot resume {path}: {difference}; give what it was made with, or another file, or --overwrite"
                )
        return
    if (path.exists() or parts.exists()) and not overwrite:
        there = path if path.exists() else parts
        raise DatasetError(f"{there} exists; use --resume to go on, --overwrite to replace it")
    try:
        if parts.is_dir():
            with only_run(parts):  # another run's parts are not deleted
                shutil.rmtree(parts, ignore_errors=True)
        partial_of(path).unlink(missing_ok=True)
        path.unlink(missing_ok=True)
    except OSError as error:
        raise write_error(path, error) from error


@contextlib.contextmanager
def _held(parts: Path) -> Iterator[None]:
    """Hold the folder of the parts for this run, and leave none that is empty."""
    try:
        parts.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(parts, error) from error
    try:
        with only_run(parts):
            yield
    finally:
        with contextlib.suppress(OSError):  # it holds what is done
            parts.rmdir()


def _take_what_is_there(
    keys: Mapping[int, str], old: Path | None, parts: RowStore, cache: RowStore | None, made: DatabaseSummary
) -> list[int]:
    """Fill `parts` from the database that is there and from the cache; return the objects that are still missing."""
    missing: list[int] = []
    known = {key: number for number, key in (read_keys(old) or {}).items()} if old and old.is_file() else {}
    with contextlib.ExitStack() as stack:
        dataset = stack.enter_context(open_dataset(old)) if known and old else None
        for number, key in keys.items():
            if parts.load(key) is not None:
                made.kept += 1
            elif dataset is not None and key in known:
                parts.save(key, rows_of(dataset, known[key]))
                made.kept += 1
            elif cache is not None and (rows := cache.load(key)) is not None:
                parts.save(key, rows)
                made.cached += 1
            else:
                missing.append(number)
    return missing


def _label(job: LabelJob, missing: list[int], workers: int, made: DatabaseSummary, quiet: bool) -> None:
    processes = max(1, min(workers, len(missing)))
    job = LabelJob(**{**vars(job), "threads": max(1, workers // processes)})
    if not missing:
        return
    with Display(len(missing), quiet=quiet, what="objects") as display:
        if processes > 1:
            finished = run_processes(job, missing, processes, lambda _: None, make_object)
        else:
            finished = run_here(job, missing, lambda _: None, make_object)
        with contextlib.closing(finished):
            for done in finished:
                made.add(done.info, done.seconds)
                display.update(made)


def _assets(hashes: Mapping[int, str], catalogue: Catalogue, folder: str) -> Columns:
    assets = [catalogue.asset(number) for number in hashes]
    return asset_table(list(hashes), assets, list(hashes.values()), catalogue.class_names, folder)


def _infos(keys: Mapping[int, str], parts: RowStore, catalogue: Catalogue) -> dict[int, RowInfo]:
    infos = {}
    for number, key in keys.items():
        info = parts.info(key)
        if info is None:
            name = catalogue.asset(number).name
            raise DatasetError(f"{parts.path(key)} ({name}) is damaged; run again with --resume")
        infos[number] = info
    return infos


def _load(parts: RowStore, key: str) -> ObjectRows:
    rows = parts.load(key)
    if rows is None:
        raise DatasetError(f"{parts.path(key)} is damaged; run again with --resume")
    return rows
