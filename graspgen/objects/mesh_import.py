"""Imports mesh files into an object library: read, scale, check, repair, weigh, cut into convex parts, save.

One bad file among many is reported and skipped. In a folder, every mesh below it is imported but for collision parts
that other tools made (see `COLLISION_PART`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graspgen.errors import GraspgenError, ObjectError
from graspgen.objects import shapes
from graspgen.objects.asset import Asset, Mesh
from graspgen.objects.decompose import Decomposition, decompose
from graspgen.objects.library import is_valid_name, save_asset
from graspgen.objects.mass import mass_properties
from graspgen.objects.mesh_check import check_mesh, check_numbers
from graspgen.objects.mesh_file import SUFFIXES, RawMesh, read_mesh_file

#: Density, kg/m³, and friction of an object when nothing is said.
DENSITY, FRICTION = 600.0, 0.6
#: Files whose name, or whose folder's name, matches are collision parts: skipped in a folder, read when named.
COLLISION_PART = re.compile(r"coacd|vhacd|collision|convex|(^|[_.\-])(col|coll|hull|parts)([_.\-\d]|$)", re.IGNORECASE)
#: File names that say nothing: the folder's name is taken instead.
_GENERIC = re.compile(
    r"textured?|textured_(simple|reoriented)|nontextured|mesh|model|visual|object|base|scene|untitled|\d{0,2}",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Imported:
    """An accepted mesh.

    Attributes:
        path: the file.
        folder: the asset's folder in the library.
        name, class_name: of the asset.
        extents: of its axis-aligned box, m.
        volume: m³.
        mass: kg.
        parts: number of convex parts.
        excess: volume of the parts' union over the mesh's, less 1: how much of its hollows they fill.
        notes: repairs and warnings.
    """

    path: Path
    folder: Path
    name: str
    class_name: str
    extents: tuple[float, float, float]
    volume: float
    mass: float
    parts: int
    excess: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Refused:
    """A mesh that cannot be used: its path, and why, in one line that names it."""

    path: Path
    reason: str


@dataclass(frozen=True)
class ImportReport:
    """What became of every file, in order."""

    accepted: tuple[Imported, ...]
    refused: tuple[Refused, ...]


def import_meshes(
    paths: Sequence[str | Path],
    library: str | Path,
    *,
    scale: float = 1.0,
    target_size: float | None = None,
    mass: float | None = None,
    density: float | None = None,
    friction: float | None = None,
    class_name: str | None = None,
    name: str | None = None,
    licence: str = "",
    overwrite: bool = False,
    decomposition: Decomposition | None = None,
    progress: Callable[[Imported | Refused], None] | None = None,
) -> ImportReport:
    """Import files, and all meshes in folders, into `library`.

    Args:
        paths: OBJ, STL, PLY, GLB, glTF or OFF files, or folders.
        library: its folder, made where it is missing.
        scale: factor from the file's unit to metres.
        target_size: largest extent that the object shall have, m; instead of `scale`.
        mass: kg; or
        density: kg/m³ (600 when neither is given).
        friction: sliding friction (0.6 when not given).
        class_name: of all; each object's own name when not given.
        name: of the asset, for a single file.
        licence: of the meshes, stored with them.
        overwrite: replace assets of the same name.
        decomposition: parameters of CoACD.
        progress: called after every file.

    Raises:
        ObjectError: an argument is not valid. What is wrong with a file is in the report instead.
    """
    _check_arguments(scale, target_size, mass, density, friction, class_name, name)
    files, refused = _find(paths)
    if name is not None and len(files) > 1:
        raise ObjectError(f"one name, '{name}', for {len(files)} files; leave --name out")
    for bad in refused if progress else ():
        progress(bad)
    accepted: list[Imported] = []
    taken: set[str] = set()
    for path in files:
        own = _free(name or asset_name(path), taken)
        try:
            raw = read_mesh_file(path)
            factor = _factor(raw, path, scale, target_size)
            done: Imported | Refused = _import_one(
                path, raw, factor, own, Path(library), mass, density, friction,
                class_name or own, licence, overwrite, decomposition,
            )  # fmt: skip
            taken.add(own)
            accepted.append(done)
        except GraspgenError as error:
            text = str(error)
            done = Refused(path, text if str(path) in text else f"{path}: {text}")
            refused.append(done)
        if progress:
            progress(done)
    return ImportReport(tuple(accepted), tuple(refused))


def asset_name(path: Path) -> str:
    """Return a valid asset name from a file's name, or its folder's where the file's says nothing ("textured")."""
    stem = path.stem
    if _GENERIC.fullmatch(stem) and path.resolve().parent.name:
        stem = path.resolve().parent.name
    ascii_only = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_.\-]+", "_", ascii_only).lstrip(".-")[:80] or "object"


def _import_one(
    path: Path,
    raw: RawMesh,
    factor: float,
    name: str,
    library: Path,
    mass: float | None,
    density: float | None,
    friction: float | None,
    class_name: str,
    licence: str,
    overwrite: bool,
    settings: Decomposition | None,
) -> Imported:
    notes = list(raw.notes)
    mesh = Mesh(raw.vertices * factor, raw.faces.astype(np.int32), raw.uv, raw.texture)
    checked = check_mesh(mesh, str(path), settings)
    notes += checked.notes
    parts = checked.parts or decompose(*checked.loose, settings)
    solid = mass_properties(checked.vertices, checked.faces)
    filled = mass_properties(*_arrays(shapes.union(parts))).volume / solid.volume - 1
    used = density if density is not None else mass / solid.volume if mass is not None else DENSITY
    if not 1 <= used <= 25_000:
        notes.append(f"a density of {used:.3g} kg/m³ is not that of a solid; is the mass right?")
    if density is None and mass is None:
        notes.append(f"no mass was given: {DENSITY:g} kg/m³ is taken")
    asset = Asset(
        name=name,
        class_name=class_name,
        mesh=checked.mesh,
        parts=tuple(parts),
        volume=solid.volume,
        com=solid.com,
        unit_inertia=solid.unit_inertia,
        density=used,
        friction=FRICTION if friction is None else friction,
        source=f"{path.resolve().parent.name}/{path.name}",
        licence=licence,
        params={"scale": factor},
    )
    folder = save_asset(asset, library, notes=notes, overwrite=overwrite)
    extents = tuple(float(x) for x in asset.extents)
    return Imported(
        path, folder, name, class_name, extents, solid.volume, used * solid.volume, len(parts), filled, tuple(notes)
    )  # fmt: skip


def _check_arguments(
    scale: float,
    target_size: float | None,
    mass: float | None,
    density: float | None,
    friction: float | None,
    class_name: str | None,
    name: str | None,
) -> None:
    positive = {"scale": scale, "target size": target_size, "mass": mass, "density": density, "friction": friction}
    for label, value in positive.items():
        if value is not None and not (np.isfinite(value) and value > 0):
            raise ObjectError(f"the {label} must be a number above 0, got {value:g}")
    if target_size is not None and scale != 1.0:
        raise ObjectError("both a scale and a target size are given; pass one of them")
    if mass is not None and density is not None:
        raise ObjectError("both a mass and a density are given; pass one of them")
    for label, text in (("name", name), ("class name", class_name)):
        if text is not None and not is_valid_name(text):
            raise ObjectError(f"'{text}' is not a valid {label}; use letters, digits, '_', '-' and '.'")


def _find(paths: Sequence[str | Path]) -> tuple[list[Path], list[Refused]]:
    files: dict[Path, None] = {}
    refused = []
    for path in map(Path, paths):
        if not path.is_dir():
            files[path] = None  # a missing file is refused when it is read
            continue
        found = list(_meshes_in(path))
        if not found:
            refused.append(Refused(path, f"{path}: the folder holds no mesh ({', '.join(SUFFIXES)})"))
        files.update(dict.fromkeys(found))
    return list(files), refused


def _meshes_in(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        if COLLISION_PART.search(path.stem) or any(COLLISION_PART.search(p) for p in inner.parts[:-1]):
            continue
        yield path


def _free(name: str, taken: set[str]) -> str:
    """Return `name`, with a number where another file of this import has taken it."""
    if name not in taken:
        return name
    return next(f"{name}-{k}" for k in range(2, len(taken) + 3) if f"{name}-{k}" not in taken)


def _factor(raw: RawMesh, path: Path, scale: float, target_size: float | None) -> float:
    if target_size is None:
        return scale
    check_numbers(Mesh(raw.vertices, raw.faces.astype(np.int32)), str(path))
    extent = float(np.ptp(raw.vertices[np.unique(raw.faces)], axis=0).max())
    if extent == 0:
        raise ObjectError(f"{path}: all vertices lie at one point; export the mesh again")
    return target_size / extent


def _arrays(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    return mesh.vertices, mesh.faces
