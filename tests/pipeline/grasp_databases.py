"""Small grasp databases, for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from graspgen.dataset.reader import open as open_dataset
from graspgen.dataset.schema import TABLES
from graspgen.distributions import parse
from graspgen.pipeline.grasp_database import DatabaseSummary, make_database
from graspgen.recipe import Grasps, Objects

SPEC = Grasps(per_object=10, draws=2, min_friction=False, hard_negatives=1)


def procedural(count: int = 2) -> Objects:
    return Objects(families=parse({"choice": ["box", "cylinder"]}), pool=count)


def make(out: Path, objects: Objects | None = None, **kw) -> DatabaseSummary:
    return make_database(objects or procedural(), out, **({"grasps": SPEC, "quiet": True, "seed": 3} | kw))


def columns_of(path: Path) -> dict[str, np.ndarray]:
    with open_dataset(path) as dataset:
        return {
            f"{table}.{name}": dataset.tables[table][name]
            for table, spec in TABLES.items()
            for name, column in spec.required.items()
            if not column.is_image
        }


def assert_same(a: Path, b: Path) -> None:
    one, two = columns_of(a), columns_of(b)
    for name, values in one.items():
        if name == "assets.mesh":
            continue  # named after the file
        np.testing.assert_array_equal(values, two[name], err_msg=name)
