"""Mass properties against closed forms."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from graspgen.frames import quat_to_matrix
from graspgen.objects.mass import mass_properties


def test_box_matches_its_closed_form():
    a, b, c = 0.03, 0.05, 0.11
    mesh = trimesh.creation.box(extents=[a, b, c])
    offset = np.array([3.0, -2.0, 1.0])
    m = mass_properties(mesh.vertices + offset, mesh.faces)
    assert m.volume == pytest.approx(a * b * c, rel=1e-12)
    assert np.allclose(m.com, offset, atol=1e-12)
    expected = a * b * c / 12 * np.diag([b * b + c * c, a * a + c * c, a * a + b * b])
    assert np.allclose(m.unit_inertia, expected, rtol=1e-9, atol=1e-18)


@pytest.mark.parametrize("axes", [(0.03, 0.03, 0.03), (0.02, 0.03, 0.05)])
def test_ellipsoid_approaches_its_closed_form(axes):
    mesh = trimesh.creation.icosphere(subdivisions=6)
    m = mass_properties(mesh.vertices * axes, mesh.faces)
    x, y, z = axes
    volume = 4 / 3 * np.pi * x * y * z
    assert m.volume == pytest.approx(volume, rel=1e-3)
    expected = volume / 5 * np.diag([y * y + z * z, x * x + z * z, x * x + y * y])
    assert np.allclose(m.unit_inertia, expected, rtol=2e-3, atol=1e-15)


def test_cylinder_approaches_its_closed_form():
    r, h = 0.04, 0.1
    mesh = trimesh.creation.cylinder(radius=r, height=h, sections=2000)
    m = mass_properties(mesh.vertices, mesh.faces)
    volume = np.pi * r * r * h
    across = volume * (3 * r * r + h * h) / 12
    assert m.volume == pytest.approx(volume, rel=1e-4)
    assert np.allclose(np.diag(m.unit_inertia), [across, across, volume * r * r / 2], rtol=1e-4)


def test_a_shell_weighs_as_the_outside_less_the_hollow():
    outside, hollow = trimesh.creation.box(extents=[0.1] * 3), trimesh.creation.box(extents=[0.08] * 3)
    vertices = np.concatenate([outside.vertices, hollow.vertices])
    faces = np.concatenate([outside.faces, hollow.faces[:, ::-1] + 8])
    m = mass_properties(vertices, faces)
    assert m.volume == pytest.approx(0.1**3 - 0.08**3, rel=1e-12)
    assert np.allclose(m.unit_inertia, np.eye(3) * (0.1**5 - 0.08**5) / 6, atol=1e-18)


def test_inside_out_has_negative_volume():
    mesh = trimesh.creation.box()
    assert mass_properties(mesh.vertices, mesh.faces[:, ::-1]).volume == pytest.approx(-1)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.1))
def test_inertia_turns_with_the_mesh(quat):
    mesh = trimesh.creation.annulus(0.02, 0.04, 0.1)
    vertices = mesh.vertices + np.array([0.01, 0.02, 0.03])
    R = quat_to_matrix(quat)
    still, turned = mass_properties(vertices, mesh.faces), mass_properties(vertices @ R.T, mesh.faces)
    assert np.allclose(turned.com, R @ still.com, atol=1e-12)
    assert np.allclose(turned.unit_inertia, R @ still.unit_inertia @ R.T, atol=1e-15)


def test_agrees_with_trimesh_on_a_lopsided_solid():
    mesh = trimesh.creation.cone(0.03, 0.1)
    m = mass_properties(mesh.vertices, mesh.faces)
    assert m.volume == pytest.approx(mesh.volume, rel=1e-9)
    assert np.allclose(m.com, mesh.center_mass, atol=1e-12)
    assert np.allclose(m.unit_inertia, mesh.moment_inertia, rtol=1e-6, atol=1e-16)
