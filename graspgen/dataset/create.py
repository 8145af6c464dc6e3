"""Beginning a dataset, or going on with one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py

from graspgen import __version__
from graspgen.dataset.codecs import need_stored
from graspgen.dataset.folder import delete_dataset, only_begun, what_it_holds
from graspgen.dataset.guards import guarded
from graspgen.dataset.hashes import file_sha256
from graspgen.dataset.hdf5 import HASHES, open_file
from graspgen.dataset.layout import (
    INDEX,
    OBJECTS,
    PARTIAL,
    SHARDS,
    UNFINISHED,
    shard_file,
    write_error,
)
from graspgen.dataset.manifest import Manifest, ShardInfo, load_manifest, save_manifest
from graspgen.dataset.mend import distrusted, rebuilt
from graspgen.dataset.schema import SCHEMA_VERSION, TABLES
from graspgen.errors import DatasetError
from graspgen.libraries import libraries

#: Returns the complete shards of a run, those that its manifest knows among them.
Find = Callable[[Manifest], tuple[ShardInfo, ...]]
#: Most differences between two runs that a message shows.
_MOST = 5


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
    part: tuple[int, int] | None = None,
    most: int | None = None,
    find: Find | None = None,
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
        part: (k, n) to make only the k-th of n parts of the shards.
        most: of a run with quotas, the most scenes that it may have; `scenes` are those of its first round.
        find: returns the complete shards of a run, where they are not in the folder.

    Raises:
        DatasetError: the folder is in use and neither is set, or it is no dataset, or it holds another run, or it
            cannot be written, or the recipe's codec is not installed.
    """
    folder = Path(path)
    need_stored(recipe, str(folder))
    wanted = Manifest(
        recipe=json.loads(json.dumps(recipe)),
        seed=seed,
        scenes=scenes,
        scenes_per_shard=scenes_per_shard,
        graspgen_version=__version__,
        mujoco_version=mujoco_version,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        part=part,
        most=most,
        made_with=libraries(),
    )
    try:
        if folder.exists() and not folder.is_dir():
            raise DatasetError(f"{folder} is a file; choose another output folder")
        if folder.is_dir() and not only_begun(folder):
            if resume:
                return _resume(folder, wanted, find)
            if not overwrite:
                raise DatasetError(f"{folder} exists and is not empty{what_it_holds(folder)}")
            delete_dataset(folder)
        (folder / SHARDS).mkdir(parents=True, exist_ok=True)
        (folder / OBJECTS).mkdir(exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error
    if find is not None:
        wanted = replace(wanted, shards=find(wanted))
    save_manifest(folder, wanted)
    return wanted


def _again(folder: Path, wanted: Manifest, why: str) -> Manifest:
    try:
        return rebuilt(folder, wanted, why)
    except OSError as error:
        raise write_error(folder, error) from error


def _resume(folder: Path, wanted: Manifest, find: Find | None) -> Manifest:
    why = distrusted(folder)
    by_hand = bool(why)
    found = _again(folder, wanted, why) if why else load_manifest(folder)
    if found.selected is not None:
        raise DatasetError(
            f"cannot resume {folder}: it was split off or merged from other datasets; resume those, and do that again"
        )
    names = ("seed", "scenes_per_shard", "graspgen_version", "mujoco_version", "part", "recipe")
    changed = [d for name in names for d in differences(getattr(found, name), getattr(wanted, name), name)]
    if changed:
        more = f" and {len(changed) - _MOST} more" if len(changed) > _MOST else ""
        raise DatasetError(
            f"cannot resume {folder}: {'; '.join(changed[:_MOST])}{more}; give what it was begun with, "
            "or another output folder, or --overwrite to delete it"
        )
    before, now = (m.scenes if m.most is None else m.most for m in (found, wanted))
    if now < before:
        raise DatasetError(
            f"cannot resume {folder}: it was begun with {before} scenes, now {now}; the number of scenes can only grow"
        )
    if wanted.most is not None:  # its rounds grow it
        wanted = replace(wanted, scenes=found.scenes)
    refused = {} if by_hand else found.refused
    grown = _grown(found, wanted.scenes)
    manifest = replace(found, scenes=wanted.scenes, grown=grown, refused=refused, complete=False, most=wanted.most)
    try:
        (folder / SHARDS).mkdir(exist_ok=True)
        (folder / OBJECTS).mkdir(exist_ok=True)
        clear_partial(folder)
        # Nothing that an edited manifest says of its shards is believed.
        known = replace(manifest, shards=() if by_hand else found.shards)
        kept = complete_shards(folder, known) if find is None else find(known)
        manifest = replace(manifest, shards=kept)
        # What was refused is tried again where its shard has to be made anew.
        gone = {n for unit in manifest.missing() for n in _whole(manifest, unit)}
        manifest = replace(manifest, refused={n: why for n, why in refused.items() if n not in gone})
        if found.complete and not by_hand and not manifest.missing() and (folder / INDEX).is_file():
            manifest = replace(manifest, complete=True)
        else:
            # It would keep showing the state before; the shards can be opened all the while.
            (folder / INDEX).unlink(missing_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error
    if by_hand or manifest != found:
        save_manifest(folder, manifest)
    return manifest


def grow(folder: Path, manifest: Manifest, scenes: int) -> Manifest:
    """Return the manifest of a run that goes on to `scenes` scenes, in shards of their own.

    Raises:
        DatasetError: the folder cannot be written.
    """
    try:
        (folder / INDEX).unlink(missing_ok=True)  # it would keep showing the state before
    except OSError as error:
        raise write_error(folder, error) from error
    manifest = replace(manifest, scenes=scenes, grown=_grown(manifest, scenes), complete=False)
    save_manifest(folder, manifest)
    return manifest


def clear_partial(folder: Path) -> None:
    """Remove what processes that were killed have left half written.

    Raises:
        OSError: the folder cannot be written.
    """
    for place in (folder, folder / SHARDS, folder / UNFINISHED):
        for leftover in place.glob(f"*{PARTIAL}"):
            leftover.unlink(missing_ok=True)
    for leftover in (folder / OBJECTS).glob(".*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _grown(found: Manifest, scenes: int) -> tuple[int, ...]:
    """Return where shards must end so that those that are there stay as they are."""
    start = found.grown[-1] if found.grown else 0
    between = scenes > found.scenes and (found.scenes - start) % found.scenes_per_shard
    return (*found.grown, found.scenes) if between else found.grown


def _whole(manifest: Manifest, number: int) -> list[int]:
    """Return the scenes of a shard, refused ones too."""
    return replace(manifest, refused={}).expected(number)


def differences(old: Any, new: Any, where: str) -> list[str]:
    """Return "where was old, now new" for every place in which two plain values differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return [d for key in sorted({*old, *new}) for d in differences(old.get(key), new.get(key), f"{where}.{key}")]
    return [] if old == new else [f"{where} was {json.dumps(old)}, now {json.dumps(new)}"]


def first_difference(old: Any, new: Any, where: str) -> str:
    """Return the first of the `differences`, "" if there is none."""
    return next(iter(differences(old, new, where)), "")


def complete_shards(
    path: str | Path, manifest: Manifest | None = None, *, trust: bool = False
) -> tuple[ShardInfo, ...]:
    """Return the shards of a dataset that are whole on the disk and hold the scenes that they should.

    A shard that was renamed just before the run was killed, and so is not in the manifest, is found by its content.

    Args:
        path: the dataset's folder.
        manifest: what to go by instead of the folder's own manifest.
        trust: take a shard that is in the manifest and has its size as it is, without reading it.
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
        same = info is not None and file.stat().st_size == info.bytes and (trust or file_sha256(file) == info.sha256)
        if not same:
            # Also a file of another run may have been put here.
            info = read_info(file, manifest.attributes)
        if info is not None and list(info.scenes) == list(manifest.expected(number)):
            found.append(info)
    return tuple(found)


def read_info(path: Path, attributes: Mapping[str, Any] | None = None) -> ShardInfo | None:
    """Return what a shard says about itself, None if it is damaged, of another schema, or has other `attributes`."""
    try:
        with open_file(path) as file:
            if file.attrs["graspgen_schema"] != SCHEMA_VERSION:
                return None
            if attributes is not None and not _says(file, attributes):
                return None
            rows = {table: len(guarded(file, table, next(iter(spec.columns)))) for table, spec in TABLES.items()}
            hashes = json.loads(guarded(file, "", HASHES).asstr()[()])
        scenes = {int(k): str(v) for k, v in hashes.items()}
        return ShardInfo(f"{path.parent.name}/{path.name}", path.stat().st_size, file_sha256(path), rows, scenes)
    except (OSError, KeyError, ValueError, AttributeError, RuntimeError, TypeError):
        return None


def _says(file: h5py.File, attributes: Mapping[str, Any]) -> bool:
    """Whether a shard was written with these attributes."""
    return all(
        json.loads(file.attrs[key]) == json.loads(json.dumps(value))
        if isinstance(value, Mapping)
        else file.attrs[key] == value
        for key, value in attributes.items()
    )
