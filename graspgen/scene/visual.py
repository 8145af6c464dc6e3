"""Meshes that are drawn, and their textures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import mujoco
import numpy as np

from graspgen.objects.asset import Mesh
from graspgen.objects.unwrap import unwrap
from graspgen.scene.plan import ObjectPlan, ViewPlan

#: No camera is counted as nearer to an object than this, m.
_NEAR = 0.1


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


def add_bare_mesh(spec: mujoco.MjSpec, mesh: Mesh, name: str) -> None:
    """Add a mesh that could be drawn where nothing is: without normals and texture coordinates, else the same."""
    spec.add_mesh(
        name=name,
        uservert=mesh.vertices.ravel(),
        userface=mesh.faces.ravel(),
        inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
    )


def add_texture(spec: mujoco.MjSpec, mesh: Mesh, name: str, texels: float = math.inf) -> str | None:
    """Add a mesh's texture once and return its name; None where the mesh has none.

    Args:
        spec: to add it to.
        mesh: that has it.
        name: of the texture.
        texels: along a side, how many can be seen: of its levels, the coarsest that has as many is taken.
    """
    if mesh.texture is None or mesh.uv is None:
        return None
    if all(t.name != name for t in spec.textures):
        enough = [level for level in mesh.texture_levels if max(level.shape[:2]) >= texels]
        level = enough[-1] if enough else mesh.texture
        height, width = level.shape[:2]
        texture = spec.add_texture(
            name=name, type=mujoco.mjtTexture.mjTEXTURE_2D, width=width, height=height, nchannel=3
        )
        texture.data = np.ascontiguousarray(level).tobytes()
    return name


def seen_texels(views: Sequence[ViewPlan], thing: ObjectPlan, mesh: Mesh) -> float:
    """Return how many texels along a side of an object's texture the views can show.

    To upload them is what takes longest of a scene of scans. An object's picture is about f · extent / distance wide:
    with the coarsest level that has as many, ten scans differ by 0.2 of 255 from what their whole textures give. Where
    an object was dropped is near enough to where it lies.
    """
    extent = thing.scale * float(np.ptp(mesh.bounds, axis=0).max())
    place = np.array(thing.T_world_object_dropped)[:2, 3]
    most = 0.0
    for view in views:
        camera = np.array(view.T_world_camera)[:3, 3]
        distance = max(math.dist(camera, (*place, 0.0)) - extent, _NEAR)
        most = max(most, max(view.K[0][0], view.K[1][1]) * extent / distance)
    return most
