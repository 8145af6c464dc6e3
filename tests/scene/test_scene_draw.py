from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_parts import Shelf, ball, box, mixed_shelf
from scipy.optimize import linprog

from graspgen.frames import inverse as invert
from graspgen.frames import is_rotation, project, rotation_angle, transform_points
from graspgen.recipe import Recipe
from graspgen.scene.draw import draw_plan
from graspgen.scene.plan import ScenePlan

SHELF = mixed_shelf()


def recipe(**sections: object) -> Recipe:
    return Recipe(task="test", **sections)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**63), index=st.integers(0, 10**6), attempt=st.integers(0, 9))
def test_a_plan_survives_json_exactly_and_is_drawn_again_the_same(seed, index, attempt):
    plan = draw_plan(recipe(), SHELF, seed, index, attempt)
    assert ScenePlan.model_validate_json(plan.model_dump_json()) == plan
    assert draw_plan(recipe(), SHELF, seed, index, attempt) == plan


def test_seed_scene_and_attempt_each_draw_anew():
    plans = [draw_plan(recipe(), SHELF, *key) for key in ((1, 0, 0), (2, 0, 0), (1, 1, 0), (1, 0, 1))]
    assert len({p.objects[0].model_dump_json() for p in plans}) == 4
    assert len({p.views[0].model_dump_json() for p in plans}) == 4


def test_one_more_object_leaves_the_earlier_ones_and_the_views():
    few, many = (draw_plan(recipe(scene={"objects": {"count": n}}), SHELF, 1, 2) for n in (3, 6))
    assert many.objects[:3] == few.objects
    assert [o.instance_id for o in many.objects] == [1, 2, 3, 4, 5, 6]
    assert many.views == few.views


def test_one_more_view_leaves_the_earlier_ones_and_the_objects():
    few, many = (draw_plan(recipe(views={"per_scene": n}), SHELF, 1, 2) for n in (2, 5))
    assert many.views[:2] == few.views and len(many.views) == 5
    assert many.objects == few.objects


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ({"views": {"radius": 0.7}}, {"views"}),
        ({"views": {"rotation_error_deg": {"uniform": [-1, 1]}}}, {"views"}),
        ({"render": {"objects": {"colour": {"hue": 0.3}}}}, {"surface"}),
        ({"render": {"lights": {"count": 8}}}, {"views"}),
        ({"render": {"objects": {"specular": 0.2}}}, {"surface"}),
        ({"objects": {"density": {"uniform": [300, 900]}}}, {"density"}),
        ({"objects": {"friction": 0.4}}, {"friction"}),
        ({"objects": {"rolling_friction": {"uniform": [0.001, 0.002]}}}, {"friction"}),
        ({"objects": {"com_offset": {"uniform": [-0.1, 0.1]}}}, {"com_offset"}),
        ({"objects": {"inertia_scale": {"uniform": [0.8, 1.2]}}}, {"inertia_scale"}),
        ({"scene": {"table": {"friction": 0.7}}}, {"arena"}),
        ({"scene": {"gravity": {"uniform": [9, 10]}}}, {"gravity"}),
        ({"scene": {"objects": {"drop_height": 0.1}}}, {"T_world_object_dropped"}),
    ],
)  # fmt: skip
def test_a_knob_moves_nothing_but_its_own_value(change, moved):
    a, b = (draw_plan(recipe(**r), SHELF, 5, 6) for r in ({}, change))
    differ = {k for k in ScenePlan.model_fields if getattr(a, k) != getattr(b, k)} - {"objects"}
    for old, new in zip(a.objects, b.objects, strict=True):
        differ |= {k for k in type(old).model_fields if getattr(old, k) != getattr(new, k)}
    assert differ == moved


def test_a_light_knob_leaves_the_camera_and_a_camera_knob_leaves_the_lights():
    base = draw_plan(recipe(), SHELF, 5, 6).views
    lit = draw_plan(recipe(render={"lights": {"distance": 2.0, "count": 3}}), SHELF, 5, 6).views
    moved = draw_plan(recipe(views={"elevation_deg": 50}), SHELF, 5, 6).views
    for old, light, camera in zip(base, lit, moved, strict=True):
        assert old.T_world_camera == light.T_world_camera
        assert (old.surfaces, old.ambient) == (light.surfaces, light.ambient)
        assert (old.lights, old.surfaces) == (camera.lights, camera.surfaces)
        assert old.T_world_camera != camera.T_world_camera


def test_density_and_friction_default_to_the_assets_own():
    plan = draw_plan(recipe(), SHELF, 1, 1)
    assert all(o.density == SHELF.asset(o.asset).density for o in plan.objects)
    assert all(o.friction == (SHELF.asset(o.asset).friction, 0.005, 0.002) for o in plan.objects)
    assert plan.grasp_stream == (1, 0)


def test_dropped_objects_are_apart_and_above_the_table():
    spec = recipe(scene={"objects": {"count": 10, "spread": 0.05, "drop_height": 0.03}})
    for index in range(8):
        plan = draw_plan(spec, SHELF, 9, index)
        clouds = []
        for o in plan.objects:
            T = np.array(o.T_world_object_dropped)
            assert is_rotation(T[:3, :3])
            asset = SHELF.asset(o.asset)
            assert (abs(transform_points(T, asset.com[None])[0, :2]) <= 0.05 + 1e-9).all()
            clouds.append(transform_points(T, asset.mesh.vertices))
        assert min(c[:, 2].min() for c in clouds) == pytest.approx(0.03)
        for i, a in enumerate(clouds):
            for b in clouds[:i]:
                assert _separable(a, b)


def _separable(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether a plane separates two clouds: a linear programme, independent of how drops are placed."""
    A = np.block([[a, np.ones((len(a), 1))], [-b, -np.ones((len(b), 1))]])
    return linprog(np.zeros(4), A_ub=A, b_ub=-np.ones(len(A)) * 1e-3, bounds=(None, None)).success


def test_a_lone_object_is_let_go_at_the_drop_height():
    spec = recipe(scene={"objects": {"count": 1, "drop_height": 0.05}})
    shelf = Shelf(box(0.04, 0.06, 0.1, (0.3, -0.2, 0.1)))
    T = np.array(draw_plan(spec, shelf, 1, 1).objects[0].T_world_object_dropped)
    assert transform_points(T, shelf.asset(0).mesh.vertices)[:, 2].min() == pytest.approx(0.05)


def test_orientations_are_uniform():
    shelf = Shelf(ball(0.02))
    spec = recipe(scene={"objects": {"count": 40}}, views={"per_scene": 1})
    z = [np.array(o.T_world_object_dropped)[:3, 2] for i in range(20) for o in draw_plan(spec, shelf, 3, i).objects]
    # The axis of a uniform rotation is uniform on the sphere: mean 0, covariance 1/3.
    assert abs(np.mean(z, axis=0)).max() < 0.08
    assert abs(np.cov(np.transpose(z)) - np.eye(3) / 3).max() < 0.06


def test_cameras_look_at_their_target_from_the_shell():
    views = {
        "per_scene": 20, "radius": 0.6, "elevation_deg": {"uniform": [20, 80]},
        "target_jitter": 0.0, "roll_deg": 10, "fovy_deg": 60, "width": 320, "height": 240,
    }  # fmt: skip
    for view in draw_plan(recipe(views=views), SHELF, 1, 1).views:
        T, K = np.array(view.T_world_camera), np.array(view.K)
        assert np.linalg.norm(T[:3, 3]) == pytest.approx(0.6)
        assert 20 <= np.degrees(np.arcsin(T[2, 3] / 0.6)) <= 80
        assert project(K, invert(T)[None, :3, 3])[0] == pytest.approx([160, 120])
        # The vertical field of view: a ray 30° above the axis meets the image's upper edge.
        assert project(K, [[0, -np.tan(np.radians(30)), 1.0]])[0] == pytest.approx([160, 0])
        assert view.T_world_camera_nominal == view.T_world_camera


def test_a_given_K_is_used_as_it_is():
    K = ((600.0, 0.0, 300.5), (0.0, 590.0, 250.25), (0.0, 0.0, 1.0))
    assert draw_plan(recipe(views={"K": K}), SHELF, 1, 1).views[3].K == K


def test_the_nominal_pose_differs_by_the_drawn_errors():
    spec = recipe(views={"position_error": 0.01, "rotation_error_deg": 1.0})
    for view in draw_plan(spec, SHELF, 1, 1).views:
        error = invert(view.T_world_camera) @ np.array(view.T_world_camera_nominal)
        assert error[:3, 3] == pytest.approx([0.01] * 3)
        assert rotation_angle(error[:3, :3]) == pytest.approx(np.radians(np.sqrt(3)))


def test_lights_are_on_the_shell_and_colours_are_the_hue_asked_for():
    spec = recipe(
        render={
            "lights": {"count": 4, "distance": 2.0, "elevation_deg": 30, "intensity": 0.8},
            "objects": {"colour": {"hue": 1 / 3, "saturation": 1, "value": 0.5}},
        }
    )
    plan = draw_plan(spec, SHELF, 1, 1)
    for light in plan.views[0].lights:
        assert np.linalg.norm(light.position) == pytest.approx(2.0)
        assert light.position[2] == pytest.approx(1.0)
        assert light.diffuse == pytest.approx(0.2)  # the four share the intensity
    assert plan.objects[0].surface.colour == pytest.approx((0, 0.5, 0))
