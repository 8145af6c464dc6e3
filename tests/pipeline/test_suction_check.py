"""The check of suction grippers: shipped ones are sound, wrong ones are told."""

import re

import numpy as np
import pytest

from graspgen.grippers.gripper import Gripper, load_gripper
from graspgen.pipeline.suction_check import check_suction_gripper, reference_seals, smallest_ball, tipping_moment


@pytest.mark.parametrize("name", ["suction_cup", "suction_array"])
def test_shipped_cups_bear_what_closed_forms_say(name):
    report = check_suction_gripper(load_gripper(name))
    assert report.failures == []
    assert report.payload == pytest.approx(1.0, abs=0.05) and report.shear == pytest.approx(1.0, abs=0.05)
    assert 0.95 < report.moment < 1.2
    file = load_gripper(name).file
    assert report.force == pytest.approx(60000 * np.pi * file.radius**2 * len(file.cups))


def test_the_tipping_moment_of_one_cup_is_half_its_force_times_its_radius():
    file = load_gripper("suction_cup").file
    assert tipping_moment(file) == pytest.approx(file.cup_force * file.radius / 2, rel=1e-6)


def test_a_deeper_cup_seals_on_smaller_balls():
    file = load_gripper("suction_cup").file
    deep = file.model_copy(update={"depth": 0.006})
    assert smallest_ball(deep) < 0.63 * smallest_ball(file)
    assert all((score > 0) == should for score, should in reference_seals(deep).values())


def test_a_lip_without_its_springs_is_told():
    hand = load_gripper("suction_cup")
    loose = re.sub(r'stiffness="[^"]*"', 'stiffness="0"', hand.mjcf)
    assert loose != hand.mjcf
    report = check_suction_gripper(Gripper(hand.file, loose))
    assert not report.ok and any("moment" in reason for reason in report.failures)


def test_rigid_parts_beyond_the_lips_are_named():
    hand = load_gripper("suction_cup")
    long = re.sub(
        r'(<body name="mount"[^>]*>)', r'\1<geom type="box" size="0.005 0.005 0.02" pos="0 0 0.12"/>', hand.mjcf
    )
    assert long != hand.mjcf
    report = check_suction_gripper(Gripper(hand.file, long))
    assert any("rigid parts of the model reach beyond" in reason for reason in report.failures), report.failures
