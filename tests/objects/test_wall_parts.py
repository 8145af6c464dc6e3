"""Thin, bent walls keep their thickness when they are cut into convex parts, and chunky things are left to CoACD."""

import manifold3d
import numpy as np
import pytest
import trimesh
from scipy.spatial import ConvexHull

from graspgen.objects import decompose as decompose_module
from graspgen.objects import shapes
from graspgen.objects.asset import Part
from graspgen.objects.collision_quality import collision_quality
from graspgen.objects.decompose import Decomposition, cut
from graspgen.objects.surface_distance import Surface, beyond, inside_hulls, inside_mesh
from graspgen.objects.wall_parts import patches_needed, wall_parts

RADIUS, WALL = 0.08, 0.002


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def bowl():
    ball = manifold3d.Manifold.sphere
    shell = ball(RADIUS, 96) - ball(RADIUS - WALL, 96)
    return shell.trim_by_plane([0, 0, -1], 0.0)


def quality(parts, solid):
    return collision_quality([Part("hull", vertices=p) for p in parts], *shapes.from_manifold(solid))


def test_a_bowl_keeps_its_thickness(bowl):
    parts = wall_parts(bowl, 64, 0.05)
    found = quality(parts, bowl)
    assert len(parts) <= 64
    assert abs(found.volume_error) < 0.06
    # A patch of 64 of the half sphere is 25 mm wide: over it the sphere bends by 1 mm, by 2 mm from corner to corner.
    assert found.hausdorff < 0.003
    # Hulls that cover the same patches are much thicker.
    hulls = wall_parts_without_flattening(bowl)
    assert quality(hulls, bowl).volume_error > 0.3


def wall_parts_without_flattening(bowl):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("graspgen.objects.wall_parts._MOVED", 0.0)
        return wall_parts(bowl, 64, 0.05)


def test_a_tray_keeps_its_flat_walls():
    box = manifold3d.Manifold.cube
    tray = box([0.1, 0.08, 0.04]) - box([0.096, 0.076, 0.04]).translate([0.002, 0.002, 0.002])
    parts = wall_parts(tray, 32, 0.02)
    found = quality(parts, tray)
    assert abs(found.volume_error) < 0.05 and found.hausdorff < 0.005


def test_a_closed_cavity_is_kept():
    ball = manifold3d.Manifold.sphere
    shell = ball(0.04, 48) - ball(0.036, 48)
    parts = wall_parts(shell, 64, 0.05)
    assert abs(quality(parts, shell).volume_error) < 0.2, "filled, it would be +270 %"


def test_the_same_solid_gives_the_same_parts(bowl):
    first, second = wall_parts(bowl, 20, 0.05), wall_parts(bowl, 20, 0.05)
    assert len(first) == 20
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_wall_that_runs_through_itself_is_not_lost():
    """Scans' inner surfaces lie outside of the outer ones here and there: the volume between them is negative."""
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.05)
    inner = ball.copy()
    inner.vertices *= np.where(inner.vertices[:, 2:] > 0.035, 1.01, 0.96)
    inner.invert()
    both = trimesh.util.concatenate([ball, inner])
    parts = wall_parts(shapes.to_manifold(both.vertices, both.faces), 64, 0.05)
    top = ball.vertices[ball.vertices[:, 2] > 0.04]
    near = np.concatenate(parts)
    distance = np.linalg.norm(top[:, None] - near[None], axis=2).min(axis=1)
    assert distance.max() < 0.01, "the cap, whose walls are swapped, has parts too"


def test_thin_bent_walls_are_told_from_chunky_things(bowl):
    assert patches_needed(bowl, 51, 0.1) == 51
    torus = manifold3d.Manifold(
        manifold3d.Mesh64(*_arrays(trimesh.creation.torus(major_radius=0.05, minor_radius=0.02)))
    )
    assert patches_needed(torus, 51, 0.1) < 25


def _arrays(mesh):
    return np.ascontiguousarray(mesh.vertices, np.float64), np.ascontiguousarray(mesh.faces, np.uint64)


def test_the_way_of_cutting_is_chosen_by_the_mesh_not_by_the_clock(bowl, monkeypatch):
    v, f = shapes.from_manifold(bowl)
    fast = cut(v, f, Decomposition(max_parts=32), time_limit=1e-3)  # CoACD could do nothing in this time
    assert fast.source == "walls" and len(fast.parts) <= 32
    monkeypatch.setattr(decompose_module, "cached_hulls", lambda key: None)
    slow = cut(v, f, Decomposition(max_parts=32), time_limit=300)
    assert all(np.array_equal(a.vertices, b.vertices) for a, b in zip(fast.parts, slow.parts, strict=True))


def test_coacd_is_overruled_where_its_parts_are_off(monkeypatch):
    """CoACD at a large threshold fills this cross; the walls' way does not."""
    cross = trimesh.boolean.union([trimesh.creation.box([0.1, 0.01, 0.01]), trimesh.creation.box([0.01, 0.01, 0.1])])
    coarse = Decomposition(threshold=0.9, mcts_iterations=5, mcts_nodes=4)
    found = cut(cross.vertices, cross.faces, coarse)
    kept = cut(cross.vertices, cross.faces, Decomposition(**{**vars(coarse), "method": "coacd"}))
    assert kept.source == "coacd" and len(kept.parts) == 1
    assert found.source == "walls" and collision_quality(found.parts, cross.vertices, cross.faces).is_good


def test_points_in_hulls_and_in_their_mesh_are_the_same():
    rng = np.random.default_rng(3)
    hulls = [rng.normal(size=(12, 3)) * 0.02 + rng.normal(size=3) * 0.01 for _ in range(4)]
    union = shapes.union([Part("hull", vertices=h[ConvexHull(h).vertices]) for h in hulls])
    points = rng.uniform(-0.05, 0.05, (4000, 3))
    surface = Surface(union.vertices, union.faces)
    away = surface.distance(points) > 1e-6
    assert np.array_equal(inside_hulls(hulls)(points)[away], inside_mesh(surface)(points)[away])
    assert beyond(surface, inside_mesh(surface), surface) < 1e-6


def test_faces_that_two_hulls_share_are_inside():
    left = trimesh.creation.box([0.04, 0.04, 0.04], transform=trimesh.transformations.rotation_matrix(0.7, [1, 2, 3]))
    normal, middle = left.face_normals[0], left.triangles_center[0]
    right = left.vertices + 0.04 * normal
    between = middle + np.linspace(-0.005, 0.005, 21)[:, None] * np.cross(normal, [0.3, 0.5, 0.1])
    assert inside_hulls([left.vertices, right])(between).all()
