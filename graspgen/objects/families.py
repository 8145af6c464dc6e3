"""The procedural families: what can be drawn, from which distributions, and how it is built.

`FAMILIES[name].build(params)` gives exact convex parts and a closed mesh that is their union. Vessels and tools stand
in their frame as people would expect (z up, the base at z = 0); the others have their centre at the origin. Sizes are
those of household things; most fit a jaw that opens 80 mm in at least one direction.
"""

from __future__ import annotations

from graspgen.objects import builders, solids, tools, vessels
from graspgen.objects.convex_union import PARAMETERS as CONVEX_UNION
from graspgen.objects.convex_union import build_convex_union
from graspgen.objects.family import HALF_TURNS, REVOLVED, TURNED_OVER, Family, Symmetry, family, filling, lu, skin, u
from graspgen.objects.parameter import Params, metres, number, share

__all__ = ["FAMILIES", "Family"]


def _sphere_symmetry(p: Params) -> Symmetry:
    return {"continuous": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]} if builders.is_round(p) else HALF_TURNS


_ASPECT = {"choice": [1.0, 0.6, 0.8, 1.3], "weights": [3, 1, 1, 1]}
_TABLEWARE = {"ceramic": 5, "glass": 1, "plastic": 2, "wood": 1}

_ALL = (
    family(
        "box", "A box: a packet, a block, a book.", builders.box, HALF_TURNS,
        {"cardboard": 4, "wood": 2, "plastic": 1, "foam": 1},
        hollow=("cardboard", "plastic", "steel", "aluminium"),
        width=metres(lu(0.018, 0.075), "along x"),
        depth=metres(lu(0.03, 0.14), "along y"),
        height=metres(lu(0.03, 0.2), "along z"),
        skin=skin(0.0006, 0.002),
        filling=filling(80, 800),
    ),
    family(
        "cylinder", "A cylinder: a tin, a candle, a roll.", builders.cylinder, TURNED_OVER,
        {"wood": 3, "plastic": 3, "aluminium": 1, "rubber": 1, "foam": 1}, unwrap="round",
        diameter=metres(lu(0.018, 0.08), "across"),
        height=metres(lu(0.03, 0.18), "along z"),
    ),
    family(
        "sphere", "A ball, or an egg with three different axes.", builders.sphere, _sphere_symmetry,
        {"rubber": 2, "plastic": 2, "wood": 1, "fruit": 2, "foam": 1}, unwrap="round", hollow=("plastic",),
        diameter=metres(lu(0.03, 0.07), "along x"),
        aspect_y=number(_ASPECT, "size along y over size along x"),
        aspect_z=number(_ASPECT, "size along z over size along x"),
        skin=skin(0.0008, 0.003),
        filling=filling(5, 40),
    ),
    family(
        "capsule", "A cylinder with round ends: a pill box, a cucumber.", builders.capsule, TURNED_OVER,
        {"plastic": 2, "fruit": 2, "wood": 1}, unwrap="round",
        diameter=metres(lu(0.018, 0.065), "across"),
        straight=metres(lu(0.02, 0.14), "length between the round ends"),
    ),
    family(
        "mug", "A mug with a handle towards +x.", builders.mug, {}, {"ceramic": 5, "plastic": 1},
        unwrap="round",
        diameter=metres(u(0.065, 0.095), "across the rim, outside"),
        height=metres(u(0.07, 0.115), "foot to rim"),
        wall=metres(u(0.003, 0.0055), "thickness of the wall"),
        taper=share(u(0.75, 1.0), "foot over rim", 0.3, 1),
        handle_reach=metres(u(0.024, 0.036), "wall to the middle of the handle"),
        handle_span=share(u(0.5, 0.68), "distance of the handle's roots over the height", 0.2, 0.9),
        handle_thickness=metres(u(0.006, 0.011), "of the handle, away from the wall"),
        handle_width=metres(u(0.008, 0.015), "of the handle, along y"),
    ),
    family(
        "bowl", "A round bowl.", builders.bowl, REVOLVED, _TABLEWARE, unwrap="round",
        diameter=metres(u(0.1, 0.18), "across the rim, outside"),
        height=metres(u(0.04, 0.075), "foot to rim"),
        wall=metres(u(0.003, 0.0055), "thickness of the wall"),
        foot=share(u(0.4, 0.6), "foot over rim", 0.1, 1),
        bulge=share(u(0.12, 0.24), "how far the wall's middle stands out, over rim less foot", 0, 0.45),
    ),
    family(
        "hammer", "A claw hammer, its handle along −x, its face towards +z.", builders.hammer, {},
        {"wood": 3, "plastic": 2}, second=slice(1, None), second_materials={"steel": 6, "rubber": 1},
        handle_length=metres(u(0.2, 0.3), "head to the handle's end"),
        handle_diameter=metres(u(0.02, 0.034), "of the handle"),
        head_length=metres(u(0.08, 0.12), "claw to face"),
        head_width=metres(u(0.02, 0.03), "of the head's block"),
        face=share(u(0.9, 1.2), "diameter of the face over the head's width", 0.3, 2),
    ),
    family(
        "convex_union",
        "Convex pieces that overlap, at random: the random objects of Tobin et al., 2018 (arXiv 1710.06425).",
        build_convex_union, {},
        {"wood": 3, "plastic": 4, "rubber": 1, "foam": 1, "aluminium": 1, "steel": 1}, **CONVEX_UNION,
    ),
    family(
        "plate", "A shallow plate.", builders.plate, REVOLVED, _TABLEWARE, unwrap="round",
        diameter=metres(u(0.14, 0.22), "across the rim"),
        height=metres(u(0.014, 0.026), "foot to rim"),
        wall=metres(u(0.0035, 0.005), "thickness"),
        foot=share(u(0.55, 0.7), "foot over rim", 0.1, 1),
    ),
    family(
        "can", "A tin with rims.", builders.can, TURNED_OVER, {"steel": 3, "aluminium": 2}, unwrap="round",
        hollow=("steel", "aluminium", "plastic", "cardboard"),
        diameter=metres(u(0.05, 0.077), "across the rims"),
        height=metres(u(0.04, 0.125), "between the rims' edges, along z"),
        rim=metres(u(0.001, 0.002), "how far the rims stand out"),
        skin=skin(0.00012, 0.0003),
        filling=filling(300, 1150),
    ),
    family(
        "screwdriver", "A screwdriver, its tip towards +z.", builders.screwdriver, {"discrete": [[0, 0, 1, 2]]},
        {"plastic": 4, "wood": 1, "rubber": 1}, second=slice(2, None), second_materials={"steel": 1},
        handle_length=metres(u(0.085, 0.115), "with the collar"),
        handle_diameter=metres(u(0.022, 0.035), "of the handle"),
        shaft_length=metres(u(0.07, 0.15), "collar to tip"),
        shaft_diameter=metres(u(0.005, 0.008), "of the shaft"),
    ),
)  # fmt: skip

#: All families by name.
FAMILIES: dict[str, Family] = {f.name: f for f in (*_ALL, *vessels.FAMILIES, *tools.FAMILIES, *solids.FAMILIES)}
