"""What a procedural family is, and the words in which families are written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graspgen.distributions import Distribution, parse
from graspgen.objects.asset import Mesh, Part
from graspgen.objects.parameter import Parameter, Params, metres
from graspgen.objects.unwrap import Unwrap

Built = tuple[Mesh, tuple[Part, ...]]
Symmetry = Mapping[str, Any]

REVOLVED: Symmetry = {"continuous": [[0, 0, 1]]}
TURNED_OVER: Symmetry = {"continuous": [[0, 0, 1]], "discrete": [[1, 0, 0, 2]]}
HALF_TURNS: Symmetry = {"discrete": [[1, 0, 0, 2], [0, 1, 0, 2], [0, 0, 1, 2]]}


def turns_about_z(n: int) -> Symmetry:
    """Return the symmetry of what looks the same after 1/n of a turn about z."""
    return {"discrete": [[0, 0, 1, n]]}


@dataclass(frozen=True)
class Family:
    """A procedural family.

    Attributes:
        name: key in `FAMILIES`, what a recipe calls it, and the class of its objects.
        doc: one sentence.
        parameters: what is drawn, in this order; the last are `material` and, where a second material is used,
            `second_material`.
        build: turns drawn parameters into the mesh and its convex parts. The mesh is closed and is their union.
        symmetry: of the built object: "continuous" lists axes, "discrete" lists axes with the number n of turns of
            360°/n, all through the frame's origin.
        unwrap: how its texture coordinates are made.
        hollow: materials of which the object is a closed skin, with the parameters `skin` and `filling`; of the
            others it is solid.
        second: the parts that are made of `second_material`.
    """

    name: str
    doc: str
    parameters: Mapping[str, Parameter]
    build: Callable[[Params], Built]
    symmetry: Callable[[Params], Symmetry]
    unwrap: Unwrap = "box"
    hollow: frozenset[str] = frozenset()
    second: slice | None = None

    @property
    def class_name(self) -> str:
        """The class of its objects."""
        return self.name

    def draw(self, rng: np.random.Generator, overrides: Mapping[str, Distribution] | None = None) -> dict[str, Any]:
        """Draw every parameter, in order, from its own distribution or the one that a recipe puts in its place.

        Raises:
            ValueError: an override can give a value which the family cannot be built from.
        """
        asked = overrides or {}
        return {
            name: (p.overridden(asked[name]) if name in asked else p).draw(rng) for name, p in self.parameters.items()
        }


def family(
    name: str,
    doc: str,
    build: Callable[[Params], Built],
    symmetry: Symmetry | Callable[[Params], Symmetry],
    materials: Mapping[str, float],
    *,
    unwrap: Unwrap = "box",
    hollow: tuple[str, ...] = (),
    second: slice | None = None,
    second_materials: Mapping[str, float] | None = None,
    **parameters: Parameter,
) -> Family:
    """Write a family down; `materials` are names of the materials' table and how often each is drawn."""
    of = symmetry if callable(symmetry) else lambda params: symmetry
    parameters["material"] = made_of(materials, "what it is made of")
    if second_materials:
        parameters["second_material"] = made_of(second_materials, "what its second part is made of")
    return Family(name, doc, parameters, build, of, unwrap, frozenset(hollow), second)


def made_of(weights: Mapping[str, float], doc: str) -> Parameter:
    """Return a parameter that is the name of a material; a recipe may ask for any."""
    from graspgen.objects.materials import materials

    written = parse({"choice": list(weights), "weights": list(weights.values())})
    return Parameter(written, "", doc, names=tuple(materials()))


def skin(low: float, high: float) -> Parameter:
    """Return the thickness of a closed, hollow object's skin."""
    return metres(lu(low, high), "thickness of the skin, where it is hollow", low=5e-5, high=0.02)


def filling(low: float, high: float) -> Parameter:
    """Return what a closed, hollow object holds; three in ten are empty."""
    between = np.linspace(low, high, 7).round(1).tolist()
    written = {"choice": [0.0, *between], "weights": [3, *[1] * 7]}
    return Parameter(parse(written), "kg/m³", "weight of the contents over the inside, where it is hollow", 1, 0, 5000)


def u(low: float, high: float) -> dict[str, list[float]]:
    """Write a uniform distribution."""
    return {"uniform": [low, high]}


def lu(low: float, high: float) -> dict[str, list[float]]:
    """Write a log-uniform distribution."""
    return {"log_uniform": [low, high]}
