"""Put runs of one recipe with different seeds side by side: scenes of later ones get numbers after those before.

Assets of two procedural runs are different ones under the same number, so they get other numbers as well, and folders
of their own; an asset that two runs share, of a library say, is there once. Every draw stays as it was, so scenes can
be made again from their plans (`graspgen replay`), which keep the seed.
"""

from __future__ import annotations

import filecmp
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.guards import guarded
from graspgen.dataset.hashes import dataset_hash
from graspgen.dataset.hdf5 import open_file
from graspgen.dataset.index import finalize, read_column
from graspgen.dataset.layout import ARENA, LOOKS, OBJECTS, shard_file, write_error
from graspgen.dataset.manifest import Manifest, save_manifest
from graspgen.dataset.parts import Places, begin_parts, groups_of, packed_scenes, places_of
from graspgen.dataset.rekey import Rekeying, rekeyed
from graspgen.dataset.schema import TABLES
from graspgen.dataset.writer import write_shard
from graspgen.errors import DatasetError


@dataclass(frozen=True)
class _Run:
    """Datasets of one seed: where their scenes are, how many numbers they take, and what each asset is."""

    manifests: Mapping[Path, Manifest]
    places: Places
    total: int
    assets: Mapping[int, tuple[str, str]]  # number → content hash, path of its mesh


def merge_runs(manifests: Mapping[Path, Manifest], target: Path) -> Manifest:
    """Put runs of one recipe side by side, in the order of their folders.

    Args:
        manifests: folder → manifest; those of one seed are parts of one run.
        target: a folder that is new or empty.

    Raises:
        DatasetError: a seed is in two of them; grippers, profiles, classes or files of the arena differ; a shard is
            damaged; or the folder cannot be written.
    """
    seeds = list(dict.fromkeys(m.seed for m in manifests.values()))
    runs = [_run({f: m for f, m in manifests.items() if m.seed == seed}) for seed in seeds]
    _same_shared_rows([next(iter(run.places.values()), None) for run in runs])
    rekeyings = _rekeyings(runs)
    told = _told(runs, rekeyings)
    twice = [seed for seed, count in Counter(entry["seed"] for entry in told).items() if count > 1]
    if twice:
        raise DatasetError(f"scenes of seed {twice[0]} are in two of these datasets already; leave one of them out")
    first, one = next(iter(manifests.items()))
    chosen = {scene + by.offset: (run, scene, by) for run, by in zip(runs, rekeyings, strict=True)
              for scene in run.places}  # fmt: skip
    groups = groups_of(sorted(chosen), one.scenes_per_shard)
    merged = replace(
        one, part=None, shards=(), complete=False, grown=(), most=None, selected=groups, scenes=len(chosen),
        refused={k + by.offset: v for run, by in zip(runs, rekeyings, strict=True)
                 for m in run.manifests.values() for k, v in m.refused.items() if k not in run.places},
        lineage={"scenes": sum(run.total for run in runs), "runs": told},
    )  # fmt: skip
    with ExitStack() as held:
        begin_parts(target, merged, [first], held)
        _copy_files(runs, rekeyings, target)
        for number, group in enumerate(groups):
            scenes = (
                rekeyed(next(packed_scenes([scene], run.places)), by)
                for run, scene, by in (chosen[new] for new in group)
            )
            merged = merged.with_shard(write_shard(target / shard_file(number), scenes, merged.attributes))
        save_manifest(target, merged)
        return finalize(target)


def _run(manifests: Mapping[Path, Manifest]) -> _Run:
    places = places_of(manifests)
    assets: dict[int, tuple[str, str]] = {}
    for path in dict.fromkeys(folder / shard.file for folder, shard in places.values()):
        rows = _shared(path, "assets")
        told = zip(rows["content_hash"], rows["mesh"], strict=True)
        assets |= dict(zip(rows["id"].tolist(), ((str(h), str(m)) for h, m in told), strict=True))
    total = max(int(m.lineage.get("scenes", m.most or m.scenes)) for m in manifests.values())
    return _Run(manifests, places, max(total, max(places, default=-1) + 1), assets)


def _shared(path: Path, table: str) -> dict[str, NDArray[Any]]:
    """Read a table of a shard that all of its scenes share."""
    with open_file(path) as file:
        columns = TABLES[table].columns
        return {name: read_column(guarded(file, table, name), column.is_text) for name, column in columns.items()}


def _same_shared_rows(shards: Sequence[Any]) -> None:
    """Refuse runs of different grippers, profiles or numbers of classes: a dataset has one of each."""
    known: dict[tuple[str, str], tuple[Path, str]] = {}
    for folder, shard in filter(None, shards):
        for table in ("grippers", "profiles", "assets"):
            rows = _shared(folder / shard.file, table)
            for row in range(len(rows["id"])):
                if table == "assets":
                    key, value = ("class", str(rows["class_name"][row])), str(rows["class_id"][row])
                else:
                    told = [np.asarray(rows[name][row]).tolist() for name in sorted(rows)]
                    key, value = (table.removesuffix("s"), str(rows["id"][row])), str(told)
                before, was = known.setdefault(key, (folder, value))
                if was != value:
                    raise DatasetError(
                        f"{before} and {folder} cannot be one dataset: the {key[0]} {key[1]} is another one in each; "
                        "open them side by side"
                    )


def _rekeyings(runs: Sequence[_Run]) -> list[Rekeying]:
    """Number the scenes of each run after those before, and its assets so that one number means one asset."""
    found: list[Rekeying] = []
    offset = 0
    number_of: dict[tuple[str, str], int] = {}
    mesh_of: dict[int, str] = {}
    free = max((number for run in runs for number in run.assets), default=-1) + 1
    for run in runs:
        assets: dict[int, int] = {}
        meshes: dict[int, str] = {}
        for number, asset in sorted(run.assets.items()):
            new = number_of.get(asset)
            if new is None:
                new = number
                if number in mesh_of:
                    new, free = free, free + 1
                path = PurePosixPath(asset[1])
                if asset[1] in mesh_of.values():
                    path = path.parent.with_name(f"{path.parent.name}-{new}") / path.name
                number_of[asset], mesh_of[new] = new, str(path)
            assets[number] = new
            if mesh_of[new] != asset[1]:
                meshes[new] = mesh_of[new]
        found.append(Rekeying(offset, assets, meshes))
        offset += run.total
    return found


def _copy_files(runs: Sequence[_Run], rekeyings: Sequence[Rekeying], target: Path) -> None:
    """Copy the meshes of all runs but the first, and see that what they share otherwise is the same."""
    try:
        for run, by in zip(runs, rekeyings, strict=True):
            for folder in run.manifests:
                for number, (_, mesh) in run.assets.items():
                    source = (folder / mesh).parent
                    to = (target / by.meshes.get(by.assets[number], mesh)).parent
                    if source.is_dir() and not to.exists():
                        shutil.copytree(source, to)
                for name in (ARENA, LOOKS):
                    for file in (f for f in (folder / name).rglob("*") if f.is_file()):
                        copy = target / file.relative_to(folder)
                        if copy.is_file() and not filecmp.cmp(file, copy, shallow=False):
                            raise DatasetError(f"{file} is another file than that of the other runs; merge only alike")
                        copy.parent.mkdir(parents=True, exist_ok=True)
                        shutil.copyfile(file, copy)
    except OSError as error:
        raise write_error(target / OBJECTS, error) from error


def _told(runs: Sequence[_Run], rekeyings: Sequence[Rekeying]) -> list[dict[str, Any]]:
    """Say which run gave which scenes; a run that was itself put together names its own."""
    told: list[dict[str, Any]] = []
    for run, by in zip(runs, rekeyings, strict=True):
        one = next(iter(run.manifests.values()))
        hashes = {scene: shard.scenes[scene] for scene, (_, shard) in run.places.items()}
        inner = one.lineage.get("runs") or [
            {"seed": one.seed, "first": 0, "scenes": len(hashes), "content": dataset_hash(hashes)}
        ]
        told += [{**entry, "first": entry["first"] + by.offset} for entry in inner]
    return told
