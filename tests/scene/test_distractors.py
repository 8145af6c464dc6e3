"""Distractors in plans: contextual objects follow the targets, shapes fly before the camera and touch nothing."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from graspgen.dataset.schema import Shape
from graspgen.errors import RecipeError
from graspgen.frames import inverse, transform_points
from graspgen.lens import project
from graspgen.objects.library import run_catalogue
from graspgen.recipe.distractors import SHAPES
from graspgen.recipe_file import load_recipe
from graspgen.scene.draw import draw_plan
from graspgen.scene.flying_shapes import flying_mesh
from graspgen.scene.make import settle_plan

FAMILIES = "objects.families={choice: [box, sphere]}"
OTHERS = "scene.distractors.contextual.objects={families: {choice: [cylinder]}, pool: 7, density: 2000}"


def recipe_of(*overrides: str):
    small = ["views.per_scene=2", "views.width=64", "views.height=48", "scene.objects.count=2", FAMILIES]
    return load_recipe("tabletop", [*small, *overrides])


def plan_of(*overrides: str, seed: int = 3, index: int = 0):
    recipe = recipe_of(*overrides)
    return draw_plan(recipe, run_catalogue(recipe, seed), seed, index)


def test_contextual_distractors_come_after_the_targets_and_move_none_of_them():
    alone = plan_of()
    plan = plan_of("scene.distractors.contextual.count=3")
    assert plan.objects[:2] == alone.objects and plan.views == alone.views
    assert [o.instance_id for o in plan.objects] == [1, 2, 3, 4, 5]
    assert [o.role for o in plan.objects] == ["target"] * 2 + ["distractor"] * 3
    assert all(o.labelled for o in plan.objects)


def test_a_source_of_their_own_leaves_the_targets_as_they_are():
    recipe = recipe_of(OTHERS, "scene.distractors.contextual.count=3", "scene.distractors.contextual.role=clutter",
                       "scene.distractors.contextual.labelled=false")  # fmt: skip
    catalogue = run_catalogue(recipe, 3)
    plan = draw_plan(recipe, catalogue, 3, 0)
    assert plan.objects[:2] == plan_of().objects
    assert [(o.role, o.labelled, o.density) for o in plan.objects[2:]] == [("clutter", False, 2000.0)] * 3
    pool = recipe.objects.pool
    assert all(o.asset < pool for o in plan.objects[:2]) and all(pool <= o.asset < pool + 7 for o in plan.objects[2:])
    other = catalogue.asset(plan.objects[2].asset)
    assert other.class_name == "cylinder" and other.name.startswith("distractor-cylinder-")
    assert {"box", "sphere", "cylinder"} <= set(catalogue.class_names)


def test_the_same_families_do_not_give_the_very_targets():
    recipe = recipe_of(OTHERS.replace("cylinder", "box"), "scene.distractors.contextual.count=1")
    catalogue = run_catalogue(recipe, 3)
    pool = recipe.objects.pool
    targets = {tuple(catalogue.asset(n).extents) for n in range(40)}
    assert all(tuple(catalogue.asset(pool + n).extents) not in targets for n in range(7))


@pytest.mark.parametrize(
    ("shape", "volume"),
    [("box", 1), ("pyramid", 1 / 3), ("prism", 1 / 2), ("octahedron", 1 / 6), ("sphere", np.pi / 6),
     ("cylinder", np.pi / 4), ("cone", np.pi / 12), ("capsule", np.pi / 6)],
)  # fmt: skip
def test_shapes_are_closed_convex_and_fill_their_box(shape, volume):
    vertices, faces = flying_mesh(shape, [0.02, 0.03, 0.05])
    mesh = trimesh.Trimesh(vertices, faces)
    assert mesh.is_watertight and mesh.is_convex
    np.testing.assert_allclose(np.ptp(vertices, axis=0), [0.02, 0.03, 0.05])
    # Round ones are polyhedra inside; a capsule is two half-spheres of radius ½ of the box's height ½, and no more.
    expected = np.pi * (0.25 * 0.5 + 4 / 3 * 0.25 * 0.25) if shape == "capsule" else volume
    assert mesh.volume / (0.02 * 0.03 * 0.05) == pytest.approx(expected, rel=0.05)


def test_recipes_schema_and_meshes_know_the_same_shapes():
    assert tuple(s.name.lower() for s in Shape) == SHAPES
    assert all(len(flying_mesh(s, [1, 1, 1])[0]) for s in SHAPES)
    with pytest.raises(RecipeError, match=r"unknown shape 'bxo'.*box"):
        recipe_of("scene.distractors.flying.shapes=bxo")


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), near=st.floats(0.05, 0.5))
def test_shapes_fly_before_the_camera_over_the_support_in_the_image(seed, near):
    plan = plan_of("scene.distractors.flying.count=4", f"scene.distractors.flying.depth={near}", seed=seed)
    for view in plan.views:
        T = np.array(view.T_world_camera)
        for flying in view.flying:
            centre = np.array(flying.T_world_flying)[:3, 3]
            (pixel,) = project(view.K, view.distortion, transform_points(inverse(T), centre[None]))
            assert (pixel >= 0).all() and (pixel <= [64, 48]).all()
            assert centre[2] > 0 or T[2, 3] < 0
            assert 0.015 * 0.4 <= min(flying.size) and max(flying.size) <= 0.08


def test_flying_distractors_of_a_view_move_no_other_draw():
    plain, plan = plan_of(), plan_of("scene.distractors.flying.count={uniform: [1, 5]}")
    assert plan.objects == plain.objects
    for old, new in zip(plain.views, plan.views, strict=True):
        assert 1 <= len(new.flying) <= 5
        kept = {k: v for k, v in new.surfaces.items() if not k.startswith("flying_")}
        assert new.model_copy(update={"flying": (), "surfaces": kept}) == old
    assert plan.views[0].flying != plan.views[1].flying


def test_the_cameras_of_a_stereo_pair_see_the_same_shapes():
    pair = "views.cameras=[{kind: shell, name: pair, baseline: 0.06}]"
    plan = plan_of("scene.distractors.flying.count=3", pair)
    a, b = plan.views[:2]
    assert a.flying == b.flying and len(a.flying) == 3
    assert [a.surfaces[f"flying_0_{i}"] for i in range(3)] == [b.surfaces[f"flying_1_{i}"] for i in range(3)]


def test_shapes_in_the_air_leave_the_physics_bit_by_bit():
    found = []
    for count in (0, 6):
        recipe = recipe_of(f"scene.distractors.flying.count={count}")
        catalogue = run_catalogue(recipe, 3)
        found.append(settle_plan(recipe, catalogue, draw_plan(recipe, catalogue, 3, 0)))
    bare, full = found
    assert full.world.model.ngeom == bare.world.model.ngeom + 12
    assert (bare.world.data.qpos == full.world.data.qpos).all() and bare.settle_time == full.settle_time
    geoms = [full.world.model.geom(f"flying_{v}_{i}").id for v in range(2) for i in range(6)]
    assert not full.world.model.geom_contype[geoms].any() and not full.world.model.geom_conaffinity[geoms].any()
    assert int(full.world.model.body_weldid[full.world.model.geom_bodyid[geoms[0]]]) == 0
    assert mujoco.mj_getTotalmass(full.world.model) == pytest.approx(mujoco.mj_getTotalmass(bare.world.model))
