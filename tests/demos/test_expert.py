"""The expert: where it steers, what it plans, and that its episodes are stored, checked, exported and played again."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graspgen
from graspgen.dataset.check import check
from graspgen.dataset.manifest import load_manifest
from graspgen.demos.central import central_grasps
from graspgen.demos.expert import Doing, Expert
from graspgen.demos.labels import Labels
from graspgen.demos.plan import Plan, Planner, object_poses
from graspgen.demos.recipe import demo_recipe
from graspgen.demos.replay import replay_episode
from graspgen.demos.steer import reachable
from graspgen.env.actions import HOME
from graspgen.env.observe import AGENT, OBJECT
from graspgen.env.spec import TaskSpec
from graspgen.env.task import GraspTask
from graspgen.errors import DatasetError, RecipeError
from graspgen.exports import lerobot_demos
from graspgen.exports.registry import export
from graspgen.frames import inverse, pose, random_rotation, rotation_angle
from graspgen.pipeline.run import generate

BOX = ("objects.families=box", "objects.fits_hand=1", "grasps.per_object=24")


def made(out: Path, mode: str = "delta5", episodes: int = 2, workers: int = 1, **options: object) -> Path:
    recipe = demo_recipe("single", BOX, action_mode=mode, **options)
    generate(recipe, out, episodes, 0, workers, quiet=True, preview=False)
    return out


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("demos") / "data", cameras=("front",), size=32)


@given(st.integers(0, 10**6), st.sampled_from(["delta4", "delta5", "delta6", "delta7"]))
@settings(max_examples=60, deadline=None)
def test_what_a_mode_reaches_is_a_rotation_that_it_reaches_again_by_itself(seed: int, mode: str) -> None:
    R = random_rotation(np.random.default_rng(seed))
    found = reachable(mode, R, HOME)
    assert np.allclose(found @ found.T, np.eye(3)) and np.linalg.det(found) == pytest.approx(1)
    assert np.allclose(reachable(mode, found, found), found)
    if mode in ("delta4", "delta5"):
        assert found[:, 2] == pytest.approx([0, 0, -1])
    if mode == "delta6":
        assert found[2, 1] == pytest.approx(0, abs=1e-12)


def test_of_the_two_poses_of_a_jaw_the_nearer_one_is_taken() -> None:
    half_turn = HOME @ np.diag([-1.0, -1.0, 1.0])
    assert np.allclose(reachable("delta7", half_turn, HOME), HOME)
    assert rotation_angle(HOME.T @ reachable("delta5", half_turn, half_turn)) == pytest.approx(np.pi)


def test_boxes_are_picked_and_the_episodes_are_sound(demos: Path) -> None:
    assert check(demos) == []
    with graspgen.open(demos) as ds:
        assert ds.episodes["success"].all()
        episode = ds.episode(int(ds.episodes["id"][0]))
        assert episode.terminated[-1] and not episode.terminated[:-1].any()
        assert episode.action.shape == (len(episode), 5) and np.abs(episode.action).max() <= 1
        assert len(episode.images["front"]) == len(episode) + 1
        assert episode.observations(3).shape == (len(episode) + 1, len(AGENT) + 2 + 3 * len(OBJECT))


def test_episodes_without_images_are_sound_too(tmp_path: Path) -> None:
    assert check(made(tmp_path / "data", episodes=1)) == []


def test_a_hand_that_something_blocks_backs_off_and_plans_anew() -> None:
    task = GraspTask(TaskSpec(recipe="single", overrides=BOX, action_mode="delta7"))
    task.reset(np.random.default_rng(0), scene=0)
    n = len(task.place.ids)
    expert = Expert(task, Labels(*(np.zeros(0, int),) * 2, np.zeros((0, 4, 4)), *(np.zeros(0),) * 4))
    # Straight down, 5 cm below the top of the table.
    down = pose(HOME, [0.15, 0.15, -0.05])
    expert.plan = Plan(0, 0, n - 1, inverse(object_poses(task)[n - 1]) @ down, 0.0)
    done = []
    for _ in range(100):
        task.step(expert.act())
        done.append(expert.doing)
        if expert.plan is None:
            break
    assert Doing.APPROACH in done and Doing.RETREAT in done and expert.plan is None


def test_who_turns_the_hand_away_is_advised_to_grasp_along_the_axis_that_is_nearest_then() -> None:
    die = ("objects.families=die", "objects.fits_hand=1")  # as wide along both of its axes
    task = GraspTask(TaskSpec(recipe="single", overrides=die, action_mode="delta5"))
    task.reset(np.random.default_rng(0), scene=0)
    expert = Expert(task, Labels(*(np.zeros(0, int),) * 2, np.zeros((0, 4, 4)), *(np.zeros(0),) * 4), central=True)
    keys = [expert.plan.key]
    for _ in range(40):
        expert.act()
        assert expert.doing is Doing.OVER
        task.step([0, 0, 0, 1, 1])  # 3.4° about the vertical
        keys.append(expert.plan.key)
    closing = (object_poses(task)[expert.plan.target] @ expert.plan.T_object_tool)[:3, 1]
    assert len(set(keys)) == 2 and abs(closing @ task.moment.R[0][:, 1]) > np.cos(np.radians(46 + 8 * 3.5))


def test_central_grasps_of_what_is_no_jaw_are_refused_before_anything_is_made() -> None:
    for gripper, kind in (("suction_cup", "suction gripper"), ("three_finger", "multi-finger hand")):
        with pytest.raises(RecipeError, match=f"central grasps are of jaws, and {gripper} is a {kind}"):
            demo_recipe("single", ["demos.choose=central"], gripper=gripper)


def test_the_actions_of_an_episode_done_again_give_the_same_states_to_the_last_bit(demos: Path) -> None:
    with graspgen.open(demos) as ds:
        for key in ds.episodes["id"].tolist():
            assert replay_episode(ds, key) == []


def test_a_changed_action_is_noticed_when_an_episode_is_played_again(demos: Path, tmp_path: Path) -> None:
    with graspgen.open(demos) as ds:
        key = int(ds.episodes["id"][0])
        steps = ds.steps["action"].copy()
    copy = Path(shutil.copytree(demos, tmp_path / "copy"))
    with h5py.File(copy / "shards" / "shard-00000.h5", "r+") as file:
        file["steps/action"][3, 0] = -np.sign(steps[3, 0]) if steps[3, 0] else 1.0
    with graspgen.open(copy) as ds:
        assert "steps.T_world_tool" in replay_episode(ds, key)


def test_lerobot_gets_the_actions_and_rewards_as_they_were_done(demos: Path, tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    with graspgen.open(demos) as ds:
        export(ds, "lerobot", tmp_path / "out", [])
        episode = ds.episode(int(ds.episodes["id"][0]))
    info = json.loads((tmp_path / "out/meta/info.json").read_text())
    assert info["fps"] == 25 and info["features"]["action"]["names"] == lerobot_demos.ACTIONS["delta5"]
    table = pd.concat([pd.read_parquet(f) for f in sorted((tmp_path / "out/data").rglob("*.parquet"))])
    own = table[table.episode_index == 0]
    assert np.array_equal(np.stack(own["action"]), episode.action)
    assert np.array_equal(np.stack(own["observation.state"]), episode.agent_pos[:-1])
    assert own["next.success"].iloc[-1] and not own["next.success"].iloc[:-1].any()


def test_lerobot_gets_depth_in_metres_where_it_is_wanted(demos: Path, tmp_path: Path) -> None:
    parquet, image = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("PIL.Image")
    with graspgen.open(demos) as ds:
        export(ds, "lerobot", tmp_path / "out", ["depth=true"])
        every = [ds.episode(key).images["front"][:-1] for key in ds.episodes["id"].tolist()]
        stored, all_of_them = (ds.step_views["depth"][r] * 1e-4 for r in (every[0], np.sort(np.concatenate(every))))
    name = "observation.images.front_depth"
    info = json.loads((tmp_path / "out/meta/info.json").read_text())["features"][name]
    assert info["shape"] == [32, 32, 1] and info["info"] == {"is_depth_map": True, "depth_unit": "m"}
    table = parquet.read_table(tmp_path / "out/data/chunk-000/file-000.parquet", columns=[name, "episode_index"])
    own = [row[name]["bytes"] for row in table.to_pylist() if row["episode_index"] == 0]
    read = np.stack([np.array(image.open(io.BytesIO(file))) for file in own])
    assert read.dtype == np.float32 and read.shape == stored.shape
    np.testing.assert_allclose(read, stored, atol=1e-6)
    stats = json.loads((tmp_path / "out/meta/stats.json").read_text())[name]
    assert np.shape(stats["mean"]) == (1, 1, 1) and np.ravel(stats["mean"]) == pytest.approx(all_of_them.mean())
    assert not any("depth" in f for f in exported_features(demos, tmp_path / "plain"))


def exported_features(demos: Path, out: Path) -> list[str]:
    with graspgen.open(demos) as ds:
        export(ds, "lerobot", out, [])
    return list(json.loads((out / "meta/info.json").read_text())["features"])


def test_minari_gets_one_observation_more_than_actions(demos: Path, tmp_path: Path) -> None:
    with graspgen.open(demos) as ds:
        export(ds, "minari", tmp_path / "out", ["outcomes=success"])
        episode, rgb = ds.episode(int(ds.episodes["id"][1])), ds.step_views["rgb"]
        told = json.loads((tmp_path / "out/data/metadata.json").read_text())
        assert (told["total_episodes"], told["total_steps"]) == (2, int(ds.episodes["length"].sum()))
        with h5py.File(tmp_path / "out/data/main_data.hdf5") as file:
            group = file["episode_1"]
            assert np.array_equal(group["actions"][()], episode.action)
            assert len(group["observations/agent_pos"]) == len(episode) + 1 == len(group["infos/is_success"])
            assert np.array_equal(group["observations/pixels/front"][3], rgb[int(episode.images["front"][3])])


def test_the_names_of_numbers_in_exports_are_those_of_the_environment() -> None:
    from graspgen.env.actions import NAMES

    assert list(AGENT) == lerobot_demos.AGENT and list(OBJECT) == lerobot_demos.OBJECT
    assert all(list(NAMES[mode]) == names for mode, names in lerobot_demos.ACTIONS.items())


def test_what_cannot_be_demonstrated_is_refused_in_one_line(demos: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no demonstrations of 'graspgen/ClearBin-v0'"):
        demo_recipe("single", task="graspgen/ClearBin-v0")
    with pytest.raises(RecipeError, match=r"demos\.action_mode"):
        demo_recipe("single", action_mode="delta9")
    with graspgen.open(demos) as ds, pytest.raises(DatasetError, match=r"not empty|exists"):
        export(ds, "minari", demos, [])


def test_a_central_grasp_is_along_an_axis_of_the_box_from_above_and_goes_before_labels() -> None:
    task = GraspTask(TaskSpec(recipe="single", overrides=BOX))
    task.reset(np.random.default_rng(0), scene=0)
    T_object, place = object_poses(task)[0], task.place
    middle = T_object[:3, 3] + T_object[:3, :3] @ place.centre[0]
    aside = inverse(T_object) @ pose(task.moment.R[0], middle + 0.015 * task.moment.R[0][:, 0])
    width = np.array([2 * place.half[0].min()])
    label = Labels(np.arange(1), np.zeros(1, int), aside[None], width, np.ones(1), np.zeros(1, np.uint8), np.zeros(1))
    assert Planner(task, label).best().key == 0
    plan = Planner(task, label, central=True).best()
    T = T_object @ plan.T_object_tool
    flat = np.argsort(np.abs(T_object[2, :3]))[:2]
    axis = -1 - plan.key
    assert axis in flat and T[:3, 2] == pytest.approx([0, 0, -1]) and T[:2, 3] == pytest.approx(middle[:2])
    assert abs(T[:3, 1] @ T_object[:3, axis]) == pytest.approx(1, abs=1e-3)


def test_no_central_grasp_is_wider_than_the_hand_opens() -> None:
    task = GraspTask(TaskSpec(recipe="single", overrides=("objects.families=carton",)))
    for scene in range(6):
        task.reset(np.random.default_rng(0), scene=scene)
        found, cost = central_grasps(task, object_poses(task))
        assert len(found) == len(cost) <= 2 and np.all(found.grip_width < task.gripper.file.stroke)
        assert len(set(found.key.tolist())) == len(found) and np.all(found.key < 0)


def test_a_central_expert_goes_on_from_where_another_has_driven_the_hand() -> None:
    task = GraspTask(TaskSpec(recipe="single", overrides=BOX))
    task.reset(np.random.default_rng(0), scene=0)
    none = Labels(
        *(np.zeros(0, int),) * 2, np.zeros((0, 4, 4)), *(np.zeros(0),) * 2, np.zeros(0, np.uint8), np.zeros(0)
    )
    expert = Expert(task, none, central=True)
    for _ in range(40):  # the other closes on nothing, high above
        advice = expert.act()
        task.step([0.3, 0, 0, 0, -1])
    assert advice[-1] == 1
    for _ in range(100):
        if task.step(expert.act()).terminated:
            break
    assert task.success


@pytest.mark.slow
def test_episodes_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one", "delta7"), made(tmp_path / "two", "delta7", workers=2)
    with graspgen.open(one) as a, graspgen.open(two) as b:
        assert [s.scenes for s in load_manifest(one).shards] == [s.scenes for s in load_manifest(two).shards]
        assert np.array_equal(a.steps["agent_pos"], b.steps["agent_pos"])


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["delta4", "delta6", "delta7", "absolute", "velocity"])
def test_the_expert_works_in_every_mode(tmp_path: Path, mode: str) -> None:
    with graspgen.open(made(tmp_path / mode, mode, 3)) as ds:
        assert ds.episodes["success"].sum() >= 2
