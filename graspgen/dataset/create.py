"""Beginning a dataset, or going on with one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from graspgen import __version__
from graspgen.dataset.guards import guarded
from graspgen.dataset.hdf5 import HASHES, open_file
from graspgen.dataset.layout import (
    INDEX,
    MANIFEST,
    OBJECTS,
    OWNED,
    PARTIAL,
    SHARDS,
    shard_file,
    write_error,
)
from graspgen.dataset.manifest import Manifest, ShardInfo, load_manifest, save_manifest
from graspgen.dataset.schema import SCHEMA_VERSION, TABLES
from graspgen.dataset.writer import file_sha256
from graspgen.errors import DatasetError


def create_dataset(
    path: str | Path,
    *,
    recipe: Mapping[str, Any],
    seed: int,
    scenes: int,
    scenes_per_shard: int,
    mujoco_version: str,
    overwrite: bool = False,
    resume: bool = False,
) -> Manifest:
    """Make a dataset's folder, or take up one that is there, and return its manifest.

    Args:
        path: the folder; its parents are made.
        recipe: the resolved recipe, as plain data that JSON can hold.
        seed, scenes, scenes_per_shard: of the run.
        mujoco_version: the engine's.
        overwrite: delete the dataset that is there. A folder that is no graspgen dataset is never touched.
        resume: keep the complete shards of the dataset that is there; recipe, seed and versions must be the same, the
            number of scenes may grow.

    Raises:
        DatasetError: the folder is in use and neither is set, or it is no dataset, or it holds another run, or it
            cannot be written.
    """
    folder = Path(path)
    wanted = Manifest(
        recipe=json.loads(json.dumps(recipe)),
        seed=seed,
        scenes=scenes,
        scenes_per_shard=scenes_per_shard,
        graspgen_version=__version__,
        mujoco_version=mujoco_version,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    try:
        if folder.exists() and not folder.is_dir():
            raise DatasetError(f"{folder} is a file; choose another output folder")
        if folder.is_dir() and any(folder.iterdir()):
            if resume:
                return _resume(folder, wanted)
            if not overwrite:
                mend = (
                    "use --resume to go on, --overwrite to delete it"
                    if (folder / MANIFEST).is_file()
                    else ("choose another output folder")
                )
                raise DatasetError(f"{folder} exists and is not empty; {mend}")
            _delete(folder)
        (folder / SHARDS).mkdir(parents=True, exist_ok=True)
        (folder / OBJECTS).mkdir(exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error
    save_manifest(folder, wanted)
    return wanted


def _delete(folder: Path) -> None:
    """Delete what graspgen made in a folder that is a dataset; files of others stay."""
    manifest = folder / MANIFEST
    if not _is_manifest(manifest):
        raise DatasetError(
            f"{folder} is no graspgen dataset (it has no {MANIFEST} of one), so --overwrite will not delete it; "
            "choose another output folder"
        )
    for name in OWNED:
        target = folder / name
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)


def _is_manifest(path: Path) -> bool:
    """Whether a file is a manifest of graspgen's, of any version and however incomplete its content."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and str(content.get("format", "")).startswith("graspgen")


def _resume(folder: Path, wanted: Manifest) -> Manifest:
    found = load_manifest(folder)
    for name in ("seed", "scenes_per_shard", "graspgen_version", "mujoco_version", "recipe"):
        difference = first_difference(getattr(found, name), getattr(wanted, name), name)
        if difference:
            raise DatasetError(
                f"cannot resume {folder}: {difference}; give what it was begun with, or another output folder"
            )
    if wanted.scenes < found.scenes:
        raise DatasetError(
            f"cannot resume {folder}: it was begun with {found.scenes} scenes, now {wanted.scenes}; "
            "the number of scenes can only grow"
        )
    try:
        (folder / SHARDS).mkdir(exist_ok=True)
        (folder / OBJECTS).mkdir(exist_ok=True)
        for leftover in [*folder.glob(f"*{PARTIAL}"), *(folder / SHARDS).glob(f"*{PARTIAL}")]:
            leftover.unlink()
        kept = complete_shards(folder, replace(found, scenes=wanted.scenes))
        manifest = replace(found, scenes=wanted.scenes, shards=kept, complete=False)
        if found.complete and not manifest.missing() and (folder / INDEX).is_file():
            manifest = replace(manifest, complete=True)
        else:
            # It would keep showing the state before; the shards can be opened all the while.
            (folder / INDEX).unlink(missing_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error
    save_manifest(folder, manifest)
    return manifest


def first_difference(old: Any, new: Any, where: str) -> str:
    """Return "where was old, now new" for the first place in which two plain values differ, "" if they are equal."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            difference = first_difference(old.get(key), new.get(key), f"{where}.{key}")
            if difference:
                return difference
        return ""
    return "" if old == new else f"{where} was {json.dumps(old)}, now {json.dumps(new)}"


def complete_shards(path: str | Path, manifest: Manifest | None = None) -> tuple[ShardInfo, ...]:
    """Return the shards of a dataset that are whole on the disk and hold the scenes that they should.

    A shard that was renamed just before the run was killed, and so is not in the manifest, is found by its content.

    Args:
        path: the dataset's folder.
        manifest: what to go by instead of the folder's own manifest.
    """
    folder = Path(path)
    manifest = manifest or load_manifest(folder)
    known = {shard.file: shard for shard in manifest.shards}
    found = []
    for number in range(manifest.shard_count):
        name = shard_file(number)
        file = folder / name
        if not file.is_file():
            continue
        info = known.get(name)
        if info is None or file.stat().st_size != info.bytes or file_sha256(file) != info.sha256:
            info = read_info(file)
        if info is not None and list(info.scenes) == list(manifest.expected(number)):
            found.append(info)
    return tuple(found)


def read_info(path: Path) -> ShardInfo | None:
    """Return what a shard says about itself, None if it is damaged or of another schema."""
    try:
        with open_file(path) as file:
            if file.attrs["graspgen_schema"] != SCHEMA_VERSION:
                return None
            rows = {table: len(guarded(file, table, next(iter(spec.columns)))) for table, spec in TABLES.items()}
            hashes = json.loads(guarded(file, "", HASHES).asstr()[()])
        scenes = {int(k): str(v) for k, v in hashes.items()}
        return ShardInfo(f"{path.parent.name}/{path.name}", path.stat().st_size, file_sha256(path), rows, scenes)
    except (OSError, KeyError, ValueError, AttributeError, RuntimeError, TypeError):
        return None
