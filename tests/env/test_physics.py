"""Masses and frictions vary from episode to episode, for each environment by itself, and nothing else does."""

import mujoco
import numpy as np
import pytest
from env.env_parts import labelled, quick_task
from env.test_vector import assert_plays_as, made, singles

from graspgen.env import EnvError
from graspgen.env.physics import Ranges

RANGES = {"mass": (0.4, 2.5), "friction": (0.5, 2.0)}


def begun(seed: int = 0, **settings):
    task = quick_task(**{"physics": RANGES, **settings})
    task.reset(np.random.default_rng(seed), scene=1)
    return task


def support_force(task) -> np.ndarray:
    """(k,) N that hold up each object, when everything is awake and rests."""
    model = task.sim.model.__copy__()
    model.opt.enableflags &= ~int(mujoco.mjtEnableBit.mjENBL_SLEEP)
    data = mujoco.MjData(model)
    data.qpos[:], data.mocap_pos[:], data.mocap_quat[:] = (
        task.sim.data.qpos, task.sim.data.mocap_pos, task.sim.data.mocap_quat,
    )  # fmt: skip
    for _ in range(300):
        mujoco.mj_step(model, data)
    force, total = np.zeros(6), np.zeros(len(task.place.ids))
    for c in range(data.ncon):
        mujoco.mj_contactForce(model, data, c, force)
        for geom, sign in zip(data.contact[c].geom, (-1, 1), strict=True):
            own = np.flatnonzero(task.place.scene.object_bodies == model.geom_bodyid[geom])
            total[own] += sign * (data.contact[c].frame.reshape(3, 3).T @ force[:3])[2]
    return total


def test_objects_weigh_and_slide_as_their_factors_say():
    plain, varied = begun(physics=None), begun()
    mass, slide = np.array([varied.factors[int(k)] for k in varied.place.ids]).T
    assert plain.factors is None and len(set(mass)) == len(mass) > 1
    assert ((mass > 0.4) & (mass < 2.5) & (slide > 0.5) & (slide < 2.0)).all()
    np.testing.assert_allclose(support_force(varied), mass * support_force(plain), rtol=0.01)
    for i, body in enumerate(plain.place.scene.object_bodies):
        before, now = plain.sim.model, varied.sim.model
        dof = int(before.body_dofadr[body])
        # A free body's inverse weight is that of its mass: what `mj_setConst` derives.
        np.testing.assert_allclose(now.dof_invweight0[dof : dof + 6] * mass[i], before.dof_invweight0[dof : dof + 6])
        own = before.geom_bodyid == body
        np.testing.assert_allclose(now.geom_friction[own, 0], before.geom_friction[own, 0] * slide[i])
        pairs = own[before.pair_geom1] | own[before.pair_geom2]
        assert pairs.any()
        np.testing.assert_allclose(
            now.pair_friction[pairs, 0], before.pair_friction[pairs, 0] * np.sqrt(slide[i]), err_msg="geometric mean"
        )
    hand = varied.place.scene.hand_geoms
    assert (varied.sim.model.geom_friction[hand, 0] == varied.place.physics.friction[varied.target, 0]).all()


def test_shapes_poses_and_all_other_draws_stay_those_of_the_scene():
    plain, varied = begun(physics=None), begun()
    for name in ("geom_size", "geom_rbound", "body_ipos", "body_iquat", "qpos0", "actuator_gainprm", "stat"):
        a, b = getattr(plain.sim.model, name), getattr(varied.sim.model, name)
        assert np.array_equal(a, b) if name != "stat" else a.extent == b.extent
    np.testing.assert_array_equal(plain.environment_state(), varied.environment_state())
    np.testing.assert_array_equal(plain.agent_pos(), varied.agent_pos())


def test_factors_of_one_leave_every_bit_of_an_episode():
    plain, same = begun(physics=None), begun(physics={"mass": (1.0, 1.0)})
    rng = np.random.default_rng(1)
    for action in rng.uniform(-1, 1, (20, 5)) - [0, 0, 0.6, 0, 0]:
        plain.step(action), same.step(action)
    np.testing.assert_array_equal(plain.sim.data.qpos, same.sim.data.qpos)


def test_each_reset_draws_anew_and_the_seed_decides():
    task, rng = begun(), np.random.default_rng(3)
    drawn = []
    for _ in range(3):
        task.reset(rng, scene=1)
        drawn.append(task.factors)
    assert drawn[0] != drawn[1] != drawn[2]
    assert begun(3).factors == drawn[0] == begun(3).factors


def test_what_is_saved_has_its_own_masses():
    task, rng = begun(action_mode="delta4"), np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (24, 4)) - [0, 0, 0.6, 0]
    for a in actions[:8]:
        task.step(a)
    saved, factors = task.save(), task.factors

    def on() -> tuple[bytes, ...]:
        for a in actions[8:]:
            task.step(a)
        return task.sim.data.qpos.tobytes(), task.sim.model.body_mass.tobytes(), task.agent_pos().tobytes()

    first = on()
    task.reset(rng, scene=1)
    assert task.factors != factors
    task.restore(saved)
    assert task.factors == factors and on() == first


@pytest.mark.parametrize("settings", [{}, {"name": "graspgen/ClearBin-v0"}, {"reward_mode": "dense"}])
def test_environments_of_a_vector_have_each_their_own_and_equal_single_ones(settings):
    given = {"physics": RANGES, "scenes": 1, "steps": 8, **settings}
    vector = made(threads=2, **given)
    vector.reset(seed=5)
    tasks = vector.unwrapped.grasping
    masses = [float(p.sim.model.body_mass.sum()) for p in tasks.places]
    assert len(set(masses)) == len(masses) and len({p.settled.world.plan.index for p in tasks.places}) == 1
    assert_plays_as(vector, singles(**given), 20)


def test_the_scenes_that_are_made_ahead_are_still_those_that_will_be_drawn():
    ahead, rng, expected, drawn = quick_task(scenes=None, physics=RANGES, ahead=1), np.random.default_rng(3), [], []
    ahead.scenes.expect = lambda _, numbers: expected.append(list(numbers))
    for _ in range(3):
        ahead.reset(rng)
        drawn.append(ahead.info()["scene"])
    assert [numbers[0] for numbers in expected[:2]] == drawn[1:]


def test_what_is_left_after_a_pick_keeps_its_mass():
    task = quick_task(goal="all", action_mode="delta7", physics=RANGES)
    grasps = labelled(task, 1, 4, 0)
    assert len(grasps.width) and len(task.place.ids) == 2
    before, stay = dict(task.factors), int(task.place.ids[1])
    mass = task.place.physics.mass[1]
    task.many.targets[0] = 0
    task.many._take_away(0)
    assert task.place.ids.tolist() == [stay] and task.factors == before
    assert task.place.physics.mass[0] == mass
    body = int(task.place.scene.object_bodies[0])
    assert task.sim.model.body_mass[body] == pytest.approx(mass)


def test_ranges_that_make_no_sense_are_told_in_a_line():
    for given, told in [
        ({"masses": (1, 2)}, "did you mean 'mass'"),
        ({"mass": (2, 1)}, "smallest <= largest"),
        ({"mass": 3}, "two factors"),
        ({}, "ranges of factors"),
        ({"friction": (0, 1)}, "0 < smallest"),
    ]:
        with pytest.raises(EnvError, match=told):
            quick_task(physics=given)
    assert Ranges.of({"mass": [0.5, 2]}) == Ranges((0.5, 2.0))
