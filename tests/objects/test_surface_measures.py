"""Distances, wraps, decimation and collision quality, against solids whose answers are known."""

import math

import manifold3d
import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from graspgen.objects import shapes
from graspgen.objects.asset import Mesh, Part
from graspgen.objects.collision_quality import collision_quality
from graspgen.objects.decimate import decimate
from graspgen.objects.mass import mass_properties
from graspgen.objects.merge_hulls import merge_hulls
from graspgen.objects.mesh_check import check_mesh
from graspgen.objects.mesh_crossings import crossing_edges
from graspgen.objects.mesh_repair import is_closed, merge_equal, shells
from graspgen.objects.mesh_wrap import wrap
from graspgen.objects.surface_distance import Surface
from graspgen.objects.uv_transfer import pad_texture


def arrays(mesh):
    return np.asarray(mesh.vertices, float), np.asarray(mesh.faces, np.int32)


def volume(v, f):
    return mass_properties(v, f).volume


@settings(max_examples=40, deadline=None)
@given(st.tuples(*[st.floats(-0.2, 0.2)] * 3))
def test_the_distance_to_a_box_is_its_closed_form(point):
    half = np.array([0.02, 0.05, 0.08])
    surface = Surface(*arrays(trimesh.creation.box(2 * half)))
    q = np.abs(point) - half
    signed = np.linalg.norm(np.maximum(q, 0)) + min(q.max(), 0)
    assert surface.distance(np.array([point]))[0] == pytest.approx(abs(signed), abs=1e-9)


def test_parts_that_are_the_mesh_have_no_error_and_a_known_one_is_found():
    part = Part("box", np.array([0.02, 0.03, 0.04]))
    v, f = shapes.part_mesh(part)
    exact = collision_quality([part], v, f)
    assert abs(exact.volume_error) < 1e-6 and exact.hausdorff < 1e-7 and exact.is_good
    larger = collision_quality([Part("box", np.array([0.02, 0.03, 0.05]))], v, f)
    assert larger.volume_error == pytest.approx(0.25, rel=1e-5)
    assert larger.outwards == pytest.approx(0.01, rel=1e-5) and larger.inwards < 1e-7
    smaller = collision_quality([Part("box", np.array([0.02, 0.03, 0.02]))], v, f)
    assert smaller.inwards == pytest.approx(0.02, rel=1e-5) and smaller.outwards < 1e-7 and not smaller.is_good


def test_gaps_between_parts_inside_an_object_are_no_error():
    v, f = shapes.part_mesh(shapes.box([0.04, 0.04, 0.08]))
    halves = [shapes.box([0.04, 0.04, 0.0399], (0, 0, z)) for z in (-0.02005, 0.02005)]
    quality = collision_quality(halves, v, f)
    assert quality.hausdorff < 2e-4, "the cut lies 20 mm below the surface"


# ---- wraps


def test_a_closed_solid_is_wrapped_within_a_voxel():
    v, f = arrays(trimesh.creation.icosphere(subdivisions=3, radius=0.05))
    wrapped = wrap(v, f, resolution=48)
    assert is_closed(wrapped.faces) and not wrapped.sheets
    assert volume(wrapped.vertices, wrapped.faces) == pytest.approx(volume(v, f), rel=0.03)
    assert wrapped.error < wrapped.voxel


def test_an_open_sheet_gets_the_thickness_that_is_said():
    v = np.array([[0, 0, 0], [0.1, 0, 0], [0.1, 0.06, 0], [0, 0.06, 0]])
    wrapped = wrap(v, np.array([[0, 1, 2], [0, 2, 3]], np.int32), resolution=64)
    assert wrapped.sheets and is_closed(wrapped.faces)
    assert np.ptp(wrapped.vertices[:, 2]) == pytest.approx(1.5 * wrapped.voxel, rel=0.1)


def test_triangles_without_order_are_wrapped_into_the_solid_they_enclose():
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.05)
    rng = np.random.default_rng(0)
    soup = ball.triangles + rng.normal(0, 1e-4, (len(ball.faces), 1, 3))
    faces = np.arange(3 * len(soup), dtype=np.int32).reshape(-1, 3)
    checked = check_mesh(Mesh(soup.reshape(-1, 3), faces), "soup")
    assert any("replaced by a mesh on voxels" in note for note in checked.notes)
    assert volume(checked.vertices, checked.faces) == pytest.approx(ball.volume, rel=0.03)


# ---- self-intersections


def figure_of_eight(radius=0.01, n=80, m=16):
    """A closed tube of which one stretch runs through another."""
    t = np.arange(n) * (2 * math.pi / n)
    path = 0.05 * np.stack([np.sin(t), np.sin(t) * np.cos(t), 0 * t], -1)
    tangent = np.roll(path, -1, 0) - np.roll(path, 1, 0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    side = np.stack([-tangent[:, 1], tangent[:, 0], 0 * t], -1)
    a = np.arange(m) * (2 * math.pi / m)
    rings = path[:, None] + radius * (np.cos(a)[:, None] * side[:, None] + np.sin(a)[:, None] * np.array([0, 0, 1.0]))
    i, j = np.meshgrid(np.arange(n), np.arange(m), indexing="ij")
    p, q = i * m + j, i * m + (j + 1) % m
    r, s = (i + 1) % n * m + j, (i + 1) % n * m + (j + 1) % m
    faces = np.concatenate([np.stack([p, q, s], -1).reshape(-1, 3), np.stack([p, s, r], -1).reshape(-1, 3)])
    return rings.reshape(-1, 3), faces.astype(np.int32)


def test_edges_that_pass_through_the_mesh_are_found():
    v, f = figure_of_eight()
    assert crossing_edges(v, f, shells(f)) > 0.01
    for clean in (trimesh.creation.icosphere(subdivisions=4), trimesh.creation.torus(0.05, 0.02)):
        v, f = arrays(clean)
        assert crossing_edges(v, f, shells(f)) == 0


def test_a_mesh_that_runs_through_itself_weighs_what_it_encloses():
    v, f = figure_of_eight(radius=0.022)
    counted_twice = volume(v, f)
    checked = check_mesh(Mesh(v, f), "eight")
    assert any("runs through itself" in note and "wrap" in note for note in checked.notes)
    assert 0.5 * counted_twice < volume(checked.vertices, checked.faces) < 0.97 * counted_twice
    assert len(checked.mesh.faces) == len(f), "what is drawn stays as it is"


# ---- decimation


def textured_ball(n=5):
    """A ball with a seam: its texture coordinates are its longitude and latitude."""
    ball = trimesh.creation.uv_sphere(radius=0.05, count=[2**n, 2**n])
    corners = ball.triangles.reshape(-1, 3)
    angle = np.arctan2(corners[:, 1], corners[:, 0]) / (2 * math.pi) + 0.5
    u = angle.reshape(-1, 3)
    u = np.where((np.ptp(u, axis=1) > 0.5)[:, None] & (u < 0.5), u + 1, u).reshape(-1)
    uv = np.round(np.stack([u, corners[:, 2] / 0.1 + 0.5], -1), 6)
    both, index = np.unique(np.concatenate([np.round(corners, 9), uv], axis=1), axis=0, return_inverse=True)
    return Mesh(both[:, :3], index.reshape(-1, 3), both[:, 3:], np.zeros((4, 4, 3), np.uint8))


def test_decimation_meets_its_budget_stays_closed_and_keeps_texture_coordinates():
    mesh = textured_ball()
    small = decimate(mesh, 1200)
    assert 300 < len(small.mesh.faces) <= 1200 < len(mesh.faces)
    assert is_closed(merge_equal(small.mesh.vertices, small.mesh.faces)[1])
    assert 0 < small.error < 0.001
    assert set(map(tuple, small.mesh.vertices.tolist())) <= set(map(tuple, mesh.vertices.tolist()))
    x, y, z = small.mesh.vertices.T
    turn = np.arctan2(y, x) / (2 * math.pi) + 0.5 - small.mesh.uv[:, 0]
    # At the poles all longitudes meet, and no map is right.
    middle = np.abs(z) < 0.042
    assert np.abs(turn - np.round(turn))[middle].max() < 0.02
    assert np.abs(z / 0.1 + 0.5 - small.mesh.uv[:, 1])[middle].max() < 0.02
    seen = small.mesh.uv[small.mesh.faces][middle[small.mesh.faces].all(axis=1)]
    assert np.ptp(seen[:, :, 0], axis=1).max() < 0.2, "no triangle reaches across the seam"


def test_a_budget_that_would_change_the_shape_is_not_met():
    mesh = textured_ball()
    small = decimate(mesh, 8)
    assert len(small.mesh.faces) > 8 and small.error <= 0.01 * 0.1 + 1e-9
    assert decimate(mesh, len(mesh.faces)).mesh is mesh


def test_what_no_triangle_shows_takes_the_colour_beside_it():
    texture = np.zeros((64, 64, 3), np.uint8)
    texture[16:48, 16:48] = 200
    uv = np.array([[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]])
    padded = pad_texture(texture, uv, np.array([[0, 1, 2], [0, 2, 3]]))
    assert (padded == 200).all() and (texture == 0).any()


# ---- merged hulls


def test_hulls_that_make_a_box_together_are_merged_first():
    cubes = [manifold3d.Manifold.cube([1, 1, 1]).translate([i, 0, 0]) for i in range(4)]
    far = manifold3d.Manifold.cube([1, 1, 1]).translate([0, 9, 0])
    merged = merge_hulls([*cubes, far], 2)
    assert sorted(round(h.volume(), 6) for h in merged) == [1, 4]
