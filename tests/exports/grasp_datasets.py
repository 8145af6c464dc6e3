"""A dataset of two boxes whose grasps are random poses, with a gripper whose tool point lies off its axis."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from dataset import dataset_builder as boxes

from graspgen.dataset.index import finalize
from graspgen.dataset.layout import shard_file
from graspgen.dataset.manifest import add_shard
from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.dataset.record import SceneRecord
from graspgen.dataset.writer import write_shard
from graspgen.exports.registry import export
from graspgen.frames import Array, pose, random_rotation
from graspgen.grippers.gripper import load_gripper

#: Not a Franka: whoever takes 0.1034 m from memory is off.
TCP = (0.004, -0.003, 0.0873)
FRICTION = (0.25, 0.8, np.nan, 1.4)


def record(scene: int, names: tuple[str, str], random: bool) -> SceneRecord:
    made = boxes.make_record(scene)
    rng = np.random.default_rng([5, scene])
    tables = made.tables
    definition = json.loads(load_gripper("panda_hand").definition)
    definition["yaml"]["tcp"] = list(TCP)
    tables["grippers"]["definition"][:] = json.dumps(definition)
    tables["grippers"]["name"][:] = "panda_hand"
    tables["grippers"]["T_base_tcp"][:] = pose(translation=TCP)
    tables["assets"]["name"][:] = names
    tables["grasps"]["min_friction"][:] = np.tile(FRICTION, 2)
    tables["grasps"]["min_friction_analytic"][:] = 0.3
    if random:
        n = len(tables["grasps"]["id"])
        R = np.array([random_rotation(rng) for _ in range(n)])
        tables["grasps"]["T_object_grasp"][:] = pose(R, rng.uniform(-0.03, 0.03, (n, 3)))
    return made


def make(folder: Path, names: tuple[str, str] = ("box_0", "box_1"), scenes: int = 2, random: bool = True) -> Path:
    manifest = boxes.begin(folder, scenes, scenes)
    boxes.save_meshes(folder)
    records = (record(scene, names, random) for scene in range(scenes))
    add_shard(folder, write_shard(folder / shard_file(0), records, manifest.attributes))
    finalize(folder)
    return folder


def exported(folder: Path, name: str, out: Path, *settings: str) -> Path:
    with open_dataset(folder) as dataset:
        export(dataset, name, out, list(settings))
    return out


def poses_of(dataset: Dataset, key: int) -> Array:
    return dataset.grasps_of(key)["T_object_grasp"]
