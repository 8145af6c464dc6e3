"""Random unions of convex pieces, after Tobin et al., "Domain randomization and generative models for robotic
grasping", 2018 (arXiv 1710.06425): shapes of no class, so that what is learned on them cannot lean on one.

Every number is drawn for as many pieces as there can be, whether they are used or not, so that the stored parameters
alone build the object again.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from graspgen.distributions import Distribution
from graspgen.frames import Array, pose, quat_to_matrix, transform_points
from graspgen.objects import shapes
from graspgen.objects.asset import Mesh, Part
from graspgen.objects.parameter import Parameter, Params, metres, number

#: Most pieces of an object.
MOST = 5

PARAMETERS: dict[str, Parameter] = {
    "pieces": Parameter(Distribution("uniform", (2, MOST), integer=True), "", "pieces of the object"),
    "kinds": number(
        {"choice": ["box", "wedge", "cylinder", "capsule", "ellipsoid"]}, "shape of each piece", MOST
    ),
    "sizes": metres(
        {"log_uniform": [0.016, 0.065]}, "three sizes of each piece (the first and last of a round one)", 3 * MOST
    ),
    "tapers": number(
        {"uniform": [0.2, 1.0]}, "top over bottom of each wedge, along its x and y", 2 * MOST
    ),
    "turns": number({"normal": [0, 1]}, "orientation of each piece, a quaternion not normalised", 4 * MOST, -10),
    "parents": number({"uniform": [0, 1]}, "which earlier piece it is put on, as a share of them", MOST),
    "directions": number({"normal": [0, 1]}, "from its parent's centre to its own, not normalised", 3 * MOST, -10),
    "depths": number({"uniform": [0.4, 0.95]}, "that distance over the parent's reach in this direction", MOST),
}  # fmt: skip


def build_convex_union(p: Params) -> tuple[Mesh, tuple[Part, ...]]:
    """Build the object: each piece has its centre inside an earlier one, so the union is connected."""
    sizes, tapers = np.reshape(p["sizes"], (MOST, 3)), np.reshape(p["tapers"], (MOST, 2))
    turns, directions = np.reshape(p["turns"], (MOST, 4)), np.reshape(p["directions"], (MOST, 3))
    parts: list[Part] = []
    centres: list[Array] = []
    meshes: list[shapes.Triangles] = []
    for i in range(int(p["pieces"])):
        centre = np.zeros(3)
        if i:
            parent = min(int(p["parents"][i] * i), i - 1)
            direction = directions[i] / np.linalg.norm(directions[i])
            reach = shapes.exit_distance(meshes[parent], centres[parent], direction)
            centre = centres[parent] + direction * reach * p["depths"][i]
        parts.append(_piece(p["kinds"][i], sizes[i], tapers[i], pose(quat_to_matrix(turns[i]), centre)))
        meshes.append(shapes.part_mesh(parts[-1]))
        centres.append(centre)
    corners = np.concatenate([vertices for vertices, _ in meshes])
    middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
    moved = tuple(_moved(part, -middle) for part in parts)
    return shapes.union(moved), moved


def _piece(kind: str, size: Array, taper: Array, T: Array) -> Part:
    x, y, z = size / 2
    match kind:
        case "box":
            return Part("box", np.array([x, y, z]), T)
        case "ellipsoid":
            return Part("ellipsoid", np.array([x, y, z]), T)
        case "cylinder":
            return Part("cylinder", np.array([x, z]), T)
        case "capsule":
            return Part("capsule", np.array([x, z]), T)
        case _:
            low = [[i * x, j * y, -z] for i in (-1, 1) for j in (-1, 1)]
            high = [[i * x * taper[0], j * y * taper[1], z] for i in (-1, 1) for j in (-1, 1)]
            return Part("hull", vertices=transform_points(T, np.array(low + high)))


def _moved(part: Part, offset: Array) -> Part:
    if part.kind == "hull":
        return replace(part, vertices=part.vertices + offset)
    return replace(part, T_asset_part=pose(None, offset) @ part.T_asset_part)
