"""The Gymnasium face keeps Gymnasium's rules, every warning an error."""

import subprocess
import sys
import warnings

import numpy as np
import pytest

pytest.importorskip("gymnasium")

import gymnasium
from gymnasium.utils.env_checker import check_env

import graspgen.env
from graspgen.env import EnvError
from graspgen.env.observations import SHOWN

#: Quick scenes: one or two simple objects.
QUICK = ("objects.families={choice: [box, cylinder, sphere]}", "scene.objects.count={uniform: [1, 2]}")
MODES = ("state", "state_dict", *SHOWN, "pointcloud")


def made(name: str, mode: str = "state", **settings) -> gymnasium.Env:
    given = {"overrides": QUICK, "scenes": 2, "image_size": (24, 32), "points": 64, **settings}
    return gymnasium.make(name, obs_mode=mode, **given)


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


def test_an_unknown_setting_option_or_mode_is_told_in_a_line():
    with pytest.raises(EnvError, match="did you mean 'reward_mode'"):
        made("graspgen/Pick-v0", rewardmode="dense")
    with pytest.raises(EnvError, match="obs_mode"):
        made("graspgen/Pick-v0", "images")
    env = made("graspgen/Pick-v0")
    with pytest.raises(EnvError, match="did you mean 'scene'"):
        env.reset(options={"scenes": 3})
    with pytest.raises(EnvError, match="no object 99"):
        env.reset(options={"target": 99})
    env.reset(seed=0)
    with pytest.raises(EnvError, match="5 finite numbers"):
        env.unwrapped.step(np.full(5, np.nan))


def test_without_gymnasium_one_line_says_what_to_install():
    code = (
        "import sys; sys.modules['gymnasium'] = None\n"
        "import graspgen.env\n"
        "try: graspgen.env.make('graspgen/Pick-v0')\n"
        "except graspgen.env.EnvError as error: print(error)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pip install 'graspgen[rl]'" in out
