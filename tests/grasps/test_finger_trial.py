"""Trials of multi-finger hands against statics: three fingers that press on a ball from three sides hold 3·μ·F."""

import numpy as np
import pytest
import trimesh
import yaml

from graspgen.grasps.finger_close import opposing
from graspgen.grasps.finger_points import HandPoints, meet
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import load_profile
from graspgen.grasps.trial import try_asset
from graspgen.grippers.gripper import load_gripper
from graspgen.objects.asset import Asset, Mesh, Part
from graspgen.objects.distance_grid import DistanceGrid

# Three flat fingers at 120 degrees that slide towards the middle, each by its own joint.
FINGER = """
<body name="f{i}" pos="0 0 0.05" euler="0 0 {angle}">
  <joint name="j{i}" type="slide" axis="0 -1 0" range="0 0.06"/>
  <geom name="pad{i}" type="box" pos="0 0.065 0.03" size="0.012 0.005 0.02" mass="0.03"/>
</body>
"""
HAND = (
    '<mujoco><worldbody><body name="palm"><geom name="palm" type="cylinder" size="0.05 0.01" mass="0.5"/>'
    + "".join(FINGER.format(i=i, angle=120 * i) for i in range(3))
    + "</body></worldbody></mujoco>"
)
FORCE, RADIUS, MU = 10.0, 0.02, 0.5


@pytest.fixture(scope="module")
def hand(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hand")
    (folder / "three.xml").write_text(HAND)
    joints = [f"j{i}" for i in range(3)]
    written = {
        "name": "three", "kind": "multi_finger", "model": "three.xml", "base": "palm", "tcp": [0, 0, 0.08],
        "fingers": ["f0", "f1", "f2"], "tips": ["f0", "f1", "f2"], "joints": joints, "stroke": 0.09,
        "force": FORCE, "max_force": 3 * FORCE, "closing_time": 1.0,
        "postures": {
            "open": dict.fromkeys(joints, 0.0), "pregrasp": dict.fromkeys(joints, 0.02),
            "grasp": dict.fromkeys(joints, 0.05), "squeeze": dict.fromkeys(joints, 0.055),
        },
    }  # fmt: skip
    (folder / "three.yaml").write_text(yaml.safe_dump(written))
    return load_gripper(str(folder / "three.yaml"))


@pytest.fixture(scope="module")
def ball():
    mesh = trimesh.creation.icosphere(3, RADIUS)
    volume = 4 / 3 * np.pi * RADIUS**3
    return Asset(
        name="ball", class_name="ball", mesh=Mesh(mesh.vertices, mesh.faces), parts=(Part("sphere", [RADIUS]),),
        volume=volume, com=np.zeros(3), unit_inertia=np.eye(3) * 0.4 * volume * RADIUS**2, density=1000.0, friction=MU,
        source="test",
    )  # fmt: skip


def tried(hand, ball, mass, T=None, **more):
    T = np.repeat(np.eye(4)[None], len(mass), axis=0) if T is None else T
    return try_asset(
        ball, hand, load_profile("standard"), T, np.full(len(T), 0.08), mass=mass,
        inertia=ball.unit_inertia * mass[0] / ball.volume, friction=(MU, 0.01, 1e-4), graded=False, **more,
    )  # fmt: skip


def test_three_fingers_hold_up_to_three_times_friction_times_force(hand, ball):
    limit = 3 * MU * FORCE / load_profile("standard").protocol.acceleration  # kg, against a push along the approach
    results = tried(hand, ball, limit * np.array([0.5, 0.9, 1.15, 1.5]))
    assert results.grip_force == pytest.approx(FORCE, rel=0.1)
    assert results.success[:2].all()
    assert not results.success[2:].any()


def test_a_larger_force_holds_more(hand, ball):
    heavy = np.array([1.15 * 3 * MU * FORCE / 9.81])
    assert not tried(hand, ball, heavy).success[0]
    assert tried(hand, ball, heavy, force=2 * FORCE).success[0]


def test_what_nothing_touches_is_no_contact(hand, ball):
    T = np.eye(4)[None].copy()
    T[0, 2, 3] = -0.06  # the ball lies beyond the fingertips
    assert tried(hand, ball, np.array([0.1]), T).outcome[0] == Outcome.NO_CONTACT


def test_fingers_meet_a_ball_where_they_should(hand, ball):
    surface, points = DistanceGrid(ball.mesh.vertices, ball.mesh.faces), HandPoints(hand)
    opened, closed = hand.postures.stages[:1], hand.postures.stages[2:3]
    joints = meet(surface, points, np.eye(4)[None], opened, closed)
    # pads stand 60 mm off the middle: they meet the ball after 40 mm
    assert joints[0] == pytest.approx([0.04] * 3, abs=1.5e-3)


@pytest.mark.parametrize(
    ("forces", "held"),
    [
        ([[0, 5, 0], [0, -5, 0], [0, 0, 0]], True),
        ([[0, 5, 0], [4.3, -2.5, 0], [-4.3, -2.5, 0]], True),
        ([[0, 5, 0], [5, 1, 0], [0, 0, 0]], False),
        ([[0, 5, 0], [0, -0.01, 0], [0, 0, 0]], False),
        ([[0, 5, 0], [0, 0, 0], [0, 0, 0]], False),
    ],
)
def test_links_oppose_where_their_forces_are_at_more_than_a_right_angle(hand, forces, held):
    assert bool(opposing(hand, np.array([forces], float))[0]) is held


def test_points_of_the_hand_are_where_mujoco_puts_them():
    import mujoco

    hand = load_gripper("three_finger")
    points = HandPoints(hand)
    q = np.random.default_rng(0).uniform(0.1, 0.8, (3, 7))
    x, _, anchor, axis = points.look(q)
    data = mujoco.MjData(points.model)
    for i in range(3):
        data.qpos[:] = hand.postures.full(q)[i]
        mujoco.mj_kinematics(points.model, data)
        R = data.xmat.reshape(-1, 3, 3)[points.body]
        world = data.xpos[points.body] + (R @ points.local[..., None])[..., 0]
        assert x[i] == pytest.approx(world - points.tool, abs=1e-9)
    slopes = points.slopes(points.body, x[0], *(np.repeat(a[:1], len(points.body), axis=0) for a in (anchor, axis)))
    moved = points.look(q[:1] + 1e-6 * np.eye(7)[[3]])[0][0]
    assert slopes[:, :, 3] == pytest.approx((moved - x[0]) / 1e-6, abs=1e-5)
