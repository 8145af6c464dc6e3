"""Texture coordinates and normals of procedural meshes."""

import numpy as np
import pytest

from graspgen.objects import shapes
from graspgen.objects.asset import Mesh, Part
from graspgen.objects.families import FAMILIES
from graspgen.objects.normals import shaded
from graspgen.objects.procedural import asset_from_params, draw_params
from graspgen.objects.unwrap import unwrap


def mesh_of(part):
    return shapes.union([part])


def normals_at_corners(mesh):
    return mesh.shaded.normals[mesh.shaded.faces]


def doubled_area(uv):
    (ax, ay), (bx, by) = (uv[:, 1] - uv[:, 0]).T, (uv[:, 2] - uv[:, 0]).T
    return ax * by - ay * bx


@pytest.mark.parametrize("name", FAMILIES)
def test_a_mesh_with_texture_coordinates_is_the_same_closed_surface(name):
    params = draw_params(FAMILIES[name], np.random.default_rng(2))
    plain, mesh = FAMILIES[name].build(params)[0], asset_from_params(name, params, "x").mesh
    assert np.array_equal(plain.vertices[plain.faces], mesh.vertices[mesh.faces])
    assert mesh.uv.shape == (len(mesh.vertices), 2) and np.abs(mesh.uv).max() <= 2
    assert np.abs(doubled_area(mesh.uv[mesh.faces])).max() < 1.01, "no face runs around the object the wrong way"


def test_a_box_shows_an_undistorted_upright_texture_on_every_face():
    mesh = unwrap(mesh_of(shapes.box([0.04, 0.06, 0.1])), "box")
    corners, uv = mesh.vertices[mesh.faces], mesh.uv[mesh.faces]
    in_space = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=-1)
    assert np.allclose(np.linalg.norm(uv - np.roll(uv, 1, axis=1), axis=-1), in_space / 0.1, atol=1e-5)
    area = doubled_area(uv)
    assert (area > 0).all(), "not mirrored"


def test_a_cylinder_is_unrolled_like_a_label():
    mesh = unwrap(mesh_of(shapes.cylinder(0.03, -0.05, 0.05)), "round")
    corners, uv = mesh.vertices[mesh.faces], mesh.uv[mesh.faces]
    side = np.abs(np.ptp(corners[..., 2], axis=1)) > 0.01
    assert np.allclose(uv[side][..., 1], corners[side][..., 2] / 0.1 + 0.5, atol=1e-5)
    angle = np.arctan2(corners[side][..., 1], corners[side][..., 0]) / (2 * np.pi) + 0.5
    off = uv[side][..., 0] - angle
    assert np.allclose(off, np.round(off), atol=1e-5)
    assert np.ptp(uv[side][..., 0], axis=1).max() < 0.03
    caps = uv[~side]
    assert caps.min() > -1e-6 and caps.max() < 1 + 1e-6
    assert (doubled_area(uv) > -1e-9).all(), "not mirrored"


@pytest.mark.parametrize("how", ["box", "round"])
def test_round_things_have_round_normals_even_across_texture_seams(how):
    mesh = unwrap(mesh_of(Part("sphere", [0.03])), how)
    outwards = mesh.vertices[mesh.faces] / 0.03
    assert np.einsum("ijk,ijk->ij", normals_at_corners(mesh), outwards).min() > np.cos(np.radians(1))


def test_edges_stay_sharp():
    mesh = mesh_of(shapes.box([0.04, 0.06, 0.1]))
    normals = normals_at_corners(mesh)
    assert np.allclose(np.abs(normals).max(axis=-1), 1, atol=1e-6)
    mesh = mesh_of(shapes.cylinder(0.03, -0.05, 0.05))
    normals = normals_at_corners(mesh)
    corners = mesh.vertices[mesh.faces]
    side = np.ptp(corners[..., 2], axis=1) > 0.01
    assert np.allclose(normals[side][..., 2], 0, atol=1e-6) and np.allclose(
        np.abs(normals[~side][..., 2]), 1, atol=1e-6
    )
    radial = corners[side][..., :2] / np.linalg.norm(corners[side][..., :2], axis=-1, keepdims=True)
    assert np.einsum("ijk,ijk->ij", normals[side][..., :2], radial).min() > np.cos(np.radians(2))


def test_normals_do_not_depend_on_the_size_of_batches(monkeypatch):
    vertices, faces = shapes.part_mesh(Part("capsule", [0.02, 0.04]))
    whole = shaded(vertices, faces)
    monkeypatch.setattr("graspgen.objects.normals._PAIRS", 500)
    pieces = shaded(vertices, faces)
    assert np.allclose(whole.normals[whole.faces], pieces.normals[pieces.faces])


def test_a_face_without_area_does_no_harm():
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0.5, 0, 0]], float)
    mesh = Mesh(vertices, np.array([[0, 1, 2], [0, 3, 1], [3, 3, 3]], np.int32))
    assert np.isfinite(mesh.shaded.normals).all()
