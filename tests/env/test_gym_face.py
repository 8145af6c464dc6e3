"""The Gymnasium face: resets, settings, images, goals, and what is told in a line."""

import os
import subprocess
import sys

import numpy as np
import pytest
from env.env_parts import QUICK, labelled, made
from PIL import Image

pytest.importorskip("gymnasium")

from gymnasium.envs.mujoco.utils import check_mujoco_reset_state

from graspgen.env import EnvError
from graspgen.env.gym_face import GoalEnv, GraspEnv


@pytest.mark.parametrize("kind", [GraspEnv, GoalEnv])
def test_gymnasiums_own_check_finds_that_a_reset_restores_the_state(kind):
    class AsMujocoEnv(kind):
        """What `check_mujoco_reset_state` looks at."""

        model = property(lambda self: self.grasping.sim.model)
        data = property(lambda self: self.grasping.sim.data)

    check_mujoco_reset_state(AsMujocoEnv(overrides=QUICK, scenes=1, goal="target" if kind is GoalEnv else "any"))


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


def test_looks_that_environments_do_not_draw_are_refused_where_they_are_to_be_seen():
    photoreal = (*QUICK, "render.engine=filament")
    with pytest.raises(EnvError, match=r"set render\.engine=opengl"):
        made("graspgen/Pick-v0", "rgb", overrides=photoreal)
    made("graspgen/Pick-v0", overrides=photoreal)


def test_objects_and_backgrounds_wear_the_users_images(tmp_path):
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 255
    Image.fromarray(red).save(tmp_path / "red.png")
    wear = (f"render.images={tmp_path}", "render.objects.texture=image", "render.objects.replace=1.0")
    behind = f"render.background={{kind: image, images: {tmp_path}}}"
    seen = []
    for more in ((), wear):
        env = made("graspgen/Pick-v0", "segmentation", overrides=(*QUICK, *more), cameras=("top",))
        pixels = env.reset(seed=0, options={"scene": 1})[0]["pixels"]
        mine = (pixels["top_segmentation"][..., 0] > 0) & (pixels["top_segmentation"][..., 0] < 255)
        r, g, b = pixels["top"][mine].astype(float).mean(axis=0)
        seen.append(r / (g + b + 1))
        env.close()
    assert seen[1] > 3 > seen[0]
    env = made("graspgen/Pick-v0", "rgbd", overrides=(*QUICK, behind), cameras=("side",), image_size=(64, 64))
    pixels = env.reset(seed=0, options={"scene": 1})[0]["pixels"]
    void = pixels["side_depth"][..., 0] == 0
    assert void.sum() > 100 and (np.abs(pixels["side"][void] - [255.0, 0, 0]).max(axis=1) < 8).mean() > 0.95
    env.close()


def test_without_gymnasium_one_line_says_what_to_install():
    code = (
        "import sys; sys.modules['gymnasium'] = None\n"
        "import graspgen.env\n"
        "try: graspgen.env.make('graspgen/Pick-v0')\n"
        "except graspgen.env.EnvError as error: print(error)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pip install 'graspgen[rl]'" in out


def test_rewards_of_stored_goals_are_those_of_the_steps():
    for mode in ("sparse", "dense", "normalised_dense"):
        env = made("graspgen/PickTarget-v0", reward_mode=mode)
        env.reset(seed=1)
        rng, rows = np.random.default_rng(0), []
        for _ in range(12):
            seen, reward, terminated, *_ = env.step(rng.uniform(-1, 1, 5).astype(np.float32))
            rows.append((seen["achieved_goal"], seen["desired_goal"], reward, terminated))
        achieved, desired, rewards, _ = (np.array(column) for column in zip(*rows, strict=True))
        core = env.unwrapped
        np.testing.assert_array_equal(core.compute_reward(achieved, desired, {}), rewards.astype(np.float32))
        assert all(core.compute_reward(a, d, {}) == r for a, d, r, _ in rows)
        # What has been achieved is always a goal that is reached, as hindsight wants it.
        best = core.compute_reward(achieved, achieved, [{}] * len(rows))
        np.testing.assert_array_equal(best, np.full(len(rows), 1.0 if mode == "normalised_dense" else 0.0))
        assert core.compute_terminated(achieved, achieved, {}).all()
        assert not core.compute_truncated(achieved, achieved, {}).any()


def pixels(*numbers: int) -> list[list[bytes]]:
    """What environments, alive at the same time and stepped in turns, see; episodes differ by the numbers."""
    envs = [made("graspgen/Pick-v0", "rgbd", cameras=("front", "wrist"), scenes=None) for _ in numbers]
    for env, k in zip(envs, numbers, strict=True):
        env.reset(seed=k)
    rng, seen = np.random.default_rng(0), [[] for _ in numbers]
    for step in range(6):
        action = rng.uniform(-1, 1, 5).astype(np.float32)
        for env, shown, k in zip(envs, seen, numbers, strict=True):
            now = env.step(action)[0] if step != 3 else env.reset(seed=k + 7)[0]
            shown += [now["pixels"][name].tobytes() for name in sorted(now["pixels"])]
    for env in envs:
        env.close()
    return seen


def test_two_environments_with_images_in_one_process_see_what_each_sees_alone():
    both = pixels(1, 2)
    assert both == [*pixels(1), *pixels(2)] and both[0] != both[1]


@pytest.mark.slow
def test_workers_that_are_forked_see_the_same_images():
    code = f"""
import numpy as np, gymnasium, graspgen.env
def made():
    return gymnasium.make("graspgen/Pick-v0", obs_mode="rgb", overrides={QUICK!r}, image_size=(24, 32))
forked = gymnasium.vector.AsyncVectorEnv([made, made], context="fork")
seen, _ = forked.reset(seed=5)
kept = [seen["pixels"]["front"].copy()]
for _ in range(3):
    kept.append(forked.step(np.full((2, 5), 0.4, np.float32))[0]["pixels"]["front"].copy())
forked.close()
solo = made()
frames = [solo.reset(seed=6)[0]] + [solo.step(np.full(5, 0.4, np.float32))[0] for _ in range(3)]
assert all((k[1] == f["pixels"]["front"]).all() for k, f in zip(kept, frames))
print("same")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "same", done.stderr[-2000:]


def test_the_cameras_numbers_put_points_of_the_depth_image_onto_the_table():
    env = made("graspgen/Pick-v0", "segmentation", cameras=("front", "top", "wrist"), image_size=(48, 64))
    seen, _ = env.reset(seed=0)
    for name in ("front", "top", "wrist"):
        K, T = (seen["cameras"][f"{name}_{what}"].astype(float) for what in ("K", "T_world_camera"))
        depth, ids = seen["pixels"][f"{name}_depth"][..., 0], seen["pixels"][f"{name}_segmentation"][..., 0]
        v, u = np.nonzero((depth > 0) & (ids == 0))
        rays = np.stack([(u + 0.5 - K[0, 2]) / K[0, 0], (v + 0.5 - K[1, 2]) / K[1, 1], np.ones(len(u))], axis=1)
        points = (rays * depth[v, u, None]) @ T[:3, :3].T + T[:3, 3]
        near = np.abs(points[:, :2]).max(axis=1) < 0.15
        assert near.sum() > 20 and np.abs(points[near, 2]).max() < 2e-3, name


def test_a_setting_of_one_needs_no_tuple_and_lists_do_as_well():
    env = made("graspgen/Pick-v0", "rgb", cameras="side", image_size=20)
    assert env.observation_space["pixels"]["side"].shape == (20, 20, 3)
    files = made("graspgen/Pick-v0", "rgb", cameras=["side", "top"], image_size=[16, 20], overrides=list(QUICK))
    assert files.observation_space["pixels"]["top"].shape == (16, 20, 3)
    own = made("graspgen/Pick-v0", "rgb", cameras="recipe", overrides="scene.objects.count=1")
    assert own.observation_space["pixels"]["view_0"].shape[2] == 3
    with pytest.raises(EnvError, match="image_size must be height and width"):
        made("graspgen/Pick-v0", "rgb", image_size="84")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"recipe": None}, "recipe must be a name, a path or a Recipe"),
        ({"arm": 3}, "arm must be a name or a path"),
        ({"cameras": 3}, "cameras must be texts"),
        ({"cameras": ("front", "front")}, "cameras names one twice"),
        ({"cameras": ("front", "recipe")}, "takes the views of the recipe alone"),
        ({"overrides": 3}, "overrides must be texts"),
        ({"image_size": 5000}, "image_size must be height and width of 16 to 4096 px"),
        ({"shadow_size": -1}, "shadow_size must be a whole number"),
        ({"max_objects": 0}, "max_objects must be a whole number"),
        ({"keep": True}, "keep must be a whole number"),
        ({"terminate_on_success": "no"}, "terminate_on_success must be true or false"),
        ({"keeep": 3}, "no setting 'keeep'; did you mean 'keep'"),
    ],
)
def test_a_wrong_setting_is_one_line_when_the_environment_is_made(wrong, told):
    with pytest.raises(EnvError, match=told) as error:
        GraspEnv(**wrong)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"T_world_tool": np.full((4, 4), np.nan)}, "T_world_tool must be a"),
        ({"T_world_tool": 2 * np.eye(4)}, "T_world_tool must be a"),
        ({"T_world_tool": "above"}, "T_world_tool must be a"),
        ({"opening": "wide"}, "opening must be from 0 to 0.08 m"),
        ({"scene": 10**30}, "scene must be a number"),
        ({"recipe": 3}, "recipe must be a name"),
        ("scene", "options must be a mapping"),
    ],
)
def test_a_wrong_option_of_a_reset_is_one_line(wrong, told):
    with pytest.raises(EnvError, match=told) as error:
        made("graspgen/Pick-v0").reset(seed=0, options=wrong)
    assert "\n" not in str(error.value)


def test_depth_is_what_the_recipes_sensor_reports_with_new_noise_in_every_frame():
    view = {"cameras": "front", "image_size": 64, "scenes": None}
    sensor = (*QUICK, "views.sensor=realsense_d435")
    envs = [made("graspgen/Pick-v0", "rgbd", **view, overrides=given) for given in (QUICK, sensor, sensor)]
    first, again = [], []
    for env in envs:
        first.append(env.reset(seed=0, options={"scene": 1})[0]["pixels"]["front_depth"])
        again.append(env.step(np.zeros(5, np.float32))[0]["pixels"]["front_depth"])
        env.close()
    exact, reported, same = first
    np.testing.assert_array_equal(reported, same)
    there = (reported > 0) & (exact > 0)
    assert 0.5 < there.mean() < 1.0, "a sensor has holes"
    off = np.abs(reported[there] - exact[there])
    assert 0 < np.median(off) < 0.01, "m, within a metre"
    assert (again[1] != reported)[there].mean() > 0.3 and (again[1] == again[2]).all()


def test_a_whole_grasp_is_judged_as_its_label():
    env = made("graspgen/GraspPose-v0", reward_mode="sparse")
    core = env.unwrapped
    grasps = labelled(core.grasping, 1, 3, 3)
    for i in range(len(grasps.width)):
        env.reset(seed=0, options={"scene": 1})
        try:
            action = core.action_of(grasps.T_world_grasp[i], grasps.width[i])
        except EnvError:
            continue
        T, width = core.grasp_of(action)
        np.testing.assert_allclose(T, grasps.T_world_grasp[i], atol=1e-6)
        assert width == pytest.approx(grasps.width[i], abs=1e-7)
        _, reward, terminated, _, info = env.step(action)
        assert terminated and info["outcome"] == grasps.results.outcome[i] and info["target"] == grasps.target[i]
        assert reward == float(info["is_success"])


def test_a_reset_takes_recipe_and_scene_and_says_which_it_is():
    env = made("graspgen/Pick-v0", max_objects=8)
    _, info = env.reset(seed=0, options={"scene": 3})
    assert info["scene"] == 3 and not info["is_success"] and info["outcome"] == 255
    first = env.reset(options={"scene": 3})[1]["target"]
    assert env.unwrapped.grasping.place.settled.world.plan.index == 3 and first >= 1
    env.reset(options={"recipe": "bin", "scene": 0})
    assert env.unwrapped.grasping.place.settled.world.plan.arena.name == "bin"
    assert env.unwrapped.task_description == "pick up an object"
    target = made("graspgen/PickTarget-v0")
    assert target.unwrapped.task_description == "pick up the target"
    target.reset(seed=0, options={"scene": 1, "target": 2})
    assert target.unwrapped.task_description.startswith("pick up the ") and target.unwrapped.task


RESETS = f"""
import resource
import gymnasium, graspgen.env
env = gymnasium.make("graspgen/Pick-v0", obs_mode="rgb", overrides={QUICK!r}, image_size=(24, 32), scenes=24, keep=8)
used = []
for n in range(2000):
    env.reset(seed=n)
    env.step(env.action_space.sample())
    if n in (400, 1999):
        used.append(int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2**20)
print(used[1] - used[0])
"""


@pytest.mark.slow
def test_two_thousand_resets_do_not_grow_the_memory():
    # Of all sizes that are freed, glibc raises the size from which it asks for pages of their own, and then fragments
    # its heap for as long as scenes of many sizes come and go; with that size fixed, only a leak is left to be seen.
    done = subprocess.run(
        [sys.executable, "-c", RESETS],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"},
    )
    assert float(done.stdout) < 30, "MB"
