"""Single trials, recorded: velocities against closed forms and MuJoCo's coordinates, and trials on a belt."""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np
import pytest
from box_scene import BOXES, from_above

from graspgen.frames import inverse
from graspgen.grasps.outcomes import Outcome, Phase
from graspgen.grasps.profile import load_profile
from graspgen.grasps.scene_record import record_trial
from graspgen.grasps.scene_recorder import STATE
from graspgen.grasps.scene_trial import try_scene
from graspgen.grippers.gripper import load_gripper
from graspgen.objects.library import open_catalogue
from graspgen.pipeline.trial_images import trial_world, with_views
from graspgen.recipe_file import load_recipe
from graspgen.scene.make import settled_scene


def _scene(task="tabletop", *overrides):
    recipe = load_recipe(task, [*BOXES, *overrides])
    return settled_scene(recipe, open_catalogue(recipe.objects, 1), 1, 0)


@pytest.fixture(scope="module")
def settled():
    return _scene()


@pytest.fixture(scope="module")
def gripper():
    return load_gripper("panda_hand")


@pytest.fixture(scope="module")
def profile():
    return load_profile("standard")


def _awake(profile):
    return profile.model_copy(update={"scene": profile.scene.model_copy(update={"sleep": False})})


def test_a_box_in_the_air_falls_as_it_should(settled, gripper, profile):
    """After t s it is g t² / 2 lower and has the speed g t, to within a step of the integrator."""
    T = settled.T_world_object.copy()
    T[1, 2, 3] += 0.5
    raised = replace(settled, T_world_object=T)
    t = record_trial(raised, gripper, _awake(profile), 1, from_above(settled, 0), 0.06, period=0.02)
    falling = t.time < 0.25
    time, g = t.time[falling], 9.81
    np.testing.assert_allclose(t.object_velocity[falling, 1, 2], -g * time, atol=1e-9)
    fallen = T[1, 2, 3] - t.T_world_object[falling, 1, 2, 3]
    np.testing.assert_allclose(fallen, g * time**2 / 2, atol=g * 0.25 * 0.002)
    assert (np.abs(t.object_spin[falling, 1]) < 1e-9).all()


def test_velocities_are_those_of_the_coordinates(settled, gripper, profile):
    """A free joint has the velocity of the body's frame in world axes and the spin in its own."""
    t = record_trial(settled, gripper, profile, 1, from_above(settled, 0), 0.06, shake=True, period=0.01)
    for k, thing in enumerate(settled.world.objects):
        at = int(t.model.joint(f"object_{thing.plan.instance_id}").dofadr[0])
        R = t.T_world_object[:, k, :3, :3]
        spin = np.einsum("fij,fj->fi", R, t.qvel[:, at + 3 : at + 6])
        moved = t.qvel[:, at : at + 3] + np.cross(spin, np.einsum("fij,j->fi", R, thing.asset.com))
        np.testing.assert_allclose(t.object_spin[:, k], spin, atol=1e-9)
        np.testing.assert_allclose(t.object_velocity[:, k], moved, atol=1e-9)
    fine = record_trial(settled, gripper, profile, 1, from_above(settled, 0), 0.06, shake=True, period=0.002)
    along = np.diff(fine.T_world_tool[:, :3, 3], axis=0) / 0.002
    np.testing.assert_allclose(along, (fine.tool_velocity[1:] + fine.tool_velocity[:-1]) / 2, atol=0.02)
    turn = fine.T_world_tool[1:, :3, :3] @ np.swapaxes(fine.T_world_tool[:-1, :3, :3], 1, 2)
    spin = np.stack([turn[:, 2, 1] - turn[:, 1, 2], turn[:, 0, 2] - turn[:, 2, 0], turn[:, 1, 0] - turn[:, 0, 1]], 1)
    np.testing.assert_allclose(spin / 0.004, (fine.tool_spin[1:] + fine.tool_spin[:-1]) / 2, atol=0.05)
    assert np.abs(fine.tool_spin).max() > 0.3


def test_a_recorded_trial_is_the_tried_one_with_and_without_cameras(settled, gripper, profile):
    T = np.stack([from_above(settled, 0), from_above(settled, 1)])
    tried = try_scene(settled, gripper, profile, [1, 2], T, [0.06, 0.07])
    for i, views in ((0, False), (1, True)):
        t = record_trial(settled, gripper, profile, i + 1, T[i], [0.06, 0.07][i], views=views)
        for name in ("outcome", "wrench", "drift_holding", "lift_height", "steps", "displacement"):
            np.testing.assert_array_equal(getattr(t.results, name)[0], getattr(tried, name)[i], name)


def test_what_lies_on_the_table_is_borne_by_it_although_it_sleeps(settled, gripper, profile):
    t = record_trial(settled, gripper, profile, 1, from_above(settled, 0), 0.06)
    for frame in (0, 5):
        for thing in settled.world.objects:
            mine = (t.contact_frame == frame) & (t.contact_between == thing.plan.instance_id).any(axis=1)
            assert t.contact_force[mine].sum() == pytest.approx(9.81 * thing.mass, rel=0.03)


def test_trials_on_a_belt_move_with_it(gripper, profile):
    settled = _scene("conveyor", "scene.conveyor.speed=0.2", "scene.objects.spread=0.1")
    belt = np.array(settled.world.plan.arena.belt_velocity)
    np.testing.assert_allclose(np.linalg.norm(belt), 0.2)
    settled = with_views(settled, settled.world.plan.views)
    t = record_trial(settled, gripper, profile, 1, from_above(settled, 0), 0.06, views=True)
    assert t.results.outcome[0] == Outcome.SUCCESS
    np.testing.assert_allclose(t.T_world_object[0], settled.T_world_object, atol=1e-9)
    other = t.T_world_object[:, 1, :3, 3] - t.T_world_object[0, 1, :3, 3]
    np.testing.assert_allclose(other, t.time[:, None] * belt, atol=1e-3)
    np.testing.assert_allclose(t.object_velocity[:, 1], np.tile(belt, (len(t), 1)), atol=5e-3)
    approach = t.phase == Phase.APPROACH
    np.testing.assert_allclose(t.tool_velocity[approach][0], belt, atol=5e-3)
    np.testing.assert_allclose((inverse(t.T_world_tool[0]) @ t.T_world_tool[approach])[:, 0, 3], (
        t.time[approach, None] * belt @ t.T_world_tool[0, :3, :3])[:, 0], atol=2e-3)  # fmt: skip
    # The states, which are rendered, have hand and objects where the poses say.
    world = trial_world(settled, t)
    mujoco.mj_setState(world.model, world.data, t.states[-1], STATE)
    mujoco.mj_kinematics(world.model, world.data)
    np.testing.assert_allclose(world.data.xpos[world.body_ids], t.T_world_object[-1, :, :3, 3], atol=1e-9)
    base = world.model.body("hand/hand").id
    tool = world.data.xpos[base] + world.data.xmat[base].reshape(3, 3) @ gripper.T_base_tcp[:3, 3]
    np.testing.assert_allclose(tool, t.T_world_tool[-1, :3, 3], atol=1e-9)
