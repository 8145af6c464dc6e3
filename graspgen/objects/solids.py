"""Families of plain shapes, and of shapes that belong to no class. Their centre is at the origin."""

from __future__ import annotations

import math

import numpy as np

from graspgen.frames import Array
from graspgen.objects import shapes
from graspgen.objects.asset import Part
from graspgen.objects.bent_shapes import circle, convex, extrude, loft, moved, stack, torus, tube
from graspgen.objects.family import HALF_TURNS, REVOLVED, TURNED_OVER, Built, Symmetry, family, lu, turns_about_z, u
from graspgen.objects.parameter import Params, metres, number, require, share, whole

#: Rows of the profile of `revolve`.
_ROWS = 6


def ring(p: Params) -> Built:
    """Build a torus."""
    thick = p["thickness"] / 2
    parts = tuple(torus(p["diameter"] / 2 - thick, thick))
    return shapes.union(parts), parts


def tube_of(p: Params) -> Built:
    """Build a piece of tube."""
    outer, half = p["diameter"] / 2, p["height"] / 2
    parts, solid = tube(outer, outer * p["bore"], -half, half, 16, 3)
    return shapes.union([], [solid]), tuple(parts)


def l_shape(p: Params) -> Built:
    """Build two plates at a right angle."""
    a, b, t, w = p["base"], p["upright"], p["thickness"], p["width"]
    require(t < min(a, b), "the plates are thicker than they are long")
    parts = (shapes.box([a, w, t], [a / 2, 0.0, t / 2]), shapes.box([t, w, b], [t / 2, 0.0, b / 2]))
    return shapes.union(parts), parts


def t_shape(p: Params) -> Built:
    """Build a bar on a stem."""
    a, b, t, w = p["bar"], p["stem"], p["thickness"], p["width"]
    require(t < min(a, b), "bar and stem are thicker than they are long")
    parts = (shapes.box([a, w, t], [0.0, 0.0, b - t / 2]), shapes.box([t, w, b], [0.0, 0.0, b / 2]))
    return shapes.union(parts), parts


def u_shape(p: Params) -> Built:
    """Build a channel: a base and two uprights."""
    a, b, t, w = p["base"], p["upright"], p["thickness"], p["width"]
    require(2 * t < a and t < b, "the plates are as thick as the channel")
    sides = [shapes.box([t, w, b], [s * (a - t) / 2, 0.0, b / 2]) for s in (-1, 1)]
    parts = (shapes.box([a, w, t], [0.0, 0.0, t / 2]), *sides)
    return shapes.union(parts), parts


def prism(p: Params) -> Built:
    """Build a prism over a regular polygon."""
    outline = circle(p["diameter"] / 2, 0.0, int(p["sides"]), 0)[:, :2]
    part = extrude(outline, -p["height"] / 2, p["height"] / 2)
    return shapes.union([part]), (part,)


def _prism_symmetry(p: Params) -> Symmetry:
    return {"discrete": [[0, 0, 1, int(p["sides"])], [1, 0, 0, 2]]}


def die(p: Params) -> Built:
    """Build a small cube with cut corners."""
    half, cut = p["edge"] / 2, p["cut"] * p["edge"] / 2
    inner = half - cut
    axes = [np.roll(v, k) for k in range(3) for v in ([half, inner, inner], [-half, inner, inner])]
    corners = [
        np.where(np.arange(3) == np.argmax(np.abs(a)), a, a * np.roll([1, *s], int(np.argmax(np.abs(a)))))
        for a in axes
        for s in ((-1, -1), (-1, 1), (1, -1), (1, 1))
    ]
    part = convex(np.array(corners))
    return shapes.union([part]), (part,)


def card(p: Params) -> Built:
    """Build a thin plate with round corners."""
    x, y, z, r = p["length"] / 2, p["width"] / 2, p["thickness"] / 2, p["corner"]
    r = min(r, 0.45 * min(x, y))
    angle = np.linspace(0, math.pi / 2, 5)
    corner = np.column_stack([x - r + r * np.cos(angle), y - r + r * np.sin(angle)])
    outline = np.concatenate([corner * s for s in ((1, 1), (-1, 1), (1, -1), (-1, -1))])
    part = extrude(outline, -z, z)
    return shapes.union([part]), (part,)


def banana(p: Params) -> Built:
    """Build a banana: a bent, tapered body of five rounded sides, a stem and a tip."""
    length, thick, bend = p["length"], p["thickness"] / 2, math.radians(p["bend_deg"])
    radius = length / bend
    s = np.linspace(0.0, 1.0, 17)
    # Thin stem, then quickly thick, then slowly thinner, and blunt at the tip.
    along = [0.0, 0.08, 0.16, 0.3, 0.5, 0.7, 0.85, 0.95, 1.0]
    profile = thick * np.interp(s, along, [0.36, 0.34, 0.62, 0.92, 1.0, 0.93, 0.68, 0.36, 0.26])
    around = np.arange(10) * (2 * math.pi / 10)
    bulge = 1 + 0.05 * np.cos(5 * around)
    sections = []
    for share_of, r in zip(s, profile, strict=True):
        angle = (share_of - 0.5) * bend
        centre = np.array([radius * math.sin(angle), radius * (1 - math.cos(angle)), 0.0])
        normal = np.array([-math.sin(angle), math.cos(angle), 0.0])
        flat = np.outer(r * bulge * np.cos(around), normal)
        sections.append(centre + flat + np.outer(r * bulge * np.sin(around), [0, 0, 1]))
    parts = loft(np.stack(sections), 2)
    return _centred(parts)


def superquadric(p: Params) -> Built:
    """Build a superellipsoid, |x|, |y| and |z| to powers between a diamond's, a ball's and a box's."""
    e1, e2 = p["roundness_z"], p["roundness_xy"]
    eta, omega = np.linspace(-math.pi / 2, math.pi / 2, 15), np.linspace(0, 2 * math.pi, 28, endpoint=False)
    across = _power(np.cos(eta), e1)[:, None]
    unit = np.stack(
        [
            across * _power(np.cos(omega), e2),
            across * _power(np.sin(omega), e2),
            np.broadcast_to(_power(np.sin(eta), e1)[:, None], (15, 28)),
        ],
        -1,
    )
    half = np.array([p["length"], p["width"], p["height"]]) / 2
    part = convex(unit * half)
    return shapes.union([part]), (part,)


def _power(x: Array, exponent: float) -> Array:
    return np.sign(x) * np.where(np.abs(x) < 1e-9, 0.0, np.abs(x)) ** exponent


def revolve(p: Params) -> Built:
    """Build a solid of revolution: a random profile of cones that share their discs."""
    radii, steps = np.array(p["radii"]), np.array(p["steps"])
    z = np.concatenate([[0.0], np.cumsum(steps[1:]) / steps[1:].sum()]) * p["height"] - p["height"] / 2
    parts = stack(list(zip(radii, z, strict=True)))
    return shapes.union(parts), tuple(parts)


def _centred(parts: list[Part]) -> Built:
    corners = np.concatenate([part.vertices for part in parts])
    middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
    placed = tuple(moved(part, shift=-middle) for part in parts)
    return shapes.union(placed), placed


_ANY = {"wood": 3, "plastic": 4, "rubber": 1, "foam": 1, "aluminium": 1, "steel": 1}
_BRACKET = {"steel": 2, "aluminium": 2, "plastic": 2, "wood": 1}

FAMILIES = (
    family(
        "ring", "A torus.", ring, TURNED_OVER, {"plastic": 3, "wood": 2, "rubber": 2, "brass": 1},
        diameter=metres(u(0.05, 0.12), "outside", low=0.004),
        thickness=metres(u(0.01, 0.024), "of the tube", low=0.001, high=0.1),
    ),
    family(
        "tube", "A piece of tube: a pipe, a roll of tape.", tube_of, TURNED_OVER,
        {"plastic": 3, "cardboard": 2, "aluminium": 1, "steel": 1}, unwrap="round",
        diameter=metres(lu(0.025, 0.1), "outside"),
        bore=share(u(0.55, 0.9), "inside over outside", 0.1, 0.97),
        height=metres(lu(0.015, 0.12), "along z"),
    ),
    family(
        "l_shape", "Two plates at a right angle.", l_shape, {}, _BRACKET,
        base=metres(u(0.04, 0.1), "along x"),
        upright=metres(u(0.03, 0.08), "along z"),
        thickness=metres(u(0.005, 0.02), "of both plates"),
        width=metres(u(0.02, 0.06), "along y"),
    ),
    family(
        "t_shape", "A bar on a stem.", t_shape, turns_about_z(2), _BRACKET,
        bar=metres(u(0.05, 0.12), "along x"),
        stem=metres(u(0.04, 0.1), "along z, with the bar"),
        thickness=metres(u(0.008, 0.025), "of bar and stem"),
        width=metres(u(0.015, 0.05), "along y"),
    ),
    family(
        "u_shape", "A channel: a base and two uprights.", u_shape, turns_about_z(2), _BRACKET,
        base=metres(u(0.04, 0.1), "along x, outside"),
        upright=metres(u(0.03, 0.07), "along z"),
        thickness=metres(u(0.004, 0.012), "of the plates"),
        width=metres(u(0.02, 0.06), "along y"),
    ),
    family(
        "prism", "A prism over a regular polygon.", prism, _prism_symmetry, _ANY,
        sides=whole(3, 8, "sides of the polygon", 3, 32),
        diameter=metres(lu(0.025, 0.085), "through the corners"),
        height=metres(lu(0.015, 0.14), "along z"),
    ),
    family(
        "die", "A small cube with cut corners.", die, {"discrete": [[1, 0, 0, 4], [0, 1, 0, 4], [0, 0, 1, 4]]},
        {"plastic": 3, "wood": 2, "aluminium": 1},
        edge=metres(lu(0.008, 0.03), "of the cube"),
        cut=share(u(0.08, 0.25), "what is cut off over half the edge", 0.01, 0.9),
    ),
    family(
        "card", "A thin plate with round corners: a card, a tile, a phone.", card, HALF_TURNS,
        {"plastic": 4, "cardboard": 1, "aluminium": 1, "wood": 1},
        length=metres(u(0.05, 0.15), "along x"),
        width=metres(u(0.03, 0.078), "along y"),
        thickness=metres(lu(0.001, 0.01), "along z"),
        corner=metres(u(0.002, 0.01), "radius of the corners"),
    ),
    family(
        "banana", "A banana, bent towards +y, its stem towards −x.", banana, {}, {"fruit": 5, "plastic": 1},
        length=metres(u(0.14, 0.21), "along the bend"),
        thickness=metres(u(0.03, 0.042), "where it is thickest"),
        bend_deg=number(u(45, 100), "angle of the bend, deg", low=5, high=150),
    ),
    family(
        "superquadric", "A superellipsoid, from diamond over ball to box.", superquadric, HALF_TURNS, _ANY,
        length=metres(lu(0.025, 0.1), "along x"),
        width=metres(lu(0.025, 0.1), "along y"),
        height=metres(lu(0.025, 0.1), "along z"),
        roundness_xy=number(u(0.15, 1.8), "exponent around z: near 0 box, 1 ellipse, 2 diamond", low=0.1, high=2),
        roundness_z=number(u(0.15, 1.8), "exponent along z", low=0.1, high=2),
    ),
    family(
        "revolve", "A solid of revolution with a random profile.", revolve, REVOLVED, _ANY, unwrap="round",
        height=metres(lu(0.03, 0.16), "along z"),
        radii=metres(lu(0.008, 0.042), "radius at each height", _ROWS),
        steps=number(u(0.3, 1.0), "distance from the row below, over their sum; the first is unused", _ROWS, low=0.05),
    ),
)  # fmt: skip
"""Plain shapes and shapes of no class."""
