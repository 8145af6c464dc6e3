from __future__ import annotations

import mujoco
import numpy as np
import pytest
from scene_parts import ball, box, cylinder, mixed_shelf, plan_of, wedge

from graspgen.frames import axis_angle, pose
from graspgen.recipe import Recipe, Settle
from graspgen.scene.build import build_world
from graspgen.scene.draw import draw_plan
from graspgen.scene.make import settle_plan
from graspgen.scene.settle import motion, settle

SPEC = Settle()


def settled(assets, *poses, spec=SPEC, **kwargs):
    shelf = dict(enumerate(assets))
    return settle(build_world(plan_of(*poses, **kwargs), shelf), spec, shelf)


@pytest.mark.parametrize("turn", [0.0, 0.2, 0.5])
def test_a_box_rests_on_a_face_with_its_centre_at_half_its_height(turn):
    offset = np.array([0.05, -0.03, 0.02])
    R = axis_angle([1, 0, 0], turn) @ axis_angle([0, 0, 1], 0.7)
    scene = settled([box(0.06, 0.08, 0.05, offset)], pose(R, [0.02, 0.05, 0.08] - R @ offset))
    assert scene.settled and scene.reason == ""
    T = scene.T_world_object[0]
    centre = T[:3, :3] @ offset + T[:3, 3]
    assert centre[2] == pytest.approx(0.025, abs=1e-4)
    assert abs(T[2, 2]) == pytest.approx(1, abs=1e-6)
    assert scene.max_speed < 1e-3 and scene.max_penetration < 1e-4
    assert scene.removed == ()


def test_a_box_at_the_brink_of_toppling_falls_to_the_right_side():
    # A box of 40 x 120 balances on its edge at atan(40/120) = 18.4° from upright.
    for degrees, height in ((15, 0.06), (22, 0.02)):
        R = axis_angle([0, 1, 0], np.radians(degrees))
        scene = settled([box(0.04, 0.06, 0.12)], pose(R, [0, 0, 0.07]))
        assert scene.T_world_object[0, 2, 3] == pytest.approx(height, abs=2e-4)


def test_a_rolling_ball_stops_where_rolling_friction_says():
    # A ball that rolls without slipping slows by g (c / r) / (1 + 2/5), c being rolling friction.
    radius, speed, c = 0.03, 0.2, 0.002
    shelf = {0: ball(radius)}
    world = build_world(plan_of(pose(None, [-0.2, 0, radius]), friction=(0.6, 0.005, c)), shelf)
    world.data.qvel[:] = [speed, 0, 0, 0, speed / radius, 0]
    scene = settle(world, SPEC, shelf)
    assert scene.settled
    slows = 9.81 * c / radius / 1.4
    assert scene.T_world_object[0, 0, 3] + 0.2 == pytest.approx(speed**2 / 2 / slows, rel=0.1)


def test_a_block_on_the_table_slides_as_far_as_friction_lets_it():
    # v² / (2 μ g) with μ the geometric mean of 0.2 and 0.8.
    shelf = {0: box(0.08, 0.08, 0.02)}
    plan = plan_of(pose(None, [-0.2, 0, 0.01]), friction=(0.2, 0.005, 0.0), table_friction=0.8)
    world = build_world(plan, shelf)
    world.data.qvel[0] = 1.0
    scene = settle(world, SPEC, shelf)
    assert scene.T_world_object[0, 0, 3] + 0.2 == pytest.approx(1 / (2 * 0.4 * 9.81), rel=0.05)


def test_what_falls_off_is_removed_and_the_others_stay():
    shelf = [box(0.05, 0.05, 0.05), ball(0.02), wedge(1), box(0.05, 0.05, 0.05)]
    poses = [pose(None, xyz) for xyz in ([0, 0, 0.04], [0.6, 0, 0.1], [0.1, 0.1, 0.1], [0, 0.6, 0.2])]
    scene = settled(shelf, *poses)
    assert scene.settled and scene.removed == (2, 4)
    assert [o.plan.instance_id for o in scene.world.objects] == [1, 3]
    assert scene.T_world_object.shape == (2, 4, 4)
    assert scene.world.model.nbody == 3
    assert scene.T_world_object[0, :3, 3] == pytest.approx([0, 0, 0.025], abs=1e-4)
    assert set(scene.world.geom_instance.tolist()) == {0, 1, 3}


def test_a_scene_that_loses_every_object_is_refused():
    scene = settled([ball(0.02)], pose(None, [2, 0, 0.1]))
    assert not scene.settled and "every object fell" in scene.reason
    assert scene.removed == (1,) and scene.T_world_object.shape == (0, 4, 4)


def test_a_scene_that_moves_too_long_is_refused():
    scene = settled([ball(0.03)], pose(None, [0, 0, 0.3]), spec=Settle(time_limit=0.1))
    assert not scene.settled and scene.reason.startswith("still moving after 0.1 s")
    assert scene.settle_time == pytest.approx(0.1)


def test_objects_that_overlap_at_rest_are_refused():
    # No contact carries weight at less than 0.1 µm.
    scene = settled([box(0.1, 0.1, 0.1)], pose(None, [0, 0, 0.05]), spec=Settle(max_penetration=1e-7))
    assert not scene.settled and "overlap" in scene.reason


def test_a_diverging_simulation_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shelf = {0: ball(0.03)}
    world = build_world(plan_of(pose(None, [0, 0, 0.3])), shelf)
    world.data.qvel[0] = 1e11
    scene = settle(world, SPEC, shelf)
    assert not scene.settled and "unstable" in scene.reason


def test_speed_is_that_of_the_centre_of_mass():
    # Turning about the centre of mass: the frame's origin moves, the centre does not.
    asset = box(0.04, 0.04, 0.04, (0.5, 0, 0))
    world = build_world(plan_of(pose(axis_angle([0, 0, 1], 0.3), [0, 0, 1])), {0: asset})
    R = world.data.xmat[world.body_ids[0]].reshape(3, 3)
    omega = np.array([0, 0, 2.0])
    world.data.qvel[:3] = -np.cross(omega, R @ asset.com)
    world.data.qvel[3:] = R.T @ omega
    now = motion(world)
    assert now.speed[0] == pytest.approx(0, abs=1e-12)
    assert now.angular_speed[0] == pytest.approx(2)


def test_nothing_gains_energy_on_its_way_to_rest():
    shelf = mixed_shelf()
    spec = Recipe(task="test", scene={"objects": {"count": 6}})
    for index in range(3):
        plan = draw_plan(spec, shelf, 11, index)
        assets = {o.asset: shelf.asset(o.asset) for o in plan.objects}
        world = build_world(plan, assets)
        masses = np.array([o.mass for o in world.objects])
        start = motion(world).com[:, 2]
        fastest, energy = 0.0, masses @ start * 9.81
        for _ in range(400):
            mujoco.mj_step(world.model, world.data)
            now = motion(world)
            on_table = now.com[:, 2] > 0
            fastest = max(fastest, now.speed[on_table].max())
            new = masses @ now.com[:, 2] * 9.81 + 0.5 * masses @ now.speed**2
            assert new <= energy * 1.02
        assert fastest <= 1.2 * np.sqrt(2 * 9.81 * start.max())


def test_twenty_scenes_rest_in_contact_without_overlap_and_again_bit_by_bit():
    shelf = mixed_shelf()
    spec = Recipe(task="test", scene={"objects": {"count": {"uniform": [1, 6]}}})
    refused = 0
    for index in range(20):
        plan = draw_plan(spec, shelf, 21, index)
        scene = settle_plan(spec, shelf, plan)
        again = settle_plan(spec, shelf, plan)
        assert np.array_equal(scene.T_world_object, again.T_world_object)
        assert (scene.settle_time, scene.removed) == (again.settle_time, again.removed)
        refused += not scene.settled
        if scene.settled:
            assert scene.max_penetration < 1e-3
            assert scene.max_speed < SPEC.max_speed
            assert scene.max_angular_speed < SPEC.max_angular_speed
            touching = {int(scene.world.geom_instance[g]) for c in scene.world.data.contact for g in (c.geom1, c.geom2)}
            assert {o.plan.instance_id for o in scene.world.objects} <= touching
            final = scene.world.data.xpos[scene.world.body_ids]
            assert np.array_equal(final, scene.T_world_object[:, :3, 3])
    assert refused <= 1


def test_views_do_not_touch_the_physics():
    shelf = mixed_shelf()
    spec = Recipe(task="test", scene={"objects": {"count": 4}})
    plan = draw_plan(spec, shelf, 31, 0)
    assets = {o.asset: shelf.asset(o.asset) for o in plan.objects}
    with_views, without = (settle(build_world(plan, assets, views=views), SPEC, assets) for views in (True, False))
    assert np.array_equal(with_views.T_world_object, without.T_world_object)
    assert len(with_views.world.camera_ids) == 4 and len(without.world.camera_ids) == 0


def test_a_cylinder_on_its_side_comes_to_rest():
    lying = axis_angle([1, 0, 0], np.pi / 2)
    scene = settled([cylinder(0.03, 0.1)], pose(lying, [0, 0, 0.06]))
    assert scene.settled
    assert scene.T_world_object[0, 2, 3] == pytest.approx(0.03, abs=1e-4)
