"""Knobs of the recommended ranges: each does what it says, is off at some value, and moves no other draw."""

from __future__ import annotations

import math

import numpy as np
import pytest

from graspgen.distributions import parse
from graspgen.grippers.gripper import load_gripper
from graspgen.objects.library import open_catalogue
from graspgen.recipe import Recipe
from graspgen.recipe_file import load_recipe
from graspgen.scene.build import build_world
from graspgen.scene.draw import draw_plan
from graspgen.scene.physics import SOLIMP, SOLREF


def plan_of(recipe: Recipe, index: int = 0):
    catalogue = open_catalogue(recipe.objects, 1)
    return draw_plan(recipe, catalogue, 1, index), catalogue


def recipe_of(**sections) -> Recipe:
    objects = {"families": {"choice": ["box", "mug", "bowl"]}, "pool": 20} | sections.pop("objects", {})
    return Recipe(task="ranges", objects=objects, **sections)


def test_cosine_is_even_over_a_sphere():
    drawn = parse({"cosine": [15, 88]})
    rng = np.random.default_rng(0)
    heights = np.sin(np.radians([drawn.draw(rng) for _ in range(4000)]))
    low, high = math.sin(math.radians(15)), math.sin(math.radians(88))
    share = (np.sort(heights) - low) / (high - low)
    assert np.abs(share - np.linspace(0, 1, 4000)).max() < 1.63 / math.sqrt(4000)  # Kolmogorov, 1 %
    with pytest.raises(ValueError, match="degrees of elevation"):
        parse({"cosine": [0, 120]})


def test_gravity_tilts_by_the_drawn_angle_and_keeps_its_size():
    flat, tilted = (plan_of(recipe_of(scene={"tilt_deg": tilt}))[0] for tilt in (0, 1.5))
    assert flat.gravity_vector == (0, 0, -9.81)
    g = np.array(tilted.gravity_vector)
    assert np.linalg.norm(g) == pytest.approx(9.81) and -g[2] / 9.81 == pytest.approx(math.cos(math.radians(1.5)))
    level = {"gravity_direction": (0.0, 0.0, -1.0)}
    assert tilted.model_copy(update=level) == flat


def test_contacts_of_a_scene_take_the_drawn_factors():
    plan, catalogue = plan_of(recipe_of(scene={"contact_softness": 1.1, "contact_depth": 0.9}))
    world = build_world(plan, {o.asset: catalogue.asset(o.asset) for o in plan.objects}, views=False)
    for ref, imp in (
        (world.model.geom_solref, world.model.geom_solimp),
        (world.model.pair_solref, world.model.pair_solimp),
    ):
        solid = ref[:, 0] != 0.02  # MuJoCo's default: what is only drawn
        assert solid.any() and np.allclose(ref[solid], [1.1 * SOLREF[0], SOLREF[1]])
        assert np.allclose(imp[solid][:, 2], 0.9 * SOLIMP[2])


def test_the_principal_point_moves_by_a_share_of_the_width():
    views = {"width": 32, "height": 24, "cx_offset": 1, "cx_share": 0.125, "cy_share": -0.25, "per_scene": 1}
    K = plan_of(recipe_of(views=views))[0].views[0].K
    assert (K[0][2], K[1][2]) == (16 + 1 + 4, 12 - 8)
    with pytest.raises(ValueError, match=r"cy_share.*outside the 32x24 image"):
        recipe_of(views=views | {"cy_share": 0.4})


@pytest.mark.parametrize("preset", ["dr", "photoreal"])
@pytest.mark.parametrize("size", [(32, 24), (640, 480), (2048, 1536)])
def test_presets_fit_images_of_any_size(preset, size):
    load_recipe("tabletop", [f"render.preset={preset}", f"views.width={size[0]}", f"views.height={size[1]}"])


def test_the_height_of_the_target_has_a_jitter_of_its_own():
    views = {"target_jitter": 0.05, "per_scene": 1}
    same, own = (plan_of(recipe_of(views=v))[0].views[0] for v in (views, views | {"target_jitter_z": -0.02}))
    moved = np.array(own.T_world_camera) - np.array(same.T_world_camera)
    assert np.allclose(moved[:3, 3], [0, 0, -0.07]) and np.allclose(moved[:3, :3], 0)


def test_objects_fit_the_hand_where_the_recipe_wants_it():
    wide, fitting = (
        recipe_of(objects={"scale": 3, "fits_hand": share}, scene={"objects": {"count": 6, "spread": 0.5}})
        for share in (0, 1)
    )
    before, catalogue = plan_of(wide)
    after, _ = plan_of(fitting)
    opening = load_gripper("panda_hand").file.stroke
    shortest = [np.ptp(catalogue.asset(o.asset).mesh.bounds, axis=0).min() for o in after.objects]
    assert max(s * o.scale for s, o in zip(shortest, after.objects, strict=True)) <= 0.9 * opening + 1e-9
    assert max(s * o.scale for s, o in zip(shortest, before.objects, strict=True)) > opening
    assert [(o.asset, o.friction) for o in after.objects] == [(o.asset, o.friction) for o in before.objects]


def test_in_a_mix_things_fly_where_their_preset_lets_them():
    recipe = load_recipe("tabletop", ["render.mix={dr: 0.5, photoreal: 0.5}", "views.per_scene=8"])
    flown = {"dr": 0, "photoreal": 0}
    for index in range(2):
        plan, _ = plan_of(recipe, index)
        assert plan.flying_max_hidden == 0.4
        for view in plan.views:
            flown[view.preset] += len(view.flying)
    assert flown["dr"] > 10 and flown["photoreal"] == 0
    own = load_recipe("tabletop", ["render.mix={dr: 0.5, photoreal: 0.5}", "scene.distractors.flying.count=1"])
    assert {len(view.flying) for view in plan_of(own)[0].views} == {1}


def test_fixtures_have_looks_of_their_own_where_the_recipe_gives_them():
    plain, wild = (load_recipe("bin", [f"render.fixtures={value}"]) for value in ("null", "{texture: checker}"))
    assert "arena_0" not in plan_of(plain)[0].views[0].surfaces
    assert plan_of(wild)[0].views[0].surfaces["arena_0"].texture.kind == "checker"
    assert load_recipe("bin", ["render.preset=dr"]).render.fixtures.texture.kind == "choice"
