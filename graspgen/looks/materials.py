"""Materials as they look: `models/materials/looks.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from graspgen.distributions import Distribution, parse
from graspgen.errors import RecipeError
from graspgen.looks import KINDS
from graspgen.paths import data_dir
from graspgen.yaml_text import parse_yaml

#: What a material may give, and its value where it gives none; colours are HSV.
DEFAULTS: Mapping[str, object] = {
    "texture": "flat", "scale": 0.2, "specular": 0.1, "shininess": 0.3, "metallic": 0.0, "roughness": 0.6,
    "normal": 0.0,
}  # fmt: skip
_CHANNELS = ("hue", "saturation", "value")


@dataclass(frozen=True)
class LooksMaterial:
    """A material as it looks; every value is a distribution.

    Attributes:
        name: what recipes call it.
        values: by the names of a `Surface` of a recipe.
        colour, second: hue, saturation, value, each 0 … 1; the second colour is that of a texture.
    """

    name: str
    values: Mapping[str, Distribution]
    colour: tuple[Distribution, Distribution, Distribution]
    second: tuple[Distribution, Distribution, Distribution]


@cache
def looks_materials() -> dict[str, LooksMaterial]:
    """Return all materials by name.

    Raises:
        RecipeError: the shipped table is damaged.
    """
    path = data_dir("models") / "materials" / "looks.yaml"
    try:
        table = parse_yaml(path.read_text(encoding="utf-8"), path.name)
        return {name: _material(name, entry) for name, entry in table.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecipeError(f"{path} is damaged ({error}); install graspgen again") from error


def _material(name: str, entry: Mapping[str, object]) -> LooksMaterial:
    unknown = set(entry) - set(DEFAULTS) - {"colour", "second"}
    if unknown:
        raise ValueError(f"{name}: unknown key {sorted(unknown)[0]}")
    values = {key: parse(entry.get(key, fallback)) for key, fallback in DEFAULTS.items()}
    for kind in values["texture"].options:
        if kind not in KINDS:
            raise ValueError(f"{name}: unknown texture {kind}")
    colour = _colour(entry["colour"])
    return LooksMaterial(name, values, colour, _colour(entry["second"]) if "second" in entry else colour)


def _colour(written: object) -> tuple[Distribution, Distribution, Distribution]:
    hue, saturation, value = (parse(written[c]) for c in _CHANNELS)  # type: ignore[index]
    return hue, saturation, value
