"""The columns that say how a scene was drawn otherwise than its recipe says, and what is an edge case in it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graspgen.dataset.edge_measures import edge_case_bits
from graspgen.dataset.record import Columns
from graspgen.objects.asset import Mesh
from graspgen.pipeline.steering import Steering
from graspgen.recipe import Recipe


def with_steering(
    recipe: Recipe, steering: Steering, tables: Mapping[str, Columns], meshes: Mapping[int, Mesh]
) -> dict[str, Columns]:
    """Return the tables of a scene with the columns that only steered runs have.

    Args:
        recipe: the run's.
        steering: of the scene.
        tables: all others of the scene.
        meshes: of its assets, unscaled, by key.
    """
    texts = {"steering": steering.text}
    if recipe.quotas.cases:
        texts["edge_case"] = steering.levers.get("edge_cases", "")
    own: dict[str, Columns] = {"scenes": {name: np.array([text], object) for name, text in texts.items()}}
    if recipe.focus.density:
        own["scenes"] = {**own["scenes"], "weight": np.array([steering.weight])}
    if recipe.quotas.cases:
        bits = edge_case_bits(
            recipe.quotas.cases,
            recipe.quotas.bits,
            tables,
            lambda row: tables["views"]["rgb"][row],
            lambda key: (meshes[key].vertices, meshes[key].faces),
        )
        for table, values in bits.items():
            own[table] = {**own.get(table, {}), "edge_cases": values}
    return {name: {**columns, **own.get(name, {})} for name, columns in tables.items()}


def stored_steering(scenes: Columns) -> Steering | None:
    """Return how a stored scene was drawn, of the columns of its row of `scenes`; None for as its recipe says.

    Raises:
        DatasetError: the column is damaged.
    """
    if "steering" not in scenes:
        return None
    weight = float(scenes["weight"][0]) if "weight" in scenes else 1.0
    return Steering.stored(str(scenes["steering"][0]), weight)
