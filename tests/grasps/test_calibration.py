"""The physics of a trial against closed forms: creep, torsion, energy, and how a shape is encoded."""

import mujoco
import numpy as np
import pytest
import trimesh
from solids import FROM_ABOVE, GRAVITY, asset_of, ball, box

from graspgen.grasps.candidates import propose
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.trial import trial_model, try_asset
from graspgen.objects.asset import Part


def changed(profile, **protocol):
    return profile.model_copy(update={"protocol": profile.protocol.model_copy(update=protocol)})


def attempt(asset, gripper, profile, mass, friction, force, inertia=None, width=0.05, T=FROM_ABOVE):
    T = np.reshape(T, (-1, 4, 4))
    return try_asset(
        asset,
        gripper,
        profile,
        T,
        np.full(len(T), width),
        mass=mass,
        inertia=asset.unit_inertia * mass / asset.volume if inertia is None else inertia,
        friction=friction,
        force=force,
        graded=False,
    )


@pytest.mark.parametrize("mass", [0.1, 0.5, 2.0])
def test_a_box_under_nine_tenths_of_its_slip_load_creeps_less_than_50_micrometres_a_second(gripper, profile, mass):
    still = changed(profile, directions=((0.0, 0.0, 1.0),), turns=(), duration=1.0, ladder=(1.0,))
    force = mass * GRAVITY / (0.9 * 2 * 0.6)
    r = attempt(box(0.04, 0.04, 0.04), gripper, still, mass, [0.6, 0.005, 0.0001], force)
    assert r.outcome[0] == Outcome.SUCCESS
    assert r.drift_holding[0] < 50e-6


@pytest.mark.parametrize("torsional", [0.002, 0.005, 0.01])
@pytest.mark.parametrize("force", [5.0, 20.0])
def test_a_ball_twists_where_the_torque_passes_twice_the_torsional_coefficient_times_the_force(
    gripper, profile, force, torsional
):
    """Two point contacts resist a twist about the closing line by 2·μ_t·F. The torque is I·α of the turn about it."""
    twist = changed(profile, directions=(), turns=((0.0, 1.0, 0.0),), duration=0.5, ladder=(1.0,))
    alpha = twist.protocol.acceleration / twist.protocol.turn_arm
    limit = 2 * torsional * force / alpha
    ball_20 = ball(0.02)
    held, lost = (
        attempt(ball_20, gripper, twist, 0.5, [0.8, torsional, 0.0001], force, inertia=np.eye(3) * limit * f)
        for f in (0.95, 1.05)
    )
    assert held.outcome[0] == Outcome.SUCCESS
    assert lost.outcome[0] == Outcome.ROTATED


def test_a_ball_thrown_against_a_pad_leaves_with_no_more_energy_than_it_came_with(gripper, profile):
    model = trial_model(ball(0.015), gripper, profile, 0.05, np.eye(3) * 5e-6, [0.6, 0.005, 0.0001])
    for speed in (0.2, 1.0, 3.0):
        data = mujoco.MjData(model)
        data.joint("left_joint").qpos = data.joint("right_joint").qpos = 0.04
        data.act[:] = 0.08
        thing = data.joint("object")
        thing.qpos[:3] = [0, 0, 0.1034]
        thing.qvel[:3] = [0, speed, 0]
        before, hit = 0.5 * 0.05 * speed**2, False
        for _ in range(int(0.06 / speed / model.opt.timestep) + 100):
            mujoco.mj_step(model, data)
            hit |= data.ncon > 0
            v, w = thing.qvel[:3], thing.qvel[3:]
            energy = 0.5 * 0.05 * v @ v + 0.5 * 5e-6 * w @ w
            assert energy <= before * (1 + 1e-6)
        assert hit


def test_one_cylinder_gets_the_same_labels_as_a_primitive_and_as_a_hull(gripper, profile):
    """Encodings must not bias labels; the benchmark adds CoACD's parts."""
    mesh = trimesh.creation.cylinder(0.025, 0.08, sections=64)
    primitive = asset_of(mesh, Part("cylinder", [0.025, 0.04]))
    hull = asset_of(mesh, Part("hull", vertices=mesh.vertices))
    found = propose(
        primitive,
        gripper,
        24,
        np.random.default_rng(0),
        cone=np.radians(30),
        clearance=0.005,
        clear_share=1.0,
        approach=0.05,
        step=0.002,
    )
    a, b = (
        attempt(x, gripper, profile, 0.4, [0.25, 0.005, 0.0001], 10.0, width=0.06, T=found.T_object_grasp)
        for x in (primitive, hull)
    )
    assert 3 < a.success.sum() < 22
    assert (a.success == b.success).mean() >= 0.95
