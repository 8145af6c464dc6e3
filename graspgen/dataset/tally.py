"""Count what quotas are about, scene by scene, in the rows of a shard; images are not read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.edge_measures import TABLE_OF
from graspgen.dataset.guards import guarded
from graspgen.dataset.hdf5 import open_file, reason
from graspgen.dataset.index import read_column
from graspgen.dataset.schema import Role
from graspgen.dataset.shard_scenes import rows_of_scene
from graspgen.errors import DatasetError
from graspgen.grasps.outcomes import Outcome
from graspgen.recipe.quotas import Quotas, ends_of

#: What a share is of: dimension → what all is counted in; edge cases have their own.
OF = {
    "classes": "objects", "outcomes": "grasps", "visibility": "annotations", "distance": "annotations",
    "engines": "views",
}  # fmt: skip

_COLUMNS = {
    "scenes": ("index", "steering"), "assets": ("id", "class_name"),
    "objects": ("id", "scene", "asset", "role", "edge_cases"), "views": ("id", "scene", "engine", "edge_cases"),
    "annotations": ("view", "pixels_visible", "visibility", "centre_depth"),
    "grasps": ("id", "scene", "outcome", "edge_cases"),
}  # fmt: skip
_Rows = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class SceneTally:
    """What a scene holds of what quotas ask for.

    Attributes:
        scene: its number.
        levers: dimension → what it was drawn for.
        items: (dimension, name) → how many; and ("", kind) → how many objects, grasps, annotations, views in all.
    """

    scene: int
    levers: Mapping[str, str]
    items: Counter[tuple[str, str]]


def kind_of(quotas: Quotas, dimension: str, name: str) -> str:
    """Return what a target is counted in: objects, grasps, views, or annotations (objects in views)."""
    return OF.get(dimension) or TABLE_OF[quotas.cases[name].of]


def tally_shard(path: Path, quotas: Quotas, wanted: Collection[int] | None = None) -> Iterator[SceneTally]:
    """Count the scenes of a shard, ascending.

    Args:
        path: the shard.
        quotas: what is counted.
        wanted: the scenes; None for all.

    Raises:
        DatasetError: the shard is missing or damaged.
    """
    tables: dict[str, dict[str, NDArray[Any]]] = {}
    try:
        with open_file(path) as file:
            for table, names in _COLUMNS.items():
                tables[table] = {
                    name: read_column(guarded(file, table, name), name in ("steering", "class_name", "engine"))
                    for name in names
                    if name in file[table]
                }
    except (OSError, KeyError, ValueError, RuntimeError, TypeError) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f"{path} is damaged ({reason(error)}); graspgen generate … makes it again") from error
    for scene in tables["scenes"]["index"].tolist():
        if wanted is None or scene in wanted:
            rows = {table: rows_of_scene(table, columns, scene) for table, columns in tables.items()}
            own = {t: {n: values[rows[t]] for n, values in columns.items()} for t, columns in tables.items()}
            yield tally_scene(scene, own, quotas)


def tally_scene(scene: int, tables: Mapping[str, _Rows], quotas: Quotas) -> SceneTally:
    """Count one scene: `tables` hold its rows, and those of its assets."""
    found: Counter[tuple[str, str]] = Counter()
    objects, a = tables["objects"], tables["annotations"]
    names = dict(zip(tables["assets"]["id"].tolist(), map(str, tables["assets"]["class_name"]), strict=True))
    targets = objects["role"] == Role.TARGET
    classes = Counter(names[key] for key in objects["asset"][targets].tolist())
    outcomes = Counter(Outcome(code).name.lower() for code in tables["grasps"]["outcome"].tolist())
    engines = Counter(map(str, tables["views"]["engine"]))
    seen = a["pixels_visible"] > 0
    for name, count in {
        "objects": int(targets.sum()), "grasps": len(tables["grasps"]["id"]), "views": len(tables["views"]["id"]),
        "annotations": int(seen.sum()),
    }.items():  # fmt: skip
        found["", name] = count
    for dimension, counted in (("classes", classes), ("outcomes", outcomes), ("engines", engines)):
        for name in getattr(quotas, dimension):
            found[dimension, name] = counted[name]
    for dimension, column in (("visibility", "visibility"), ("distance", "centre_depth")):
        for name in getattr(quotas, dimension):
            low, high = ends_of(name)
            value = a[column][seen]
            # The last bin of shares holds those that are visible as a whole.
            below = value <= high if dimension == "visibility" and high >= 1 else value < high
            found[dimension, name] = int(((value >= low) & below).sum())
    for name in quotas.edge_cases:
        rows = tables[TABLE_OF[quotas.cases[name].of]]
        chosen = targets if quotas.cases[name].of == "object" else slice(None)
        bit = np.uint32(1 << quotas.bits[name])
        found["edge_cases", name] = int(((rows["edge_cases"][chosen] & bit) > 0).sum())
    steering = tables["scenes"].get("steering", ())
    levers = json.loads(str(steering[0])).get("levers", {}) if len(steering) else {}
    return SceneTally(scene, levers, found)
