"""What `graspgen grippers check` measures of a multi-finger hand, and what it finds wrong."""

import pytest

from graspgen.grippers.gripper import Gripper, guess_gripper, load_gripper
from graspgen.pipeline.finger_check import check_fingers

pytestmark = pytest.mark.slow


def test_the_shipped_hand_is_sound_and_slips_at_friction_times_force():
    report = check_fingers(load_gripper("three_finger"))
    assert report.ok, report.failures
    assert report.payload_ratio == pytest.approx([1, 1], abs=0.1)
    assert report.closing_time == pytest.approx(1.0, abs=0.1)
    assert max(report.chatter) < 1e-4


def test_a_stroke_that_is_not_the_hand_s_is_told():
    hand = load_gripper("three_finger")
    wrong = Gripper(hand.file.model_copy(update={"stroke": 0.4}), hand.mjcf)
    assert any("fingertips are" in f for f in check_fingers(wrong).failures)


def test_three_fingers_at_120_degrees_are_sound_though_their_planes_are_not_across_the_bar(tmp_path):
    def finger(i):
        tip = f'<joint name="b{i}" axis="0 -1 0" range="0 70"/><geom fromto="0 0 0 0 0 0.04"/>'
        link = f'<joint name="a{i}" axis="0 -1 0" range="-30 60"/><geom fromto="0 0 0 0 0 0.05"/>'
        tip = f'<body name="tip{i}" pos="0 0 0.05">{tip}</body>'
        return (
            f'<body name="side{i}" euler="0 0 {120 * i}"><body name="f{i}" pos="0.04 0 0.02">{link}{tip}</body></body>'
        )

    servos = "".join(f'<position joint="{j}{i}" kp="5"/>' for i in range(3) for j in "ab")
    (tmp_path / "tri.xml").write_text(
        '<mujoco><default><joint damping="0.05"/><geom type="capsule" size="0.008" mass="0.04"/></default><worldbody>'
        f'<body name="palm"><geom type="cylinder" size="0.045 0.02"/>{"".join(map(finger, range(3)))}</body>'
        f"</worldbody><actuator>{servos}</actuator></mujoco>"
    )
    report = check_fingers(guess_gripper(str(tmp_path / "tri.xml"))[0])
    assert report.ok, report.failures
    assert max(report.payload_ratio) < 1.1
