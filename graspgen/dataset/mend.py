"""A manifest that was edited by hand, damaged or deleted: what the command and the shards say counts instead."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from graspgen.dataset.hdf5 import open_file
from graspgen.dataset.layout import MANIFEST, SHARDS, UNFINISHED, shard_file
from graspgen.dataset.manifest import FORMAT, Manifest, edited, load_manifest
from graspgen.dataset.schema import SCHEMA_VERSION
from graspgen.errors import DatasetError


def distrusted(folder: Path) -> str:
    """Say why the manifest of a run cannot be gone by: "was edited by hand", "is damaged", "is gone"; "" if it can.

    A folder without a manifest that holds no shard of graspgen's either is no dataset, and nothing is wrong with it.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return "is gone" if any(_attributes(shard) for shard in _shards(folder)) else ""
    try:
        return "was edited by hand" if edited(folder) else ""
    except DatasetError:
        return "is damaged" if _was_manifest(path, folder) else ""


def rebuilt(folder: Path, wanted: Manifest, why: str) -> Manifest:
    """Return the manifest that a run would have, without any shard; whatever is there must be of that very run.

    Packed scenes of unfinished shards do not say of which run they are, so they are deleted, as are shards beyond those
    of the run.

    Args:
        folder: the dataset's.
        wanted: what the command asks for.
        why: as `distrusted` says.

    Raises:
        DatasetError: a shard is of another run, or the dataset was split off or merged.
        OSError: the folder cannot be written.
    """
    found = wanted
    if why == "was edited by hand":
        found = load_manifest(folder)
        if found.selected is not None:
            return found  # no run: it is refused for that
    asked = wanted.attributes
    for path in _shards(folder):
        said = _attributes(path) or asked
        other = [key for key in ("seed", "recipe", "mujoco_version", "graspgen_version") if said[key] != asked[key]]
        if other:
            raise DatasetError(
                f"cannot resume {folder}: {MANIFEST} {why}, and {SHARDS}/{path.name} was made with another "
                f"{other[0].replace('_', ' ')} than this command's; give that one, or another output folder"
            )
    found = replace(
        wanted, scenes_per_shard=found.scenes_per_shard, grown=tuple(n for n in found.grown if n < wanted.scenes),
        created=found.created,
    )  # fmt: skip
    for leftover in (folder / UNFINISHED).glob("*"):
        leftover.unlink(missing_ok=True)
    if wanted.most is None:
        names = {shard_file(number) for number in range(found.shard_count)}
        for path in _shards(folder):
            if f"{SHARDS}/{path.name}" not in names:
                path.unlink()
    return found


def _shards(folder: Path) -> list[Path]:
    return sorted((folder / SHARDS).glob("shard-*.h5"))


def _attributes(path: Path) -> Mapping[str, Any] | None:
    """Return what a shard says of its run, None if it is none of graspgen's."""
    try:
        with open_file(path) as file:
            said = {key: file.attrs[key] for key in ("graspgen_version", "mujoco_version", "recipe", "seed")}
            return {**said, "seed": int(said["seed"]), "recipe": json.loads(said["recipe"])}
    except (DatasetError, OSError, KeyError, ValueError, TypeError, RuntimeError):
        return None


def _was_manifest(path: Path, folder: Path) -> bool:
    """Whether an unreadable manifest is what is left of one, not a file of somebody else's with that name."""
    try:
        text = path.read_bytes()
    except OSError:
        return False
    try:
        content = json.loads(text.decode())
    except (ValueError, RecursionError):
        return f'"{FORMAT}"'.encode() in text[:200] or any(_attributes(shard) for shard in _shards(folder))
    # One of another schema is whole, but not for this graspgen.
    return (
        isinstance(content, dict)
        and content.get("format") == FORMAT
        and content.get("schema_version") == SCHEMA_VERSION
    )
