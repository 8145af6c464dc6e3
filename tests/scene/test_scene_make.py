from __future__ import annotations

import numpy as np
import pytest
from scene_parts import Shelf, ball, mixed_shelf

from graspgen.errors import SceneError
from graspgen.objects.library import run_catalogue
from graspgen.recipe import Recipe
from graspgen.recipe_file import load_recipe
from graspgen.scene.make import settle_plan, settled_scene
from graspgen.scene.plan import ScenePlan

SPEC = Recipe(task="test", scene={"objects": {"count": 3}})


def test_a_scene_depends_on_seed_and_index_only_and_its_stored_plan_replays_it():
    first = settled_scene(SPEC, mixed_shelf(), 7, 3)
    other = settled_scene(SPEC, mixed_shelf(), 7, 4)
    stored = ScenePlan.model_validate_json(first.world.plan.model_dump_json())
    replayed = settle_plan(SPEC, mixed_shelf(), stored)
    assert np.array_equal(first.T_world_object, replayed.T_world_object)
    assets = dict(enumerate(mixed_shelf().assets))
    assert np.array_equal(first.T_world_object, settle_plan(SPEC, assets, stored).T_world_object)
    assert other.world.plan.objects != first.world.plan.objects


@pytest.mark.parametrize("task, index", [("tabletop", 2), ("bin", 3), ("conveyor", 5)])
def test_a_scene_that_is_not_to_be_seen_is_the_same_to_the_last_bit(task, index):
    # Where what is drawn was left out of the model altogether, half of the bins came to rest elsewhere by some µm.
    recipe = load_recipe(task)
    catalogue = run_catalogue(recipe, 0)
    seen, unseen = (settled_scene(recipe, catalogue, 0, index, views=views) for views in (True, False))
    assert np.array_equal(seen.T_world_object, unseen.T_world_object)
    assert np.array_equal(seen.velocity, unseen.velocity)
    assert seen.settle_time == unseen.settle_time and seen.max_penetration == unseen.max_penetration
    assert len(unseen.world.camera_ids) == 0 and seen.world.plan == unseen.world.plan


def test_a_refused_scene_is_drawn_again():
    # A small ball on a small table: some attempts roll off, and the next one is taken.
    spec = Recipe(
        task="test",
        scene={"objects": {"count": 1, "spread": 0.2}, "table": {"size": [0.2, 0.2, 0.02]}},
    )
    attempts = [settled_scene(spec, Shelf(ball(0.02)), 1, i).world.plan.attempt for i in range(12)]
    assert 0 in attempts and max(attempts) > 0


def test_a_scene_that_never_settles_says_why():
    spec = Recipe(
        task="test",
        scene={"objects": {"count": 1}, "settle": {"time_limit": 0.01, "attempts": 2}},
    )
    with pytest.raises(SceneError, match=r"scene 5 of seed 1 did not settle in 2 attempts.*moving"):
        settled_scene(spec, Shelf(ball(0.02)), 1, 5)
