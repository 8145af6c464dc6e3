"""Turn every knob of a recipe from its low to its high end and tell what that changes: pixels, or labels.

Keys are taken from the recipe's own classes, so none can be forgotten: each is tried, or left out by name with a
reason (`knob_table.LEFT_OUT`). A knob that changes nothing is dead, the commonest silent defect of such generators.
"""

from __future__ import annotations

import copy
import json
import math
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic.fields import FieldInfo

from graspgen.dataset.record import Columns
from graspgen.distributions import Bounds, Distribution
from graspgen.errors import GraspgenError, RecipeError, SceneError, nearest
from graspgen.pipeline import knob_table as table
from graspgen.pipeline.scene import SceneContext, make_scene
from graspgen.recipe import Recipe, Section, Surface

# Columns that hold the draws themselves: they change with any knob.
_DRAWS = {"scenes.plan", "views.looks", "views.preset", "views.sensor_values", "scenes.task", "profiles.options"}


@dataclass(frozen=True)
class Knob:
    """A key of a recipe.

    Attributes:
        key: dotted.
        low, high: what it is tried between, as a recipe writes it.
        left_out: why it is not tried, "" if it is.
        unknown: what to mend where no two values of it are known, "" where they are.
    """

    key: str
    low: Any = None
    high: Any = None
    left_out: str = ""
    unknown: str = ""


@dataclass(frozen=True)
class Effect:
    """What a knob changes in one scene.

    Attributes:
        knob: which.
        rgb: mean absolute difference of the colour images, of 255; NaN where sizes or numbers of images differ.
        share: share of pixels whose colour differs.
        columns: "table.column" of all that differ.
        note: what happened instead of a scene, "" for nothing.
    """

    knob: Knob
    rgb: float
    share: float
    columns: tuple[str, ...]
    note: str = ""

    @property
    def dead(self) -> bool:
        """Whether the knob changed nothing, or could not be tried."""
        return not self.knob.left_out and not self.columns and not self.note


def knobs(recipe: Recipe) -> list[Knob]:
    """Return every key of a recipe, in its order, with the two ends that it is tried between."""
    return list(_walk(recipe, ()))


def try_knobs(recipe: Recipe, only: str = "", seed: int = 0) -> Iterator[Effect]:
    """Make a scene at both ends of every knob and compare everything that is stored.

    Args:
        recipe: where the others stand, but for what makes scenes small (`knob_table.BASE`).
        only: a key, or the beginning of keys, to try those alone.
        seed: of the scene.

    Raises:
        RecipeError: no key begins so, or one cannot be tried.
        GraspgenError: a scene cannot be made for another reason than the knob's.
    """
    chosen = [k for k in knobs(recipe) if not only or k.key == only or k.key.startswith(only.rstrip(".") + ".")]
    if not chosen:
        raise RecipeError(f"no key begins with '{only}'{nearest(only, [k.key for k in knobs(recipe)])}")
    for knob in chosen:
        skipped = knob.left_out or knob.unknown
        yield Effect(knob, 0.0, 0.0, ()) if skipped else try_knob(recipe, knob, seed)


def try_knob(recipe: Recipe, knob: Knob, seed: int = 0) -> Effect:
    """Make a scene at both ends of a knob and compare everything that is stored.

    Raises:
        GraspgenError: a scene cannot be made for another reason than that it does not settle.
    """
    content = _conditions(recipe, knob)
    (low, why_low), (high, why_high) = (_scene(content, knob.key, end, seed) for end in (knob.low, knob.high))
    if low is None or high is None:
        note = "" if why_low == why_high else f"refused: {(why_low or why_high).split(';')[0]}"
        return Effect(knob, math.nan, math.nan, (), note)
    rgb, share = _pixels(low["views"]["rgb"], high["views"]["rgb"])
    return Effect(knob, rgb, share, tuple(_changed(low, high)))


# Enumerating


def _walk(section: Section, at: tuple[str, ...]) -> Iterator[Knob]:
    for name, field in type(section).model_fields.items():
        key, value = ".".join((*at, name)), getattr(section, name)
        if reason := table.LEFT_OUT.get(key):
            yield Knob(key, left_out=reason)
        elif isinstance(value, Section):
            yield from _walk(value, (*at, name))
        else:
            ends = _ends(key, name, type(section), field)
            yield Knob(key, *ends) if ends else Knob(key, unknown="add two values of it to pipeline/knob_table.py")


def _ends(key: str, name: str, section: type[Section], field: FieldInfo) -> tuple[Any, Any] | None:
    """Return the two values that a key is tried between, None where they cannot be told from its type."""
    if key in table.PAIRS:
        return table.PAIRS[key]
    if issubclass(section, Surface) and name in table.SURFACE_PAIRS:
        return table.SURFACE_PAIRS[name]
    options = _options(field.annotation)
    if len(options) > 1:
        return options[0], options[-1]
    default, bounds = field.get_default(call_default_factory=True), _bounds(field)
    if name == "hue":
        return 0.0, 0.5  # the ends of the circle are the same
    if isinstance(default, Distribution):
        if default.kind == "choice":
            return default.values[0], default.values[-1]
        low, high = default.support
        if not default.is_constant and math.isfinite(low) and math.isfinite(high):
            return _whole(bounds, low, high)
    if bounds is not None and math.isfinite(bounds.low) and math.isfinite(bounds.high):
        return _whole(bounds, bounds.low, bounds.high)
    limits = {type(m).__name__: m for m in field.metadata}
    if "Ge" in limits and "Le" in limits:
        return limits["Ge"].ge, limits["Le"].le
    return None


def _whole(bounds: Bounds | None, low: float, high: float) -> tuple[Any, Any]:
    if bounds is not None and bounds.unit == "deg" and (high - low) % 360 == 0:
        return low, low + 90  # the ends of a circle are the same
    return (int(low), int(high)) if bounds is not None and bounds.integer else (low, high)


def _options(annotation: Any) -> list[Any]:
    """Return the values of a Literal or a truth value, wherever it is in a type."""
    if annotation is bool:
        return [False, True]
    if typing.get_origin(annotation) is typing.Literal:
        return list(typing.get_args(annotation))
    return [option for part in typing.get_args(annotation) for option in _options(part)]


def _bounds(field: FieldInfo) -> Bounds | None:
    nested = (m for part in typing.get_args(field.annotation) for m in getattr(part, "__metadata__", ()))
    return next((m for m in (*field.metadata, *nested) if isinstance(m, Bounds)), None)


# Trying


def _conditions(recipe: Recipe, knob: Knob) -> dict[str, Any]:
    """Return the recipe's content in which a knob is felt."""
    content = recipe.model_dump(mode="json")
    content["render"].update(preset=None, mix={}, mixed={})
    wanted = dict(table.BASE)
    parts = knob.key.split(".")
    for n in range(1, len(parts) + 1):
        wanted |= table.CONDITIONS.get(".".join(parts[:n]), {})
    for name, values in table.SURFACE_CONDITIONS.items():
        owner = knob.key.removesuffix(f".{name}")
        if owner != knob.key and _is_surface(owner):
            wanted |= {key if "." in key else f"{owner}.{key}": value for key, value in values.items()}
    for key, value in wanted.items():
        _put(content, key, value)
    return content


def _is_surface(key: str) -> bool:
    model: Any = Recipe
    for name in key.split("."):
        field = model.model_fields.get(name) if isinstance(model, type) and issubclass(model, Section) else None
        model = field.annotation if field is not None else None
    return isinstance(model, type) and issubclass(model, Surface)


def _put(content: dict[str, Any], key: str, value: Any) -> None:
    *sections, name = key.split(".")
    for section in sections:
        content = content[section]
    if name in content:
        content[name] = value


def _scene(content: Mapping[str, Any], key: str, value: Any, seed: int) -> tuple[dict[str, Columns] | None, str]:
    """Return the tables of the scene with a key at a value, or why there is none."""
    changed = copy.deepcopy(dict(content))
    _put(changed, key, value)
    try:
        recipe = Recipe.model_validate(changed)
    except ValueError as error:
        raise GraspgenError(f"{key} = {json.dumps(value)}: {str(error).splitlines()[-1].strip()}") from error
    try:
        return make_scene(SceneContext.open(recipe, seed, None), 0).record.tables, ""
    except SceneError as error:
        return None, str(error)


def _changed(low: Mapping[str, Columns], high: Mapping[str, Columns]) -> Iterator[str]:
    for name, columns in low.items():
        for column in sorted({*columns, *high[name]}):
            where = f"{name}.{column}"
            if where in _DRAWS:
                continue
            if column not in columns or column not in high[name] or _differ(columns[column], high[name][column]):
                yield where


def _differ(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return True
    if a.dtype == object:
        return [str(x) for x in a] != [str(x) for x in b]
    return bool(((a != b) & ~((a != a) & (b != b))).any())


def _pixels(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    if a.shape != b.shape or not a.size:
        return math.nan, math.nan
    difference = np.abs(a.astype(int) - b)
    return float(difference.mean()), float((difference.max(-1) > 0).mean())
