"""Checks of a dataset's files against its manifest."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from graspgen.dataset.create import read_info
from graspgen.dataset.hashes import file_sha256
from graspgen.dataset.hdf5 import open_file, reason
from graspgen.dataset.layout import INDEX, MANIFEST, PARTIAL, SHARDS
from graspgen.dataset.manifest import Manifest, ShardInfo
from graspgen.dataset.probe import probe
from graspgen.dataset.schema import TABLES
from graspgen.dataset.violations import Report
from graspgen.errors import DatasetError

MEND = "remove it and run `graspgen generate … --resume`"


def check_files(report: Report, folder: Path, manifest: Manifest) -> set[str]:
    """Compare the files with the manifest; return the shards that can be opened."""
    readable: set[str] = set()
    mistakes = probe([folder / shard.file for shard in manifest.shards], images=True)
    for shard in manifest.shards:
        report.where = shard.file
        path = folder / shard.file
        if not path.is_file():
            report.add("is missing; `graspgen generate … --resume` makes it again")
            continue
        size = path.stat().st_size
        if size < shard.bytes:
            report.add(f"is truncated ({size} of {shard.bytes} bytes); {MEND}")
        elif file_sha256(path) != shard.sha256:
            report.add(f"was changed after it was written (its SHA-256 is not the manifest's); {MEND}")
        # What HDF5 crashes at is not touched; what is only wrong is told again, with its column, by the steps below.
        if path in mistakes and "HDF5" in mistakes[path]:
            report.add(f"{mistakes[path]}; {MEND}")
            continue
        try:
            with open_file(path):
                readable.add(shard.file)
        except DatasetError as error:
            if size >= shard.bytes:
                report.add(f"is not readable as HDF5: {reason(error)}; {MEND}")
            continue
        _compare(report, path, shard)
    known = {shard.file for shard in manifest.shards}
    for path in sorted((folder / SHARDS).glob("*")):
        name = f"{SHARDS}/{path.name}"
        # A partial file is what a run in progress, or a killed one, leaves; it is no part of the dataset.
        if name not in known and not path.name.endswith(PARTIAL) and manifest.complete:
            report.where = name
            report.add("is not in the manifest; remove it, or run `graspgen generate … --resume`")
    return readable


def _compare(report: Report, path: Path, shard: ShardInfo) -> None:
    info = read_info(path)
    if info is None:
        return  # the check of its columns says why
    if dict(info.scenes) != dict(shard.scenes):
        changed = sorted(k for k in {*info.scenes, *shard.scenes} if info.scenes.get(k) != shard.scenes.get(k))
        report.add(f"holds other scenes than the manifest says: {changed[:5]}; {MEND}")
    for table, count in info.rows.items():
        if shard.rows.get(table) != count:
            report.add(f"has {count} rows, the manifest says {shard.rows.get(table)}", table)


def check_scenes(report: Report, manifest: Manifest) -> None:
    """Every shard holds the scenes that its number says, and none is missing from a complete dataset."""
    report.where = MANIFEST
    by_file = {shard.file: shard for shard in manifest.shards}
    for file, shard in by_file.items():
        digits = "".join(c for c in Path(file).stem if c.isdigit())
        expected = manifest.expected(int(digits)) if digits else []
        if sorted(shard.scenes) != expected:
            span = f"{expected[0]} to {expected[-1]}" if expected else "none"
            report.add(f"{file} holds {len(shard.scenes)} scenes ({_span(shard)}), expected {span}")
    if len(by_file) < len(manifest.shards):
        report.add("the manifest names a shard twice")
    missing = manifest.missing()
    if manifest.complete and missing:
        report.add(
            f"says complete, but {len(missing)} of {manifest.shard_count} shards are not in it (first: {missing[0]}); "
            "run `graspgen generate … --resume`"
        )


def _span(shard: ShardInfo) -> str:
    return f"{min(shard.scenes)} to {max(shard.scenes)}" if shard.scenes else "none"


def check_index(report: Report, folder: Path, manifest: Manifest) -> None:
    """`dataset.h5` shows the same rows as the shards."""
    path = folder / INDEX
    if not path.is_file():
        if manifest.complete and manifest.shards:
            report.add("is missing; run `graspgen generate … --resume`")
        return
    try:
        with h5py.File(path, "r", locking=False) as file:
            for table, spec in TABLES.items():
                first = file[table][next(iter(spec.columns))]
                expected = sum(shard.rows.get(table, 0) for shard in manifest.shards)
                if not spec.shared and len(first) != expected:
                    report.add(
                        f"has {len(first)} rows, the shards have {expected}; remove it and --resume",
                        table,
                    )
                if spec.shared:
                    continue
                named = {source.file_name for source in first.virtual_sources()} if first.is_virtual else set()
                wanted = {shard.file for shard in manifest.shards if shard.rows.get(table)}
                if named != wanted:
                    report.add(f"refers to {sorted(named ^ wanted)[:3]} other than the manifest", table)
            scenes = [scene for shard in manifest.shards for scene in sorted(shard.scenes)]
            missing = [s.file for s in manifest.shards if not (folder / s.file).is_file()]
            if not missing and not np.array_equal(file["scenes/index"][()], scenes):
                report.add("shows other scenes than the manifest names", "scenes", "index")
    except (OSError, KeyError) as error:
        report.add(f"is damaged ({reason(error)}); remove it and run `graspgen generate … --resume`")
