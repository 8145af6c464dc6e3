"""What `graspgen grippers check` measures of a multi-finger hand, and what it finds wrong."""

import pytest

from graspgen.grippers.gripper import Gripper, load_gripper
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
