"""Environments in a vector do, to the last bit, what each does alone, on any number of threads."""

import functools
import os
import subprocess
import sys
import time
import warnings

import mujoco
import numpy as np
import pytest
from env.env_parts import QUICK, quick_task

pytest.importorskip("gymnasium")

import gymnasium
from gymnasium.vector import AutoresetMode

from graspgen.env import EnvError
from graspgen.env.crew import Crew
from graspgen.env.sums import sum_of_squares
from graspgen.env.teams import sizes

N = 3


def made(mode: str = "NextStep", name: str = "graspgen/Pick-v0", steps: int = 6, **settings):
    given = {"overrides": QUICK, "scenes": 4, **settings}
    return gymnasium.make_vec(name, num_envs=N, max_episode_steps=steps, autoreset_mode=mode, **given)


def singles(mode: str = "NextStep", name: str = "graspgen/Pick-v0", steps: int = 6, **settings):
    """The same environments, one after the other, by Gymnasium's own loop over `gymnasium.make`."""
    given = {"overrides": QUICK, "scenes": 4, "max_episode_steps": steps, **settings}
    return gymnasium.make_vec(
        name, num_envs=N, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}, **given
    )


def equal(a, b) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype == object:
        return all((x is None) == (y is None) and (x is None or equal(x, y)) for x, y in zip(a, b, strict=True))
    return a.dtype == b.dtype and np.array_equal(a, b)


def downward(rng: np.random.Generator, size: int) -> np.ndarray:
    """Random actions that bring hands down upon things, closing and opening."""
    action = rng.uniform(-1, 1, (N, size))
    action[:, 2] -= 0.6
    return action.clip(-1, 1).astype(np.float32)


def assert_plays_as(one, other, steps: int, mode: str = "NextStep") -> tuple[int, int]:
    """Play both alike; return how many episodes have ended, and in how many steps a hand had touched something."""
    assert equal(one.reset(seed=5), other.reset(seed=5))
    rng, ended, touched = np.random.default_rng(1), 0, 0
    for _ in range(steps):
        action = downward(rng, one.single_action_space.shape[0])
        a, b = one.step(action), other.step(action)
        for x, y in zip(a, b, strict=True):
            assert equal(x, y)
        over = a[2] | a[3]
        ended, touched = ended + int(over.sum()), touched + int(a[4]["collision"].sum())
        if mode == "Disabled" and over.any():
            assert equal(*(e.reset(options={"reset_mask": over.copy()}) for e in (one, other)))
    one.close()
    other.close()
    return ended, touched


@pytest.mark.parametrize("mode", [m.value for m in AutoresetMode])
def test_a_vector_equals_single_environments_in_every_autoreset_mode(mode):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vector = made(mode, threads=2)
    assert vector.metadata["autoreset_mode"] is AutoresetMode(mode)
    assert assert_plays_as(vector, singles(mode), 16, mode)[0] >= N


def test_hands_that_reach_the_objects_are_judged_as_alone():
    _, touched = assert_plays_as(made(steps=60, threads=2), singles(steps=60), 45)
    assert touched > 5


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("graspgen/PickTarget-v0", {"recipe": "single", "reward_mode": "dense"}),
        ("graspgen/ConveyorPick-v0", {"max_objects": 8}),
        ("graspgen/ClearBin-v0", {}),
        ("graspgen/Pick-v0", {"rules": "trial"}),
    ],
)
def test_other_tasks_equal_their_single_environments(name, settings):
    steps = 24
    assert_plays_as(
        made(name=name, steps=steps, threads=2, **settings), singles(name=name, steps=steps, **settings), 26
    )


def test_sixty_four_at_once_have_a_scene_and_a_model_each():
    vector = gymnasium.make_vec("graspgen/Pick-v0", num_envs=64, overrides=QUICK, scenes=4)
    seen, info = vector.reset(seed=0)
    places = vector.unwrapped.grasping.places
    assert seen.shape[0] == 64 and set(info["scene"]) == set(range(4)) and len({id(p.sim) for p in places}) == 64
    for _ in range(3):
        seen, _, terminated, truncated, info = vector.step(vector.action_space.sample())
    assert seen in vector.observation_space and not (terminated | truncated).any() and info["_time"].all()
    vector.close()


def test_the_number_of_threads_changes_nothing():
    assert_plays_as(made(threads=1), made(threads=3), 14)


def test_no_sum_over_all_environments_wakes_threads_of_blas():
    # These spin for a tenth of a second after a sum of more than 10 000 numbers, on the cores that simulate.
    for size in (1, 8192, 8193, 20_000):
        numbers = np.random.default_rng(size).normal(size=(size, 1))
        assert sum_of_squares(numbers) == pytest.approx((numbers**2).sum(), rel=1e-12)
    assert not sum_of_squares(np.full(20_000, np.nan)) < np.inf
    big, woken = np.ones((200, 200)), []
    for _ in range(10):  # others of this process may be at work now and then
        start = time.process_time() - time.thread_time()
        for _ in range(100):
            sum_of_squares(big)
        woken.append(time.process_time() - time.thread_time() - start)
        time.sleep(0.05)
    assert min(woken) < 2e-3


def test_what_takes_long_goes_first():
    crew, done = Crew(1), []
    jobs = [crew.give([functools.partial(done.append, (k, i)) for i in range(4)], urgent=k) for k in range(3)]
    for job in jobs:
        crew.finish(job)
    assert done[:3] == [(2, 0), (2, 1), (1, 0)] and done[3:7] == [(0, i) for i in range(4)] and len(done) == 12


def test_teams_are_large_enough_to_pay():
    assert sizes(64, 2) == [16] * 4 and sizes(35, 2) == [18, 17] and sizes(64, 1) == [64] and sizes(3, 8) == [3]


def test_who_is_in_the_same_team_changes_nothing(monkeypatch):
    monkeypatch.setattr("graspgen.env.teams.LEAST", 1)
    settings = {"name": "graspgen/PickTarget-v0", "recipe": "tabletop", "obs_mode": "state_dict"}
    teams, alone = made("SameStep", threads=2, **settings), made("SameStep", threads=1, **settings)
    assert [len(v.unwrapped.grasping.teams) for v in (teams, alone)] == [N, 1]
    assert_plays_as(teams, alone, 14, "SameStep")


def test_every_environment_has_its_own_physics():
    vector = made(threads=1)
    _, info = vector.reset(seed=5)
    tasks = vector.unwrapped.grasping
    assert len({id(p.sim.model) for p in tasks.places}) == N
    masses = {int(k): float(p.sim.model.body_mass.sum()) for p, k in zip(tasks.places, info["scene"], strict=True)}
    assert len(set(masses.values())) == len(masses) > 1
    same = np.flatnonzero(info["scene"] == info["scene"][0])
    assert all(tasks.places[i].settled is tasks.places[0].settled for i in same)  # drawn once
    vector.close()


def test_what_a_warning_stops_is_stepped_as_mujoco_steps_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where MuJoCo writes its log
    task = quick_task()
    task.reset(np.random.default_rng(0), scene=0)
    sim = task.sim
    sim.data.qvel[0] = 1e9
    alone, control = sim.saved(), np.zeros((5, sim.model.nu))
    told = np.empty((5, sim.model.nsensordata))
    for _ in range(2):
        seen = []
        for row in control:
            alone.ctrl[:] = row
            mujoco.mj_step(sim.model, alone)
            seen.append(alone.sensordata.copy())
        sim.rollout(control, told, True)
        assert np.array_equal(told, seen, equal_nan=True)
        assert sim.warned and np.array_equal(sim.data.warning.number, alone.warning.number)
        assert np.array_equal(sim.data.qpos, alone.qpos, equal_nan=True)


def test_a_wrong_action_is_told_and_the_vector_goes_on():
    vector = made(threads=2)
    vector.reset(seed=0)
    with pytest.raises(EnvError, match="finite"):
        vector.step(np.full(vector.action_space.shape, np.nan))
    vector.step(np.zeros(vector.action_space.shape))
    vector.close()
    with pytest.raises(EnvError, match="num_envs"):
        gymnasium.make_vec("graspgen/Pick-v0", num_envs=0)
    with pytest.raises(EnvError, match="did you mean 'recipe'"):
        made(recip="single")


def test_a_vector_says_what_evaluators_of_policies_ask_each_environment_for():
    settings = {"name": "graspgen/PickTarget-v0", "steps": 7}
    vector, alone = made(**settings), singles(**settings)
    for envs in (vector, alone):
        envs.reset(seed=2)
    for name in ("task_description", "task", "_max_episode_steps"):
        assert vector.unwrapped.call(name) == alone.call(name), name
    assert vector.unwrapped.call("_max_episode_steps") == (7,) * N
    with pytest.raises(EnvError, match="did you mean 'task'"):
        vector.unwrapped.call("tasks")


def test_a_crew_does_every_work_once_and_hands_on_what_it_raises():
    crew, done = Crew(3), []
    jobs = [crew.give([lambda i=i: done.append(i) for i in range(k, k + 10)]) for k in range(0, 50, 10)]
    for job in jobs:
        crew.finish(job)
        assert job.is_over
    assert sorted(done) == list(range(50))
    crew.finish(crew.give([]))

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        crew.finish(crew.give([fail, fail]))
    crew.close()


ASYNC = """
import sys
import gymnasium, numpy as np
import graspgen.env

QUICK = {quick!r}

def make(seed=0):
    return gymnasium.make(
        "graspgen.env:graspgen/Pick-v0", obs_mode="rgbd", image_size=(24, 32), cameras=("front", "wrist"),
        overrides=QUICK, scenes=4)

if __name__ == "__main__":
    many = gymnasium.vector.AsyncVectorEnv([make, make], context=sys.argv[1])
    alone = gymnasium.vector.SyncVectorEnv([make, make])
    rng = np.random.default_rng(0)
    actions = [rng.uniform(-1, 1, many.action_space.shape).astype(np.float32) for _ in range(3)]
    for envs in (many, alone):
        seen = [envs.reset(seed=3)[0]] + [envs.step(a)[0] for a in actions]
        envs.found = np.concatenate([np.ravel(s["pixels"][k]).astype(float) for s in seen for k in sorted(s["pixels"])])
        envs.close()
    assert np.ptp(many.found) > 0
    assert np.array_equal(many.found, alone.found)
    print("equal")
"""


@pytest.mark.slow
@pytest.mark.parametrize("context", ["fork", "forkserver", "spawn"])
def test_images_of_environments_in_other_processes_equal_those_in_this_one(context, tmp_path):
    script = tmp_path / "play.py"
    script.write_text(ASYNC.format(quick=QUICK))
    path = os.pathsep.join([os.getcwd(), *sys.path])
    ran = subprocess.run(
        [sys.executable, str(script), context], capture_output=True, text=True, timeout=240,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert ran.stdout.strip().endswith("equal"), ran.stderr[-2000:]
