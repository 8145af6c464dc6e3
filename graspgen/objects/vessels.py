"""Families of vessels and packages. They stand on z = 0, their axis is z."""

from __future__ import annotations

import numpy as np

from graspgen.objects import shapes
from graspgen.objects.bent_shapes import convex, spun
from graspgen.objects.family import REVOLVED, Built, family, filling, skin, turns_about_z, u
from graspgen.objects.parameter import Params, metres, require, share


def cup(p: Params) -> Built:
    """Build a cup without a handle: straight walls that widen upwards."""
    rim, height, wall = p["diameter"] / 2, p["height"], p["wall"]
    return _straight(rim * p["taper"], rim, height, wall, 1.5 * wall)


def glass(p: Params) -> Built:
    """Build a tumbler: straight walls, a thick bottom."""
    rim, height, wall = p["diameter"] / 2, p["height"], p["wall"]
    return _straight(rim * p["taper"], rim, height, wall, max(p["bottom"], wall))


def _straight(foot: float, rim: float, height: float, wall: float, floor: float) -> Built:
    inside = foot + (rim - foot) * floor / height - wall
    parts, solid = shapes.cup([(foot, 0.0), (rim, height)], [(inside, floor), (rim - wall, height)])
    return shapes.union([], [solid]), tuple(parts)


def wine_glass(p: Params) -> Built:
    """Build a glass on a stem: foot, stem, and a bowl whose wall has two levels."""
    rim, height, wall = p["diameter"] / 2, p["height"], p["wall"]
    low = p["stem"] * height
    require(low > 0.02, "the stem is shorter than 20 mm")
    stem, foot = p["stem_diameter"] / 2, rim * p["foot"]
    # The bowl is widest at a third of its height.
    wide = low + 0.38 * (height - low)
    bottom, mouth = 0.45 * rim, rim * p["mouth"]
    inner = [(bottom - wall, low + 1.5 * wall), (rim - wall, wide + 0.3 * wall), (mouth - wall, height)]
    belly = shapes.curve((bottom, low), (0.84 * rim, low + 0.3 * (wide - low)), (rim, wide), 4)
    flank = shapes.curve((rim, wide), (0.55 * rim + 0.45 * mouth, (wide + height) / 2), (mouth, height), 4)
    wall_parts, bowl = shapes.cup([*belly, *flank[1:]], inner, sectors=12, arcs=5)
    base = (
        spun([(foot, 0.0), (foot, 0.0015), (2 * stem, 0.006)]),
        shapes.cylinder(stem, 0.004, low),
        spun([(stem, low - 0.012), (bottom, low + 1e-4)]),
    )
    return shapes.union(base, [bowl]), (*wall_parts, *base)


def jar(p: Params) -> Built:
    """Build a jar: a body with a shoulder, a neck, and a lid."""
    body, height = p["diameter"] / 2, p["height"]
    lid = body * p["lid_width"]
    z_lid, neck = height - p["lid_height"], min(lid, body) * 0.9
    shoulder = z_lid - 0.04 * height - (body - neck)
    require(shoulder > 0.1 * body, "the height is too small for lid and shoulder")
    parts = (
        spun([(0.92 * body, 0.0), (body, 0.08 * body), (body, shoulder), (neck, z_lid - 0.04 * height)]),
        shapes.cylinder(neck, shoulder, z_lid + p["lid_height"] / 2),
        spun([(lid, z_lid), (lid, height - 0.0015), (lid - 0.0015, height)]),
    )
    return shapes.union(parts), parts


def carton(p: Params) -> Built:
    """Build a milk carton: a body, a gable and a fin on its ridge."""
    x, y, z = p["width"] / 2, p["depth"] / 2, p["height"]
    ridge, fin, thick = z + p["gable"] * p["width"], p["fin"], 0.0015
    corners = [[i * x, j * y, k] for i in (-1, 1) for j in (-1, 1) for k in (0.0, z)]
    top = [[i * thick, j * y, ridge] for i in (-1, 1) for j in (-1, 1)]
    parts = (convex(corners, top), shapes.box([2 * thick, 2 * y, fin + 2e-3], [0, 0, ridge + fin / 2 - 1e-3]))
    return shapes.union(parts), parts


def bottle(p: Params) -> Built:
    """Build a bottle: a body with a round shoulder, a neck and a cap."""
    body, neck, height = p["diameter"] / 2, p["neck_diameter"] / 2, p["height"]
    z_shoulder, z_neck = height * p["body"], height * (p["body"] + p["shoulder"])
    z_cap = height - p["cap_height"]
    require(body > neck and z_neck < z_cap, "the neck has no room between shoulder and cap")
    # A quarter of an ellipse from the body towards the neck.
    turn = np.linspace(0, np.pi / 2, 6)[1:]
    rise = z_neck - z_shoulder
    round_shoulder = [(neck + (body - neck) * np.cos(a), z_shoulder + rise * np.sin(a)) for a in turn]
    round_foot = [(0.93 * body, 0.0), (0.98 * body, 0.02 * body), (body, 0.08 * body)]
    parts = (
        spun([*round_foot, (body, z_shoulder), *round_shoulder]),
        shapes.cylinder(neck, z_shoulder, z_cap + p["cap_height"] / 2),
        shapes.cylinder(neck * p["cap_width"], z_cap, height),
    )
    return shapes.union(parts), parts


FAMILIES = (
    family(
        "cup", "A cup without a handle.", cup, REVOLVED, {"plastic": 3, "ceramic": 3, "wood": 1},
        unwrap="round",
        diameter=metres(u(0.06, 0.095), "across the rim, outside"),
        height=metres(u(0.055, 0.115), "foot to rim"),
        wall=metres(u(0.002, 0.004), "thickness of the wall"),
        taper=share(u(0.6, 0.8), "foot over rim", 0.3),
    ),
    family(
        "glass", "A tumbler with a thick bottom.", glass, REVOLVED, {"glass": 5, "plastic": 1}, unwrap="round",
        diameter=metres(u(0.058, 0.085), "across the rim, outside"),
        height=metres(u(0.08, 0.15), "foot to rim"),
        wall=metres(u(0.0018, 0.0035), "thickness of the wall"),
        bottom=metres(u(0.004, 0.014), "thickness of the bottom"),
        taper=share(u(0.82, 1.0), "foot over rim", 0.3),
    ),
    family(
        "wine_glass", "A glass on a stem.", wine_glass, REVOLVED, {"glass": 5, "plastic": 1}, unwrap="round",
        diameter=metres(u(0.06, 0.09), "of the bowl where it is widest"),
        height=metres(u(0.14, 0.22), "foot to rim"),
        wall=metres(u(0.0018, 0.003), "thickness of the wall"),
        mouth=share(u(0.7, 0.95), "rim over the widest diameter", 0.4),
        stem=share(u(0.38, 0.52), "height of the stem over the whole", 0.15, 0.8),
        stem_diameter=metres(u(0.006, 0.01), "of the stem"),
        foot=share(u(0.75, 0.95), "foot over the bowl's diameter", 0.3, 2.0),
    ),
    family(
        "jar", "A jar with a lid.", jar, REVOLVED, {"glass": 4, "plastic": 2, "ceramic": 1}, unwrap="round",
        hollow=("glass", "plastic", "ceramic", "steel", "aluminium"),
        diameter=metres(u(0.05, 0.085), "of the body"),
        height=metres(u(0.065, 0.15), "foot to lid"),
        lid_width=share(u(0.75, 1.03), "lid over body", 0.4, 1.2),
        lid_height=metres(u(0.01, 0.02), "of the lid"),
        skin=skin(0.0015, 0.004),
        filling=filling(500, 1300),
    ),
    family(
        "carton", "A milk carton with a gable.", carton, turns_about_z(2), {"cardboard": 1}, hollow=("cardboard",),
        width=metres(u(0.05, 0.078), "along x, across the ridge"),
        depth=metres(u(0.05, 0.095), "along y, along the ridge"),
        height=metres(u(0.08, 0.19), "of the body, without the gable"),
        gable=share(u(0.3, 0.5), "height of the gable over the width", 0.05),
        fin=metres(u(0.008, 0.016), "height of the fin"),
        skin=skin(0.0004, 0.0008),
        filling=filling(800, 1040),
    ),
    family(
        "bottle", "A closed bottle with a neck and a cap.", bottle, REVOLVED, {"plastic": 4, "glass": 2},
        unwrap="round", hollow=("plastic", "glass", "steel", "aluminium"),
        diameter=metres(u(0.045, 0.078), "of the body"),
        height=metres(u(0.14, 0.25), "foot to cap"),
        neck_diameter=metres(u(0.022, 0.034), "of the neck"),
        body=share(u(0.5, 0.66), "height of the body over the whole", 0.2, 0.7),
        shoulder=share(u(0.1, 0.2), "height of the shoulder over the whole", 0.02, 0.25),
        cap_height=metres(u(0.01, 0.018), "of the cap", high=0.03),
        cap_width=share(u(1.05, 1.25), "cap over neck", 0.5, 2.0),
        skin=skin(0.0004, 0.0025),
        filling=filling(700, 1050),
    ),
)  # fmt: skip
"""Vessels and packages."""
