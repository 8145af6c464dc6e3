from __future__ import annotations

import json

import numpy as np
import pytest
from scene_parts import mixed_shelf

from graspgen.errors import RecipeError, SceneError
from graspgen.frames import inverse, look_at, transform_points
from graspgen.lens import project
from graspgen.objects.library import run_catalogue
from graspgen.recipe import Recipe
from graspgen.recipe_file import load_recipe
from graspgen.render.views import render_scene
from graspgen.scene.build import build_world
from graspgen.scene.draw import draw_plan
from graspgen.scene.make import settled_scene
from graspgen.scene.plan import ViewPlan

SHELF = mixed_shelf()
SHELL = {"kind": "shell", "name": "a"}


def views_of(*cameras: dict, seed: int = 1, **views: object) -> tuple[ViewPlan, ...]:
    return draw_plan(recipe_of(*cameras, **views), SHELF, seed, 0).views


def recipe_of(*cameras: dict, **views: object) -> Recipe:
    return Recipe(task="test", views={"width": 64, "height": 48, "cameras": list(cameras), **views})


def T(view: ViewPlan) -> np.ndarray:
    return np.array(view.T_world_camera)


def test_a_group_of_one_shell_is_the_shell_of_the_views_themselves():
    plain = draw_plan(Recipe(task="t", views={"width": 64, "height": 48}), SHELF, 1, 0).views
    named = views_of({**SHELL, "count": 4})
    assert [v.camera for v in plain] == ["shell_0", "shell_1", "shell_2", "shell_3"]
    assert [v.camera for v in named] == ["a_0", "a_1", "a_2", "a_3"]
    for a, b in zip(plain, named, strict=True):
        assert a.model_copy(update={"camera": ""}) == b.model_copy(update={"camera": ""})


def test_the_right_camera_of_a_pair_is_the_baseline_to_the_right_and_looks_alike():
    left, right = views_of({**SHELL, "baseline": 0.06, "position_error": {"uniform": [-0.01, 0.01]}})
    assert (left.camera, right.camera) == ("a", "a_right")
    shift = inverse(T(left)) @ T(right)
    assert shift == pytest.approx(np.array([[1, 0, 0, 0.06], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]))
    nominal = inverse(left.T_world_camera_nominal) @ np.array(right.T_world_camera_nominal)
    assert nominal == pytest.approx(shift)
    assert (left.lights, left.surfaces, left.K) == (right.lights, right.surfaces, right.K)


def test_disparity_of_a_pair_is_focal_length_times_baseline_over_depth():
    left, right = views_of({**SHELL, "baseline": 0.08})
    points = np.random.default_rng(0).uniform(-0.1, 0.1, (20, 3))
    in_left = transform_points(inverse(T(left)), points)
    u, v = (project(c.K, c.distortion, transform_points(inverse(T(c)), points)) for c in (left, right))
    assert (u - v)[:, 0] == pytest.approx(left.K[0][0] * 0.08 / in_left[:, 2])
    assert (u - v)[:, 1] == pytest.approx(0, abs=1e-9)


def test_a_baseline_or_a_lens_moves_no_other_camera():
    cameras = [{**SHELL, "count": 2}, {"kind": "top_down", "name": "b", "jitter": {"uniform": [-0.1, 0.1]}}]
    plain = {v.camera: v for v in views_of(*cameras)}
    changed = {v.camera: v for v in views_of({**cameras[0], "baseline": 0.05}, cameras[1])}
    lens = {v.camera: v for v in views_of({**cameras[0], "distortion": {"k1": {"uniform": [-0.1, 0.0]}}}, cameras[1])}
    assert all(changed[name] == view for name, view in plain.items())
    assert all(lens[name].T_world_camera == view.T_world_camera for name, view in plain.items())
    assert lens["b"] == plain["b"] and len({lens[f"a_{i}"].distortion for i in (0, 1)}) == 2


def test_a_camera_from_above_sees_the_worlds_axes():
    (view,) = views_of({"kind": "top_down", "name": "top", "height": 0.6})
    assert T(view)[:3, :3] == pytest.approx(np.diag([1, -1, -1]))
    assert T(view)[:3, 3] == pytest.approx([0, 0, 0.6])


def test_the_principal_point_is_where_the_offsets_say():
    (view,) = views_of(SHELL, cx_offset=10, cy_offset=-4)
    assert np.array(view.K)[:2, 2].tolist() == [42, 20]


def test_a_hand_hangs_over_an_object_and_its_camera_is_where_the_recipe_puts_it():
    hand = {
        "kind": "eye_in_hand", "name": "hand", "count": 3, "standoff": 0.2, "jitter": 0, "tilt_deg": 30,
        "translation": [0.05, 0.01, -0.04], "rotation_deg": [0, 90, 0],
    }  # fmt: skip
    scene = settled_scene(recipe_of(hand, in_view="off"), SHELF, 3, 0)
    bounds = [o.asset.mesh.vertices for o in scene.world.objects]
    tops = []
    for points, pose in zip(bounds, scene.T_world_object, strict=True):
        corners = np.array([points.min(axis=0), points.max(axis=0)])
        box = np.array([[corners[i, 0], corners[j, 1], corners[k, 2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
        world = transform_points(pose, box)
        tops.append([*world.mean(axis=0)[:2], world[:, 2].max()])
    mount = np.eye(4)
    mount[:3, :3] = [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]
    mount[:3, 3] = [0.05, 0.01, -0.04]
    for view in scene.world.plan.views:
        grasp = T(view) @ inverse(mount)
        assert grasp[2, 2] == pytest.approx(-np.cos(np.radians(30)))
        aim = grasp[:3, 3] + 0.2 * grasp[:3, 2]
        assert np.linalg.norm(np.array(tops) - aim, axis=1).min() < 1e-9


def test_a_camera_that_shows_nothing_is_drawn_again_and_the_count_is_stored():
    away = {**SHELL, "count": 6, "target_jitter": {"choice": [0.0, 0.9]}}
    scene = settled_scene(recipe_of(away, redraws=100), SHELF, 1, 0)
    views = scene.world.plan.views
    assert max(v.redraws for v in views) > 0 and min(v.redraws for v in views) == 0
    drawn = draw_plan(recipe_of(away), SHELF, 1, 0).views
    for before, after in zip(drawn, views, strict=True):
        assert (before.T_world_camera == after.T_world_camera) == (after.redraws == 0)
        assert before.K == after.K and before.lights == after.lights
        centres = [o.asset.mesh.bounds.mean(axis=0) for o in scene.world.objects]
        world = [transform_points(p, [c])[0] for p, c in zip(scene.T_world_object, centres, strict=True)]
        pixels = project(after.K, after.distortion, transform_points(inverse(T(after)), world))
        assert ((pixels >= 0) & (pixels < [64, 48])).all(axis=1).any()


def test_what_flies_before_a_camera_that_is_drawn_again_stays_in_its_picture_and_over_the_support():
    away = {**SHELL, "count": 6, "elevation_deg": {"uniform": [15, 80]}, "target_jitter": {"choice": [0.0, 0.9]}}
    scene = {"objects": {"count": 2}, "distractors": {"flying": {"count": 6, "depth": {"uniform": [0.3, 1]}}}}
    recipe = recipe_of(away, redraws=100).model_copy(update={"scene": Recipe(task="t", scene=scene).scene})
    views = settled_scene(recipe, SHELF, 1, 0).world.plan.views
    assert sum(v.redraws > 0 for v in views) > 1
    for before, after in zip(draw_plan(recipe, SHELF, 1, 0).views, views, strict=True):
        centres = [[np.array(f.T_world_flying)[:3, 3] for f in v.flying] for v in (before, after)]
        pixels = [
            project(v.K, v.distortion, transform_points(inverse(T(v)), np.array(c)))
            for v, c in zip((before, after), centres, strict=True)
        ]
        np.testing.assert_allclose(pixels[0], pixels[1], atol=1e-6)
        assert min(c[2] for c in centres[1]) > -1e-9


def test_the_model_of_a_placed_scene_is_that_which_its_plan_builds():
    recipe = recipe_of({"kind": "eye_in_hand", "name": "hand", "count": 2}, in_view="any", redraws=50)
    scene = settled_scene(recipe, SHELF, 2, 0)
    again = build_world(scene.world.plan, {o.plan.asset: SHELF.asset(o.plan.asset) for o in scene.world.objects})
    for name in ("cam_pos", "cam_quat", "cam_intrinsic", "cam_sensorsize"):
        assert np.array_equal(getattr(scene.world.model, name), getattr(again.model, name)), name


def test_a_scene_whose_camera_never_shows_anything_is_refused_with_the_mend():
    recipe = recipe_of({**SHELL, "target_jitter": 0.9, "elevation_deg": 90}, redraws=2)
    recipe = recipe.model_copy(update={"scene": recipe.scene.model_copy(
        update={"settle": recipe.scene.settle.model_copy(update={"attempts": 1})})})  # fmt: skip
    with pytest.raises(SceneError, match="camera 'a' shows no object in each of 3 draws; move it"):
        settled_scene(recipe, SHELF, 1, 0)


def test_a_camera_too_near_an_object_is_drawn_again():
    hand = {"kind": "eye_in_hand", "name": "h", "count": 8, "translation": [0, 0, 0], "standoff": {"uniform": [0, 0.2]}}
    scene = settled_scene(recipe_of(hand, min_distance=0.1, in_view="off", redraws=200), SHELF, 1, 0)
    assert max(v.redraws for v in scene.world.plan.views) > 0
    for view in scene.world.plan.views:
        for thing, pose in zip(scene.world.objects, scene.T_world_object, strict=True):
            eye = transform_points(inverse(pose), [T(view)[:3, 3]])[0]
            low, high = thing.asset.mesh.bounds
            assert np.linalg.norm(np.maximum(np.maximum(low - eye, eye - high), 0)) >= 0.1


def test_fixed_cameras_stay_where_they_are_and_keep_their_own_lenses(tmp_path):
    pose = look_at([0.6, 0.1, 0.5], [0, 0, 0], 0.2)
    rig = [
        {"name": "left", "T_world_camera": pose.round(7).tolist(), "K": [[50, 0, 30], [0, 55, 20], [0, 0, 1]],
         "distortion": [-0.1, 0, 0, 0, 0], "width": 64, "height": 48},
        {"eye": [0, 0, 5.0], "target": [3.0, 0, 0]},
    ]  # fmt: skip
    (tmp_path / "rig.json").write_text(json.dumps({"cameras": rig}))
    (tmp_path / "mine.yaml").write_text(
        "task: t\nviews: {width: 64, height: 48, cameras: [{kind: fixed, name: rig, file: rig.json}]}\n"
    )
    recipe = load_recipe(str(tmp_path / "mine.yaml"))
    (tmp_path / "rig.json").unlink()
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe  # it holds the rig itself
    left, other = settled_scene(recipe, SHELF, 0, 0).world.plan.views
    assert (left.camera, other.camera) == ("left", "rig_1")
    assert T(left) == pytest.approx(pose, abs=1e-6)
    assert (left.K[0], left.distortion[0], other.distortion) == ((50.0, 0.0, 30.0), -0.1, (0.0,) * 5)


@pytest.mark.parametrize(
    ("views", "message"),
    [
        ("near: 0.5\n  far: 0.4", "mine.yaml:2: views: near, 0.5 m, is not below far, 0.4 m"),
        ("K: [[500, 0, 700], [0, 500, 240], [0, 0, 1]]", "the principal point (700, 240) is outside the 640x480"),
        ("cx_offset: {uniform: [-400, 0]}", "cx_offset (uniform low -400, high 0) can put the principal point outside"),
        ("cameras: [{kind: shell, name: a}, {kind: shell, name: a}]", "two views are called 'a'"),
        ("cameras: [{kind: shell, name: a, radus: 1}]", "views.cameras.0.radus: unknown key; did you mean 'radius'?"),
        ("cameras: [{kind: shelf, name: a}]", "with a kind, one of: shell, top_down, eye_in_hand, fixed"),
        ("cameras: [{kind: fixed, name: a}]", "fixed cameras need poses, or a file of them"),
        ("cameras: [{kind: fixed, name: a, poses: [{target: [0, 0, 0]}]}]", "needs an eye (and a target), or T_world"),
        ("cameras: [{kind: fixed, name: a, poses: [{eyes: [0, 0, 0]}]}]", "poses.0.eyes: unknown key; did you mean"),
        ("cameras: [{kind: fixed, name: a, poses: [{eye: [1, 0, 0], width: 320}]}]", "'a' has images of 320x480 px"),
        ("cameras: [{kind: fixed, name: a, file: none.yaml}]", "none.yaml cannot be read: No such file"),
        ("cameras: [{kind: fixed, name: a, poses: [{T_world_camera: [[2,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]}]}]",
         "T_world_camera is no rigid pose"),
        ("distortion: {k1: {uniform: [-1.5, 0]}}", "the distortion (k1 -1.5, k2 0, p1 0, p2 0, k3 0) turns back"),
        ("modalities: [normals, normals]", "modalities names one twice"),
        ("modalities: [normal]", "input should be 'normals'"),
    ],
)  # fmt: skip
def test_mistakes_about_cameras_name_the_mend(tmp_path, views, message):
    (tmp_path / "mine.yaml").write_text(f"task: t\nviews:\n  {views}\n")
    with pytest.raises(RecipeError) as caught:
        load_recipe(str(tmp_path / "mine.yaml"))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_ring_seen_through_its_hole_is_in_sight():
    ring = {"kind": "top_down", "name": "a", "count": 2, "height": 0.5, "jitter": 0.0}
    recipe = recipe_of(ring, redraws=0).model_copy(update={"objects": Recipe(
        task="t", objects={"families": "ring"}).objects, "scene": Recipe(
        task="t", scene={"objects": {"count": 1, "spread": 0.0}}).scene})  # fmt: skip
    settled = settled_scene(recipe, run_catalogue(recipe, 4), 4, 0)
    assert all((image.instances > 0).any() for image in render_scene(settled.world))
    assert [view.redraws for view in settled.world.plan.views] == [0, 0]


def test_in_sight_refuses_cameras_from_which_one_object_hides_another():
    low = {"kind": "shell", "name": "a", "count": 6, "elevation_deg": 8, "radius": 0.7, "target_jitter": 0.0}
    scene = {"objects": {"count": 5, "spread": 0.06}}
    hidden = []
    for in_sight in (False, True):
        recipe = recipe_of(low, in_view="all", in_sight=in_sight, redraws=300).model_copy(
            update={"scene": Recipe(task="t", scene=scene).scene}
        )
        settled = settled_scene(recipe, SHELF, 2, 0)
        wanted = {o.plan.instance_id for o in settled.world.objects}
        hidden.append(sum(len(wanted - set(np.unique(i.instances).tolist())) for i in render_scene(settled.world)))
    assert hidden[0] > 0 and hidden[1] == 0
