"""`graspgen verify`: is every byte what the manifest says? Hashes alone; what labels mean is for `graspgen check`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py

from graspgen.dataset.codecs import need_stored
from graspgen.dataset.hashes import file_sha256
from graspgen.dataset.layout import INDEX, MANIFEST, PARTIAL, SHARDS, shard_file
from graspgen.dataset.lock import is_held
from graspgen.dataset.manifest import Manifest, ShardInfo, edited, load_manifest
from graspgen.dataset.shard_scenes import packed_hash, read_scenes
from graspgen.dataset.store import need_here
from graspgen.errors import DatasetError


@dataclass(frozen=True)
class Verified:
    """What was found.

    Attributes:
        problems: one line each; none means that every byte is as it was written.
        notices: what is no fault: an unfinished run, refused scenes.
        content: content hash of the dataset, as the manifest gives it.
        shards, scenes, bytes: that were looked at.
    """

    problems: tuple[str, ...]
    notices: tuple[str, ...]
    content: str
    shards: int
    scenes: int
    bytes: int


def verify(path: str | Path, *, content: bool = False, progress: Callable[[int, int], None] | None = None) -> Verified:
    """Compare a dataset's files with its manifest, byte for byte.

    Args:
        path: the dataset's folder.
        content: compute also the content hash of every scene again, from its values; images are unpacked for that.
        progress: called with the number of shards done, and of all.

    Raises:
        DatasetError: it is no dataset, its manifest is damaged, or its shards are in a store.
    """
    folder = Path(path)
    manifest = load_manifest(folder)
    need_here(folder)
    if content:
        need_stored(manifest.recipe, str(folder))
    problems: list[str] = []
    if edited(folder):
        problems.append(
            f"{MANIFEST} was edited by hand (its SHA-256 is not its own); the command that made it mends it"
        )
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for done, found in enumerate(pool.map(partial(_shard, folder, content), manifest.shards), 1):
            problems += found
            if progress:
                progress(done, len(manifest.shards))
    problems += _layout(manifest)
    running = is_held(folder)
    if not running:
        problems += _others(folder, manifest)
    return Verified(
        tuple(problems),
        tuple(_notices(manifest, running)),
        manifest.content_hash,
        len(manifest.shards),
        len(manifest.hashes),
        sum(shard.bytes for shard in manifest.shards),
    )


def _shard(folder: Path, content: bool, shard: ShardInfo) -> list[str]:
    """Say what is wrong with a shard."""
    path = folder / shard.file
    if not path.is_file():
        return [f"{shard.file} is missing"]
    size = path.stat().st_size
    if size != shard.bytes:
        return [f"{shard.file} has {size} bytes, the manifest says {shard.bytes}"]
    if file_sha256(path) != shard.sha256:
        return [f"{shard.file} was changed: its SHA-256 is not the manifest's"]
    if not content:
        return []
    wrong = []
    try:
        found = {scene.index: packed_hash(scene) for scene in read_scenes(path)}
    except (DatasetError, ValueError) as error:
        return [f"{shard.file}: {error}"]
    for scene in sorted({*found, *shard.scenes}):
        if found.get(scene) != shard.scenes.get(scene):
            wrong.append(f"{shard.file}: the values of scene {scene} do not give its content hash")
    return wrong


def _layout(manifest: Manifest) -> Iterable[str]:
    """Say which shards do not hold the scenes that they should."""
    held = {shard.file: sorted(shard.scenes) for shard in manifest.shards}
    for number in range(manifest.shard_count):
        wanted, found = manifest.expected(number), held.pop(shard_file(number), None)
        if found is not None and found != wanted:
            yield f"{shard_file(number)} holds other scenes than it should: {len(found)} of {len(wanted)}"
    yield from (f"{file} is no shard of this run" for file in held)


def _others(folder: Path, manifest: Manifest) -> Iterable[str]:
    """Say what of the folder's other files is missing or too much."""
    known = {shard.file for shard in manifest.shards}
    for path in sorted((folder / SHARDS).glob("*")):
        if f"{SHARDS}/{path.name}" not in known and not path.name.endswith(PARTIAL) and manifest.complete:
            yield f"{SHARDS}/{path.name} is not in the manifest"
    if manifest.complete and manifest.shards:
        try:
            with h5py.File(folder / INDEX, "r", locking=False) as index:
                rows = len(index["scenes/index"])
        except (OSError, KeyError) as error:
            yield f"{INDEX} is missing or damaged ({' '.join(str(error).split())})"
        else:
            if rows != len(manifest.hashes):
                yield f"{INDEX} shows {rows} scenes, the shards hold {len(manifest.hashes)}"


def _notices(manifest: Manifest, running: bool) -> Iterable[str]:
    missing = manifest.missing()
    if running:
        yield "a run is writing to it at this moment"
    elif missing:
        yield f"not finished: {len(missing)} of {manifest.shard_count} shards are still to be made"
    for scene, why in manifest.refused.items():
        yield f"scene {scene} was refused: {why}"
