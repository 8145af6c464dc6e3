"""Procedural families: the drawn mesh is exactly the union of the convex parts, and sizes are sensible."""

from functools import cache

import manifold3d
import mujoco
import numpy as np
import pytest
import trimesh
from scipy.spatial import ConvexHull

from graspgen.objects import shapes
from graspgen.objects.asset import Part
from graspgen.objects.families import FAMILIES
from graspgen.objects.mass import mass_properties
from graspgen.objects.materials import materials

DRAWS = 6
REQUIRED = {
    *("box", "cylinder", "sphere", "capsule", "mug", "bowl", "plate", "bottle", "can", "carton", "jar", "cup", "glass"),
    *("hammer", "screwdriver", "wrench", "spoon", "knife", "brush", "ring", "t_shape", "l_shape", "u_shape", "bolt"),
    *("nut", "banana", "superquadric", "convex_union", "revolve"),
}


def solid(mesh):
    return shapes.to_manifold(mesh.vertices, mesh.faces)


def union_of(parts):
    meshes = [shapes.to_manifold(*shapes.part_mesh(p)) for p in parts]
    return manifold3d.Manifold.batch_boolean(meshes, manifold3d.OpType.Add)


@cache
def drawn(name):
    rng = np.random.default_rng([len(name), 5])
    family = FAMILIES[name]
    every = [family.draw(rng) for _ in range(DRAWS)]
    return [(params, *family.build(params)) for params in every]


def draws(name, n=DRAWS):
    return iter(drawn(name)[:n])


def test_the_promised_families_are_there():
    assert set(FAMILIES) >= REQUIRED
    for name, family in FAMILIES.items():
        assert family.name == name
        assert all(p.doc and p.unit in ("", "m", "kg/m³") for p in family.parameters.values())
        assert set(family.parameters["material"].distribution.options) <= set(materials())
        assert {"skin", "filling"} <= set(family.parameters) or not family.hollow


@pytest.mark.parametrize("name", FAMILIES)
def test_the_mesh_is_closed_and_is_the_union_of_the_parts(name):
    for params, mesh, parts in draws(name):
        drawn, collides = solid(mesh), union_of(parts)
        assert drawn.status() == manifold3d.Error.NoError, params
        assert trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).is_watertight
        volume = mass_properties(mesh.vertices, mesh.faces).volume
        assert volume > 0
        difference = (drawn - collides).volume() + (collides - drawn).volume()
        assert difference < 1e-6 * volume, params
        assert len(drawn.decompose()) == 1, "one connected piece"


@pytest.mark.parametrize("name", FAMILIES)
def test_no_face_is_buried_between_parts(name):
    # Grasps are sampled on the mesh: a wall left inside would attract some.
    for params, mesh, parts in draws(name, 4):
        a, b, c = np.moveaxis(mesh.vertices[mesh.faces], 1, 0)
        normal = np.cross(b - a, c - a)
        area = np.linalg.norm(normal, axis=1) / 2
        just_outside = (a + b + c) / 3 + normal / np.maximum(2 * area, 1e-20)[:, None] * 3e-5
        depth = np.full(len(area), -np.inf)
        for part in parts:
            planes = ConvexHull(shapes.part_mesh(part)[0], qhull_options="QJ").equations
            depth = np.maximum(depth, -(just_outside @ planes[:, :3].T + planes[:, 3]).max(axis=1))
        assert area[depth > 1e-5].sum() < 2e-3 * area.sum(), params


@pytest.mark.parametrize("name", FAMILIES)
def test_objects_are_of_household_size(name):
    extents = np.array([np.sort(np.ptp(mesh.vertices, axis=0)) for _, mesh, _ in draws(name)])
    assert extents.min() > 0.0009 and extents.max() < 0.36


def test_thin_and_tiny_ones_are_included():
    thinnest = {name: min(np.ptp(mesh.vertices, axis=0).min() for _, mesh, _ in draws(name)) for name in FAMILIES}
    widest = {name: min(np.ptp(mesh.vertices, axis=0).max() for _, mesh, _ in draws(name)) for name in FAMILIES}
    assert sum(t < 0.003 for t in thinnest.values()) >= 2 and sum(t < 0.01 for t in thinnest.values()) >= 5
    assert sum(w < 0.02 for w in widest.values()) >= 2


def test_most_objects_without_a_rim_fit_a_jaw_of_80_mm():
    narrow = [
        min(np.ptp(mesh.vertices, axis=0)) < 0.078
        for name in ("box", "cylinder", "sphere", "capsule", "bottle", "hammer", "convex_union")
        for _, mesh, _ in draws(name)
    ]
    assert np.mean(narrow) > 0.85


def test_parts_stay_few():
    mean = {name: np.mean([len(parts) for _, _, parts in draws(name, 3)]) for name in FAMILIES}
    assert np.mean(list(mean.values())) <= 12
    assert max(mean.values()) <= 36


@pytest.mark.parametrize("name", FAMILIES)
def test_every_part_compiles_in_mujoco_and_keeps_its_volume(name):
    _, _, parts = next(draws(name, 1))
    spec = mujoco.MjSpec()
    for i, part in enumerate(p for p in parts if p.kind == "hull"):
        mesh = spec.add_mesh(name=f"p{i}", uservert=part.vertices.ravel().tolist())
        mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX
        body = spec.worldbody.add_body(name=f"b{i}")
        body.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname=f"p{i}", density=1000)
    model = spec.compile()
    for i, part in enumerate(p for p in parts if p.kind == "hull"):
        expected = mass_properties(*shapes.part_mesh(part)).volume * 1000
        assert model.body_mass[model.body(f"b{i}").id] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    "part",
    [
        Part("sphere", [0.035]),
        Part("ellipsoid", [0.045, 0.03, 0.02]),
        Part("cylinder", [0.04, 0.05]),
        Part("capsule", [0.033, 0.06]),
    ],
    ids=lambda p: p.kind,
)
def test_the_mesh_of_a_round_primitive_is_within_a_tenth_of_a_millimetre(part):
    vertices, faces = shapes.part_mesh(part)
    # Every corner lies on the primitive, so the middle of a face is its deepest point (to first order).
    middles = vertices[faces].mean(axis=1)
    for points, low, high in ((vertices, -1e-9, 1e-9), (middles, -1e-9, 1e-4)):
        depth = -distance_outside(part, points)
        assert depth.min() > low and depth.max() < high
    assert mass_properties(vertices, faces).volume > 0.98 * exact_volume(part)


def distance_outside(part, p):
    """Signed distance (to first order for the ellipsoid) of (n, 3) points to a primitive at the origin."""
    x, y, _ = part.size
    radial = np.hypot(p[:, 0], p[:, 1])
    match part.kind:
        case "sphere":
            return np.linalg.norm(p, axis=1) - x
        case "ellipsoid":
            value = np.linalg.norm(p / part.size, axis=1)
            return (value - 1) * value / np.linalg.norm(p / part.size**2, axis=1)
        case "cylinder":
            return np.maximum(radial - x, np.abs(p[:, 2]) - y)
        case _:
            return np.hypot(radial, np.maximum(np.abs(p[:, 2]) - y, 0)) - x


def exact_volume(part):
    x, y, z = part.size
    ball = 4 / 3 * np.pi
    return {
        "sphere": ball * x**3,
        "ellipsoid": ball * x * y * z,
        "cylinder": 2 * np.pi * x * x * y,
        "capsule": ball * x**3 + 2 * np.pi * x * x * y,
    }[part.kind]


def test_neighbouring_wall_parts_overlap_so_that_nothing_catches_at_a_seam():
    parts, _ = shapes.cup([(0.035, 0.0), (0.04, 0.1)], [(0.031, 0.005), (0.036, 0.1)])
    a, b = (shapes.to_manifold(*shapes.part_mesh(p)) for p in parts[:2])
    shared = a - (a - b)
    assert 0.005 < shared.volume() / a.volume() < 0.1


def test_a_mug_can_be_filled():
    params, mesh, _ = next(draws("mug", 1))
    inside = [0, 0, params["height"] * 0.6]
    assert not trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).contains([inside])[0]
    between_wall_and_handle = [params["diameter"] / 2 + params["handle_reach"] * 0.45, 0, params["height"] * 0.52]
    assert not trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).contains([between_wall_and_handle])[0]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_stated_symmetry_maps_the_object_to_itself(name):
    for params, mesh, parts in draws(name, 2):
        symmetry = FAMILIES[name].symmetry(params)
        # A turn by any angle maps the facets of a round wall between themselves: the hollow of a ring of n convex
        # parts has as many facets, 12 at the least.
        radius = np.hypot(mesh.vertices[:, 0], mesh.vertices[:, 1]).max()
        facet = radius * (1 - np.cos(np.pi / 12)) if len(parts) > 10 else 0.0
        turns = [(axis, angle, 5e-4 + facet) for axis in symmetry.get("continuous", ()) for angle in (0.37, 2.0)]
        turns += [(entry[:3], 2 * np.pi / entry[3], 5e-4) for entry in symmetry.get("discrete", ())]
        points = surface_points(mesh)
        for axis, angle, allowed in turns:
            R = trimesh.transformations.rotation_matrix(angle, axis)[:3, :3]
            for there in (R, R.T):
                assert distance_to_surface(points @ there.T, mesh).max() < allowed, (params, axis, angle)


@pytest.mark.parametrize("name", [n for n in FAMILIES if n not in ("sphere", "convex_union")])
def test_no_symmetry_about_the_axes_is_left_unsaid(name):
    params, mesh, parts = next(draws(name, 1))
    if len(parts) > 10 and "continuous" in FAMILIES[name].symmetry(params):
        return  # its facets make half-turns inexact
    said = FAMILIES[name].symmetry(params)
    points, group = surface_points(mesh), half_turns_of(said)
    for axis in range(3):
        R = -np.eye(3) + 2 * np.diag(np.eye(3)[axis])
        maps = distance_to_surface(points @ R.T, mesh).max() < 1e-5
        assert not maps or axis in group, (name, "a half-turn about axis", axis)


def half_turns_of(symmetry):
    """Axes about which a half-turn follows from what is stated."""
    found = {int(np.argmax(a)) for a in symmetry.get("continuous", ())}
    found |= {int(np.argmax(e[:3])) for e in symmetry.get("discrete", ()) if e[3] % 2 == 0}
    return found | ({0, 1, 2} if len(found) > 1 else set())


def surface_points(mesh, n=60):
    """Vertices and middles of faces, evenly chosen."""
    points = np.concatenate([mesh.vertices, mesh.vertices[mesh.faces].mean(axis=1)])
    return points[:: max(1, len(points) // n)]


def distance_to_surface(points, mesh):
    """Distance of (n, 3) points to the nearest triangle, m: over each triangle's inside, edges and corners."""
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces], 1, 0)
    p = points[:, None]
    best = np.full((len(points), len(a)), np.inf)
    for start, end in ((a, b), (b, c), (c, a)):
        way = end - start
        t = np.einsum("nmk,mk->nm", p - start, way) / np.maximum(np.einsum("mk,mk->m", way, way), 1e-20)
        nearest = start + np.clip(t, 0, 1)[..., None] * way
        best = np.minimum(best, np.linalg.norm(p - nearest, axis=-1))
    normal = np.cross(b - a, c - a)
    length = np.linalg.norm(normal, axis=1)
    normal = normal / np.maximum(length, 1e-20)[:, None]
    height = np.einsum("nmk,mk->nm", p - a, normal)
    foot = p - height[..., None] * normal
    inside = np.ones(best.shape, bool)
    for start, end in ((a, b), (b, c), (c, a)):
        inside &= np.einsum("nmk,mk->nm", np.cross(end - start, foot - start), normal) >= 0
    inside &= length > 1e-16
    return np.where(inside, np.minimum(best, np.abs(height)), best).min(axis=1)


@pytest.mark.parametrize("seed", range(8))
def test_a_convex_union_uses_only_its_parameters_and_stays_connected(seed):
    family = FAMILIES["convex_union"]
    params = family.draw(np.random.default_rng(seed))
    mesh, parts = family.build(params)
    assert len(parts) == params["pieces"]
    assert len(solid(mesh).decompose()) == 1
    again, _ = family.build(dict(params))
    assert np.array_equal(mesh.vertices, again.vertices) and np.array_equal(mesh.faces, again.faces)
    low, high = mesh.bounds
    assert np.allclose(low + high, 0, atol=1e-6)
