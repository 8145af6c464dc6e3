"""BOP's models: PLY files in millimetres, and what `models_info.json` says about them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from graspgen.frames import Array, axis_angle, pose
from graspgen.objects.asset import Mesh

MM = 1000.0
#: Edges of the models for evaluation are at most this share of the diameter, so that vertices lie evenly.
EVALUATION_EDGE = 0.1
_BLOCK = 512
_SMALL_TURN = 0.7  # rad; any angle that is no turn of a regular shape


def ply(mesh: Mesh, texture_file: str = "") -> bytes:
    """Return a mesh in metres as binary PLY in millimetres: positions, normals, texture coordinates, triangles.

    Args:
        mesh: m. Vertices on edges are repeated, so that edges stay sharp.
        texture_file: name of the texture beside the file; "" writes no texture coordinates.
    """
    shaded = mesh.shaded
    columns = [mesh.vertices[shaded.source] * MM, shaded.normals]
    names = ["x", "y", "z", "nx", "ny", "nz"]
    comments = []
    if texture_file and mesh.uv is not None:
        columns.append(mesh.uv[shaded.source])
        names += ["texture_u", "texture_v"]
        comments = [f"comment TextureFile {texture_file}"]
    vertices = np.concatenate(columns, axis=1).astype("<f4")
    faces = np.empty(len(shaded.faces), [("n", "u1"), ("corners", "<i4", (3,))])
    faces["n"], faces["corners"] = 3, shaded.faces
    header = [
        "ply",
        "format binary_little_endian 1.0",
        *comments,
        f"element vertex {len(vertices)}",
        *(f"property float {name}" for name in names),
        f"element face {len(faces)}",
        "property list uchar int vertex_indices",
        "end_header",
    ]
    return ("\n".join(header) + "\n").encode("ascii") + vertices.tobytes() + faces.tobytes()


def evaluation_mesh(mesh: Mesh, diameter: float) -> Mesh:
    """Return the same surface with more vertices: no edge is longer than `EVALUATION_EDGE` diameters."""
    import trimesh

    vertices, faces = trimesh.remesh.subdivide_to_size(
        mesh.vertices, mesh.faces, max_edge=EVALUATION_EDGE * diameter, max_iter=20
    )
    return Mesh(vertices, faces)


def diameter(vertices: Array) -> float:
    """Return the largest distance between two of (n, 3) vertices."""
    points = np.asarray(vertices, float)
    try:  # the farthest two are corners of the hull
        points = points[ConvexHull(points).vertices]
    except (QhullError, ValueError):  # flat: all of them
        points = np.unique(points, axis=0)
    largest = 0.0
    for start in range(0, len(points), _BLOCK):
        apart = points[start : start + _BLOCK, None] - points[None]
        largest = max(largest, float(np.einsum("ijk,ijk->ij", apart, apart).max()))
    return float(np.sqrt(largest))


def model_info(mesh: Mesh, symmetry: dict[str, Any], scale: Array) -> dict[str, Any]:
    """Return what `models_info.json` says about a model, mm.

    Args:
        mesh: at its scale, m.
        symmetry: as `assets.symmetry`.
        scale: (3,) factor on the asset's size; a symmetry that it breaks is left out.
    """
    low, high = mesh.bounds * MM
    info: dict[str, Any] = {"diameter": diameter(mesh.vertices) * MM}
    info |= {f"min_{axis}": float(v) for axis, v in zip("xyz", low, strict=True)}
    info |= {f"size_{axis}": float(v) for axis, v in zip("xyz", high - low, strict=True)}
    turns = [
        axis_angle(turn[:3], 2 * np.pi / int(turn[3])) for turn in symmetry.get("discrete", ()) if int(turn[3]) > 1
    ]
    discrete = [R for R in group([R for R in turns if _keeps(R, scale)]) if not np.allclose(R, np.eye(3))]
    if discrete:
        info["symmetries_discrete"] = [pose(R).ravel().tolist() for R in discrete]
    axes = [a for a in symmetry.get("continuous", ()) if _keeps(axis_angle(a, _SMALL_TURN), scale)]
    if axes:
        info["symmetries_continuous"] = [{"axis": [float(v) for v in a], "offset": [0.0, 0.0, 0.0]} for a in axes]
    return info


def group(generators: list[Array]) -> list[Array]:
    """Return all rotations that (3, 3) rotations of finite order make together, identity first."""
    found: list[Array] = [np.eye(3)]
    for R in found:  # grows while it is walked
        for turn in generators:
            new = turn @ R
            if not any(np.allclose(new, known, atol=1e-6) for known in found):
                found.append(new)
    return [np.round(R, 12) + 0.0 for R in found]


def _keeps(R: Array, scale: Array) -> bool:
    S: NDArray[np.float64] = np.diag(np.asarray(scale, float))
    return bool(np.allclose(R @ S, S @ R, atol=1e-9 * float(np.max(scale))))


def parse_symmetry(text: str) -> dict[str, Any]:
    """Return `assets.symmetry` of an asset."""
    return json.loads(text) if text else {}
