"""The builder's dataset under other recipes of storage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataset_builder import HEIGHT, RECIPE, WIDTH, make_record, save_meshes

from graspgen.dataset.coded import colour_images
from graspgen.dataset.create import create_dataset
from graspgen.dataset.index import finalize
from graspgen.dataset.layout import shard_file
from graspgen.dataset.manifest import add_shard
from graspgen.dataset.pack import pack_scene
from graspgen.dataset.record import SceneRecord
from graspgen.dataset.schema import TABLES
from graspgen.dataset.writer import write_shard


def stored_record(scene: int, storage: dict[str, Any]) -> SceneRecord:
    """Return the builder's record with colour as a recipe stores it."""
    record = make_record(scene)
    if storage.get("colour") != "jpeg":
        return record
    quality = storage.get("jpeg_quality", 95)
    tables = {name: dict(columns) for name, columns in record.tables.items()}
    for table, spec in TABLES.items():
        for name, column in spec.columns.items():
            if column.is_colour:
                tables[table][name] = colour_images(list(tables[table][name]), (HEIGHT, WIDTH), quality)
    return SceneRecord(scene, tables)


def make_stored(folder: Path, scenes: int = 2, **storage: Any) -> Path:
    """Make a sound dataset of shards of one scene each."""
    recipe = {**RECIPE, "storage": storage}
    manifest = create_dataset(
        folder, recipe=recipe, seed=7, scenes=scenes, scenes_per_shard=1, mujoco_version="4.0.0"
    )  # fmt: skip
    save_meshes(folder)
    for scene in range(scenes):
        packed = pack_scene(stored_record(scene, storage), storage.get("codec", "gzip"))
        add_shard(folder, write_shard(folder / shard_file(scene), [packed], manifest.attributes))
    finalize(folder)
    return folder
