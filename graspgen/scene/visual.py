"""Meshes that are drawn."""

from __future__ import annotations

import mujoco

from graspgen.objects.asset import Mesh
from graspgen.objects.unwrap import unwrap


def add_visual_mesh(spec: mujoco.MjSpec, mesh: Mesh, name: str, normals_of: Mesh, textured: bool = False) -> None:
    """Add a mesh that is drawn, with the normals of `normals_of` (itself, or the same mesh unscaled).

    `textured`: it needs texture coordinates although it brings no texture of its own.
    """
    if textured and mesh.uv is None:
        mesh = normals_of = unwrap(mesh, "box")
    # A scaled mesh has the normals of the unscaled one, which stays in memory with its asset.
    # The body's inertia is explicit; the shell's, unlike others, never fails and needs no hull.
    drawn = normals_of.shaded
    added = spec.add_mesh(
        name=name,
        uservert=mesh.vertices[drawn.source].ravel(),
        userface=drawn.faces.ravel(),
        usernormal=drawn.normals.ravel(),
        inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
    )
    if mesh.uv is not None and (textured or mesh.texture is not None):
        # MuJoCo counts texture rows from the top, the asset from the bottom.
        added.usertexcoord = (mesh.uv[drawn.source] * [1, -1] + [0, 1]).ravel()
        added.userfacetexcoord = drawn.faces.ravel()
