"""Assets from whatever a user of the Python interface holds in hand: a file, a mesh in memory, an asset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from graspgen.errors import ObjectError
from graspgen.objects.asset import Asset, Mesh
from graspgen.objects.asset_files import META, load_asset
from graspgen.objects.decompose import decompose
from graspgen.objects.mass import mass_properties
from graspgen.objects.mesh_check import check_mesh, check_numbers
from graspgen.objects.mesh_file import SUFFIXES, read_mesh_file
from graspgen.objects.mesh_import import DENSITY, FRICTION, asset_name
from graspgen.objects.mesh_units import LARGEST, SMALLEST

if TYPE_CHECKING:
    import trimesh

    GivenObject = str | Path | Asset | trimesh.Trimesh | tuple[Any, Any]

_ACCEPTED = "a path, a trimesh.Trimesh, (vertices, faces) or an Asset"


def given_asset(given: GivenObject) -> Asset:
    """Return an asset, made where it is not one yet: checked, repaired, weighed and cut into convex parts.

    Args:
        given: an asset, an asset's folder, a mesh file, a trimesh.Trimesh, or vertices (n, 3) and faces (m, 3). Meshes
            are in metres; their frame is the object's. The decomposition is kept in a cache by the mesh's content.

    Raises:
        ObjectError: it is none of them, or the mesh cannot be used.
    """
    if isinstance(given, Asset):
        return given
    if isinstance(given, str | Path):
        return _from_path(Path(given).expanduser())
    if hasattr(given, "vertices") and hasattr(given, "faces"):
        return _from_mesh(_mesh(given.vertices, given.faces, "the mesh"), "mesh", "the mesh")
    if isinstance(given, Sequence) and len(given) == 2:
        return _from_mesh(_mesh(*given, "(vertices, faces)"), "mesh", "(vertices, faces)")
    raise ObjectError(f"expected {_ACCEPTED}, got {type(given).__name__}")


def _from_path(path: Path) -> Asset:
    if not path.is_dir():
        raw = read_mesh_file(path)
        return _from_mesh(Mesh(raw.vertices, raw.faces.astype(np.int32)), asset_name(path), str(path))
    if not (path / META).is_file():
        raise ObjectError(
            f"{path}: the folder holds no {META}; give an asset's folder (of a library), or a mesh file "
            f"({', '.join(SUFFIXES)})"
        )
    return load_asset(path)


def _mesh(vertices: Any, faces: Any, where: str) -> Mesh:
    try:
        v, f = np.asarray(vertices, float), np.asarray(faces)
    except (TypeError, ValueError) as error:
        raise ObjectError(f"{where}: vertices and faces must be arrays of numbers ({error})") from error
    if v.ndim != 2 or v.shape[1] != 3:
        raise ObjectError(f"{where}: vertices must have shape (n, 3), got {v.shape}")
    if f.ndim != 2 or f.shape[1] != 3 or not np.issubdtype(f.dtype, np.integer):
        raise ObjectError(f"{where}: faces must be whole numbers of shape (m, 3), got {f.dtype} of shape {f.shape}")
    if not len(f):
        raise ObjectError(f"{where}: there are no faces; give a triangle mesh")
    if f.min() < 0 or f.max() >= len(v):
        raise ObjectError(f"{where}: faces name vertices {f.min()} to {f.max()}, there are {len(v)}")
    return Mesh(v, f)


def _from_mesh(mesh: Mesh, name: str, where: str) -> Asset:
    check_numbers(mesh, where)
    extent = float(np.ptp(mesh.vertices[np.unique(mesh.faces)], axis=0).max())
    if not SMALLEST <= extent <= LARGEST:
        factor = 0.001 if extent >= 20 else 0.01 if extent > LARGEST else 1000
        raise ObjectError(
            f"{where}: the mesh is {extent:.3g} m wide, objects are {SMALLEST:g} to {LARGEST:g} m; is it in another "
            f"unit? Multiply its vertices by {factor:g}, or use `graspgen objects import --scale {factor:g}`"
        )
    checked = check_mesh(mesh, where)
    parts = decompose(*checked.loose)
    solid = mass_properties(checked.vertices, checked.faces)
    return Asset(
        name=name,
        class_name=name,
        mesh=checked.mesh,
        parts=tuple(parts),
        volume=solid.volume,
        com=solid.com,
        unit_inertia=solid.unit_inertia,
        density=DENSITY,
        friction=FRICTION,
        source=where,
    )
