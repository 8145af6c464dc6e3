from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_parts import Shelf, ball, box, cylinder, mixed_shelf

from graspgen.errors import SceneError
from graspgen.frames import transform_points
from graspgen.recipe import Recipe
from graspgen.scene.arrange import NoRoom, apart, footprint, limits, turned
from graspgen.scene.draw import draw_plan
from graspgen.scene.lost import standing
from graspgen.scene.make import settle_plan, settled_scene

SHELF = mixed_shelf()
UPRIGHT = Shelf(*(box(w, d, h) for w, d, h in ((0.04, 0.06, 0.1), (0.05, 0.05, 0.06), (0.03, 0.07, 0.08))),
                cylinder(0.025, 0.09))  # fmt: skip
FLAT = Shelf(box(0.08, 0.08, 0.02), box(0.07, 0.09, 0.03), cylinder(0.03, 0.03), box(0.06, 0.06, 0.04))


def recipe(**scene):
    return Recipe(task="t", scene=scene)


def clouds(plan, shelf):
    return [transform_points(np.array(o.T_world_object_dropped), shelf.asset(o.asset).mesh.vertices)
            for o in plan.objects]  # fmt: skip


@given(st.floats(0, 2 * np.pi), st.floats(0, 2 * np.pi), st.floats(0, 2 * np.pi), st.floats(0.0, 0.2))
@settings(max_examples=60, deadline=None)
def test_outlines_are_apart_when_circles_in_them_are_and_not_when_one_holds_the_others_centre(a, b, way, distance):
    one, other = (turned(footprint(box(0.06, 0.04, 0.02)), yaw) for yaw in (a, b))
    shift = distance * np.array([np.cos(way), np.sin(way)])
    reach = 2 * np.hypot(0.03, 0.02)
    if distance > reach + 0.002:
        assert apart(one, other + shift, 0.002)
    if distance < 0.04:  # both hold a disc of 2 cm
        assert not apart(one, other + shift, 0.002)


def test_where_an_object_may_be_is_within_spread_and_walls():
    low, high = np.array([-0.05, -0.02]), np.array([0.03, 0.02])
    first, last = limits(low, high, 0.5, (0.1, 0.1))
    assert first == pytest.approx([-0.048, -0.078]) and last == pytest.approx([0.068, 0.078])
    first, last = limits(low, high, 0.01, (0.1, 0.1))
    assert first == pytest.approx([-0.01] * 2) and last == pytest.approx([0.01] * 2)
    assert limits(low, high, 0.5, (0.03, 0.1)) is None


@pytest.mark.parametrize("arena", ["bin", "tray"])
def test_what_is_dropped_into_walls_starts_between_them(arena):
    for index in range(6):
        plan = draw_plan(recipe(arena=arena, objects={"count": 6, "spread": 1.0}), SHELF, 9, index)
        for cloud in clouds(plan, SHELF):
            assert (np.abs(cloud[:, :2]) < plan.arena.area).all() and cloud[:, 2].min() > 0


def test_packed_objects_stand_upright_side_by_side_and_those_without_room_are_left_out():
    few = 0
    for index in range(10):
        plan = draw_plan(recipe(arrangement="packed", objects={"count": 8, "spread": 0.07}), UPRIGHT, 2, index)
        assert len(plan.objects) + plan.arrangement.left_out == 8
        assert [o.instance_id for o in plan.objects] == list(range(1, len(plan.objects) + 1))
        few += plan.arrangement.left_out > 0
        found = clouds(plan, UPRIGHT)
        for i, (o, cloud) in enumerate(zip(plan.objects, found, strict=True)):
            T = np.array(o.T_world_object_dropped)
            assert T[2, 2] == pytest.approx(1) and cloud[:, 2].min() == pytest.approx(0.002)
            assert (np.abs(T[:2, 3]) <= 0.07).all()
            gaps = [apart(cloud[:, :2][_hull(cloud)], other[:, :2][_hull(other)], 0.0019) for other in found[:i]]
            assert all(gaps)
    assert few > 0


def _hull(cloud):
    from scipy.spatial import ConvexHull

    return ConvexHull(cloud[:, :2]).vertices


def test_what_stands_side_by_side_does_not_topple():
    spec = recipe(arrangement="packed", objects={"count": 5, "spread": 0.1})
    for index in range(3):
        scene = settled_scene(spec, UPRIGHT, 3, index)
        assert np.allclose(scene.T_world_object[:, 2, 2], 1, atol=1e-3)
        moved = scene.T_world_object[:, :2, 3] - [np.array(o.T_world_object_dropped)[:2, 3]
                                                  for o in scene.world.plan.objects]  # fmt: skip
        assert np.abs(moved).max() < 1e-3


def test_a_shelf_has_objects_that_fit_under_the_board_above():
    spec = recipe(arena="shelf", arrangement="packed", shelf={"clearance": 0.09}, objects={"count": 6, "spread": 0.3})
    plan = draw_plan(spec, UPRIGHT, 1, 1)
    assert plan.objects and max(cloud[:, 2].max() for cloud in clouds(plan, UPRIGHT)) < 0.09
    assert plan.arrangement.left_out > 0


def test_a_pile_stays_in_its_box_until_the_box_is_taken_away():
    spec = recipe(arrangement="pile", objects={"count": 6, "spread": 0.05, "drop_height": 0.2}, pile={"wait": 0.5})
    plan = draw_plan(spec, SHELF, 4, 0)
    assert plan.arrangement.one_by_one and len(plan.arrangement.walls) == 4
    assert all(cloud[:, 2].min() == pytest.approx(0.2) for cloud in clouds(plan, SHELF))
    scene = settle_plan(spec, SHELF, plan)
    again = settle_plan(spec, SHELF, plan)
    assert scene.settled and np.array_equal(scene.T_world_object, again.T_world_object)
    names = [scene.world.model.geom(i).name for i in range(scene.world.model.ngeom)]
    assert not [n for n in names if n.startswith("box_")]
    at = scene.T_world_object[:, :2, 3]
    assert np.abs(at).max() < 0.3  # what slides out of the box's place goes not far


def test_an_object_is_let_go_above_those_that_lie_there():
    tower = Shelf(box(0.06, 0.06, 0.2))
    spec = recipe(arrangement="pile", objects={"count": 3, "spread": 0.0, "drop_height": 0.1}, settle={"attempts": 1})
    scene = settle_plan(spec, tower, draw_plan(spec, tower, 1, 0))
    assert scene.refusal in ("", "still moving")  # never an overlap, although 10 cm is inside the first one
    assert scene.max_penetration < 1e-3


def test_a_bin_needs_no_box_for_a_pile():
    plan = draw_plan(recipe(arena="bin", arrangement="pile", objects={"count": 3}), SHELF, 1, 0)
    assert plan.arrangement.walls == () and plan.arrangement.one_by_one


def test_towers_have_the_widest_below_and_stand():
    spec = recipe(arrangement="stack", objects={"count": 6, "spread": 0.15}, stack={"height": 3, "offset": 0.05})
    for index in range(4):
        scene = settled_scene(spec, FLAT, 5, index)
        plan = scene.world.plan
        assert len(plan.arrangement.upon) == 4
        area = {o.instance_id: np.ptp(FLAT.asset(o.asset).mesh.vertices[:, :2], axis=0).prod() for o in plan.objects}
        assert all(area[above] <= area[below] for above, below in plan.arrangement.upon)
        assert standing(scene.world) == (4, 4)


def test_a_stack_that_falls_is_refused():
    spec = recipe(arrangement="stack", objects={"count": 2, "spread": 0.0}, stack={"height": 2, "standing": 1.0})
    shelf = Shelf(ball(0.03))
    scene = settle_plan(spec, shelf, draw_plan(spec, shelf, 1, 0))
    assert scene.refusal == "stack fell" and "0 of 1" in scene.reason


@pytest.mark.parametrize(
    ("scene", "shelf", "kind"),
    [
        ({"arena": "bin", "bin": {"size": [0.1, 0.1]}}, Shelf(box(0.2, 0.2, 0.2)),
         r"no room 3.*200 x 200 x 200 mm.*100 x 100 mm"),
        ({"arrangement": "packed", "packed": {"leave_out": False}, "objects": {"count": 40, "spread": 0.05}},
         UPRIGHT, r"no room 3.*of 40 objects fit side by side"),
        ({"arena": "shelf", "shelf": {"clearance": 0.05}}, UPRIGHT, r"no room 3.*higher than the free 0.05 m"),
        ({"arrangement": "stack", "objects": {"count": 40, "spread": 0.05}}, UPRIGHT, r"no room 3.*finds no place"),
        ({"arena": "shelf", "shelf": {"clearance": 0.05}, "arrangement": "packed"}, UPRIGHT,
         r"no room 3.*does not fit"),
    ],
)  # fmt: skip
def test_more_or_larger_objects_than_fit_are_counted_refusals_and_one_line(scene, shelf, kind):
    spec = recipe(**{"objects": {"count": 3}, **scene, "settle": {"attempts": 3}})
    with pytest.raises(SceneError, match=kind) as error:
        settled_scene(spec, shelf, 1, 0)
    assert "\n" not in str(error.value)


def test_a_bin_that_overflows_loses_what_does_not_stay_and_says_so():
    spec = recipe(arena="bin", bin={"size": [0.1, 0.1], "depth": 0.03}, objects={"count": 12},
                  settle={"attempts": 2, "max_removed": 0.2})  # fmt: skip
    with pytest.raises(SceneError, match=r"removed 2.*objects left the arena"):
        settled_scene(spec, Shelf(box(0.05, 0.05, 0.05)), 1, 0)


def test_a_refused_scene_is_drawn_again_and_remembers_why():
    spec = recipe(objects={"count": 1, "spread": 0.2}, table={"size": [0.2, 0.2, 0.02]})
    scenes = [settled_scene(spec, Shelf(ball(0.02)), 1, i) for i in range(12)]
    assert {len(s.refused) == s.world.plan.attempt for s in scenes} == {True}
    assert {kind for s in scenes for kind, _ in s.refused} == {"removed"}


def test_no_room_is_an_error_of_the_scene():
    assert issubclass(NoRoom, SceneError)
