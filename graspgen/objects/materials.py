"""What procedural objects are made of: `models/materials/common.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from graspgen.distributions import Distribution, parse
from graspgen.errors import ObjectError
from graspgen.paths import data_dir
from graspgen.yaml_text import parse_yaml


@dataclass(frozen=True)
class Material:
    """A material.

    Attributes:
        name: what a family's parameter `material` calls it.
        density: kg/m³, of the solid material.
        friction: sliding friction against a gripper's pad.
        hue, saturation, value: how it usually looks, each 0 … 1. A hint: recipes decide what is drawn.
    """

    name: str
    density: Distribution
    friction: Distribution
    hue: Distribution
    saturation: Distribution
    value: Distribution


@cache
def materials() -> dict[str, Material]:
    """Return all materials by name.

    Raises:
        ObjectError: the shipped table is damaged.
    """
    path = data_dir("models") / "materials" / "common.yaml"
    try:
        table = parse_yaml(path.read_text(encoding="utf-8"), path.name)
        return {
            name: Material(
                name,
                *(parse(entry[key]) for key in ("density", "friction")),
                *(parse(entry["colour"][key]) for key in ("hue", "saturation", "value")),
            )
            for name, entry in table.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ObjectError(f"{path} is damaged ({error}); install graspgen again") from error
