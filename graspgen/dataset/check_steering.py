"""Checks of how scenes were steered: edge cases measured again, importance weights computed again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.checked import Checked, read_json
from graspgen.dataset.edge_measures import TABLE_OF, measured
from graspgen.dataset.schema import QUOTAS
from graspgen.dataset.unpack import ImageColumn
from graspgen.dataset.violations import Report
from graspgen.frames import Array
from graspgen.recipe.quotas import Quotas

#: A measure this near to a bound, relative to it, may lie on either side: meshes are stored as float32.
_NEAR = 1e-3


def check_steering(report: Report, checked: Checked, rgb: ImageColumn | None) -> None:
    """Check the columns that only runs with quotas or a focus have; `rgb` are the shard's colour images."""
    scenes = checked.tables["scenes"]
    if "steering" not in scenes:
        return
    quotas = Quotas.model_validate(checked.recipe.get("quotas", {}))
    said = [read_json(str(text)) for text in scenes["steering"]]
    for row, steering in enumerate(said):
        levers = steering.get("levers", {})
        strange = [d for d in levers if d not in QUOTAS or levers[d] not in getattr(quotas, d)]
        if strange:
            report.add(f"scene {scenes['index'][row]} was drawn for {strange[0]}, which is in no quota",
                       "scenes", "steering")  # fmt: skip
        if "edge_case" in scenes and str(scenes["edge_case"][row]) != levers.get("edge_cases", ""):
            report.add(f"scene {scenes['index'][row]} was drawn for another one", "scenes", "edge_case")
    if "weight" in scenes:
        again = _weights(checked.recipe.get("focus", {}), said)
        wrong = ~(np.abs(scenes["weight"] - again) <= 1e-9 * again)
        report.rows("scenes", "weight", wrong, lambda row: f"{scenes['weight'][row]:g}, its bins give {again[row]:g}",
                    scenes["index"])  # fmt: skip
    if "edge_cases" in checked.tables["views"] and rgb is not None:
        _check_bits(report, checked, quotas, rgb)


def _weights(focus: dict[str, Any], said: list[dict[str, Any]]) -> Array:
    density, keep = focus.get("density", {}), float(focus.get("keep", 1.0))
    found = []
    for steering in said:
        bins = steering.get("bins", {})
        product = float(np.prod([density[key][bins[key]] for key in sorted(density)]))
        found.append(1.0 / (keep + (1 - keep) * product))
    return np.array(found)


def _check_bits(report: Report, checked: Checked, quotas: Quotas, rgb: ImageColumn) -> None:
    names = dict(zip(checked.tables["assets"]["id"].tolist(), checked.tables["assets"]["mesh"], strict=True))

    def mesh(key: int) -> tuple[Array, NDArray[Any]]:
        return checked.meshes.read(str(names[key]))

    for name, case in quotas.cases.items():
        table = TABLE_OF[case.of]
        rows = checked.tables[table]
        inside, sure = (np.ones(len(rows["id"]), bool) for _ in range(2))
        for measure, (low, high) in case.where.items():
            value = measured(measure, case.of, checked.tables, lambda row: rgb[row], mesh)
            inside &= (value >= (-np.inf if low is None else low)) & (value < (np.inf if high is None else high))
            for bound in (b for b in (low, high) if b is not None):
                sure &= ~(np.abs(value - bound) <= _NEAR * abs(bound))
        stored = (rows["edge_cases"] & np.uint32(1 << quotas.bits[name])) > 0
        told = f"bit {quotas.bits[name]}, '{name}', is not what its measures give"
        report.rows(table, "edge_cases", sure & (stored != inside), told, rows["id"])
