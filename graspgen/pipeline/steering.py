"""How one scene is drawn: for which targets of the quotas, and from which part of the focused ranges."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graspgen.distributions import Distribution
from graspgen.errors import DatasetError, RecipeError
from graspgen.objects.catalogue import Catalogue
from graspgen.pipeline.levers import lever, part_of, value_of
from graspgen.recipe import Recipe
from graspgen.recipe.overlay import overlaid
from graspgen.streams import Purpose, stream


@dataclass(frozen=True)
class Steering:
    """What a scene is drawn with instead of what the recipe says.

    Attributes:
        levers: dimension of the quotas → the target that it is drawn for.
        bins: focused key → number of the bin that it is drawn from.
        values: dotted key → value, as a recipe writes it.
        weight: density of the recipe without its focus over that with it; 1 without a focus.
    """

    levers: Mapping[str, str] = field(default_factory=dict)
    bins: Mapping[str, int] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    weight: float = 1.0

    @property
    def text(self) -> str:
        """What `scenes.steering` holds."""
        return json.dumps({"levers": self.levers, "bins": self.bins, "values": self.values}, sort_keys=True)

    @classmethod
    def stored(cls, text: str, weight: float = 1.0) -> Steering:
        """Read what `scenes.steering` holds.

        Raises:
            DatasetError: it is damaged.
        """
        try:
            said = json.loads(text)
            return cls(dict(said["levers"]), dict(said["bins"]), dict(said["values"]), weight)
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"scenes.steering is damaged: {error}") from None

    def recipe(self, run: Recipe) -> Recipe:
        """Return the recipe of the scene, of that of its run.

        Raises:
            RecipeError: a value is not allowed.
        """
        return overlaid(run, self.values) if self.values else run


def is_steered(recipe: Recipe) -> bool:
    """Whether scenes of a recipe may be drawn otherwise than it says."""
    return bool(recipe.quotas.targets or recipe.focus.density)


def steer(
    recipe: Recipe, catalogue: Catalogue, seed: int, index: int, attempt: int, levers: Mapping[str, str]
) -> Steering:
    """Return how attempt `attempt` at scene `index` is drawn, a pure function of the arguments.

    Args:
        recipe: the run's.
        catalogue: its objects.
        seed: its seed.
        index, attempt: the scene and how often it was refused.
        levers: dimension of the quotas → the target that the scene is drawn for; edge cases win over the others.
    """
    bins, weight = draw_bins(recipe, seed, index, attempt)
    values: dict[str, Any] = {}
    for key, number in bins.items():
        count = len(recipe.focus.density[key])
        values[key] = part_of(focused(recipe, key), number / count, (number + 1) / count)
    for dimension, name in levers.items():
        values |= lever(recipe, catalogue, dimension, name) or {}
    return Steering(dict(levers), bins, values, weight)


def focused(recipe: Recipe, key: str) -> Distribution:
    """Return the range that a focus is on.

    Raises:
        RecipeError: the recipe has no such range.
    """
    value = value_of(recipe, key)
    if not isinstance(value, Distribution) or value.is_constant:
        raise RecipeError(f"focus.density: {key} is no range of this recipe")
    return value


def draw_bins(recipe: Recipe, seed: int, index: int, attempt: int) -> tuple[dict[str, int], float]:
    """Draw the bin of every focused range of an attempt, and return its importance weight.

    With the share `keep` every bin is as probable as any other, else as its density says. So the density q of bins b
    is keep + (1 − keep) Π density(b), over that without a focus, and the weight is its inverse: at most 1 / keep.
    """
    focus = recipe.focus
    if not focus.density:
        return {}, 1.0
    rng = stream(seed, Purpose.FOCUS, index, attempt)
    plain = rng.random() < focus.keep
    bins, product = {}, 1.0
    for key in sorted(focus.density):
        density = np.array(focus.density[key])
        chances = np.ones(len(density)) if plain else density
        reached = np.cumsum(chances) / chances.sum()
        bins[key] = min(int(np.searchsorted(reached, rng.random(), "right")), len(density) - 1)
        product *= float(density[bins[key]])
    return bins, 1.0 / (focus.keep + (1 - focus.keep) * product)
