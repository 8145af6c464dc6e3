"""`graspgen check`: derive again what can be derived, from the files alone, and name everything that does not agree."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from graspgen.dataset.check_columns import check_columns, read_tables
from graspgen.dataset.check_files import check_files, check_index, check_scenes
from graspgen.dataset.check_flying import check_flying
from graspgen.dataset.check_frame_views import check_frame_views
from graspgen.dataset.check_frames import check_frames
from graspgen.dataset.check_geometry import check_geometry
from graspgen.dataset.check_grasps import check_grasps
from graspgen.dataset.check_hashes import check_hashes
from graspgen.dataset.check_keys import check_keys
from graspgen.dataset.check_labels import check_labels
from graspgen.dataset.check_looks import check_looks
from graspgen.dataset.check_objects import check_objects
from graspgen.dataset.check_quality import check_quality
from graspgen.dataset.check_scene_trials import check_scene_trials
from graspgen.dataset.check_sensor import check_sensor
from graspgen.dataset.check_shared import check_shared
from graspgen.dataset.check_sight import check_sight
from graspgen.dataset.check_trials import check_trials
from graspgen.dataset.check_views import check_views
from graspgen.dataset.checked import Checked, Meshes
from graspgen.dataset.grasp_file import KEYS, read_keys
from graspgen.dataset.guards import guarded
from graspgen.dataset.hdf5 import open_file, reason
from graspgen.dataset.layout import INDEX, MANIFEST
from graspgen.dataset.manifest import Manifest, ShardInfo, load_manifest
from graspgen.dataset.probe import probe
from graspgen.dataset.schema import TABLES
from graspgen.dataset.violations import Report, Violation
from graspgen.errors import DatasetError

Progress = Callable[[str, int, int], None]


def check(path: str | Path, *, progress: Progress | None = None) -> list[Violation]:
    """Check a dataset or a grasp database; return everything that is wrong with it. An empty list means: it is sound.

    It checks the files against the manifest, every column against the schema, that keys resolve, pixel counts and boxes
    against the masks, poses against each other, cuboids, masks and depth against the saved meshes, and grasps against
    their trials, their gripper and the meshes. A damaged dataset gives violations, never an exception. A run that was
    stopped is sound if what is there is.

    Args:
        path: the dataset's folder, its `dataset.h5` or `dataset.json`, or the file of a grasp database.
        progress: called with the shard's path, the number of shards done and their total.

    Raises:
        DatasetError: the path is no dataset, or its manifest cannot be read.
    """
    folder = Path(path)
    if folder.name in (INDEX, MANIFEST) and not folder.is_dir():
        folder = folder.parent
    elif folder.is_file():
        return _check_grasp_file(folder)
    manifest = load_manifest(folder)
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
            _guarded(
                report,
                lambda name=shard.file: _check_shard(report, folder, name, manifest, meshes, seen_assets),
            )
    report.where = INDEX
    _guarded(report, lambda: check_index(report, folder, manifest))
    if progress:
        progress("", len(manifest.shards), len(manifest.shards))
    return report.violations


def _check_grasp_file(path: Path) -> list[Violation]:
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
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        report.add(f"cannot be read: {reason(error)}")
        return report.violations
    _guarded(report, lambda: _check_shard(report, path.parent, path.name, manifest, Meshes(path.parent), {}))
    _guarded(report, lambda: _check_object_keys(report, path, keys))
    return report.violations


def _check_object_keys(report: Report, path: Path, keys: Mapping[int, str]) -> None:
    """Every asset of a grasp database says what its rows depend on."""
    with open_file(path) as file:
        assets = file["assets/id"][()].tolist()
    if sorted(keys) != assets:
        report.add(f"{KEYS} names other assets than the table", "assets", "id")


def _check_shard(
    report: Report,
    folder: Path,
    name: str,
    manifest: Manifest,
    meshes: Meshes,
    seen_assets: dict[int, tuple[str, str]],
) -> None:
    info = next(shard for shard in manifest.shards if shard.file == name)
    with open_file(folder / name) as file:
        before = len(report.violations)
        tables = read_tables(report, file, info, manifest)
        if tables is None:
            return
        known = TABLES["views"].columns
        images = {name: guarded(file, "views", name) for name in file["views"] if known[name].is_image}
        scale = file["views/depth"].attrs["depth_scale"]
        checked = Checked(tables, images, manifest.recipe, meshes, scale, manifest.mujoco_version)
        _check_repeats(report, checked, seen_assets)
        sound = check_columns(report, checked)
        if not check_keys(report, checked, list(info.scenes)):
            report.add("labels were not checked further, since the keys above do not resolve")
            return
        _guarded(report, lambda: check_objects(report, checked))
        _guarded(report, lambda: check_labels(report, checked))
        _guarded(report, lambda: check_looks(report, checked, folder))
        _guarded(report, lambda: check_grasps(report, checked))
        _guarded(report, lambda: check_scene_trials(report, checked))
        _guarded(report, lambda: check_trials(report, checked))
        _guarded(report, lambda: check_shared(report, checked))
        if sound:
            _guarded(report, lambda: check_frames(report, checked))
            _guarded(report, lambda: check_sight(report, checked))
            _guarded(report, lambda: check_quality(report, checked))
            _guarded(report, lambda: check_views(report, checked))
            _guarded(report, lambda: check_sensor(report, checked))
            _guarded(report, lambda: check_geometry(report, checked))
            _guarded(report, lambda: check_flying(report, checked))
            shots = {column: guarded(file, "frame_views", column) for column in ("depth", "instances")}
            _guarded(report, lambda: check_frame_views(report, checked, shots))
        if len(report.violations) == before:
            _guarded(report, lambda: check_hashes(report, checked, file))


def _check_repeats(report: Report, checked: Checked, seen: dict[int, tuple[str, str]]) -> None:
    """An asset of two shards is the same asset."""
    assets = checked.tables["assets"]
    for row, (key, digest) in enumerate(zip(assets["id"].tolist(), assets["content_hash"], strict=True)):
        known = seen.setdefault(key, (digest, report.where))
        if known[0] != digest:
            report.add(
                f"differs from the asset of the same id in {known[1]}",
                "assets",
                "content_hash",
                row,
                key,
            )


def _guarded(report: Report, step: Callable[[], None]) -> None:
    """Run a step; whatever a damaged file makes it raise is a violation too: the rest must still be checked."""
    try:
        with np.errstate(all="ignore"):
            step()
    except (DatasetError, OSError, RuntimeError) as error:
        report.add(f"cannot be read: {reason(error)}")
    except Exception as error:
        report.add(f"cannot be checked to the end: {type(error).__name__}: {error}")
