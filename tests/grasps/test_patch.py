import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from solids import ball, box, tube

from graspgen.frames import pose
from graspgen.grasps.patch import GRID, contact_patches
from graspgen.raycast import RayCaster

PAD = (0.0175, 0.0185)
CELLS = (np.arange(GRID) + 0.5) / GRID - 0.5


def probe(mesh, half, centre=(0, 0, 0), R=None, contacts=None):
    """Patches of a grasp at `centre` that closes along y (or R's y), its contacts `half` to either side."""
    R = np.eye(3) if R is None else R
    T = pose(R, centre)[None]
    if contacts is None:
        contacts = np.asarray(centre) + np.outer([half, -half], R[:, 1])
    patches = contact_patches(RayCaster(mesh.vertices, mesh.faces), T, np.asarray(contacts, float)[None], PAD)
    return patches.flatness[0], patches.share[0]


def wedge(angle, half=0.02, length=0.1, height=0.06):
    """A prism along x whose sides lean towards each other by `angle` each, `half` from the middle at z = 0."""
    low, high = (half - s * np.tan(angle) * height / 2 for s in (-1, 1))
    corners = [
        [x, s * y, z]
        for x in (-length / 2, length / 2)
        for s in (-1, 1)
        for y, z in ((low, -height / 2), (high, height / 2))
    ]
    return trimesh.convex.convex_hull(np.array(corners))


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 6.28), st.floats(-0.01, 0.01), st.floats(-0.01, 0.01))
def test_parallel_faces_are_flat_and_fill_the_pads(turn, x, z):
    c, s = np.cos(turn), np.sin(turn)
    R = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    flatness, share = probe(box(0.06, 0.03, 0.06).mesh, 0.015, (x, 0, z), R)
    np.testing.assert_allclose(flatness, 0, atol=1e-8)
    assert (share == 1).all()


def test_a_pad_half_over_an_edge_is_flat_with_part_of_its_area():
    flatness, share = probe(box(0.06, 0.03, 0.06).mesh, 0.015, (0.03, 0, 0))
    np.testing.assert_allclose(flatness, 0, atol=1e-8)
    assert share == pytest.approx([2 / 5, 2 / 5])


@pytest.mark.parametrize("degrees", [2, 5, 10, 15])
def test_a_wedge_deviates_by_its_slope(degrees):
    slope = np.tan(np.radians(degrees))
    flatness, share = probe(wedge(np.radians(degrees)), 0.02)
    off = slope * PAD[1] * CELLS
    assert flatness == pytest.approx(np.sqrt((off**2).mean()), rel=1e-3)
    assert share == pytest.approx(np.mean(np.abs(off) <= 1e-3))


def test_a_ball_deviates_by_its_sagitta():
    r = 0.03
    x, z = np.meshgrid(PAD[0] * CELLS, PAD[1] * CELLS)
    sagitta = r - np.sqrt(r**2 - x**2 - z**2)
    flatness, share = probe(ball(r).mesh, r)
    assert flatness == pytest.approx(np.sqrt((sagitta**2).mean()), abs=5e-5)
    assert share == pytest.approx(np.mean(sagitta <= 1e-3))
    smaller, share_of_smaller = probe(ball(r / 2).mesh, r / 2)
    assert (smaller > flatness).all() and (share_of_smaller < share).all()


def test_the_two_pads_are_told_apart():
    mesh = trimesh.util.concatenate(
        [
            trimesh.creation.box((0.06, 0.03, 0.06)),
            trimesh.creation.box((0.002, 0.004, 0.06)).apply_translation([0, -0.017, 0]),
        ]
    )
    flatness, share = probe(mesh, 0.0, contacts=[[0, 0.015, 0], [0, -0.019, 0]])
    assert share == pytest.approx([1, 1 / 5])  # a ridge of 2 mm under the right pad
    assert flatness == pytest.approx([0, 0.004 * np.sqrt(4 / 5)], abs=1e-7)


def test_the_opposite_wall_of_a_narrow_cavity_is_not_taken_for_the_grasped_one():
    gap = 0.004
    walls = [
        trimesh.creation.box((0.06, 0.002, 0.06)).apply_translation([0, s * (gap + 0.002) / 2, 0]) for s in (-1, 1)
    ]
    mesh = trimesh.util.concatenate(walls)
    inner, outer = gap / 2, gap / 2 + 0.002
    flatness, share = probe(mesh, 0.0, contacts=[[0, outer, 0], [0, inner, 0]])
    np.testing.assert_allclose(flatness, 0, atol=1e-7)
    assert (share == 1).all()


def test_a_tube_is_flat_along_its_axis_and_curved_across():
    patches = probe(tube().mesh, 0.034, contacts=[[0, 0.034, 0], [0, 0.030, 0]])
    off = np.abs(0.034 - np.sqrt(0.034**2 - (PAD[0] * CELLS) ** 2))
    assert patches[0][0] == pytest.approx(np.sqrt((off**2).mean()), abs=1.5e-4)
    assert (patches[0] < 0.001).all()


def test_a_pad_over_nothing_has_no_flatness():
    flatness, share = probe(box(0.02, 0.02, 0.02).mesh, 0.01, (0.05, 0, 0))
    assert np.isnan(flatness).all() and (share == 0).all()
