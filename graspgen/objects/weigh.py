"""What a procedural object weighs: solid or hollow, of one material or two."""

from __future__ import annotations

from collections.abc import Sequence

from graspgen.frames import Array
from graspgen.objects import shapes
from graspgen.objects.asset import Mesh, Part
from graspgen.objects.family import Family
from graspgen.objects.parameter import Params
from graspgen.objects.pseudo_inertia import shell, solid


def weigh(family: Family, mesh: Mesh, parts: Sequence[Part], params: Params) -> tuple[float, Array]:
    """Weigh an object.

    A hollow one is a thin skin on its mesh and contents that fill it evenly. Where a family has two materials, the
    second one's parts are solid of it, and the rest is of the first.

    Args:
        family: what it is.
        mesh: its closed mesh.
        parts: its convex parts.
        params: its parameters, with `material_density` and, where the family has one, `second_density` (kg/m³).

    Returns:
        The volume of the closed mesh (m³), and the (4, 4) pseudo-inertia (kg, m).
    """
    inside, density = solid(mesh.vertices, mesh.faces), float(params["material_density"])
    volume = float(inside[3, 3])
    if params["material"] in family.hollow:
        wall = shell(mesh.vertices, mesh.faces, float(params["skin"]))
        return volume, density * wall + float(params["filling"]) * inside
    if family.second is not None:
        second = shapes.union(parts[family.second])
        theirs = solid(second.vertices, second.faces)
        return volume, density * (inside - theirs) + float(params["second_density"]) * theirs
    return volume, density * inside
