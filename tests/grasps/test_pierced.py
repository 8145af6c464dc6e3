"""Capsules that go through boxes, of which MuJoCo's contacts miss some."""

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from settled import SIDEWAYS, at, settled_scene
from solids import box

from graspgen.frames import axis_angle
from graspgen.grasps.outcomes import Outcome, Phase
from graspgen.grasps.pierced import pierced, segments_meet_boxes
from graspgen.grasps.scene_trial import try_scene
from graspgen.grippers.gripper import load_gripper


def bar_through_wall(seed):
    """A capsule of 114 mm and a wall of 5 mm: model, state, and whether the middle line enters the wall."""
    rng = np.random.default_rng(seed)
    half = np.array([0.2, 0.0025, 0.06])
    model = mujoco.MjModel.from_xml_string(
        '<mujoco><worldbody><body name="wall"><freejoint/><geom type="box" size="0.2 0.0025 0.06"/></body>'
        '<body name="hand"><freejoint/><geom type="capsule" size="0.007 0.05"/></body></worldbody></mujoco>'
    )
    data = mujoco.MjData(model)
    for body in range(2):
        q = rng.normal(size=4)
        data.qpos[7 * body + 3 : 7 * body + 7] = q / np.linalg.norm(q)
    mujoco.mj_kinematics(model, data)
    R = data.geom_xmat[0].reshape(3, 3)
    data.qpos[7:10] = R @ (rng.uniform(-1, 1, 3) * (half + 0.03))
    mujoco.mj_forward(model, data)
    line = data.geom_xpos[1] + np.linspace(-0.05, 0.05, 2001)[:, None] * data.geom_xmat[1].reshape(3, 3)[:, 2]
    depth = (half - np.abs(line @ R)).min(axis=1).max()
    state = np.empty(mujoco.mj_stateSize(model, int(mujoco.mjtState.mjSTATE_INTEGRATION)))
    mujoco.mj_getState(model, data, state, int(mujoco.mjtState.mjSTATE_INTEGRATION))
    return model, state, depth, data.ncon


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_capsule_pierces_a_box_where_its_middle_line_enters_it(seed):
    model, state, depth, _ = bar_through_wall(seed)
    if abs(depth) > 1e-4:
        assert (pierced(model, np.array([False, True]), state[None])[0] == 1) == (depth > 0)
        assert (pierced(model, np.array([True, False]), state[None])[0] == 2) == (depth > 0)
    assert pierced(model, np.array([True, True]), state[None])[0] == -1


def test_contacts_alone_miss_some_of_them():
    # Where they no longer do, this module has become needless.
    cases = [bar_through_wall(seed) for seed in range(60)]
    assert any(depth > 1e-3 and not contacts for _, _, depth, contacts in cases)


def test_a_segment_beside_a_box_or_along_its_face_does_not_meet_it():
    unit = np.eye(3)
    middle = np.array([[0, 0, 0], [0, 0, 2], [0.5, 0.5, 1.01], [0, 0, 1.5]], float)
    along = np.array([[0, 0, 0.1], [1, 0, 0], [3, 0, 0], [0, 0, 0.6]], float)
    met = segments_meet_boxes(middle, along, np.zeros((1, 3)), unit[None], np.ones((1, 3)))
    assert met[:, 0].tolist() == [True, False, False, True]


@pytest.fixture(scope="module")
def behind_a_board():
    """A tall box, and a board of 6 mm between it and a hand that comes along x."""
    return settled_scene([(box(0.04, 0.04, 0.24), at(0.1, 0, 0.12)), (box(0.006, 0.3, 0.25), at(0, 0, 0.125))])


def test_a_hand_whose_links_start_through_a_board_hits_it(behind_a_board, profile):
    # The board is between housing and fingertips of a 2F-140 from start to end: only its cranks, capsules, meet it.
    T = np.array([at(x, 0, z, SIDEWAYS @ axis_angle([0, 0, 1], a)) for x in (0.08, 0.085) for z in (0.1, 0.15, 0.2)
                  for a in (0.0, 0.4)])  # fmt: skip
    r = try_scene(
        behind_a_board, load_gripper("robotiq_2f140"), profile, np.ones(len(T), int), T, np.full(len(T), 0.13),
        approach=0.015,
    )  # fmt: skip
    assert (r.outcome == Outcome.HITS_OBJECT).all() and (r.first_touch == 2).all()
    assert (r.phase == Phase.APPROACH).all()
