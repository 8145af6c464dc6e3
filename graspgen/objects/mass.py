"""Volume, centre of mass and inertia of a closed triangle mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from graspgen.frames import Array


@dataclass(frozen=True, eq=False)
class MassProperties:
    """What a solid of density 1 kg/m³ weighs.

    Attributes:
        volume: m³; negative for a mesh that is inside-out.
        com: (3,) centre of mass, m, in the mesh's frame.
        unit_inertia: (3, 3) about the centre of mass, mesh axes, m⁵; times a density it is kg m².
    """

    volume: float
    com: Array
    unit_inertia: Array


def mass_properties(vertices: ArrayLike, faces: ArrayLike) -> MassProperties:
    """Integrate over a closed mesh, outward oriented.

    Each triangle spans a signed tetrahedron with a point inside; volume, first and second moments of the tetrahedra
    add up (Blow & Binstock, "How to find the inertia tensor of arbitrary solid bodies", 2004).

    Args:
        vertices: (n, 3), m.
        faces: (m, 3) indices, counter-clockwise seen from outside.
    """
    v = np.asarray(vertices, float)
    # Moments about a far origin cancel badly: integrate about the middle of the mesh.
    middle = (v.min(axis=0) + v.max(axis=0)) / 2
    a, b, c = np.moveaxis((v - middle)[np.asarray(faces)], 1, 0)
    det = np.einsum("ij,ij->i", a, np.cross(b, c))
    volume = float(det.sum() / 6)
    if volume == 0.0:
        return MassProperties(0.0, middle, np.zeros((3, 3)))
    s = a + b + c
    com = det @ s / 24 / volume
    second = (
        np.einsum("i,ij,ik->jk", det, s, s)
        + np.einsum("i,ij,ik->jk", det, a, a)
        + np.einsum("i,ij,ik->jk", det, b, b)
        + np.einsum("i,ij,ik->jk", det, c, c)
    ) / 120
    second -= volume * np.outer(com, com)
    inertia = np.trace(second) * np.eye(3) - second
    return MassProperties(volume, com + middle, (inertia + inertia.T) / 2)
