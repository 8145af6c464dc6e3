"""Weighted means over focused scenes are those without a focus; scores that make no sense are refused."""

from __future__ import annotations

import numpy as np
import pytest

from graspgen.dataset.reader import open as open_dataset
from graspgen.distributions import parse
from graspgen.errors import RecipeError
from graspgen.pipeline.focus import focused_on, uncertainty
from graspgen.pipeline.focus_knobs import bin_shares, knobs_of
from graspgen.pipeline.levers import part_of
from graspgen.pipeline.steering import draw_bins
from graspgen.recipe import Focus
from graspgen.recipe_file import load_recipe

DENSITY = {"views.radius": (0.1, 0.2, 0.7, 3.0), "scene.objects.count": (1.6, 0.4)}


@pytest.fixture(scope="module")
def focused():
    return load_recipe("tabletop").model_copy(update={"focus": Focus(keep=0.3, density=DENSITY)})


def test_the_weighted_mean_of_focused_scenes_is_the_mean_without_a_focus(focused):
    rng, values, weights = np.random.default_rng(0), [], []
    for index in range(4000):
        bins, weight = draw_bins(focused, 5, index, 0)
        b = bins["views.radius"]
        radius = parse(part_of(focused.views.radius, b / 4, (b + 1) / 4)).draw(rng)
        values.append(radius**2)
        weights.append(weight)
    low, high = focused.views.radius.support
    true = (high**3 - low**3) / (3 * (high - low))
    assert np.mean(values) > true + 0.05  # the focus is on large ones
    assert abs(np.average(values, weights=weights) - true) < 0.01
    assert abs(np.mean(weights) - 1) < 0.05
    assert max(weights) <= 1 / 0.3 + 1e-12


def test_a_part_of_a_range_lies_between_its_quantiles():
    part = parse({"uniform": [0, 10], "part": [0.2, 0.4]})
    drawn = [part.draw(np.random.default_rng(seed)) for seed in range(200)]
    assert 2 <= min(drawn) and max(drawn) <= 4
    assert parse(part.written()) == part
    assert parse(part_of(part, 0.5, 1.0)).part == pytest.approx((0.3, 0.4))


def test_a_value_belongs_to_the_bins_of_its_range():
    assert bin_shares(parse({"uniform": [0, 8]}), np.array([0.5, 7.5, 20.0]), 4).tolist() == [
        [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0],
    ]  # fmt: skip
    two = bin_shares(load_recipe("tabletop").scene.objects.count, np.array([1.0, 8.0]), 4)
    assert two.tolist() == [[1, 0, 0, 0], [0, 0, 0, 1]]  # of 1 … 8, two to a bin


def test_scores_that_make_no_sense_are_refused_in_one_line(tiny_dataset, tiny, tmp_path):
    recipe, path = load_recipe("tabletop", tiny), tmp_path / "scores.csv"
    cases = {
        "a,b\n1,2\n": "expected a header with 'score' and one of scene, view, grasp; got a, b",
        "scene,score\n0,1\n99,1\n": "scores.csv:3: .* has no scene 99",
        "scene,score\n0,x\n": "expected a whole scene and a number",
        "scene,score\n0,-1\n": "a score must be a finite number >= 0",
        "scene,score\n0,0\n": "all scores are 0",
        "scene,score\n0,1\n": "depend for sure on no range",
    }
    for text, told in cases.items():
        path.write_text(text)
        with pytest.raises(RecipeError, match=told) as error:
            focused_on(recipe, path, tiny_dataset)
        assert "\n" not in str(error.value)
    with pytest.raises(RecipeError, match="give --source"):
        focused_on(recipe, path)


def test_a_grasp_that_held_in_half_of_its_trials_is_the_most_uncertain(tiny_dataset):
    with open_dataset(tiny_dataset) as dataset:
        scores = uncertainty(dataset)
        assert len(scores.keys) and (scores.values > 0).all() and (scores.values <= 1).all()


def test_only_ranges_that_a_scene_draws_are_focused_on():
    keys = {knob.key for knob in knobs_of(load_recipe("tabletop"))}
    assert {"views.radius", "scene.objects.count", "objects.scale"} <= keys
    assert not {"scene.bin.depth", "scene.gravity", "render.environment.strength"} & keys
