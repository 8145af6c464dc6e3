"""A recipe with some of its values replaced, for single scenes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from graspgen.errors import RecipeError
from graspgen.recipe import Recipe

#: Keys of `views` that groups of cameras may say themselves.
_OF_CAMERAS = ("fovy_deg", "cx_offset", "cy_offset", "cx_share", "cy_share", "distortion", "radius", "elevation_deg",
               "azimuth_deg", "roll_deg", "target_jitter", "target_jitter_z")  # fmt: skip


def overlaid(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """Return the recipe with other values, and without quotas and focus, which are the run's.

    What is said of `render` holds for all presets of a mix too, what is said of `views` for groups of cameras that say
    the same themselves.

    Args:
        recipe: the run's.
        values: dotted key → value, as YAML writes it.

    Raises:
        RecipeError: a key is unknown or a value is not allowed.
    """
    return _overlaid(_Held(recipe), json.dumps(values, sort_keys=True))


class _Held:
    """A recipe that a cache can hold: two are equal if they are one."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def __hash__(self) -> int:
        return id(self.recipe)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.recipe is self.recipe


@lru_cache(maxsize=512)
def _overlaid(held: _Held, text: str) -> Recipe:
    values: dict[str, Any] = json.loads(text)
    content = held.recipe.model_dump(mode="json")
    content.pop("quotas")
    content.pop("focus")
    for key, value in values.items():
        parts = key.split(".")
        _put(content, parts, value)
        if parts[0] == "render":
            for preset in content["render"]["mixed"].values():
                _put(preset, parts[1:], value)
        if parts[:3] == ["scene", "distractors", "flying"]:
            for flying in content["scene"]["distractors"]["mixed"].values():
                _put(flying, parts[3:], value)
        if parts[0] == "views" and parts[1] in _OF_CAMERAS:
            for camera in content["views"]["cameras"]:
                if camera.get(parts[1]) is not None and camera["kind"] in ("shell", "top_down"):
                    camera[parts[1]] = None if parts[1] in content["views"] else camera[parts[1]]
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecipeError(f"{where}: {first['msg'].removeprefix('Value error, ')}, got {first['input']!r}") from None


def _put(content: dict[str, Any], parts: list[str], value: Any) -> None:
    *sections, name = parts
    for section in sections:
        if not isinstance(content.get(section), dict):
            content[section] = {}
        content = content[section]
    content[name] = value
