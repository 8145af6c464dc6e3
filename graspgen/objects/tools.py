"""Families of tools and cutlery. Long ones lie along x, their working end towards +x, flat on the x-y plane."""

from __future__ import annotations

import math

import numpy as np

from graspgen.frames import Array
from graspgen.objects import shapes
from graspgen.objects.bent_shapes import circle, convex, extrude, loft, moved, oval, ring, spun, tube
from graspgen.objects.family import Built, family, lu, turns_about_z, u
from graspgen.objects.parameter import Params, metres, require, share


def wrench(p: Params) -> Built:
    """Build a combination wrench: a ring, a shank, and an open jaw that is turned by 15°."""
    size, length, thick = p["size"], p["length"], p["thickness"]
    z, around = thick / 2, 0.92 * size
    a, b = -length / 2 + around, length / 2 - 1.1 * size
    require(b - a > 2 * size, "the shank has no room between ring and jaw")
    broad, narrow = 0.42 * size, 0.3 * size
    bevel = 0.6 * z
    shank = [
        [[x, s * w, t] for s, w, t in ((-1, 1, -bevel), (-1, 1, bevel), (1, 1, bevel), (1, 1, -bevel))]
        for x, w in ((a + 0.72 * size, narrow), (b - 0.5 * size, broad))
    ]
    shank = [[[x, s * (narrow if i == 0 else broad), t] for x, s, t in row] for i, row in enumerate(shank)]
    turn = math.radians(15)
    R = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    back = [[-0.95, -0.4], [-0.95, 0.4], [-0.55, 0.92], [-0.1, 1.0], [-0.1, -1.0], [-0.55, -0.92]]
    prong = [[-0.12, 0.5], [-0.12, 1.0], [0.35, 0.98], [0.85, 0.72], [0.85, 0.5]]
    jaw = [np.array(outline) * size @ R.T + [b, 0.0] for outline in (back, prong, [[x, -y] for x, y in prong])]
    eye, solid = tube(around, 0.56 * size, -z, z, 10, 3, (a, 0.0))
    rest = (convex(*shank), *(extrude(outline, -z, z) for outline in jaw))
    return shapes.union(rest, [solid]), (*eye, *rest)


def spoon(p: Params) -> Built:
    """Build a spoon: an oval dish and a handle that rises and widens."""
    half, depth, wall = p["bowl_length"] / 2, p["depth"], p["thickness"]
    outer, inner = [(0.55 * half, 0.0), (half, depth)], [(0.5 * half, wall), (half - 1.3 * wall, depth)]
    dish, solid = shapes.cup(outer, inner, sectors=10, arcs=5)
    narrow = (1.0, p["bowl_width"], 1.0)
    dish = [moved(part, narrow) for part in dish]
    reach, broad, t = p["handle_length"], p["handle_width"] / 2, wall / 2
    along = np.array([0.0, 0.12, 0.4, 0.75, 1.0])
    x = -(half - 0.7 * wall) - along * reach
    rise = depth - t + reach * 0.12 * np.sin(along * math.pi * 0.7)
    width = broad * np.array([0.55, 0.42, 0.5, 1.0, 0.75])
    handle = loft([_plate(*row, t) for row in zip(x, rise, width, strict=True)])
    return shapes.union(handle, [solid.scale(narrow)]), (*dish, *handle)


def fork(p: Params) -> Built:
    """Build a fork: a handle, a root and four bent tines."""
    t, broad, head = p["thickness"] / 2, p["handle_width"] / 2, p["head_width"] / 2
    reach, tine, root = p["handle_length"], p["tine_length"], 0.45 * p["tine_length"]
    x = np.array([-reach, -0.75 * reach, -0.3 * reach, 0.0])
    z = 0.1 * reach * np.array([0.2, 0.55, 0.8, 0.0])
    handle = loft([_plate(*row, t) for row in zip(x, z, broad * np.array([0.75, 1.0, 0.5, 0.4]), strict=True)])
    low = -0.12 * tine
    middle, tip = low + root * 0.1, 0.0
    palm = convex(_plate(0.0, 0.0, 0.4 * broad, t), _plate(0.6 * root, low, head, t), _plate(root, low, head, t))
    gap = 2 * head / 4
    tines = []
    for i in range(4):
        y = (i - 1.5) * gap
        sections = [
            _plate(root - 1e-4, low, 0.3 * gap, t, y), _plate(root + 0.55 * tine, middle, 0.27 * gap, t, y),
            _plate(root + tine, tip, 0.12 * gap, 0.7 * t, y),
        ]  # fmt: skip
        tines += [convex(*sections[:2]), convex(*sections[1:])]
    parts = (*handle, palm, *tines)
    return shapes.union(parts), parts


def _plate(x: float, z: float, half_y: float, half_z: float, y: float = 0.0) -> Array:
    """Return a section across x: a rectangle whose corners are cut."""
    cut = 0.45 * min(half_y, half_z)
    corners = [(half_y - cut, half_z), (half_y, half_z - cut)]
    corners += [(a, -b) for a, b in reversed(corners)]
    corners += [(-a, b) for a, b in reversed(corners)]
    return np.array([[x, y + a, z + b] for a, b in corners])


def knife(p: Params) -> Built:
    """Build a kitchen knife: a handle, a bolster, and a blade that thins towards its edge."""
    grip, broad, thick = p["handle_length"], p["handle_width"] / 2, p["handle_thickness"] / 2
    blade, height, spine = p["blade_length"], p["blade_height"], p["spine"] / 2
    edge = 0.12 * spine
    sections = [
        oval((x, y, 0.0), broad * w, thick * d)
        for x, y, w, d in (
            (-grip, -0.12 * broad, 0.7, 0.7), (-0.93 * grip, -0.15 * broad, 1.05, 0.95),
            (-0.45 * grip, 0.0, 0.85, 1.0), (-0.05 * grip, 0.0, 0.8, 0.85),
        )
    ]  # fmt: skip
    top, bottom = 0.8 * broad, 0.8 * broad - height
    backs = [(0.0, top), (0.7 * blade, top - 0.03 * height), (blade, top - 0.5 * height)]
    edges = [(0.0, bottom), (0.6 * blade, bottom), (0.86 * blade, bottom + 0.16 * height)]
    corners = [[x, y, s * spine * (1 if x < blade else 0.4)] for x, y in backs for s in (-1, 1)]
    corners += [[x, y, s * edge] for x, y in edges for s in (-1, 1)]
    bolster = shapes.box([0.12 * grip, 1.64 * broad, 1.5 * thick], [0.0, 0.0, 0.0])
    parts = (*loft(sections), bolster, convex(corners))
    return shapes.union(parts), parts


def brush(p: Params) -> Built:
    """Build a flat paint brush: a handle with a belly, a ferrule, and bristles."""
    length, broad, thick = p["handle_length"], p["width"] / 2, p["thickness"] / 2
    belly = p["belly"] * broad
    rows = [(0.0, 0.35, 0.5), (0.12, 0.45, 0.6), (0.55, 0.5, 0.62), (0.8, 1.0, 1.0), (1.0, 0.85, 0.85)]
    sections = [oval(((s - 1) * length, 0.0, 0.0), min(belly * w, 0.97 * broad), 0.95 * thick * d) for s, w, d in rows]
    ferrule, hair = 0.9 * broad, p["bristle_length"]
    sleeve = convex(
        oval((-0.006, 0.0, 0.0), belly * 0.9, thick * 0.95),
        _plate(0.3 * ferrule, 0.0, broad, thick),
        _plate(ferrule, 0.0, broad, thick),
    )
    tip = ferrule + hair
    bristles = convex(
        _plate(ferrule - 1e-3, 0.0, 0.97 * broad, 0.9 * thick),
        _plate(ferrule + 0.6 * hair, 0.0, 1.03 * broad, 0.95 * thick),
        [[tip, s * 0.98 * broad, t * 0.12 * thick] for s in (-1, 1) for t in (-1, 1)],
    )
    parts = (*loft(sections), bristles, sleeve)
    return shapes.union(parts), parts


def bolt(p: Params) -> Built:
    """Build a hexagonal bolt that stands on its head; rings stand for its thread."""
    d, length = p["diameter"], p["length"]
    flat, head, r = 0.8 * d, 0.65 * d, d / 2
    corner = flat / math.cos(math.pi / 6)
    top, plain = head + length, head + length * p["plain"]
    rings = 9
    pitch = (top - plain) / (rings + 0.5)
    core = 0.84 * r
    thread = [
        spun([(core, z), (r, z + 0.35 * pitch), (r, z + 0.65 * pitch), (core, z + pitch)], 24)
        for z in plain + pitch * np.arange(rings)
    ]
    parts = (
        convex(circle(0.97 * flat, 0.0, 24), circle(corner, 0.1 * head, 6, 0), circle(corner, head, 6, 0)),
        *([spun([(r, head - 1e-4), (r, plain)], 24)] if plain > head else ()),
        *thread,
        spun([(core, top - 0.5 * pitch), (0.8 * core, top)], 24),
    )
    return shapes.union(parts), tuple(parts)


def nut(p: Params) -> Built:
    """Build a hexagonal nut: twelve pieces around its hole."""
    hole, half = p["diameter"] / 2, p["height"] * p["diameter"] / 2
    flat = 0.8 * p["diameter"]
    corner = flat / math.cos(math.pi / 6)
    outer = circle(1.0, 0.0, 12, 0)[:, :2] * np.where(np.arange(12) % 2 == 0, corner, flat)[:, None]
    parts, solid = ring(outer, circle(hole, 0.0, 12, 0)[:, :2], -half, half)
    return shapes.union([], [solid]), tuple(parts)


def washer(p: Params) -> Built:
    """Build a washer."""
    outer, half = p["diameter"] / 2, p["thickness"] / 2
    parts, solid = tube(outer, outer * p["hole"], -half, half, 12, 4)
    return shapes.union([], [solid]), tuple(parts)


def pencil(p: Params) -> Built:
    """Build a sharpened pencil with a rubber, its point towards +z."""
    r, length = p["diameter"] / 2, p["length"]
    require(length > 5 * p["diameter"], "the pencil is too short for point and rubber")
    flat, cone, z = r * math.cos(math.pi / 6), 2.6 * p["diameter"], -length / 2
    shoulder = length / 2 - cone
    lead = 0.22 * r
    parts = (
        convex(circle(r, z + 3.2 * r, 6, 0), circle(r, shoulder, 6, 0), circle(lead, length / 2 - 0.004, 24)),
        spun([(lead, length / 2 - 0.0045), (0.15 * lead, length / 2)], 24),
        spun([(0.97 * flat, z + 1.8 * r), (0.97 * flat, z + 3.3 * r)], 36),
        spun([(0.8 * flat, z), (0.9 * flat, z + 0.1 * r), (0.9 * flat, z + 1.9 * r)], 36),
    )
    return shapes.union(parts), parts


_CUTLERY = {"steel": 5, "plastic": 2, "wood": 1}
_FASTENER = {"steel": 6, "brass": 1, "plastic": 1}

FAMILIES = (
    family(
        "wrench", "A combination wrench: ring and open jaw.", wrench, {}, {"steel": 6, "aluminium": 1},
        size=metres(u(0.012, 0.022), "opening of the jaw", low=0.005, high=0.06),
        length=metres(u(0.14, 0.22), "over all", low=0.08),
        thickness=metres(u(0.006, 0.011), "of ring and jaw"),
    ),
    family(
        "spoon", "A spoon, its dish upwards, its handle along −x.", spoon, {}, _CUTLERY,
        bowl_length=metres(u(0.045, 0.075), "of the dish, along x"),
        bowl_width=share(u(0.6, 0.8), "of the dish over its length", 0.3),
        depth=metres(u(0.008, 0.014), "of the dish"),
        thickness=metres(u(0.0016, 0.0028), "of the material", high=0.006),
        handle_length=metres(u(0.1, 0.15), "dish to end"),
        handle_width=metres(u(0.012, 0.022), "where it is widest"),
    ),
    family(
        "fork", "A fork with four tines, its handle along −x.", fork, {}, _CUTLERY,
        head_width=metres(u(0.02, 0.028), "across the tines"),
        tine_length=metres(u(0.035, 0.05), "of the tines"),
        thickness=metres(u(0.0016, 0.0028), "of the material", high=0.006),
        handle_length=metres(u(0.1, 0.14), "root to end"),
        handle_width=metres(u(0.012, 0.02), "where it is widest"),
    ),
    family(
        "knife", "A kitchen knife, its blade towards +x, its edge towards −y.", knife, {},
        {"wood": 3, "plastic": 3, "steel": 1}, second=slice(3, None), second_materials={"steel": 5, "ceramic": 1},
        handle_length=metres(u(0.09, 0.125), "of the handle"),
        handle_width=metres(u(0.018, 0.028), "along y"),
        handle_thickness=metres(u(0.011, 0.018), "along z"),
        blade_length=metres(u(0.09, 0.18), "of the blade"),
        blade_height=metres(u(0.022, 0.042), "spine to edge"),
        spine=metres(u(0.0015, 0.0028), "thickness of the blade's back"),
    ),
    family(
        "brush", "A flat paint brush, its bristles towards +x.", brush, {"discrete": [[1, 0, 0, 2]]},
        {"wood": 4, "plastic": 1}, second=slice(-2, -1), second_materials={"bristle": 1},
        handle_length=metres(u(0.1, 0.15), "of the handle"),
        width=metres(u(0.024, 0.06), "of ferrule and bristles, along y"),
        thickness=metres(u(0.009, 0.016), "of the ferrule, along z"),
        belly=share(u(0.45, 0.75), "the handle's widest part over the width", 0.2),
        bristle_length=metres(u(0.03, 0.055), "of the bristles"),
    ),
    family(
        "bolt", "A hexagonal bolt that stands on its head.", bolt, turns_about_z(6), _FASTENER,
        diameter=metres(lu(0.006, 0.02), "of the thread"),
        length=metres(lu(0.02, 0.08), "without the head"),
        plain=share(u(0.1, 0.5), "of the length without thread", 0.0, 0.9),
    ),
    family(
        "nut", "A hexagonal nut.", nut, {"discrete": [[0, 0, 1, 6], [1, 0, 0, 2]]}, _FASTENER,
        diameter=metres(lu(0.006, 0.024), "of the hole"),
        height=share(u(0.55, 0.9), "over the hole's diameter", 0.1, 3.0),
    ),
    family(
        "washer", "A washer: thin, and often tiny.", washer, {"continuous": [[0, 0, 1]], "discrete": [[1, 0, 0, 2]]},
        {"steel": 4, "brass": 1, "plastic": 1, "rubber": 2},
        diameter=metres(lu(0.014, 0.05), "outside"),
        hole=share(u(0.4, 0.6), "over the diameter", 0.1, 0.9),
        thickness=metres(lu(0.001, 0.003), "along z"),
    ),
    family(
        "pencil", "A sharpened pencil with a rubber, its point towards +z.", pencil, turns_about_z(6), {"wood": 1},
        diameter=metres(u(0.0068, 0.0095), "over its corners", low=0.003, high=0.03),
        length=metres(u(0.08, 0.19), "over all", low=0.05),
    ),
)  # fmt: skip
"""Tools and cutlery."""
