"""The steps of `graspgen check` over one shard, and what becomes of what a damaged file makes them raise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from graspgen.dataset.check_columns import check_columns, read_tables
from graspgen.dataset.check_episodes import check_episodes
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
from graspgen.dataset.check_steering import check_steering
from graspgen.dataset.check_suction import check_suction
from graspgen.dataset.check_trials import check_trials
from graspgen.dataset.check_views import check_views
from graspgen.dataset.checked import Checked, Meshes
from graspgen.dataset.guards import guarded
from graspgen.dataset.hdf5 import open_file, reason
from graspgen.dataset.manifest import Manifest, ShardInfo
from graspgen.dataset.schema import DEPTH_SCALE, TABLES
from graspgen.dataset.unpack import ImageColumn
from graspgen.dataset.violations import MissingColumn, Report
from graspgen.errors import DatasetError


def check_shard(
    report: Report,
    folder: Path,
    info: ShardInfo,
    manifest: Manifest,
    meshes: Meshes,
    seen_assets: dict[int, tuple[str, str]],
) -> None:
    """Check one shard.

    Args:
        report: takes what is found.
        folder: of the dataset.
        info: of the shard.
        manifest: of the dataset.
        meshes: of the dataset.
        seen_assets: asset key → content hash and shard, of the shards before; grows.

    Raises:
        DatasetError: it cannot be read.
    """
    before = len(report.violations)
    with open_file(folder / info.file) as file:
        tables = read_tables(report, file, info, manifest)
        if tables is None:
            return
        images = {
            name: ImageColumn(guarded(file, "views", name), column)
            for name, column in TABLES["views"].columns.items()
            if column.is_image and "views" in file and name in file["views"]
        }
        scale = float(images["depth"].attrs.get("depth_scale", DEPTH_SCALE)) if "depth" in images else DEPTH_SCALE
        checked = Checked(tables, images, manifest.recipe, meshes, scale, manifest.mujoco_version)

        def step(what: str, run: Callable[[], object]) -> None:
            guarded_step(report, run, what)

        step("assets of other shards", lambda: _check_repeats(report, checked, seen_assets))
        sound = check_columns(report, checked)
        if not check_keys(report, checked, list(info.scenes)):
            report.add("labels were not checked further, since the keys above do not resolve")
            return
        step("scenes, assets and objects", lambda: check_objects(report, checked))
        step("annotations", lambda: check_labels(report, checked))
        step("looks", lambda: check_looks(report, checked, folder))
        step("grasps", lambda: check_grasps(report, checked))
        step("trials in the scene", lambda: check_scene_trials(report, checked))
        step("numbers of trials", lambda: check_trials(report, checked))
        step("shared tables", lambda: check_shared(report, checked))
        if sound:
            step("recorded trials", lambda: check_frames(report, checked))
            step("episodes", lambda: check_episodes(report, checked))
            step("how views see grasps", lambda: check_sight(report, checked))
            step("suction", lambda: check_suction(report, checked))
            step("ε", lambda: check_quality(report, checked))
            step("silhouettes, keypoints and layers", lambda: check_views(report, checked))
            step("masks and depth against meshes", lambda: check_geometry(report, checked))
            rgb = images.get("rgb")
            step("edge cases and weights", lambda: check_steering(report, checked, rgb))
            if "depth_sensor" in images or "sensor" in tables["views"]:
                step("depth sensors", lambda: check_sensor(report, checked))
            step("flying distractors", lambda: check_flying(report, checked))
            if "frame_views" in file and len(tables["frame_views"].get("frame", ())):
                shots = {column: guarded(file, "frame_views", column) for column in ("depth", "instances")}
                step("images of recorded trials", lambda: check_frame_views(report, checked, shots))
        if len(report.violations) == before and not report.foreign:
            step("content hashes", lambda: check_hashes(report, checked, file))


def _check_repeats(report: Report, checked: Checked, seen: dict[int, tuple[str, str]]) -> None:
    """An asset of two shards is the same asset."""
    assets = checked.tables["assets"]
    for row, (key, digest) in enumerate(zip(assets["id"].tolist(), assets["content_hash"], strict=True)):
        known = seen.setdefault(key, (digest, report.where))
        if known[0] != digest:
            report.add(f"differs from the asset of the same id in {known[1]}", "assets", "content_hash", row, key)


def guarded_step(report: Report, step: Callable[[], object], what: str = "the file") -> None:
    """Run a step; whatever a damaged file makes it raise is a violation too: the rest must still be checked."""
    try:
        with np.errstate(all="ignore"):
            step()
    except MissingColumn as error:
        report.notice(f"{what}: not verified to the end, since {error.args[0]} is missing")
    except (DatasetError, OSError, RuntimeError, MemoryError) as error:
        report.add(f"cannot be read: {reason(error)}")
    except Exception as error:
        told = " ".join(str(error).split())[:200]
        if report.foreign and isinstance(error, KeyError) and error.args and error.args[0] in _IMAGES:
            report.notice(f"{what}: not verified to the end, since views.{error.args[0]} is missing")
        else:
            report.add(f"cannot be checked to the end: {type(error).__name__}: {told}")


_IMAGES = tuple(name for name, column in TABLES["views"].columns.items() if column.is_image)
