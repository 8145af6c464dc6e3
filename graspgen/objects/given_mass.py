"""What an imported object weighs: as the user says, as its URDF or MJCF says where that can be, or as its mesh does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from graspgen.frames import Array
from graspgen.objects.import_options import ImportOptions
from graspgen.objects.mass import MassProperties
from graspgen.objects.raw_object import RawObject

#: Density, kg/m³, and friction of an object when nothing is said.
DENSITY, FRICTION = 600.0, 0.6
#: Densities of solids, and frictions, that are believed.
_DENSITIES, _FRICTIONS = (1.0, 25_000.0), (0.01, 3.0)


@dataclass(frozen=True, eq=False)
class Weight:
    """What an object weighs.

    Attributes:
        density: kg/m³.
        friction: sliding friction.
        solid: volume, centre of mass and inertia, for 1 kg/m³.
        notes: what was not believed.
    """

    density: float
    friction: float
    solid: MassProperties
    notes: tuple[str, ...]


def weighed(raw: RawObject, options: ImportOptions, solid: MassProperties, vertices: Array) -> Weight:
    """Weigh an object.

    Args:
        raw: in metres.
        options: what the user says; it comes first.
        solid: of the mesh, for 1 kg/m³.
        vertices: (n, 3) of the mesh, m.
    """
    notes: list[str] = []
    density, given = DENSITY, False
    low, high = _DENSITIES
    if options.density is not None or options.mass is not None:
        density = options.density if options.density is not None else options.mass / solid.volume
        if not low <= density <= high:
            notes.append(f"a density of {density:.3g} kg/m³ is not that of a solid; is the mass right?")
    elif raw.mass is None:
        notes.append(f"no mass was given: {DENSITY:g} kg/m³ is taken")
    elif low <= raw.mass / solid.volume <= high:
        density, given = raw.mass / solid.volume, True
    else:
        notes.append(
            f"the given mass of {raw.mass:.3g} kg would make {raw.mass / solid.volume:.3g} kg/m³, no solid's: "
            f"{DENSITY:g} kg/m³ is taken"
        )
    if given and raw.mass is not None and raw.com is not None and raw.inertia is not None:
        if is_physical(raw.mass, raw.com, raw.inertia, vertices):
            solid = MassProperties(solid.volume, np.asarray(raw.com, float), raw.inertia * (solid.volume / raw.mass))
        else:
            notes.append("the given inertia is not that of a body of this size and mass: taken from the mesh")
    friction = FRICTION
    if options.friction is not None:
        friction = options.friction
    elif raw.friction is not None and _FRICTIONS[0] <= raw.friction <= _FRICTIONS[1]:
        friction = raw.friction
    elif raw.friction is not None:
        notes.append(f"the given friction of {raw.friction:.3g} is not believed: {FRICTION:g} is taken")
    return Weight(density, friction, solid, tuple(notes))


def is_physical(mass: float, com: Array, inertia: Array, vertices: Array) -> bool:
    """Tell whether a body inside the hull of a mesh can have this mass, centre of mass and inertia.

    No mass can lie outside the hull, so the centre of mass is in it, and about no axis is the moment larger than the
    mass times the square of the farthest vertex's distance from the axis. The moments of any body obey the triangle
    inequality. Files are full of moments of 1 kg m² for a cup.

    Args:
        mass: kg.
        com: (3,) m.
        inertia: (3, 3) about the centre of mass, kg m².
        vertices: (n, 3) of the mesh, m.
    """
    if not np.isfinite(inertia).all() or not np.allclose(inertia, inertia.T, rtol=0, atol=1e-9 * np.abs(inertia).max()):
        return False
    moments, axes = np.linalg.eigh(inertia)
    low, middle, high = moments
    if low <= 0 or low + middle < high * (1 - 1e-6) or not in_hull(com, vertices):
        return False
    arms = vertices - com
    # The mesh's own axes too: a sphere's inertia is a rod's along its length by no axis of its own.
    tried = np.concatenate([axes.T, np.linalg.eigh(arms.T @ arms)[1].T])
    along = arms @ tried.T
    covariance = np.trace(inertia) / 2 * np.eye(3) - inertia
    variance = np.einsum("ki,ij,kj->k", tried, covariance, tried)
    most = along.max(axis=0) * -along.min(axis=0)
    # A rod as thick as a thousandth of its length is thinner than anything that is grasped.
    return bool((variance <= mass * most * (1 + 1e-6)).all() and low >= 1e-7 * mass * most.max())


def in_hull(point: Array, vertices: Array) -> bool:
    """Tell whether a (3,) point lies in the convex hull of (n, 3) vertices."""
    try:
        hull = ConvexHull(vertices)
    except QhullError:
        return False
    slack = 1e-6 * float(np.ptp(vertices, axis=0).max())
    return bool((hull.equations[:, :3] @ point + hull.equations[:, 3] <= slack).all())
