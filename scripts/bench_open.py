"""How long a dataset of ten thousand shards takes to open, and to give its last scene.

    python scripts/bench_open.py [DATASET] [--shards 10000]

Every shard but the last is a hard link to one small shard; the last holds the last scene. Without DATASET, a shard is
written for it whose images are 8×6 px; of DATASET, the first shard is taken. Beside it stands what nobody can do
without: to parse the manifest as JSON and to `stat` every shard.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import graspgen
from graspgen.dataset.create import create_dataset
from graspgen.dataset.layout import MANIFEST, shard_file
from graspgen.dataset.manifest import load_manifest, save_manifest
from graspgen.dataset.record import SceneRecord, columns, no_rows
from graspgen.dataset.schema import TABLES, grasp_key, object_key, view_key
from graspgen.dataset.writer import write_shard

VIEWS, OBJECTS, GRASPS = 4, 6, 60


def small_record(scene: int) -> SceneRecord:
    """Return a scene with views, objects and grasps, whose images are small and black."""
    tables = {name: no_rows(name, 6, 8) for name in TABLES}
    pose = np.eye(4)

    def fill(table: str, rows: int, **given: Any) -> None:
        empty = no_rows(table, 6, 8)
        blank = {
            n: "" if TABLES[table].columns[n].is_text else np.zeros((rows, *v.shape[1:])) for n, v in empty.items()
        }
        needed = {n: v for n, v in blank.items() if n in TABLES[table].required}
        tables[table] = columns(table, rows, **{**needed, **given})

    views = np.array([view_key(scene, i) for i in range(VIEWS)])
    objects = np.array([object_key(scene, i + 1) for i in range(OBJECTS)])
    grasps = np.array([grasp_key(scene, i) for i in range(GRASPS)])
    fill("scenes", 1, index=scene)
    fill("assets", 1, id=0, name="box", class_name="box", class_id=1)
    fill("grippers", 1, id=0, name="hand")
    fill("profiles", 1, id=0, name="profile", version=1)
    fill(
        "objects", OBJECTS, id=objects, scene=scene, asset=0, instance_id=np.arange(1, OBJECTS + 1), T_world_object=pose
    )
    fill("views", VIEWS, id=views, scene=scene, T_world_camera=pose, K=np.diag([10.0, 10.0, 1.0]))
    fill("annotations", VIEWS * OBJECTS, view=np.repeat(views, OBJECTS), object=np.tile(objects, VIEWS))
    fill("grasps", GRASPS, id=grasps, scene=scene, object=objects[np.arange(GRASPS) % OBJECTS], T_object_grasp=pose)
    fill("trials", GRASPS, grasp=grasps)
    return SceneRecord(scene, tables)


def build(folder: Path, shards: int, source: Path | None) -> None:
    """Make the dataset."""
    manifest = create_dataset(folder, recipe={}, seed=0, scenes=shards, scenes_per_shard=1, mujoco_version="none")
    first, last = folder / shard_file(0), folder / shard_file(shards - 1)
    if source is None:
        info = write_shard(first, [small_record(0)], manifest.attributes)
        end = write_shard(last, [small_record(shards - 1)], manifest.attributes)
    else:
        given = load_manifest(source)
        info, end = given.shards[0], given.shards[-1]
        shutil.copy(source / info.file, first)
        shutil.copy(source / end.file, last)
    digest = next(iter(info.scenes.values()))
    infos = [replace(info, file=shard_file(n), scenes={n: digest}) for n in range(shards - 1)]
    for n in range(1, shards - 1):
        os.link(first, folder / shard_file(n))
    infos.append(
        replace(end, file=shard_file(shards - 1), scenes={shards - 1: digest} if source is None else end.scenes)
    )
    save_manifest(folder, replace(manifest, shards=tuple(infos), complete=True))


def best(act: Callable[[], Any], times: int = 5) -> float:
    """Return the shortest time that a call takes, s."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        found.append(time.perf_counter() - start)
    return min(found)


def measure(folder: Path, shards: int) -> None:
    """Print the times."""
    paths = [folder / shard_file(n) for n in range(shards)]

    def bare() -> None:
        json.loads((folder / MANIFEST).read_bytes())
        for path in paths:
            os.stat(path)

    def last_scene() -> None:
        with graspgen.open(folder) as ds:
            scene = ds.scene(int(load_last(folder)))
            row = int(scene.views.rows[-1])
            ds.rgb(row), ds.depth(row), ds.views.take("K", row), ds.grasp_rows(row), ds.view_objects(row)

    def load_last(_: Path) -> int:
        return known

    known = max(load_manifest(folder).shards[-1].scenes)
    opened = best(lambda: graspgen.open(folder).close())
    floor = best(bare)
    size = (folder / MANIFEST).stat().st_size / 1e6
    print(f"{shards} shards, manifest {size:.1f} MB")
    print(f"graspgen.open:                       {opened:6.3f} s")
    print(f"JSON of the manifest + {shards} stats: {floor:6.3f} s    ratio {floor / opened:.2f}")
    print(f"open + a view of the last scene, its objects and grasps: {best(last_scene):6.3f} s")
    ds = graspgen.open(folder)
    print(f"a column of all grasps (every shard opened): {best(lambda: ds.grasps['outcome'], 1):6.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", nargs="?", type=Path)
    parser.add_argument("--shards", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder) / "many", given.shards, given.dataset)
        measure(Path(folder) / "many", given.shards)


if __name__ == "__main__":
    main()
