"""What `graspgen.open` opens: a folder, a URL or a single shard. Finds the shards and what they hold, opening none."""

from __future__ import annotations

import json
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from graspgen.dataset.guards import guarded
from graspgen.dataset.hdf5 import reason
from graspgen.dataset.layout import INDEX, MANIFEST, SHARDS, STORE
from graspgen.dataset.manifest import Manifest, check_version, load_manifest, parse_manifest
from graspgen.dataset.place import MEND, Folder, Place, local_path
from graspgen.dataset.schema import TABLES
from graspgen.dataset.shards import ShardFiles
from graspgen.errors import DatasetError

#: Scenes of a shard of which nothing says which it holds.
ANY_SCENE = (-1, 2**62)

#: The shards, and the dataset's attributes.
Found = tuple[ShardFiles, dict[str, Any]]


def find_shards(path: str | PathLike[str], careful: bool = False) -> Found:
    """Return the shards of a dataset and its attributes; arguments and errors are those of `graspgen.open`."""
    local = local_path(path)
    if local is None:
        if careful:
            raise DatasetError(f"{fspath(path)} is not on this machine, where alone shards can be read carefully")
        return _url(fspath(path))
    if local.is_dir():
        return _folder(local, careful)
    if local.name in (INDEX, MANIFEST):
        return _folder(local.parent, careful)
    if not local.exists():
        raise DatasetError(f"{local} does not exist; make a dataset with `graspgen generate`")
    folder = local.parent.parent if local.parent.name == SHARDS else local.parent
    return _shard(Folder(folder, careful), local.relative_to(folder).as_posix())


def _folder(folder: Path, careful: bool) -> Found:
    if (folder / STORE).is_file() and not careful:
        return _url((folder / STORE).read_text(encoding="utf-8").strip())
    manifest = load_manifest(folder)
    place = Folder(folder, careful)
    sizes: dict[str, int] = {}
    for parent in {shard.file.rpartition("/")[0] for shard in manifest.shards}:
        sizes |= place.sizes(parent)
    for shard in manifest.shards:
        size = sizes.get(shard.file)
        if size is None:
            raise DatasetError(f"{folder / shard.file} is missing; {MEND}")
        if size != shard.bytes:
            state = "truncated" if size < shard.bytes else "changed"
            raise DatasetError(f"{folder / shard.file} is {state} ({size} of {shard.bytes} bytes); {MEND}")
    return _of_manifest(place, manifest, None)


def _url(url: str) -> Found:
    from graspgen.dataset.remote import RemoteFolder

    base, _, name = url.rstrip("/").rpartition("/")
    if name.endswith(".h5") and name != INDEX:
        parent, _, last = base.rpartition("/")
        return _shard(RemoteFolder(parent), f"{SHARDS}/{name}") if last == SHARDS else _shard(
            RemoteFolder(base), name
        )  # fmt: skip
    place = RemoteFolder(base if name in (INDEX, MANIFEST) else url)
    manifest = parse_manifest(place.read(MANIFEST), place.where(MANIFEST))
    return _of_manifest(place, manifest, [shard.bytes for shard in manifest.shards])


def _of_manifest(place: Place, manifest: Manifest, sizes: list[int] | None) -> Found:
    shards = manifest.shards
    try:
        rows = {table: [shard.rows[table] for shard in shards] for table in TABLES}
    except KeyError as error:
        raise DatasetError(f"{place.where(MANIFEST)} is damaged (no rows of {error}); generate again") from error
    scenes = [(min(shard.scenes), max(shard.scenes)) if shard.scenes else ANY_SCENE for shard in shards]
    attrs = {
        "schema_version": manifest.schema_version,
        "created": manifest.created,
        "made_with": manifest.made_with,
        **manifest.attributes,
    }
    return ShardFiles(place, [shard.file for shard in shards], rows, scenes, sizes), attrs


def _shard(place: Place, name: str) -> Found:
    path = place.where(name)
    with place.open(name) as file:
        if "graspgen_schema" not in file.attrs:
            raise DatasetError(f"{path} is no shard of a graspgen dataset (no attribute graspgen_schema)")
        try:
            check_version(path, int(file.attrs["graspgen_schema"]))
            rows = {table: [len(guarded(file, table, next(iter(spec.columns))))] for table, spec in TABLES.items()}
            attrs = {
                "schema_version": int(file.attrs["graspgen_schema"]),
                "graspgen_version": str(file.attrs["graspgen_version"]),
                "mujoco_version": str(file.attrs["mujoco_version"]),
                "seed": int(file.attrs["seed"]),
                "recipe": json.loads(file.attrs["recipe"]),
            }
        except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
            if isinstance(error, DatasetError):
                raise
            raise DatasetError(f"{path} is damaged ({reason(error)}); {MEND}") from error
    return ShardFiles(place, [name], rows, [ANY_SCENE]), attrs
