"""Imports mesh files into an object library: read, scale, check, repair, weigh, cut into convex parts, save.

One bad file among many is reported and skipped. In a folder, every object below it is imported once (`mesh_find`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from graspgen.errors import GraspgenError, ObjectError
from graspgen.frames import Array, pose
from graspgen.objects.asset import Asset, Mesh, Part
from graspgen.objects.collision_quality import CollisionQuality, collision_quality
from graspgen.objects.decimate import decimate
from graspgen.objects.decompose import Cut, Decomposition, cut
from graspgen.objects.file_colours import coloured
from graspgen.objects.given_mass import DENSITY, FRICTION, weighed
from graspgen.objects.import_options import ImportOptions
from graspgen.objects.import_pool import run_each
from graspgen.objects.library import check_writable, is_valid_name, save_asset
from graspgen.objects.mass import mass_properties
from graspgen.objects.mesh_check import CheckedMesh, check_mesh, check_numbers
from graspgen.objects.mesh_file import read_mesh_file
from graspgen.objects.mesh_find import Found, asset_name, find_objects
from graspgen.objects.mesh_units import UNITS, unit_factor
from graspgen.objects.mjcf_file import read_mjcf
from graspgen.objects.raw_object import RawObject
from graspgen.objects.urdf_file import read_urdf

__all__ = ["DENSITY", "FRICTION", "ImportOptions", "ImportReport", "Imported", "Refused", "asset_name", "import_meshes"]


#: Parts that are larger than the mesh by more than this share of its volume are worth a note.
FILLED = 0.25


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
        quality: how well they stand for the mesh.
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
    quality: CollisionQuality
    notes: tuple[str, ...]

    @property
    def excess(self) -> float:
        """Volume of the parts' union over the mesh's, less 1: how much of its hollows they fill."""
        return self.quality.volume_error


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
    name: str | None = None,
    limit: int | None = None,
    workers: int = 1,
    decomposition: Decomposition | None = None,
    progress: Callable[[Imported | Refused], None] | None = None,
    **options: Any,
) -> ImportReport:
    """Import files, and all objects in folders, into `library`.

    Args:
        paths: OBJ, STL, PLY, GLB, glTF, OFF, URDF or MJCF files, or folders.
        library: its folder, made where it is missing.
        name: of the asset, for a single file.
        limit: most objects; the first of them are taken.
        workers: processes; the result does not depend on them.
        decomposition: parameters of the convex decomposition.
        progress: called after every object, in order.
        options: of `ImportOptions`.

    Raises:
        ObjectError: an argument is not valid. What is wrong with a file is in the report instead.
    """
    said = ImportOptions(**options, decomposition=decomposition or Decomposition())
    if name is not None and not is_valid_name(name):
        raise ObjectError(f"'{name}' is not a valid name; use letters, digits, '_', '-' and '.'")
    if limit is not None and limit < 1:
        raise ObjectError(f"a limit of {limit} leaves nothing to import")
    found, empty = find_objects(paths)
    found = _named(found[:limit], name)
    if found:
        check_writable(library)
    refused = [Refused(path, reason) for path, reason in empty]
    for bad in refused if progress else ():
        progress(bad)
    accepted: list[Imported] = []
    run = partial(import_one, options=said, library=Path(library))
    for done in run_each(run, found, workers, _crashed):
        if isinstance(done, Imported):
            accepted.append(done)
        else:
            refused.append(done)
        if progress:
            progress(done)
    return ImportReport(tuple(accepted), tuple(refused))


def import_one(found: Found, options: ImportOptions, library: Path) -> Imported | Refused:
    """Import one object."""
    try:
        return _import(found, options, library)
    except GraspgenError as error:
        text = str(error)
    except MemoryError:
        text = "there is not enough memory for it; simplify the mesh first"
    return Refused(found.path, text if str(found.path) in text else f"{found.path}: {text}")


def _crashed(found: Found) -> Refused:
    reason = "its import ended the process, most often for want of memory; simplify the mesh first"
    return Refused(found.path, f"{found.path}: {reason}")


def _import(found: Found, options: ImportOptions, library: Path) -> Imported:
    where = str(found.path)
    raw, notes = _scaled(_read(found), options, where)
    notes = [*found.notes, *raw.notes, *notes]
    checked = check_mesh(Mesh(raw.mesh.vertices, raw.mesh.faces.astype(np.int32), raw.mesh.uv, raw.mesh.texture), where)
    notes += checked.notes
    made, quality, more = _parts(raw, checked, options)
    notes += more
    drawn = decimate(checked.mesh, options.faces)
    if len(checked.mesh.faces) > options.faces:
        notes.append(
            f"drawn with {len(drawn.mesh.faces)} of {len(checked.mesh.faces)} faces, off by "
            f"{drawn.error * 1000:.2g} mm at most"
            + ("; fewer would change its shape" if len(drawn.mesh.faces) > options.faces else "")
        )
    painted = drawn.mesh
    if painted.texture is None and raw.mesh.colour is not None:
        painted = coloured(painted, raw.mesh.colour)
    weight = weighed(raw, options, mass_properties(checked.vertices, checked.faces), checked.vertices)
    notes += weight.notes
    solid = weight.solid
    class_name = options.class_name or found.class_name
    asset = Asset(
        name=found.name,
        class_name=class_name,
        mesh=painted,
        parts=made.parts,
        volume=solid.volume,
        com=solid.com,
        unit_inertia=solid.unit_inertia,
        density=weight.density,
        friction=weight.friction,
        source=f"{found.path.resolve().parent.name}/{found.path.name}",
        licence=options.licence,
        params={
            "scale": raw.scale,
            "up": options.up,
            "visual": {"faces": len(drawn.mesh.faces), "faces_before": len(raw.mesh.faces), "error": drawn.error},
            "collision": {
                "source": made.source,
                **({} if made.settings is None else {"settings": asdict(made.settings)}),
                "volume_error": quality.volume_error,
                "hausdorff": quality.hausdorff,
            },
        },
    )
    folder = save_asset(asset, library, notes=notes, overwrite=options.overwrite)
    return Imported(
        found.path, folder, found.name, class_name, tuple(float(x) for x in asset.extents), solid.volume,
        weight.density * solid.volume, len(made.parts), quality, tuple(notes),
    )  # fmt: skip


def _read(found: Found) -> RawObject:
    suffix = found.path.suffix.lower()
    if not found.path.is_file():
        raise ObjectError(f"{found.path}: there is no such file; check the path")
    if suffix == ".urdf":
        return read_urdf(found.path, found.root)
    if suffix == ".xml":
        return read_mjcf(found.path, found.root)
    return RawObject(read_mesh_file(found.path, found.root))


@dataclass(frozen=True, eq=False)
class _Scaled(RawObject):
    """A raw object in metres, z up, and the factor that took it there."""

    scale: float = 1.0


def _scaled(raw: RawObject, options: ImportOptions, where: str) -> tuple[_Scaled, list[str]]:
    mesh = raw.mesh
    check_numbers(Mesh(mesh.vertices, mesh.faces.astype(np.int32)), where)
    extent = float(np.ptp(mesh.vertices[np.unique(mesh.faces)], axis=0).max())
    warning = None
    if options.target_size is not None:
        if extent == 0:
            raise ObjectError(f"{where}: all vertices lie at one point; export the mesh again")
        factor = options.target_size / extent
    elif options.scale != 1.0:
        factor = options.scale
    elif options.units is not None:
        factor = UNITS[options.units]
    else:
        factor, warning = unit_factor(extent, None, options.unit_guess, where)
    R = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]) if options.up == "y" else np.eye(3)
    scaled = _Scaled(
        replace(mesh, vertices=mesh.vertices @ R.T * factor),
        tuple(_turned(part.scaled(factor), R) for part in raw.parts),
        raw.mass,
        None if raw.com is None else R @ raw.com * factor,
        None if raw.inertia is None else R @ raw.inertia @ R.T * factor**2,
        raw.friction,
        (*mesh.notes, *raw.notes),
        factor,
    )
    return scaled, [warning] if warning else []


def _turned(part: Part, R: Array) -> Part:
    if part.kind == "hull":
        return replace(part, vertices=part.vertices @ R.T)
    return replace(part, T_asset_part=pose(R) @ part.T_asset_part)


def _parts(raw: RawObject, checked: CheckedMesh, options: ImportOptions) -> tuple[Cut, CollisionQuality, list[str]]:
    """Return the given parts where they are good, else CoACD's; how good they are; and notes."""
    notes: list[str] = []
    most = options.decomposition.max_parts
    if raw.parts and options.given_parts:
        quality = collision_quality(raw.parts, checked.vertices, checked.faces)
        if quality.is_good and len(raw.parts) <= most:
            return Cut(raw.parts, "given"), quality, notes
        why = f"volume {quality.volume_error:+.0%}, off by {quality.hausdorff * 1000:.2g} mm"
        notes.append(f"given collision parts are not used: {why} ({len(raw.parts)} parts)")
    made = cut(*checked.loose, options.decomposition, options.time_limit)
    quality = collision_quality(made.parts, checked.vertices, checked.faces)
    notes += made.notes
    if quality.volume_error > FILLED:
        notes.append(
            f"the parts fill hollows, {quality.volume_error:.0%} of its volume: more --max-parts, or a smaller "
            "--threshold, cut finer"
        )
    return made, quality, notes


def _named(found: list[Found], name: str | None) -> list[Found]:
    """Give each object a name of its own; what becomes of one does not change another's."""
    if name is not None and len(found) > 1:
        raise ObjectError(f"one name, '{name}', for {len(found)} objects; leave --name out")
    taken: set[str] = set()
    named = []
    for one in found:
        own = name or one.name
        free = own
        number = 2
        while free in taken:
            free, number = f"{own}-{number}", number + 1
        taken.add(free)
        notes = (*one.notes, f"another object is called '{own}' already: named '{free}'") if free != own else one.notes
        named.append(replace(one, name=free, class_name=own if one.class_name == one.name else one.class_name,
                             notes=notes))  # fmt: skip
    return named
