"""Checks that a mesh is a solid of a sensible size, and repairs what can be repaired without guessing.

Every repair is said in a note. A mesh that stays open is wrapped in a closed one (`mesh_wrap`), or refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import manifold3d
import numpy as np
from numpy.typing import NDArray

from graspgen.errors import ObjectError
from graspgen.frames import Array
from graspgen.objects import shapes
from graspgen.objects.asset import Mesh
from graspgen.objects.mass import mass_properties
from graspgen.objects.mesh_crossings import crossing_edges
from graspgen.objects.mesh_repair import (
    agree_winding,
    clean,
    drop_degenerate,
    fill_small_holes,
    is_closed,
    merge_equal,
    orient,
    shells,
)
from graspgen.objects.mesh_units import LARGEST, SMALLEST, size_problem
from graspgen.objects.mesh_wrap import RESOLUTION, wrap

#: Thinnest object, m.
THINNEST = 1e-4
#: Most shells that are not connected.
MOST_SHELLS = 500
#: Holes are filled with fewer triangles than this share of what is there.
_FILLED = 0.3
#: A mesh of which more edges than this pass through its own faces is looked at closely,
_CROSSING = 0.002
#: and weighed by its wrap where that differs by more than this share of the volume.
_DIFFERENT = 0.03
#: A wrap that is off by more than this share of the extent is made again on voxels half as large; then it is refused.
_WRAP_ERROR = 0.05


@dataclass(frozen=True, eq=False)
class CheckedMesh:
    """A mesh that is a solid.

    Attributes:
        mesh: what is drawn.
        vertices, faces: the same solid with one vertex a place, without texture: what is weighed.
        loose: vertices and faces before overlapping shells were united: what is cut into convex parts.
        notes: repairs and warnings.
    """

    mesh: Mesh
    vertices: Array
    faces: NDArray[np.int32]
    loose: shapes.Triangles
    notes: list[str] = field(default_factory=list)


def check_mesh(mesh: Mesh, where: str) -> CheckedMesh:
    """Check a mesh in metres, and repair it where that is safe.

    Args:
        mesh: as read and scaled.
        where: its file, for messages.

    Raises:
        ObjectError: the mesh cannot be used; one line names the file, the cause and the mend.
    """
    check_numbers(mesh, where)
    check_size(mesh, where)
    kept = drop_degenerate(mesh.vertices, mesh.faces)
    notes = []
    if len(kept) < len(mesh.faces):
        notes.append(f"dropped {len(mesh.faces) - len(kept)} triangles without area")
    if len(kept) == 0:
        raise ObjectError(f"{where}: no triangle has an area; export the mesh again")
    mesh = replace(mesh, faces=kept)
    vertices, faces, first = merge_equal(mesh.vertices, mesh.faces)
    if not is_closed(faces):
        return _close(mesh, vertices, faces, first, where, notes)
    return _oriented(mesh, vertices, faces, where, notes)


def check_numbers(mesh: Mesh, where: str) -> None:
    """Refuse coordinates that are no numbers.

    Raises:
        ObjectError: a coordinate is NaN or infinite.
    """
    bad = int((~np.isfinite(mesh.vertices)).any(axis=1).sum())
    if bad:
        raise ObjectError(f"{where}: {bad} of {len(mesh.vertices)} vertices are NaN or infinite; export the mesh again")


def check_size(mesh: Mesh, where: str) -> None:
    """Refuse a mesh that is flat, or so large or small that its unit must be another one.

    Raises:
        ObjectError: it is.
    """
    used = mesh.vertices[np.unique(mesh.faces)]
    extent = float(np.ptp(used, axis=0).max())
    if not SMALLEST <= extent <= LARGEST:
        raise ObjectError(size_problem(extent, where))
    # Thickness along the mesh's own axes, so that a sheet that stands askew is found too.
    centred = used - used.mean(axis=0)
    axes = np.linalg.eigh(centred.T @ centred)[1]
    thickness = float(np.ptp(centred @ axes, axis=0).min())
    if thickness < THINNEST:
        raise ObjectError(
            f"{where}: the mesh is flat ({thickness * 1000:.2g} mm thick, at least "
            f"{THINNEST * 1000:g} mm is needed); give it a thickness"
        )


def _close(
    mesh: Mesh,
    vertices: Array,
    faces: NDArray[np.int32],
    first: NDArray[np.int64],
    where: str,
    notes: list[str],
) -> CheckedMesh:
    """Close an open mesh: by winding and small holes, by merging near vertices, or by wrapping it."""
    wound = agree_winding(faces)
    extra, holes, largest = fill_small_holes(vertices, wound)
    whole = np.concatenate([wound, extra])
    # Loose triangles could each be closed by their own back: that is no solid.
    if is_closed(whole) and len(extra) < _FILLED * len(faces):
        if not np.array_equal(wound, faces):
            notes.append("turned triangles that faced the wrong way")
        if holes:
            notes.append(f"closed {holes} hole{'s' * (holes > 1)}, up to {largest * 1000:.2g} mm wide")
        # The drawn mesh keeps its texture: its own vertices, turned and filled in the same way.
        drawn = _same_winding(mesh.faces, faces, wound)
        drawn = np.concatenate([drawn, first[extra]]) if len(extra) else drawn
        return _oriented(replace(mesh, faces=drawn), vertices, whole, where, notes)
    v, f = clean(vertices, faces)
    merged = shapes.to_manifold(v, f) if len(f) else manifold3d.Manifold()
    if is_closed(f) and len(f) and merged.volume() != 0:
        notes.append("merged vertices that lay close together" + _texture_lost(mesh))
        return _oriented(Mesh(v, f), v, f, where, notes)
    return _wrapped(mesh, vertices, faces, where, notes)


def _wrapped(mesh: Mesh, vertices: Array, faces: NDArray[np.int32], where: str, notes: list[str]) -> CheckedMesh:
    advice = "close it in a mesh editor (for example Blender's 3D-Print toolbox)"
    try:
        wrapped = wrap(vertices, faces)
        most = _WRAP_ERROR * float(np.ptp(mesh.bounds, axis=0).max())
        if wrapped.error > most:
            wrapped = wrap(vertices, faces, 2 * RESOLUTION)
    except ObjectError as error:
        raise ObjectError(f"{where}: the mesh is not watertight, and {error}; {advice}") from error
    if wrapped.error > most:
        raise ObjectError(f"{where}: the mesh is not watertight and cannot be wrapped; {advice}")
    voxel = wrapped.voxel * 1000
    sheets = f", sheets without an inside are {1.5 * voxel:.2g} mm thick" if wrapped.sheets else ""
    notes.append(
        f"not watertight: replaced by a mesh on voxels of {voxel:.2g} mm, "
        f"off by {wrapped.error * 1000:.2g} mm at most{sheets}" + _texture_lost(mesh)
    )
    closed = Mesh(wrapped.vertices, wrapped.faces)
    return _oriented(closed, closed.vertices, closed.faces, where, notes, crossings=False)


def _oriented(
    mesh: Mesh, vertices: Array, faces: NDArray[np.int32], where: str, notes: list[str], crossings: bool = True
) -> CheckedMesh:
    """Turn shells that are inside-out, and count once what overlaps."""
    label = shells(faces)
    count = int(label.max()) + 1
    if count > MOST_SHELLS:
        raise ObjectError(
            f"{where}: {count} disconnected shells are more than {MOST_SHELLS}; remove loose specks, or join the shells"
        )
    turned = orient(vertices, faces, label)
    if turned.any():
        flip = turned[label]
        everything = "the mesh was" if turned.all() else f"{int(turned.sum())} shells were"
        notes.append(f"{everything} inside-out: turned")
        faces = np.where(flip[:, None], faces[:, ::-1], faces)
        mesh = replace(mesh, faces=np.where(flip[:, None], mesh.faces[:, ::-1], mesh.faces))
    volume = mass_properties(vertices, faces).volume
    if volume <= 1e-6 * float(np.ptp(vertices, axis=0).max()) ** 3:
        raise ObjectError(f"{where}: the mesh encloses no volume; give its walls a thickness")
    loose = vertices, np.asarray(faces, np.int32)
    if count > 1:
        notes.append(f"{count} shells that are not connected")
        solid = _union_of_shells(vertices, faces, label)
        if solid is not None and 0 < solid.volume() < 0.999 * volume:
            notes.append(f"shells overlap: the volume is that of their union, {solid.volume():.3g} m³")
            vertices, faces = shapes.from_manifold(solid.simplify(1e-6))
            if mesh.texture is None:
                mesh = Mesh(vertices, faces)
    share = crossing_edges(*loose, label) if crossings else 0.0
    if share > _CROSSING:
        return _crossed(CheckedMesh(mesh, vertices, np.asarray(faces, np.int32), loose, notes), share)
    return CheckedMesh(mesh, vertices, np.asarray(faces, np.int32), loose, notes)


def _crossed(checked: CheckedMesh, share: float) -> CheckedMesh:
    """Weigh a mesh that runs through itself by its wrap, where that differs: it counts what overlaps once."""
    text = f"runs through itself at {share:.1%} of its edges"
    volume = mass_properties(checked.vertices, checked.faces).volume
    try:
        wrapped = wrap(*checked.loose)
        solid = mass_properties(wrapped.vertices, wrapped.faces).volume
    except ObjectError:
        wrapped, solid = None, volume
    if wrapped is None or wrapped.sheets or abs(solid / volume - 1) <= _DIFFERENT:
        checked.notes.append(f"{text}; its volume is right all the same")
        return checked
    checked.notes.append(f"{text}: weighed and cut as the wrap around it, of {solid:.3g} m³ instead of {volume:.3g}")
    v, f = wrapped.vertices, wrapped.faces
    return replace(checked, vertices=v, faces=f, loose=(v, f))


def _union_of_shells(vertices: Array, faces: NDArray[np.int32], label: NDArray[np.int32]) -> manifold3d.Manifold | None:
    """Return the union of outward shells less the inward ones (cavities); None where one is not manifold."""
    solid, hollow = [], []
    for i in range(int(label.max()) + 1):
        used, indices = np.unique(faces[label == i], return_inverse=True)
        v, f = vertices[used], indices.reshape(-1, 3)
        inward = mass_properties(v, f).volume < 0
        shell = shapes.to_manifold(v, f[:, ::-1] if inward else f)
        if shell.status() != manifold3d.Error.NoError:
            return None
        (hollow if inward else solid).append(shell)
    add = manifold3d.OpType.Add
    whole = manifold3d.Manifold.batch_boolean(solid, add)
    return whole - manifold3d.Manifold.batch_boolean(hollow, add) if hollow else whole


def _same_winding(drawn: NDArray[np.int32], before: NDArray[np.int32], after: NDArray[np.int32]) -> NDArray[np.int32]:
    """Turn the triangles of `drawn` that were turned from `before` to `after`."""
    # A turned triangle lists its vertices in an odd permutation of the old order.
    even = [(after == before[:, list(p)]).all(axis=1) for p in ((0, 1, 2), (1, 2, 0), (2, 0, 1))]
    return np.where(np.any(even, axis=0)[:, None], drawn, drawn[:, ::-1])


def _texture_lost(mesh: Mesh) -> str:
    return "; its texture is lost" if mesh.texture is not None else ""
