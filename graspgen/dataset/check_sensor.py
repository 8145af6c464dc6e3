"""Checks of depth sensors: what is stored follows from the plan, the clean depth, the colour and the ids."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from graspgen.dataset.checked import Checked, read_json
from graspgen.dataset.violations import Report
from graspgen.render.sensors.noise import sigma
from graspgen.render.sensors.sense import sense
from graspgen.scene.sensor_plan import SensorPlan
from graspgen.sensor_codes import Reason

#: Share of the pixels that must come out again: the last digit of a float may differ between processors.
AGREEMENT = 0.999
#: Share of the pixels with a value that must lie within the sensor's law of the clean depth around them, and how many
#: standard deviations that is.
WITHIN, DEVIATIONS = 0.99, 6.0
#: Where pixels look is told from the clean depth so many px around them.
_AROUND = 5


def check_sensor(report: Report, checked: Checked) -> None:
    """Check the sensor of every view of a shard."""
    views, scenes = checked.tables["views"], checked.tables["scenes"]
    rows = checked.rows_of("scenes", views["scene"])
    plans = [read_json(text) for text in scenes["plan"]]
    for row, scene in enumerate(rows):
        key = int(views["id"][row])
        planned = plans[scene].get("views", [])
        drawn = planned[key & 0xFFFF].get("sensor") if (key & 0xFFFF) < len(planned) else None
        name = drawn["profile"] if drawn else "ideal"
        if views["sensor"][row] != name:
            report.add(f"'{views['sensor'][row]}', the scene's plan says '{name}'", "views", "sensor", row, key)
        if "depth_sensor" not in checked.images or drawn is None:
            continue
        if read_json(views["sensor_values"][row]) != json.loads(json.dumps(drawn)):
            report.add("is not what the scene's plan says", "views", "sensor_values", row, key)
        _check_view(report, checked, row, key, SensorPlan.model_validate(drawn))


def _check_view(report: Report, checked: Checked, row: int, key: int, plan: SensorPlan) -> None:
    def image(name: str) -> NDArray[Any]:
        return checked.images[name][row]

    def wrong(bad: NDArray[np.bool_], column: str, text: str, allowed: float = 0.0) -> None:
        if (count := int(bad.sum())) > allowed * bad.size:
            report.add(f"{count} of {bad.size} pixels {text}", "views", column, row, key)

    scale, views = checked.depth_scale, checked.tables["views"]
    counts, why = image("depth_sensor"), image("depth_reason")
    clean = image("depth") * np.float32(scale)
    z, there = counts * np.float32(scale), counts > 0
    wrong(there != (why == Reason.OK), "depth_reason", "have a value and a reason for having none, or neither")
    low, high = plan.range[0] - scale / 2, plan.range[1] + scale / 2
    wrong(there & ~((z >= low) & (z <= high)), "depth_sensor", f"are out of the sensor's range {list(plan.range)} m")
    wrong(counts % round(plan.unit / scale) != 0, "depth_sensor", f"are no multiple of the sensor's {plan.unit:g} m")
    wrong(~within_law(plan, clean, z), "depth_sensor", "are further from the clean depth than the noise", 1 - WITHIN)
    depth, codes = sense(plan, clean, views["K"][row], views["distortion"][row], image("rgb"), image("instances"))
    differ = np.abs(depth - z) > plan.unit + scale / 2
    text = "differ from what plan, depth, colour and ids give"
    wrong(differ, "depth_sensor", text, 1 - AGREEMENT)
    wrong(codes != why, "depth_reason", text, 1 - AGREEMENT)


def within_law(plan: SensorPlan, clean: NDArray[np.float32], z: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return for each pixel whether a sensor's value is near what the clean depth around it allows; so is none."""
    size = 2 * _AROUND + 1 if plan.lateral_shift > 0 else 1
    low = minimum_filter(np.where(clean > 0, clean, np.inf), size) * plan.scale_bias
    high = maximum_filter(clean, size) * plan.scale_bias
    step = plan.unit
    if plan.focal and plan.baseline:
        step = step + plan.disparity_step * high**2 / (plan.focal * plan.baseline)
    # Steep surfaces have more noise, and look further aside; few pixels are of such.
    room = DEVIATIONS * sigma(plan, high) + step
    return (z == 0) | ((z >= low - room) & (z <= high + room))
