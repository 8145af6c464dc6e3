"""The expert with cups and multi-finger hands: what is the same grasp, and episodes that end as their labels say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graspgen
from graspgen.dataset.check import check
from graspgen.demos.alike import about_z, alike
from graspgen.demos.plan import Planner
from graspgen.demos.recipe import LONGEST, demo_recipe
from graspgen.demos.replay import replay_episode
from graspgen.demos.steer import reachable
from graspgen.env.actions import HOME
from graspgen.exports.registry import export
from graspgen.frames import random_rotation, rotation_angle
from graspgen.grasps.outcomes import Outcome
from graspgen.grippers.gripper import load_gripper
from graspgen.pipeline.run import generate

#: What each can hold, and how many grasps of it are enough.
EASY = {
    "suction_cup": ("objects.families=box", "objects.fits_hand=1", "grasps.per_object=12"),
    "suction_array": ("objects.families=box", "objects.fits_hand=1", "grasps.per_object=24"),
    "three_finger": (
        "objects.families=can", "objects.parameters={can: {diameter: 0.06, height: 0.08}}", "grasps.per_object=12",
        "grasps.contact_share=0",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "number"), [("panda_hand", 2), ("three_finger", 1), ("suction_array", 4)])
def test_a_jaw_is_the_same_after_half_a_turn_four_cups_after_a_quarter_and_a_hand_after_none(
    name: str, number: int
) -> None:
    turns = alike(load_gripper(name))
    assert np.allclose(turns[0], np.eye(3)) and len(turns) == number
    angles = np.degrees(np.arctan2(turns[:, 1, 0], turns[:, 0, 0])) % 360
    assert np.sort(np.round(angles, 6) % 360) == pytest.approx(np.arange(number) * 360 / number)


def test_one_cup_is_the_same_after_any_turn() -> None:
    assert alike(load_gripper("suction_cup")) is None


@given(st.integers(0, 10**6), st.sampled_from(["delta5", "delta6", "delta7"]))
@settings(max_examples=40, deadline=None)
def test_a_cup_turns_about_its_approach_no_more_than_it_must(seed: int, mode: str) -> None:
    rng = np.random.default_rng(seed)
    R, now = random_rotation(rng), HOME @ about_z(rng.uniform(-3, 3))
    found = reachable(mode, R, now, None)
    assert np.allclose(found @ found.T, np.eye(3)) and np.linalg.det(found) == pytest.approx(1)
    assert np.allclose(reachable(mode, found, found, None), found, atol=1e-6)
    if mode != "delta5":  # of all poses with this approach none needs to be tilted
        assert found[:, 2] == pytest.approx(R[:, 2], abs=1e-6)
    if mode == "delta5":
        assert found[:, 2] == pytest.approx([0, 0, -1])
    if mode == "delta7":
        around = [rotation_angle(now.T @ R @ about_z(a)) for a in np.linspace(0, 2 * np.pi, 73)]
        assert rotation_angle(now.T @ found) <= min(around) + 1e-9


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_a_hand_is_turned_to_its_grasp_and_to_no_other(seed: int) -> None:
    R = random_rotation(np.random.default_rng(seed))
    assert np.array_equal(reachable("delta7", R, HOME, np.eye(3)[None]), R)


def made(out: Path, name: str, episodes: int = 1, mode: str = "delta7") -> Path:
    recipe = demo_recipe("single", EASY[name], gripper=name, action_mode=mode, cameras=("front",), size=32)
    generate(recipe, out, episodes, 0, 1, quiet=True, preview=False)
    return out


@pytest.mark.parametrize("name", EASY)
def test_an_episode_ends_as_its_label_is_sound_and_the_same_when_played_again(name: str, tmp_path: Path) -> None:
    path = made(tmp_path / "data", name)
    assert check(path) == []
    with graspgen.open(path) as ds:
        key, row = int(ds.episodes["id"][0]), ds.grasps.index_of(int(ds.episodes["grasp"][0]))
        assert ds.grasps["outcome"][row] == Outcome.SUCCESS == ds.episodes["outcome"][0]
        assert ds.episodes["success"].all() and replay_episode(ds, key) == []
        export(ds, "lerobot", tmp_path / "lerobot", []) if has("pandas") else None


def has(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def test_a_hand_begins_with_the_joints_of_its_grasp_and_tries_again_with_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[np.ndarray] = []
    best = Planner.best

    def noted(self: Planner) -> object:
        plans = [best(self) for _ in range(6)]
        seen.extend(p.fingers for p in plans if p is not None)
        return plans[0]

    monkeypatch.setattr(Planner, "best", noted)
    recipe = demo_recipe("single", EASY["three_finger"], gripper="three_finger", max_steps=1)
    generate(recipe, tmp_path / "data", 1, 0, 1, quiet=True, preview=False)
    assert len(seen) >= 6 and all(np.array_equal(seen[0], joints) for joints in seen)
    with graspgen.open(tmp_path / "data") as ds:
        stored = ds.grasps["fingers"][ds.grasps.index_of(int(ds.episodes["grasp"][0]))]
        assert stored[:, : seen[0].shape[1]] == pytest.approx(seen[0])
        assert ds.episodes["opening"][0] == pytest.approx(ds.steps["agent_pos"][0, 13], abs=1e-6)


def test_hands_get_longer_episodes_where_nothing_is_said() -> None:
    found = [demo_recipe("single", gripper=name).demos.max_steps for name in ("suction_cup", "three_finger")]
    assert found == list(LONGEST) and demo_recipe("single", gripper="three_finger", max_steps=7).demos.max_steps == 7


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["delta5", "delta6", "absolute", "velocity"])
@pytest.mark.parametrize("name", EASY)
def test_the_expert_drives_each_in_every_mode(name: str, mode: str, tmp_path: Path) -> None:
    with graspgen.open(made(tmp_path / "data", name, 3, mode)) as ds:
        assert ds.episodes["success"].sum() >= 2
