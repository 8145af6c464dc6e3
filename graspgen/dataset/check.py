"""`graspgen check`: derive again what can be derived, from the files alone, and name everything that does not agree."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from graspgen.dataset.check_files import check_files, check_index, check_scenes
from graspgen.dataset.check_foreign import foreign_files, foreign_info
from graspgen.dataset.check_result import CheckResult
from graspgen.dataset.check_shard import check_shard, guarded_step
from graspgen.dataset.checked import Meshes
from graspgen.dataset.codecs import need_stored
from graspgen.dataset.grasp_file import KEYS, KIND, read_keys
from graspgen.dataset.guards import guarded
from graspgen.dataset.hdf5 import open_file, reason
from graspgen.dataset.layout import INDEX, MANIFEST
from graspgen.dataset.manifest import Manifest, ShardInfo, load_manifest
from graspgen.dataset.probe import probe
from graspgen.dataset.schema import TABLES
from graspgen.dataset.store import need_here
from graspgen.dataset.violations import Report, Violation
from graspgen.errors import DatasetError

Progress = Callable[[str, int, int], None]


def check(path: str | Path, *, progress: Progress | None = None) -> list[Violation]:
    """Check a dataset or a grasp database; return everything that is wrong with it. An empty list means: it is sound.

    It checks the files against the manifest, every column against the schema, that keys resolve, pixel counts and boxes
    against the masks, poses against each other, cuboids, masks and depth against the saved meshes, and grasps against
    their trials, their gripper and the meshes. A damaged dataset gives violations, never an exception. A run that was
    stopped is sound if what is there is; `inspect` says how much that is.

    Args:
        path: the dataset's folder, its `dataset.h5` or `dataset.json`, or the file of a grasp database.
        progress: called with the shard's path, the number of shards done and their total.

    Raises:
        DatasetError: the path is no dataset, or its manifest cannot be read.
    """
    return inspect(path, progress=progress).violations


def inspect(path: str | Path, *, foreign: bool | None = None, progress: Progress | None = None) -> CheckResult:
    """Check a dataset and say also what was looked at, what could not be verified, and what is missing.

    Args:
        path: as for `check`; or a folder of HDF5 files, or one, that others wrote in this schema.
        foreign: whether others wrote it: no manifest, plan or hash is needed, and missing columns are told, not blamed.
            None: where the folder has no `dataset.json`, or the file is no grasp database.
        progress: called with the shard's path, the number of shards done and their total.

    Raises:
        DatasetError: the path is no dataset, or its manifest cannot be read.
    """
    folder = Path(path)
    if folder.name in (INDEX, MANIFEST) and (folder.parent / MANIFEST).is_file() and not folder.is_dir():
        folder = folder.parent
    if foreign is None:
        foreign = _is_foreign(folder)
    if foreign:
        return _check_foreign(folder, progress)
    if folder.is_file():
        return _check_grasp_file(folder)
    manifest = load_manifest(folder)
    need_here(folder)
    need_stored(manifest.recipe, str(folder))
    report = Report()
    meshes = Meshes(folder)
    intact = check_files(report, folder, manifest)
    check_scenes(report, manifest)
    seen_assets: dict[int, tuple[str, str]] = {}
    for number, shard in enumerate(manifest.shards):
        if progress:
            progress(shard.file, number, len(manifest.shards))
        report.where = shard.file
        if shard.file in intact:
            _shard(report, folder, shard, manifest, meshes, seen_assets)
    report.where = INDEX
    guarded_step(report, lambda: check_index(report, folder, manifest))
    if progress:
        progress("", len(manifest.shards), len(manifest.shards))
    there = sum(len(shard.scenes) for shard in manifest.shards)
    report.where = MANIFEST
    if left := sum(len(manifest.expected(number)) for number in manifest.missing()):
        report.notice(
            f"incomplete: {there} of {there + left} scenes are there; `graspgen generate … --resume` makes the rest"
        )
    for scene, why in manifest.refused.items():
        report.notice(f"scene {scene} was refused: {why}")
    return CheckResult.of(folder, report, manifest)


def _is_foreign(path: Path) -> bool:
    if path.is_file():
        if path.name == MANIFEST:
            return False
        try:
            with open_file(path) as file:
                return file.attrs.get("kind") != KIND
        except (DatasetError, OSError, RuntimeError, ValueError):
            return False
    return path.is_dir() and not (path / MANIFEST).is_file() and bool(foreign_files(path))


def _check_foreign(path: Path, progress: Progress | None) -> CheckResult:
    """Check files that others wrote: each as a shard, as far as what is there allows."""
    report = Report(foreign=True)
    files = foreign_files(path)
    folder = path if path.is_dir() else path.parent
    if not files:
        raise DatasetError(f"{path} holds no HDF5 file (*.h5, *.hdf5), itself or in shards/; give the folder of one")
    mistakes = probe(files, images=True)
    infos: list[ShardInfo] = []
    meshes, seen = Meshes(folder), {}
    manifest = Manifest({}, 0, 0, 1, "", "", "")
    for number, file in enumerate(files):
        report.where = file.relative_to(folder).as_posix()
        if progress:
            progress(report.where, number, len(files))
        if file in mistakes and "HDF5" in mistakes[file]:
            report.add(mistakes[file])
            continue
        try:
            info, manifest = foreign_info(file, report.where)
        except (DatasetError, OSError, RuntimeError, TypeError, ValueError) as error:
            report.add(f"cannot be read: {reason(error)}")
            continue
        infos.append(info)
        _shard(report, folder, info, manifest, meshes, seen)
    report.where = ""
    report.notice("written by others: no manifest, no hashes, no plan; what is said of files and draws is not verified")
    return CheckResult.of(folder, report, Manifest(**{**manifest.__dict__, "shards": tuple(infos)}), foreign=True)


def _shard(
    report: Report,
    folder: Path,
    info: ShardInfo,
    manifest: Manifest,
    meshes: Meshes,
    seen: dict[int, tuple[str, str]],
) -> None:
    guarded_step(report, lambda: check_shard(report, folder, info, manifest, meshes, seen))


def _check_grasp_file(path: Path) -> CheckResult:
    """Check a grasp database: as a dataset without scenes, whose one shard it is."""
    mistake = probe([path]).get(path)
    if mistake and "HDF5" in mistake:
        raise DatasetError(f"{path} {mistake}")
    keys = read_keys(path)
    if keys is None:
        raise DatasetError(
            f"{path} is no grasp database, or too damaged to be read; give a dataset's folder, or a file of "
            "`graspgen grasps`"
        )
    report = Report(where=path.name)
    manifest = Manifest({}, 0, 0, 1, "", "", "")
    try:
        with open_file(path) as file:
            rows = {table: len(guarded(file, table, next(iter(spec.columns)))) for table, spec in TABLES.items()}
            manifest = Manifest(
                recipe=json.loads(file.attrs["recipe"]),
                seed=int(file.attrs["seed"]),
                scenes=0,
                scenes_per_shard=1,
                graspgen_version=str(file.attrs["graspgen_version"]),
                mujoco_version=str(file.attrs["mujoco_version"]),
                created="",
                shards=(ShardInfo(path.name, path.stat().st_size, "", rows, {}),),
            )
    except (DatasetError, OSError, KeyError, ValueError, RuntimeError) as error:
        report.add(f"cannot be read: {reason(error)}")
        return CheckResult.of(path, report, manifest)
    _shard(report, path.parent, manifest.shards[0], manifest, Meshes(path.parent), {})
    guarded_step(report, lambda: _check_object_keys(report, path, keys))
    return CheckResult.of(path, report, manifest)


def _check_object_keys(report: Report, path: Path, keys: Mapping[int, str]) -> None:
    """Every asset of a grasp database says what its rows depend on."""
    with open_file(path) as file:
        assets = np.asarray(guarded(file, "assets", "id")[()]).tolist()
    if sorted(keys) != assets:
        report.add(f"{KEYS} names other assets than the table", "assets", "id")
