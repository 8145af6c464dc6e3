"""Every value of a scene against the hash that was written with it: what no other check can derive again."""

from __future__ import annotations

import json
from typing import Any

import h5py
from numpy.typing import NDArray

from graspgen.dataset.checked import Checked
from graspgen.dataset.guards import guarded
from graspgen.dataset.hashes import content_hash
from graspgen.dataset.hdf5 import HASHES
from graspgen.dataset.record import SceneRecord
from graspgen.dataset.schema import TABLES
from graspgen.dataset.shard_scenes import rows_of_scene
from graspgen.dataset.unpack import read_images
from graspgen.dataset.violations import Report


def check_hashes(report: Report, checked: Checked, file: h5py.File) -> None:
    """Compute the content hash of every scene of a shard again, and compare it with the one in the shard.

    Which column was changed cannot be told by it, so it speaks only where the other checks have found nothing.
    """
    if HASHES not in file:
        return  # a grasp database has none; of a shard, the check of its files says so
    stored = json.loads(guarded(file, "", HASHES).asstr()[()])
    for row, scene in enumerate(checked.tables["scenes"]["index"].tolist()):
        if content_hash(_record(checked, file, scene)) != stored.get(str(scene)):
            text = "a value of this scene was changed after it was written: its rows do not give its content hash"
            report.add(text, "scenes", "", row, scene)


def _record(checked: Checked, file: h5py.File, scene: int) -> SceneRecord:
    tables: dict[str, dict[str, NDArray[Any]]] = {}
    for table, columns in checked.tables.items():
        if TABLES[table].shared:
            tables[table] = dict(columns)
            continue
        rows = rows_of_scene(table, columns, scene)
        tables[table] = {column: values[rows] for column, values in columns.items()}
        for column, spec in TABLES[table].columns.items():
            if spec.is_image and column in file[table]:
                tables[table][column] = read_images(guarded(file, table, column), rows.tolist(), spec)
    return SceneRecord(scene, tables)
