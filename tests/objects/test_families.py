"""Procedural families: the drawn mesh is exactly the union of the convex parts, and sizes are sensible."""

import manifold3d
import mujoco
import numpy as np
import pytest
import trimesh

from graspgen.objects import shapes
from graspgen.objects.asset import Part
from graspgen.objects.families import FAMILIES
from graspgen.objects.mass import mass_properties

DRAWS = 6
REQUIRED = {"box", "cylinder", "sphere", "capsule", "mug", "bowl", "bottle", "hammer", "convex_union"}


def solid(mesh):
    return shapes.to_manifold(mesh.vertices, mesh.faces)


def union_of(parts):
    meshes = [shapes.to_manifold(*shapes.part_mesh(p)) for p in parts]
    return manifold3d.Manifold.batch_boolean(meshes, manifold3d.OpType.Add)


def draws(name, n=DRAWS):
    rng = np.random.default_rng([len(name), 5])
    for _ in range(n):
        params = FAMILIES[name].draw(rng)
        yield params, *FAMILIES[name].build(params)


def test_the_promised_families_are_there():
    assert set(FAMILIES) >= REQUIRED
    for name, family in FAMILIES.items():
        assert family.name == name
        assert family.parameters and all(p.doc and p.unit in ("", "m") for p in family.parameters.values())
        assert family.density.support[0] > 50 and family.friction.support[0] >= 0.1


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
def test_objects_are_of_household_size(name):
    extents = np.array([np.sort(np.ptp(mesh.vertices, axis=0)) for _, mesh, _ in draws(name, 12)])
    assert extents.min() > 0.004 and extents.max() < 0.36


def test_most_objects_without_a_rim_fit_a_jaw_of_80_mm():
    narrow = [
        min(np.ptp(mesh.vertices, axis=0)) < 0.078
        for name in ("box", "cylinder", "sphere", "capsule", "bottle", "hammer", "convex_union")
        for _, mesh, _ in draws(name, 10)
    ]
    assert np.mean(narrow) > 0.85


def test_parts_stay_few():
    mean = {name: np.mean([len(parts) for _, _, parts in draws(name, 3)]) for name in FAMILIES}
    assert np.mean([mean[n] for n in REQUIRED]) <= 12
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
def test_stated_symmetries_hold(name):
    params, mesh, _ = next(draws(name, 1))
    symmetry = FAMILIES[name].symmetry(params)
    turns = [(axis, 48) for axis in symmetry.get("continuous", ())]
    turns += [(entry[:3], entry[3]) for entry in symmetry.get("discrete", ())]
    own = solid(mesh)
    for axis, n in turns:
        R = trimesh.transformations.rotation_matrix(2 * np.pi / n, axis)[:3]
        turned = own.transform(R)
        # The inside of a vessel has 16 facets, so a small turn moves it by less than a facet's sagitta.
        assert (own - turned).volume() < 0.05 * own.volume(), (axis, n)


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
