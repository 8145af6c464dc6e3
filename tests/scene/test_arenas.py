from __future__ import annotations

import mujoco
import numpy as np
import pytest
from scene_parts import ball, box, mixed_shelf, plan_of

from graspgen.errors import RecipeError
from graspgen.frames import pose
from graspgen.recipe import Recipe, Settle
from graspgen.recipe_file import load_recipe
from graspgen.scene import arena_fit as fit
from graspgen.scene.arena_file import shipped_arena
from graspgen.scene.build import build_world
from graspgen.scene.draw import draw_plan
from graspgen.scene.lost import lost, unheld, went_through
from graspgen.scene.plan import ScenePlan
from graspgen.scene.settle import settle

SHELF = mixed_shelf()
ARENAS = ("table", "bin", "tray", "shelf", "conveyor")


def drawn(arena, seed=1, **scene):
    return draw_plan(Recipe(task="t", scene={"arena": arena, **scene}), SHELF, seed, 0).arena


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("table", fit.table_places((0.9, 0.7, 0.04))),
        ("bin", fit.bin_places((0.4, 0.3), 0.12, 0.005)),
        ("tray", fit.tray_places((0.5, 0.4), 0.06, 0.01, None)),
        ("shelf", fit.shelf_places((0.3, 0.8), 0.35, 0.02)),
        ("conveyor", fit.conveyor_places((1.6, 0.5), 0.04)),
    ],
)
def test_with_its_own_sizes_an_arena_is_where_its_mjcf_has_it(name, places):
    written = {g.name: g for g in shipped_arena(name).geoms}
    for geom in fit.fitted(name, places):
        own = written[geom.name]
        assert np.allclose(geom.size, own.size) and np.allclose(geom.T_world_geom, own.T_world_geom), geom.name
    assert set(places) <= set(written)


@pytest.mark.parametrize("name", ARENAS)
def test_an_arena_is_drawn_again_the_same_and_survives_json(name):
    recipe = Recipe(task="t", scene={"arena": name, "objects": {"count": 1}})
    plan = draw_plan(recipe, SHELF, 4, 2)
    assert draw_plan(recipe, SHELF, 4, 2) == plan
    assert ScenePlan.model_validate_json(plan.model_dump_json()) == plan


@pytest.mark.parametrize("name", ARENAS)
def test_what_supports_is_what_collides_at_the_same_place(name):
    plan = draw_plan(Recipe(task="t", scene={"arena": name, "objects": {"count": 1}}), SHELF, 3, 1)
    world = build_world(plan, {o.asset: SHELF.asset(o.asset) for o in plan.objects}, views=False)
    colliding = np.flatnonzero((world.model.geom_contype > 0) & (world.geom_instance == 0))
    assert sorted(world.support_geoms.tolist()) == colliding.tolist()
    for part, geom in zip(world.support, world.support_geoms, strict=True):
        assert np.allclose(part.T_asset_part[:3, 3], world.data.geom_xpos[geom])
        assert np.allclose(part.size, world.model.geom_size[geom])


def test_the_depth_of_a_bin_is_drawn_and_moves_nothing_else():
    deep, shallow = (draw_plan(Recipe(task="t", scene={"arena": "bin", "bin": {"depth": d}}), SHELF, 5, 6)
                     for d in (0.2, 0.1))  # fmt: skip
    assert (deep.arena.parameters["depth"], shallow.arena.rim) == (0.2, 0.1)
    assert deep.objects == shallow.objects and deep.views == shallow.views
    depths = {drawn("bin", seed, bin={"depth": {"choice": [0.08, 0.14, 0.2]}}).rim for seed in range(20)}
    assert depths == {0.08, 0.14, 0.2}


def test_a_drawer_is_pulled_out_as_far_as_the_recipe_says_with_the_origin_in_its_open_part():
    arena = drawn("tray", tray={"size": [0.5, 0.4], "pulled_out": 0.3})
    geoms = {g.name: g for g in arena.geoms}
    front = geoms["wall_front"].T_world_geom[0][3] - geoms["wall_front"].size[0]
    cabinet = geoms["cabinet_top"].T_world_geom[0][3] + geoms["cabinet_top"].size[0]
    assert (front, cabinet) == (pytest.approx(0.15), pytest.approx(-0.15))
    assert "cabinet_top" not in {g.name for g in drawn("tray").geoms}
    assert drawn("tray", tray={"pulled_out": 2.0}).parameters["pulled_out"] == 0.5  # no farther than it is long


@pytest.mark.parametrize("name", ["bin", "tray", "shelf", "conveyor"])
def test_every_geom_of_an_arena_has_the_friction_of_the_rule(name):
    scene = {"arena": name, "objects": {"count": 1}, name: {"friction": 0.9}}
    plan = draw_plan(Recipe(task="t", scene=scene, objects={"friction": 0.4}), SHELF, 3, 1)
    world = build_world(plan, {o.asset: SHELF.asset(o.asset) for o in plan.objects}, views=False)
    paired = {int(g) for g in world.model.pair_geom1}
    assert paired == set(world.support_geoms.tolist())
    assert world.model.pair_friction[:, 0] == pytest.approx(0.6)  # √(0.4 · 0.9)


def test_plans_of_before_there_were_arenas_stand_on_the_same_table():
    plan = plan_of(pose(None, [0, 0, 0.1]))
    old = plan.model_dump(exclude={"arena", "arrangement"}) | {"table_size": (0.9, 0.7, 0.04), "table_friction": 0.6}
    assert ScenePlan.model_validate(old) == plan


def test_an_unknown_arena_is_named_with_the_nearest():
    with pytest.raises(RecipeError, match=r"no arena 'bni'.*did you mean 'bin'"):
        load_recipe("tabletop", ["scene.arena=bni"])


def belt(speed=0.25, friction=0.8):
    geoms = fit.fitted("conveyor", fit.conveyor_places((1.6, 0.5), 0.04))
    plan = drawn("conveyor", conveyor={"speed": speed, "friction": friction})
    assert [g.name for g in plan.geoms] == [g.name for g in geoms]
    return plan


def test_objects_at_rest_on_a_belt_move_with_it_past_where_they_were_dropped():
    shelf = {0: box(0.06, 0.06, 0.04), 1: box(0.05, 0.05, 0.05)}
    plan = plan_of(pose(None, [-0.1, 0, 0.03]), pose(None, [0.1, 0.05, 0.03]), arena=belt(0.25))
    scene = settle(build_world(plan, shelf), Settle(), shelf)
    assert scene.settled and scene.max_speed < 1e-3
    assert scene.velocity == pytest.approx(np.tile([0.25, 0, 0], (2, 1)), abs=1e-3)
    assert np.linalg.norm(scene.angular_velocity, axis=1).max() < 1e-2
    # They ride on: half a second later they are where the belt has taken them.
    before = scene.world.data.qpos.reshape(-1, 7)[:, :3].copy()
    mujoco.mj_step(scene.world.model, scene.world.data, nstep=250)
    travelled = scene.world.data.qpos.reshape(-1, 7)[:, :3] - before
    assert travelled == pytest.approx(np.tile([0.125, 0, 0], (2, 1)), abs=1e-3)
    # In the belt's frame they slid back while friction took them along: v² / (2 μ g), and v times the fall before.
    assert (scene.T_world_object[:, 0, 3] - [-0.1, 0.1]).max() < 0
    assert abs(scene.T_world_object[:, 0, 3] - [-0.1, 0.1]).max() < 0.25 * 0.1 + 0.25**2 / (2 * 0.4 * 9.81)


def test_in_the_frame_of_the_belt_things_at_rest_stay_at_rest():
    shelf = {0: box(0.06, 0.06, 0.04)}
    arena = belt(0.25)
    riding = arena.riding()
    speeds = {g.name: g.surface_velocity[0] for g in riding.geoms if g.collides}
    assert speeds == {"table": 0.0, "rail_left": -0.25, "rail_right": -0.25} and not riding.is_moving
    world = build_world(plan_of(pose(None, [0, 0, 0.02]), arena=riding), shelf)
    mujoco.mj_step(world.model, world.data, nstep=500)
    assert world.data.qpos[:3] == pytest.approx([0, 0, 0.02], abs=1e-4)


def test_a_table_does_not_move():
    plan = plan_of(pose(None, [0, 0, 0.05]))
    assert plan.arena.riding() is plan.arena and not plan.arena.is_moving


def test_what_jumps_over_the_wall_of_a_bin_is_removed():
    shelf = {0: box(0.05, 0.05, 0.05), 1: ball(0.02)}
    plan = plan_of(pose(None, [0, 0, 0.03]), pose(None, [0, 0.1, 0.15]), arena=drawn("bin", bin={"depth": 0.1}))
    world = build_world(plan, shelf)
    world.data.qvel[7] = 2.0
    scene = settle(world, Settle(), shelf)
    assert scene.settled and (scene.removed, scene.tunnelled) == ((2,), ())
    again = settle(build_world(plan, shelf), Settle(max_removed=0.4), shelf)
    assert again.settled and not again.removed


@pytest.mark.parametrize(("height", "through"), [(0.05, True), (0.2, False)])
def test_what_leaves_a_bin_below_its_rim_went_through_the_wall(height, through):
    world = build_world(plan_of(pose(None, [0, 0, 0.03]), arena=drawn("bin", bin={"depth": 0.1})), {0: ball(0.02)})
    before, after = np.array([0, 0.13, height]), np.array([0, 0.19, height])
    assert lost(world, np.array([before, after]), 0.05).tolist() == [False, True]
    assert went_through(world, before, after) is through


def test_too_many_lost_objects_refuse_the_scene_before_the_others_rest():
    shelf = {0: box(0.05, 0.05, 0.05), 1: ball(0.02)}
    plan = plan_of(pose(None, [0, 0, 0.03]), pose(None, [2, 0, 0.0]))
    scene = settle(build_world(plan, shelf), Settle(max_removed=0.4), shelf)
    assert scene.refusal == "removed" and "1 of 2 objects left the arena" in scene.reason and scene.settle_time < 0.2


def test_what_hangs_on_no_chain_of_contacts_is_not_held():
    shelf = {0: box(0.05, 0.05, 0.05), 1: box(0.05, 0.05, 0.05)}
    low, high = pose(None, [0, 0, 0.02499]), pose(None, [0, 0, 0.07495])
    assert unheld(build_world(plan_of(low, high), shelf)) == []
    assert unheld(build_world(plan_of(low, pose(None, [0, 0, 0.08])), shelf)) == [1]
    # Two that touch each other in the air are held by nothing.
    up = pose(None, [0, 0, 0.3])
    assert unheld(build_world(plan_of(up, pose(None, [0, 0, 0.34995])), shelf)) == [0, 1]


def test_what_falls_through_a_table_has_tunnelled_and_what_falls_off_has_not():
    shelf = {0: box(0.05, 0.05, 0.05), 1: ball(0.02)}
    for place, through in (([0.2, 0.0, -0.02], (2,)), ([0.6, 0.0, 0.05], ())):
        plan = plan_of(pose(None, [0, 0, 0.03]), pose(None, [0, 0, 0.3]))
        world = build_world(plan, shelf)
        world.data.qpos[7:10] = place
        if through:  # as if a step had been too long for the table to be seen
            world.data.qpos[9] = -0.045
            world.data.qvel[8] = -2.0
        scene = settle(world, Settle(max_penetration=0.1), shelf)
        assert scene.removed == (2,) and scene.tunnelled == through


def test_a_thrown_object_refuses_the_scene_at_once():
    shelf = {0: box(0.05, 0.05, 0.05)}
    world = build_world(plan_of(pose(None, [0, 0, 0.03])), shelf)
    world.data.qvel[2] = 40.0
    scene = settle(world, Settle(), shelf)
    assert scene.refusal == "unstable" and "throws" in scene.reason and scene.settle_time < 0.1


def test_objects_that_overlap_before_they_are_let_go_are_refused():
    shelf = {0: box(0.05, 0.05, 0.05)}
    scene = settle(build_world(plan_of(pose(None, [0, 0, 0.0])), shelf), Settle(), shelf)
    assert scene.refusal == "overlap" and "before they are let go" in scene.reason and scene.settle_time == 0
