"""Ranges that a run can be focused on, and what was drawn from each, as a stored plan tells it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from graspgen.distributions import Distribution
from graspgen.frames import Array
from graspgen.pipeline.levers import value_of
from graspgen.recipe import Recipe
from graspgen.recipe.scene import ARENAS

Plan = Mapping[str, Any]
#: What is drawn once for a scene, once for each of its objects, or once for each view.
Level = Literal["scene", "object", "view"]
#: Quantiles of a range, a bin, that a value is looked up in.
_FINE = 64


@dataclass(frozen=True)
class FocusKnob:
    """A range: `key` of the recipe; `value` gives what was drawn, of a plan or of its entry of an object or a view."""

    key: str
    level: Level
    value: Callable[[Plan], float]


def _radius(view: Plan) -> float:
    """Return about how far the camera is from its target, which is near the middle of the table, m."""
    T = np.array(view["T_world_camera"])
    return float(-T[:3, 3] @ T[:3, 2])


def _elevation(view: Plan) -> float:
    return math.degrees(math.asin(max(-1.0, min(1.0, -np.array(view["T_world_camera"])[2, 2]))))


def _azimuth(view: Plan) -> float:
    x, y, _ = -np.array(view["T_world_camera"])[:3, 2]
    return math.degrees(math.atan2(y, x)) % 360


def _fovy(view: Plan) -> float:
    return math.degrees(2 * math.atan(view["height"] / 2 / view["K"][1][1]))


def _count(plan: Plan) -> float:
    left_out = plan.get("arrangement", {}).get("left_out", 0)
    return left_out + sum(o.get("role", "target") == "target" for o in plan["objects"])


def _grade(name: str) -> FocusKnob:
    return FocusKnob(f"render.grade.{name}", "view", lambda view: view["grade"][name])


def _parameter(section: str, name: str) -> FocusKnob:
    return FocusKnob(f"scene.{section}.{name}", "scene", lambda plan: plan["arena"]["parameters"].get(name, math.nan))


def _support(section: str) -> FocusKnob:
    return FocusKnob(f"scene.{section}.friction", "scene", lambda plan: plan["arena"]["friction"])


KNOBS: tuple[FocusKnob, ...] = (
    FocusKnob("scene.objects.count", "scene", _count),
    FocusKnob("scene.gravity", "scene", lambda plan: plan["gravity"]),
    _parameter("bin", "depth"), _parameter("tray", "depth"), _parameter("shelf", "clearance"),
    _parameter("conveyor", "speed"),
    *(_support(name) for name in ARENAS),
    FocusKnob("objects.scale", "object", lambda o: o["scale"]),
    FocusKnob("objects.density", "object", lambda o: o["density"]),
    FocusKnob("objects.friction", "object", lambda o: o["friction"][0]),
    FocusKnob("views.radius", "view", _radius),
    FocusKnob("views.elevation_deg", "view", _elevation),
    FocusKnob("views.azimuth_deg", "view", _azimuth),
    FocusKnob("views.fovy_deg", "view", _fovy),
    FocusKnob("render.lights.count", "view", lambda view: len(view["lights"])),
    FocusKnob("render.lights.intensity", "view", lambda view: sum(light["diffuse"] for light in view["lights"])),
    FocusKnob("render.lights.ambient", "view", lambda view: view["ambient"]),
    FocusKnob("render.environment.strength", "view", lambda view: view["environment"]["strength"]),
    *(_grade(name) for name in ("exposure", "contrast", "saturation", "gamma", "blur", "noise")),
)  # fmt: skip


def knobs_of(recipe: Recipe) -> list[FocusKnob]:
    """Return the ranges of a recipe that can be focused on: those that are no constants and that its scenes draw."""
    found = []
    for knob in KNOBS:
        value = value_of(recipe, knob.key)
        section = knob.key.split(".")[1]
        hidden = (
            (section in ARENAS and section != recipe.scene.arena)
            or (knob.key.startswith("render.") and bool(recipe.render.mix))
            or (knob.key.startswith("views.") and (bool(recipe.views.cameras) or (recipe.views.K is not None
                                                   and section == "fovy_deg")))
            or (knob.key == "render.environment.strength" and recipe.render.engine != "filament")
        )  # fmt: skip
        if isinstance(value, Distribution) and not value.is_constant and not hidden:
            found.append(knob)
    return found


def bin_shares(range_: Distribution, values: Array, bins: int) -> Array:
    """Return (n, bins) how much of each of n values belongs to each of the equally probable bins of a range.

    A number of a range of whole numbers, or of a choice, may lie in several bins; rows of values outside are 0.
    """
    low, high = range_.part
    u = low + (np.arange(bins * _FINE) + 0.5) / (bins * _FINE) * (high - low)
    quantiles = np.array([float(range_.quantile(x)) for x in u])
    if range_.integer or range_.kind in ("choice", "poisson"):
        known = np.unique(quantiles)
        shares = np.array([np.isclose(quantiles, value).reshape(bins, _FINE).sum(axis=1) for value in known], float)
        shares /= shares.sum(axis=1, keepdims=True)
        nearest = np.abs(values[:, None] - known).argmin(axis=1)
        return shares[nearest] * np.isclose(values, known[nearest])[:, None]
    # What a camera's place says of its range is not exact, so a little beyond its ends counts as within.
    width = np.ptp(quantiles) / _FINE
    inside = (values >= quantiles[0] - width) & (values <= quantiles[-1] + width)
    at = np.minimum(np.searchsorted(quantiles, values), len(quantiles) - 1) // _FINE
    return np.eye(bins)[at] * inside[:, None]
