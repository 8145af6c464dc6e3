"""Collision geoms of an asset in a MuJoCo spec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mujoco
import numpy as np

from graspgen.frames import matrix_to_quat
from graspgen.objects.asset import Part

_GEOM = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "ellipsoid": mujoco.mjtGeom.mjGEOM_ELLIPSOID,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
}


def add_parts(
    spec: mujoco.MjSpec, body: mujoco.MjsBody, parts: Sequence[Part], prefix: str, **geom: Any
) -> list[mujoco.MjsGeom]:
    """Add the convex parts of an asset, at the scene's scale, to `body`, whose frame is the asset's.

    Geoms weigh nothing: mass and inertia belong to the body. Meshes are named `<prefix>_part_<i>`; a mesh of that name
    that the spec already has is used again.

    Args:
        spec: the spec that `body` belongs to.
        body: its frame is the asset's frame.
        parts: convex parts, m.
        prefix: unique for the parts, the same for equal parts.
        geom: further attributes of every geom, for example `friction`.
    """
    known = {m.name for m in spec.meshes}
    geoms = []
    for i, part in enumerate(parts):
        if part.kind == "hull":
            name = f"{prefix}_part_{i}"
            if name not in known:
                spec.add_mesh(
                    name=name,
                    uservert=part.vertices.ravel(),
                    # A hull's own volume is never used, and thin hulls fail the checks of a solid.
                    inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX,
                )
                known.add(name)
            shape: dict[str, Any] = {"type": mujoco.mjtGeom.mjGEOM_MESH, "meshname": name}
        else:
            shape = {
                "type": _GEOM[part.kind],
                "size": part.size,
                "pos": part.T_asset_part[:3, 3],
                "quat": matrix_to_quat(part.T_asset_part[:3, :3]),
            }
        geoms.append(body.add_geom(**shape, mass=0, **geom))
    return geoms


def set_inertial(body: mujoco.MjsBody, mass: float, com: np.ndarray, inertia: np.ndarray) -> None:
    """Give `body` its mass (kg), centre of mass (m) and (3, 3) inertia about it (kg m²), in the body's axes."""
    body.explicitinertial = True
    body.mass = mass
    body.ipos = com
    i = inertia
    body.fullinertia = [i[0, 0], i[1, 1], i[2, 2], i[0, 1], i[0, 2], i[1, 2]]
