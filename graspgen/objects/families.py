"""The procedural families: what can be drawn, from which distributions, and how it is built.

`FAMILIES[name].build(params)` gives exact convex parts and a closed mesh that is their union. Vessels and tools stand
in their frame as people would expect (z up, the base at z = 0); the others have their centre at the origin. Sizes are
those of household things; most fit a jaw that opens 80 mm in at least one direction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graspgen.distributions import Distribution, parse
from graspgen.objects import builders
from graspgen.objects.builders import Built
from graspgen.objects.convex_union import PARAMETERS as CONVEX_UNION
from graspgen.objects.convex_union import build_convex_union
from graspgen.objects.parameter import Parameter, Params, metres, number

Symmetry = Mapping[str, Any]

_REVOLVED: Symmetry = {"continuous": [[0, 0, 1]]}
_TURNED_OVER: Symmetry = {"continuous": [[0, 0, 1]], "discrete": [[1, 0, 0, 2]]}
_HALF_TURNS: Symmetry = {"discrete": [[1, 0, 0, 2], [0, 1, 0, 2], [0, 0, 1, 2]]}


@dataclass(frozen=True)
class Family:
    """A procedural family.

    Attributes:
        name: key in `FAMILIES`, and what a recipe calls it.
        class_name: class of its objects.
        doc: one sentence.
        parameters: what is drawn, in this order.
        density: kg/m³.
        friction: sliding friction.
        build: turns drawn parameters into the mesh and its convex parts.
        symmetry: of the built object: "continuous" lists axes, "discrete" lists axes with the number n of turns of
            360°/n, all through the frame's origin.
    """

    name: str
    class_name: str
    doc: str
    parameters: Mapping[str, Parameter]
    density: Distribution
    friction: Distribution
    build: Callable[[Params], Built]
    symmetry: Callable[[Params], Symmetry]

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw every parameter, in order."""
        return {name: p.draw(rng) for name, p in self.parameters.items()}


def _sphere_symmetry(p: Params) -> Symmetry:
    return {"continuous": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]} if builders.is_round(p) else _HALF_TURNS


def _family(
    name: str,
    doc: str,
    build: Callable[[Params], Built],
    symmetry: Symmetry | Callable[[Params], Symmetry],
    density: Any,
    friction: Any,
    **parameters: Parameter,
) -> Family:
    of = symmetry if callable(symmetry) else lambda params: symmetry
    return Family(name, name, doc, parameters, parse(density), parse(friction), build, of)


def _u(low: float, high: float) -> dict[str, list[float]]:
    return {"uniform": [low, high]}


def _lu(low: float, high: float) -> dict[str, list[float]]:
    return {"log_uniform": [low, high]}


_ASPECT = {"choice": [1.0, 0.6, 0.8, 1.3], "weights": [3, 1, 1, 1]}

_ALL = (
    _family(
        "box", "A box: a carton, a block, a book.", builders.box, _HALF_TURNS, _lu(150, 1200), _u(0.3, 1.0),
        width=metres(_lu(0.018, 0.075), "along x"),
        depth=metres(_lu(0.03, 0.14), "along y"),
        height=metres(_lu(0.03, 0.2), "along z"),
    ),
    _family(
        "cylinder", "A cylinder: a tin, a candle, a roll.", builders.cylinder, _TURNED_OVER,
        _lu(200, 2700), _u(0.3, 1.0),
        diameter=metres(_lu(0.018, 0.08), "across"),
        height=metres(_lu(0.03, 0.18), "along z"),
    ),
    _family(
        "sphere", "A ball, or an egg with three different axes.", builders.sphere, _sphere_symmetry,
        _lu(100, 1200), _u(0.3, 1.0),
        diameter=metres(_lu(0.03, 0.07), "along x"),
        aspect_y=number(_ASPECT, "size along y over size along x"),
        aspect_z=number(_ASPECT, "size along z over size along x"),
    ),
    _family(
        "capsule", "A cylinder with round ends: a pill box, a cucumber.", builders.capsule, _TURNED_OVER,
        _lu(300, 1200), _u(0.3, 1.0),
        diameter=metres(_lu(0.018, 0.065), "across"),
        straight=metres(_lu(0.02, 0.14), "length between the round ends"),
    ),
    _family(
        "mug", "A mug with a handle towards +x.", builders.mug, {}, _lu(1050, 2500), _u(0.3, 0.8),
        diameter=metres(_u(0.065, 0.095), "across the rim, outside"),
        height=metres(_u(0.07, 0.115), "foot to rim"),
        wall=metres(_u(0.003, 0.0055), "thickness of the wall"),
        taper=number(_u(0.75, 1.0), "foot over rim"),
        handle_reach=metres(_u(0.024, 0.036), "wall to the middle of the handle"),
        handle_span=number(_u(0.5, 0.68), "distance of the handle's roots over the height"),
        handle_thickness=metres(_u(0.006, 0.011), "of the handle, away from the wall"),
        handle_width=metres(_u(0.008, 0.015), "of the handle, along y"),
    ),
    _family(
        "bowl", "A round bowl.", builders.bowl, _REVOLVED, _lu(1050, 2500), _u(0.3, 0.8),
        diameter=metres(_u(0.1, 0.18), "across the rim, outside"),
        height=metres(_u(0.04, 0.075), "foot to rim"),
        wall=metres(_u(0.003, 0.0055), "thickness of the wall"),
        foot=number(_u(0.4, 0.6), "foot over rim"),
        bulge=number(_u(0.12, 0.24), "how far the wall's middle stands out, over rim less foot"),
    ),
    _family(
        "bottle", "A closed bottle with a neck and a cap.", builders.bottle, _REVOLVED, _u(300, 1050), _u(0.3, 0.9),
        diameter=metres(_u(0.045, 0.078), "of the body"),
        height=metres(_u(0.14, 0.25), "foot to cap"),
        neck_diameter=metres(_u(0.022, 0.034), "of the neck"),
        body=number(_u(0.5, 0.66), "height of the body over the whole"),
        shoulder=number(_u(0.1, 0.2), "height of the shoulder over the whole"),
        cap_height=metres(_u(0.01, 0.018), "of the cap"),
        cap_width=number(_u(1.05, 1.25), "cap over neck"),
    ),
    _family(
        "hammer", "A claw hammer, its handle along −x, its face towards +z.", builders.hammer, {},
        _u(1500, 3000), _u(0.4, 1.0),
        handle_length=metres(_u(0.2, 0.3), "head to the handle's end"),
        handle_diameter=metres(_u(0.02, 0.034), "of the handle"),
        head_length=metres(_u(0.08, 0.12), "claw to face"),
        head_width=metres(_u(0.02, 0.03), "of the head's block"),
        face=number(_u(0.9, 1.2), "diameter of the face over the head's width"),
    ),
    _family(
        "convex_union",
        "Convex pieces that overlap, at random: the random objects of Tobin et al., 2018 (arXiv 1710.06425).",
        build_convex_union, {}, _lu(200, 2700), _u(0.3, 1.0), **CONVEX_UNION,
    ),
    _family(
        "plate", "A shallow plate.", builders.plate, _REVOLVED, _lu(1050, 2500), _u(0.3, 0.8),
        diameter=metres(_u(0.14, 0.22), "across the rim"),
        height=metres(_u(0.014, 0.026), "foot to rim"),
        wall=metres(_u(0.0035, 0.005), "thickness"),
        foot=number(_u(0.55, 0.7), "foot over rim"),
    ),
    _family(
        "can", "A tin with rims.", builders.can, _TURNED_OVER, _u(300, 1200), _u(0.3, 0.8),
        diameter=metres(_u(0.05, 0.077), "across the rims"),
        height=metres(_u(0.04, 0.125), "between the rims' edges, along z"),
        rim=metres(_u(0.001, 0.002), "how far the rims stand out"),
    ),
    _family(
        "screwdriver", "A screwdriver, its tip towards +z.", builders.screwdriver, {"discrete": [[0, 0, 1, 2]]},
        _u(1100, 2500), _u(0.4, 1.0),
        handle_length=metres(_u(0.085, 0.115), "with the collar"),
        handle_diameter=metres(_u(0.022, 0.035), "of the handle"),
        shaft_length=metres(_u(0.07, 0.15), "collar to tip"),
        shaft_diameter=metres(_u(0.005, 0.008), "of the shaft"),
    ),
    _family(
        "l_bracket", "Two plates at a right angle.", builders.l_bracket, {}, _lu(600, 2700), _u(0.3, 1.0),
        base=metres(_u(0.04, 0.1), "along x"),
        upright=metres(_u(0.03, 0.08), "along z"),
        thickness=metres(_u(0.005, 0.02), "of both plates"),
        width=metres(_u(0.02, 0.06), "along y"),
    ),
)  # fmt: skip

#: All families by name.
FAMILIES: dict[str, Family] = {f.name: f for f in _ALL}
