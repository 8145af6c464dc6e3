import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solids import box, tube

from graspgen.frames import is_rotation, transform_points
from graspgen.grasps.candidates import propose, sample_antipodal
from graspgen.grasps.clearance import Obstacle, hand_clearance
from graspgen.grasps.outcomes import Sampler
from graspgen.raycast import RayCaster

CONE, CLEARANCE = np.radians(20), 0.005


def sample(asset, gripper, count=200, seed=0, cone=CONE):
    caster = RayCaster(asset.mesh.vertices, asset.mesh.faces)
    return sample_antipodal(caster, gripper, count, np.random.default_rng(seed), cone=cone, clearance=CLEARANCE)


@settings(max_examples=20, deadline=None)
@given(
    st.tuples(*[st.floats(0.01, 0.15)] * 3).filter(lambda s: min(s) < 0.07), st.integers(0, 2**31), st.floats(0.05, 0.6)
)
def test_a_candidate_lies_in_both_friction_cones_and_its_frame_is_between_its_contacts(gripper, size, seed, cone):
    c = sample(box(*size), gripper, 32, seed, cone)
    if not len(c):
        return
    assert is_rotation(c.T_object_grasp[:, :3, :3]).all()
    y = c.T_object_grasp[:, :3, 1]
    line = c.contacts[:, 0] - c.contacts[:, 1]
    distance = np.linalg.norm(line, axis=1)
    np.testing.assert_allclose(y * distance[:, None], line, atol=1e-9)
    cosines = np.einsum("nkj,nj->nk", c.normals, y) * [1, -1]  # the left pad's normal points along y
    np.testing.assert_allclose(np.arccos(np.clip(cosines.min(axis=1), -1, 1)), c.antipodal_angle, atol=1e-6)
    assert (c.antipodal_angle <= cone + 1e-9).all()
    assert (c.width <= gripper.file.stroke).all() and (c.width >= distance - 1e-12).all()
    # The tool point is on the approach line through the middle of the contacts, within half a pad of it.
    offset = c.T_object_grasp[:, :3, 3] - c.contacts.mean(axis=1)
    along = np.einsum("nj,nj->n", offset, c.T_object_grasp[:, :3, 2])
    np.testing.assert_allclose(offset, along[:, None] * c.T_object_grasp[:, :3, 2], atol=1e-9)
    assert (np.abs(along) <= gripper.file.pad[1] / 2 + 1e-12).all()


def test_contacts_of_a_box_lie_on_opposite_faces_that_fit_the_stroke(gripper):
    c = sample(box(0.04, 0.06, 0.2), gripper)
    half = np.array([0.02, 0.03, 0.1])
    face_left, face_right = (np.argmax(np.abs(c.contacts[:, k]) / half, axis=1) for k in (0, 1))
    assert len(c) == 200
    assert (face_left == face_right).all()
    assert set(face_left) == {0, 1}  # the 0.2 m side does not fit into 0.08 m
    np.testing.assert_allclose(
        np.take_along_axis(np.abs(c.contacts), face_left[:, None, None], 2)[..., 0],
        half[face_left][:, None] * [1, 1],
        rtol=1e-6,
    )


def test_a_thin_walled_tube_is_grasped_by_its_wall_and_across(gripper):
    c = sample(tube(), gripper, 400)
    distance = np.linalg.norm(c.contacts[:, 0] - c.contacts[:, 1], axis=1)
    wall, across = distance < 0.006, distance > 0.06
    assert wall.sum() > 40 and across.sum() > 40
    assert (wall | across | (np.abs(c.normals[:, 0, 2]) > 0.9)).all()


def test_points_are_uniform_by_area():
    caster = RayCaster(*(lambda m: (m.vertices, m.faces))(box(0.02, 0.04, 0.06).mesh))
    rng = np.random.default_rng(0)
    area = np.cumsum(caster.areas)
    face = np.searchsorted(area, rng.random(20000) * area[-1])
    p = caster.point(face, rng.random(20000), rng.random(20000))
    on_x = np.isclose(np.abs(p[:, 0]), 0.01)
    share = 2 * 0.04 * 0.06 / (2 * (0.04 * 0.06 + 0.02 * 0.06 + 0.02 * 0.04))
    assert on_x.mean() == pytest.approx(share, abs=0.015)
    assert np.abs(p[on_x].mean(axis=0)).max() < 0.001


def test_an_object_wider_than_the_stroke_offers_no_candidate(gripper):
    assert len(sample(box(0.2, 0.2, 0.2), gripper)) == 0
    assert len(sample(box(0.05, 0.05, 0.05), gripper, count=0)) == 0


def test_the_same_stream_gives_the_same_candidates(gripper):
    a, b, c = sample(tube(), gripper, seed=3), sample(tube(), gripper, seed=3), sample(tube(), gripper, seed=4)
    assert (a.T_object_grasp == b.T_object_grasp).all()
    assert (a.T_object_grasp != c.T_object_grasp).any()


def test_the_clear_share_has_a_clear_approach_and_the_rest_is_untouched(gripper):
    asset = box(0.05, 0.05, 0.16)

    def draw(share):
        return propose(
            asset, gripper, 60, np.random.default_rng(1), cone=CONE, clearance=CLEARANCE, clear_share=share,
            approach=0.05, step=0.002,
        )  # fmt: skip

    uniform, mixed = draw(0.0), draw(0.5)
    clear = mixed.sampler == Sampler.ANTIPODAL_CLEAR
    assert (uniform.sampler == Sampler.ANTIPODAL).all()
    assert 20 <= clear.sum() <= 30
    # Those that looked and found none have a code of their own: what is left is uniform.
    assert (mixed.sampler[1::2] != Sampler.ANTIPODAL).all() and (mixed.sampler[::2] == Sampler.ANTIPODAL).all()
    assert (mixed.T_object_grasp[::2] == uniform.T_object_grasp[::2]).all()
    sweep = hand_clearance(
        gripper,
        [Obstacle(asset.parts, np.eye(4))],
        mixed.T_object_grasp,
        mixed.width,
        approach=0.05,
        step=0.002,
        reach=0.004,
    )
    assert (sweep.on_approach[clear, 0] >= 0).all()
    assert (sweep.on_approach[~clear, 0] < 0).mean() > 0.3
    # Turning about the closing line keeps the contacts where they were.
    back = (
        np.linalg.inv(mixed.T_object_grasp)
        @ np.concatenate([mixed.contacts.mean(axis=1), np.ones((60, 1))], axis=1)[..., None]
    )
    assert np.abs(back[:, :2, 0]).max() < 1e-9
    assert (transform_points(mixed.T_object_grasp, np.zeros((60, 1, 3)))[:, 0] == mixed.T_object_grasp[:, :3, 3]).all()
