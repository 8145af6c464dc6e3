"""Grasps of a user's, tried in a stored scene."""

from __future__ import annotations

import numpy as np
import pytest
from box_scene import BOXES, from_above

import graspgen
from graspgen.errors import DatasetError, GraspgenError, GripperError, ObjectError, SceneError
from graspgen.frames import inverse
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import load_profile
from graspgen.grasps.scene_trial import try_scene
from graspgen.grippers.gripper import load_gripper
from graspgen.objects.library import open_catalogue
from graspgen.pipeline.scene_api import nearest_objects
from graspgen.pipeline.stored_scene import stored_scene
from graspgen.recipe_file import load_recipe
from graspgen.scene.make import settled_scene


def test_a_stored_scene_is_the_one_that_settled(boxes):
    recipe = load_recipe("tabletop", BOXES)
    made = settled_scene(recipe, open_catalogue(recipe.objects, 1), 1, 0)
    with graspgen.open(boxes) as dataset:
        again = stored_scene(dataset, 0)
    np.testing.assert_array_equal(again.T_world_object, made.T_world_object)
    np.testing.assert_allclose(again.world.data.qpos, made.world.data.qpos, atol=1e-12)
    assert [o.mass for o in again.world.objects] == [o.mass for o in made.world.objects]


def test_a_box_held_from_above_is_lifted_and_the_other_stays(boxes):
    with graspgen.open(boxes) as dataset:
        settled = stored_scene(dataset, 0)
        T = np.stack([from_above(settled, 0), from_above(settled, 1)])
        results = graspgen.try_in_scene(dataset, 0, T)
    assert results.outcome.tolist() == [Outcome.SUCCESS, Outcome.SUCCESS]
    assert (results.lift_height > 0.1).all()
    assert results.displacement[0, 1] < 1e-3 and results.displacement[1, 0] < 1e-3
    weights = [o.mass * 9.81 for o in settled.world.objects]
    np.testing.assert_allclose(np.linalg.norm(results.wrench[:, :3], axis=1), weights, rtol=0.05)


def test_the_target_is_what_the_tool_point_lies_in(boxes):
    with graspgen.open(boxes) as dataset:
        settled = stored_scene(dataset, 0)
    centres = [
        T[:3, :3] @ o.asset.com + T[:3, 3] for o, T in zip(settled.world.objects, settled.T_world_object, strict=True)
    ]
    ids = [o.plan.instance_id for o in settled.world.objects]
    assert nearest_objects(settled, np.array(centres)).tolist() == ids
    assert nearest_objects(settled, np.add(centres, [0, 0, 0.05])).tolist() == ids


def test_the_path_of_a_dataset_and_other_defaults_give_the_same(boxes):
    with graspgen.open(boxes) as dataset:
        settled = stored_scene(dataset, 0)
        T = from_above(settled, 0)[None]
        own = graspgen.try_in_scene(dataset, 0, T, width=0.05, target=1)
    named = graspgen.try_in_scene(boxes, 0, T, width=[0.05], target=[1], gripper="panda_hand", profile="standard")
    below = try_scene(settled, load_gripper("panda_hand"), load_profile("standard"), [1], T, [0.05])
    for a, b in ((own, named), (own, below)):
        np.testing.assert_array_equal(a.wrench, b.wrench)


def test_a_grasp_beside_the_table_touches_nothing(boxes):
    T = np.diag([1.0, -1, -1, 1])
    T[:3, 3] = [0, 0, 0.3]
    assert graspgen.try_in_scene(boxes, 0, T[None], width=0.08).outcome.tolist() == [Outcome.NO_CONTACT]


def test_no_grasps_give_no_results(boxes):
    assert len(graspgen.try_in_scene(boxes, 0, np.zeros((0, 4, 4))).outcome) == 0


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"scene": 7}, DatasetError, "no scene 7"),
        ({"T_world_grasp": np.eye(4)}, ObjectError, r"T_world_grasp must have shape .* pass T\[None\]"),
        ({"T_world_grasp": 2 * np.eye(4)[None]}, ObjectError, "no rigid pose"),
        ({"width": 0.2}, GripperError, "opens from 0 to 0.08 m"),
        ({"width": [0.02, 0.03]}, GripperError, "one for each grasp"),
        ({"target": 9}, SceneError, "holds no object 9"),
        ({"target": 0.5}, SceneError, "one instance id"),
        ({"gripper": "hook"}, GripperError, "no gripper 'hook'"),
    ],
)
def test_mistakes_are_told_in_a_line(boxes, arguments, error, told):
    given = {"scene": 0, "T_world_grasp": np.eye(4)[None]} | arguments
    with pytest.raises(error, match=told) as caught:
        graspgen.try_in_scene(boxes, **given)
    assert isinstance(caught.value, GraspgenError) and "\n" not in str(caught.value)


def test_grasps_of_a_camera_are_tried_where_it_saw_them(boxes):
    with graspgen.open(boxes) as dataset:
        settled = stored_scene(dataset, 0)
        T_world_camera = dataset.views["T_world_camera"][0]
        T = from_above(settled, 0)
        T_camera_grasp = inverse(T_world_camera) @ T
        assert graspgen.try_in_scene(dataset, 0, (T_world_camera @ T_camera_grasp)[None]).success.all()
