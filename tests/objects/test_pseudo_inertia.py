"""Mass distributions: sums of bodies, skins, and randomizations that stay physical."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from solids import ball, box

from graspgen.objects.families import FAMILIES
from graspgen.objects.mass import mass_properties
from graspgen.objects.procedural import asset_from_params, draw_params
from graspgen.objects.pseudo_inertia import (
    deformed,
    is_physical,
    mass_com_inertia,
    pseudo_inertia,
    shell,
    solid,
)
from graspgen.objects.redistribute import com_offset, redistributed


def physical(inertia):
    moments = np.linalg.eigvalsh(inertia)
    return moments[0] > 0 and moments[0] + moments[1] > moments[2] * (1 - 1e-9)


def test_mass_centre_and_inertia_survive_the_round_trip():
    mesh = trimesh.creation.cone(0.03, 0.1)
    m = mass_properties(mesh.vertices, mesh.faces)
    J = solid(mesh.vertices, mesh.faces)
    assert np.allclose(J, pseudo_inertia(m.volume, m.com, m.unit_inertia), rtol=1e-9, atol=1e-18)
    mass, com, inertia = mass_com_inertia(J)
    assert mass == pytest.approx(m.volume, rel=1e-12)
    assert np.allclose(com, m.com, atol=1e-12) and np.allclose(inertia, m.unit_inertia, rtol=1e-8, atol=1e-18)


def test_bodies_add_up():
    low, high, whole = (
        trimesh.creation.box(bounds=b) for b in ([[0] * 3, [1, 1, 1]], [[0, 0, 1], [1, 1, 3]], [[0] * 3, [1, 1, 3]])
    )
    both = solid(low.vertices, low.faces) + solid(high.vertices, high.faces)
    assert np.allclose(both, solid(whole.vertices, whole.faces))


def test_a_skin_weighs_as_a_hollow_sphere():
    r, t = 0.03, 1e-4
    mesh = trimesh.creation.icosphere(5, r)
    mass, com, inertia = mass_com_inertia(shell(mesh.vertices, mesh.faces, t))
    assert mass == pytest.approx(4 * np.pi * r * r * t, rel=2e-3)
    assert np.allclose(com, 0, atol=1e-9)
    assert np.allclose(inertia, 2 / 3 * mass * r * r * np.eye(3), rtol=2e-3, atol=1e-12)


@settings(max_examples=200, deadline=None)
@given(
    family=st.sampled_from(["box", "cylinder", "die", "prism", "t_shape", "card"]),
    seed=st.integers(0, 2**31),
    share=st.tuples(*[st.floats(-0.5, 0.5)] * 3),
    scale=st.tuples(*[st.floats(0.1, 2)] * 3),
)
def test_every_randomization_is_a_mass_that_matter_could_have(family, seed, share, scale):
    params = draw_params(FAMILIES[family], np.random.default_rng(seed))
    asset = asset_from_params(family, params, "x")
    changed = redistributed(asset, com_offset(asset, share), scale)
    assert physical(changed.unit_inertia)
    assert is_physical(pseudo_inertia(changed.volume, changed.com, changed.unit_inertia))
    low, high = asset.mesh.bounds
    assert (changed.com > low).all() and (changed.com < high).all()
    assert (changed.volume, changed.density) == (asset.volume, asset.density)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(-1, 1), min_size=16, max_size=16),
    st.tuples(*[st.floats(0.05, 20)] * 3),
    st.tuples(*[st.floats(-5, 5)] * 3),
)
def test_stretching_and_shifting_any_body_leaves_a_body(numbers, scale, shift):
    root = np.reshape(numbers, (4, 4)) + np.eye(4) * 3
    J = root @ root.T
    moved = deformed(J, scale, shift)
    assert moved[3, 3] == pytest.approx(J[3, 3])
    assert np.allclose(mass_com_inertia(moved)[1], mass_com_inertia(J)[1] + shift, atol=1e-9)
    assert is_physical(moved) and physical(mass_com_inertia(moved)[2])


def test_a_stretch_acts_as_on_a_box():
    asset = box(0.04, 0.06, 0.1)
    changed = redistributed(asset, [0.01, 0, 0], [1, 1, 0.5])
    x, y, z = 0.04, 0.06, 0.05
    expected = asset.volume / 12 * np.array([y * y + z * z, x * x + z * z, x * x + y * y])
    assert np.allclose(np.diag(changed.unit_inertia), expected, rtol=1e-9)
    assert np.allclose(changed.com - asset.com, [0.01, 0, 0])
    assert redistributed(asset, [0, 0, 0], [1, 1, 1]) is asset


def test_the_centre_of_mass_stays_inside_the_hull():
    asset = ball(0.04)
    offset = com_offset(asset, [0.5, 0.5, 0.5])
    assert 0.03 < np.linalg.norm(asset.com + offset) < 0.04
    assert np.allclose(com_offset(asset, [0.1, 0, 0]), [0.008, 0, 0], atol=1e-5)


def test_impossible_bodies_are_told():
    assert not is_physical(pseudo_inertia(1.0, [0, 0, 0], np.diag([1.0, 1.0, 3.0])))
    assert not is_physical(pseudo_inertia(-1.0, [0, 0, 0], np.eye(3)))
    assert is_physical(pseudo_inertia(1.0, [5, 0, 0], np.diag([1.0, 1.0, 1.9])))


@pytest.mark.parametrize("name", FAMILIES)
def test_families_weigh_what_their_materials_do(name):
    family = FAMILIES[name]
    rng = np.random.default_rng(11)
    for _ in range(2):
        asset = asset_from_params(name, draw_params(family, rng), "x")
        assert physical(asset.unit_inertia)
        low, high = asset.mesh.bounds
        assert (asset.com > low).all() and (asset.com < high).all()
        p = asset.params
        if p["material"] in family.hollow:
            assert asset.density < p["filling"] + p["material_density"] * 0.9
        elif family.second is not None:
            low, high = sorted([p["material_density"], p["second_density"]])
            assert low < asset.density < high
        else:
            assert asset.density == pytest.approx(p["material_density"])
        assert 0.0003 < asset.density * asset.volume < 4


def test_a_hammer_is_head_heavy_and_an_empty_can_lighter_than_a_full_one():
    params = draw_params(FAMILIES["hammer"], np.random.default_rng(0)) | {
        "second_density": 7800.0,
        "material_density": 600.0,
    }
    wooden = asset_from_params("hammer", params | {"second_density": 600.0}, "x")
    assert asset_from_params("hammer", params, "x").com[0] > wooden.com[0] / 2
    params = draw_params(FAMILIES["can"], np.random.default_rng(0))
    empty, full = (asset_from_params("can", params | {"filling": f}, "x") for f in (0.0, 1000.0))
    assert full.density - empty.density == pytest.approx(1000)
    # A shell's matter lies further out than a solid's.
    per_mass = [a.unit_inertia[2, 2] for a in (empty, full)]
    assert per_mass[0] > 1.2 * per_mass[1]
