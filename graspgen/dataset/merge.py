"""Take a dataset apart, and put datasets together: scenes of one run keep their numbers, bytes and hashes."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from graspgen.dataset.create import differences
from graspgen.dataset.hashes import file_sha256
from graspgen.dataset.index import finalize
from graspgen.dataset.layout import commit, own_partial_of, shard_file, write_error
from graspgen.dataset.manifest import Manifest, ShardInfo, save_manifest
from graspgen.dataset.merge_runs import merge_runs
from graspgen.dataset.parts import begin_parts, groups_of, lineage_of, packed_scenes, places_of, source_manifest
from graspgen.dataset.writer import write_shard
from graspgen.errors import DatasetError


def merge(sources: Sequence[str | Path], out: str | Path) -> Manifest:
    """Put datasets together: parts that several machines made, what `split` has taken apart, or runs of several seeds.

    Where their shards are those of the run they are copied as they are; a merged run that still lacks scenes is an
    unfinished run, which `graspgen generate` goes on with. The parts of a split are written anew, images unchanged.
    Runs of different seeds are put side by side: scenes of later ones get other numbers (`merge_runs`).

    Args:
        sources: folders of datasets of the same recipe and versions. A scene may be in several of them.
        out: a folder that is new or empty.

    Raises:
        DatasetError: their recipes or versions differ, a scene differs between two of them, a run is writing to one of
            them, a shard is damaged, or `out` holds something or cannot be written.
    """
    target = Path(out)
    manifests = {Path(source): source_manifest(Path(source)) for source in sources}
    if not manifests:
        raise DatasetError("nothing to merge; give the folders of two or more datasets")
    first, one = next(iter(manifests.items()))
    for folder, other in manifests.items():
        changed = [d for key in ("recipe", "graspgen_version", "mujoco_version")
                   for d in differences(getattr(one, key), getattr(other, key), key)]  # fmt: skip
        if changed:
            raise DatasetError(
                f"{first} and {folder} cannot be one dataset ({changed[0]}): it has one recipe and one version, by "
                "which `check` and `replay` go; merge runs that differ in their seed alone, open others side by side"
            )
    if len({m.seed for m in manifests.values()}) > 1:
        return merge_runs(manifests, target)
    places = places_of(manifests)
    refused = {k: v for m in manifests.values() for k, v in m.refused.items() if k not in places}
    total = max(int(m.lineage.get("scenes", m.scenes)) for m in manifests.values())
    layouts = {(m.scenes, m.scenes_per_shard, m.grown) for m in manifests.values()}
    whole = len(layouts) == 1 and all(m.selected is None for m in manifests.values())
    merged = replace(one, part=None, shards=(), complete=False, refused=refused, selected=None, lineage={})
    if not whole:
        merged = replace(merged, scenes=total, grown=())
        if "runs" in one.lineage or [*range(total)] != sorted({*places, *refused}):
            groups = groups_of(sorted(places), one.scenes_per_shard)
            merged = replace(merged, selected=groups, scenes=len(places), lineage=lineage_of(one, total))
    with ExitStack() as held:
        begin_parts(target, merged, list(manifests), held)
        for number in range(merged.shard_count):
            scenes = merged.expected(number)
            found = {places[n][0] / places[n][1].file: places[n][1] for n in scenes if n in places}
            path, shard = next(iter(found.items()), (None, None))
            if path and shard and len(found) == 1 and sorted(shard.scenes) == scenes:
                merged = merged.with_shard(_copy(path, target / shard_file(number), shard))
            elif scenes and all(scene in places for scene in scenes):
                info = write_shard(target / shard_file(number), packed_scenes(scenes, places), merged.attributes)
                merged = merged.with_shard(info)
        save_manifest(target, merged)
        return finalize(target)


def split(path: str | Path, into: Mapping[str | Path, float], *, seed: int = 0) -> dict[Path, Manifest]:
    """Take a dataset apart, scene by scene, at random.

    Args:
        path: the dataset's folder.
        into: new or empty folder → its share of the scenes; shares must not be more than 1 together.
        seed: of the choice, which depends on nothing else but the scenes' numbers.

    Returns:
        Folder → manifest. A part's scenes keep their numbers; `merge` of all parts is the dataset again.

    Raises:
        DatasetError: a share leaves no scene, the dataset is not complete or damaged, or a folder holds something.
    """
    folder = Path(path)
    manifest = source_manifest(folder)
    if not manifest.complete:
        raise DatasetError(f"{folder} is not complete; finish it with `graspgen generate`, then split it")
    shares = {Path(name): share for name, share in into.items()}
    if any(not 0 < share <= 1 for share in shares.values()) or sum(shares.values()) > 1 + 1e-9:
        raise DatasetError(f"shares must be above 0 and not more than 1 together, got {list(shares.values())}")
    places = places_of({folder: manifest})
    chosen = _chosen(sorted(places), list(shares.values()), seed)
    for name, scenes in zip(shares, chosen, strict=True):
        if not scenes:
            raise DatasetError(f"{shares[name]:g} of {len(places)} scenes leaves none for {name}; give a larger share")
    made = {}
    total = int(manifest.lineage.get("scenes", manifest.scenes))
    for target, scenes in zip(shares, chosen, strict=True):
        groups = groups_of(scenes, manifest.scenes_per_shard)
        part = replace(
            manifest, scenes=len(scenes), shards=(), complete=False, selected=groups, grown=(), part=None, refused={},
            lineage=lineage_of(manifest, total),
        )  # fmt: skip
        with ExitStack() as held:
            begin_parts(target, part, [folder], held)
            for number, group in enumerate(groups):
                info = write_shard(target / shard_file(number), packed_scenes(group, places), part.attributes)
                part = part.with_shard(info)
            save_manifest(target, part)
            made[target] = finalize(target)
    return made


def _chosen(scenes: Sequence[int], shares: Sequence[float], seed: int) -> list[list[int]]:
    """Deal scenes out in an order that only the seed and their numbers give."""
    order = sorted(scenes, key=lambda scene: hashlib.sha256(f"{seed} {scene}".encode()).digest())
    bounds, reached = [0], 0.0
    for share in shares:
        reached += share
        bounds.append(round(min(reached, 1.0) * len(order)))
    return [sorted(order[low:high]) for low, high in pairwise(bounds)]


def _copy(source: Path, target: Path, shard: ShardInfo) -> ShardInfo:
    """Copy a shard and see that it is whole."""
    partial = own_partial_of(target)
    try:
        shutil.copyfile(source, partial)
        commit(partial, target)
    except OSError as error:
        raise write_error(target, error) from error
    if file_sha256(target) != shard.sha256:
        raise DatasetError(f"{source} is damaged: its SHA-256 is not the manifest's; the command that made it mends it")
    return replace(shard, file=f"{target.parent.name}/{target.name}")
