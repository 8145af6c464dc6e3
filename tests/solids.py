"""Assets of simple solids, for tests whose answers are known beforehand."""

import numpy as np
import trimesh

from graspgen.frames import pose
from graspgen.objects.asset import Asset, Mesh, Part

GRAVITY = 9.81
#: A grasp that approaches along −z of the object and closes along its y.
FROM_ABOVE = pose(np.diag([1.0, -1.0, -1.0]))


def asset_of(mesh: trimesh.Trimesh, *parts: Part) -> Asset:
    return Asset(
        name="thing",
        class_name="thing",
        mesh=Mesh(mesh.vertices, mesh.faces),
        parts=parts,
        volume=float(mesh.volume),
        com=np.asarray(mesh.center_mass),
        unit_inertia=np.asarray(mesh.moment_inertia),
        density=500.0,
        friction=0.6,
        source="test",
    )


def box(*size: float) -> Asset:
    return asset_of(trimesh.creation.box(size), Part("box", np.array(size) / 2))


def ball(radius: float) -> Asset:
    return asset_of(trimesh.creation.icosphere(4, radius), Part("sphere", [radius]))


def tube() -> Asset:
    """A pipe of 30 mm inner and 34 mm outer radius, 80 mm long: its wall is 4 mm thick."""
    n, inner, outer, half = 32, 0.030, 0.034, 0.04
    angle = 2 * np.pi * np.arange(n) / n
    circle = np.stack([np.cos(angle), np.sin(angle)], 1)

    def ring(radius: float, z: float) -> np.ndarray:
        return np.column_stack([circle * radius, np.full(n, z)])

    parts = []
    for i in range(n):
        pair = [i, (i + 1) % n]
        corners = [ring(r, z)[pair] for r in (inner, outer) for z in (-half, half)]
        parts.append(Part("hull", vertices=np.concatenate(corners)))
    return asset_of(trimesh.creation.annulus(inner, outer, 2 * half, sections=n), *parts)
