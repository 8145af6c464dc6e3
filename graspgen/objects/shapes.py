"""Convex parts as triangle meshes, rings of parts around hollows, and the mesh of a union of parts.

A family writes its parts down once; the mesh that is drawn is computed from them here, so it is their union and
nothing else. Round primitives become polyhedra whose corners lie on the primitive and whose faces lie less than
`TOLERANCE` inside it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache

import manifold3d
import numpy as np
import trimesh
from numpy.typing import ArrayLike, NDArray

from graspgen.errors import ObjectError
from graspgen.frames import Array, pose, transform_points
from graspgen.objects.asset import Mesh, Part, float32_exact

#: Largest distance from a round primitive to the faces of its mesh, m.
TOLERANCE = 1e-4
#: Facets of a round cross-section, at least.
FACETS = 48

Triangles = tuple[Array, NDArray[np.int32]]
Profile = Sequence[tuple[float, float]]


def box(size: ArrayLike, centre: ArrayLike = (0, 0, 0), rotation: ArrayLike | None = None) -> Part:
    """Return a box with the (3,) edge lengths `size`, m."""
    return Part("box", np.asarray(size, float) / 2, pose(rotation, centre))


def cylinder(radius: float, z_low: float, z_high: float, rotation: ArrayLike | None = None) -> Part:
    """Return a cylinder about z, from `z_low` to `z_high` (m), then turned about the origin by (3, 3) `rotation`."""
    R = np.eye(3) if rotation is None else np.asarray(rotation, float)
    centre = R @ np.array([0.0, 0.0, (z_low + z_high) / 2])
    return Part("cylinder", np.array([radius, (z_high - z_low) / 2]), pose(R, centre))


def frustum(r_low: float, r_high: float, z_low: float, z_high: float, facets: int = FACETS) -> Part:
    """Return a truncated cone about z as the hull of two regular polygons, m."""
    return Part(
        "hull",
        vertices=np.concatenate([_circle(r_low, z_low, facets), _circle(r_high, z_high, facets)]),
    )


def cup(outer: Profile, inner: Profile, sectors: int = 16, arcs: int = 3) -> tuple[list[Part], manifold3d.Manifold]:
    """Make a vessel about z, open at the top: its convex parts, and the same solid as outside less hollow.

    The outside has `sectors * arcs` facets around, the hollow has `sectors`, so each part is a true convex piece of
    the wall. Neighbours overlap a little, so that nothing catches at a seam; where the outside and the hollow are
    both convex, every part stays inside the one and beyond one facet of the other, and the union stays exact.

    Args:
        outer: (r, z) of each row of the outside from the bottom to the rim, m.
        inner: (r, z) of each row of the hollow, the first at the floor, the last at the rim. The outside has as many
            rows, or k rows for every step of the hollow and one more: a part may be rounder outside than inside.
        sectors: wall parts around.
        arcs: facets of the outside of one part; odd, so that those of the parts and of the solid coincide.

    Returns:
        sectors * (rows - 1) hulls of the wall (sector 0 is centred on azimuth 0) and one of the bottom; the solid.
    """
    if min(r for r, _ in (*outer, *inner)) <= 0 or any(
        a[1] >= b[1] for rows in (outer, inner) for a, b in _pairs(rows)
    ):
        raise ObjectError("the wall or the bottom is too thick for the vessel")
    k = (len(outer) - 1) // (len(inner) - 1)
    parts = [
        _sector(sector, outer[k * level : k * (level + 1) + 1], inner[level : level + 2], sectors, arcs)
        for level in range(len(inner) - 1)
        for sector in range(sectors)
    ]
    floor = inner[0][1]
    radius = float(np.interp(floor, [z for _, z in outer], [r for r, _ in outer]))
    bottom = [*((r, z) for r, z in outer if z < floor), (radius, floor)]
    parts.append(Part("hull", vertices=np.concatenate([_circle(r, z, sectors * arcs) for r, z in bottom])))
    # The hollow goes on past the rim, or the difference would leave a skin of no thickness there.
    (r_low, z_low), (r_rim, z_rim) = inner[-2:]
    above = (r_rim + (r_rim - r_low) / (z_rim - z_low) * 0.01, z_rim + 0.01)
    solid = _hull_of_rows(outer, sectors * arcs) - _hull_of_rows([*inner[:-1], above], sectors)
    return parts, solid


def _sector(sector: int, outer: Profile, inner: Profile, sectors: int, arcs: int) -> Part:
    step = 2 * math.pi / sectors
    overlap = 0.12  # share of a facet by which a part reaches into its neighbour
    corners = (sector - 0.5) * step + np.arange(-1, arcs + 2) * (step / arcs)
    points = []
    for r, z in outer:
        rim = _at(r, z, corners)
        rim[0] += (1 - overlap) * (rim[1] - rim[0])
        rim[-1] += (1 - overlap) * (rim[-2] - rim[-1])
        points.append(rim)
    for r, z in inner:
        chord = _at(r, z, corners[[1, -2]])
        reach = (chord[1] - chord[0]) * overlap / arcs
        points.append(chord + np.stack([-reach, reach]))
    return Part("hull", vertices=np.concatenate(points))


def _hull_of_rows(rows: Profile, n: int) -> manifold3d.Manifold:
    # Rounded as the parts' corners are.
    return manifold3d.Manifold.hull_points(float32_exact(np.concatenate([_circle(r, z, n) for r, z in rows])))


def curve(start: Sequence[float], middle: Sequence[float], end: Sequence[float], steps: int) -> Profile:
    """Return steps + 1 points, an even number of steps, of the parabola from `start` through `middle` to `end`."""
    a, b, c = (np.asarray(p, float) for p in (start, middle, end))
    t = np.linspace(0, 1, steps + 1)[:, None]
    points = a * (1 - t) * (1 - 2 * t) + b * 4 * t * (1 - t) + c * t * (2 * t - 1)
    return [(float(r), float(z)) for r, z in points]


def sweep(centres: ArrayLike, across: ArrayLike, half_width: float) -> list[Part]:
    """Cut a bent bar with a rectangular section into hulls that share their end sections.

    Args:
        centres: (n, 3) points of the bar's axis, in the plane y = 0, m.
        across: (n, 3) half-thickness of the bar at each, in the plane y = 0, m.
        half_width: along y, m.

    Returns:
        n - 1 hulls.
    """
    centres, across = np.asarray(centres, float), np.asarray(across, float)
    y = np.array([0.0, half_width, 0.0])
    ends = [np.stack([c - a - y, c - a + y, c + a - y, c + a + y]) for c, a in zip(centres, across, strict=True)]
    return [Part("hull", vertices=np.concatenate(pair)) for pair in itertools.pairwise(ends)]


def part_mesh(part: Part) -> Triangles:
    """Return the closed mesh of a part: (n, 3) vertices in the asset's frame, m, and (m, 3) faces."""
    if part.kind == "hull":
        return _hull(part.vertices)
    vertices, faces = _primitive(part)
    return transform_points(part.T_asset_part, vertices), faces


def union(parts: Sequence[Part], solids: Sequence[manifold3d.Manifold] = ()) -> Mesh:
    """Return the closed mesh of the union of `parts` and `solids`.

    Raises:
        ObjectError: the union is empty.
    """
    if len(parts) == 1 and not solids:
        return Mesh(*part_mesh(parts[0]))
    solid = manifold3d.Manifold.batch_boolean(
        [*solids, *(to_manifold(*part_mesh(p)) for p in parts)], manifold3d.OpType.Add
    )
    # Vertices are kept as float32: what is smaller than that rounding must go first.
    vertices, faces = from_manifold(solid.simplify(1e-6))
    if len(faces) == 0:
        raise ObjectError(f"the union of {len(parts)} parts is empty; a part has no volume")
    return Mesh(vertices, faces)


def to_manifold(vertices: ArrayLike, faces: ArrayLike) -> manifold3d.Manifold:
    """Hand a closed mesh to manifold3d; check `status()` when the mesh is not known to be closed."""
    return manifold3d.Manifold(
        manifold3d.Mesh64(np.ascontiguousarray(vertices, np.float64), np.ascontiguousarray(faces, np.uint64))
    )


def from_manifold(solid: manifold3d.Manifold) -> Triangles:
    """Return the (n, 3) vertices and (m, 3) faces of a manifold3d solid."""
    mesh = solid.to_mesh64()
    return np.asarray(mesh.vert_properties)[:, :3].copy(), np.asarray(mesh.tri_verts).astype(np.int32)


def exit_distance(mesh: Triangles, origin: ArrayLike, direction: ArrayLike) -> float:
    """Return how far a convex mesh reaches from the inner point `origin` along the unit `direction`, m."""
    v, f = mesh
    a, b, c = np.moveaxis(v[f], 1, 0)
    normals = np.cross(b - a, c - a)
    towards = normals @ np.asarray(direction, float)
    heights = np.einsum("ij,ij->i", normals, a - np.asarray(origin, float))
    ahead = towards > 1e-12 * np.linalg.norm(normals, axis=1).max()
    return float((heights[ahead] / towards[ahead]).min())


def _primitive(part: Part) -> Triangles:
    x, y, z = part.size
    match part.kind:
        case "box":
            return np.asarray(_unit_box()[0] * part.size), _unit_box()[1]
        case "sphere":
            vertices, faces = _unit_sphere(_subdivisions(x))
            return vertices * x, faces
        case "ellipsoid":
            vertices, faces = _unit_sphere(_subdivisions(max(x, y, z)))
            return vertices * part.size, faces
        case "cylinder":
            return _revolve([(x, -y), (x, y)], facets(x))
        case _:  # capsule: two hemispheres, the rows of the equators apart
            n = facets(2 * x)  # half the tolerance around, half along
            angle = np.linspace(-math.pi / 2, math.pi / 2, n // 2 + 2 + (n // 2) % 2)[1:-1]
            lift = np.where(angle < 0, -y, y)
            rows = list(zip(x * np.cos(angle), x * np.sin(angle) + lift, strict=True))
            half = len(rows) // 2
            rows = [*rows[:half], (x, -y), (x, y), *rows[half:]]
            return _revolve(rows, n, poles=(-y - x, y + x))


def facets(radius: float) -> int:
    """Return how many facets keep a circle of `radius` (m) within `TOLERANCE`; a multiple of 4."""
    needed = math.pi / math.acos(max(1 - TOLERANCE / max(radius, TOLERANCE), 0.0)) if radius > 0 else 0
    return max(FACETS, 4 * math.ceil(needed / 4))


def _revolve(rows: Profile, n: int, poles: tuple[float, float] | None = None) -> Triangles:
    """Turn a profile of (r, z) rows, from low to high, about z; close it by flat discs or by points at `poles`."""
    low, high = poles or (rows[0][1], rows[-1][1])
    circles = np.concatenate([_circle(r, z, n) for r, z in rows])
    vertices = np.concatenate([circles, [[0, 0, low], [0, 0, high]]])
    i, j = np.arange(n), np.roll(np.arange(n), -1)
    bottom, top = len(circles), len(circles) + 1
    faces = [np.stack([np.full(n, bottom), j, i], -1)]
    for k in range(len(rows) - 1):
        a, b = k * n, (k + 1) * n
        faces += [np.stack([a + i, a + j, b + j], -1), np.stack([a + i, b + j, b + i], -1)]
    last = (len(rows) - 1) * n
    faces.append(np.stack([np.full(n, top), last + i, last + j], -1))
    return vertices, np.concatenate(faces).astype(np.int32)


def _hull(points: Array) -> Triangles:
    solid = manifold3d.Manifold.hull_points(np.ascontiguousarray(points, np.float64))
    vertices, faces = from_manifold(solid)
    if len(faces) == 0:
        raise ObjectError(f"a hull part of {len(points)} points is flat; it needs a volume")
    return vertices, faces


def _subdivisions(radius: float) -> int:
    # A triangle's centre is nearer to the middle than its corners by 1 - cos(its angular radius).
    return next((level for level in (3, 4, 5) if radius * _unit_gap(level) < TOLERANCE), 6)


@lru_cache(maxsize=8)
def _unit_gap(level: int) -> float:
    """Return how far the faces of the unit sphere's mesh are inside it."""
    vertices, faces = _unit_sphere(level)
    return float(1 - np.linalg.norm(vertices[faces].mean(axis=1), axis=1).min())


@lru_cache(maxsize=8)
def _unit_sphere(level: int) -> Triangles:
    mesh = trimesh.creation.icosphere(subdivisions=level)
    return np.array(mesh.vertices), np.array(mesh.faces, np.int32)


@lru_cache(maxsize=1)
def _unit_box() -> Triangles:
    mesh = trimesh.creation.box(extents=[2, 2, 2])
    return np.array(mesh.vertices), np.array(mesh.faces, np.int32)


def _circle(radius: float, z: float, n: int) -> Array:
    return _at(radius, z, (np.arange(n) + 0.5) * (2 * math.pi / n))


def _at(radius: float, z: float, angles: Array) -> Array:
    return np.stack([radius * np.cos(angles), radius * np.sin(angles), np.full_like(angles, z)], axis=-1)


def _pairs(rows: Profile) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    return list(itertools.pairwise(rows))
