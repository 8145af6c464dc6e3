"""`graspgen grippers check`: what it measures of sound jaws is what mechanics says, and what is wrong is named."""

from dataclasses import replace

import numpy as np
import pytest

from graspgen.grippers.gripper import Gripper, list_grippers, load_gripper
from graspgen.pipeline.gripper_check import check_gripper
from graspgen.pipeline.gripper_hold import FRICTION

JAWS = [name for name in list_grippers() if load_gripper(name).jaw]


@pytest.fixture(scope="module")
def reports():
    return {name: check_gripper(load_gripper(name)) for name in JAWS}


@pytest.mark.parametrize("name", JAWS)
def test_shipped_jaws_are_sound(name, reports):
    report, file = reports[name], load_gripper(name).file
    assert report.failures == []
    assert report.stroke == pytest.approx(file.stroke, abs=1e-5)
    np.testing.assert_allclose(report.gaps[1:], report.widths[1:], atol=1e-5)
    assert report.closing_time == pytest.approx(0.99 * file.stroke / file.closing_speed, rel=0.03)
    assert report.forces[-1] == file.max_force
    np.testing.assert_allclose(report.pad_forces, report.forces, rtol=1e-3)


@pytest.mark.parametrize("name", JAWS)
def test_they_hold_twice_friction_times_force(name, reports):
    np.testing.assert_allclose(reports[name].payload, 1.0, atol=0.05)


def test_a_2f85_does_not_chatter_at_235_newtons(reports):
    report = reports["robotiq_2f85"]
    assert report.forces[-1] == 235 and report.chatter[-1] < 1e-4


def test_along_the_approach_a_linkage_holds_what_its_crank_lets_it(reports):
    # A load along the approach turns the cranks: with the crank at the angle a to it the pads press with
    # N = F / (1 ∓ μ tan a). At an opening of 30 mm, sin a = 0.015 / 57.15 mm + sin(−5.34°).
    a = np.arcsin(0.015 / 0.05715 + np.sin(np.radians(-5.34)))
    expected = 1 / (1 - FRICTION * np.tan(a)), 1 / (1 + FRICTION * np.tan(a))
    report = reports["robotiq_2f85"]
    assert report.payload_along_expected == pytest.approx(expected, rel=0.01)
    assert report.payload_along[-1] == pytest.approx(expected, rel=0.02)
    assert reports["wsg50"].payload_along[-1] == pytest.approx((1, 1), rel=0.02)


def changed(name, old="", new="", **update):
    """A shipped gripper with another text in its MJCF, or other values in its file."""
    gripper = load_gripper(name)
    assert old in gripper.mjcf
    return Gripper(gripper.file.model_copy(update=update), gripper.mjcf.replace(old, new))


@pytest.mark.parametrize(
    ("gripper", "says"),
    [
        (lambda: changed("panda_hand", stroke=0.075), "stroke: the file says 75.0 mm"),
        (lambda: changed("panda_hand", tcp=(0, 0, 0.13)), "tcp: the tool point lies 130.0 mm"),
        (lambda: changed("panda_hand", tcp=(0.006, 0, 0.1034)), "tcp: the tool point is 6.0 mm off"),
        (lambda: changed("panda_hand", 'damping="1"', 'damping="1500"'), "closing"),
        (lambda: changed("panda_hand", 'kp="20000"', 'kp="0"'), "closing"),
        (lambda: changed("panda_hand", 'damping="1"', 'damping="1" stiffness="150"'), "force at 20 N"),
        (lambda: changed("panda_hand", 'class="pad" pos="0 0.0076', 'class="pad" pos="0 0.0030'), "stroke"),
        (
            lambda: changed(
                "panda_hand", 'class="pad" pos="0 0.0076', 'class="pad" contype="0" conaffinity="0" pos="0 0.0076'
            ),
            "stroke",
        ),
        (lambda: changed("panda_hand", 'damping="1"', 'damping="-500"'), "unstable"),
        (
            lambda: changed("panda_hand", fingers=("right_finger", "left_finger")),
            "fingers: they are named the wrong way",
        ),
    ],
)
def test_what_is_wrong_is_named(gripper, says):
    report = check_gripper(gripper())
    assert not report.ok
    assert any(f.startswith(says) for f in report.failures), report.failures


def test_fingers_in_each_other_when_half_open_are_named():
    bar = '<geom name="left_mount" '
    gripper = changed(
        "panda_hand", bar, '<geom name="bar" type="box" size="0.002 0.05 0.002" pos="0 -0.03 0.02"/>' + bar
    )
    report = check_gripper(gripper)
    assert any(f.startswith("self-collision: left_finger is") for f in report.failures)


def test_a_report_of_a_sound_gripper_is_the_same_each_time(reports):
    again = check_gripper(load_gripper("wsg50"))
    for name, value in vars(reports["wsg50"]).items():
        np.testing.assert_array_equal(getattr(again, name), value)
    assert replace(again).ok
