"""Seals whose answer is known beforehand from geometry."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from solids import FROM_ABOVE

from graspgen.frames import axis_angle, pose, random_rotation
from graspgen.grasps.seal import APEX, MAX_STRAIN, cup_seal
from graspgen.raycast import RayCaster

RADIUS, DEPTH = 0.01, 0.003
#: The cone springs' limit: how far a point of the lip may lie off the plane of the others.
OFF_PLANE = RADIUS * (np.sqrt((1 + APEX**2) * (1 + MAX_STRAIN) ** 2 - 1) - APEX)


def seal(mesh, T, cups=((0.0, 0.0),), radius=RADIUS, depth=DEPTH):
    caster = RayCaster(np.asarray(mesh.vertices, float), np.asarray(mesh.faces))
    return cup_seal(caster, np.asarray(T).reshape(-1, 4, 4), cups, radius, depth)


def above(z, x=0.0, y=0.0):
    return pose(translation=[x, y, z]) @ FROM_ABOVE


PLATE = trimesh.creation.box((0.1, 0.1, 0.01))


def test_a_plane_across_the_approach_seals_perfectly():
    found = seal(PLATE, above(0.005))
    assert found.score[0, 0] == pytest.approx(1.0, abs=1e-6) and abs(found.press[0]) < 1e-6


@pytest.mark.parametrize("gap", [-0.008, 0.004, 0.015])
def test_the_cup_is_pressed_on_from_wherever_it_is(gap):
    found = seal(PLATE, above(0.005 + gap))
    assert found.press[0] == pytest.approx(gap, abs=1e-6) and found.score[0, 0] == pytest.approx(1, abs=1e-5)


def test_a_tilted_cup_seals_up_to_the_slope_that_its_cone_springs_bear():
    limit = np.arctan(OFF_PLANE / RADIUS)
    for angle, seals in ((0.95 * limit, True), (1.05 * limit, False)):
        T = above(0.005) @ pose(axis_angle([1.0, 0, 0], angle))
        assert (seal(PLATE, T).score[0, 0] > 0) == seals


def test_a_ball_seals_down_to_the_radius_whose_cap_fills_the_cup():
    smallest = (RADIUS**2 + DEPTH**2) / (2 * DEPTH)
    for radius, seals in ((1.05 * smallest, True), (0.95 * smallest, False), (0.6 * RADIUS, False)):
        ball = trimesh.creation.icosphere(5, radius)
        found = seal(ball, above(radius))
        assert (found.score[0, 0] > 0) == seals
        if seals:  # the lip lies in a plane, a cap's height below the top
            assert found.press[0] == pytest.approx(radius - np.sqrt(radius**2 - RADIUS**2), abs=2e-4)


@pytest.mark.parametrize("off", [0.0, 0.7])
def test_edges_holes_and_rods_do_not_seal(off):
    edge = seal(PLATE, above(0.005, x=0.05 - off * RADIUS))
    assert edge.score[0, 0] == 0 and edge.met[0]
    washer = trimesh.creation.annulus(0.002, 0.03, 0.004, sections=64)  # the hole lies inside the lip
    assert seal(washer, above(0.002)).score[0, 0] == 0
    rod = trimesh.creation.cylinder(0.004, 0.1, transform=pose(axis_angle([0, 1.0, 0], np.pi / 2)))
    assert seal(rod, above(0.004)).score[0, 0] == 0
    nothing = seal(PLATE, above(0.005, x=0.2))
    assert nothing.score[0, 0] == 0 and not nothing.met[0] and nothing.press[0] == 0


def test_a_blind_hollow_is_evacuated_and_seals_where_a_hole_does_not():
    rim = trimesh.creation.annulus(0.004, 0.03, 0.004, sections=64)
    floor = trimesh.creation.cylinder(0.03, 0.002, transform=pose(translation=[0, 0, -0.003]))
    assert seal(rim, above(0.002)).score[0, 0] == 0
    assert seal(trimesh.util.concatenate([rim, floor]), above(0.002)).score[0, 0] > 0.99


def test_a_perforated_plate_does_not_seal():
    bars = [
        trimesh.creation.box(size, pose(translation=middle))
        for at in np.arange(-0.03, 0.03, 0.004)
        for size, middle in (((0.06, 0.002, 0.002), (0, at, -0.001)), ((0.002, 0.06, 0.002), (at, 0, -0.001)))
    ]
    assert seal(trimesh.util.concatenate(bars), above(0.0)).score[0, 0] == 0


def test_cups_of_an_array_seal_each_by_itself():
    cups = [(0.02, 0.0), (-0.02, 0.0)]
    found = seal(PLATE, above(0.005, x=0.035), cups)
    assert found.score[0, 0] == 0 and found.score[0, 1] == pytest.approx(1, abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.3, 3.0))
def test_a_motion_of_everything_changes_nothing_nor_does_its_scale(seed, scale):
    rng = np.random.default_rng(seed)
    mesh = trimesh.creation.capsule(0.05, 0.03)
    point, face = trimesh.sample.sample_surface(mesh, 1, seed=seed)
    z = -mesh.face_normals[face[0]]
    x = np.cross(z, rng.normal(size=3))
    x /= np.linalg.norm(x)
    T = pose(np.stack([x, np.cross(z, x), z], axis=-1), point[0])
    motion = pose(random_rotation(rng), rng.normal(size=3) * 0.1)
    moved = trimesh.Trimesh(mesh.vertices * scale, mesh.faces).apply_transform(motion)
    grown = T.copy()
    grown[:3, 3] *= scale
    before = seal(mesh, T)
    after = seal(moved, motion @ grown, radius=scale * RADIUS, depth=scale * DEPTH)
    assert after.score[0, 0] == pytest.approx(before.score[0, 0], abs=5e-3)
    assert after.press[0] == pytest.approx(scale * before.press[0], abs=1e-5)
