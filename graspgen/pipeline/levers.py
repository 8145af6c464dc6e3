"""What a scene is drawn with when it is drawn for a target of the recipe's quotas.

All but edge cases stay within the recipe's own ranges: they narrow one of its values to a part of its distribution.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graspgen.dataset.tally import kind_of
from graspgen.distributions import Distribution
from graspgen.errors import RecipeError, nearest
from graspgen.objects.catalogue import Catalogue
from graspgen.recipe import Recipe
from graspgen.recipe.overlay import overlaid
from graspgen.recipe.quotas import ends_of
from graspgen.render.views import check_engines

#: An object's depth differs from its camera's distance by about this, m.
_ABOUT = 0.05
#: Quantiles at which a range is looked through.
_QUANTILES = np.linspace(0.0, 1.0, 101)


def value_of(recipe: Recipe, key: str) -> Any:
    """Return what a recipe says of a dotted key; None where there is no such key."""
    found: Any = recipe
    for name in key.split("."):
        found = getattr(found, name, None)
    return found


def part_of(value: Distribution, low: float, high: float) -> dict[str, Any]:
    """Return, as a recipe writes it, the part of a distribution between two quantiles of it."""
    a, b = value.part
    written = value.written()
    return {**{k: v for k, v in written.items() if k != "part"}, "part": [a + low * (b - a), a + high * (b - a)]}


def lever(recipe: Recipe, catalogue: Catalogue, dimension: str, name: str) -> dict[str, Any] | None:
    """Return the keys of the recipe, with values, that make what a target asks for likelier; None where none does."""
    match dimension:
        case "classes":
            return {"objects.featured": [name]} if catalogue.by_class.get(name) else None
        case "outcomes":
            return {"grasps.clear_share": 1.0 if name == "success" else 0.0}
        case "visibility":
            low, high = ends_of(name)
            count = recipe.scene.objects.count
            if count.is_constant:
                return None
            return {"scene.objects.count": part_of(count, *((0.5, 1.0) if low + high < 1 else (0.0, 0.5)))}
        case "distance":
            return _distance(recipe, *ends_of(name))
        case "engines":
            return {"render.engine": name}
        case _:
            return dict(recipe.quotas.cases[name].overlay) or None


def _distance(recipe: Recipe, low: float, high: float) -> dict[str, Any] | None:
    """Narrow the distance of cameras to a bin."""
    radius = recipe.views.radius
    if recipe.views.cameras or radius.is_constant:
        return None
    values = np.array([float(radius.quantile(u)) for u in _QUANTILES])
    inside = np.flatnonzero((values >= low) & (values <= high))
    if not len(inside):
        inside = np.flatnonzero((values >= low - _ABOUT) & (values <= high + _ABOUT))
    if len(inside) < 2:
        return None
    return {"views.radius": part_of(radius, float(_QUANTILES[inside[0]]), float(_QUANTILES[inside[-1]]))}


def all_levers(recipe: Recipe, catalogue: Catalogue) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the levers of all targets that have one: (dimension, name) → keys and values.

    Raises:
        RecipeError: an edge case names an unknown key, or a value that is not allowed.
        RenderError: an engine is asked for that cannot render here.
    """
    found = {}
    for dimension, wanted in recipe.quotas.targets.items():
        for name in wanted:
            values = lever(recipe, catalogue, dimension, name)
            if values is None:
                continue
            try:
                check_engines(overlaid(recipe, values).render)
            except RecipeError as error:
                where = f"quotas.cases.{name}.overlay" if dimension == "edge_cases" else f"quotas.{dimension}.{name}"
                raise RecipeError(f"{where}: {error}") from None
            found[dimension, name] = values
    return found


def expected(recipe: Recipe) -> dict[str, float]:
    """Return how many of each kind a scene is expected to give, before there is one."""
    count = recipe.scene.objects.count
    objects = float(np.mean([float(count.quantile(u)) for u in _QUANTILES]))
    views = float(_views(recipe))
    return {
        "objects": objects, "views": views, "annotations": objects * views, "grasps": objects * recipe.grasps.per_object
    }  # fmt: skip


def _views(recipe: Recipe) -> int:
    views = recipe.views
    return sum(len(camera.view_names()) for camera in views.cameras) if views.cameras else views.per_scene


def check_quotas(recipe: Recipe, catalogue: Catalogue, scenes: int) -> None:
    """Refuse quotas that cannot be met, before anything is made.

    Args:
        recipe: the run's.
        catalogue: its objects.
        scenes: the most scenes of the run.

    Raises:
        RecipeError: a class is unknown or has no object; there can be no grasps; or a count is more than that many
            scenes can hold.
    """
    quotas, spec = recipe.quotas, recipe.grasps
    for name in quotas.classes:
        if name not in catalogue.class_names:
            raise RecipeError(f"quotas.classes: there is no class '{name}'{nearest(name, catalogue.class_names)}")
        if not catalogue.by_class.get(name):
            raise RecipeError(
                f"quotas.classes: none of the {len(catalogue)} objects that are drawn from is of class '{name}'; "
                "add it (objects.families, objects.classes, objects.library)"
            )
    for dimension, wanted in quotas.targets.items():
        for name in wanted:
            kind = kind_of(quotas, dimension, name)
            if kind == "grasps" and not spec.per_object:
                raise RecipeError(f"quotas.{dimension}.{name} counts grasps; there are none: grasps.per_object is 0")
            if dimension == "edge_cases" and "friction_margin" in quotas.cases[name].where and not spec.min_friction:
                raise RecipeError(f"quotas.edge_cases.{name} needs the smallest friction; set grasps.min_friction")
    most = _most(recipe)
    for dimension, wanted in quotas.targets.items():
        sums: dict[str, int] = {}
        for name, count in wanted.items():
            if isinstance(count, int):
                kind = kind_of(quotas, dimension, name)
                sums[kind] = max(sums.get(kind, 0), count) if dimension == "edge_cases" else sums.get(kind, 0) + count
        for kind, total in sums.items():
            if total > scenes * most[kind]:
                told = "objects in views" if kind == "annotations" else kind
                raise RecipeError(
                    f"quotas.{dimension}: {total} {told} cannot be in {scenes} scenes, which hold at most "
                    f"{most[kind]} each; ask for fewer, or for at least {-(-total // max(most[kind], 1))} scenes (-n)"
                )


def _most(recipe: Recipe) -> dict[str, int]:
    """Return the most of each kind that any scene can hold."""
    recipes = [recipe, *(overlaid(recipe, case.overlay) for case in recipe.quotas.cases.values())]
    objects = max(int(r.scene.objects.count.support[1]) for r in recipes)
    views = _views(recipe)
    each = max(r.grasps.per_object * (1 + r.grasps.hard_negatives) for r in recipes)
    return {"objects": objects, "views": views, "annotations": objects * views, "grasps": objects * each}
