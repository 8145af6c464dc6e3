"""Texture coordinates of procedural meshes.

A texture shows undistorted on what it is made for: round things about z are unrolled like a label (u the angle about z
over 2π, v the height over the whole height; faces that look up or down are seen from above), everything else is
projected along the axis that each face looks along most, at one scale, so that the texture spans the longest side.
Textures repeat outside 0 … 1. A vertex is repeated for every texture coordinate it has, so the mesh is closed in space
but not in its indices.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from graspgen.frames import Array
from graspgen.objects.asset import UV_STEP, Mesh

Unwrap = Literal["box", "round"]

#: A face whose normal is nearer to z than this (cosine) is seen from above, not unrolled.
_FLAT = 0.8


def unwrap(mesh: Mesh, how: Unwrap) -> Mesh:
    """Return the mesh with texture coordinates, "box" or "round" (about the z axis through the origin)."""
    corners = mesh.vertices[mesh.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
    uv = _round(corners, normals, mesh.bounds) if how == "round" else _box(corners, normals, mesh.bounds)
    steps = np.round(uv / UV_STEP).astype(np.int64)
    # One whole number per (vertex, u, v): u and v lie well within ±2.
    key = (mesh.faces.astype(np.int64) << 44) + ((steps[..., 0] + (1 << 21)) << 22) + (steps[..., 1] + (1 << 21))
    _, first, back = np.unique(key.ravel(), return_index=True, return_inverse=True)
    return Mesh(
        mesh.vertices[mesh.faces.ravel()[first]],
        back.reshape(-1, 3).astype(np.int32),
        steps.reshape(-1, 2)[first] * UV_STEP,
        mesh.texture,
    )


def _box(corners: Array, normals: Array, bounds: Array) -> Array:
    axis = np.abs(normals).argmax(axis=1)
    towards = np.sign(normals[np.arange(len(axis)), axis])
    placed = (corners - bounds[0]) / max(float((bounds[1] - bounds[0]).max()), 1e-9)
    # Right and up as one sees the face from outside.
    right = np.where(axis == 0, 1, 0)
    up = np.where(axis == 2, 1, 2)
    rows = np.arange(len(axis))[:, None]
    u = placed[rows, np.arange(3), right[:, None]]
    v = placed[rows, np.arange(3), up[:, None]]
    mirrored = np.where(axis == 1, towards > 0, towards < 0)
    return np.stack([np.where(mirrored[:, None], 1 - u, u), v], -1)


def _round(corners: Array, normals: Array, bounds: Array) -> Array:
    x, y, z = np.moveaxis(corners, -1, 0)
    radius = np.hypot(x, y)
    middle = corners.mean(axis=1)
    about = np.arctan2(middle[:, 1], middle[:, 0])[:, None]
    angle = np.where(radius > 1e-7, np.arctan2(y, x), about)
    # Angles near the face's own, so that no face runs around the object the wrong way.
    angle = about + (angle - about + np.pi) % (2 * np.pi) - np.pi
    height = max(float(bounds[1, 2] - bounds[0, 2]), 1e-9)
    side = np.stack([angle / (2 * np.pi) + 0.5, (z - bounds[0, 2]) / height], -1)
    widest = max(float(radius.max()), 1e-9)
    mirror = np.where(normals[:, 2:3] < 0, -1.0, 1.0)
    above = np.stack([0.5 + mirror * x / (2 * widest), 0.5 + y / (2 * widest)], -1)
    return np.where((np.abs(normals[:, 2]) > _FLAT)[:, None, None], above, side)
