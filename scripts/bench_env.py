"""How long steps and resets of the environments take, beside bare MuJoCo on the same model, in the same run.

    python scripts/bench_env.py            # a table in Markdown, about a minute

A step is timed beside `mj_step(nstep)` on a copy of the simulation as it was before that very step, with the controls
that the step ended with, both in CPU time of this thread. Times are medians, and the ratio is that of the sums.
"""

from __future__ import annotations

import argparse
import statistics
import time

import gymnasium
import mujoco
import numpy as np
from mujoco.batch import Batch

import graspgen.env
from graspgen.env.follow import trial_actions, trial_start
from graspgen.env.simulation import Simulation
from graspgen.frames import axis_angle

del graspgen.env  # imported for its ids


def timed(function, *args) -> float:
    start = time.perf_counter()
    function(*args)
    return time.perf_counter() - start


def used(function, *args) -> float:
    """Return the CPU time that this thread spends in a call, s: that of others on the same core does not count."""
    start = time.thread_time()
    function(*args)
    return time.thread_time() - start


def steps(env: gymnasium.Env, actions, bare: list[float], own: list[float]) -> None:
    """Time steps of an episode, each beside bare stepping from the same state."""
    core = env.unwrapped.grasping
    sim = core.sim
    scratch = mujoco.MjData(sim.model)
    for action in actions:
        mujoco.mj_copyData(scratch, sim.model, sim.data)
        own.append(used(env.step, action))
        scratch.ctrl[:] = sim.data.ctrl
        bare.append(used(mujoco.mj_step, sim.model, scratch, core.chunk))
        if core.sim is not sim:
            return


def random_steps(name: str, episodes: int, **settings) -> tuple[float, float, float]:
    env = gymnasium.make(name, scenes=episodes, **settings).unwrapped
    rng = np.random.default_rng(0)
    bare: list[float] = []
    own: list[float] = []
    for episode in range(episodes):
        env.reset(seed=episode, options={"scene": episode})
        steps(env, rng.uniform(-1, 1, (50, *env.action_space.shape)).astype(np.float32), bare, own)
    return statistics.median(own), statistics.median(bare), sum(own) / sum(bare)


def picking_steps(name: str, episodes: int, **settings) -> tuple[float, float, float]:
    """Time steps of picks: down at each scene's first object, closed, lifted, as an expert would."""
    env = gymnasium.make(name, scenes=episodes, action_mode="delta4", goal="target", **settings).unwrapped
    task = env.grasping
    bare: list[float] = []
    own: list[float] = []
    for episode in range(episodes):
        env.reset(seed=episode, options={"scene": episode, "target": None})
        T = np.eye(4)
        T[:3, :3] = np.diag([1.0, -1.0, -1.0])
        _, axes = np.linalg.eigh(np.diag(task.place.half[task.target] ** 2))
        across = task.moment.R_object[0, task.target] @ axes[:, 0]
        T[:3, :3] = axis_angle([0.0, 0.0, 1.0], np.arctan2(across[1], across[0]) - np.pi / 2) @ T[:3, :3]
        T[:3, 3] = task.moment.centre[0, task.target] + task.offset
        chosen = {"scene": episode, "target": int(task.place.ids[task.target])}
        env.reset(seed=episode, options={**chosen, "T_world_tool": trial_start(task, T)})
        actions = (action for action, _ in zip(trial_actions(task, T), range(45), strict=False))
        steps(env, actions, bare, own)
    return statistics.median(own), statistics.median(bare), sum(own) / sum(bare)


def resets(name: str, scenes: int, again: int, known: bool = False, **settings) -> tuple[list[float], list[float]]:
    """Time resets into scenes that are new, and into scenes that are kept; `known`: of objects that all were made."""
    env = gymnasium.make(name, keep=scenes + 1, **settings).unwrapped
    env.reset(seed=0, options={"scene": 10_000})
    kept = env.grasping.scenes
    for number in range(len(kept.source(kept.recipe).catalogue) if known else 0):
        kept.source(kept.recipe).catalogue.asset(number)
    new = [timed(lambda k=k: env.reset(options={"scene": k})) for k in range(scenes)]
    kept = [timed(lambda k=k: env.reset(options={"scene": k % scenes})) for k in range(again)]
    env.close()
    return new, kept


def resets_ahead(name: str, count: int, **settings) -> tuple[list[float], float]:
    """Time resets into new scenes that a helper has made meanwhile, and how long one takes to make, s."""
    env = gymnasium.make(name, keep=2, ahead=1, **settings).unwrapped
    env.reset(seed=0)
    found, made = [], []
    for _ in range(count + 1):
        start = time.perf_counter()
        while not all(helper.is_done for helper in env.grasping.scenes.ahead.helpers):
            time.sleep(0.002)
        made.append(time.perf_counter() - start)
        found.append(timed(env.reset))
    env.close()
    return found[1:], statistics.median(made[1:])


def image_steps(name: str, count: int, **settings) -> list[float]:
    env = gymnasium.make(name, obs_mode="rgbd", image_size=(84, 84), scenes=1, **settings).unwrapped
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (count + 5, *env.action_space.shape)).astype(np.float32)
    found = [timed(env.step, action) for action in actions][5:]
    env.close()
    return found


def thread_steps(name: str, count: int, n: int, **settings) -> tuple[float, float, float, float, float]:
    """Time steps of n environments on one thread and on two, in turns, and bare batches of one of the scenes likewise.

    Hands go down upon things, so that much is in contact. The same actions give both the same episodes.

    Returns:
        ms of a step of one environment on one thread; how many times faster two threads are; the same of bare batches
        on the same machine at the same time; share of a step on one thread, by CPU time, that is not MuJoCo's, and
        Amdahl's bound for two threads that follows from it.
    """
    envs = [gymnasium.make_vec(name, num_envs=n, threads=k, scenes=8, **settings) for k in (1, 2)]
    for env in envs:
        env.reset(seed=0)
    tasks = envs[0].unwrapped.grasping
    bare = [Batch(tasks.places[0].sim.model, n, k, persistent=True) for k in (1, 2)]
    for batch in bare:
        batch.reset()
    rng = np.random.default_rng(0)
    own: list[list[float]] = [[], []]
    free: list[list[float]] = [[], []]
    spent, physics = [], []
    plain = Simulation.rollout

    def rollout(sim: Simulation, *args) -> None:
        start = time.thread_time()
        plain(sim, *args)
        physics[-1] += time.thread_time() - start

    for _ in range(count):
        actions = rng.uniform(-1, 1, envs[0].action_space.shape)
        actions[:, 2] -= 0.5
        actions = actions.clip(-1, 1).astype(np.float32)
        physics.append(0.0)
        Simulation.rollout = rollout
        spent.append(time.thread_time())
        own[0].append(timed(envs[0].step, actions))
        spent[-1] = time.thread_time() - spent[-1]
        Simulation.rollout = plain
        own[1].append(timed(envs[1].step, actions))
        for k in range(2):
            free[k].append(timed(bare[k].step, None, tasks.chunk))
    for env in envs:
        env.close()
    once, twice = sum(own[0][5:]), sum(own[1][5:])
    rest = 1 - sum(physics[5:]) / sum(spent[5:])
    bound = 1 / (rest + (1 - rest) / 2)
    return once / len(own[0][5:]) / n, once / twice, sum(free[0]) / sum(free[1]), rest, bound


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--episodes", type=int, default=6)
    parser.add_argument("--envs", type=int, default=64, help="of a vector")
    parser.add_argument("--steps", type=int, default=30, help="of a vector")
    args = parser.parse_args()
    print("| what | measured | aim |\n|---|---|---|")
    pick, n = "graspgen/Pick-v0", args.episodes
    for told, of, name, settings in (
        ("tabletop, random actions", random_steps, pick, {}),
        ("tabletop, a pick in each scene", picking_steps, pick, {}),
        ("bin, random actions", random_steps, "graspgen/ClearBin-v0", {}),
        ("belt, random actions", random_steps, "graspgen/ConveyorPick-v0", {}),
        ("single object, random actions", random_steps, pick, {"recipe": "single"}),
        ("single object, a pick in each scene", picking_steps, pick, {"recipe": "single"}),
    ):
        own, bare, ratio = of(name, n, **settings)
        print(
            f"| step over bare stepping: {told} | {ratio:.2f}× ({own * 1e3:.2f} ms of {bare * 1e3:.2f} ms) | ≤ 1.35× |",
            flush=True,
        )
    for told, settings in (("single object", {"recipe": "single"}), ("tabletop", {})):
        new, kept = resets(pick, 12, 60, **settings)
        print(f"| reset into a kept scene, {told} | {statistics.median(kept) * 1e3:.2f} ms | ≤ 5 ms |")
        found = f"{statistics.median(new) * 1e3:.0f} ms, longest {max(new) * 1e3:.0f}"
        print(f"| reset into a new scene, {told} | {found} | ≤ 60 ms |", flush=True)
        new, _ = resets(pick, 12, 0, known=True, **settings)
        found = f"{statistics.median(new) * 1e3:.0f} ms, longest {max(new) * 1e3:.0f}"
        print(f"| the same, all objects made before, {told} | {found} | ≤ 60 ms |", flush=True)
        ready, made = resets_ahead(pick, 8, **settings)
        found = f"{statistics.median(ready) * 1e3:.0f} ms, longest {max(ready) * 1e3:.0f}"
        print(f"| the same, made by a helper (in {made * 1e3:.0f} ms), {told} | {found} | ≤ 60 ms |", flush=True)
    for told, settings in (("single object", {"recipe": "single"}), ("tabletop", {})):
        seen = image_steps(pick, 60, **settings)
        print(f"| step with 84×84 RGB-D, {told} | {statistics.median(seen) * 1e3:.1f} ms | ≤ 5 ms |", flush=True)
    for told, name, settings in (
        ("single object", pick, {"recipe": "single"}),
        ("tabletop", pick, {}),
        ("bin", "graspgen/ClearBin-v0", {}),
    ):
        each, ratio, most, rest, bound = thread_steps(name, args.steps, args.envs, **settings)
        share = f"{each * 1e3:.2f} ms a step of each on one, {rest:.0%} of it not MuJoCo's, which allows {bound:.2f}×"
        print(
            f"| {args.envs} environments, 1 → 2 threads, {told} | {ratio:.2f}× (bare batch {most:.2f}×; {share}) "
            "| ≥ 1.8× |",
            flush=True,
        )


if __name__ == "__main__":
    main()
