"""The settle test: sound objects rest, and what explodes, sinks, hovers or rolls on is found."""

from dataclasses import replace

import numpy as np
import pytest
import solids

from graspgen.frames import is_rotation
from graspgen.objects.asset import Part
from graspgen.recipe import Settle
from graspgen.scene.drop_check import ENERGY, drop, orientations

BOX = solids.box(0.06, 0.04, 0.02)


def reason(asset, spec=None):
    return drop(asset, spec).reason(float(asset.extents.max()), spec or Settle())


def test_there_are_six_different_orientations():
    turns = orientations()
    assert turns.shape == (6, 3, 3) and is_rotation(turns, 1e-9).all()
    assert np.array_equal(turns, orientations())
    apart = np.linalg.norm(turns[:, None] - turns[None], axis=(2, 3)) + 9 * np.eye(6)
    assert apart.min() > 0.5


@pytest.mark.parametrize("asset", [BOX, solids.ball(0.03), solids.tube(), solids.box(0.004, 0.004, 0.004)])
def test_sound_objects_rest_without_gaining_energy(asset):
    result = drop(asset)
    assert result.rested == result.orientations and result.reason(float(asset.extents.max()), Settle()) == ""
    assert result.energy_gain < ENERGY / 2 and result.penetration < 1e-4 and abs(result.lift) < 2e-4


def test_the_same_object_gives_the_same_result():
    assert drop(solids.tube()) == drop(solids.tube())


def test_parts_larger_than_the_mesh_hover_and_smaller_ones_sink():
    wide = replace(BOX, parts=(Part("box", [0.038, 0.028, 0.018]),))
    assert "above the table" in reason(wide)
    small = replace(BOX, parts=(Part("box", [0.02, 0.01, 0.004]),))
    assert "below the table" in reason(small)


def test_an_object_without_parts_falls_for_ever():
    assert "in 6 of 6 ways" in reason(replace(BOX, parts=()), Settle(time_limit=0.5))


def test_time_that_is_too_short_is_told():
    told = reason(BOX, Settle(time_limit=0.1, rest_time=0.05))
    assert told.startswith("still moving 0.1 s after it was dropped") and "m/s" in told


def test_an_inertia_far_too_small_is_found_by_its_motion():
    light = replace(BOX, unit_inertia=BOX.unit_inertia * 1e-7)
    assert reason(light) != ""


@pytest.mark.parametrize(
    ("rested", "speed", "angular", "told"),
    [
        (6, 0.0, 0.0, ""),
        (4, 0.005, 0.12, ""),
        (5, 0.06, 0.12, "still moving"),
        (5, 0.005, 1.2, "still moving"),
        (3, 0.005, 0.12, "in 3 of 6 ways"),
    ],
)
def test_two_orientations_may_rock_a_little_and_no_more(rested, speed, angular, told):
    result = replace(drop(BOX), rested=rested, speed=speed, angular_speed=angular, time=8.0)
    assert told in result.reason(0.06, Settle()) and bool(told) == bool(result.reason(0.06, Settle()))
