"""Trials in the scene as a part of a dataset: which grasps, and what is stored."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import graspgen
from graspgen.dataset.check import check
from graspgen.dataset.manifest import load_manifest
from graspgen.dataset.schema import TrialKind
from graspgen.grasps.outcomes import Outcome
from graspgen.pipeline.in_scene import choose_grasps, wanted
from graspgen.pipeline.replay import replay
from graspgen.pipeline.run import generate
from graspgen.recipe import InScene
from graspgen.recipe_file import load_recipe

IN_SCENE = ["grasps.in_scene.per_object=3", "grasps.in_scene.shake=true", "scene.objects.count=2"]


@pytest.fixture(scope="module")
def tried(tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("in_scene") / "dataset"
    generate(load_recipe("tabletop", [*tiny, *IN_SCENE]), out, scenes=2, seed=7, quiet=True)
    return out


def test_grasps_tried_in_the_scene_are_stored_checked_and_replayed(tried):
    assert check(tried) == []
    assert all(replay(tried, scene).identical for scene in (0, 1))
    with graspgen.open(tried) as ds:
        trials, grasps = ds.trials, ds.grasps
        mine = trials["kind"] == TrialKind.IN_SCENE
        assert mine.sum() == len(ds.scene_trials) == 3 * len(ds.objects) == len(ds.displacements)
        np.testing.assert_array_equal(trials["grasp"][mine], ds.scene_trials["grasp"])
        here = np.isin(grasps["id"], ds.scene_trials["grasp"])
        np.testing.assert_array_equal(here, grasps["outcome_in_scene"] != Outcome.NOT_TRIED)
        np.testing.assert_array_equal(grasps["outcome_in_scene"][here], trials["outcome"][mine])
        assert (np.diff(trials["grasp"].astype(np.int64)) >= 0).all()


def test_trials_in_the_scene_change_nothing_else(tried, tiny, tmp_path):
    generate(
        load_recipe("tabletop", [*tiny, "grasps.in_scene.per_object=0", "scene.objects.count=2"]),
        tmp_path / "without",
        scenes=2,
        seed=7,
        quiet=True,
    )
    with graspgen.open(tried) as one, graspgen.open(tmp_path / "without") as other:
        for column in other.grasps.columns:
            if column != "outcome_in_scene":
                np.testing.assert_array_equal(one.grasps[column], other.grasps[column], err_msg=column)
        free = one.trials["kind"] == TrialKind.FREE
        for column in other.trials.columns:
            np.testing.assert_array_equal(one.trials[column][free], other.trials[column], err_msg=column)
        assert len(other.scene_trials) == len(other.displacements) == 0


@pytest.mark.slow
def test_two_workers_try_the_same_grasps_with_the_same_results(tried, tiny, tmp_path):
    recipe = load_recipe("tabletop", [*tiny, *IN_SCENE])
    generate(recipe, tmp_path / "two", scenes=2, seed=7, workers=2, quiet=True)
    assert load_manifest(tmp_path / "two").hashes == load_manifest(tried).hashes


masks = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40).map(lambda m: np.array(m, bool).reshape(-1, 2).T)


@given(masks, st.integers(0, 50), st.integers(0, 99), st.sampled_from(["uniform", "promising_first"]))
def test_asking_for_more_keeps_what_was_chosen_before(mask, number, seed, choose):
    held, clear = mask
    fewer, more = (choose_grasps(held, clear, n, choose, np.random.default_rng(seed)) for n in (number, number + 1))
    assert len(fewer) == min(number, len(held)) and set(fewer) <= set(more)
    assert (np.diff(more) > 0).all()


@given(masks, st.integers(0, 50), st.integers(0, 99))
def test_promising_grasps_are_tried_before_any_other(mask, number, seed):
    held, clear = mask
    chosen = choose_grasps(held, clear, number, "promising_first", np.random.default_rng(seed))
    left = np.setdiff1d(np.arange(len(held)), chosen)
    rank = np.where(held, np.where(clear, 0, 1), 2)
    assert not len(chosen) or not len(left) or rank[chosen].max() <= rank[left].min()


def test_a_uniform_choice_does_not_look_at_outcomes():
    held = np.arange(20) < 10
    choices = [
        choose_grasps(h, c, 7, "uniform", np.random.default_rng(1)).tolist()
        for h in (held, ~held)
        for c in (held, ~held)
    ]
    assert all(c == choices[0] for c in choices)


@pytest.mark.parametrize(
    ("spec", "n", "expected"),
    [
        ({}, 32, 0),
        ({"per_object": 8}, 32, 8),
        ({"per_object": 8}, 5, 5),
        ({"share": 1.0}, 32, 32),
        ({"share": 0.1}, 32, 4),
        ({"share": 0.25, "per_object": 2}, 32, 8),
    ],
)
def test_the_number_of_grasps_is_the_larger_of_number_and_share(spec, n, expected):
    assert wanted(InScene(**spec), n) == expected
