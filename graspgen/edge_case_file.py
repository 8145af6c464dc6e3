"""Named edge cases: those that come with graspgen (`tasks/edge_cases`), and how a recipe gets the ones it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graspgen.errors import RecipeError, nearest
from graspgen.paths import data_dir
from graspgen.recipe.quotas import EdgeCase
from graspgen.yaml_text import parse_yaml


def shipped_cases() -> dict[str, EdgeCase]:
    """Return the edge cases that come with graspgen, by name, sorted."""
    return {name: EdgeCase.model_validate(content) for name, content in _contents().items()}


def with_edge_cases(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe's content with definitions of the edge cases that its quotas name; its own come first.

    Raises:
        RecipeError: they name one that is neither its own nor comes with graspgen.
    """
    quotas = content.get("quotas")
    asked = quotas.get("edge_cases") if isinstance(quotas, Mapping) else None
    if not isinstance(asked, Mapping):
        return dict(content)
    own = quotas.get("cases") or {}
    if not isinstance(own, Mapping):
        return dict(content)  # the recipe's check says so
    shipped = _contents()
    for name in asked:
        if name not in shipped and name not in own:
            near = nearest(str(name), {**shipped, **own})
            raise RecipeError(f"quotas: edge_cases: there is no edge case '{name}'{near}")
    found = {name: shipped[name] for name in asked if name in shipped and name not in own}
    return {**content, "quotas": {**quotas, "cases": {**found, **own}}}


def _contents() -> dict[str, dict[str, Any]]:
    folder = data_dir("tasks") / "edge_cases"
    return {
        path.stem: parse_yaml(path.read_text(encoding="utf-8"), path.name) for path in sorted(folder.glob("*.yaml"))
    }
