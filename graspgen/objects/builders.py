"""How the procedural families are built: parameters in, convex parts and the closed mesh of their union out.

Vessels and tools stand in their frame as people expect (z up, the base at z = 0); the others have their centre at the
origin. The parameters are documented in `families.py`.
"""

from __future__ import annotations

import math

import numpy as np

from graspgen.frames import Array, axis_angle, pose
from graspgen.objects import shapes
from graspgen.objects.asset import Part
from graspgen.objects.family import Built
from graspgen.objects.parameter import Params, require

_ALONG_X = axis_angle([0.0, 1.0, 0.0], math.pi / 2)


def box(p: Params) -> Built:
    """Build a box."""
    part = shapes.box([p["width"], p["depth"], p["height"]])
    return shapes.union([part]), (part,)


def cylinder(p: Params) -> Built:
    """Build a cylinder."""
    part = shapes.cylinder(p["diameter"] / 2, -p["height"] / 2, p["height"] / 2)
    return shapes.union([part]), (part,)


def sphere(p: Params) -> Built:
    """Build a ball or an ellipsoid."""
    half = p["diameter"] / 2 * np.array([1.0, p["aspect_y"], p["aspect_z"]])
    part = Part("sphere", half[:1]) if is_round(p) else Part("ellipsoid", half)
    return shapes.union([part]), (part,)


def is_round(p: Params) -> bool:
    """Tell whether a `sphere` has three equal axes."""
    return p["aspect_y"] == p["aspect_z"] == 1


def capsule(p: Params) -> Built:
    """Build a capsule."""
    part = Part("capsule", np.array([p["diameter"] / 2, p["straight"] / 2]))
    return shapes.union([part]), (part,)


def mug(p: Params) -> Built:
    """Build a mug: a cup and a bent handle."""
    rim, height, wall = p["diameter"] / 2, p["height"], p["wall"]
    foot, floor = rim * p["taper"], 1.2 * wall

    def outside(z: float) -> float:
        return foot + (rim - foot) * z / height

    parts, solid = shapes.cup([(foot, 0.0), (rim, height)], [(outside(floor) - wall, floor), (rim - wall, height)])
    # The ends of the handle lie in the middle of the wall: it must not look out of the inside.
    angle = np.linspace(math.pi / 2, -math.pi / 2, 7)
    span = p["handle_span"] * height
    z = 0.52 * height + span / 2 * np.sin(angle)
    root = np.array([outside(h) for h in z]) - wall / 2
    reach = (p["handle_reach"] + wall / 2) * np.abs(np.cos(angle)) ** 0.8
    reach[[0, -1]] = 0.0
    tangent = np.stack([np.sin(angle) * p["handle_reach"], 0 * angle, np.cos(angle) * span / 2], -1)
    across = np.stack([tangent[:, 2], 0 * angle, tangent[:, 0]], -1)
    across *= p["handle_thickness"] / 2 / np.linalg.norm(across, axis=1, keepdims=True)
    centres = np.stack([root + reach, 0 * angle, z], -1)
    handle = shapes.sweep(centres, across, p["handle_width"] / 2)
    return shapes.union(handle, [solid]), (*parts, *handle)


def bowl(p: Params) -> Built:
    """Build a bowl: a cup whose wall has two levels."""
    rim, height, wall = p["diameter"] / 2, p["height"], p["wall"]
    foot = rim * p["foot"]
    # The middle row stands out of the straight line from foot to rim.
    middle = (foot + (rim - foot) * (0.5 + p["bulge"]), 0.4 * height)
    inner = [
        (foot - wall / 2, 1.2 * wall),
        (middle[0] - wall, middle[1] + wall / 3),
        (rim - wall, height),
    ]
    outer = shapes.curve((foot, 0.0), middle, (rim, height), 6)
    parts, solid = shapes.cup(outer, inner)
    return shapes.union([], [solid]), tuple(parts)


def plate(p: Params) -> Built:
    """Build a plate: a very low cup."""
    rim, height, wall = p["diameter"] / 2, p["height"], p["wall"]
    foot = rim * p["foot"]
    slope = (rim - foot) / height
    inner = [(foot + slope * wall - 2.0 * wall, wall), (rim - 2.0 * wall, height)]
    parts, solid = shapes.cup([(foot, 0.0), (rim, height)], inner)
    return shapes.union([], [solid]), tuple(parts)


def can(p: Params) -> Built:
    """Build a tin: a body between two rims."""
    radius, half, rim = p["diameter"] / 2, p["height"] / 2, p["rim"]
    require(half > 2 * rim and radius > 2 * rim, "the rims are larger than the can")
    parts = (
        shapes.cylinder(radius, -half, -half + 2 * rim),
        shapes.cylinder(radius - rim, -half + rim, half - rim),
        shapes.cylinder(radius, half - 2 * rim, half),
    )
    return shapes.union(parts), parts


def hammer(p: Params) -> Built:
    """Build a claw hammer: handle, block, neck, face and claw."""
    radius, length = p["handle_diameter"] / 2, p["handle_length"]
    half, thick = p["head_length"] / 2, p["head_width"] / 2
    require(length > 3 * radius and half > thick, "the handle or the head is thicker than it is long")
    # The handle lies along x and ends in the head at the origin; the head lies along z, its face up.
    cheek, neck = 0.3 * half, 0.62 * half
    face = thick * p["face"]
    tip = thick * 0.9
    claw = [[x * thick, y * thick, -cheek + 1e-3] for x in (-1, 1) for y in (-1, 1)] + [
        [-thick * 1.6 + x * thick * 0.15, y * tip, -half] for x in (-1, 1) for y in (-1, 1)
    ]
    parts = (
        Part("capsule", np.array([radius, length / 2 - radius]), _shifted_x(-length / 2)),
        shapes.box([2.3 * thick, 2 * thick, 2 * cheek]),
        shapes.cylinder(thick * 0.8, 0.0, neck + 1e-3),
        shapes.cylinder(face, neck, half),
        Part("hull", vertices=np.array(claw)),
    )
    return shapes.union(parts), parts


def _shifted_x(x: float) -> Array:
    return pose(_ALONG_X, [x, 0.0, 0.0])


def screwdriver(p: Params) -> Built:
    """Build a screwdriver: handle, collar, shaft and blade."""
    grip, shaft = p["handle_diameter"] / 2, p["shaft_diameter"] / 2
    z_shaft, z_tip = p["handle_length"], p["handle_length"] + p["shaft_length"]
    blade = 2.2 * shaft
    require(grip > 2 * shaft and z_shaft > 4 * grip and p["shaft_length"] > 2 * blade, "handle and shaft do not fit")
    corners = [[x * shaft * 0.7, y * shaft * 0.7, z_tip - blade] for x in (-1, 1) for y in (-1, 1)]
    corners += [[x * 1.3 * shaft, 0.0, z_tip - 0.4 * blade] for x in (-1, 1)]
    corners += [[x * 1.3 * shaft, y * 0.25 * shaft, z_tip] for x in (-1, 1) for y in (-1, 1)]
    collar = 0.18 * z_shaft
    parts = (
        Part(
            "capsule",
            np.array([grip, (z_shaft - collar) / 2 - grip]),
            _shifted_z((z_shaft - collar) / 2),
        ),
        shapes.frustum(0.85 * grip, 1.6 * shaft, z_shaft - collar - 0.55 * grip, z_shaft),
        shapes.cylinder(shaft, z_shaft - collar, z_tip - 0.8 * blade),
        Part("hull", vertices=np.array(corners)),
    )
    return shapes.union(parts), parts


def _shifted_z(z: float) -> Array:
    return pose(None, [0.0, 0.0, z])
